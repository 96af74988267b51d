# Tells what is there of what is to be uploaded, and takes what differs. Variables: k the token, t the target as given, kind
# `file` or `tree`, name the file's name, mode the tree's mode. Of a tree, a bytes of names come first, and then b bytes of
# the names of links. With `mirror` it is told before that what is in the target, and how many KiB are free there. Then, if anything is
# to be done, come a line (`go` and how many bytes of names come of what is to be removed), those names, and a tar archive:
# `data/`, and then the empty file `done`.
# Everything is unpacked beside its target first, on the same file system, and then renamed into place.
s= made=
tidy() { [ "$s" ] && rm -rf "$s"; [ "$made" ] && rmdir "$made" 2>/dev/null; }
trap tidy EXIT
trap 'exit 1' HUP INT TERM PIPE
# Moves what is in folder $1 into folder $2.
merge() (
  src=$1 dst=$2
  set --
  for e in "$src"/* "$src"/.[!.]* "$src"/..?*; do
    [ -e "$e" ] || [ -L "$e" ] || continue
    n=${e##*/}
    if [ -d "$e" ] && [ ! -L "$e" ]; then
      if [ -d "$dst/$n" ]; then merge "$e" "$dst/$n" || exit 1; continue; fi
      if [ -e "$dst/$n" ] || [ -L "$dst/$n" ]; then echo "$dst/$n is in the way: a folder is to be there" >&2; exit 1; fi
    elif [ -d "$dst/$n" ] && [ ! -L "$dst/$n" ]; then
      echo "$dst/$n is a folder, and a file is to be there" >&2
      exit 1
    fi
    set -- "$@" "$e"
    if [ $# -ge 400 ]; then mv -f "$@" "$dst/" || exit 1; set --; fi
  done
  if [ $# -gt 0 ]; then mv -f "$@" "$dst/" || exit 1; fi
)
# Those names of standard input that are links.
links() { xargs -0 sh -c 'for e; do if [ -L "$e" ]; then printf "%s\0" "$e"; fi; done' sh; }
command -v tar >/dev/null 2>&1 || die 'there is no tar on the host. Install it.'
dir=$t
if [ "$kind" = file ] && [ ! -d "$t" ]; then
  case $t in
    */) ;;
    */*) dir=${t%/*} name=${t##*/} ;;
    *) dir=. name=$t ;;
  esac
fi
[ "$dir" ] || dir=/
if [ "$mirror" ]; then
  (cd "$dir" 2>/dev/null && find . -print0)
  say found "$(room "$dir")"
fi
if [ "$kind" = file ]; then (cd "$dir" 2>/dev/null && printf '%s\0' "./$name" | survey)
else part "$a" | (if cd "$dir" 2>/dev/null; then survey; else cat >/dev/null; fi)
fi
say listed
[ "$b" = 0 ] || part "$b" |
  (if cd "$dir" 2>/dev/null; then links | xargs -0 -r tar -cf - 2>/dev/null; else cat >/dev/null; fi)
say compared
read -r go gone || exit 0
if [ "${gone:-0}" != 0 ]; then
  part "$gone" | (cd "$dir" && xargs -0 rm -rf --) || die 'what is not to be there could not be removed'
fi
if [ ! -d "$dir" ]; then
  mkdir -p "$dir" || die "the folder $dir cannot be made"
  made=$dir
  [ "$kind" = tree ] && chmod "$mode" "$dir"
fi
s=$dir/.steadyhand-$k
mkdir -m 700 "$s" || { s=; die "nothing can be written in $dir"; }
tar -xpof - -C "$s" || die 'the files could not be unpacked'
[ -e "$s/done" ] || die 'the files did not arrive completely'
if [ "$kind" = file ]; then
  [ -d "$dir/$name" ] && die "$dir/$name is a folder"
  mv -f "$s/data/file" "$dir/$name" || die "$dir/$name cannot be replaced"
else
  merge "$s/data" "$dir" || die 'not everything could be put in place'
fi
made=
tidy
s=
say uploaded
