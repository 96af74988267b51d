# line: path, line, match, after, before, state (present, absent), create
if [ "$p_state" = present ]; then
  [ "${p_line+set}" ] || fail "which line is to be in $p_path is not said; say line:"
else
  [ "${p_line+set}${p_match+set}" ] || fail "which line is not to be in $p_path is not said; say line: or match:"
fi
[ "${p_after+set}" ] && [ "${p_before+set}" ] && fail "a line goes after: or before: another, not both"
if [ -d "$p_path" ]; then fail "$p_path is a directory"; fi
# What a link points to is changed, and the link stays.
if [ -L "$p_path" ]; then
  to=$(readlink -f -- "$p_path") && [ "$to" ] || fail "$p_path is a link to nothing"
  p_path=$to
fi
if [ ! -e "$p_path" ]; then
  [ "$p_state" = absent ] && finish
  [ "$p_create" = yes ] || missing "there is no file $p_path" "make it in a step before this one, or say create: true"
fi
file=/dev/null
[ -e "$p_path" ] && file=$p_path
# The numbers of the lines that match the expression $1, or are exactly it. It comes on standard input: it is no argument.
found() {
  printf '%s\n' "$2" | grep -n "$1" -f - "$file" | cut -d: -f1
  return 0
}
# Not every grep looks at the expression before it has a line to look at.
usable() {
  [ ! "$(printf '%s\n' "$2" | grep -q -E -f - /etc/passwd 2>&1)" ] || fail "$1: is no regular expression that grep -E takes: $2"
}
[ "${p_match+set}" ] && usable match "$p_match"
[ "${p_after+set}" ] && usable after "$p_after"
[ "${p_before+set}" ] && usable before "$p_before"
# The lines as they are, but for: those of the numbers `drop` are left out, the one of number `swap` is the new one, the new
# one is put in after number `put` (0 for the beginning).
edited() {
  awk '
    BEGIN { n = split(ENVIRON["drop"], d); for (i = 1; i <= n; i++) gone[d[i]] = 1; if (ENVIRON["into"] == "0") print ENVIRON["p_line"] }
    FNR == ENVIRON["swap"] { print ENVIRON["p_line"]; next }
    !(FNR in gone) { print }
    FNR == ENVIRON["into"] { print ENVIRON["p_line"] }
  ' "$file"
}
put() { drop=$drop swap=$swap into=$into p_line=${p_line-} edited; }
drop='' swap='' into=''
if [ "$p_state" = absent ]; then
  if [ "${p_match+set}" ]; then drop=$(found -E "$p_match"); else drop=$(found -Fx "$p_line"); fi
  [ "$drop" ] || finish
  change "$p_path: remove $(printf '%s\n' "$drop" | wc -l | tr -d ' ') of its lines"
else
  matched=
  [ "${p_match+set}" ] && matched=$(found -E "$p_match" | tail -n 1)
  same=$(found -Fx "$p_line")
  if [ "$matched" ]; then
    case "
$same
" in *"
$matched
"*) finish ;; esac
    swap=$matched
    change "$p_path: replace line $matched"
  else
    [ "$same" ] && finish
    last=$(wc -l <"$file" | tr -d ' ')
    # A last line that nothing ends counts, too.
    [ "$(tail -c 1 "$file" | tr -d '\n' | wc -c)" -gt 0 ] && last=$((last + 1))
    into=$last
    if [ "${p_after+set}" ]; then
      at=$(found -E "$p_after" | tail -n 1)
      into=${at:-$last}
    elif [ "${p_before+set}" ]; then
      at=$(found -E "$p_before" | head -n 1)
      [ "$at" ] && into=$((at - 1))
    fi
    if [ "$file" = /dev/null ]; then change "$p_path: make, with one line"
    else change "$p_path: add a line"; fi
  fi
fi
show "$p_path"
[ "$mode" = apply ] && replace "$p_path"
