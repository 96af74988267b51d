# The image, built by the host itself. What was built before is used again as far as it is the same.
hold 7200
# The same source, built in the same way, is the same image.
is_same() {
  printf '%s\n' "$same" >"$release/built-from"
  [ "$current" ] && [ "$(cat "$app/releases/$current/built-from" 2>/dev/null)" = "$same" ] &&
    docker tag "steadyhand/$p_environment:$current" "$image" 2>/dev/null || return
  printf 'Source and settings are those of deployment %s: its image is used again, and nothing is built.\n' "${current%%-*}"
}
told() { printf 'image %s\n' "$(docker image inspect -f '{{.Id}}' "$image")" | report; }
if [ -f "$release/archive" ]; then
  same="image $(cat "$release/made-of")"
  if ! is_same; then
    { read -r archive && read -r tool; } <"$release/archive"
    names=$(docker images --format '{{.Repository}}:{{.Tag}}')
    said=$(if [ "$tool" ]; then "$tool" -dc <"$archive"; else cat "$archive"; fi | docker load 2>&1) ||
      give_up "the image could not be loaded: $said"
    printf '%s\n' "$said"
    loaded=$(printf '%s\n' "$said" | sed -n 's/^Loaded image ID: //p; s/^Loaded image: //p')
    ids=$(for name in $loaded; do docker image inspect -f '{{.Id}}' "$name"; done | sort -u)
    [ "$(printf '%s' "$ids" | grep -c .)" = 1 ] || give_up 'the archive does not have exactly one image: save the one that is to be deployed, with `docker save NAME`'
    docker tag "$ids" "$image" || give_up 'the image could not be kept'
    # It is kept under the name of its deployment. One that it brought along is not needed, unless this host had it before.
    for name in $loaded; do
      case $name in sha256:*) ;; *) printf '%s\n' "$names" | grep -qxF "$name" || docker image rm "$name" >/dev/null 2>&1 ;; esac
    done
  fi
  told
  hold 600
  finish
fi
source=$app/source${p_path:+/$p_path}
file=$source/${p_dockerfile:-Dockerfile}
if [ -f "$release/Dockerfile" ]; then
  # The folder of a workspace may be above that of the application.
  file=$release/Dockerfile source=$app/source/$(cat "$release/context")
fi
[ -f "$file" ] || give_up "the source has no ${p_dockerfile:-Dockerfile}, and none was made for it"
secrets=$(mktemp -d /dev/shm/steadyhand.XXXXXX 2>/dev/null || mktemp -d) || fail 'there is no place for temporary files'
trap 'rm -rf "$secrets"' EXIT
set -- --progress=plain --label "steadyhand.app=$p_environment" --label "steadyhand.release=$p_deployment" -t "$image" -f "$file"
[ "${p_target-}" ] && set -- "$@" --target "$p_target"
while IFS= read -r line; do
  [ "$line" ] && set -- "$@" --build-arg "$line"
done <<END
${p_args-}
END
mkdir "$secrets/own"
while IFS= read -r line; do
  [ "$line" ] || continue
  case ${line%%=*} in .* | *[!A-Za-z0-9_.-]*) give_up "\`${line%%=*}\` cannot name a build secret: letters, digits, _ . and - can" ;; esac
  printf '%s' "${line#*=}" >"$secrets/own/${line%%=*}"
  set -- "$@" --secret "id=${line%%=*},src=$secrets/own/${line%%=*}"
done <<END
${p_secrets-}
END
# Dockerfiles that were made for the source take the variables that are needed at build as one secret. A build does not notice by
# itself that a secret is another one.
if grep -q 'id=build_variables' "$file"; then
  printf '%s\n' "${p_env-}" | sed -n "s/'/'\\\\''/g; s/^\([A-Za-z_][A-Za-z0-9_]*\)=\(.*\)$/\1='\2'/p" >"$secrets/build_variables"
  set -- "$@" --secret "id=build_variables,src=$secrets/build_variables"
  sum=$(sha256sum <"$secrets/build_variables")
  [ "$(cat "$app/build-variables" 2>/dev/null)" = "$sum" ] || set -- "$@" --no-cache
fi
same=$({
  cat "$release/made-of"
  printf '%s\n' "$source"
  cat "$file"
  printf '%s\n' "${p_target-}" "${p_args-}" "${p_secrets-}"
  cat "$secrets/build_variables" 2>/dev/null
} | sha256sum | cut -d ' ' -f 1)
if ! is_same; then
  log_in "${p_server-}" "$secrets" || give_up "$refused"
  docker_root=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null)
  [ -d "$docker_root" ] || docker_root=/var/lib
  lack=$(lacking_now)
  [ "$lack" ] && give_up "nothing was built: $lack. Make room first"
  { guarded "$secrets/lack" docker build "$@" "$source" </dev/null 2>&1; echo $? >"$secrets/status"; } | tee "$secrets/log"
  status=$(cat "$secrets/status" 2>/dev/null)
  [ "$status" != 0 ] && [ -s "$secrets/lack" ] && give_up "the build was ended, as $(cat "$secrets/lack"): what serves comes first. Make room, give the host more, or build elsewhere and deploy an image"
  [ "$status" = 0 ] || give_up "the image could not be built (status ${status:-unknown}; what went wrong is above)"
  [ "${sum-}" ] && printf '%s\n' "$sum" >"$app/build-variables"
  all=$(grep -c '^#[0-9]* \[[^]]*[0-9]/[0-9]*\] ' "$secrets/log")
  cached=$(grep -c '^#[0-9]* CACHED' "$secrets/log")
  printf '%s of %s steps were cached.\n' "$cached" "$all"
fi
told
hold 600
