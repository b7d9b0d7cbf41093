#!/usr/bin/env bash
# Books a merged change, and lets go of what a closed one holds.
set -euo pipefail
. "$GITHUB_ACTION_PATH/../words.sh"

yes_or_no merged "$INPUT_MERGED"
if [ -z "$INPUT_BOOK" ] && [ "$(origin)" = fork ]; then
  # A fork's run sees no secrets: it reserved nothing, and only what is merged is to be booked.
  if [ "$INPUT_MERGED" = true ]; then
    annotate warning "$INPUT_CHANGE comes from a fork, whose run may not read the book: book it by \`greengate budget consume $INPUT_CHANGE\`"
  fi
  exit
fi
if [ -z "$INPUT_BOOK" ]; then
  refuse 2 book "no book is named: the secret is empty, or this event may not read it" "give the book that the gate reserves in"
fi

if [ "$INPUT_MERGED" = true ]; then
  words=(budget consume)
  [ -z "$INPUT_HISTORY" ] || words+=("--history=$INPUT_HISTORY")
else
  words=(budget release)
fi
words+=("--project=$INPUT_PROJECT" "--book=$INPUT_BOOK" "--by=actions/settle" -- "$INPUT_CHANGE")
told sealed "$WORK/venv/bin/python" -I -m greengate "${words[@]}"
