# authorized_key: user, key (lines), state (present, absent), exclusive
me=$(id -un)
: "${p_user:=$me}"
case $p_user in '' | -* | *[!A-Za-z0-9._-]*) fail "\"$p_user\" cannot be the name of a user" ;; esac
account=$(entry passwd "$p_user")
[ "$account" ] || missing "there is no user $p_user" "make it in a step before this one"
if [ "$p_user" != "$me" ]; then root "changing the keys of $p_user"; fi
home=$(printf '%s' "$account" | cut -d: -f6)
p_owner=$(printf '%s' "$account" | cut -d: -f3)
p_group=$(printf '%s' "$account" | cut -d: -f4)
[ -d "$home" ] || missing "there is no home $home of $p_user" "make it in a step before this one"
ssh=$home/.ssh
keys=$ssh/authorized_keys
# As root, nothing is written through a link that the user has made.
for path in "$ssh" "$keys"; do
  if [ -L "$path" ]; then fail "$path is a link, and is left alone"; fi
done
case $p_key in *'PRIVATE KEY'*) fail "the key is a private one; give the public one, from the file that ends in .pub" ;; esac
wanted=$(printf '%s\n' "$p_key" | sed 's/^[[:space:]]*//;s/[[:space:]]*$//;/^$/d;/^#/d')
[ "$wanted" ] || fail "no key is given"
if [ "$p_exclusive" = yes ] && [ "$p_state" != present ]; then fail "exclusive: true only goes with state: present"; fi
# The part of a key that makes it that key, from each line: what follows its type.
blobs() {
  awk '{ for (i = 1; i < NF; i++) if ($i ~ /^(ssh-|ecdsa-|sk-)/ && $(i + 1) ~ /^AAAA/) { print $(i + 1); next } print "?" }'
}
case "$(printf '%s\n' "$wanted" | blobs)" in *'?'*) [ "$wanted" ] && fail "that is no public key: a line such as \"ssh-ed25519 AAAA… comment\" is needed" ;; esac
file=/dev/null
[ -e "$keys" ] && file=$keys
# The keys as they should be: those that are wanted in the places where they are, whatever their options and comments were,
# the missing ones at the end, the others as they are, unless only the wanted ones may be there.
put() {
  wanted=$wanted state=$p_state exclusive=$p_exclusive awk '
    function blob(line,  f, n, i) {
      n = split(line, f)
      for (i = 1; i < n; i++) if (f[i] ~ /^(ssh-|ecdsa-|sk-)/ && f[i + 1] ~ /^AAAA/) return f[i + 1]
      return ""
    }
    BEGIN {
      n = split(ENVIRON["wanted"], w, "\n")
      for (i = 1; i <= n; i++) if (w[i] != "") at[blob(w[i])] = i
    }
    {
      b = /^[ \t]*#/ ? "" : blob($0)
      if (b != "" && b in at) {
        if (ENVIRON["state"] == "present" && !done[at[b]]++) print w[at[b]]
      } else if (b == "" || ENVIRON["exclusive"] != "yes") print
    }
    END { if (ENVIRON["state"] == "present") for (i = 1; i <= n; i++) if (w[i] != "" && !done[i]++) print w[i] }
  ' "$file"
}
if put | cmp -s - "$file"; then
  [ "$p_state" = absent ] && finish
  [ -e "$keys" ] || finish
else
  if [ "$p_state" = absent ]; then change "$keys: remove a key"
  elif [ ! -d "$ssh" ]; then
    if change "$keys: make"; then
      try mkdir -m 0700 -- "$ssh"
      try chown "$p_owner:$p_group" "$ssh"
    fi
  elif [ ! -e "$keys" ]; then change "$keys: make"
  else change "$keys: change the keys"; fi
  show "$keys"
  p_mode=0600
  [ "$mode" = apply ] && replace "$keys" 0600
fi
# sshd takes no keys from a file that others may write.
if [ "$p_state" = present ]; then
  p_mode=0700
  own "$ssh"
  p_mode=0600
  own "$keys"
fi
