# systemd_unit: name, content (or content_base64), enabled, state (present, running, stopped, restarted, absent)
case $p_name in *.*) ;; *) p_name=$p_name.service ;; esac
case $p_name in -* | *[!A-Za-z0-9@._:\\-]*) fail "\"$p_name\" cannot be the name of a unit" ;; esac
has systemctl || missing "there is no systemd on this host" "this resource is for hosts with systemd"
# A host that is not run by it, such as a root being made, still takes units for later.
if [ -d /run/systemd/system ]; then live=1; else live=; fi
manager=systemd
path=/etc/systemd/system/$p_name
if [ "$p_state" = absent ]; then
  [ -e "$path" ] || [ -L "$path" ] || finish
  root "changing units"
  [ "$live" ] && runs && change "$p_name: stop" && act stop
  if [ "$live" ]; then
    unit
    [ "$file" = enabled ] && change "$p_name: disable, so that it does not start with the host" && boot disable
  else
    enabled=$(systemctl --root=/ is-enabled -- "$p_name" 2>/dev/null)
    [ "$enabled" = enabled ] && change "$p_name: disable, so that it does not start with the host" && try systemctl -q --root=/ disable -- "$p_name"
  fi
  if change "$path: remove"; then
    try rm -f -- "$path"
    if [ "$live" ]; then
      try systemctl daemon-reload
      systemctl reset-failed -- "$p_name" 2>/dev/null
    fi
  fi
  finish
fi
case $p_state in
  running | stopped | restarted) [ "$live" ] || fail "systemd does not run on this host, so $p_name cannot be ${p_state}; leave state: out" ;;
esac
if [ "${p_content+set}${p_content_base64+set}" ]; then
  put() {
    if [ "${p_content_base64+set}" ]; then printf %s "$p_content_base64" | base64 -d
    else printf %s "$p_content"; fi
  }
  if [ ! -e "$path" ] || ! put | cmp -s - "$path"; then
    root "changing units"
    if [ -e "$path" ]; then
      change "$path: write"
      written=1
    else
      change "$path: make"
      written=2
    fi
    show "$path"
    if [ "$mode" = apply ]; then
      replace "$path"
      if [ "$live" ]; then try systemctl daemon-reload; fi
    fi
  fi
elif [ ! -e "$path" ]; then
  fail "what is in $path is not said; say content:, source: or template:"
fi
if [ "$live" ]; then
  if [ "$mode" = check ] && [ "${written-}" = 2 ] && ! exists; then
    # systemd hears of it only when it is written.
    [ "${p_enabled-}" = yes ] && change "$p_name: enable, so that it starts with the host"
    case $p_state in
      running) change "$p_name: start" ;;
      restarted) change "$p_name: restart" ;;
    esac
    finish
  fi
  # What runs by the old text is started again.
  if [ "$p_state" = running ] && [ "${written-}" ] && runs; then p_state=restarted; fi
  [ "$p_state" = present ] && unset p_state
  settle
else
  enabled=$(systemctl --root=/ is-enabled -- "$p_name" 2>/dev/null)
  if [ "${p_enabled-}" = yes ] && [ "$enabled" != enabled ]; then
    root "changing units"
    change "$p_name: enable, so that it starts with the host" && try systemctl -q --root=/ enable -- "$p_name"
  elif [ "${p_enabled-}" = no ] && [ "$enabled" = enabled ]; then
    root "changing units"
    change "$p_name: disable, so that it does not start with the host" && try systemctl -q --root=/ disable -- "$p_name"
  fi
fi
