# user: name, state (present, absent), uid, group, groups (lines), append, home, shell, comment, system, password (a hash),
# create_home, remove_home
case $p_name in '' | -* | [0-9]* | *[!A-Za-z0-9._-]*) fail "\"$p_name\" cannot be the name of a user" ;; esac
for text in "${p_home-}" "${p_shell-}" "${p_comment-}" "${p_password-}"; do
  case $text in
    *:*) fail "home, shell, comment and password of a user cannot have a colon in them" ;;
    *"
"*) fail "home, shell, comment and password of a user are each one line" ;;
  esac
done
# A hash is `$KIND$…`, or 13 signs of the old kind; after ! or * nobody can log in with one.
no_hash() { fail "password: is to be a hash, such as \`openssl passwd -6\` prints, and not the password itself"; }
case ${p_password-!} in
  \$?*\$?* | !* | \**) ;;
  *[!./0-9A-Za-z]*) no_hash ;;
  ?????????????) ;;
  *) no_hash ;;
esac
is=$(entry passwd "$p_name")
if has usermod; then shadow=1; else shadow=; fi
field() { printf '%s' "$is" | cut -d: -f"$1"; }
# Whether home $1 of uid $2 is not to be removed with the user, and in `stays` why: whatever somebody wrote into the table,
# nothing of the system goes, nor what is another's.
keep_home() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  if [ -L "$1" ] || [ ! -d "$1" ]; then
    stays="it is no directory"
    return
  fi
  real=$(cd -- "$1" && pwd -P) || real=/
  # There are shells that say //etc.
  real=/${real#"${real%%[!/]*}"}
  case $1:$real in
    [!/]* | */: | */.: | */..:) stays="it is not named in full" ;;
    *:/root/* | *:/bin/* | *:/boot/* | *:/dev/* | *:/etc/* | *:/lib*/* | *:/proc/* | *:/run/* | *:/sbin/* | *:/sys/* | *:/usr/*) stays="it is the system's" ;;
    *:/*/*) ;;
    *) stays="it is at the top of the host" ;;
  esac
  [ "$stays" ] && return
  look "$1"
  if [ "$its_uid" != "$2" ]; then
    case $its_owner in UNKNOWN | '') its_owner="uid $its_uid" ;; esac
    stays="it belongs to $its_owner"
    return
  fi
  other=$(entries passwd | n=$p_name h=$1 r=$real awk -F: '
    $1 != ENVIRON["n"] && (index($6 "/", ENVIRON["h"] "/") == 1 || index($6 "/", ENVIRON["r"] "/") == 1) { print $1; exit }')
  [ "$other" ] && stays="user $other is at home there, too"
  return 0
}
if [ "$p_state" = absent ]; then
  [ "$is" ] || finish
  [ "$(field 3)" != 0 ] || fail "$p_name is root, and is left alone"
  root "removing a user"
  home=$(field 6)
  stays=
  if [ "$p_remove_home" = yes ]; then
    keep_home "$home" "$(field 3)"
    [ "$stays" ] && p_remove_home=no
  fi
  if [ "$p_remove_home" = yes ] && [ -d "$home" ]; then change "$p_name: remove the user and $home"
  elif [ "$stays" ]; then change "$p_name: remove the user; $home stays, since $stays"
  else change "$p_name: remove the user"; fi
  if [ "$mode" = apply ]; then
    if [ "$shadow" ]; then
      if [ "$p_remove_home" = yes ]; then userdel -r "$p_name" 2>&1 </dev/null | grep -v 'mail spool'
      else try userdel "$p_name"; fi
    else
      N=$p_name
      table passwd '$1 != ENVIRON["N"]'
      table shadow '$1 != ENVIRON["N"]'
      table group '
        { k = split($4, m, ","); $4 = ""; for (i = 1; i <= k; i++) if (m[i] != ENVIRON["N"]) $4 = $4 ($4 == "" ? "" : ",") m[i] }
        $1 != ENVIRON["N"] || $4 != "" { print }'
      if [ "$p_remove_home" = yes ] && [ -d "$home" ]; then try rm -rf -- "$home"; fi
    fi
    [ "$(entry passwd "$p_name")" ] && fail "$p_name is still there"
  fi
  finish
