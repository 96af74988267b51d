# What a source has, as it is told to those who find out how it is built: lines `F SIZE PATH`, and `C LENGTH PATH` with so many bytes
# of a text after it.
# Reads names, and gives their texts. All together, packed, is a short text: the rest of a very large source is left out.
texts() {
  all=0
  while IFS= read -r file && [ "$all" -lt 250000 ]; do
    [ -f "$file" ] && [ ! -L "$file" ] || continue
    size=$(wc -c <"$file" | tr -d ' ')
    most=32768
    case ${file##*/} in *lock* | index.html) most=4096 ;; esac
    [ "$size" -gt "$most" ] && size=$most
    printf 'C %s %s\n' "$size" "$file"
    head -c "$size" "$file"
    all=$((all + size))
  done
}
# $1 is how many bytes of the report are taken.
packed() { gzip -c | base64 | head -c "$((58000 - $1))"; }
