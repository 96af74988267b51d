# What of the image is known to be vulnerable, told by a scanner that this host has. The release serves by now, and goes on whatever
# becomes of this; another one may be deployed meanwhile, so nothing is held.
found=$release/scan
trap 'rm -f "$found.json"; exit 143' TERM
rm -f "$found.json"
if [ "${p_by-}" = off ]; then
  echo 'The plan says `scan: off`.'
  printf 'none off\n' | report
  finish
fi
# The same image was scanned here not long ago: what was found then is told again.
id=$(docker image inspect -f '{{.Id}}' "$image" 2>/dev/null)
now=$(date +%s)
for from in "$app"/releases/*; do
  [ "$id" ] && [ -f "$from/scanned" ] && [ -f "$from/scan.json.gz" ] || continue
  read -r of at scanner version <"$from/scanned" || continue
  [ "$of" = "$id" ] && [ "$at" -le "$now" ] && [ $((now - at)) -lt 86400 ] || continue
  if [ "$from" != "$release" ]; then
    cp "$from/scan.json.gz" "$found.json.gz" && cp "$from/scanned" "$release/scanned" || fail "$release cannot be written"
  fi
  printf 'The same image was scanned %s min ago, with %s %s: the page of the deployment has what was found then. It is scanned again after a day.\n' "$(((now - at) / 60))" "$scanner" "$version"
  printf 'scanner %s\nversion %s\nat %s\ncollect %s\n' "$scanner" "$version" "$at" "$found.json.gz" | report
  finish
done
rm -f "$found.json.gz" "$release/scanned"
if has trivy; then
  scanner=trivy
  version=$(trivy --version 2>/dev/null </dev/null | sed -n 's/^Version: *//p' | head -n 1)
elif has grype; then
  scanner=grype
  version=$(grype version 2>/dev/null </dev/null | sed -n 's/^Version: *//p' | head -n 1)
else
  echo 'Not scanned: neither Trivy nor Grype is installed here. Install one (https://trivy.dev, https://oss.anchore.com), in a task that `app` needs for instance.'
  printf 'none lacking\n' | report
  finish
fi
# A scanner takes some hundred megabytes, and what serves is not to miss them.
spare=$(awk '/^(MemAvailable|SwapFree):/ { n += $2; known = 1 } END { if (known) print int(n / 1024) }' /proc/meminfo 2>/dev/null)
if [ "${spare:-512}" -lt 512 ]; then
  printf 'Not scanned: this host has %s MB of memory to spare, and less than 512 MB is too little.\n' "$spare"
  printf 'none memory\n' | report
  finish
fi
printf 'Scanning with %s %s, for %s s at the most.\n' "$scanner" "$version" "$p_timeout"
# What serves has the processors first, and of what takes memory, this goes first. What does not end when it is told to is killed, where
# `timeout` knows how.
limit=
if has timeout; then
  if timeout -k 10 5 true 2>/dev/null; then limit="timeout -k 10 $p_timeout"; else limit="timeout $p_timeout"; fi
fi
if has nice; then limit="$limit nice -n 10"; fi
gently() (
  { echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null
  exec $limit "$@"
)
# The image is on this host alone: no registry is asked for it.
case $scanner in
trivy) gently trivy image --quiet --format json --scanners vuln --timeout "${p_timeout}s" --image-src docker "$image" ;;
grype) gently grype --quiet -o json "docker:$image" ;;
esac >"$found.json" </dev/null
status=$?
wrong() {
  rm -f "$found.json" "$found.json.gz"
  fail "$*. The deployment serves all the same"
}
# Of one that had to be killed.
if [ "$status" = 137 ] && [ $(($(date +%s) - now)) -ge "${p_timeout%.*}" ]; then status=124; fi
case $status in
0) ;;
# How GNU's `timeout` and that of busybox say that the time is over.
124 | 143) wrong "$scanner was not done within $p_timeout s; allow more with \`scan: { timeout: 15m }\`, or say \`scan: off\`" ;;
137) wrong "$scanner was killed, most likely because this host had no memory left for it" ;;
*) wrong "$scanner ended with status $status (its own words are above)" ;;
esac
# What is no answer of it is not told a second time.
is_answer=
grep -q -e '"SchemaVersion"' -e '"matches"' "$found.json" && is_answer=1
gzip -c "$found.json" >"$found.json.gz" || wrong "what $scanner has found cannot be packed"
rm -f "$found.json"
size=$(wc -c <"$found.json.gz" | tr -d ' ')
[ "$size" -le 20000000 ] || wrong "what $scanner has found is too long to be kept ($size bytes, packed)"
if [ "$id" ] && [ "$is_answer" ]; then printf '%s %s %s %s\n' "$id" "$now" "$scanner" "$version" >"$release/scanned"; fi
printf 'scanner %s\nversion %s\ncollect %s\n' "$scanner" "$version" "$found.json.gz" | report
echo 'Scanned: the page of the deployment has what was found.'
