# package: name (lines), state (present, absent, latest), version, recommends; and `run_id`, which names the run and comes from no plan
set -f
set -- $p_name
set +f
for name; do
  case $name in -* | *[!A-Za-z0-9@/._+:~-]*) fail "\"$name\" cannot be the name of a package" ;; esac
done
[ $# -gt 0 ] || fail "no package is named"
if [ "${p_version+set}" ]; then
  [ $# = 1 ] || fail "a version can be given for one package at a time"
  [ "$p_state" = present ] || fail "a version only goes with state: present"
  case $p_version in '' | -* | *[!A-Za-z0-9._+:~-]*) fail "\"$p_version\" cannot be a version" ;; esac
fi
if has apt-get && has dpkg-query; then tool=apt
elif has dnf; then tool=dnf
elif has yum; then tool=yum
elif has apk; then tool=apk
elif has pacman; then tool=pacman
elif has zypper; then tool=zypper
else
  for dir in /opt/homebrew/bin /usr/local/bin /home/linuxbrew/.linuxbrew/bin; do
    has brew || { [ -x "$dir/brew" ] && PATH=$dir:$PATH; }
  done
  has brew || fail "this host has no package manager that is known (apt, dnf, yum, apk, pacman, zypper, brew)"
  tool=brew
fi
case $tool in dnf | yum | zypper) has rpm || fail "$tool is here, and rpm is not" ;; esac

# The stamp that says in which run the lists of packages were last refreshed. It is where only root writes.
stamp=/run/steadyhand.packages
[ -d /run ] || stamp=/var/run/steadyhand.packages
[ "$tool" = brew ] && stamp=$HOME/.cache/steadyhand.packages
refreshed() { [ "${p_run_id:-}" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$p_run_id" ]; }
refresh() {
  [ "$fresh" ] && return
  fresh=1
  refreshed && return
  case $tool in
    apt) wait_for_lock; apt -qq update || fail "the lists of packages could not be refreshed" ;;
    dnf | yum) "$tool" -q -y makecache </dev/null || fail "the lists of packages could not be refreshed" ;;
    apk) apk -q --wait 600 update </dev/null || fail "the lists of packages could not be refreshed" ;;
    pacman) wait_for_lock; out=$(pacman -Sy --noconfirm </dev/null 2>&1) || { printf '%s\n' "$out"; fail "the lists of packages could not be refreshed"; } ;;
    zypper) out=$(zypper -n -q refresh </dev/null 2>&1) || { printf '%s\n' "$out"; fail "the lists of packages could not be refreshed"; } ;;
    brew) out=$(brew update -q </dev/null 2>&1) || { printf '%s\n' "$out"; fail "the lists of packages could not be refreshed"; } ;;
  esac
  mkdir -p "${stamp%/*}" 2>/dev/null
  printf %s "${p_run_id-}" >"$stamp" 2>/dev/null
}
fresh=

# Waits for whoever holds a lock, and says who it is. The tools that wait by themselves say so by themselves.
wait_for_lock() {
  case $tool in
    apt) set -- /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock ;;
    pacman) set -- /var/lib/pacman/db.lck ;;
  esac
  told=
  waited=0
  while :; do
    holder=
    for lock in "$@"; do
      [ -e "$lock" ] || continue
      if [ "$tool" = pacman ]; then
        # The file is the lock; it is stale when there is no pacman.
        holder=$(pidof pacman | cut -d' ' -f1)
        [ "$holder" ] || fail "$lock is left of a pacman that was interrupted; remove it"
      else
        for pid in $(find /proc/[0-9]*/fd -lname "$lock" 2>/dev/null | cut -d/ -f3 | sort -u); do
          awk -v p="$pid" '$0 ~ / WRITE / { for (i = 1; i < NF; i++) if ($i == "WRITE" && $(i + 1) == p) f = 1 } END { exit !f }' /proc/locks && holder=$pid
        done
      fi
      [ "$holder" ] && break
    done
    [ "$holder" ] || return 0
    who="$(cat "/proc/$holder/comm" 2>/dev/null) (process $holder)"
    [ "$waited" -lt 600 ] || fail "$who has held $lock for 10 minutes; nothing was changed"
    [ "$told" = "$holder" ] || printf '  waiting for %s, which holds %s\n' "$who" "$lock"
    told=$holder
    waited=$((waited + 1))
    sleep 1
  done
}
apt() {
  DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none apt-get -o DPkg::Lock::Timeout=600 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 "$@" </dev/null
}
# What apt knows; its cache is only in memory, so that nothing is written.
ask_apt() {
  asked=$1
  shift
  "$asked" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Dir::Log::Planner= "$@" 2>/dev/null </dev/null
}

