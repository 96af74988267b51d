# Tells what there is to download, and sends what is asked for. Variables: k the token, f the path as given. After the list
# comes a line with the number of bytes of the names that are wanted, and the names: each ends with a line break, and a
# byte 1 in them is a line break. Then each line of standard input asks for the next MiB of a tar archive.
trap 'exit 1' HUP INT TERM PIPE
for c in tar find xargs stat; do
  command -v "$c" >/dev/null 2>&1 || die "there is no $c on the host. Install it."
done
stat -c %f . >/dev/null 2>&1 || die 'the stat of the host does not know -c. Install GNU coreutils or busybox.'
if [ -d "$f" ]; then
  kind=tree
  cd "$f" || die "the folder $f cannot be opened"
elif [ -f "$f" ]; then
  kind=file follow=-L
  case $f in */*) dir=${f%/*} name=${f##*/} ;; *) dir=. name=$f ;; esac
  cd "${dir:-/}" || die "the folder $dir cannot be opened"
elif [ -e "$f" ]; then die "$f is no file or folder"
elif [ -L "$f" ]; then die "$f is a link that leads nowhere"
else die "there is no $f, or this user cannot see it"
fi
say "$kind"
if [ "$kind" = file ]; then printf '%s\0' "./$name" | survey
else
  exec 3>&1
  bad=$({ { find . -print0 || echo bad >&4; } | survey >&3; } 4>&1)
  exec 3>&-
  [ "$bad" ] && die 'not everything there can be read'
fi
say listed
IFS= read -r n || exit 0
l=$(part "$n")
[ "$follow" ] && follow=-h
exec 3<&0
{
  printf '%s\n' "$l" | tr '\n\001' '\000\n' | xargs -0 tar $follow -cf -
  say sent $?
} 3<&- | if [ "$full" ]; then
  while IFS= read -r go <&3; do dd bs=65536 count=16 $full 2>/dev/null; done
else cat
fi
