# directory: path, state (present, absent), owner, group, mode, recursive
if [ "$p_state" = absent ]; then
  case $p_path in
    '' | . | .. | */ | */. | */..) fail "\"$p_path\" is not removed: say the directory by its name, without a / or a dot at its end" ;;
  esac
  refuse() { fail "$p_path is not removed: it is $1"; }
  case $p_path in /*/*) ;; /*) refuse "at the top of the host" ;; esac
  if [ -d "$p_path" ] && [ ! -L "$p_path" ]; then
    # By whatever way it is named.
    real=$(cd -- "$p_path" && pwd -P) || fail "$p_path cannot be entered"
    # There are shells that say //etc.
    real=/${real#"${real%%[!/]*}"}
    case $real in /*/*) ;; *) refuse "at the top of the host" ;; esac
    own_home=$(cd -- "${HOME:-/}" 2>/dev/null && pwd -P)
    own_home=/${own_home#"${own_home%%[!/]*}"}
    case $own_home/ in "$real"/*) refuse "or has in it the home of the one who carries this step out" ;; esac
  fi
  if [ -d "$p_path" ] && [ ! -L "$p_path" ]; then
    if [ "$p_recursive" != yes ] && [ "$(ls -A "$p_path")" ]; then
      fail "$p_path is not empty; say recursive: true to remove what is in it, too"
    fi
    if change "$p_path: remove the directory"; then try rm -rf -- "$p_path"; fi
  elif [ -e "$p_path" ] || [ -L "$p_path" ]; then
    fail "$p_path is not a directory, and is left alone"
  fi
  finish
fi
if [ ! -d "$p_path" ]; then
  if [ -e "$p_path" ] || [ -L "$p_path" ]; then fail "$p_path is there, and is not a directory"; fi
  [ "${p_owner+set}" ] && who owner "$p_owner"
  [ "${p_group+set}" ] && who group "$p_group"
  if change "$p_path: make the directory"; then
    try mkdir -p -- "$p_path"
    made=1
  fi
fi
own "$p_path"
if [ "$p_recursive" = yes ] && [ -d "$p_path" ]; then
  # The mode is that of directories; only owner and group go down.
  unset p_mode
  if [ "${p_owner+set}" ] || [ "${p_group+set}" ]; then
    for what in ${p_owner+user} ${p_group+group}; do
      if [ "$what" = user ]; then name=$p_owner tool=chown; else name=$p_group tool=chgrp; fi
      n=$(find "$p_path" -mindepth 1 ! "-$what" "$name" | wc -l)
      if [ "$n" -gt 0 ]; then
        if change "$p_path: $what of $((n)) more in it → $name"; then
          find "$p_path" -mindepth 1 ! "-$what" "$name" -exec "$tool" -h "$name" {} + || fail "not everything in $p_path could be changed"
        fi
      fi
    done
  fi
fi
