#!/usr/bin/env bash
# Tells what the gate of a fork's pull request concluded; whatever that is, it is no failure of this job.
set -euo pipefail
. "$GITHUB_ACTION_PATH/../words.sh"

if ! [[ "$INPUT_RUN" =~ ^[0-9]+$ ]]; then
  refuse 2 run "\`$INPUT_RUN\` is no id of a run" "start the workflow by \`on: workflow_run\`, or give the id as \`run\`"
fi
words=(relay "--project=$INPUT_PROJECT" "--history=$WORK/history.db" --report "markdown=$WORK/ledger.md" -- "$INPUT_RUN")
code=0
unheeded "$WORK/venv/bin/python" -I -m greengate "${words[@]}" 2> "$WORK/words" || code=$?
unheeded cat "$WORK/words"
[ ! -f "$WORK/ledger.md" ] || cut_to_fit "$WORK/ledger.md" >> "$GITHUB_STEP_SUMMARY"
# With a verdict, only a forge that could not be told is an error: then there are words.
if [ "$code" -ne 0 ] && { [ -s "$WORK/words" ] || [ ! -f "$WORK/ledger.md" ]; }; then
  said="$(sed 's/^error: //' "$WORK/words")"
  annotate error "$said"
  summarise "exit code $code" "$said"
  exit "$code"
fi
