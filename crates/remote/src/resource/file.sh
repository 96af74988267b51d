# file: path, content (or content_base64), state (present, absent), owner, group, mode, backup
if [ -d "$p_path" ]; then fail "$p_path is a directory"; fi
if [ "$p_state" = absent ]; then
  if [ -e "$p_path" ] || [ -L "$p_path" ]; then
    if change "$p_path: remove"; then try rm -f -- "$p_path"; fi
  fi
  finish
fi
# What a link points to is written, and the link stays.
if [ -L "$p_path" ]; then
  to=$(readlink -f -- "$p_path") && [ "$to" ] || fail "$p_path is a link to nothing"
  p_path=$to
fi
if [ -e "$p_path" ] && [ ! -f "$p_path" ]; then fail "$p_path is there, and is no file"; fi
put() {
  if [ "${p_content_base64+set}" ]; then printf %s "$p_content_base64" | base64 -d
  else printf %s "${p_content-}"; fi
}
if [ ! -e "$p_path" ]; then
  [ "${p_owner+set}" ] && who owner "$p_owner"
  [ "${p_group+set}" ] && who group "$p_group"
fi
private "$p_path" && was_private=1
# First, so that what is to be hidden is never seen with the old mode.
own "$p_path"
if [ ! -e "$p_path" ] || { [ "${p_content+set}${p_content_base64+set}" ] && ! put | cmp -s - "$p_path"; }; then
  if [ -e "$p_path" ]; then doing=write; else doing=make; fi
  # Without content, the file only has to be there.
  [ "${p_content+set}${p_content_base64+set}" ] || doing="$doing, empty"
  change "$p_path: $doing"
  dir=$(dirname -- "$p_path")
  if [ "$mode" = check ] && [ ! -d "$dir" ]; then printf '  in %s, which is not there yet\n' "$dir"; fi
  if [ "${p_content_base64+set}" ]; then printf '  %s bytes that are no text\n' "$(put | wc -c)"
  else show "$p_path"; fi
  if [ "$mode" = apply ]; then
    if [ "$p_backup" = yes ] && [ -e "$p_path" ]; then
      copy=$p_path.$(date +%Y%m%dT%H%M%S).bak
      try cp -p -- "$p_path" "$copy"
      printf '  the old one is kept as %s\n' "$copy"
    fi
    replace "$p_path"
  fi
fi
