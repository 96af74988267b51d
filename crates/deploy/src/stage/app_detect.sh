# How it is built, as it was found out from what the repository has.
hold 600
printf '%s\n' "$p_found"
if [ "${p_made+set}" ]; then
  printf '%s\n' "$p_made" >"$release/Dockerfile"
  printf '%s\n' "${p_ignored-}" >"$release/Dockerfile.dockerignore"
  printf '%s\n' "$p_context" >"$release/context"
  printf '\n%s\n' "$p_made" | sed 's/^/  /'
else
  rm -f "$release/Dockerfile"
fi
