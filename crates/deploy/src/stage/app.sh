# What every stage of a deployment stands on. Before this come its parameters and the functions of resources, and
# `p_environment` (what it is deployed to: a word), `p_deployment` (its name there: its number and a part of its run's identifier,
# as several people may count), `p_number` (its number), `p_takes_from` (the name of the deployment whose image and settings it takes,
# when it goes back to one), `p_project` and `p_who` (who deploys).
#
# All that is kept on the host is in one folder that only root can read:
#   port            the port on loopback at which the environment is reached, always the same
#   current         the name of the deployment that serves, and `previous` of the one before
#   origin          where the application comes from
#   stopped         there while a person has stopped what serves
#   lease           who deploys to it, and until when that counts
#   source/         the source as it was fetched, sent or unpacked last
#   uploads/        archives that were sent, by their SHA-256; `.part` stands behind what has not come completely
#   releases/NAME/  env, settings, ports: what a deployment was started with; `commit` it was made from; `served` once it has served
base=/var/lib/steadyhand
app=$base/apps/$p_environment
release=$app/releases/$p_deployment
image=steadyhand/$p_environment:$p_deployment
umask 077
DOCKER_BUILDKIT=1
export DOCKER_BUILDKIT
# What a stage has done is never nothing.
changed=1
root 'A deployment'
current=$(cat "$app/current" 2>/dev/null)
mkdir -p "$release" || fail "$release cannot be made"
# What later stages and the app learn from this one: lines, in a file beside the log.
report() { (umask 022; cat >"${STEADYHAND_ATTEMPT%/}.out"); }
containers_of() { docker ps -aq --filter "label=steadyhand.app=$p_environment" --filter "label=steadyhand.release=$1"; }
table=steadyhand_$(printf %s "$p_environment" | tr -c 'a-z0-9' _)
routes=$base/routes
# Lets the port of the environment lead to the containers of deployment $1, in one step.
lead_to() {
  mkdir -p "$routes"
  count=$(wc -l <"$app/releases/$1/ports" | tr -d ' ')
  if [ "$count" = 1 ]; then
    to=":$(cat "$app/releases/$1/ports")"
  else
    to=$(awk '{ printf "%s%d : %d", separator, NR - 1, $1; separator = ", " }' "$app/releases/$1/ports")
    to=":numgen inc mod $count map { $to }"
  fi
  {
    printf 'table ip %s\nflush table ip %s\ntable ip %s {\n  chain out {\n' "$table" "$table" "$table"
    printf '    type nat hook output priority -110; policy accept;\n'
    printf '    ip daddr 127.0.0.1 tcp dport %s redirect to %s\n  }\n}\n' "$(cat "$app/port")" "$to"
  } >"$routes/$p_environment.new"
  nft -f "$routes/$p_environment.new" && mv "$routes/$p_environment.new" "$routes/$p_environment.nft"
}
# Lets the port lead to what serves, if anything does: not to what was stopped, whose own ports may be another's by now.
lead_back() {
  if [ "$current" ] && [ -s "$app/releases/$current/ports" ] && [ ! -f "$app/stopped" ]; then
    lead_to "$current"
  else
    nft delete table ip "$table" 2>/dev/null
    rm -f "$routes/$p_environment.nft"
  fi
}
# Takes the containers of this deployment away again. What serves goes on: a switch that came to nothing may have led to these.
abandon() {
  rm -f "$app"/uploads/*.part
  if [ "$current" != "$p_deployment" ]; then
    left=$(containers_of "$p_deployment")
    if [ "$left" ] && lead_back; then docker rm -f $left >/dev/null 2>&1; fi
  fi
  let_go
}
# Fails without leaving anything of this deployment; what served before goes on.
give_up() {
  printf '%s\n' "$*" >&2
  abandon
  if [ "$current" ] && [ ! -f "$app/stopped" ]; then printf 'Deployment %s goes on serving.\n' "${current%%-*}"; fi
  exit 1
}
trap 'abandon; exit 143' TERM
# Says that this environment is being deployed to for so many more seconds, unless somebody else does.
hold() {
  if [ -f "$app/lease" ]; then
    read -r owner until who <"$app/lease"
    if [ "$owner" != "$p_project" ] && [ "${until:-0}" -gt "$(date +%s)" ]; then
      left=$(((until - $(date +%s)) / 60 + 1))
      fail "$who is deploying to $p_environment from another machine; that counts for $left more minutes at the most. Wait until that is done"
    fi
  fi
  printf '%s %s %s\n' "$p_project" "$(($(date +%s) + $1))" "$p_who" >"$app/lease.new" && mv "$app/lease.new" "$app/lease" ||
    fail "$app cannot be written"
}
let_go() {
  owner=
  [ -f "$app/lease" ] && read -r owner until who <"$app/lease"
  [ "$owner" = "$p_project" ] && rm -f "$app/lease"
}
# The status of a GET request; nothing when there is no answer.
status_of() {
  if has curl; then
    got=$(curl -s -o /dev/null -m 5 -w '%{http_code}' "$@") || got=
  else
    got=$(wget -q -S -T 5 -O /dev/null "$1" 2>&1 | sed -n 's/.*HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' | tail -n 1)
  fi
  [ "$got" = 000 ] && got=
  printf '%s' "$got"
}
