# What uploads and downloads have in common. Variables: k the token. Standard input goes on after the program: it is read
# to the byte.
say() { printf '\n%s %s\n' "$k" "$*"; }
die() { say failed "$*"; exit 1; }
unset CDPATH
cd "$HOME" 2>/dev/null
full=
[ "$(printf xx | dd bs=2 count=1 iflag=fullblock 2>/dev/null)" = xx ] && full=iflag=fullblock
# The next $1 bytes of standard input.
part() {
  if [ "$1" = 0 ]; then return; fi
  if [ "$full" ]; then dd bs="$1" count=1 $full 2>/dev/null; else dd bs=1 count="$1" 2>/dev/null; fi
}
# How many KiB are free where folder $1 is or would be.
room() {
  r=$1
  while [ ! -d "$r" ] && [ "$r" != "${r%/*}" ]; do r=${r%/*}; done
  df -Pk "${r:-/}" 2>/dev/null | { read -r x; read -r x x x free x; printf '%s' "$free"; }
}
# Reads names, each ended by a NUL, and tells mode and size of what is there, and the hashes of files: a few processes for
# all of them. What is no file is never opened. Names with line breaks have no hash. With `follow` links are what they lead to.
follow=
survey() {
  F=$follow xargs -0 sh -c 'stat $F -c "%n/$0 %f %s" "$@" 2>/dev/null
n="
"
for e; do
  case $e in *"$n"*) continue ;; esac
  if [ -f "$e" ]; then if [ "$F" ] || [ ! -L "$e" ]; then printf "%s\0" "$e"; fi; fi
done | xargs -0 -r sha256sum 2>/dev/null' "$k" 2>/dev/null
}
