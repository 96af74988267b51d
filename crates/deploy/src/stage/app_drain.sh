# The containers before it finish what they have begun, and end. Then images that are kept no more are removed.
trap - TERM
hold $((p_drain + 600))
open_in() {
  pid=$(docker inspect -f '{{.State.Pid}}' "$1" 2>/dev/null)
  [ "${pid:-0}" != 0 ] || { echo 0; return; }
  # State 01 is an established connection.
  cat "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6" 2>/dev/null | awk -v "port=:$port" '$4 == "01" && substr($2, length($2) - 4) == port { n++ } END { print n + 0 }'
}
began=$(date +%s)
for id in $(docker ps -aq --filter "label=steadyhand.app=$p_environment"); do
  of=$(docker inspect -f '{{index .Config.Labels "steadyhand.release"}}' "$id" 2>/dev/null)
  [ "$of" ] && [ "$of" != "$p_deployment" ] || continue
  # Connections to its port, not those that it has made itself. In /proc/net/tcp ports are hexadecimal.
  port=$(printf '%04X' "$(sed -n 's/^port=//p' "$app/releases/$of/settings" 2>/dev/null)" 2>/dev/null)
  # Who forwards connections may have taken some that have not come to the container yet: it has to be quiet for a while.
  quiet=0
  while [ "$quiet" -lt 6 ] && [ $(($(date +%s) - began)) -lt "$p_drain" ]; do
    if [ "$(open_in "$id")" = 0 ]; then quiet=$((quiet + 1)); else quiet=0; fi
    sleep 0.2 2>/dev/null || sleep 1
  done
  left=$(open_in "$id")
  [ "$left" != 0 ] && printf '%s connections to deployment %s were still open after %s s.\n' "$left" "${of%%-*}" "$p_drain"
  docker stop -t 10 "$id" >/dev/null 2>&1
  docker rm -f "$id" >/dev/null 2>&1
  printf 'A container of deployment %s has ended.\n' "${of%%-*}"
done
previous=$(cat "$app/previous" 2>/dev/null)
kept=0
# The image that serves is none to go back to, also under the name of another deployment.
ids=" $(docker image inspect -f '{{.Id}}' "$image" 2>/dev/null)"
# The newest first: those that have served, each image once. What never served is kept for nobody.
for name in $(ls -t "$app/releases"); do
  [ "$name" = "$p_deployment" ] && continue
  id=$(docker image inspect -f '{{.Id}}' "steadyhand/$p_environment:$name" 2>/dev/null) || id=
  if [ -f "$app/releases/$name/served" ] && [ "$id" ]; then
    case " $ids " in *" $id "*) ;; *) ids="$ids $id" kept=$((kept + 1)) ;; esac
    [ "$kept" -lt "$p_keep" ] || [ "$name" = "$previous" ] && continue
  fi
  if [ "$id" ]; then
    size=$(docker image inspect -f '{{.Size}}' "steadyhand/$p_environment:$name")
    docker image rm "steadyhand/$p_environment:$name" >/dev/null 2>&1 || continue
    printf 'The image of deployment %s (%s MB) is kept no more.\n' "${name%%-*}" "$((size / 1000000))"
  fi
  rm -rf "$app/releases/$name"
done
# Of the archives, the one that serves is kept, so that it need not be sent again.
upload=$(cat "$release/upload" 2>/dev/null)
for file in "$app"/uploads/*; do
  [ "${file##*/}" = "$upload" ] || rm -f "$file"
done
if left=$(docker images --format '{{.Tag}}' "steadyhand/$p_environment"); then
  printf 'kept %s\n' "$(printf '%s' "$left" | tr '\n' ' ')" | report
fi
let_go
