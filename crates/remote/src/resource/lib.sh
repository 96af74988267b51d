# What every resource stands on. Before this come the assignments of its parameters, `p_NAME=VALUE` (a list is lines, a
# mapping is lines NAME=VALUE, a truth is yes or no, what the plan does not say is not set), and `mode`, which is
# `check` or `apply`. A resource compares what is with what should be, says each difference with `change`, and removes it only
# where `change` says so: one script checks and applies, so that a check foretells what an apply does.
# What may be secret (contents, keys, hashes, variables, accounts and addresses) is in no command line: it goes through
# standard input, or the environment. Only the wget of busybox takes an address in no other way. Names, paths and options
# are in command lines.
# Before a script is sent, its indentation and the lines that begin with # are removed, also within quotes.
# It ends with `finish`: status 0 says that nothing differs, 80 that something does or did, 81 that a check cannot tell,
# anything else that it failed.
LC_ALL=C
export LC_ALL
changed=
# Paths: `~` is the home of whoever runs this, and none of them is an option.
case ${p_path-} in '~' | '~/'*) p_path=$HOME${p_path#?} ;; -*) p_path=./$p_path ;; esac
case ${p_to-} in '~' | '~/'*) p_to=$HOME${p_to#?} ;; -*) p_to=./$p_to ;; esac
case ${p_from-} in '~' | '~/'*) p_from=$HOME${p_from#?} ;; -*) p_from=./$p_from ;; esac
case ${p_folder-} in '~' | '~/'*) p_folder=$HOME${p_folder#?} ;; -*) p_folder=./$p_folder ;; esac
# Something differs: succeeds when it is to be changed now.
change() {
  changed=1
  printf '~ %s\n' "$*"
  [ "$mode" = apply ]
}
# What a check cannot tell, because something that an earlier step makes is not there yet.
unknown() {
  printf '? %s\n' "$*"
  exit 81
}
fail() {
  printf '%s\n' "$*" >&2
  exit 1
}
# Something that an earlier step makes is not there: $1 says what, $2 what to do about it, $3 what a tool said of it.
missing() {
  [ "$mode" = check ] && unknown "$1 yet${3:+: $3}"
  fail "$1; $2${3:+: $3}"
}
# What $1 says can only be done by root.
root() { [ "$(id -u)" = 0 ] || fail "$1 needs root; say sudo: true"; }
# Runs a command, and fails when it does.
try() {
  "$@" </dev/null
  r=$?
  [ "$r" = 0 ] || fail "\`$*\` ended with status $r"
}
has() { command -v "$1" >/dev/null 2>&1; }
# Owner, group and mode of a path that is there, and its numbers, in `its_owner its_group its_mode its_uid its_gid`.
# Of a link, they are those of what it points to.
stat=
look() {
  if [ ! "$stat" ]; then
    if stat -L -c %u / >/dev/null 2>&1; then stat=c; else stat=f; fi
  fi
  if [ "$stat" = c ]; then its=$(stat -L -c '%u:%g:%a:%U:%G' -- "$1" 2>/dev/null)
  else its=$(stat -L -f '%u:%g:%Mp%Lp:%Su:%Sg' -- "$1" 2>/dev/null); fi || fail "$1 cannot be looked at"
  IFS=: read -r its_uid its_gid its_mode its_owner its_group <<END
$its
END
  its_mode=$(bare "$its_mode")
}
# A mode without zeros before it.
bare() { printf '%s' "$1" | sed 's/^0*\(.\)/\1/'; }
# Gives path $1 the owner, group and mode that are asked for, which may be none. Nothing is said of what this script has
# `made` itself, since a check could not.
made=
owning() { [ "$made" ] || change "$1"; }
own() {
  if [ ! -e "$1" ]; then
    # It will be made by this step.
    return
  fi
  look "$1"
  if [ "${p_owner+set}" ] && [ "$p_owner" != "$its_owner" ] && [ "$p_owner" != "$its_uid" ]; then
    who owner "$p_owner"
    owning "$1: owner $its_owner → $p_owner" && try chown "$p_owner" "$1"
  fi
  if [ "${p_group+set}" ] && [ "$p_group" != "$its_group" ] && [ "$p_group" != "$its_gid" ]; then
    who group "$p_group"
    owning "$1: group $its_group → $p_group" && try chgrp "$p_group" "$1"
  fi
  if [ "${p_mode+set}" ]; then
    # Of a file that chown has just changed, bits may be gone.
    look "$1"
    if [ "$(bare "$p_mode")" != "$(bare "$its_mode")" ]; then
      owning "$1: mode $its_mode → $p_mode" && try chmod "$p_mode" "$1"
    fi
  fi
}
# Makes sure that user or group $2 is there: a check cannot tell otherwise.
who() {
  case $2 in *[!0-9]*) ;; *) return ;; esac
  if [ "$1" = owner ]; then id -u "$2" >/dev/null 2>&1 && return
  else known "$2" && return; fi
  [ "$mode" = check ] && unknown "there is no $1 $2 yet"
  fail "there is no $1 $2 on this host; make it in a step before this one"
}
# Whether there is a group of this name.
known() {
  if has getent; then getent group "$1" >/dev/null 2>&1; else grep -q "^$1:" /etc/group; fi
}
# The line of $2 in the table $1 of the system, passwd or group; by name alone.
entry() {
  if has getent; then getent "$1" "$2"; else cat "/etc/$1"; fi | awk -F: -v n="$2" '$1 == n { print; exit }'
}
# A resource that writes files has a function `put`, which prints what is to be in one: a value is in no command line.
# Whether the file $1 is there and not everybody may read it: what is in it is then shown to nobody, since it may be a
# secret that no plan names any more.
private() {
  [ -e "$1" ] || return 1
  look "$1"
  case $its_mode in *[4567]) return 1 ;; esac
}
# Shows how that differs from the file $1. `was_private` says that it was so before this script changed its mode.
was_private=
show() {
  old=/dev/null
  [ -e "$1" ] && old=$1
  if [ "$was_private" ] || private "$1"; then
    if has diff; then
      put | diff -u "$old" - | awk '
        NR > 2 && /^-/ { go++ }
        NR > 2 && /^[+]/ { come++ }
        END {
          printf "  %d %s, %d %s; not shown, because not everybody may read the file\n", go, go == 1 ? "line goes" : "lines go",
            come, come == 1 ? "comes" : "come"
        }'
    else printf '  not shown, because not everybody may read the file\n'; fi
  elif has diff; then
    put | diff -u "$old" - | {
      IFS= read -r skipped && IFS= read -r skipped && printf -- '--- %s\n+++ %s\n' "$1" "$1"
      head -n 400
    }
  else printf '  %s bytes\n' "$(put | wc -c)"; fi
}
# Puts what `put` prints in the place of the file $1, with the owner and mode that it has; where there is none, with those
# that are asked for, else mode $2. It is written beside the old one and renamed: nobody ever sees half of it.
replace() {
  dir=$(dirname -- "$1")
  [ -d "$dir" ] || fail "there is no directory $dir; make it in a step before this one"
  new=$dir/.steadyhand.$$
  trap 'rm -f -- "$new"' EXIT
  rm -f -- "$new"
  # Where others may write, too, nobody can have put a link there meanwhile.
  (
    umask 077
    set -C
    put >"$new"
  ) || fail "$1 cannot be written"
  # The mode of a device, to which a link may point, is none for a file.
  if [ -f "$1" ]; then
    look "$1"
    chown "$its_uid:$its_gid" "$new" 2>/dev/null
    try chmod "$its_mode" "$new"
  else
    [ "${p_owner+set}" ] && try chown "$p_owner" "$new"
    [ "${p_group+set}" ] && try chgrp "$p_group" "$new"
    try chmod "${p_mode:-${2:-0644}}" "$new"
  fi
  try mv -f -- "$new" "$1"
  trap - EXIT
}
finish() {
  [ "$changed" ] && exit 80
  exit 0
}
