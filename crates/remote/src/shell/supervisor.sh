# Supervises one attempt, as the leader of a session of its own. Standard input is a line of no meaning, the attempt's
# name, and the command's script; standard output and error are the lane's. Arguments: the folder of
# records, the lane's token, the boot id, the umask, where /proc is (or nothing), whether /dev/fd works, whether a pipe can
# be had by `duct` (else by mkfifo), the shell.
# The traps do nothing, but unlike ignored signals they are not inherited: `kill 0` in a script ends the script only.
trap : TERM INT HUP QUIT USR1 USR2 ALRM PIPE
d=$1 k=$2 boot=$3 proc=$5 fd=$6 sh=$8
umask "$4"
exec 5>&2
fail() { printf '%s fail %s %s\n' "$k" "$id" "$1" >&5; exit 1; }
# Sends a log of a few lines of plain text, without starting a program for it. Of another it sends nothing.
plain() {
  [ "$s" -le 1000 ] || return
  LC_ALL=C o=
  while IFS= read -r l; do
    case $l in *[!\	\ -~]*) return 1 ;; esac
    o="$o$l
"
  done <"$f.log"
  [ "${#o}" = "$s" ] && printf %s "$o"
}
# The command writes to a pipe, and this appends what comes out of it to the log, whose name comes first. A command
# that had the log itself open could empty it: by `> /dev/stderr`. When the log takes no more, this ends, which is how the
# supervisor hears of it, and another one drains the pipe, so that the command goes on.
copier() {
  trap '' TERM INT HUP QUIT USR1 USR2 ALRM
  exec >/dev/null 2>&1 5>&- 8<&- 9>&-
  read -r f && read -r f || exit
  exec >>"$f.log"
  if ! cat; then
    # Standard input of what is in the background is not the pipe.
    exec 7<&0
    cat <&7 >/dev/null &
    exit 1
  fi
  n=
  [ "$proc" ] && read -r w n <"$proc/self/fdinfo/1"
  [ "$n" ] || n=$(wc -c <"$f.log")
  printf 'all %s\n' $((n)) >>"$f.rec"
  exit 0
}
# Whether the copier lives. It may have ended long ago, and its number be that of another process.
copies() {
  if [ "$proc" ]; then
    { read -r t <"$proc/$c/stat"; } 2>/dev/null || return
    case ${t##*") "} in [!ZX]" $$ "*) ;; *) return 1 ;; esac
  else kill -0 "$c" 2>/dev/null; fi
}
c=
if [ "$7" ]; then
  duct
  copier <&8 &
  c=$!
elif rm -f "$d/.pipe.$$" && mkfifo "$d/.pipe.$$"; then
  copier <"$d/.pipe.$$" &
  c=$!
  exec 9>"$d/.pipe.$$"
  rm -f "$d/.pipe.$$"
  echo >&9
fi
exec 8<&-
born $$
read -r id && read -r id || exit
f=$d/$id
exec 2>>"$f.rec"
[ "$c" ] || fail 'its pipe cannot be made'
true >>"$f.log" || fail 'its log cannot be created'
printf '%s\n' "$f" >&9
clock
printf 'sup %s %s %s %s %s\n' $$ "${t:--}" "$boot" "$now" "$c" >>"$f.rec" || fail 'its record cannot be written'
rd "$f"
if [ "$p" != $$ ]; then
  printf 'rc void 0\n' >>"$f.rec"
  printf '%s end %s void 0 - %s -\n' "$k" "$id" "${stop:--}" >&5
  exit
fi
# In a subshell, so that the shell's own "Killed" goes to the record and tells a signal from an exit status.
# The command and all that it starts carry the attempt's name, so that they are found again wherever they went.
( exec 3<&0 </dev/null >&9 2>&1 5>&- 9>&-
  export STEADYHAND_ATTEMPT="$f/"
  # A script exits at its end. What goes on has none: the lane died before it had written it.
  w='; echo "The script did not arrive: nothing was run."; exit 2'
  [ "$fd" ] && exec $sh -c ". /dev/fd/3$w" sh
  exec $sh -c 'eval "$(cat <&3; echo)"'"$w" sh )
r=$?
exec 9>&-
# The copier ends at once, unless the command left something behind that may still write. A subshell that does nothing
# is a short pause, which on a busy host is a longer one.
i=0
while [ -e "$proc/$c/exe" ] && [ "$i" -lt 40 ]; do
  i=$((i + 1))
  ( : )
done
rd "$f"
s=$all cut=
if [ -z "$all" ]; then
  # Then what the command wrote is in the log when the copier lives, and was seen asleep or has copied more than a pipe
  # holds. Where processes cannot be seen at all, a copier that lives has had the time that it needs after two seconds.
  i=0 from= blind=0
  while copies && [ "$i" -lt 2 ]; do
    sleep 0.02 || sleep 1
    if [ "$proc" ]; then w=$(grep -hE "^[0-9]+ [(].*[)] [A-Z] $c " "$proc"/[0-9]*/stat) w=${w##*") "}
    else w=$(ps -A -o ppid= -o stat= | grep "^ *$c " | { read -r x w; echo "$w"; }); fi
    case $w in
      [SI]*) i=$((i + 1)) ;;
      '')
        blind=$((blind + 1))
        [ "$blind" -ge 100 ] && i=2
        ;;
    esac
    s=$(wc -c <"$f.log")
    : "${from:=$s}"
    [ $((s - from)) -gt 1048576 ] && i=2
  done 2>/dev/null
  rd "$f"
  [ "$i" -ge 2 ] || wait "$c" || cut=cut
  # A stop may end what is started here, too.
  s=${all:-$(wc -c <"$f.log" || wc -c <"$f.log" || wc -c <"$f.log")}
  s=$((s))
fi
printf 'rc %s %s %s\n' "$r" "$s" "$cut" >>"$f.rec" || late=1
rd "$f"
# A short log that nobody follows is sent by the supervisor itself, which spares a round trip.
sent=-
if [ "$fol" ]; then sent=follow; elif [ "$s" -le 262144 ]; then sent=sent; fi
printf '%s end %s %s %s %s %s %s %s\n' "$k" "$id" "$r" "$s" "${note:--}" "${stop:--}" "$sent" "${cut:--}" >&5
if [ "$sent" = sent ] && [ "$s" -gt 0 ]; then plain || head -c "$s" "$f.log"; fi
# On a full disk the status is kept here until it can be written.
while [ "$late" ]; do sleep 5; printf 'rc %s %s %s\n' "$r" "$s" "$cut" >>"$f.rec" && late=; done
