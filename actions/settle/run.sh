#!/usr/bin/env bash
# Writes down that a change was merged or closed; with a book of budgets, books it or lets go of what it holds too.
set -euo pipefail
. "$GITHUB_ACTION_PATH/../words.sh"

yes_or_no merged "$INPUT_MERGED"
history="${INPUT_HISTORY:-${GREENGATE_HISTORY:-}}"
if [ -z "$INPUT_BOOK" ] && [ -z "$history" ] && [ "$(origin)" = fork ]; then
  # A fork's run sees no secrets: it reserved nothing, and only what is merged is to be booked.
  if [ "$INPUT_MERGED" = true ]; then
    annotate warning "$INPUT_CHANGE comes from a fork, whose run may not read the book: book it by \`greengate budget consume $INPUT_CHANGE\`"
  fi
  exit
fi
if [ -z "$INPUT_BOOK" ] && [ -z "$history" ]; then
  refuse 2 book "neither a book nor a history is named: the secret is empty, or this event may not read it" "give the book that the gate reserves in, or the history that it writes"
fi

if [ -n "$INPUT_BOOK" ]; then
  [ "$INPUT_MERGED" = true ] && words=(budget consume) || words=(budget release)
  words+=("--book=$INPUT_BOOK")
else
  [ "$INPUT_MERGED" = true ] && words=(settle --merged) || words=(settle --closed)
fi
[ -z "$INPUT_HISTORY" ] || words+=("--history=$INPUT_HISTORY")
words+=("--project=$INPUT_PROJECT" "--by=actions/settle" -- "$INPUT_CHANGE")
told sealed "$WORK/venv/bin/python" -I -m greengate "${words[@]}"
