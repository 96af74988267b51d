# Traffic goes to the new containers, in one step: the port of the environment leads to theirs. Caddy is left alone unless names
# change, as changing its configuration fails requests.
hold 600
port=$(cat "$app/port")
sites=/etc/caddy/steadyhand
main=/etc/caddy/Caddyfile
site=$sites/$p_environment.caddy
moved=
# Everything as it was before.
back() {
  if [ "$moved" ]; then
    if [ -f "$sites/$p_environment.old" ]; then mv "$sites/$p_environment.old" "$site"; else rm -f "$site"; fi
  fi
  lead_back
  give_up "$@"
}
while read -r name <&3 && read -r at <&4; do
  [ "$(docker inspect -f '{{.State.Running}}' "$name" 2>/dev/null)" = true ] || give_up "$name was healthy, and does not run any more; deploy again"
  got=$(status_of "http://127.0.0.1:$at/${p_path+${p_path#/}}")
  case $got in
  '') [ "${p_path-}" ] && give_up "$name was healthy, and does not answer any more" ;;
  [45]??) [ "${p_path-}" ] && give_up "$name was healthy, and $p_path answers with status $got now" ;;
  esac
done 3<"$release/containers" 4<"$release/ports"
# They come again with the host.
docker update --restart unless-stopped $(cat "$release/containers") >/dev/null || give_up 'docker does not start the containers again with the host'
# What sets the rules again when the host starts, and when somebody loads those of the host anew.
if [ -d /run/systemd/system ]; then
  unit=/etc/systemd/system/steadyhand-routes.service
  cat >"$unit.new" <<END
[Unit]
Description=Traffic to the current containers of Steadyhand
After=nftables.service
Before=docker.service caddy.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for rules in $routes/*.nft; do nft -f "\$\$rules"; done'
ExecReload=/bin/sh -c 'for rules in $routes/*.nft; do nft -f "\$\$rules"; done'
[Install]
WantedBy=multi-user.target
END
  if cmp -s "$unit.new" "$unit"; then rm -f "$unit.new"
  else
    chmod 644 "$unit.new"
    mv "$unit.new" "$unit"
    systemctl daemon-reload
    systemctl enable -q steadyhand-routes.service
    systemctl start steadyhand-routes.service
  fi
else
  echo "This host has no systemd: let it run \`for rules in $routes/*.nft; do nft -f \$rules; done\` when it starts."
fi
# Containers that traffic goes to are not taken away before it goes elsewhere.
trap 'back "it was stopped while traffic was being switched"' TERM
lead_to "$p_deployment" || back 'the rules for its traffic could not be set (nft has said why)'
got=$(status_of "http://127.0.0.1:$port/${p_path+${p_path#/}}")
case $got in
'') [ "${p_path-}" ] && back "it is healthy, and does not answer at 127.0.0.1:$port, the port of $p_environment; is there a firewall on loopback?" ;;
[45]??) [ "${p_path-}" ] && back "it is healthy, and $p_path answers with status $got at 127.0.0.1:$port" ;;
esac
# What Caddy is told of each name. One that does not lead anywhere yet gets a certificate of Caddy's own, unless it had another one.
sites_of() {
  printf '%s\n' "$p_domains" | while IFS= read -r name; do
    [ "$name" ] || continue
    internal=
    case $name in
    http://* | *'*'* | *:[0-9]*) ;;
    *) [ "$(getent ahosts "${name#https://}" 2>/dev/null)" ] || internal=1 ;;
    esac
    if [ "$internal" ] && grep -qFx "$name {" "$site" 2>/dev/null && ! grep -FxA 1 "$name {" "$site" | grep -q 'tls internal'; then internal=; fi
    printf '%s {\n' "$name"
    [ "$internal" ] && printf '\ttls internal\n'
    printf '\tencode zstd gzip\n\treverse_proxy 127.0.0.1:%s {\n\t\tlb_try_duration 3s\n\t\ttransport http {\n\t\t\tkeepalive off\n\t\t}\n\t}\n}\n' "$port"
  done
}
if [ "${p_domains-}" ] || [ -f "$site" ]; then
  # Caddy reads them as a user of its own.
  (
    umask 022
    mkdir -p "$sites"
    [ -f "$main" ] || : >"$main"
    [ "${p_domains-}" ] && sites_of >"$sites/$p_environment.new"
  )
  running=$(ps -eo args 2>/dev/null | grep '[c]addy run' | head -n 1)
  case $running in
  '' | *"$main"*) ;;
  *) back "Caddy runs with another configuration than $main (\`$running\`), which would be lost; let it import $sites/*.caddy, and run it with $main" ;;
  esac
  if ! cmp -s "$sites/$p_environment.new" "$site" || { [ "${p_domains-}" ] && ! grep -q '^import steadyhand/\*\.caddy' "$main"; }; then
    [ -f "$site" ] && cp -p "$site" "$sites/$p_environment.old"
    moved=1
    if [ "${p_domains-}" ]; then mv "$sites/$p_environment.new" "$site"; else rm -f "$site"; fi
    grep -q '^import steadyhand/\*\.caddy' "$main" || { cp -p "$main" "$main.before-steadyhand"; printf '\nimport steadyhand/*.caddy\n' >>"$main"; }
    if ! said=$(caddy adapt --adapter caddyfile --config "$main" 2>&1); then
      printf '%s\n' "$said"
      back 'Caddy does not take its new site (its words are above)'
    fi
    if ! said=$(caddy reload --adapter caddyfile --config "$main" 2>&1) && [ "$running" ]; then
      printf '%s\n' "$said"
      back 'Caddy did not take its new site (its words are above)'
    fi
  fi
  if [ ! "$running" ]; then
    if [ -d /run/systemd/system ]; then systemctl start caddy
    else caddy start --adapter caddyfile --config "$main" >"$app/caddy.log" 2>&1 </dev/null; fi || {
      cat "$app/caddy.log" 2>/dev/null
      back 'Caddy could not be started (its words are above)'
    }
  fi
  if has curl; then
    for name in $(printf '%s\n' "${p_domains-}"); do
      # Certificates of a public authority take their time; the others are there at once.
      case $name in
      http://*) url=$name/ at=80 ;;
      *) grep -FxA 1 "$name {" "$site" | grep -q 'tls internal' || continue
        url=https://${name#https://}/ at=443 ;;
      esac
      bare=${name#*://}
      tries=0
      until got=$(curl -sk -m 5 -o /dev/null -w '%{http_code}' --resolve "$bare:$at:127.0.0.1" "$url") && [ "$got" != 502 ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 10 ] || back "$name does not answer through Caddy (status ${got:-none})"
        sleep 0.5 2>/dev/null || sleep 1
      done
    done
  fi
  [ "${p_domains-}" ] && [ "$moved" ] && printf 'Caddy serves %s.\n' "$(printf '%s' "$p_domains" | tr '\n' ' ')"
fi
: >"$release/served"
# A restart takes nothing's place: what was before it stays what one goes back to.
[ "$current" ] && [ "$current" != "${p_takes_from-}" ] && printf '%s\n' "$current" >"$app/previous"
printf '%s\n' "$p_deployment" >"$app/current.new" || back 'the host could not record which deployment serves; is its disk full?'
# From here on it is the one that serves, also when it is stopped now.
trap '' TERM
mv "$app/current.new" "$app/current" || back 'the host could not record which deployment serves'
rm -f "$app/stopped"
echo switched | report
rm -f "$sites/$p_environment.old"
printf 'All new traffic goes to deployment %s.\n' "$p_number"
