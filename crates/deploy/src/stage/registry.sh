# Lets docker have what the registry gives to `p_user` alone, with `p_password`. Its name is $1, or that of Docker Hub. The login is
# kept in folder $2, which the stage removes; why there is none is in `refused`.
log_in() {
  [ "${p_user+set}" ] || return 0
  own=${DOCKER_CONFIG:-${HOME:-/root}/.docker}
  DOCKER_CONFIG=$2/docker
  export DOCKER_CONFIG
  mkdir "$DOCKER_CONFIG" || fail "$2 cannot be written"
  # What else docker was told counts as well, unless that has a program keep passwords, which would keep this one for good.
  if [ -f "$own/config.json" ] && ! grep -q '"cred[sH]' "$own/config.json"; then cp "$own/config.json" "$DOCKER_CONFIG/"; fi
  for folder in cli-plugins contexts; do
    [ -d "$own/$folder" ] && ln -s "$own/$folder" "$DOCKER_CONFIG/$folder"
  done
  said=$(printf '%s' "$p_password" | docker login -u "$p_user" --password-stdin ${1:+"$1"} 2>&1) && return
  refused="the login to the registry ${1:-Docker Hub} as $p_user, which \`registry\` asks for, did not succeed: $said"
  return 1
}
