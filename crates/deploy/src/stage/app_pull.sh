# The image of a registry, kept under a name of its own. Whatever its tag, it may be another one today.
hold 3600
refused=
case $p_image in
*@sha256:*) has_it=$(docker image inspect -f . "$p_image" 2>/dev/null) ;;
*) has_it= ;;
esac
logins=$(mktemp -d /dev/shm/steadyhand.XXXXXX 2>/dev/null || mktemp -d) || fail 'there is no place for temporary files'
trap 'rm -rf "$logins"' EXIT
# `acme/shop` is of Docker Hub, `ghcr.io/acme/shop` and `localhost/shop` are of what stands first.
case ${p_image%%/*} in
"$p_image") registry= ;;
*.* | *:* | localhost) registry=${p_image%%/*} ;;
*) registry= ;;
esac
if [ ! "$has_it" ] && { ! log_in "${p_server:-$registry}" "$logins" || ! docker pull "$p_image" </dev/null; }; then
  if ! docker image inspect "$p_image" >/dev/null 2>&1; then
    [ "$refused" ] && give_up "$refused"
    give_up "the image $p_image could not be pulled; check its name, and for a private registry give the plan's \`app\` \`registry: { user: …, password: … }\`"
  fi
  printf '%s\n' "$refused" "It could not be pulled: the image that this host has by the name $p_image is used." | sed '/^$/d'
fi
docker tag "$p_image" "$image" || give_up "the image $p_image could not be kept"
printf 'pulled %s\nimage %s\n' "$p_image" "$(docker image inspect -f '{{if .RepoDigests}}{{index .RepoDigests 0}}{{else}}{{.Id}}{{end}}' "$image")" | report
hold 600
