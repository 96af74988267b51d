# The lane: one /bin/sh kept open, which reads these functions and then calls of them from its standard input.
# Standard output carries log bytes of one attempt at a time, after a line `TOKEN go N`; standard error carries
# answers, each a line that starts with the token. No function waits for a command.
# As long as this shell lives, it alone has 6 open, which is the end to write to of a pipe that nobody writes to. What is to
# end with this shell reads the other end, 7.
say() { printf '%s %s\n' "$k" "$*" >&2; }
go() { [ "$F" ] && { kill -CONT "$F"; kill "$F"; wait "$F"; F=; } 2>/dev/null; printf '\n%s go %s\n' "$k" "$1"; }
trap '[ "$F" ] && kill -CONT "$F" && kill "$F"' EXIT
# A supervisor that was started ahead may have been killed meanwhile.
trap : PIPE
size() { [ -f "$d/$1.log" ] && e=$(wc -c <"$d/$1.log") || e=0; echo $((e)); }
measure() { say size "$1" "$(size "$1")"; }
# Attaches to attempt $2 without ever starting it.
attach() { go "$1"; state "$2"; }
# Says how attempt $1 stands.
state() {
  if ! rd "$d/$1"; then say state "$1" none
  elif [ "$rc" ]; then say end "$1" "$rc" "$sz" "${note:--}" "${stop:--}" unknown "${cut:--}"
  elif [ -z "$p" ]; then say state "$1" claimed "${stop:--}"
  elif [ "$b" != "$boot" ]; then say state "$1" rebooted "$(size "$1")"
  elif born "$p" && [ "$t" = "$st" ]; then clock; say state "$1" running "$p" "$st" $((now - up)) "${stop:--}"
  else
    # It may have ended between the two looks.
    rd "$d/$1"
    if [ "$rc" ]; then state "$1"; else say state "$1" gone "$(size "$1")" "${stop:--}"; fi
  fi
}
# Makes the record of attempt $1. It succeeds once for ever; where it does not, it says how the attempt stands.
claim() {
  set -C
  if { true >"$d/$1.rec"; } 2>/dev/null; then
    set +C
    { printf 'claim\n' >>"$d/$1.rec"; } 2>/dev/null && return
    e=$({ printf 'claim\n' >>"$d/$1.rec"; } 2>&1)
    rm -f "$d/$1.rec"
    say refused "$1" "$e"
    return 1
  fi
  set +C
  if [ -e "$d/$1.rec" ]; then
    say exists "$1"
    state "$1"
  else
    e=$({ true >"$d/.probe"; } 2>&1)
    say refused "$1" "${e:-the record cannot be created}"
  fi
  return 1
}
# Starts a supervisor, which reads an attempt's name and script from standard input.
supervise() { $sid $sh -c "$S" sh "$d" "$k" "$boot" "$u" "$proc" "$fd" "$ducts" "$sh" 6>&- 7<&- 8<&- 9>&-; }
# Starts a supervisor for the next step, where there may be one. That spares the step most of what it costs. Nothing else
# may hold 9, or the next command would wait for the rest of its script; when this shell dies, what waits for it ends.
ahead() {
  [ "$ducts" ] && [ "$ran" ] && [ -z "$next" ] || return
  duct
  if supervise <&8; then next=1; else exec 9>&-; fi
  exec 8<&-
}
# Runs attempt $2 with script $3, unless it was started before. This shell may die in the middle of what it writes here:
# a script without its end is not run.
run() {
  go "$1"
  claim "$2" || return
  if [ "$next" ] && { printf '%s\n' "$2" >&9; } 2>/dev/null; then { printf %s "$3" >&9; } 2>/dev/null
  else printf '\n%s\n%s' "$2" "$3" | supervise || say fail "$2" 'its supervisor did not start'; fi
  ran=1 next=
  exec 9>&-
}
# Copies the log of attempt $1 from byte $2 on. With $3, only if its supervisor has not done so.
follow() {
  if [ "$3" ]; then
    printf 'follow\n' >>"$d/$1.rec"
    rd "$d/$1"
    [ "$fol" ] || return
    # On a busy host its supervisor may not have come to make the log yet.
    [ "$p" ] || true >>"$d/$1.log"
  fi
  [ -f "$d/$1.log" ] || { say nolog "$1"; return; }
  [ "$F" ] && { kill -CONT "$F"; kill "$F"; wait "$F"; F=; } 2>/dev/null
  if [ "$gnu" ]; then tail -c +$(($2 + 1)) -s 0.1 -f "$d/$1.log" </dev/null 2>/dev/null 6>&- 7<&- 9>&- &
  else
    ( trap - EXIT
      exec 4<"$d/$1.log" 2>/dev/null
      dd bs=1 skip="$2" count=0 <&4
      while :; do dd bs=262144 count=16 <&4; sleep 0.1 || sleep 1; done ) </dev/null 2>/dev/null 6>&- 7<&- 9>&- &
  fi
  F=$!
}
hold() { [ "$F" ] && kill -STOP "$F" 2>/dev/null; }
cont() { [ "$F" ] && kill -CONT "$F" 2>/dev/null; }
# Writes down that attempt $1 is to end because of $2. One that never started never will: its name is taken.
stop() {
  e=$({ printf 'stop %s\n' "$2" >>"$d/$1.rec"; } 2>&1)
  if [ -e "$d/$1.rec" ]; then state "$1"; else say refused "$1" "$e"; fi
}
# Runs a command as the user as whom an attempt runs that is to end; who asks for that says how.
up() { sudo -n "$@" </dev/null; }
# Says which processes of attempt $1 are alive: those that carry its name, those in the session of its supervisor
# (process $2, started at $3), and their children. The supervisor itself is not one, nor are its copier and that one's
# child.
look() {
  m= s=
  rd "$d/$1"
  born "$2" && [ "$t" = "$3" ] && s=$2
  if [ "$proc" ]; then
    for e in $(named "$1"); do
      e=${e#"$proc"/}
      m="$m|${e%%/*}"
    done
    m=${m#|}
    for i in 1 2 3 4 5 6 7 8 9; do
      l=$(grep -hE "^(${m:-x}) |^[0-9]+ [(].*[)] [A-Z] ((${s:-x}|${m:-x}) |[0-9]+ [0-9]+ ${s:-x} )" "$proc"/[0-9]*/stat 2>/dev/null |
        grep -vE "^${cp:-x} |^[0-9]+ [(].*[)] [A-Z] ${cp:-x} ")
      n=
      while read -r e w; do [ "$e" ] && [ "$e" != "$s" ] && n="$n|$e"; done <<X
$l
X
      n=${n#|}
      [ "$n" = "$m" ] && break
      m=$n
    done
    while read -r e w; do
      [ "$e" ] && [ "$e" != "$s" ] || continue
      c=${w%")"*} w=${w##*") "}
      case $w in Z* | X*) continue ;; esac
      born2 $w
      say proc "$1" "$e" "$t" "${c#"("}"
    done <<X
$l
X
  else
    ps -A -o pid= -o ppid= -o pgid= -o stat= -o comm= 2>/dev/null | while read -r e w; do say ps "$1" "$e" "$w"; done
  fi
  say looked "$1" "${s:--}" "${cp:--}"
}
# Sends signal $1 to the processes PID:START, if they still are the same.
signal() {
  g=$1
  shift
  for e; do
    [ "${e#*:}" = - ] || { born "${e%%:*}" && [ "$t" = "${e#*:}" ]; } || continue
    kill -s "$g" "${e%%:*}" 2>/dev/null || up kill -s "$g" "${e%%:*}" >/dev/null 2>&1
    [ "$g" = TERM ] && kill -s CONT "${e%%:*}" 2>/dev/null
  done
}
# Runs the question $3 under the name $2; its output and status come on standard output. It is ended when this shell dies.
ask() {
  go "$1"
  printf 'go\n%s' "$3" 6>&- 9>&- | $sid $sh -c "$Q" sh "$2" "$k" "$u" "$proc" "$fd" "$d" "$sh" "$life" 6>&- 7<&7 9>&- ||
    say fail "$2" 'it did not start'
}
forget() {
  l=
  for e; do
    rd "$d/$e" || continue
    [ -z "$rc" ] && [ "$p" ] && [ "$b" = "$boot" ] && born "$p" && [ "$t" = "$st" ] && continue
    rm -f "$d/$e.log" "$d/$e.rec" "$d/$e.out"
  done
}
u=$(umask)
umask 077
proc=PROC
# What runs here: words, of which the first is a program.
sh=SHELL
[ -r "$proc/self/stat" ] && [ -r "$proc/uptime" ] || proc=
boot=-
[ "$proc" ] && read -r boot <"$proc/sys/kernel/random/boot_id"
[ "$proc" ] || boot=$(sysctl -n kern.boottime 2>/dev/null | tr -dc 0-9)
: "${boot:=-}"
fd=
[ -e /dev/fd/0 ] && fd=1
# Whether a supervisor waits for the next step, whether this shell has run a step, and whether `duct` works here.
next= ran= ducts=
[ "$proc" ] && ( duct && [ -p "$proc/self/fd/8" ] && [ -p "$proc/self/fd/9" ] ) 2>/dev/null && ducts=1
gnu=
tail --version >/dev/null 2>&1 </dev/null && gnu=1
if setsid -f true 2>/dev/null; then sid='setsid -f'
elif setsid true 2>/dev/null; then sid='setsid setsid'
elif perl -MPOSIX -e 1 2>/dev/null; then sid='perl -MPOSIX -e fork&&exit;POSIX::setsid();exec@ARGV'
else sid=; fi
d=$HOME/.local/state/steadyhand
e=
if [ -z "$HOME" ]; then e='HOME is not set.'
elif [ -z "$sid" ]; then e='there is neither setsid nor perl. Install util-linux, busybox or perl.'
elif ! e=$({ [ -d "$d" ] || mkdir -p "$d"; } 2>&1); then e="$e. Steadyhand keeps a small record there: make room, or make the folder writable."
elif [ ! -O "$d" ]; then e="$d belongs to somebody else. Remove it, or give it to this user."
elif ! e=$(chmod 700 "$d" 2>&1); then e="$e. The folder must be private."
else e=; fi
# The pipe that lives as long as this shell, if there can be one.
life=
exec 7</dev/null
if [ "$e" ]; then :
elif [ "$ducts" ]; then
  duct
  exec 6>&9 7<&8 8<&- 9>&-
  read -r w <&7
  life=1
elif rm -f "$d/.life.$$" && mkfifo "$d/.life.$$"; then
  # To open one end alone would wait for the other.
  exec 6<>"$d/.life.$$" 7<"$d/.life.$$"
  rm -f "$d/.life.$$"
  life=1
fi 2>/dev/null
[ "$HOME" ] && cd "$HOME" 2>/dev/null
if [ "$e" ]; then say cannot "$e"; else say ready $$; fi
