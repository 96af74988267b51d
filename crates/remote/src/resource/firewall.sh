# firewall: port, proto (tcp, udp), from, rule (allow, deny), state (present, absent), default (allow, deny), tool (auto,
# ufw, nftables)
[ "${p_port+set}${p_default+set}" ] || fail "what the rule is for is not said; say port: or default:"
if [ "${p_port+set}" ]; then
  case $p_port in
    '' | *[!0-9:-]* | *[:-]*[:-]* | [:-]* | *[:-]) fail "\"$p_port\" is no port: it is to be a number, or a range such as 8000-8010" ;;
  esac
  first=${p_port%%[:-]*} last=${p_port##*[:-]}
  for n in "$first" "$last"; do
    [ ${#n} -le 5 ] && [ "$n" -ge 1 ] && [ "$n" -le 65535 ] || fail "\"$p_port\" is no port: it is to be from 1 to 65535"
  done
  [ "$first" -le "$last" ] || fail "\"$p_port\" is no range: its end is before its beginning"
fi
case ${p_from-} in
  -* | *[!0-9A-Fa-f.:/]*) fail "\"$p_from\" is no address or network, such as 10.0.0.0/8" ;;
esac
[ "${p_from-x}" ] || unset p_from
tool=$p_tool
if [ "$tool" = auto ]; then
  if has ufw; then tool=ufw
  elif has nft; then tool=nftables
  else missing "there is neither ufw nor nftables on this host" "install one in a step before this one"; fi
fi
case $tool in
  ufw) has ufw || missing "there is no ufw on this host" "install it in a step before this one" ;;
  nftables) has nft || missing "there is no nft on this host" "install nftables in a step before this one" ;;
esac
root "looking at the firewall"
# The port that this connection came in by: it must not be closed.
own_port() {
  port=${SSH_CONNECTION-}
  port=${port##* }
  # sudo takes the variable away; those who came before still have it.
  pid=$$
  while [ ! "$port" ] && [ "${pid:-0}" -gt 1 ]; do
    port=$(tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | sed -n 's/^SSH_CONNECTION=.* //p')
    pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
  done
  printf %s "${port:-22}"
}
if [ "$tool" = ufw ]; then
  # Its own files are read, since even `ufw status` writes a lock. A rule in them is
  # `### tuple ### allow tcp 80 0.0.0.0/0 any 10.0.0.0/8 in`.
  kept() {
    cat /etc/ufw/user.rules /etc/ufw/user6.rules /lib/ufw/user.rules /lib/ufw/user6.rules 2>/dev/null |
      sed -n 's/^### tuple ### \(.*[^ ]\) *$/\1/p' | sed 's/ comment=.*//' | grep -qE "^$1( [^ ]+ [^ ]+)? in$"
  }
  literal() { printf %s "$1" | sed 's/[.]/\\./g'; }
  if [ "${p_default+set}" ]; then
    is=$(sed -n 's/^DEFAULT_INPUT_POLICY="\(.*\)"/\1/p' /etc/default/ufw 2>/dev/null)
    case $is in ACCEPT) is=allow ;; *) is=deny ;; esac
    if [ "$p_default" = deny ]; then
      port=$(own_port)
      if ! kept "(allow|limit) (tcp|any) $port 0\.0\.0\.0/0 any 0\.0\.0\.0/0"; then
        change "$port/tcp: allow, since this connection came in by it" && try ufw allow "$port/tcp"
      fi
    fi
    if [ "$is" != "$p_default" ]; then
      change "what no rule is for: $is → $p_default" && try ufw default "$p_default" incoming
    fi
    if ! grep -qx 'ENABLED=yes' /etc/ufw/ufw.conf 2>/dev/null; then
      change "ufw: turn on, now and when the host starts" && try ufw --force enable
    fi
    finish
  fi
  port=$first
  [ "$first" = "$last" ] || port=$first:$last
  text="$port/$p_proto${p_from+ from $p_from}: $p_rule"
  case ${p_from-} in
    '') tuple='0\.0\.0\.0/0 any 0\.0\.0\.0/0' ;;
    *:*) tuple="::/0 any $(literal "${p_from%/128}")" ;;
    *) tuple="0\\.0\\.0\\.0/0 any $(literal "${p_from%/32}")" ;;
  esac
  tuple="$p_rule $p_proto $port $tuple"
  set -- "$p_rule" proto "$p_proto" from "${p_from:-any}" to any port "$port"
  if [ "$p_state" = present ]; then
    kept "$tuple" && finish
    if change "$text"; then
      # The first rule that fits decides: those for an address come before those for all.
      if [ ! "${p_from+set}" ] || ! ufw prepend "$@" </dev/null 2>/dev/null; then try ufw "$@"; fi
      kept "$tuple" || fail "ufw writes ${p_from-the rule} in another way; give a network by its first address, such as 10.0.0.0/8"
    fi
  else
    kept "$tuple" || finish
    if change "$text, no longer"; then
      try ufw --force delete "$@"
      kept "$tuple" && fail "ufw did not remove the rule"
    fi
  fi
  finish
fi

# nftables: a table of its own, and one file with the whole of it, which is loaded now and when the host starts.
file=/etc/nftables.d/steadyhand.nft
main=/etc/nftables.conf
[ -e "$main" ] || for one in /etc/nftables.nft /etc/sysconfig/nftables.conf; do
  [ -e "$one" ] && main=$one
