# link: path, to, state (present, absent), force
if [ "$p_state" = absent ]; then
  if [ -L "$p_path" ]; then
    if change "$p_path: remove the link"; then try rm -f -- "$p_path"; fi
  elif [ -e "$p_path" ]; then
    fail "$p_path is no link, and is left alone"
  fi
  finish
fi
[ "${p_to:-}" ] || fail "what $p_path is to point to is not said; say to:"
if [ -L "$p_path" ]; then
  is=$(readlink -- "$p_path" && echo .)
  is=${is%??}
  [ "$is" = "$p_to" ] && finish
  change "$p_path: link to $is → $p_to"
elif [ -e "$p_path" ]; then
  [ "$p_force" = yes ] || fail "$p_path is there, and is no link; say force: true to have it replaced"
  if [ -d "$p_path" ]; then
    [ "$(ls -A "$p_path")" ] && fail "$p_path is a directory that is not empty, and is left alone"
    if change "$p_path: replace an empty directory by a link to $p_to"; then try rmdir -- "$p_path"; fi
  else
    change "$p_path: replace a file by a link to $p_to"
  fi
else
  change "$p_path: make a link to $p_to"
fi
if [ "$mode" = apply ]; then
  dir=$(dirname -- "$p_path")
  [ -d "$dir" ] || fail "there is no directory $dir; make it in a step before this one"
  # Beside the old one, and then in its place: the name never points to nothing.
  new=$dir/.steadyhand.$$
  rm -f -- "$new"
  try ln -s -- "$p_to" "$new"
  if ! mv -fT -- "$new" "$p_path" 2>/dev/null; then
    # Not every mv has -T.
    rm -f -- "$new"
    try ln -sfn -- "$p_to" "$p_path"
  fi
fi
