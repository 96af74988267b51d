# Supervises one attempt, as the leader of a session of its own. Standard input is the command's script; standard
# output and error are the lane's. Arguments: the attempt's path without extension, its name, the lane's token, the
# boot id, the umask, where /proc is (or nothing), whether /dev/fd works.
# The traps do nothing, but unlike ignored signals they are not inherited: `kill 0` in a script ends the script only.
trap : TERM INT HUP QUIT USR1 USR2 ALRM
f=$1 id=$2 k=$3 boot=$4 proc=$6 fd=$7
exec 5>&2 2>>"$f.rec"
umask "$5"
fail() { printf '%s fail %s %s\n' "$k" "$id" "$1" >&5; exit 1; }
true >>"$f.log" || fail 'its log cannot be created'
born $$
clock
printf 'sup %s %s %s %s\n' $$ "${t:--}" "$boot" "$now" >>"$f.rec" || fail 'its record cannot be written'
rd "$f"
if [ "$p" != $$ ]; then
  printf 'rc void 0\n' >>"$f.rec"
  printf '%s end %s void 0 - %s -\n' "$k" "$id" "${stop:--}" >&5
  exit
fi
# The command and all that it starts carry this name, so that they are found again wherever they went.
export STEADYHAND_ATTEMPT="$f/"
# In a subshell, so that the shell's own "Killed" goes to the record and tells a signal from an exit status.
( exec 3<&0 </dev/null >>"$f.log" 2>&1 5>&-
  [ "$fd" ] && exec /bin/sh -c '. /dev/fd/3' sh
  exec /bin/sh -c 'eval "$(cat <&3; echo)"' sh )
r=$? s=0
[ -s "$f.log" ] && s=$(wc -c <"$f.log")
s=$((s))
printf 'rc %s %s\n' "$r" "$s" >>"$f.rec" || late=1
rd "$f"
# A short log that nobody follows is sent by the supervisor itself, which spares a round trip.
sent=-
if [ "$fol" ]; then sent=follow; elif [ "$s" -le 262144 ]; then sent=sent; fi
printf '%s end %s %s %s %s %s %s\n' "$k" "$id" "$r" "$s" "${note:--}" "${stop:--}" "$sent" >&5
[ "$sent" = sent ] && [ "$s" -gt 0 ] && head -c "$s" "$f.log"
# On a full disk the status is kept here until it can be written.
while [ "$late" ]; do sleep 5; printf 'rc %s %s\n' "$r" "$s" >>"$f.rec" && late=; done
