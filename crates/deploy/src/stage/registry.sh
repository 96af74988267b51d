# Lets docker have what the registry gives to `p_user` alone, with `p_password`. Its name is $1, or that of Docker Hub. The login is
# kept in folder $2, which the stage removes.
log_in() {
  [ "${p_user+set}" ] || return 0
  own=${DOCKER_CONFIG:-${HOME:-/root}/.docker}
  DOCKER_CONFIG=$2/docker
  export DOCKER_CONFIG
  mkdir "$DOCKER_CONFIG" || fail "$2 cannot be written"
  # Its proxies and its other registries count as well. A program that keeps passwords would keep this one for good.
  if [ -f "$own/config.json" ] && ! grep -q '"cred[sH]' "$own/config.json"; then cp "$own/config.json" "$DOCKER_CONFIG/"; fi
  [ -d "$own/cli-plugins" ] && ln -s "$own/cli-plugins" "$DOCKER_CONFIG/cli-plugins"
  said=$(printf '%s' "$p_password" | docker login -u "$p_user" --password-stdin ${1:+"$1"} 2>&1) ||
    give_up "the registry ${1:-Docker Hub} did not accept the user $p_user and the password of \`registry\`: $said"
}
