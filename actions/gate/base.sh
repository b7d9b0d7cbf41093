#!/usr/bin/env bash
# Finds the commit that policies, waivers, trust and baselines are read from, and the branch that the change goes to.
set -euo pipefail
. "$GITHUB_ACTION_PATH/actions/words.sh"

whole="give the checkout its history: \`actions/checkout\` with \`fetch-depth: 0\`"
base="" branch="$BASE_BRANCH"

# at REF: `base` becomes the commit that a ref names; fails where this clone has none.
at() {
  base="$(git rev-parse --quiet --verify --end-of-options "$1^{commit}")"
}

# at_or_brought REF WHAT: the same, fetched with its history if the clone lacks it.
at_or_brought() {
  at "$1" || { git fetch --quiet --no-tags origin "$2" 2> /dev/null && at "$1"; }
}

# Whether HEAD is the commit that GitHub made of the change and its base: then its first parent is that base.
merged_by_github() {
  [[ "$GITHUB_REF" =~ ^refs/pull/[0-9]+/merge$ ]] && at HEAD && [ "$base" = "$GITHUB_SHA" ] &&
    at 'HEAD^2' && at 'HEAD^1'
}

of_pull_request() {
  local tip="refs/remotes/origin/$BASE_BRANCH"
  merged_by_github || at_or_brought "$tip" "+refs/heads/$BASE_BRANCH:$tip" ||
    refuse 2 base "this clone has no \`origin/$BASE_BRANCH\`, the branch that the change goes to" "$whole"
}

of_queue() {
  branch="${QUEUE_BRANCH#refs/heads/}"
  at_or_brought "$QUEUE_BASE" "$QUEUE_BASE" ||
    refuse 2 base "this clone has no commit \`$QUEUE_BASE\`, which the queue builds on" "$whole"
}

of_branch() {
  if [ -z "$DEFAULT_BRANCH" ] || [ "$GITHUB_REF" != "refs/heads/$DEFAULT_BRANCH" ]; then
    unknown "name a branch or a commit that is trusted, such as \`base: origin/main\`"
  fi
  branch="$DEFAULT_BRANCH"
  at HEAD
}

unknown() {
  refuse 2 base "nothing says what \`$GITHUB_REF\` is judged against on the event \`$GITHUB_EVENT_NAME\`" "$1"
}

if ! told="$(git rev-parse --verify HEAD 2>&1)"; then
  refuse 2 checkout "$told" "put \`actions/checkout\` with \`fetch-depth: 0\` before this step"
fi

case "$GITHUB_EVENT_NAME" in
  pull_request | pull_request_review) of_pull_request ;;
  merge_group) of_queue ;;
  pull_request_target)
    unknown "use the event \`pull_request\`: this one would run a stranger's change beside your secrets"
    ;;
  *) [ -n "$INPUT_BASE" ] || of_branch ;;
esac
if [ -n "$INPUT_BASE" ] && ! at "$INPUT_BASE"; then
  refuse 2 base "git knows no commit \`$INPUT_BASE\` in this clone" "$whole"
fi

if ! git merge-base HEAD "$base" > /dev/null; then
  if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
    refuse 2 checkout "this clone is shallow: the change and its base have no common commit in it" "$whole"
  fi
  refuse 2 base "the change and its base, \`$base\`, have no common commit" "name another one: \`base: origin/main\`"
fi
output base "$base"
output branch "$branch"
printf 'base: %s\n' "$base"
