# The jobs of the application. cron, or a timer of systemd for each, starts `run-job`; that runs the job in a container of its own,
# from the image and with the settings of the release that serves at that moment. In a container of the application (`docker exec`)
# it would be ended by the next deployment, and take memory from what visitors have. So a switch and a rollback change nothing
# for a job that runs, and the next run is of what serves then.
trap 'let_go; exit 143' TERM
if [ "$current" != "$p_deployment" ]; then
  printf 'Deployment %s serves by now: its jobs are its own.\n' "${current%%-*}"
  finish
fi
hold 300
jobs=$app/cron
program=$app/run-job
crontab=/etc/cron.d/steadyhand-$p_environment
units=/etc/systemd/system
unit=steadyhand-job-$p_environment
# What is wrong here is said; the deployment serves all the same.
warn() {
  let_go
  fail "$@"
}
item() { printf '%s\n' "$1" | sed -n "$2p"; }
# Puts what comes on standard input in the place of file $1, with mode $2. Its status is 1 when that was the same before, and 2 when
# it cannot be written.
put() {
  cat >"$1.new" || return 2
  if cmp -s "$1.new" "$1"; then
    rm -f "$1.new"
    return 1
  fi
  chmod "$2" "$1.new" && mv "$1.new" "$1" || return 2
}
written() { [ "$1" -lt 2 ] || warn "$2 cannot be written"; }
# Whether a run of job $1 goes on.
runs() {
  running=$(cat "$jobs/$1/running" 2>/dev/null)
  [ "$running" ] || return 1
  pid=$(sed -n 's/^pid //p' "$jobs/$1/runs/$running/record" 2>/dev/null)
  [ "$pid" ] && grep -q run-job "/proc/$pid/cmdline" 2>/dev/null
}
systemd=
[ -d /run/systemd/system ] && systemd=1
count=$(printf '%s\n' "${p_name-}" | grep -c .)
# Those that the plan does not name any more are never started again; what they have written goes with them.
for old in "$jobs"/*; do
  [ -d "$old" ] || continue
  job=${old##*/}
  printf '%s\n' "${p_name-}" | grep -qFx -- "$job" && continue
  rm -f "$old/run" "$old/schedule"
  [ "$systemd" ] && [ -f "$units/$unit@$job.timer" ] && systemctl disable -q --now "$unit@$job.timer"
  rm -f "$units/$unit@$job.timer"
  if runs "$job"; then
    printf '%s is no job any more. Its last run goes on; the next deployment removes what it has written.\n' "$job"
  else
    rm -rf "$old"
    printf '%s is no job any more: removed.\n' "$job"
  fi
done
if [ "$count" = 0 ]; then
  rm -f "$crontab" "$units/$unit@.service"
  rmdir "$jobs" 2>/dev/null
  echo 'It has no jobs.'
  let_go
  finish
fi
mkdir -p "$jobs" || warn "$jobs cannot be made"
printf '%s\n' "$p_runner" | put "$program" 700
written $? "$program"
number=1
while [ "$number" -le "$count" ]; do
  job=$(item "$p_name" "$number") schedule=$(item "$p_schedule" "$number")
  mkdir -p "$jobs/$job" || warn "$jobs/$job cannot be made"
  item "$p_run" "$number" | put "$jobs/$job/run" 600
  written $? "$jobs/$job/run"
  printf '%s\n' "$schedule" | put "$jobs/$job/schedule" 600
  written $? "$jobs/$job/schedule"
  printf '%s: %s: %s\n' "$job" "$schedule" "$(item "$p_run" "$number")"
  number=$((number + 1))
done
if [ "$systemd" ]; then
  rm -f "$crontab"
  put "$units/$unit@.service" 644 <<END
[Unit]
Description=Job %i of $p_environment
After=docker.service
[Service]
Type=oneshot
ExecStart=/bin/sh $program %i
END
  written $? "$units/$unit@.service"
  number=1
  while [ "$number" -le "$count" ]; do
    job=$(item "$p_name" "$number")
    timer=$units/$unit@$job.timer
    {
      printf '[Unit]\nDescription=When job %s of %s is due\n[Timer]\n' "$job" "$p_environment"
      # A day of the month or one of the week are two times in one line.
      item "$p_calendars" "$number" | tr ';' '\n' | sed 's/^/OnCalendar=/'
      printf 'AccuracySec=1s\n[Install]\nWantedBy=timers.target\n'
    } | put "$timer" 644
    written $? "$timer"
    systemctl daemon-reload
    systemctl enable -q "${timer##*/}" && systemctl restart "${timer##*/}" || warn "systemd did not take the timer of $job (its words are above)"
    number=$((number + 1))
  done
  let_go
  finish
fi
if ! { has cron || has crond; } || [ ! -d /etc/cron.d ]; then
  warn 'no job is started here: there is no cron that reads /etc/cron.d. Install one in a task that `app` needs, on Debian \
for instance with `package: cron`, and deploy again'
fi
# cron leaves alone what has a dot in its name, so what is written beside it counts only once it is whole.
{
  printf '# The jobs of %s. Every deployment writes this anew: change its plan instead.\nSHELL=/bin/sh\nMAILTO=""\n' "$p_environment"
  number=1
  while [ "$number" -le "$count" ]; do
    printf '%s root /bin/sh %s %s\n' "$(item "$p_schedule" "$number")" "$program" "$(item "$p_name" "$number")"
    number=$((number + 1))
  done
} | put "$crontab" 644
written $? "$crontab"
grep -qxE 'crond?' /proc/[0-9]*/comm 2>/dev/null ||
  warn 'no job is started here: cron is installed and does not run. Start it, for instance with `service: { name: cron, state: running }`'
let_go
