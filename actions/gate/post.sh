#!/usr/bin/env bash
# Tells GitHub: one comment that lives on, and a check. Whatever fails here changes no verdict.
set -euo pipefail
. "$(dirname "$0")/../words.sh"

words=(post "--project=$INPUT_PROJECT" "--history=${INPUT_HISTORY:-$WORK/history.db}")
[ "$INPUT_COMMENT" = true ] || words+=(--no-comment)
[ "$INPUT_CHECK" = true ] || words+=(--no-check)
entries=()
if [ -f "$WORK/report/ledger.md" ]; then
  # By the file: thousands of entries are more than one variable may hold.
  IFS=, read -r -a entries < <(sed -n 's/^entry=//p' "$WORK/outputs")
else
  words+=("--unjudged=$WORK/words")
fi
said="$WORK/post.words"
unheeded "$WORK/venv/bin/python" -I -m greengate "${words[@]}" -- "${entries[@]}" 2> "$said" ||
  annotate warning "the verdict stands, and GitHub could not be told: $(cat "$said")"
