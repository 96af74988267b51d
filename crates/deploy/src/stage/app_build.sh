# The image, built by the host itself. What was built before is used again as far as it is the same.
hold 7200
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
# The same source, built in the same way, is the same image.
same=$({
  git -C "$app/source" rev-parse 'HEAD^{tree}'
  printf '%s\n' "$source"
  cat "$file"
  printf '%s\n' "${p_target-}" "${p_args-}" "${p_secrets-}"
  cat "$secrets/build_variables" 2>/dev/null
} | sha256sum | cut -d ' ' -f 1)
printf '%s\n' "$same" >"$release/built-from"
if [ "$current" ] && [ "$(cat "$app/releases/$current/built-from" 2>/dev/null)" = "$same" ] &&
  docker tag "steadyhand/$p_environment:$current" "$image" 2>/dev/null; then
  printf 'Source and settings are those of deployment %s: its image is used again, and nothing is built.\n' "${current%%-*}"
else
  { docker build "$@" "$source" </dev/null 2>&1; echo $? >"$secrets/status"; } | tee "$secrets/log"
  status=$(cat "$secrets/status" 2>/dev/null)
  [ "$status" = 0 ] || give_up "the image could not be built (status ${status:-unknown}; what went wrong is above)"
  [ "${sum-}" ] && printf '%s\n' "$sum" >"$app/build-variables"
  all=$(grep -c '^#[0-9]* \[[^]]*[0-9]/[0-9]*\] ' "$secrets/log")
  cached=$(grep -c '^#[0-9]* CACHED' "$secrets/log")
  printf '%s of %s steps were cached.\n' "$cached" "$all"
fi
printf 'image %s\n' "$(docker image inspect -f '{{.Id}}' "$image")" | report
hold 600
