#!/usr/bin/env bash
# Asks GitHub for the reviews of the change, before the gate, which has no token.
set -euo pipefail
. "$GITHUB_ACTION_PATH/actions/words.sh"

words=(approvals "--project=$INPUT_PROJECT" "--base=$BASE" "--out=$WORK/approvals.json")
each --policy "$INPUT_POLICIES"
said="$WORK/approvals.words"
if unheeded "$WORK/venv/bin/python" -I -m greengate "${words[@]}" 2> "$said"; then
  output file "$WORK/approvals.json"
  unheeded cat "$said"
else
  annotate warning "reviews could not be asked for, so that none of them counts: $(cat "$said")"
fi
