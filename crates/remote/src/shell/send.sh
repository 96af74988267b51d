# Takes one large file, as far as it is not there yet. Variables: k the token, d the folder, h the file's SHA-256, which becomes its
# name there, n its size. What has arrived is in `$h.part`; it is asked for first, so that a connection that was lost costs nothing that
# was sent. Everything is written at its own place in the file: who was cut off and writes a last piece late, writes what belongs there.
LC_ALL=C
export LC_ALL
umask 077
trap 'exit 1' HUP INT TERM PIPE
digest() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum; elif command -v shasum >/dev/null 2>&1; then shasum -a 256; else openssl dgst -sha256 -r; fi | cut -d ' ' -f 1
}
size() { wc -c <"$1" | tr -d ' '; }
mkdir -p "$d" || die "the folder $d cannot be made"
f=$d/$h p=$d/$h.part
if [ -f "$f" ] && [ "$(size "$f")" = "$n" ]; then say have; exit 0; fi
at=0
[ -f "$p" ] && at=$(size "$p")
if [ "$at" -gt "$n" ]; then rm -f "$p"; at=0; fi
at=$((at / 1048576))
free=$(room "$d")
need=$(((n - at * 1048576) / 1024))
if [ "$free" ] && [ "$free" -le "$need" ]; then
  die "$((need / 1024 + 1)) MiB are needed there, and $((free / 1024)) MiB are free; make room on the host, for instance with \`docker system prune\`"
fi
say at "$at"
e=$(dd bs=1048576 seek="$at" conv=notrunc of="$p" 2>&1) || die "it could not be written there: ${e%%
*}"
[ "$(size "$p")" = "$n" ] || die 'it did not arrive completely'
if [ "$(digest <"$p")" != "$h" ]; then rm -f "$p"; say again; exit 0; fi
mv -f "$p" "$f" || die "$f cannot be made"
say sent
