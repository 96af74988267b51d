# The application's own commands, in containers like the new ones. When one fails, nothing is switched.
hold 7200
run() {
  while IFS= read -r line <&3; do
    [ "$line" ] || continue
    printf '$ %s\n' "$line"
    set -- --rm --init --security-opt no-new-privileges --env-file "$release/env" --label "steadyhand.app=$p_environment" --label "steadyhand.release=$p_deployment"
    while IFS= read -r volume; do
      name=${volume%%=*}
      case $name in /*) ;; *) name=$p_environment-$name ;; esac
      set -- "$@" -v "$name:${volume#*=}"
    done <"$release/volumes"
    docker run "$@" --entrypoint /bin/sh "$image" -c "$line" </dev/null || give_up "the hook \`$line\` ended with status $?"
  done 3<<END
$1
END
}
if [ ! "$current" ]; then run "${p_on_new-}"; fi
run "${p_on_deploy-}"