# The version of package $1 that is installed, or nothing.
installed() {
  case $tool in
    apt) dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null | sed -n 's/^installed //p' | head -n 1 ;;
    dnf | yum | zypper)
      rpm -q --qf '%{VERSION}-%{RELEASE}\n' "$1" 2>/dev/null </dev/null | tail -n 1 | grep -v ' ' ||
        rpm -q --qf '%{VERSION}-%{RELEASE}\n' --whatprovides "$1" 2>/dev/null </dev/null | tail -n 1 | grep -v ' ' ;;
    apk)
      version=$(awk -v n="$1" '/^P:/ { p = substr($0, 3) } /^V:/ && p == n { print substr($0, 3) }' /lib/apk/db/installed 2>/dev/null)
      if [ "$version" ]; then printf '%s\n' "$version"; elif apk info -e "$1" >/dev/null 2>&1; then echo provided; fi ;;
    pacman)
      pacman -Q "$1" 2>/dev/null | sed -n 's/^[^ ]* //p' | grep . || { [ "$(pacman -T "$1" 2>/dev/null)" ] || echo provided; } ;;
    brew) brew list --versions "$1" 2>/dev/null </dev/null | sed -n 's/^[^ ]* //p' ;;
  esac
}
# Whether package $1, which is installed, has exactly version $2.
exactly() {
  case $tool in
    dnf | yum | zypper)
      rpm -q --qf '%{VERSION}\n%{VERSION}-%{RELEASE}\n%{EPOCH}:%{VERSION}-%{RELEASE}\n' "$1" 2>/dev/null </dev/null | grep -qxF "$2" ;;
    brew) case " $(installed "$1") " in *" $2 "*) ;; *) return 1 ;; esac ;;
    *) [ "$(installed "$1")" = "$2" ] ;;
  esac
}
# The version of package $1 that its lists offer, or nothing.
newest() {
  case $tool in
    apt) ask_apt apt-cache policy "$1" | sed -n 's/^  Candidate: //p' | grep -v '^(none)$' ;;
    dnf | yum)
      # In the lists as they are; status 100 says that there is something newer.
      newer=$("$tool" -q -C check-update "$1" 2>/dev/null </dev/null)
      if [ $? = 100 ]; then printf '%s\n' "$newer" | awk -v n="$1" 'index($1, n ".") == 1 { sub(/^[0-9]+:/, "", $2); print $2; exit }'
      else installed "$1"; fi ;;
    apk) apk policy "$1" 2>/dev/null | sed -n 's/^  \([^ ].*\):$/\1/p' | head -n 1 ;;
    pacman) pacman -Si "$1" 2>/dev/null | sed -n 's/^Version *: *//p' | head -n 1 ;;
    zypper) zypper -n -q --no-refresh info "$1" 2>/dev/null </dev/null | sed -n 's/^Version *: *//p' | head -n 1 ;;
    brew)
      if [ "$(brew outdated -q "$1" 2>/dev/null </dev/null)" ]; then brew info --json=v2 "$1" 2>/dev/null | sed -n 's/.*"stable": *"\([^"]*\)".*/\1/p' | head -n 1
      else installed "$1"; fi ;;
  esac
}
# Whether a package that is not there by its own name is another's other name, and that one is there.
provided() {
  [ "$tool" = apt ] || return 1
  dpkg-query -W -f '${db:Status-Status}, ${Provides},\n' 2>/dev/null | sed 's/ ([^)]*)//g' | grep '^installed,' | grep -qF ", $1," &&
    [ ! "$(newest "$1")" ]
}
# Whether this host has heard of anything that can be installed.
any_lists() {
  case $tool in
    apt) ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 ;;
    pacman) ls /var/lib/pacman/sync/*.db >/dev/null 2>&1 ;;
    apk) ls /var/cache/apk/APKINDEX* /etc/apk/cache/APKINDEX* /lib/apk/db/APKINDEX* >/dev/null 2>&1 ;;
    *) return 1 ;;
  esac
}
# Before the first change: whether these may be made at all.
allowed() {
  if [ "$tool" = brew ]; then [ "$(id -u)" != 0 ] || fail "brew refuses to run as root; leave out sudo"
  else root "$1"; fi
}

todo=
if [ "$p_state" = absent ]; then
  for name; do
    if [ "$(installed "$name")" ]; then
      todo="$todo $name"
      version=$(installed "$name")
      change "$name: remove $version"
    fi
  done
  [ "$todo" ] || finish
  allowed "removing packages"
  if [ "$tool" = apt ]; then
    # What cannot stay without them goes, too: that has to be said.
    for also in $(ask_apt apt-get -s remove $todo | sed -n 's/^Remv \([^ ]*\) .*/\1/p'); do
      case " $todo " in *" $also "*) ;; *) change "$also: remove, since it needs what is removed" ;; esac
    done
  fi
  [ "$mode" = apply ] || finish
  case $tool in
    apt) wait_for_lock; apt -y -q remove $todo ;;
    dnf | yum) "$tool" -y remove $todo </dev/null ;;
    apk) apk --wait 600 del $todo </dev/null ;;
    pacman) wait_for_lock; pacman -R --noconfirm $todo </dev/null ;;
    zypper) ZYPP_LOCK_TIMEOUT=600 zypper -n remove $todo </dev/null ;;
    brew) HOMEBREW_NO_AUTO_UPDATE=1 brew uninstall $todo </dev/null ;;
  esac || fail "$tool could not remove:$todo"
  for name in $todo; do
    [ ! "$(installed "$name")" ] || fail "$name is still installed"
  done
  finish
