# Tells what this host is: lines of a key and a value, in any order, as they are found; facts.rs makes sense of them. What
# waits for others (names, sudo, disks) runs beside the rest and is given up after two seconds where there is `timeout`.
exec 2>/dev/null
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/usr/bin:/bin:/opt/homebrew/bin"
has() { command -v "$1" >/dev/null; }
# The nanoseconds only where `date` knows them.
now() {
  case $(date +%s.%N) in
    *[!0-9.]* | *.) date +%s ;;
    *) date +%s.%N ;;
  esac
}
within=
has timeout && timeout 9 true && within='timeout 2'
tell() { [ "$2" ] && printf '%s %s\n' "$1" "$2"; }
each() { while IFS= read -r line; do printf '%s %s\n' "$1" "$line"; done; }
tell begin "$(now)"
node=$(uname -n)
tell node "$node"
case $node in
  *.*) ;;
  *)
    {
      fqdn=
      while read -r address name names; do
        case $address in '#'*) continue ;; esac
        case " $name $names " in
          *" $node "*) case $name in "$node".*) [ "$fqdn" ] || fqdn=$name ;; esac ;;
        esac
      done </etc/hosts
      # Asking the network may take its time: only where it can be given up.
      [ "$fqdn" ] || [ -z "$within" ] || fqdn=$($within hostname -f)
      tell fqdn "$fqdn"
    } &
    ;;
esac
{
  if has sudo; then
    said=$($within sudo -n true 2>&1 </dev/null)
    status=$?
    # Warnings come first, on lines of their own.
    set -f
    set -- $said
    tell sudo "$status $*"
  else
    tell sudo absent
  fi
} &
# A file system of another machine may never answer, so only those of this one are asked.
{
  set --
  if [ -r /proc/mounts ]; then
    while read -r device mount type options; do
      case $type in squashfs | iso9660 | udf | erofs) continue ;; esac
      case $device in
        /dev/*) ;;
        *) case $type:$mount in zfs:* | *:/) ;; *) continue ;; esac ;;
      esac
      case $mount in *\\*) continue ;; esac
      [ -d "$mount" ] && [ $# -lt 100 ] && set -- "$@" "$mount"
    done </proc/mounts
    [ $# -gt 0 ] && $within df -P -k "$@" | each disk
  else
    $within df -l -P -k | each disk
  fi
} &
tell kernel_name "$(uname -s)"
tell kernel "$(uname -r)"
tell arch "$(uname -m)"
tell user "$(id -un)"
tell uid "$(id -u)"
for file in /etc/os-release /usr/lib/os-release; do
  if [ -r "$file" ]; then
    while IFS= read -r line; do
      case $line in ID=* | ID_LIKE=* | VERSION_ID=*) tell release "$line" ;; esac
    done <"$file"
    break
  fi
done
has sw_vers && tell product "$(sw_vers -productVersion)"
count=$(getconf _NPROCESSORS_ONLN)
[ "$count" ] || count=$(nproc)
[ "$count" ] || count=$(grep -c '^processor' /proc/cpuinfo)
[ "$count" ] || count=$(sysctl -n hw.ncpu)
tell cpus "$count"
if [ -r /proc/meminfo ]; then
  while read -r name size unit; do
    [ "$name" = MemTotal: ] && tell memory "$size $unit" && break
  done </proc/meminfo
else
  tell memory "$(sysctl -n hw.memsize)"
fi
if has ip && shown=$(ip -o addr show) && [ "$shown" ]; then
  printf '%s\n' "$shown" | head -n 400 | each ip
elif has ifconfig && shown=$(ifconfig -a) && [ "$shown" ]; then
  printf '%s\n' "$shown" | grep -E 'inet6? ' | head -n 400 | each inet
else
  tell address "$(hostname -I)"
fi
for name in apt-get dnf yum apk pacman zypper brew; do
  has $name && tell manager $name
done
first=
[ -r /proc/1/comm ] && read -r first </proc/1/comm
[ "$first" ] || first=$(ps -p 1 -o comm=)
tell first "$first"
[ -d /run/systemd/system ] && tell booted systemd
[ -e /run/openrc/softlevel ] && tell booted openrc
{ [ -p /run/initctl ] || [ -p /dev/initctl ]; } && tell booted sysv
docker=$(command -v docker)
# Podman comes with a script that is called docker.
if [ "$docker" ] && ! head -c 1000 "$docker" | grep -q podman; then tell containers docker
elif [ "$docker" ] || has podman; then tell containers podman
else tell containers none; fi
wait
tell end "$(now)"
