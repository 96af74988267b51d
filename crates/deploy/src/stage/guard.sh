# Keeps a build from taking what the host and what serves on it need: builds get a processor after everything else, and one that leaves
# too little memory or disk is ended before the kernel ends something else. Docker has no limits for builds of its own.
memory_floor=$((64 * 1024))
disk_floor=$((256 * 1024))
# Where builds are: together under cgroupfs, each in a group of its own under systemd.
yield_processor() {
  for group in /sys/fs/cgroup/docker/buildkit /sys/fs/cgroup/system.slice/system.slice:docker:*; do
    [ -w "$group/cpu.weight" ] && echo 10 >"$group/cpu.weight"
  done
  group=/sys/fs/cgroup/cpu/docker/buildkit
  [ -w "$group/cpu.shares" ] && echo 102 >"$group/cpu.shares"
}
# In KiB; nothing where the host does not tell. What can be swapped out is none that lacks.
memory_left() { awk '/^MemAvailable:/ { told = 1; all += $2 } /^SwapFree:/ { all += $2 } END { if (told) print all }' /proc/meminfo 2>/dev/null; }
disk_left() { df -Pk "$docker_root" 2>/dev/null | awk 'NR == 2 { print $4 }'; }
lacking_now() {
  left=$(memory_left)
  if [ "${left:-$memory_floor}" -lt "$memory_floor" ]; then
    echo "the host had only $((left / 1024)) MB of memory left"
    return
  fi
  left=$(disk_left)
  if [ "${left:-$disk_floor}" -lt "$disk_floor" ]; then echo "the disk with $docker_root had only $((left / 1024)) MB left"; fi
}
# The processes that process $1 has started itself. Not every docker hands a signal on to the program that builds for it.
children_of() {
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v parent="$1" '{ pid = $1; sub(/.*\) [A-Za-z] /, ""); if ($1 == parent) print pid }'
}
watched() {
  low=0 ending=0
  while kill -0 "$build" 2>/dev/null; do
    yield_processor
    lack=$(lacking_now)
    if [ "$lack" ]; then low=$((low + 1)); else low=0; fi
    # Once may be a moment only.
    if [ "$ending" -gt 0 ] || [ "$low" -ge 3 ]; then
      [ "$ending" = 0 ] && printf '%s\n' "$lack" >"$why"
      ending=$((ending + 1))
      if [ "$ending" -le 10 ]; then kill -TERM "$build" $(children_of "$build")
      else kill -KILL "$build" $(children_of "$build"); fi
    fi
    sleep 1
  done
}
# Runs a build, and ends it when the host comes to lack something; why is in file $1 then.
guarded() {
  why=$1
  shift
  "$@" &
  build=$!
  watched >/dev/null 2>&1 &
  watch=$!
  wait "$build"
  status=$?
  kill "$watch" 2>/dev/null
  return "$status"
}
