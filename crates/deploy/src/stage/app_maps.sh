# The source maps of what serves are taken out of a container of it, without running anything of it. They are kept beside the release
# here, so that a way back need not look for them again, and fetched from here.
#
# All names in an image are strangers' words, and this runs as root: nothing is written to a path that has one of them in it, but by
# tar, into an empty folder, and tar is told of regular files only. What is kept is called by numbers, and has its name in its first line.
work=$release/maps.d
kept=$release/source_maps.tar.gz
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM
tell() {
  case $1 in
  0) echo 'It has no source maps.' ;;
  1) echo 'Kept: 1 source map.' ;;
  *) printf 'Kept: %s source maps.\n' "$1" ;;
  esac
  if [ "$1" -gt 0 ]; then printf 'maps %s\ncollect %s\n' "$1" "$kept" | report
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
  [ "$name" != "$p_deployment" ] && [ "$id" ] && [ -f "$from/source_maps" ] || continue
  [ "$(docker image inspect -f '{{.Id}}' "steadyhand/$p_environment:$name" 2>/dev/null)" = "$id" ] || continue
  if [ -f "$from/source_maps.tar.gz" ]; then cp "$from/source_maps.tar.gz" "$kept" || fail "$release cannot be written"; fi
  cp "$from/source_maps" "$release/source_maps" || fail "$release cannot be written"
  tell "$(cat "$release/source_maps")"
done
container=$(head -n 1 "$release/containers")
has tar || fail 'there is no `tar` here, so its source maps cannot be kept. The deployment serves all the same'
rm -rf "$work" "$kept"
mkdir -p "$work/in" "$work/out" || fail "$release cannot be written"
exported() { docker export "$container" 2>"$work/docker"; echo $? >"$work/exported"; }
# Fails when docker or tar has, whose status $1 is. When tar ends early, docker only says that nobody reads what it writes; and that a name is
# not found is no failure.
blame() {
  if [ "$(cat "$work/exported")" != 0 ] && grep -v -i -e 'broken pipe' "$work/docker" >"$work/said"; then
    cat "$work/said"
    fail 'what is in its container could not be read (docker has said why). The deployment serves all the same'
  fi
  [ "$1" = 0 ] && return
  # Who is ended by a signal says nothing.
  if grep -v -i -e 'not found in archive' -e 'exiting with failure status' "$work/tar" >"$work/said" || [ "$1" -gt 128 ]; then
    head -n 5 "$work/said"
    fail "what is in its container could not be unpacked below $release: tar ended with status $1. The deployment serves all the same"
  fi
}
exported | {
  tar -t -v -f - 2>"$work/tar"
  echo $? >"$work/listed"
} >"$work/list"
blame "$(cat "$work/listed")"
is_gnu=
case $(tar --version 2>/dev/null) in *GNU*) is_gnu=1 ;; esac
# A quarter of what is free may be used for a while.
room=$(df -Pk "$release" | awk 'NR == 2 { print int($4 / 4) * 1024 }')
# What is of packages is none of the application's, and a bundle beside which its map lies need not be looked into. Names that a tar
# could take for something else are left out: options, patterns of busybox (they are escaped), lines that are no names.
awk -v gnu="$is_gnu" -v room="${room:-0}" -v names="$work/names" '
  !/^-/ || !match($0, / [0-9]+ [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9](:[0-9][0-9])? /) { next }
  { split(substr($0, RSTART + 1, RLENGTH), part, " "); size = part[1] + 0; name = substr($0, RSTART + RLENGTH) }
  name !~ /\.[cm]?js(\.map)?$/ || name ~ /(^|\/)node_modules\// || name ~ /^[- \t]/ { next }
  gnu ? name ~ /\\[^0-7]/ : name ~ /\\/ { next }
  name ~ /\.map$/ { map[++maps] = name; long[maps] = size; has[name] = 1; next }
  { file[++files] = name; wide[files] = size }
  function unpack(name) {
    if (!gnu) gsub(/[][*?]/, "\\\\&", name)
    told += length(name) + 9
    print name >names
  }
  END {
    for (i = 1; i <= maps; i++)
      if (long[i] > 16000000 || n >= 500 || all + long[i] > 60000000 || all + long[i] > room || told > 500000) { left++; bytes += long[i] }
      else { n++; all += long[i]; unpack(map[i]) }
    for (i = 1; i <= files; i++) {
      if ((file[i] ".map") in has) continue
      if (wide[i] > 40000000 || looked >= 5000 || all + wide[i] > 400000000 || all + wide[i] > room || told > 500000) { unread++; continue }
      looked++; all += wide[i]; unpack(file[i])
    }
    print left + 0, int(bytes / 1000000), unread + 0
  }' "$work/list" >"$work/counts"
read -r left megabytes unread <"$work/counts"
if [ -s "$work/names" ]; then
  exported | (
    # Of 512 bytes or of 1024 each: what is longer than it was said to be does not fill the disk.
    ulimit -f 100000
    if tar --help 2>&1 | grep -q -e '^ *-T'; then
      set -- -T "$work/names"
      [ "$is_gnu" ] && set -- --no-recursion "$@"
    else
      IFS='
'
      set -f
      set -- -- $(cat "$work/names")
      unset IFS
    fi
    if has nice; then gently='nice -n 10'; else gently=; fi
    $gently tar -x -o -f - -C "$work/in" "$@" 2>"$work/tar" >/dev/null
    echo $? >"$work/unpacked"
  )
  blame "$(cat "$work/unpacked" 2>/dev/null || echo 129)"
fi
cd "$work/in" || fail "$work is gone"
# Whatever else has come along: links above all, and names of two lines.
find . ! -type d ! -type f -exec rm -f {} +
find . -type f -links +1 -exec rm -f {} + 2>/dev/null
find . -depth -name '*
*' -exec rm -rf {} + 2>/dev/null
count=0 all=0
# Keeps what stands in $1, as the map (or, with $3, as the line with the map) of the bundle $2.
keep() {
  size=$(wc -c <"$1")
  if [ "$size" -gt 22000000 ] || [ "$count" -ge 500 ] || [ $((all + size)) -gt 80000000 ]; then
    left=$((left + 1)) megabytes=$((megabytes + size / 1000000))
    return
  fi
  count=$((count + 1)) all=$((all + size))
  { printf '%s\n' "/${2#./}" && cat "$1"; } >"$work/out/$count.$3" || fail "$release cannot be written"
}
find . -type f -name '*.map' | sort >"$work/found"
while IFS= read -r file; do
  keep "$file" "${file%.map}" map
  rm -f "$file"
done <"$work/found"
# A bundle that has its map in itself, in its last lines.
find . -type f \( -name '*.js' -o -name '*.mjs' -o -name '*.cjs' \) -exec grep -l '^//# sourceMappingURL=data:application/json' {} + 2>/dev/null |
  sort >"$work/found"
while IFS= read -r file; do
  grep '^//# sourceMappingURL=data:application/json' "$file" | tail -n 1 >"$work/line"
  keep "$work/line" "$file" inline
done <"$work/found"
if [ "$left" -gt 0 ]; then
  printf 'Left out: %s source maps (%s MB). At most 500 are kept, of 60 MB in all, and none above 16 MB; less where the disk is nearly full.\n' "$left" "$megabytes"
fi
if [ "$unread" -gt 0 ]; then printf 'Not looked into, as they are too many or too long: %s files without a map beside them.\n' "$unread"; fi
if [ "$count" -gt 0 ]; then tar -czf "$kept" -C "$work/out" . || fail "$release cannot be written"; fi
cd / || exit
printf '%s\n' "$count" >"$release/source_maps"
tell "$count"
