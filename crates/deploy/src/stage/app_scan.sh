# What of the image is known to be vulnerable, told by a scanner that this host has. The release serves by now, and goes on whatever
# becomes of this; another one may be deployed meanwhile, so nothing is held.
found=$release/scan
trap 'rm -f "$found.json"; exit 143' TERM
rm -f "$found.json" "$found.json.gz"
if [ "${p_by-}" = off ]; then
  echo 'The plan says `scan: off`.'
  printf 'none off\n' | report
  finish
fi
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
printf 'Scanning with %s %s, for %s s at the most.\n' "$scanner" "$version" "$p_timeout"
# What serves has the processors first.
gently() {
  if has timeout; then timeout "$p_timeout" nice -n 10 "$@"; else nice -n 10 "$@"; fi
}
case $scanner in
trivy) gently trivy image --quiet --format json --scanners vuln --timeout "${p_timeout}s" "$image" ;;
grype) gently grype --quiet -o json "docker:$image" ;;
esac >"$found.json" </dev/null
status=$?
wrong() {
  rm -f "$found.json" "$found.json.gz"
  fail "$*. The deployment serves all the same"
}
case $status in
0) ;;
# How GNU's `timeout` and that of busybox say that the time is over.
124 | 143) wrong "$scanner was not done within $p_timeout s; allow more with \`scan: { timeout: 15m }\`, or say \`scan: off\`" ;;
*) wrong "$scanner ended with status $status (its own words are above)" ;;
esac
gzip -c "$found.json" >"$found.json.gz" || wrong "what $scanner has found cannot be packed"
rm -f "$found.json"
size=$(wc -c <"$found.json.gz" | tr -d ' ')
[ "$size" -le 20000000 ] || wrong "what $scanner has found is too long to be kept ($size bytes, packed)"
printf 'scanner %s\nversion %s\ncollect %s\n' "$scanner" "$version" "$found.json.gz" | report
echo 'Scanned: the page of the deployment has what was found.'
