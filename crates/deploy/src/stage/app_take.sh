# The source that was sent from the machine of whoever deploys: a folder, which is in its place, or an archive, which is unpacked here.
# `p_here` is where it was there, `p_sent` where it is here, `p_sha256` what it has, and `p_is` what the plan says it is: folder, archive
# or bundle.
hold 3600
source=$app/source
is=$p_is
umask 022
rm -f "$release/archive" "$release/upload"
work=$(mktemp -d) || fail 'there is no place for temporary files'
new=$app/source.new
trap 'rm -rf "$work" "$new"' EXIT
full() { give_up "$1 ($(df -Pm "$app" | awk 'NR == 2 { print $4 }') MiB are free on this host; make room there if that is too little)"; }
out() { give_up "the archive has a path that leads out of it: $1. Nothing was unpacked; pack it again from within its folder"; }
none() { give_up "what was sent is no archive that can be unpacked here: $1. Use tar (also with gzip, bzip2, xz or zstd) or zip"; }
# Whether a list of names has one that leads out.
leads_out() { grep -m 1 -e '^/' -e '^\.\./' -e '/\.\./' -e '/\.\.$' -e '^\.\.$' "$1"; }
# The tar archive without what compresses it.
plain() {
  if [ "$tool" ]; then "$tool" -dc <"$p_sent"; else cat "$p_sent"; fi || : >"$work/cut"
}
untar() {
  plain 2>"$work/why" | tar -tf - >"$work/names" 2>>"$work/why" || none "$(tail -n 1 "$work/why")"
  [ -e "$work/cut" ] && none "$(tail -n 1 "$work/why")"
  path=$(leads_out "$work/names") && out "$path"
  # A source may have a manifest.json, too: that of an image is a list of layers.
  if [ "$is" = archive ] && grep -q -x -e '\(\./\)\{0,1\}oci-layout' -e '\(\./\)\{0,1\}manifest.json' "$work/names" &&
    { plain | tar -xOf - oci-layout || plain | tar -xOf - ./oci-layout || plain | tar -xOf - manifest.json || plain | tar -xOf - ./manifest.json; } \
      2>/dev/null | head -c 4000 | grep -q -e '"imageLayoutVersion"' -e '"Layers"'; then
    is=image
    printf '%s\n%s\n' "$p_sent" "$tool" >"$release/archive"
    return
  fi
  mkdir "$new" || give_up "$new cannot be made"
  plain | tar -C "$new" -x -o --no-same-permissions -f - 2>"$work/why" || full "the archive could not be unpacked: $(head -n 1 "$work/why")"
}
unzips() {
  mkdir "$new" || give_up "$new cannot be made"
  if has unzip && unzip -Z1 "$p_sent" >"$work/names" 2>/dev/null; then how=info-zip
  elif has python3; then
    how=python3
    python3 -c 'import sys, zipfile; print("\n".join(zipfile.ZipFile(sys.argv[1]).namelist()))' "$p_sent" >"$work/names" 2>"$work/why" ||
      none "$(tail -n 1 "$work/why")"
  elif has unzip; then how=unzip
  elif has busybox && busybox --list | grep -qx unzip; then how='busybox unzip'
  else give_up 'zip archives cannot be unpacked on this host: install the package unzip there (`package: unzip`), or send a tar archive'; fi
  if [ -s "$work/names" ] && path=$(leads_out "$work/names"); then out "$path"; fi
  # A status of 1 is a warning of Info-ZIP.
  case $how in
  info-zip) unzip -q -o "$p_sent" -d "$new" >"$work/why" 2>&1 </dev/null || [ $? = 1 ] ;;
  python3)
    python3 -c 'import os, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
for i in z.infolist(): p = z.extract(i, sys.argv[2]); m = i.external_attr >> 16 & 0o777; m and not i.is_dir() and os.chmod(p, m)' \
      "$p_sent" "$new" 2>"$work/why" ;;
  *) $how -q -o "$p_sent" -d "$new" >"$work/why" 2>&1 </dev/null ;;
  esac || full "the archive could not be unpacked: $(tail -n 1 "$work/why")"
}
if [ -f "$p_sent" ]; then
  # It may have been damaged since it came.
  if [ "$({ if has sha256sum; then sha256sum; elif has shasum; then shasum -a 256; else openssl dgst -sha256 -r; fi; } <"$p_sent" | cut -d ' ' -f 1)" != "$p_sha256" ]; then
    rm -f "$p_sent"
    give_up 'the archive is not what was sent any more: deploy again'
  fi
  printf '%s\n' "$p_sha256" >"$release/upload"
  rm -rf "$new"
  tool=
  magic=$(od -An -tx1 -N6 "$p_sent" | tr -d ' \n')
  case $magic in
  504b0304* | 504b0506*) unzips ;;
  *)
    case $magic in
    1f8b*) tool=gzip ;;
    425a68*) tool=bzip2 ;;
    fd377a585a00) tool=xz ;;
    28b52ffd*) tool=zstd ;;
    esac
    [ ! "$tool" ] || has "$tool" ||
      give_up "the archive is compressed with $tool, which is not installed on this host: install it there, or pack the archive with gzip"
    untar ;;
  esac
  if [ "$is" != image ]; then
    rm -rf "$new/__MACOSX"
    find "$new" ! -type f ! -type d ! -type l -exec rm -f {} +
    top=$new
    [ "$(ls -A "$new" | wc -l)" -eq 1 ] && [ -d "$new/$(ls -A "$new")" ] && [ ! -L "$new/$(ls -A "$new")" ] && top=$new/$(ls -A "$new")
    [ "$(ls -A "$top")" ] || give_up 'the archive has nothing in it'
    rm -rf "$source"
    try mv "$top" "$source"
    printf 'Unpacked: %s files.\n' "$(find "$source" -type f | wc -l | tr -d ' ')"
  fi
fi
# What is built from it, and whether that was built before.
printf '%s\n' "$p_sha256" >"$release/made-of"
if [ "$is" = image ]; then
  echo 'It is an image, as docker saves them.'
  printf 'is image\nfrom %s\nsha256 %s\n' "$p_here" "$p_sha256" | report
else
  folder=$source${p_path:+/$p_path}
  case /${p_path-}/ in */../*) give_up "\`path\` must be within the source" ;; esac
  [ -d "$folder" ] || give_up "what was sent has no folder ${p_path-}; correct \`path\`"
  case $(cd -P "$folder" && pwd -P)/ in "$(cd -P "$source" && pwd -P)"/*) ;; *) give_up "${p_path-} is a link that leads out of the source" ;; esac
  {
    printf 'is %s\nfrom %s\nsha256 %s\n' "$is" "$p_here" "$p_sha256"
    [ "${p_more-}" ] && printf '%s\n' "$p_more"
    printf '\n'
    cd "$source" || exit
    {
      IFS='
'
      set -f
      set --
      for name in $p_skipped; do set -- "$@" -o -name "$name"; done
      shift
      find . -type d \( "$@" \) -prune -o -type f -exec stat -c 'F %s %n' {} + | head -n 20000
      for name in $p_wanted; do
        case $name in */*) set -- "$@" -o -path "*/$name" ;; *) set -- "$@" -o -name "$name" ;; esac
      done
      # Of a folder that is skipped, the names of files say nothing.
      find . -type d \( "$@" \) -prune -o -type f \( "$@" \) -print | texts
    } | packed 4000
  } | report
fi
hold 600
