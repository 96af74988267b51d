# What service and systemd_unit share: the managers of services, behind one set of functions.
service_kind() {
  if [ -d /run/systemd/system ] && has systemctl; then manager=systemd
  elif has rc-service && { [ -d /run/openrc ] || [ ! -e "/etc/init.d/$p_name" ] || grep -q openrc-run "/etc/init.d/$p_name"; }; then manager=openrc
  elif [ -d /etc/init.d ]; then manager=sysv
  else fail "this host has no service manager that is known (systemd, OpenRC, scripts in /etc/init.d)"; fi
}
# Reads the unit: `load`, `active`, `sub`, `file`, `stale`, `reloads`.
unit() {
  load='' active='' sub='' file='' stale='' reloads=''
  # The values are words of systemd's own.
  while IFS='=' read -r key value; do
    case $key in
      LoadState) load=$value ;;
      ActiveState) active=$value ;;
      SubState) sub=$value ;;
      UnitFileState) file=$value ;;
      NeedDaemonReload) stale=$value ;;
      CanReload) reloads=$value ;;
    esac
  done <<END
$(systemctl show -p LoadState -p ActiveState -p SubState -p UnitFileState -p NeedDaemonReload -p CanReload -- "$p_name" 2>&1)
END
  [ "$load" ] || fail "systemctl does not answer: $(systemctl show -p LoadState -- "$p_name" 2>&1)"
}
exists() {
  case $manager in
    systemd)
      unit
      [ "$load" != not-found ] ;;
    openrc) rc-service -e "$p_name" ;;
    sysv) [ -x "/etc/init.d/$p_name" ] ;;
  esac
}
runs() {
  case $manager in
    systemd)
      unit
      # What is started again and again does not run.
      case $active/$sub in */auto-restart*) return 1 ;; active/* | reloading/* | activating/*) ;; *) return 1 ;; esac ;;
    openrc) rc-service "$p_name" status >/dev/null 2>&1 </dev/null ;;
    sysv) "/etc/init.d/$p_name" status >/dev/null 2>&1 </dev/null ;;
  esac
}
starts_at_boot() {
  case $manager in
    systemd)
      case $file in
        enabled | alias | static | indirect) ;;
        disabled | masked* | enabled-runtime | linked* | transient) return 1 ;;
        *) [ "$(systemctl is-enabled -- "$p_name" 2>/dev/null </dev/null)" = enabled ] ;;
      esac ;;
    openrc) ls "/etc/runlevels/"*"/$p_name" >/dev/null 2>&1 ;;
    sysv) ls /etc/rc[2345].d/S[0-9][0-9]"$p_name" >/dev/null 2>&1 ;;
  esac
}
# Has the manager do $1 (start, stop, restart, reload) with the service.
act() {
  case $manager in
    systemd)
      reread
      systemctl "$1" -- "$p_name" </dev/null || {
        journalctl -n 20 --no-pager -u "$p_name" 2>/dev/null
        fail "$p_name: systemd could not $1 it"
      }
      if [ "$1" != stop ]; then
        unit
        if [ "$active" = failed ]; then
          journalctl -n 20 --no-pager -u "$p_name" 2>/dev/null
          fail "$p_name: it ended right after its $1"
        fi
      fi ;;
    openrc) rc-service "$p_name" "$1" </dev/null || fail "$p_name: OpenRC could not $1 it" ;;
    sysv) "/etc/init.d/$p_name" "$1" </dev/null || fail "$p_name: /etc/init.d/$p_name could not $1 it" ;;
  esac
}
# Has systemd read the files of units that have changed since it last did.
reread() {
  [ "$stale" = yes ] || return 0
  systemctl daemon-reload </dev/null || fail "systemd could not read its units again"
  printf '  systemd has read its changed units again\n'
  unit
}
boot() {
  case $manager in
    systemd) systemctl -q "$1" -- "$p_name" </dev/null || fail "$p_name: systemd could not $1 it" ;;
    openrc)
      if [ "$1" = enable ]; then try rc-update -q add "$p_name" default
      else
        # Its status also tells of the runlevels in which it was not.
        rc-update -q -a del "$p_name" >/dev/null 2>&1 </dev/null
        if starts_at_boot; then fail "$p_name: OpenRC could not disable it"; fi
      fi ;;
    sysv)
      if has update-rc.d; then
        # A script that has no links yet gets those that it asks for.
        [ "$1" = disable ] || ls /etc/rc[0-6].d/[SK][0-9][0-9]"$p_name" >/dev/null 2>&1 || try update-rc.d "$p_name" defaults
        try update-rc.d "$p_name" "$1"
      elif has chkconfig; then
        if [ "$1" = enable ]; then try chkconfig "$p_name" on; else try chkconfig "$p_name" off; fi
      else fail "$p_name: this host has neither update-rc.d nor chkconfig to $1 it"; fi ;;
  esac
}
# Gives the service the state that is asked for.
settle() {
  if ! exists; then
    case ${p_state-}/${p_enabled-no} in stopped/no | /no) finish ;; esac
    missing "there is no service $p_name" "install it in a step before this one"
  fi
  [ "$manager" = systemd ] && [ "$load" = masked ] && case ${p_state-}/${p_enabled-no} in
    stopped/no | /no) ;;
    *) fail "$p_name is masked; run \`systemctl unmask $p_name\` in a step before this one" ;;
  esac
  [ "$manager" = systemd ] && [ "$mode" = apply ] && reread
  if [ "${p_enabled-}" = yes ] && ! starts_at_boot; then
    root "enabling a service"
    change "$p_name: enable, so that it starts with the host" && boot enable
  elif [ "${p_enabled-}" = no ] && starts_at_boot; then
    if [ "$manager" = systemd ]; then case $file in static | indirect | alias) return ;; esac; fi
    root "disabling a service"
    change "$p_name: disable, so that it does not start with the host" && boot disable
  fi
  case ${p_state-} in
    running)
      if ! runs; then
        root "starting a service"
        change "$p_name: start" && act start
      fi ;;
    stopped)
      if runs; then
        root "stopping a service"
        change "$p_name: stop" && act stop
      fi ;;
    restarted)
      root "restarting a service"
      change "$p_name: restart" && act restart ;;
    reloaded)
      root "reloading a service"
      if ! runs; then
        change "$p_name: start, since it does not run" && act start
      elif [ "$manager" = systemd ] && [ "$reloads" = no ]; then
        change "$p_name: restart, since it cannot reload" && act restart
      else
        change "$p_name: reload" && act reload
      fi ;;
  esac
}
