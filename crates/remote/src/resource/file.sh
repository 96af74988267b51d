# file: path, content (or content_base64), state (present, absent), owner, group, mode, backup
if [ -d "$p_path" ]; then fail "$p_path is a directory"; fi
if [ "$p_state" = absent ]; then
  if [ -e "$p_path" ] || [ -L "$p_path" ]; then
    if change "$p_path: remove"; then try rm -f -- "$p_path"; fi
  fi
  finish
fi
put() {
  if [ "${p_content_base64+set}" ]; then printf %s "$p_content_base64" | base64 -d
  else printf %s "$p_content"; fi
}
if [ "${p_content+set}${p_content_base64+set}" ]; then
  if [ ! -e "$p_path" ] || ! put | cmp -s - "$p_path"; then
    [ "${p_owner+set}" ] && who owner "$p_owner"
    [ "${p_group+set}" ] && who group "$p_group"
    if [ -e "$p_path" ]; then doing=write; else doing=make; fi
    change "$p_path: $doing"
    old=/dev/null
    [ -e "$p_path" ] && old=$p_path
    if [ "${p_content_base64+set}" ]; then printf '  %s bytes that are no text\n' "$(put | wc -c)"
    elif has diff; then put | diff -u "$old" - | sed "1s|^--- .*|--- $p_path|;2s|^+++ .*|+++ $p_path|" | head -n 400
    else printf '  %s bytes\n' "$(put | wc -c)"; fi
    if [ "$mode" = apply ]; then
      dir=$(dirname -- "$p_path")
      [ -d "$dir" ] || fail "there is no directory $dir; make it in a step before this one"
      if [ "$p_backup" = yes ] && [ -e "$p_path" ]; then
        copy=$p_path.$(date +%Y%m%dT%H%M%S).bak
        try cp -p -- "$p_path" "$copy"
        printf '  the old one is kept as %s\n' "$copy"
      fi
      # Beside the old one, with its owner and mode, and then in its place: nobody ever sees half of it.
      new=$dir/.steadyhand.$$
      trap 'rm -f -- "$new"' EXIT
      umask 077
      put >"$new" || fail "$p_path cannot be written"
      if [ -e "$p_path" ]; then
        look "$p_path"
        chown "$uid:$gid" "$new" 2>/dev/null
        try chmod "$perm" "$new"
      else try chmod "${p_mode:-0644}" "$new"; fi
      [ "${p_owner+set}" ] && try chown "$p_owner" "$new"
      [ "${p_group+set}" ] && try chgrp "$p_group" "$new"
      [ "${p_mode+set}" ] && try chmod "$p_mode" "$new"
      try mv -f -- "$new" "$p_path"
    fi
  fi
elif [ ! -e "$p_path" ]; then
  # Without content, the file only has to be there.
  if change "$p_path: make, empty"; then try touch -- "$p_path"; fi
fi
own "$p_path"
