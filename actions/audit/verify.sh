#!/usr/bin/env bash
# Verifies the ledger before anything is made of it.
set -euo pipefail
. "$GITHUB_ACTION_PATH/../words.sh"

if [ -z "$INPUT_HISTORY" ]; then
  refuse 2 history "no ledger is named: the secret is empty, or this event may not read it" "give the history that the gates write to"
fi
words=(ledger verify "--history=$INPUT_HISTORY")
each --checkpoint "$INPUT_CHECKPOINT"
each --verifier "$INPUT_VERIFIER"
told sealed "$WORK/venv/bin/python" -I -m greengate "${words[@]}"
