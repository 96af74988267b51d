# Takes a tar archive from standard input: `data/` with what is uploaded, then the empty file `done`. Variables: k the
# token, t the target as given, kind `file` or `tree`, name the file's name, mode the tree's mode.
# Everything is unpacked beside its target first, on the same file system, and then renamed into place.
s= made=
say() { printf '\n%s %s\n' "$k" "$*"; }
die() { say failed "$*"; exit 1; }
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
command -v tar >/dev/null 2>&1 || die 'there is no tar on the host. Install it.'
cd "$HOME" 2>/dev/null
dir=$t
if [ "$kind" = file ] && [ ! -d "$t" ]; then
  case $t in
    */) ;;
    */*) dir=${t%/*} name=${t##*/} ;;
    *) dir=. name=$t ;;
  esac
fi
[ "$dir" ] || dir=/
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
