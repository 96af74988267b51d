# The image of a registry, kept under a name of its own.
hold 3600
if ! docker image inspect "$p_image" >/dev/null 2>&1 || [ "${p_image##*:}" = latest ] || [ "${p_image#*:}" = "$p_image" ]; then
  docker pull "$p_image" </dev/null || docker image inspect "$p_image" >/dev/null 2>&1 ||
    give_up "the image $p_image could not be pulled; check its name, and for a private registry that this host is logged in (\`docker login\`)"
fi
try docker tag "$p_image" "$image"
printf 'pulled %s\nimage %s\n' "$p_image" "$(docker image inspect -f '{{if .RepoDigests}}{{index .RepoDigests 0}}{{else}}{{.Id}}{{end}}' "$image")" | report
