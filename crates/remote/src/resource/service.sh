# service: name, state (running, stopped, restarted, reloaded), enabled
case $p_name in '' | -* | *[!A-Za-z0-9@._:\\-]*) fail "\"$p_name\" cannot be the name of a service" ;; esac
# A name alone asks that it runs.
[ "${p_state+set}${p_enabled+set}" ] || p_state=running
service_kind
settle
