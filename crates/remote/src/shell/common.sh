# Read by the lane and by every supervisor. Comments and indentation are removed before this is sent.

# An attempt is two files: NAME.log, what the command wrote, and NAME.rec, lines that are only ever appended:
#   claim                       the attempt is taken; the file was made with O_EXCL
#   sup PID START BOOT UP COPY  its supervisor runs, as this process of this boot, since this time; process COPY copies
#                               to the log
#   follow                      a lane copies the log, so the supervisor need not
#   stop REASON                 it was decided to end the command
#   all SIZE                    nobody writes any more, and the log is whole
#   rc STATUS SIZE cut          the command has ended; the log's size at that moment; `cut` where bytes are missing
# Anything else is a message of the shell, such as "Killed". The order of the lines decides: what comes after `rc`
# came too late, and a supervisor that finds `stop` before its own `sup` does not start the command.
rd() {
  C= p= st= b= up= cp= rc= sz= cut= all= stop= note= fol=
  [ -f "$1.rec" ] || return 1
  while read -r w x y z v o; do
    case $w in
      claim) C=1 ;;
      sup) [ "$stop" ] || { p=$x st=$y b=$z up=$v cp=$o; } ;;
      follow) [ "$rc" ] || fol=1 ;;
      stop) [ "$rc$stop" ] || stop=$x ;;
      all) [ "$rc" ] || all=$x ;;
      rc) [ "$rc" ] || { rc=$x sz=$y cut=$z; } ;;
      ?*) [ "$rc" ] || note=1 ;;
    esac
  done <"$1.rec"
}
# When process $1 started, in `t`; empty when there is no such process, or only its zombie. Where that cannot be told, `-`
# stands for the start of every process.
born() {
  t=
  if [ "$proc" ]; then
    { read -r t <"$proc/$1/stat"; } 2>/dev/null || return 1
    t=${t##*") "}
    case $t in Z* | X*) t=; return 1 ;; esac
    born2 $t
  else
    t=$(ps -o stat= -o lstart= -p "$1" 2>/dev/null) || t=
    [ -z "$t" ] && kill -0 "$1" 2>/dev/null && t='? -'
    set -- $t
    case $1 in Z*) t=; return 1 ;; esac
    [ "$1" ] && shift
    t=$(IFS=_; echo "$*")
  fi
  [ "$t" ]
}
born2() { t=${20}; }
# The environments of the processes that carry the name of attempt $1. The grep of busybox reads a line to its first NUL only.
named() {
  # Those of another user can be read by that one only.
  [ "$ups" ] && up grep -lF "STEADYHAND_ATTEMPT=$d/$1/" "$proc"/[0-9]*/environ
  if printf 'a\0b\n' | grep -qF b; then grep -lF "STEADYHAND_ATTEMPT=$d/$1/" "$proc"/[0-9]*/environ
  else
    for e in "$proc"/[0-9]*/environ; do tr '\0' '\n' <"$e" | grep -qF "STEADYHAND_ATTEMPT=$d/$1/" && echo "$e"; done
  fi 2>/dev/null
}
# Seconds since some fixed moment of this boot, in `now`.
clock() {
  if [ "$proc" ]; then read -r now w <"$proc/uptime"; else now=$(date +%s); fi
  now=${now%.*}
}
# A pipe that this shell has both ends of: 8 to read, 9 to write. It begins with a line that says nothing. It can only be
# had where a here-document is a pipe, and the process file system opens it again; the lane finds that out once.
duct() {
  exec 8<<X
-
X
  exec 9>"$proc/self/fd/8"
}
