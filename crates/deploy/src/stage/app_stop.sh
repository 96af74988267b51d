# What serves is stopped, and kept: it is started again by a restart or by the next deployment, and not by a reboot. Its port leads
# nowhere meanwhile: its containers' own ports are given up, and may come to others.
[ "$current" = "$p_deployment" ] || fail "deployment $p_number does not serve any more: deployment ${current%%-*} does; stop that one"
hold 600
ids=$(containers_of "$p_deployment") || {
  let_go
  fail 'docker does not say which containers there are; does it run?'
}
# Half of it is not left stopped.
as_before() {
  rm -f "$app/stopped"
  [ "$ids" ] && docker start $ids >/dev/null 2>&1
  lead_back
  let_go
}
trap 'as_before; exit 143' TERM
: >"$app/stopped" || fail "$app cannot be written"
lead_back
for id in $ids; do
  name=$(docker inspect -f '{{.Name}}' "$id" 2>/dev/null)
  said=$(docker stop -t 10 "$id" 2>&1) || {
    as_before
    fail "${name#/} could not be stopped: $said"
  }
  printf '%s is stopped.\n' "${name#/}"
done
trap '' TERM
let_go
