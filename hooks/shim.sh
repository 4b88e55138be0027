#!/bin/sh
# docket hook 1: put here by `docket hooks install`, taken out by `docket hooks remove`. docs/hooks.md says what it does.
node=@NODE@
run=@RUN@

hook=${0##*/}
own="$0.before-docket"
input=

# What git says to pre-push is read once, for a person's own hook and for docket.
if [ "$hook" = pre-push ]; then
  input=$(cat && printf .)
  input=${input%.}
fi

# A hook that was here before comes first, and its no is a no.
if [ -f "$own" ] && [ -x "$own" ]; then
  if [ "$hook" = pre-push ]; then
    printf %s "$input" | "$own" "$@" || exit $?
  else
    "$own" "$@" || exit $?
  fi
fi

say() {
  printf 'docket: %s\n' "$*" >&2
}

git_dir=${GIT_DIR:-.git}
[ -d "$git_dir" ] || git_dir=$(git rev-parse --git-dir 2>/dev/null) || exit 0
common=$git_dir
[ -f "$git_dir/commondir" ] && common=$(git rev-parse --git-common-dir)
note="$git_dir/docket-note"

# <how> <commit> <reason>: a line of skips.tsv (cli/hook-skips.ts).
remember() {
  umask 077
  mkdir -p "$common/docket" || return 1
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$hook" "$1" "$(id -un 2>/dev/null || id -u)" "$2" \
    "$(printf %s "$3" | LC_ALL=C tr '\000-\037\177' ' ' | cut -c 1-500)" >>"$common/docket/skips.tsv"
}

head_or_none() {
  git rev-parse --quiet --verify HEAD 2>/dev/null || printf none
}

# Left by pre-commit for commit-msg and post-commit of the same commit.
leave_note() {
  printf '%s\n%s\n' "$PPID" "$1" >"$note" 2>/dev/null
}

[ "$hook" = pre-commit ] && rm -f "$note"

case ",${DOCKET_SKIP-}," in
  *",$hook,"* | *,all,*)
    if [ "$hook" != post-commit ]; then
      if [ -z "${DOCKET_SKIP_REASON-}" ]; then
        say "DOCKET_SKIP needs a reason: DOCKET_SKIP=$hook DOCKET_SKIP_REASON='why' git ..."
        exit 1
      fi
      if ! remember skipped "$(head_or_none)" "$DOCKET_SKIP_REASON"; then
        say "$hook is not skipped, because that could not be noted in $common/docket/skips.tsv"
        exit 1
      fi
      [ "$hook" = pre-commit ] && leave_note skipped
    fi
    exit 0
    ;;
esac

if [ "$hook" = post-commit ]; then
  if [ -f "$note" ]; then
    IFS= read -r parent <"$note"
    rm -f "$note"
    # A framework starts each hook by itself: there any note is this commit's.
    case $0 in */docket/hooks/*) parent=$PPID ;; esac
    [ "$parent" = "$PPID" ] && exit 0
  fi
  # git does not call pre-commit while it replays commits: they were looked at when they were made.
  for busy in rebase-merge rebase-apply sequencer CHERRY_PICK_HEAD REVERT_HEAD; do
    [ -e "$git_dir/$busy" ] && exit 0
  done
  # A clean revert leaves none of these; the log of HEAD says who made the commit. Without such a log it counts as git commit.
  case $(git log -g -1 --format=%gs HEAD 2>/dev/null) in
    '' | commit*) ;;
    *) exit 0 ;;
  esac
  hook=pre-commit
  remember no-verify "$(head_or_none)" '' && say 'this commit was made without its pre-commit hook, which is noted (docket hooks status)'
  hook=post-commit
fi

# pre-commit of this commit has looked: what it found is added here, as cli/hook-commit.ts would, without a second start of Node.
add_links() {
  file=$1
  # A message of comments only ends the commit: a trailer must not make it one. Below its scissors (commit -v) nothing is message.
  words=$(sed '/^. -\{8,\} >8 -\{8,\}$/,$d' "$file" | git stripspace --strip-comments | grep -v '^Signed-off-by: ')
  [ -n "$words" ] || return 0
  set --
  while IFS= read -r line; do
    case $line in "Docket-Record: "*) set -- "$@" --trailer "$line" ;; esac
  done <"$note"
  git interpret-trailers --in-place --if-exists addIfDifferent --if-missing add --where end "$@" -- "$file"
}

if [ "$hook" = commit-msg ] && [ -f "$note" ]; then
  { IFS= read -r parent && IFS= read -r how && IFS= read -r link; } <"$note"
  if [ "$parent" = "$PPID" ] && [ "$how" = looked ]; then
    [ -z "$link" ] && exit 0
    add_links "$1" && exit 0
  fi
fi

status=3
if [ -x "$node" ] && [ -f "$run" ]; then
  export DOCKET_HOOK_PARENT=$PPID DOCKET_HOOK_GIT_DIR="$git_dir" DOCKET_HOOK_COMMON_DIR="$common"
  if [ "$hook" = pre-push ]; then
    printf %s "$input" | "$node" "$run" "$hook" "$@"
  else
    "$node" "$run" "$hook" "$@" </dev/null
  fi
  status=$?
else
  say "it is not where it was when its hooks were installed ($run, with $node): npm ci there, or \`docket hooks install\` again"
fi

case $status in
  0 | 1) exit $status ;;
esac
# docket broke or is not there. What could not be looked at is not committed; everything else goes on, and is noted.
case $hook in
  pre-commit)
    say "so nothing was looked at, and nothing is committed; to go on all the same: DOCKET_SKIP=pre-commit DOCKET_SKIP_REASON='why' git commit ..."
    exit 1
    ;;
esac
remember not-run "$(head_or_none)" ''
exit 0
