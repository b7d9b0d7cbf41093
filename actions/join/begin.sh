#!/usr/bin/env bash
# Looks at the inputs and the event.
set -euo pipefail
. "$GITHUB_ACTION_PATH/../words.sh"

yes_or_no comment "$INPUT_COMMENT"
yes_or_no check "$INPUT_CHECK"
key_of_a_ledger "$KEY_WITHOUT_LEDGER"
words=()
each leg "$INPUT_LEGS"
if [ "${#words[@]}" -eq 0 ]; then
  refuse 2 legs "no leg is named" "write the names that the gate was given as \`leg\`, one a line"
fi
for word in "${words[@]}"; do
  is_leg "${word#leg=}" || refuse 2 legs "\`${word#leg=}\` is no name of a leg" "write the names that the gate was given, one a line"
done
output origin "$(origin)"
mkdir "$WORK/report"
