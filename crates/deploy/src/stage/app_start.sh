# New containers beside those that serve. They are reached by nobody yet.
hold 1200
if [ "${p_takes_from-}" ]; then
  from=$app/releases/$p_takes_from
  [ -f "$from/settings" ] || give_up "deployment ${p_takes_from%%-*} is not kept on this host any more"
  docker tag "steadyhand/$p_environment:$p_takes_from" "$image" || give_up "the image of deployment ${p_takes_from%%-*} is not kept on this host any more"
  try cp "$from/settings" "$from/env" "$release/"
  for known in built-from commit; do
    [ -f "$from/$known" ] && cp "$from/$known" "$release/"
  done
else
  printf '%s\n' "${p_env-}" | sed '/^$/d' >"$release/env" || give_up "$release cannot be written"
  port=${p_port-}
  if [ ! "$port" ]; then
    port=$(docker image inspect -f '{{range $port, $x := .Config.ExposedPorts}}{{$port}} {{end}}' "$image" | tr ' ' '\n' | sed -n 's/\/tcp$//p' | head -n 1)
  fi
  {
    printf 'port=%s\nreplicas=%s\nread_only=%s\n' "${port:-3000}" "$p_replicas" "$p_read_only"
    printf 'cpus=%s\nmemory=%s\n' "${p_cpus-}" "${p_memory-}"
    printf '%s\n' "${p_volumes-}" | sed '/^$/d; s/^/volume=/'
  } >"$release/settings"
fi
setting() { sed -n "s/^$1=//p" "$release/settings"; }
port=$(setting port) replicas=$(setting replicas)
set -- --init --security-opt no-new-privileges --env-file "$release/env" -e "PORT=$port"
grep -q '^PORT=' "$release/env" && set -- --init --security-opt no-new-privileges --env-file "$release/env"
[ "$(setting read_only)" = yes ] && set -- "$@" --read-only --tmpfs /tmp --tmpfs /run
cpus=$(setting cpus) memory=$(setting memory)
[ "$cpus" ] && set -- "$@" --cpus "$cpus"
[ "$memory" ] && set -- "$@" --memory "$memory" --memory-swap "$memory"
[ "$(docker info -f '{{.LoggingDriver}}' 2>/dev/null)" = json-file ] && set -- "$@" --log-opt max-size=10m --log-opt max-file=3
setting volume >"$release/volumes"
while IFS= read -r volume; do
  name=${volume%%=*}
  case $name in /*) ;; *) name=$p_environment-$name ;; esac
  set -- "$@" -v "$name:${volume#*=}"
done <"$release/volumes"
: >"$release/ports"
: >"$release/containers"
number=1
at=$((20000 + $(date +%s) % 8000))
while [ "$number" -le "$replicas" ]; do
  name=$p_environment-$p_deployment-$number
  docker rm -f "$name" >/dev/null 2>&1
  tries=0
  while :; do
    said=$(docker run -d --name "$name" --label "steadyhand.app=$p_environment" --label "steadyhand.release=$p_deployment" \
      --label "steadyhand.deployment=$p_number" --label "steadyhand.replica=$number" \
      -p "127.0.0.1:$at:$port" "$@" "$image" 2>&1 </dev/null) && break
    docker rm -f "$name" >/dev/null 2>&1
    tries=$((tries + 1))
    case $said in
    *'port is already allocated'* | *'address already in use'*) [ "$tries" -lt 50 ] || give_up "no free port for $name: $said" ;;
    *) give_up "the container $name could not be started: $said" ;;
    esac
    at=$((at + 1))
  done
  printf '%s\n' "$at" >>"$release/ports"
  printf '%s\n' "$name" >>"$release/containers"
  printf 'Started %s, port %s.\n' "$name" "$port"
  number=$((number + 1))
  at=$((at + 1))
done
