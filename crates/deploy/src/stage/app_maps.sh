# The source maps of what serves are taken out of a container of it, without running anything of it. They are kept beside the release
# here, so that a way back need not look for them again, and fetched from here.
work=$release/maps.d
trap 'rm -rf "$work"; exit 143' TERM
tell() {
  case $1 in
  0) echo 'It has no source maps.' ;;
  1) echo 'Kept: 1 source map.' ;;
  *) printf 'Kept: %s source maps.\n' "$1" ;;
  esac
  if [ "$1" -gt 0 ]; then printf 'maps %s\ncollect %s\n' "$1" "$release/maps.tar.gz" | report
  else printf 'maps 0\n' | report; fi
  finish
}
if [ "${p_source_maps-}" = no ]; then
  echo 'The plan says `source_maps: no`.'
  printf 'maps 0\n' | report
  finish
fi
# The same image was looked through before, by the release that this one takes or by the one before it.
id=$(docker image inspect -f '{{.Id}}' "$image" 2>/dev/null)
for name in ${p_takes_from-} $(cat "$app/previous" 2>/dev/null); do
  from=$app/releases/$name
  [ "$name" != "$p_deployment" ] && [ "$id" ] && [ -f "$from/maps" ] || continue
  [ "$(docker image inspect -f '{{.Id}}' "steadyhand/$p_environment:$name" 2>/dev/null)" = "$id" ] || continue
  if [ -f "$from/maps.tar.gz" ]; then cp "$from/maps.tar.gz" "$release/maps.tar.gz" || fail "$release cannot be written"; fi
  cp "$from/maps" "$release/maps" || fail "$release cannot be written"
  tell "$(cat "$release/maps")"
done
container=$(head -n 1 "$release/containers")
has tar || fail 'there is no `tar` here, so its source maps cannot be kept. The deployment serves all the same'
rm -rf "$work" "$release/maps.tar.gz"
mkdir -p "$work/in" || fail "$release cannot be written"
exported() { docker export "$container" 2>"$work/said" || echo failed >"$work/failed"; }
unpacked() { nice -n 10 tar -x -o -f - -C "$work/in" "$@" 2>/dev/null; }
# What is of packages is none of the application's. GNU's tar takes patterns; to others the names are told, once they are known.
# Names that are not found are no failure.
case $(tar --version 2>/dev/null) in
*GNU*) exported | unpacked --wildcards '--exclude=*/node_modules/*' '--exclude=node_modules/*' '*.js' '*.mjs' '*.cjs' '*.js.map' '*.mjs.map' '*.cjs.map' ;;
*)
  exported | tar -t -f - 2>/dev/null | grep -E '\.[cm]?js(\.map)?$' | grep -vE '(^|/)node_modules/' | head -n 5000 >"$work/names"
  if [ -s "$work/names" ]; then
    IFS='
'
    set -f
    exported | unpacked $(cat "$work/names")
    set +f
    unset IFS
  fi
  ;;
esac
if [ -f "$work/failed" ] && [ -s "$work/said" ]; then
  cat "$work/said"
  rm -rf "$work"
  fail 'what is in its container could not be read (docker has said why). The deployment serves all the same'
fi
cd "$work/in" || fail "$work is gone"
# A bundle that has its map in itself, in its last lines.
find . -type f \( -name '*.js' -o -name '*.mjs' -o -name '*.cjs' \) -exec grep -l '^//# sourceMappingURL=data:application/json' {} + 2>/dev/null |
  while IFS= read -r file; do
    [ -f "$file.map" ] || grep '^//# sourceMappingURL=data:application/json' "$file" | tail -n 1 >"$file.inline"
  done
find . -type f \( -name '*.map' -o -name '*.inline' \) -exec wc -c {} + | sort -k 2 | awk -v list="$work/left" '
  { size = $1; path = $0; sub(/^ *[0-9]+ /, "", path) }
  path !~ /^\.\// { next }
  size > 16000000 || n >= 500 || all + size > 60000000 { left++; bytes += size; print path >list; next }
  { n++; all += size }
  END { print n + 0, left + 0, bytes + 0 }' >"$work/counts"
read -r count left bytes <"$work/counts"
if [ "${left:-0}" -gt 0 ]; then
  while IFS= read -r file; do rm -f "$file"; done <"$work/left"
  printf 'Left out: %s source maps (%s MB). At most 500 are kept, of 60 MB in all, and none above 16 MB.\n' "$left" "$((bytes / 1000000))"
fi
if [ "${count:-0}" -gt 0 ]; then
  find . ! -type d ! -name '*.map' ! -name '*.inline' -exec rm -f {} +
  tar -czf "$release/maps.tar.gz" . || fail "$release cannot be written"
fi
cd / && rm -rf "$work"
printf '%s\n' "${count:-0}" >"$release/maps"
tell "${count:-0}"
