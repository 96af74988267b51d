# What serves is stopped, and kept: it is started again by a restart or by the next deployment, and not by a reboot.
[ "$current" = "$p_deployment" ] || fail "deployment $p_number does not serve any more: deployment ${current%%-*} does; stop that one"
hold 600
ids=$(containers_of "$p_deployment") || {
  let_go
  fail 'docker does not say which containers there are; does it run?'
}
for id in $ids; do
  name=$(docker inspect -f '{{.Name}}' "$id" 2>/dev/null)
  said=$(docker stop -t 10 "$id" 2>&1) || {
    let_go
    fail "${name#/} could not be stopped: $said"
  }
  printf '%s is stopped.\n' "${name#/}"
done
let_go
