#!/usr/bin/env bash
# Writes the summary and the annotations of what the gate said, or of why it could say nothing.
set -euo pipefail
. "$(dirname "$0")/../words.sh"

ledger="$WORK/report/ledger.md"
if [ ! -f "$ledger" ]; then
  said="$(tail -c 20000 "$WORK/words")"
  annotate error "${said#error: }"
  summarise "nothing was judged (exit code $CODE)" "${said#error: }"
  exit
fi

if [ -f "$WORK/annotations" ]; then
  grep -E '^::(error|warning|notice) ' "$WORK/annotations" | head -n 30 || true
fi
if [ "$(stat -c %s "$ledger")" -gt 1000000 ]; then
  printf 'This is the beginning of the ledger; all of it is in the artifact `%s`.\n\n' "$ARTIFACT" >> "$GITHUB_STEP_SUMMARY"
fi
cut_to_fit "$ledger" >> "$GITHUB_STEP_SUMMARY"
if [ "$ORIGIN" = fork ]; then
  printf '%s\n' "This change comes from a fork, so that its run may not comment. actions/report does that, in a workflow of its own."
fi
