# git: repo, to, revision, force
has git || missing "there is no git on this host" "install it in a step before this one"
dir=$p_to
# A user and a password in an address go to git through the environment: not into a command line, nor into the repository.
case $p_repo in
  http://*@* | https://*@*)
    rest=${p_repo#*://}
    authority=${rest%%/*}
    case $authority in
      *@*)
        account=${authority%@*}
        git_user=${account%%:*} git_password=
        case $account in *:*) git_password=${account#*:} ;; esac
        export git_user git_password
        p_repo=${p_repo%%://*}://${rest#"$account@"}
        ;;
    esac ;;
esac
# An address as it may be shown: without a password, and without a user where that may be a token.
plain() { sed -e 's|\(https*://\)[^/ ]*@|\1|g' -e 's|//\([^/:@ ]*\):[^/ ]*@|//\1@|g'; }
shown=$(printf %s "$p_repo" | plain)
GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0
GIT_SSH_COMMAND=${GIT_SSH_COMMAND:-ssh -o BatchMode=yes}
export GIT_TERMINAL_PROMPT GIT_OPTIONAL_LOCKS GIT_SSH_COMMAND
# `git` for the directory, and for none.
alone() {
  if [ "${git_user+set}" ]; then
    git -c credential.helper= -c 'credential.helper=!f() { printf "username=%s\npassword=%s\n" "$git_user" "$git_password"; }; f' -c advice.detachedHead=false "$@" </dev/null
  else git -c advice.detachedHead=false "$@" </dev/null; fi
}
at() { alone -C "$dir" "$@"; }
case $p_repo in -*) fail "\"$p_repo\" cannot be the address of a repository" ;; esac
case ${p_revision-} in -* | *..* | *[' ~^:?*[\']*) fail "\"$p_revision\" cannot be a revision: it is to be a branch, a tag or a commit" ;; esac

# Which commit is asked for; nothing when only fetching can tell.
whole() { case $1 in *[!0-9a-f]*) return 1 ;; *) [ ${#1} = 40 ] || [ ${#1} = 64 ] ;; esac; }
short() { case $1 in *[!0-9a-f]*) return 1 ;; *) [ ${#1} -ge 7 ] ;; esac; }
resolve() {
  if whole "${p_revision-}"; then
    target=$p_revision
    return
  fi
  listed=$(alone ls-remote -- "$p_repo" 2>&1) || fail "$shown does not answer: $(printf '%s\n' "$listed" | plain | grep -vi '^warning' | grep . | head -n 1)"
  target=$(printf '%s\n' "$listed" | r=${p_revision-} awk -F '\t' '
    BEGIN { r = ENVIRON["r"] }
    r == "" && $2 == "HEAD" { print $1; exit }
    r != "" && ($2 == "refs/heads/" r || $2 == r) { head = $1 }
    r != "" && $2 == "refs/tags/" r && !tag { tag = $1 }
    r != "" && $2 == "refs/tags/" r "^{}" { tag = $1 }
    END { if (r != "") { if (head) print head; else if (tag) print tag } }')
  [ "$target" ] && return
  [ "${p_revision+set}" ] || fail "$shown has no main branch; it may be empty"
  short "$p_revision" || fail "$shown has no branch or tag $p_revision"
}
fetch() {
  at fetch --tags --force --prune --quiet -- origin '+refs/heads/*:refs/remotes/origin/*' || fail "$shown could not be fetched"
  if [ "$target" ]; then
    at cat-file -e "$target^{commit}" 2>/dev/null || at fetch --quiet -- origin "$target" || fail "$shown has no commit $target"
  fi
}
abbreviated() { printf %.12s "$1"; }
called=${p_revision:-the main branch}

if [ ! -e "$dir/.git" ]; then
  if [ -e "$dir" ]; then
    [ -d "$dir" ] || fail "$dir is there, and is not a directory"
    [ "$(ls -A "$dir")" ] && fail "$dir is not empty, and is no repository of git"
    fresh=
  else fresh=1; fi
  resolve
  if change "$dir: clone $shown at $called${target:+ ($(abbreviated "$target"))}"; then
    try mkdir -p -- "$dir"
    undo() {
      rm -rf -- "$dir/.git"
      [ "$fresh" ] && rmdir -- "$dir"
    }
    trap undo EXIT
    at init -q || fail "$dir cannot become a repository"
    at remote add origin "$p_repo" || fail "$dir cannot become a repository"
    fetch
    [ "$target" ] || target=$(at rev-parse --verify -q "$p_revision^{commit}") || fail "$shown has no commit $p_revision"
    at checkout -q --detach "$target" || fail "$target could not be checked out"
    at update-ref refs/steadyhand/here "$target"
    trap - EXIT
  fi
  finish
fi

# As another user, git refuses the repository, and root would run its hooks.
look "$dir"
[ "$its_uid" = "$(id -u)" ] || fail "$dir belongs to $its_owner; carry this step out as that user, with become: { user: $its_owner }"
is=$(at config --get remote.origin.url)
if [ "$is" != "$p_repo" ]; then
  was=$(printf %s "$is" | plain)
  [ "$was" != "$shown" ] || was="$was with an account"
  if change "$dir: comes from ${was:-nowhere} → $shown"; then
    if [ "$is" ]; then at remote set-url origin "$p_repo"; else at remote add origin "$p_repo"; fi || fail "its origin could not be changed"
  fi
fi
resolve
here=$(at rev-parse --verify -q HEAD)
[ "$target" ] || target=$(at rev-parse --verify -q "$p_revision^{commit}")
touched=$(at status --porcelain --untracked-files=no) || fail "git cannot tell what has changed in $dir"
if [ "$target" ] && [ "$here" = "$target" ] && [ ! "$touched" ]; then finish; fi
if [ "$touched" ] && [ "$p_force" != yes ]; then
  printf '%s\n' "$touched" | head -n 10 >&2
  fail "$dir has changes that are in no commit (above); say force: true to have them thrown away"
fi
if [ "$here" ] && [ "$here" != "$target" ] && [ "$p_force" != yes ] && [ ! "$(at for-each-ref --count=1 --contains "$here" refs/remotes refs/tags refs/steadyhand)" ]; then
  fail "$dir has commits that are nowhere else; push them, or say force: true to have them left behind"
fi
[ "$touched" ] && change "$dir: throw away what was changed in $(printf '%s\n' "$touched" | wc -l | tr -d ' ') files"
if [ ! "$target" ]; then
  [ "$mode" = check ] && unknown "whether $dir is at $p_revision is seen when it has been fetched"
  fetch
  target=$(at rev-parse --verify -q "$p_revision^{commit}") || fail "$shown has no commit $p_revision"
fi
if [ "$here" != "$target" ]; then change "$dir: $(abbreviated "${here:-nothing}") → $called ($(abbreviated "$target"))"; fi
if [ "$mode" = apply ]; then
  fetch
  if [ "$touched" ]; then at reset -q --hard || fail "the changes could not be thrown away"; fi
  at checkout -q --detach "$target" || fail "$target could not be checked out"
  at update-ref refs/steadyhand/here "$target"
  at log --oneline --no-decorate -n 10 "${here:+$here..}$target" 2>/dev/null | sed 's/^/  /'
fi