done
listed=$(nft list table inet steadyhand 2>&1 </dev/null)
case $listed in
  *'Operation not permitted'*) fail "nft may not look at the firewall: $listed" ;;
  *'No such file'*) listed= ;;
esac
# The rules of the file: lines `WEIGHT # RULE`, in which a smaller weight comes first: those for an address before those for
# all, and what is refused before what is let in.
rules=$(sed -n 's/^    \(.*\) comment "\(.*\)"$/\2|\1/p' "$file" 2>/dev/null)
policy=$(sed -n 's/^    type filter.*policy \([a-z]*\);$/\1/p' "$file" 2>/dev/null)
add() {
  rules=$(printf '%s\n%s|%s\n' "$rules" "$1" "$2" | grep . | sort -u)
}
has_rule() { printf '%s\n' "$rules" | grep -qF "$1|"; }
if [ "${p_default+set}" ]; then
  case ${policy:-accept} in accept) is=allow ;; *) is=deny ;; esac
  if [ "$p_default" = deny ]; then
    port=$(own_port)
    if ! has_rule "21 tcp $port"; then
      add "21 tcp $port" "tcp dport $port accept"
      change "$port/tcp: allow, since this connection came in by it"
    fi
    # Without an answer to DHCP, the host would lose its addresses some hours later.
    if ! has_rule "30 dhcp" || ! has_rule "30 dhcpv6"; then
      add "30 dhcp" "udp sport 67 udp dport 68 accept"
      add "30 dhcpv6" "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept"
      change "answers of DHCP: allow, since the host may have its addresses by it"
    fi
    policy=drop
  else policy=accept; fi
  [ "$is" = "$p_default" ] || change "what no rule is for: $is → $p_default"
else
  if [ "$p_rule" = allow ]; then verdict=accept weight=1; else verdict=drop weight=0; fi
  dport=$first
  [ "$first" = "$last" ] || dport=$first-$last
  key="$p_proto $dport${p_from+ $p_from}"
  text="$dport/$p_proto${p_from+ from $p_from}: $p_rule"
  source=
  case ${p_from-} in
    '') weight=2$weight ;;
    *:*) weight=1$weight source="ip6 saddr $p_from " ;;
    *) weight=1$weight source="ip saddr $p_from " ;;
  esac
  # What is the other way round goes.
  if [ "$p_state" = present ]; then
    if ! has_rule "$weight $key"; then
      rules=$(printf '%s\n' "$rules" | grep -v "^[12][01] $key|")
      add "$weight $key" "$source$p_proto dport $dport $verdict"
      change "$text"
    fi
  elif has_rule "$weight $key"; then
    rules=$(printf '%s\n' "$rules" | grep -vF "$weight $key|")
    change "$text, no longer"
  fi
fi
put() {
  printf 'table inet steadyhand\ndelete table inet steadyhand\ntable inet steadyhand {\n  chain input {\n'
  printf '    type filter hook input priority filter; policy %s;\n' "${policy:-accept}"
  # What belongs to a connection that was let in, the host itself, and ICMP of both kinds, without which much else fails.
  printf '    ct state established,related accept\n    iif "lo" accept\n    meta l4proto { 1, 58 } accept\n'
  printf '%s\n' "$rules" | sort | sed -n 's/^\([^|]*\)|\(.*\)$/    \2 comment "\1"/p'
  printf '  }\n}\n'
}
[ "$changed" ] || [ -e "$file" ] || finish
# Whether what is in force is what the file says: the same rules in the same order.
in_force() {
  [ "$(printf '%s\n' "$listed" | sed -n 's/^.* comment "\(.*\)"$/\1/p')" = "$(put | sed -n 's/^.* comment "\(.*\)"$/\1/p')" ] || return 1
  case $listed in *"policy ${policy:-accept};"*) ;; *) return 1 ;; esac
}
if [ ! "$changed" ] && ! in_force; then change "nftables: load the rules of $file, which are not in force"; fi
if [ "$changed" ] && [ "$mode" = apply ]; then
  answer=$(put | nft -c -f - 2>&1) || fail "nft does not take the rules: $(printf '%s\n' "$answer" | head -n 1)"
  [ -d /etc/nftables.d ] || try mkdir -p /etc/nftables.d
  replace "$file"
  nft -f "$file" </dev/null || fail "nft did not take the rules of $file"
fi
if ! grep -qE '^[[:space:]]*include[[:space:]]+"/etc/nftables\.d/(\*|steadyhand)\.nft"' "$main" 2>/dev/null; then
  if change "$main: include $file, so that the rules are there when the host starts"; then
    if [ -e "$main" ]; then put() { cat "$main" && printf 'include "%s"\n' "$file"; }
    else put() { printf '#!/usr/sbin/nft -f\ninclude "%s"\n' "$file"; }; fi
    replace "$main" 0755
  fi
fi
if [ -d /run/systemd/system ] && [ "$(systemctl is-enabled nftables 2>/dev/null)" != enabled ]; then
  change "nftables: enable, so that the rules are there when the host starts" && try systemctl -q enable nftables
elif has rc-update && [ -e /etc/init.d/nftables ] && ! ls /etc/runlevels/*/nftables >/dev/null 2>&1; then
  change "nftables: enable, so that the rules are there when the host starts" && try rc-update -q add nftables default
fi
