#!/bin/sh
# One run of a job of an application: `run-job JOB`. cron or a timer of systemd starts this as root, with next to no environment.
# In cron/JOB beside it are the job's command (`run`) and its runs, each with a record (`start`, `pid`, `release`, `skipped` for
# each time that it was due again meanwhile, `end` and `status`; or `lost`) and what it has written (`log`).
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077
# How many runs are kept, and how many bytes of the beginning and of the end of what one has written.
keep=50 beginning=24576 end=32768
app=$(cd "$(dirname "$0")" && pwd) || exit 64
name=${app##*/} job=${1-}
here=$app/cron/$job
case $job in '' | *[!A-Za-z0-9_-]*) echo "$0: which job?" >&2; exit 64 ;; esac
if [ ! -s "$here/run" ]; then
  echo "$name has no job $job." >&2
  exit 64
fi
if [ -f "$app/stopped" ]; then
  echo "$name is stopped, and its jobs with it."
  exit 75
fi
command=$(cat "$here/run")
# Whether a process is a run of a job: another one may have got its number.
alive() { [ "$1" ] && kill -0 "$1" 2>/dev/null && grep -q run-job "/proc/$1/cmdline" 2>/dev/null; }
busy() {
  running=$(cat "$here/running" 2>/dev/null)
  [ "$running" ] && [ -f "$here/runs/$running/record" ] && echo "skipped $(date +%s)" >>"$here/runs/$running/record"
  echo "$job of $name still runs; nothing is started."
  exit 75
}
# Never two of one job at the same time.
if command -v flock >/dev/null 2>&1; then
  exec 9>"$here/lock" || exit 73
  flock -n 9 || busy
else
  # A link is made in one step, with who holds it.
  until ln -s "$$" "$here/holder" 2>/dev/null; do
    [ -h "$here/holder" ] || exit 73
    alive "$(readlink "$here/holder")" && busy
    rm -f "$here/holder"
  done
  trap 'rm -f "$here/holder"' EXIT
fi
mkdir -p "$here/runs"
last=$(cat "$here/running" 2>/dev/null)
[ "$last" ] && [ -f "$here/runs/$last/record" ] && echo lost >>"$here/runs/$last/record"
run=$(date +%s)
until mkdir "$here/runs/$run" 2>/dev/null; do
  [ -d "$here/runs/$run" ] || exit 73
  run=$((run + 1))
done
release=$(cat "$app/current" 2>/dev/null)
printf 'start %s\npid %s\nrelease %s\n' "$(date +%s)" "$$" "${release:--}" >"$here/runs/$run/record"
printf '%s\n' "$run" >"$here/running"
ls "$here/runs" | sort -rn | sed "1,${keep}d" | while read -r old; do rm -rf "$here/runs/$old"; done
kept=$app/releases/$release
setting() { sed -n "s/^$1=//p" "$kept/settings"; }
work() {
  if [ ! "$release" ] || [ ! -f "$kept/settings" ]; then
    echo "No deployment of $name serves here."
    return 125
  fi
  # What is left of one that the host has gone down in.
  [ "$(docker inspect -f '{{.State.Running}}' "$name.$job" 2>/dev/null)" = false ] && docker rm -f "$name.$job" >/dev/null 2>&1
  # With the labels of its image, it would be taken for a container of a deployment, and ended with that.
  set -- --rm --init --pull never --name "$name.$job" --security-opt no-new-privileges --env-file "$kept/env" \
    --label "steadyhand.job=$name/$job" --label steadyhand.app= --label steadyhand.release=
  [ "$(setting read_only)" = yes ] && set -- "$@" --read-only --tmpfs /tmp --tmpfs /run
  cpus=$(setting cpus) memory=$(setting memory)
  [ "$cpus" ] && set -- "$@" --cpus "$cpus"
  [ "$memory" ] && set -- "$@" --memory "$memory" --memory-swap "$memory"
  while IFS= read -r volume; do
    [ "$volume" ] || continue
    source=${volume%%=*}
    case $source in /*) ;; *) source=$name-$source ;; esac
    set -- "$@" -v "$source:${volume#*=}"
  done <<END
$(setting volume)
END
  # One stream keeps what is written in its order.
  docker run "$@" --entrypoint /bin/sh "steadyhand/$name:$release" -c "exec 2>&1
$command" </dev/null
}
log=$here/runs/$run/log
{
  work
  echo "$?" >"$here/runs/$run/status"
} 2>&1 | {
  head -c "$beginning" >"$log"
  tail -c "$end" >"$log.end"
}
if [ -s "$log.end" ]; then
  [ "$(wc -c <"$log.end")" -lt "$end" ] || printf '\n[What it wrote here is left out.]\n' >>"$log"
  cat "$log.end" >>"$log"
fi
rm -f "$log.end"
status=$(cat "$here/runs/$run/status")
rm -f "$here/runs/$run/status"
printf 'status %s\nend %s\n' "${status:-125}" "$(date +%s)" >>"$here/runs/$run/record"
rm -f "$here/running"
exit "${status:-125}"
