# Traffic goes to the new containers, in one step: the port of the environment leads to theirs. Caddy is left alone unless names
# change, as changing its configuration fails requests.
hold 600
port=$(cat "$app/port")
back() {
  if [ "$current" ]; then
    lead_to "$current"
  else
    nft delete table ip "$table" 2>/dev/null
    rm -f "$routes/$p_environment.nft"
  fi
  give_up "$@"
}
# Containers that traffic goes to are not taken away before it goes elsewhere.
trap 'back "it was stopped while traffic was being switched"' TERM
lead_to "$p_deployment" || back 'the rules for its traffic could not be set (nft has said why)'
got=$(status_of "http://127.0.0.1:$port/${p_path+${p_path#/}}")
case $got in
'') back "it is healthy, and does not answer at 127.0.0.1:$port, the port of $p_environment; is there a firewall on loopback?" ;;
[45]??) [ "${p_path-}" ] && back "it is healthy, and $p_path answers with status $got at 127.0.0.1:$port" ;;
esac
if [ "${p_domains-}" ]; then
  sites=/etc/caddy/steadyhand
  main=/etc/caddy/Caddyfile
  # Caddy reads them as a user of its own.
  (
    umask 022
    mkdir -p "$sites"
    [ -f "$main" ] || : >"$main"
  )
  names=$(printf '%s\n' "$p_domains" | sed '/^$/d' | tr '\n' ' ' | sed 's/ $//; s/ /, /g')
  internal=
  for name in $(printf '%s\n' "$p_domains"); do
    case $name in
    http://*) continue ;;
    esac
    known=$(getent ahosts "${name#https://}" 2>/dev/null | awk '{ print $1 }' | sort -u)
    [ "$known" ] || internal=1
  done
  {
    printf '%s {\n' "$names"
    [ "$internal" ] && printf '\ttls internal\n'
    printf '\tencode zstd gzip\n\treverse_proxy 127.0.0.1:%s {\n\t\ttransport http {\n\t\t\tkeepalive off\n\t\t}\n\t}\n}\n' "$port"
  } >"$sites/$p_environment.new"
  chmod 644 "$sites/$p_environment.new"
  if ! cmp -s "$sites/$p_environment.new" "$sites/$p_environment.caddy" || ! grep -q '^import steadyhand/\*\.caddy' "$main"; then
    [ -f "$sites/$p_environment.caddy" ] && cp "$sites/$p_environment.caddy" "$sites/$p_environment.old"
    mv "$sites/$p_environment.new" "$sites/$p_environment.caddy"
    grep -q '^import steadyhand/\*\.caddy' "$main" || { cp "$main" "$main.before-steadyhand"; printf '\nimport steadyhand/*.caddy\n' >>"$main"; }
    if ! said=$(caddy validate --adapter caddyfile --config "$main" 2>&1); then
      if [ -f "$sites/$p_environment.old" ]; then mv "$sites/$p_environment.old" "$sites/$p_environment.caddy"; else rm -f "$sites/$p_environment.caddy"; fi
      printf '%s\n' "$said"
      back "Caddy does not take the site of $names (its words are above)"
    fi
    rm -f "$sites/$p_environment.old"
    if ! said=$(caddy reload --adapter caddyfile --config "$main" 2>&1); then
      # It is not running yet, or cannot be asked.
      if [ -d /run/systemd/system ]; then systemctl start caddy && systemctl reload caddy
      else caddy start --adapter caddyfile --config "$main" >"$app/caddy.log" 2>&1 </dev/null; fi || {
        printf '%s\n' "$said"
        cat "$app/caddy.log" 2>/dev/null
        back 'Caddy could not be started, nor given its new site (its words are above)'
      }
    fi
    printf 'Caddy serves %s.\n' "$names"
  else
    rm -f "$sites/$p_environment.new"
  fi
fi
# From here on it is the one that serves, also when it is stopped now.
trap '' TERM
printf '%s\n' "$p_deployment" >"$app/current.new" && mv "$app/current.new" "$app/current"
[ "$current" ] && printf '%s\n' "$current" >"$app/previous"
docker update --restart unless-stopped $(cat "$release/containers") >/dev/null
if [ -d /run/systemd/system ] && [ ! -f /etc/systemd/system/steadyhand-routes.service ]; then
  cat >/etc/systemd/system/steadyhand-routes.service <<END
[Unit]
Description=Traffic to the current containers of Steadyhand
Before=docker.service caddy.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for rules in $routes/*.nft; do nft -f "\$\$rules"; done'
[Install]
WantedBy=multi-user.target
END
  chmod 644 /etc/systemd/system/steadyhand-routes.service
  systemctl daemon-reload
  systemctl enable -q steadyhand-routes.service
fi
printf 'All new traffic goes to deployment %s.\n' "$p_deployment"
