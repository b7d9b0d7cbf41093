#!/usr/bin/env bash
# Signs the ledger and writes receipts, after the gate, which ran models and builds without the key. They go into the
# reports too, of which the summary is made.
set -euo pipefail
. "$(dirname "$0")/../words.sh"

receipts="$WORK/report/receipts" said="$WORK/sign.words"
mkdir -p "$receipts"
IFS=, read -r -a entries < <(sed -n 's/^entry=//p' "$WORK/outputs")
words=(ledger prove "--project=$INPUT_PROJECT" "--history=$INPUT_HISTORY" "--out=$receipts")
words+=("--into=$WORK/report/report.json" "--markdown=$WORK/report/ledger.md")
unheeded "$WORK/venv/bin/python" -I -m greengate "${words[@]}" -- "${entries[@]}" 2> "$said" ||
  annotate error "the verdict stands, and these decisions have no receipt: $(sed 's/^error: //' "$said")"
