# archive: from (a path, or an address that begins with http), to, sha256, strip, creates
[ "${p_creates+set}" ] && case $p_creates in
  '~' | '~/'*) p_creates=$HOME${p_creates#?} ;;
  /*) ;;
  *) p_creates=$p_to/$p_creates ;;
esac
case ${p_sha256-} in *[!0-9a-fA-F]*) fail "sha256: is to be 64 hexadecimal digits" ;; esac
if [ "${p_sha256+set}" ]; then
  [ ${#p_sha256} = 64 ] || fail "sha256: is to be 64 hexadecimal digits"
  p_sha256=$(printf %s "$p_sha256" | tr A-F a-f)
fi
if [ -e "$p_to" ] && [ ! -d "$p_to" ]; then fail "$p_to is there, and is not a directory"; fi
if [ "${p_creates+set}" ] && { [ -e "$p_creates" ] || [ -L "$p_creates" ]; }; then finish; fi
digest() {
  if has sha256sum; then sha256sum; elif has shasum; then shasum -a 256; else openssl dgst -sha256 -r; fi | cut -d' ' -f1
}
case $p_from in
  http://* | https://*)
    [ "${p_sha256+set}" ] || fail "what is fetched from an address needs its sha256:"
    remote=1 sum=$p_sha256 ;;
  *)
    remote=
    [ -d "$p_from" ] && fail "$p_from is a directory, and no archive"
    [ -e "$p_from" ] || missing "there is no $p_from" "upload it in a step before this one"
    [ -r "$p_from" ] || fail "$p_from cannot be read"
    sum=$(digest <"$p_from")
    [ "${p_sha256:-$sum}" = "$sum" ] || fail "$p_from is not what it should be: its SHA-256 is $sum" ;;
esac
# What was unpacked is noted in the directory, a line for each archive: it may have a secret in its address.
note=$p_to/.steadyhand.unpacked
name=$(printf %s "$p_from" | digest)
entry="$name $sum $p_strip"
if [ ! "${p_creates+set}" ] && grep -qxF "$entry" "$note" 2>/dev/null; then finish; fi
shown=$(printf %s "${p_from%%[?#]*}" | sed 's|^\(https*://\)[^/]*@|\1|')
has tar || has unzip || missing "there is no tar on this host" "install it in a step before this one"
if change "$p_to: unpack $shown"; then
  [ -d "$p_to" ] || try mkdir -p -- "$p_to"
  part=$p_to/.steadyhand.unpack.$$
  trap 'rm -rf -- "$part"' EXIT
  rm -rf -- "$part"
  try mkdir -m 0700 -- "$part"
  if [ "$remote" ]; then
    # The address goes in on standard input: it is in no command line.
    if has curl; then
      case $p_from in *['"\']*) fail "the address cannot have a quotation mark or a backslash in it" ;; esac
      printf 'url = "%s"\n' "$p_from" | curl -fsSL --retry 2 -o "$part/archive" -K - || fail "$shown could not be fetched"
    elif has wget; then
      if wget --help 2>&1 </dev/null | grep -q -e --input-file; then printf '%s\n' "$p_from" | wget -q -O "$part/archive" -i - 2>/dev/null
      # That of busybox takes it from nowhere else.
      else wget -q -O "$part/archive" "$p_from" </dev/null; fi || fail "$shown could not be fetched"
    else fail "this host has neither curl nor wget to fetch $shown with; install one in a step before this one"; fi
    is=$(digest <"$part/archive")
    [ "$is" = "$sum" ] || fail "$shown is not what it should be: its SHA-256 is $is"
    file=$part/archive
  else
    case $p_from in /*) file=$p_from ;; *) file=$PWD/$p_from ;; esac
  fi
  magic=$(od -An -tx1 -N6 "$file" | tr -d ' \n')
  kind=
  case $magic in
    504b0304* | 504b0506*)
      has unzip || fail "this host has no unzip; install it in a step before this one"
      try mkdir -- "$part/in"
      (cd "$part/in" && unzip -q -o "$file" </dev/null) || fail "$shown could not be unpacked"
      n=0
      inner=$part/in
      while [ "$n" -lt "$p_strip" ]; do
        try mkdir -- "$part/$n"
        for one in "$inner"/* "$inner"/.[!.]*; do
          [ -d "$one" ] && [ ! -L "$one" ] && try cp -R -p -- "$one/." "$part/$n/"
        done
        inner=$part/$n
        n=$((n + 1))
      done
      try cp -R -p -- "$inner/." "$p_to/" ;;
    1f8b*) kind=-z ;;
    425a68*) kind=-j ;;
    fd377a585a00) kind=-J ;;
    28b52ffd*) kind=--zstd ;;
    *) kind=-p ;;
  esac
  if [ "$kind" ]; then
    # Who it belongs to in the archive says nothing of this host.
    tar -C "$p_to" $kind -x -o --strip-components="$p_strip" -f "$file" </dev/null || fail "$shown could not be unpacked into $p_to"
  fi
  if [ "${p_creates+set}" ]; then
    [ -e "$p_creates" ] || [ -L "$p_creates" ] || fail "$shown is unpacked, and $p_creates is still not there"
  else
    put() {
      [ -e "$note" ] && grep -v "^$name " "$note"
      printf '%s\n' "$entry"
    }
    replace "$note"
    trap 'rm -rf -- "$part"' EXIT
  fi
fi
