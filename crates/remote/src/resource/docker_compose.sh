# docker_compose: folder, file, project, state (up, down), build, pull
if has docker && docker compose version >/dev/null 2>&1 </dev/null; then set -- docker compose
elif has docker-compose; then set -- docker-compose
elif has docker; then missing "there is no docker compose on this host" "install it in a step before this one"
else missing "there is no docker on this host" "install it in a step before this one"; fi
docker version --format '{{.Server.Version}}' >/dev/null 2>&1 </dev/null || {
  answer=$(docker version 2>&1 </dev/null | tail -n 1)
  case $answer in
    *'permission denied'*) fail "this user may not use docker; say sudo: true, or put the user into group docker" ;;
    *) missing "docker does not answer" "see whether its service runs" "$answer" ;;
  esac
}
[ -d "$p_folder" ] || {
  [ "$p_state" = down ] && finish
  missing "there is no directory $p_folder" "make it in a step before this one"
}
cd "$p_folder" || fail "$p_folder cannot be entered"
found=
for one in ${p_file+"$p_file"} compose.yaml compose.yml docker-compose.yaml docker-compose.yml; do
  [ -f "$one" ] && [ ! "$found" ] && found=$one
  # One that is named has to be that one.
  [ "${p_file+set}" ] && break
done
[ "$found" ] || missing "there is no ${p_file:-compose.yaml} in $p_folder" "write it in a step before this one"
set -- "$@" -f "$found"
if [ "${p_project+set}" ]; then
  case $p_project in '' | -* | *[!a-z0-9_-]*) fail "\"$p_project\" cannot be the name of a project: small letters, digits, - and _" ;; esac
else
  p_project=$(basename -- "$PWD" | tr A-Z a-z | tr -cd 'a-z0-9_-' | sed 's/^[_-]*//')
fi
set -- "$@" -p "$p_project"
# The containers of the project, those that ran once and ended, too: service, hash, state, exit status, restart policy, image, one a line.
containers() {
  for id in $(docker ps -aq --filter "label=com.docker.compose.project=$p_project" --filter label=com.docker.compose.oneoff=False </dev/null); do
    docker inspect -f '{{index .Config.Labels "com.docker.compose.service"}} {{index .Config.Labels "com.docker.compose.config-hash"}} {{.State.Status}} {{.State.ExitCode}} {{or .HostConfig.RestartPolicy.Name "no"}} {{.Image}} {{.Config.Image}}' "$id" </dev/null
  done
}
if [ "$p_state" = down ]; then
  [ "$(containers)" ] || finish
  if change "$p_folder: stop and remove $(containers | wc -l | tr -d ' ') containers"; then
    "$@" down --remove-orphans </dev/null || fail "what is in $p_folder could not be brought down"
  fi
  finish
fi
wanted=$("$@" config --hash '*' 2>&1 </dev/null) || fail "$p_folder/$found is not right: $(printf '%s\n' "$wanted" | tail -n 1)"
wanted=$(printf '%s\n' "$wanted" | awk 'NF == 2 && length($2) == 64')
[ "$wanted" ] || fail "$p_folder/$found has no services"
if [ "$mode" = apply ]; then
  if [ "$p_pull" = yes ]; then "$@" pull -q </dev/null || fail "the images of $p_folder could not be fetched"; fi
  if [ "$p_build" = yes ]; then "$@" build </dev/null || fail "the images of $p_folder could not be built"; fi
fi
have=$(containers)
while read -r service hash; do
  its=$(printf '%s\n' "$have" | awk -v s="$service" '$1 == s')
  if [ ! "$its" ]; then
    change "$service: make"
    continue
  fi
  what=$(printf '%s\n' "$its" | while read -r name was state code policy image from; do
    now=$(docker image inspect -f '{{.Id}}' "$from" 2>/dev/null </dev/null)
    if [ "$was" != "$hash" ] || { [ "$now" ] && [ "$now" != "$image" ]; }; then
      echo "replace, since what it is made from has changed"
      break
    elif [ "$state" != running ] && [ "$state/$code/$policy" != exited/0/no ]; then
      # What was to run once, and did, is not started again.
      echo "start, since it is $state"
      break
    fi
  done)
  [ "$what" ] && change "$service: $what"
done <<END
$wanted
END
# What the file no longer has.
for service in $(printf '%s\n' "$have" | cut -d' ' -f1 | sort -u); do
  printf '%s\n' "$wanted" | grep -q "^$service " || change "$service: remove, since $found no longer has it"
done
if [ "$changed" ] && [ "$mode" = apply ]; then
  "$@" up -d --remove-orphans </dev/null || fail "what is in $p_folder could not be brought up"
fi
if [ "$mode" = check ] && [ ! "$changed" ]; then
  [ "$p_build$p_pull" = nono ] || unknown "whether the images of $p_folder change is seen when they are built or fetched"
fi
