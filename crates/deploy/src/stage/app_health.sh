# Whether the new containers are healthy: asked again and again, with longer and longer pauses. One that ends has failed.
hold $((p_timeout + 600))
began=$(date +%s)
[ -s "$release/containers" ] && [ -s "$release/ports" ] || give_up 'no containers of this deployment were started; deploy again'
port=$(sed -n 's/^port=//p' "$release/settings")
# $1 a container, $2 why it is not healthy.
sick() {
  printf 'The last lines of %s:\n' "$1"
  said=$(docker logs --tail 30 "$1" 2>&1)
  printf '%s\n' "$said" | sed 's/^/  /'
  case $said in
  *[Rr]'ead-only file system'*) [ "$(sed -n 's/^read_only=//p' "$release/settings")" = yes ] &&
    set -- "$1" "$2. It may write to volumes, /tmp and /run only: name the folders that it writes to in \`volumes:\`, or say \`read_only: false\`" ;;
  esac
  give_up "$1 $2"
}
while read -r name <&3 && read -r at <&4; do
  pause=1
  last='it did not answer'
  while :; do
    state=$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$name" 2>&1) ||
      give_up "$name is gone: $state"
    read -r status code killed health address rest <<END
$state
END
    if [ "$status" != running ] && [ "$status" != created ]; then
      if [ "$killed" = true ]; then
        most=$(sed -n 's/^memory=//p' "$release/settings")
        [ "$most" ] && sick "$name" "was killed because it needed more memory than it may use ($most); give it more with \`resources: { memory: … }\`"
        sick "$name" 'was killed because the host has no memory left'
      fi
      sick "$name" "ended with status $code before it was healthy"
    fi
    if [ "${p_path-}" ]; then
      got=$(status_of "http://127.0.0.1:$at/${p_path#/}")
      case $got in 2?? | 3??) break ;; '') last="there was no answer on port $port" ;; *) last="$p_path answered with status $got" ;; esac
    elif [ "$health" != none ]; then
      [ "$health" = healthy ] && break
      last="its own check says that it is $health"
    else
      # Whoever forwards the port takes connections also while nobody listens behind it.
    [ "$address" ] || give_up "$name has no address on a bridge of docker; say how it is healthy with \`health: { path: … }\`"
    if has curl; then
      case $(curl -s -m 5 --connect-timeout 2 -o /dev/null -w '%{time_connect}' "http://$address:$port/") in 0 | 0.000000 | 0,000000 | '') ;; *) break ;; esac
    else
      [ "$(status_of "http://127.0.0.1:$at/")" ] && break
    fi
      last="nothing listens on port $port; say which one it listens on with \`port:\`"
    fi
    [ $(($(date +%s) - began)) -ge "$p_timeout" ] && sick "$name" "was not healthy within $p_timeout s: $last"
    sleep "0.$pause" 2>/dev/null || sleep 1
    [ "$pause" -lt 9 ] && pause=$((pause * 2)) && [ "$pause" -gt 9 ] && pause=9
  done
  printf '%s is healthy.\n' "$name"
done 3<"$release/containers" 4<"$release/ports"
