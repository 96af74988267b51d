# docker_container: name, image, state (running, stopped, absent), command (lines), ports (lines), env (lines NAME=VALUE),
# volumes (lines), network, user, labels (lines NAME=VALUE), restart, pull (missing, always)
case $p_name in '' | -* | *[!A-Za-z0-9._-]*) fail "\"$p_name\" cannot be the name of a container" ;; esac
docker=docker
has docker || { has podman && docker=podman; }
if ! has "$docker"; then
  [ "$p_state" = absent ] && finish
  missing "there is no docker on this host" "install it in a step before this one"
fi
answer=$("$docker" version --format '{{.Server.Version}}' 2>&1 </dev/null) || case $answer in
  *'permission denied'*) fail "this user may not use docker; say sudo: true, or put the user into group docker" ;;
  *) missing "$docker does not answer" "see whether its service runs" "$(printf '%s\n' "$answer" | tail -n 1)" ;;
esac
# One line about the container: its state, the image it was made from, and what this made it from.
of() { "$docker" container inspect -f "$2" -- "$1" 2>/dev/null </dev/null; }
is=$(of "$p_name" '{{.State.Status}}')
if [ "$p_state" = absent ]; then
  if [ "$is" ] && change "$p_name: remove the container"; then try "$docker" rm -f -- "$p_name"; fi
  finish
fi
[ "${p_image:-}" ] || fail "what $p_name is made from is not said; say image:"
case $p_image in -* | *[!A-Za-z0-9._:/@+-]*) fail "\"$p_image\" cannot be the name of an image" ;; esac
if printf '%s\n' "${p_env-}" "${p_labels-}" | grep -q '^[[:space:]]*#'; then fail "the name of a variable or label cannot begin with #"; fi
# Everything that a container cannot change afterwards, as one number.
specification() {
  for part in image command ports env volumes network user labels restart; do
    printf '%s\n' "$part"
    case $part in
      image) printf '%s\n' "$p_image" ;;
      command) printf '%s\n' "${p_command-}" ;;
      ports) printf '%s\n' "${p_ports-}" | sort ;;
      env) printf '%s\n' "${p_env-}" | sort ;;
      volumes) printf '%s\n' "${p_volumes-}" | sort ;;
      network) printf '%s\n' "${p_network-}" ;;
      user) printf '%s\n' "${p_user-}" ;;
      labels) printf '%s\n' "${p_labels-}" | sort ;;
      restart) printf '%s\n' "$p_restart" ;;
    esac
  done | if has sha256sum; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1
}
spec=$(specification)
image_id() { "$docker" image inspect -f '{{.Id}}' -- "$p_image" 2>/dev/null </dev/null; }
pull() { "$docker" pull -- "$p_image" </dev/null || fail "the image $p_image could not be fetched"; }
id=$(image_id)
if [ "$p_pull" = always ]; then
  if [ "$mode" = apply ]; then
    out=$("$docker" pull -q -- "$p_image" 2>&1 </dev/null) || fail "the image $p_image could not be fetched: $(printf '%s\n' "$out" | tail -n 1)"
    id=$(image_id)
  fi
fi
start() {
  out=$("$docker" start -- "$1" 2>&1 </dev/null) && return
  out=$(printf '%s\n' "$out" | head -n 1)
  return 1
}
# Whether container $1, which has just started, still runs three seconds later; else says in `out` what it did.
stays() {
  for second in 1 2 3; do
    sleep 1
    [ "$(of "$1" '{{.State.Running}} {{.State.Restarting}}')" = 'true false' ] || second=
    # It may run again at this moment.
    case $(of "$1" '{{.RestartCount}}') in 0 | '') ;; *) second= ;; esac
    [ "$second" ] && continue
    out="it ended with status $(of "$1" '{{.State.ExitCode}}') as soon as it ran"
    log=$("$docker" logs --tail 10 -- "$1" 2>&1 </dev/null | sed 's/^/  /')
    [ "$log" ] && out="$out; the end of its log:
$log"
    return 1
  done
  return 0
}
make_it() {
  [ "$id" ] || pull
  set -- --name "$1" --restart "$p_restart" --label "steadyhand.spec=$spec"
  [ "${p_network:-}" ] && set -- "$@" "--network=$p_network"
  [ "${p_user:-}" ] && set -- "$@" "--user=$p_user"
  while IFS= read -r one; do
    [ "$one" ] && set -- "$@" "--publish=$one"
  done <<END
${p_ports-}
END
  while IFS= read -r one; do
    [ "$one" ] && set -- "$@" "--volume=$one"
  done <<END
${p_volumes-}
END
  set -- "$@" -- "$p_image"
  if [ "${p_command+set}" ]; then
    while IFS= read -r one; do set -- "$@" "$one"; done <<END
$p_command
END
  fi
  # Variables and labels come on descriptors of their own: they are in no command line.
  out=$("$docker" create --env-file /dev/fd/3 --label-file /dev/fd/4 "$@" 3<<END 4<<LABELS 2>&1 </dev/null
${p_env-}
END
${p_labels-}
LABELS
  ) || fail "$p_name could not be made: $(printf '%s\n' "$out" | tail -n 1)"
}
if [ ! "$is" ]; then
  doing="make from $p_image"
elif [ "$(of "$p_name" '{{index .Config.Labels "steadyhand.spec"}}')" != "$spec" ]; then
  doing="replace, since it was made from something else"
elif [ "$id" ] && [ "$(of "$p_name" '{{.Image}}' | sed 's/^sha256://')" != "${id#sha256:}" ]; then
  doing="replace, since its image is another now"
else doing=; fi
if [ "$doing" ]; then
  if change "$p_name: $doing"; then
    new=$p_name.steadyhand-new old=$p_name.steadyhand-old
    "$docker" rm -f -- "$new" >/dev/null 2>&1 </dev/null
    if [ "$is" ]; then
      # The old one is kept until the new one has started.
      make_it "$new"
      "$docker" rm -f -- "$old" >/dev/null 2>&1 </dev/null
      "$docker" stop -- "$p_name" >/dev/null 2>&1 </dev/null
      try "$docker" rename "$p_name" "$old"
      try "$docker" rename "$new" "$p_name"
    else make_it "$p_name"; fi
    if [ "$p_state" = running ] && ! { start "$p_name" && stays "$p_name"; }; then
      why=$out
      "$docker" rm -f -- "$p_name" >/dev/null 2>&1 </dev/null
      if [ "$is" ]; then
        "$docker" rename "$old" "$p_name" </dev/null
        case $is in running | restarting | paused) start "$p_name" ;; esac
        fail "$p_name could not be started, and the one before is back: $why"
      fi
      fail "$p_name could not be started: $why"
    fi
    [ "$is" ] && "$docker" rm -f -- "$old" >/dev/null 2>&1 </dev/null
  fi
elif [ "$p_state" = running ] && [ "$is" != running ]; then
  if change "$p_name: start, since it is $is"; then
    if [ "$is" = paused ]; then out=$("$docker" unpause "$p_name" 2>&1 </dev/null); else start "$p_name" && stays "$p_name"; fi ||
      fail "$p_name could not be started: $out"
  fi
elif [ "$p_state" = stopped ]; then
  case $is in running | paused | restarting) change "$p_name: stop" && try "$docker" stop -- "$p_name" ;; esac
fi
if [ "$p_pull" = always ] && [ "$mode" = check ] && [ ! "$changed" ]; then
  unknown "$p_name: whether there is a newer $p_image is seen when it is fetched"
fi
