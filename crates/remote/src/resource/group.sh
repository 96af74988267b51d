# group: name, state (present, absent), gid, system
case $p_name in '' | -* | [0-9]* | *[!A-Za-z0-9._-]*) fail "\"$p_name\" cannot be the name of a group" ;; esac
is=$(entry group "$p_name")
if [ "$p_state" = absent ]; then
  [ "$is" ] || finish
  root "removing a group"
  if change "$p_name: remove the group"; then
    if has groupdel; then try groupdel "$p_name"; else try delgroup "$p_name"; fi
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
    else
      [ "${p_system-}" = yes ] && system=-S
      try addgroup $system ${p_gid+-g "$p_gid"} "$p_name"
    fi
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
      put() { awk -F: -v OFS=: -v n="$p_name" -v to="$p_gid" '$1 == n { $3 = to } { print }' /etc/group; }
      replace /etc/group
      # The primary group of users is a number, too.
      put() { awk -F: -v OFS=: -v was="$gid" -v to="$p_gid" '$4 == was { $4 = to } { print }' /etc/passwd; }
      replace /etc/passwd
    fi
  fi
elif [ "${p_system+set}" ] && [ ! "${p_gid+set}" ]; then
  kind "$p_name" "$gid" GID group
fi
