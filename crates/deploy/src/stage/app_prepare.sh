# Whether the host has what a deployment needs, and that nobody else deploys to this environment.
lacking=
sent=${p_folder-}${p_archive-}${p_bundle-}
for tool in docker nft ${p_git:+git} ${sent:+tar} ${p_domains:+caddy}; do
  has "$tool" || lacking="$lacking $tool"
done
has curl || has wget || lacking="$lacking curl"
if [ "$lacking" ]; then
  fail "not installed here:$lacking. Install them in a task that \`app\` needs, on Debian for instance with \
\`package: [docker.io, nftables, git, caddy, curl]\`"
fi
if ! said=$(docker version --format '{{.Server.Version}}' 2>&1); then
  fail "docker is installed and does not answer: $said. Start it, for instance with \`service: { name: docker, state: running }\`"
fi
printf 'docker %s\n' "$said"
client=$(docker version --format '{{.Client.Version}}' 2>/dev/null)
if [ ! "${p_image-}" ] && [ "${client%%.*}" -ge 23 ] 2>/dev/null && ! docker buildx version >/dev/null 2>&1; then
  fail 'docker cannot build here without buildx: install the package docker-buildx, or docker-buildx-plugin'
fi
mkdir -p "$app/releases" || fail "$app cannot be made"
# Two applications of one name would take each other's place.
if [ "$sent" ]; then origin='a machine that sends its source'; else origin=${p_git:-${p_image%%[:@]*}}; fi
if [ -s "$app/origin" ] && [ "$(cat "$app/origin")" != "$origin" ]; then
  fail "another application is called $p_environment here: it comes from $(cat "$app/origin"), and this one from $origin. Give this plan \
another name; if it is the same application and has only moved, remove $app/origin"
fi
printf '%s\n' "$origin" >"$app/origin" || fail "$app cannot be written"
# What is sent may take long, and nobody says here how long yet.
if [ "$sent" ]; then hold 10800; else hold 600; fi
# What did not come completely is of nobody any more.
rm -f "$app"/uploads/*.part
# A host that went down in the middle of a switch may still lead to what is taken away now.
if [ "$current" ]; then
  lead_back || fail 'the rules for its traffic could not be set (nft has said why); is this root, with nftables in the kernel?'
fi
# What was left by a deployment that was ended, or whose host went down.
for id in $(docker ps -aq --filter "label=steadyhand.app=$p_environment"); do
  of=$(docker inspect -f '{{index .Config.Labels "steadyhand.release"}}' "$id" 2>/dev/null)
  if [ "$of" ] && [ "$of" != "$current" ]; then
    printf 'A container of deployment %s was left over: removed.\n' "${of%%-*}"
    docker rm -f "$id" >/dev/null 2>&1
  fi
done
mkdir -p "$release" || fail "$release cannot be made"
taken() {
  # In /proc/net/tcp ports are hexadecimal.
  grep -qi ":$(printf '%04X' "$1") 0*:0000" /proc/net/tcp /proc/net/tcp6 2>/dev/null && return
  grep -qx "$1" "$base"/apps/*/port 2>/dev/null
}
if [ ! -s "$app/port" ]; then
  mkdir -p "$base/ports"
  port=4100
  # Who makes the file has the port, also when two applications come at the same time.
  while taken "$port" || ! (set -C; printf '%s\n' "$p_environment" >"$base/ports/$port") 2>/dev/null; do port=$((port + 1)); done
  printf '%s\n' "$port" >"$app/port"
fi
printf 'Reached at 127.0.0.1:%s on this host.\n' "$(cat "$app/port")"
