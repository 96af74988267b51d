# sysctl: name, value, state (present, absent)
case $p_name in '' | -* | */../* | ../* | *[!A-Za-z0-9._/*:-]*) fail "\"$p_name\" cannot be the name of a kernel parameter" ;; esac
# As sysctl has it: with a slash in it, slashes are what separates.
case $p_name in
  */*) key=/proc/sys/$p_name ;;
  *) key=/proc/sys/$(printf '%s' "$p_name" | tr . /) ;;
esac
file=/etc/sysctl.d/99-steadyhand-$(printf '%s' "$p_name" | tr / .).conf
if [ "$p_state" = absent ]; then
  if [ -e "$file" ]; then
    root "changing kernel parameters"
    change "$p_name: no longer set at boot; the value of now stays" && try rm -f -- "$file"
  fi
  finish
fi
[ "${p_value+set}" ] || fail "the value of $p_name is not said; say value:"
# Several numbers are separated by tabs there, by whatever here.
plain() { tr -s '\t ' '  ' | sed 's/^ //;s/ $//'; }
[ -e "$key" ] || missing "the kernel has no parameter $p_name" "load its module in a step before this one"
value=$(printf '%s\n' "$p_value" | plain)
is=$(plain <"$key" 2>/dev/null) || fail "$p_name cannot be read${p_name:+; say sudo: true}"
if [ "$is" != "$value" ]; then
  root "changing kernel parameters"
  [ -w "$key" ] || fail "$p_name cannot be set: it is read-only here, as in a container"
  if change "$p_name: $is → $value"; then
    # The shell itself would end when it cannot write there.
    (printf '%s\n' "$value" >"$key") 2>/dev/null || fail "$p_name cannot be set to \"$value\": the kernel refuses it, or this is a container without the right to"
    is=$(plain <"$key")
    [ "$is" = "$value" ] || fail "$p_name is $is after it was set to $value"
  fi
fi
put() { printf '%s = %s\n' "$p_name" "$value"; }
if ! put | cmp -s - "$file"; then
  root "changing kernel parameters"
  if change "$p_name: set at boot, in $file"; then
    [ -d /etc/sysctl.d ] || try mkdir -p /etc/sysctl.d
    replace "$file"
  fi
fi
