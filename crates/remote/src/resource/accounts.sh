# What user and group share.
entries() { if has getent; then getent "$1"; else cat "/etc/$1"; fi; }
# Whether user or group $1 with number $2 is of the kind that `system` says; that cannot be changed afterwards.
kind() {
  from=$(awk -v k="$3_MIN" '$1 == k { print $2 }' /etc/login.defs 2>/dev/null)
  if [ "$2" -lt "${from:-1000}" ]; then of=yes; else of=no; fi
  [ "$of" = "$p_system" ] && return
  if [ "$of" = yes ]; then fail "$1 is a $4 of the system (number $2), and cannot become another; remove it first, or give it a number"
  else fail "$1 is no $4 of the system (number $2), and cannot become one; remove it first, or give it a number"; fi
}
# Hosts without the tools of shadow (Alpine, busybox) get their tables written. Writes table $1 anew by the awk program $2,
# which finds what it needs in the variables N, V and I of the environment: no value is in a command line.
table() {
  edited=/etc/$1 program=$2
  [ -e "$edited" ] || return 0
  export N V I
  put() { awk -F: -v OFS=: "$program" "$edited"; }
  replace "$edited"
}
# The first number from $2 to $3 that is free in table $1.
free_number() {
  awk -F: -v lo="$2" -v hi="$3" '{ taken[$3] = 1 } END { for (i = lo; i <= hi; i++) if (!(i in taken)) { print i; exit } }' "/etc/$1"
}
number_for() {
  if [ "${p_system-}" = yes ]; then free_number "$1" 100 999; else free_number "$1" 1000 59999; fi
}
add_group() {
  N=$1 V=$2
  table group '{ print } END { print ENVIRON["N"] ":x:" ENVIRON["V"] ":" }'
}
