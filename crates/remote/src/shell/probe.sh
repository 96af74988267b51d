# Answers one short question. Arguments: its name, the lane's token, the umask, where /proc is, whether /dev/fd works, the
# folder of records, the shell, whether 7 tells that the lane is gone. Standard input is the line `go` and the question.
trap : TERM INT HUP QUIT PIPE
id=$1 k=$2 proc=$4 fd=$5 d=$6 sh=$7
umask "$3"
born $$
printf '%s asked %s %s %s\n' "$k" "$id" $$ "${t:--}" >&2
if ! read -r w; then printf '%s fail %s it did not arrive\n' "$k" "$id" >&2; exit; fi
exec 2>/dev/null
# Ends all that the question has started, once nobody is there to write to 7: nobody would hear the answer.
watch() {
  while read -r w; do :; done
  me=
  [ "$proc" ] && read -r me w <"$proc/self/stat"
  # What is started meanwhile is found the next time.
  [ "$proc" ] && for w in 1 2 3; do
    for e in $(
      grep -lE "^[0-9]+ [(].*[)] [A-Z] [0-9]+ [0-9]+ $$ " "$proc"/[0-9]*/stat
      named "$id"
    ); do
      e=${e#"$proc"/}
      e=${e%%/*}
      [ "$e" = "$me" ] || kill -s KILL "$e" || sudo -n kill -s KILL "$e" </dev/null
    done
  done
  kill -s KILL 0
}
c=
if [ "$8" ]; then
  watch <&7 >/dev/null 7<&- &
  c=$!
fi
exec 7<&-
export STEADYHAND_ATTEMPT="$d/$id/"
if [ "$fd" ]; then $sh -c '. /dev/fd/3' sh 3<&0 </dev/null 2>&1
else $sh -c 'eval "$(cat <&3; echo)"' sh 3<&0 </dev/null 2>&1; fi
r=$?
[ "$c" ] && kill -s KILL "$c"
printf '\n%s done %s %s\n' "$k" "$id" "$r"
