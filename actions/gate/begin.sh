#!/usr/bin/env bash
# Looks at the inputs, the event and the runner, and makes the folder that everything goes into.
set -euo pipefail
here="$GITHUB_ACTION_PATH/actions"
. "$here/words.sh"
. "$here/python.sh"

if [ "$RUNNER_OS" != Linux ]; then
  refuse 2 runs-on "greengate runs on Linux, and this runner has $RUNNER_OS" "write \`runs-on: ubuntu-latest\`"
fi
yes_or_no comment "$INPUT_COMMENT"
yes_or_no check "$INPUT_CHECK"
key_of_a_ledger "$KEY_WITHOUT_LEDGER"
if [ -n "$INPUT_LEG" ] && ! is_leg "$INPUT_LEG"; then
  refuse 2 leg "\`$INPUT_LEG\` is no name of a leg" "write letters, digits, points and dashes, such as \`leg: gpu\`"
fi

want "$GITHUB_ACTION_PATH" "$INPUT_REQUIREMENT" "$INPUT_EXTRAS"
work="$(mktemp -d "$RUNNER_TEMP/greengate.XXXXXXXX")"
mkdir "$work/report"
output folder "$work"
output origin "$(origin)"
output requirement "$requirement"
output python "$(fitting_python)"
output artifact "greengate${INPUT_LEG:+-$INPUT_LEG}"
output pip "$RUNNER_TEMP/greengate-pip"
output key "greengate-$(cat "$GITHUB_ACTION_PATH/pyproject.toml" - <<< "$requirement" | sha256sum | cut -c 1-32)"
