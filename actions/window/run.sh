#!/usr/bin/env bash
# Asks `greengate window` what the inputs say, writes the outputs, and ends as the step shall end.
set -euo pipefail
. "$GITHUB_ACTION_PATH/../words.sh"
. "$GITHUB_ACTION_PATH/../python.sh"

yes_or_no wait "$INPUT_WAIT"
yes_or_no fail "$INPUT_FAIL"

greengate=(greengate)
if ! command -v greengate > /dev/null; then
  ready
  greengate=("$work/venv/bin/python" -I -m greengate)
fi

words=(window --json "--source=$INPUT_SOURCE" "--on-failure=$INPUT_ON_FAILURE")
for name in ADDRESS ZONE ZONES BELOW WITHIN FOR DEADLINE STALE_AFTER; do
  input="INPUT_$name"
  if [ -n "${!input}" ]; then
    option="${name,,}"
    words+=("--${option//_/-}=${!input}")
  fi
done
if [ "$INPUT_WAIT" = true ]; then
  words+=(--wait)
fi

told="$(mktemp)"
trap 'rm -f "$told"' EXIT
code=0
"${greengate[@]}" "${words[@]}" > "$told" || code=$?
if [ ! -s "$told" ]; then
  exit "$((code == 0 ? 4 : code))"
fi
python3 -I "$GITHUB_ACTION_PATH/outputs.py" < "$told"

if [ "$INPUT_FAIL" = false ] && { [ "$code" -eq 1 ] || [ "$code" -eq 3 ]; }; then
  exit 0
fi
exit "$code"