fi
# The further groups that are asked for, and those that it is in, one a line, sorted.
wanted=$(printf '%s\n' "${p_groups-}" | sed '/^$/d' | sort -u)
for one in $wanted; do
  case $one in -* | *[!A-Za-z0-9._-]*) fail "\"$one\" cannot be the name of a group" ;; esac
  who group "$one"
done
if [ "${p_group+set}" ]; then
  case $p_group in -* | *[!A-Za-z0-9._-]*) fail "\"$p_group\" cannot be the name of a group" ;; esac
  who group "$p_group"
fi
gid_of() {
  case $1 in *[!0-9]*) entry group "$1" | cut -d: -f3 ;; *) printf '%s' "$1" ;; esac
}
if [ "${p_uid+set}" ]; then
  other=$(entries passwd | awk -F: -v i="$p_uid" -v n="$p_name" '$3 == i && $1 != n { print $1; exit }')
  [ "$other" ] && fail "uid $p_uid is that of user $other"
fi
# The hash goes through standard input: it is in no command line.
set_password() {
  if [ "$shadow" ]; then
    printf '%s:%s\n' "$p_name" "$p_password" | chpasswd -e || fail "the password of $p_name could not be set"
  else
    N=$p_name V=$p_password
    table shadow '$1 == ENVIRON["N"] { $2 = ENVIRON["V"] } { print }'
  fi
}
join() {
  if [ "$shadow" ]; then try usermod -aG "$1" "$p_name"
  else
    N=$1 V=$p_name
    table group '$1 == ENVIRON["N"] { $4 = $4 ($4 == "" ? "" : ",") ENVIRON["V"] } { print }'
  fi
}
leave() {
  if has gpasswd; then try gpasswd -d "$p_name" "$1"
  else
    N=$1 V=$p_name
    table group '$1 == ENVIRON["N"] { k = split($4, m, ","); $4 = ""; for (i = 1; i <= k; i++) if (m[i] != ENVIRON["V"]) $4 = $4 ($4 == "" ? "" : ",") m[i] } { print }'
  fi
}
# A new home. One that is there stays as it is: what is in it may be another's.
furnish() {
  [ -d "$1" ] && return
  try mkdir -p -- "$1"
  [ -d /etc/skel ] && try cp -R /etc/skel/. "$1"
  try chown -hR "$p_name:$2" "$1"
  try chmod 0755 "$1"
}
if [ ! "$is" ]; then
  root "making a user"
  if [ "${p_create_home+set}" ]; then make_home=$p_create_home
  elif [ "${p_system-}" = yes ]; then make_home=no
  else make_home=yes; fi
  if change "$p_name: make the user${p_uid+, uid $p_uid}${wanted:+, in $(printf '%s' "$wanted" | tr '\n' ' ')}"; then
    # That the number is not that of its kind is what the plan says.
    if [ "$shadow" ]; then
      set -- ${p_uid+-u "$p_uid"} ${p_home+-d "$p_home"} ${p_shell+-s "$p_shell"} ${p_comment+-c "$p_comment"}
      [ "${p_system-}" = yes ] && set -- "$@" -r
      if [ "$make_home" = yes ]; then set -- "$@" -m; else set -- "$@" -M; fi
      if [ "${p_group+set}" ]; then set -- "$@" -g "$p_group"
      elif known "$p_name"; then set -- "$@" -g "$p_name"; fi
      [ "$wanted" ] && set -- "$@" -G "$(printf '%s' "$wanted" | tr '\n' ,)"
      out=$(useradd "$@" "$p_name" 2>&1 </dev/null) || fail "useradd: $out"
    else
      uid=${p_uid:-$(number_for passwd)}
      if [ "${p_group+set}" ]; then gid=$(gid_of "$p_group")
      elif known "$p_name"; then gid=$(gid_of "$p_name")
      else
        gid=$uid
        [ "$(entries group | cut -d: -f3 | grep -x "$gid")" ] && gid=$(number_for group)
        add_group "$p_name" "$gid"
      fi
      shell=/bin/sh
      [ "${p_system-}" = yes ] && shell=/bin/false
      [ "$uid" ] && [ "$gid" ] || fail "there is no free number for $p_name"
      N=$p_name V="x:$uid:$gid:${p_comment-}:${p_home:-/home/$p_name}:${p_shell:-$shell}"
      table passwd '{ print } END { print ENVIRON["N"] ":" ENVIRON["V"] }'
      V=$(($(date +%s) / 86400))
      table shadow '{ print } END { print ENVIRON["N"] ":!:" ENVIRON["V"] ":0:99999:7:::" }'
      [ "$make_home" = yes ] && furnish "${p_home:-/home/$p_name}" "$gid"
      for one in $wanted; do join "$one"; done
    fi
    [ "${p_password+set}" ] && set_password
  fi
  finish