fi

# What is missing, then what is to be newer.
new='' older=''
for name; do
  is=$(installed "$name")
  if [ ! "$is" ]; then
    [ ! "${p_version+set}" ] && provided "$name" && continue
    new="$new $name"
  elif [ "${p_version+set}" ]; then
    exactly "$name" "$p_version" || older="$older $name"
  elif [ "$p_state" = latest ]; then older="$older $name"; fi
done
[ "$new$older" ] || finish
allowed "installing packages"
[ "$mode" = apply ] && refresh
for name in $new; do
  if [ "$mode" = check ] && [ "$tool" != brew ] && any_lists && [ ! "$(newest "$name")" ]; then
    unknown "$name: not in the lists of packages that this host has; they are refreshed when the step runs"
  fi
  todo="$todo $name"
  change "$name: install${p_version+ $p_version}"
done
for name in $older; do
  is=$(installed "$name")
  if [ "${p_version+set}" ]; then
    todo="$todo $name"
    change "$name: $is → $p_version"
    continue
  fi
  to=$(newest "$name")
  if [ "$to" ] && [ "$to" != "$is" ]; then
    todo="$todo $name"
    change "$name: $is → $to"
  elif [ "$mode" = check ] && ! refreshed && [ ! "$(find "$stamp" -mmin -60 2>/dev/null)" ]; then
    # The lists may be old, and a check does not refresh them.
    doubt="$name: $is is the newest in the lists that this host has; they are refreshed when the step runs"
  fi
done
[ "${doubt-}" ] && [ ! "$changed" ] && unknown "$doubt"
flag=
if [ "$tool" = apt ] && [ "$todo" ]; then
  [ "$p_recommends" = no ] && flag=--no-install-recommends
  names=$todo
  [ "${p_version+set}" ] && names="$1=$p_version"
  [ "$mode" = apply ] && wait_for_lock
  # What cannot stay beside them goes: only what is said here.
  goes=$(ask_apt apt-get -s -y --allow-downgrades $flag install $names | sed -n 's/^Remv \([^ ]*\) .*/\1/p')
  for also in $goes; do change "$also: remove, since it cannot stay beside what is installed"; done
  [ "$goes" ] || flag="$flag --no-remove"
fi
[ "$mode" = apply ] && [ "$todo" ] || finish
names=$todo
if [ "${p_version+set}" ]; then
  case $tool in
    apt | apk | zypper) names="$1=$p_version" ;;
    dnf | yum) names="$1-${p_version#*:}" ;;
    pacman)
      offered=$(newest "$1")
      [ "$offered" = "$p_version" ] || fail "pacman offers only ${offered:-nothing} of $1; version $p_version is not to be had" ;;
    brew) names=$1 ;;
  esac
fi
case $tool in
  apt)
    wait_for_lock
    apt -y -q --allow-downgrades $flag install $names || {
      versions=$(ask_apt apt-cache madison $todo | awk '{ print $1 " " $3 }' | sort -u | head -n 20)
      fail "apt could not install:$(printf ' %s' $names)${p_version+; it knows ${versions:-no version}}"
    } ;;
  dnf | yum)
    doing=install
    [ "${p_version+set}" ] && [ "$older" ] && "$tool" -y downgrade $names </dev/null >/dev/null 2>&1
    [ "$p_state" = latest ] && [ ! "$new" ] && doing=upgrade
    "$tool" -y $doing $names </dev/null || fail "$tool could not install:$(printf ' %s' $names)" ;;
  apk)
    flag=
    [ "$p_state" = latest ] && flag=--upgrade
    apk --wait 600 add $flag $names </dev/null || fail "apk could not install:$(printf ' %s' $names)" ;;
  pacman) wait_for_lock; pacman -S --noconfirm --needed $names </dev/null || fail "pacman could not install:$names" ;;
  zypper)
    doing=install
    [ "$p_state" = latest ] && [ ! "$new" ] && doing=update
    flag=
    [ "$doing" = install ] && flag=--oldpackage
    ZYPP_LOCK_TIMEOUT=600 zypper -n $doing $flag $names </dev/null || fail "zypper could not install:$names" ;;
  brew)
    export HOMEBREW_NO_AUTO_UPDATE=1
    for name in $names; do
      doing=install
      case " $older " in *" $name "*) doing=upgrade ;; esac
      brew "$doing" "$name" </dev/null || fail "brew could not install $name"
    done ;;
esac
for name in $todo; do
  is=$(installed "$name")
  [ "$is" ] || provided "$name" || fail "$name is still not installed"
  if [ "${p_version+set}" ]; then exactly "$name" "$p_version" || fail "$name is now $is, and not $p_version"; fi
done
