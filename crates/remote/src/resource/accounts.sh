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
