#!/usr/bin/env bash
# Joins what the legs left; one that left nothing is an error in the verdict.
set -euo pipefail
. "$GITHUB_ACTION_PATH/../words.sh"
. "$GITHUB_ACTION_PATH/../judged.sh"

words=()
each leg "$INPUT_LEGS"
legs=()
for word in "${words[@]}"; do
  legs+=("${word#leg=}=$WORK/legs/greengate-${word#leg=}/entries.jsonl")
done
judged join "--project=$INPUT_PROJECT" "--history=${INPUT_HISTORY:-$WORK/history.db}" "${legs[@]}"
