# cron: name, user, schedule, run, state (present, absent)
me=$(id -un)
: "${p_user:=$me}"
case $p_user in '' | -* | *[!A-Za-z0-9._-]*) fail "\"$p_user\" cannot be the name of a user" ;; esac
has crontab || missing "there is no crontab on this host" "install cron in a step before this one"
[ "$(entry passwd "$p_user")" ] || missing "there is no user $p_user" "make it in a step before this one"
[ "$p_user" = "$me" ] || root "changing the crontab of $p_user"
if [ "$p_state" = present ]; then
  [ "${p_schedule:-}" ] || fail "when it is to run is not said; say schedule: \"0 3 * * *\""
  [ "${p_run:-}" ] || fail "what is to run is not said; say run:"
  set -f
  set -- $p_schedule
  set +f
  case $p_schedule in
    @reboot | @yearly | @annually | @monthly | @weekly | @daily | @midnight | @hourly) ;;
    *) [ $# = 5 ] || fail "schedule: is to be five fields (minute, hour, day of the month, month, day of the week), such as \"0 3 * * *\", or a word such as @daily" ;;
  esac
  # To cron, % is the end of a line.
  job="$p_schedule $(printf '%s\n' "$p_run" | sed 's/%/\\%/g')"
else job=; fi
current() {
  if [ "$p_user" = "$me" ]; then crontab -l </dev/null; else crontab -u "$p_user" -l </dev/null; fi
}
# Only who has no crontab has an empty one: whatever else goes wrong, the lines that are there would be lost.
if ! was=$(current 2>/dev/null); then
  said=$(current 2>&1 >/dev/null)
  case $said in
    *[Nn]'o crontab'*) ;;
    # So says the one of busybox.
    *"can't open '$p_user': No such file"*) ;;
    *) fail "the crontab of $p_user cannot be read: $(printf '%s\n' "$said" | tail -n 1)" ;;
  esac
  was=
fi
# The crontab with the job between its two marks, where they are, else at the end. Marks without an end are only a line.
put() {
  { [ ! "$was" ] || printf '%s\n' "$was"; } | name=$p_name job=$job awk '
    function block() { if (ENVIRON["job"] != "" && !done++) { print begin; print ENVIRON["job"]; print end } }
    BEGIN { begin = "# steadyhand: " ENVIRON["name"]; end = "# steadyhand end: " ENVIRON["name"] }
    $0 == begin { if (inside) printf "%s", kept; inside = 1; kept = ""; next }
    inside && $0 == end { inside = 0; block(); next }
    inside { kept = kept $0 "\n"; next }
    { print }
    END { if (inside) printf "%s", kept; block() }
  '
}
mark="# steadyhand: $p_name"
is=$(put)
[ "$was" = "$is" ] && finish
case "
$was
" in
  *"
$mark
"*) if [ "$job" ]; then change "$p_name: change in the crontab of $p_user"; else change "$p_name: remove from the crontab of $p_user"; fi ;;
  *) change "$p_name: add to the crontab of $p_user" ;;
esac
[ "$job" ] && printf '  %s\n' "$job"
if [ "$mode" = apply ]; then
  if [ "$p_user" = "$me" ]; then set --; else set -- -u "$p_user"; fi
  if [ "$is" ]; then printf '%s\n' "$is" | crontab "$@" - || fail "crontab did not take it"
  else try crontab "$@" -r; fi
fi
