# group: name, state (present, absent), gid, system
case $p_name in '' | -* | [0-9]* | *[!A-Za-z0-9._-]*) fail "\"$p_name\" cannot be the name of a group" ;; esac
is=$(entry group "$p_name")
if [ "$p_state" = absent ]; then
  [ "$is" ] || finish
  root "removing a group"
  if change "$p_name: remove the group"; then
    if has groupdel; then try groupdel "$p_name"
    else
      other=$(entries passwd | awk -F: -v i="$(printf '%s' "$is" | cut -d: -f3)" '$4 == i { print $1; exit }')
      [ "$other" ] && fail "$p_name is the primary group of $other"
      N=$p_name
      table group '$1 != ENVIRON["N"]'
    fi
  fi
  finish
fi
taken() {
  other=$(entries group | awk -F: -v i="$1" -v n="$p_name" '$3 == i && $1 != n { print $1; exit }')
  [ "$other" ] && fail "gid $1 is that of group $other"
}
if [ ! "$is" ]; then
  root "making a group"
  [ "${p_gid+set}" ] && taken "$p_gid"
  if change "$p_name: make the group${p_gid+, gid $p_gid}"; then
    system=
    if has groupadd; then
      [ "${p_system-}" = yes ] && system=-r
      try groupadd $system ${p_gid+-g "$p_gid"} "$p_name"
    else add_group "$p_name" "${p_gid:-$(number_for group)}"; fi
  fi
  finish
fi
gid=$(printf '%s' "$is" | cut -d: -f3)
if [ "${p_gid+set}" ] && [ "$p_gid" != "$gid" ]; then
  root "changing a group"
  taken "$p_gid"
  if change "$p_name: gid $gid → $p_gid"; then
    if has groupmod; then try groupmod -g "$p_gid" "$p_name"
    else
      N=$p_name V=$p_gid I=$gid
      table group '$1 == ENVIRON["N"] { $3 = ENVIRON["V"] } { print }'
      # The primary group of users is a number, too.
      table passwd '$4 == ENVIRON["I"] { $4 = ENVIRON["V"] } { print }'
    fi
  fi
elif [ "${p_system+set}" ] && [ ! "${p_gid+set}" ]; then
  kind "$p_name" "$gid" GID group
fi
