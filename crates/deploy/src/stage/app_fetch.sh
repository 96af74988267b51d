# The source, as it is at the end of a branch, and what is in it.
hold 3600
source=$app/source
keys=$(mktemp -d /dev/shm/steadyhand.XXXXXX 2>/dev/null || mktemp -d) || fail 'there is no place for temporary files'
trap 'rm -rf "$keys"' EXIT
GIT_TERMINAL_PROMPT=0
ssh_options='-o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=20'
if [ "${p_key+set}" ]; then
  printf '%s\n' "$p_key" >"$keys/key"
  ssh_options="-i $keys/key -o IdentitiesOnly=yes $ssh_options"
fi
GIT_SSH_COMMAND="ssh $ssh_options"
export GIT_TERMINAL_PROMPT GIT_SSH_COMMAND
if [ "${p_token+set}" ]; then
  case $p_git in https://*) ;; *) fail "\`token\` is for repositories at https:// addresses; use \`key\` for $p_git" ;; esac
  # A submodule may be at any address: the token is for the host of the repository alone.
  host=${p_git#https://}
  host=${host%%/*}
  printf '%s\n' '#!/bin/sh' "case \$1 in *\"'https://$host'\"* | *\"@$host'\"*) ;; *) exit 1 ;; esac" \
    'case $1 in Username*) echo x-access-token ;; *) printf "%s\n" "$STEADYHAND_TOKEN" ;; esac' >"$keys/ask"
  chmod 700 "$keys/ask"
  GIT_ASKPASS=$keys/ask STEADYHAND_TOKEN=$p_token
  export GIT_ASKPASS STEADYHAND_TOKEN
fi
# What is built from it keeps the modes of its files.
umask 022
in_source() { git -C "$source" "$@"; }
if [ ! -d "$source/.git" ]; then
  rm -rf "$source"
  try git init -q "$source"
  try git -C "$source" remote add origin "$p_git"
fi
try git -C "$source" remote set-url origin "$p_git"
# What is new since what serves, as far back as that is likely to go.
before=$(cat "$app/releases/$current/commit" 2>/dev/null)
if [ "$before" ]; then depth=50; else depth=1; fi
printf 'Fetching %s of %s\n' "${p_branch:-the default branch}" "$p_git"
if ! in_source fetch -q --depth "$depth" --no-tags origin "${p_branch:-HEAD}" </dev/null; then
  # A commit that is not the end of a branch is not given to everybody.
  if [ "${p_branch-}" ] && in_source fetch -q origin </dev/null && commit=$(in_source rev-parse -q --verify "$p_branch^{commit}"); then
    in_source update-ref FETCH_HEAD "$commit"
  else
    give_up "the repository could not be fetched (git's own words are above): check its address, the name ${p_branch:+$p_branch }of the branch, and \`key\` or \`token\`"
  fi
fi
in_source checkout -q -f --detach FETCH_HEAD </dev/null || give_up 'the source could not be checked out'
in_source clean -q -ffdx
if [ -f "$source/.gitmodules" ]; then
  in_source submodule --quiet sync --recursive
  in_source submodule --quiet update --init --recursive --depth 1 --force </dev/null || give_up 'its submodules could not be fetched'
fi
if grep -qs 'filter=lfs' "$source/.gitattributes"; then
  if has git-lfs; then in_source lfs pull </dev/null || give_up 'its LFS files could not be fetched'
  else echo 'The source has LFS files, and git-lfs is not installed here: they are only pointers.'; fi
fi
folder=$source${p_path:+/$p_path}
case /${p_path-}/ in */../*) give_up "\`path\` must be within the repository" ;; esac
[ -d "$folder" ] || give_up "the repository has no folder ${p_path-}"
in_source log -1 --format='%h %s (%an, %ar)'
rm -f "$release/archive" "$release/upload"
in_source rev-parse 'HEAD^{tree}' >"$release/made-of"
in_source rev-parse HEAD >"$release/commit"
# What is told of commits is text of people's: made UTF-8, and short, as a report has a limit.
short() {
  sed 's/  *\t/\t/g; s/ *$//' | if has iconv; then iconv -c -f UTF-8 -t UTF-8; else LC_ALL=C tr -cd '\11\12\40-\176'; fi
}
# The commits that have come and gone since what serves, and the files among them that change a database.
most=50
count_of() { in_source rev-list --count "$1" 2>/dev/null || echo 0; }
commits() { in_source log -n "$most" --format="$1 %H%x09%ct%x09%<(60,trunc)%an%x09%<(100,trunc)%s" "$2"; }
history() {
  if [ ! "$before" ] || [ "$before" = "$(cat "$release/commit")" ] || ! in_source cat-file -e "$before^{commit}" 2>/dev/null; then return; fi
  in_source merge-base "$before" HEAD >/dev/null || in_source fetch -q --no-tags --depth 500 origin "${p_branch:-HEAD}" </dev/null || return
  # Of two that have nothing in common as far as is known, nobody can say what has come and what has gone.
  in_source merge-base "$before" HEAD >/dev/null || return
  printf 'since %s\n' "$before"
  in_source -c core.quotePath=true diff --name-only --no-renames "$before" HEAD -- ':(icase,glob)**/*migrat*/**' ':(icase,glob)**/*migrat*.*' |
    head -n "$most" | cut -c 1-200 | sed 's/^/migration /'
  commits came "$before..HEAD"
  commits went "HEAD..$before"
  # The last, as it is not true of what is cut off.
  if [ "$(count_of "$before..HEAD")" -le "$most" ] && [ "$(count_of "HEAD..$before")" -le "$most" ]; then echo 'whole yes'; fi
}
told=$({
  printf 'branch %s\n' "${p_branch-}"
  in_source log -1 --format='commit %H%nauthor %<(100,trunc)%an%nwhen %cI%nmessage %<(500,trunc)%s'
  history
} | short | LC_ALL=C awk '{ all += length($0) + 1; if (all > 16000) exit; print }')
{
  printf '%s\n' "$told"
  printf '\n'
  cd "$source" || exit
  {
    git ls-tree -r -l HEAD | head -n 20000 | awk -F '\t' '{ split($1, head, / +/); print "F", head[4] + 0, $2 }'
    IFS='
'
    set -f
    git ls-files -- $p_wanted | texts
  } | packed "$(printf %s "$told" | wc -c)"
} | report
hold 600
