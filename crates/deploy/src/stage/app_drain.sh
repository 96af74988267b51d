# The containers before it finish what they have begun, and end. Then images that are kept no more are removed.
trap - TERM
hold $((p_drain + 600))
open_in() {
  pid=$(docker inspect -f '{{.State.Pid}}' "$1" 2>/dev/null)
  [ "${pid:-0}" != 0 ] || { echo 0; return; }
  # State 01 is an established connection.
  cat "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6" 2>/dev/null | awk '$4 == "01" && $3 !~ /^0100007F|^00000000000000000000000001000000/ { n++ } END { print n + 0 }'
}
began=$(date +%s)
for id in $(docker ps -aq --filter "label=steadyhand.app=$p_environment"); do
  of=$(docker inspect -f '{{index .Config.Labels "steadyhand.release"}}' "$id" 2>/dev/null)
  [ "$of" ] && [ "$of" != "$p_deployment" ] || continue
  # Who forwards connections may have taken some that have not come to the container yet: it has to be quiet for a while.
  quiet=0
  while [ "$quiet" -lt 6 ] && [ $(($(date +%s) - began)) -lt "$p_drain" ]; do
    if [ "$(open_in "$id")" = 0 ]; then quiet=$((quiet + 1)); else quiet=0; fi
    sleep 0.2 2>/dev/null || sleep 1
  done
  left=$(open_in "$id")
  [ "$left" != 0 ] && printf '%s connections to deployment %s were still open after %s s.\n' "$left" "$of" "$p_drain"
  docker stop -t 10 "$id" >/dev/null 2>&1
  docker rm -f "$id" >/dev/null 2>&1
  printf 'A container of deployment %s has ended.\n' "$of"
done
previous=$(cat "$app/previous" 2>/dev/null)
kept=0
for number in $(ls "$app/releases" | sort -rn); do
  docker image inspect "steadyhand/$p_environment:$number" >/dev/null 2>&1 || continue
  kept=$((kept + 1))
  [ "$kept" -le "$p_keep" ] || [ "$number" = "$p_deployment" ] || [ "$number" = "$previous" ] && continue
  size=$(docker image inspect -f '{{.Size}}' "steadyhand/$p_environment:$number")
  docker image rm "steadyhand/$p_environment:$number" >/dev/null 2>&1 && rm -rf "$app/releases/$number" &&
    printf 'The image of deployment %s (%s MB) is kept no more.\n' "$number" "$((size / 1000000))"
done
left=
for number in $(ls "$app/releases"); do
  docker image inspect "steadyhand/$p_environment:$number" >/dev/null 2>&1 && left="$left $number"
done
printf 'kept%s\n' "$left" | report
rm -f "$app/lease"