fi
uid=$(field 3) gid=$(field 4) comment=$(field 5) home=$(field 6) shell=$(field 7)
[ "${p_system+set}" ] && [ ! "${p_uid+set}" ] && kind "$p_name" "$uid" UID user
# Changes field $1 of the table to $3, with usermod's option $2.
amend() {
  root "changing a user"
  if [ "$shadow" ]; then
    out=$(usermod $2 "$3" "$p_name" 2>&1 </dev/null) || fail "usermod: $out"
  else
    N=$p_name V=$3 I=$1
    table passwd '$1 == ENVIRON["N"] { $(ENVIRON["I"] + 0) = ENVIRON["V"] } { print }'
    # As usermod does: what was the user's at home stays so.
    if [ "$1" = 3 ] && [ -d "$home" ]; then find "$home" -xdev -user "$uid" -exec chown -h "$3" {} +; fi
  fi
}
differs() {
  root "changing a user"
  change "$p_name: $1 $2 → $3"
}
if [ "${p_uid+set}" ] && [ "$p_uid" != "$uid" ]; then differs uid "$uid" "$p_uid" && amend 3 -u "$p_uid"; fi
if [ "${p_group+set}" ]; then
  to_gid=$(gid_of "$p_group")
  if [ "$to_gid" != "$gid" ]; then
    differs group "$(entries group | awk -F: -v i="$gid" '$3 == i { print $1; exit }')" "$p_group" && amend 4 -g "$to_gid"
    gid=$to_gid
  fi
fi
if [ "${p_comment+set}" ] && [ "$p_comment" != "$comment" ]; then differs comment "\"$comment\"" "\"$p_comment\"" && amend 5 -c "$p_comment"; fi
if [ "${p_home+set}" ] && [ "$p_home" != "$home" ]; then
  # What is in it moves, too, where nothing is in the way.
  if differs home "$home" "$p_home"; then
    if [ "$shadow" ] && [ -d "$home" ] && [ ! -e "$p_home" ]; then amend 6 -md "$p_home"
    else
      amend 6 -d "$p_home"
      [ "$shadow" ] || [ -e "$p_home" ] || [ ! -d "$home" ] || try mv -- "$home" "$p_home"
    fi
  fi
  home=$p_home
fi
if [ "${p_shell+set}" ] && [ "$p_shell" != "$shell" ]; then differs shell "$shell" "$p_shell" && amend 7 -s "$p_shell"; fi
if [ "${p_groups+set}" ]; then
  in=$(entries group | n=$p_name awk -F: '{ k = split($4, m, ","); for (i = 1; i <= k; i++) if (m[i] == ENVIRON["n"]) print $1 }' | sort -u)
  primary=$(entries group | awk -F: -v i="$gid" '$3 == i { print $1; exit }')
  wanted=$(printf '%s\n' "$wanted" | grep -vxF -e "$primary")
  for one in $wanted; do
    case "
$in
" in *"
$one
"*) continue ;; esac
    root "changing a user"
    if change "$p_name: into group $one"; then
      join "$one"
    fi
  done
  if [ "$p_append" != yes ]; then
    for one in $in; do
      case "
$wanted
" in *"
$one
"*) continue ;; esac
      root "changing a user"
      if change "$p_name: out of group $one"; then
        leave "$one"
      fi
    done
  fi
fi
if [ "${p_password+set}" ]; then
  root "comparing a password"
  hash=$(awk -F: -v n="$p_name" '$1 == n { print $2; exit }' /etc/shadow 2>/dev/null)
  if [ "$hash" != "$p_password" ]; then change "$p_name: password" && set_password; fi
fi
if [ "${p_create_home-}" = yes ] && [ ! -d "$home" ]; then
  if change "$p_name: make $home"; then
    furnish "$home" "$gid"
  fi
fi
