#!/usr/bin/env bash
# Asks `greengate window` what the inputs say, writes the outputs, and ends as the step shall end.
set -euo pipefail

yes_or_no() {
  case "$2" in
    true | false) ;;
    *)
      echo "error: $1 is neither true nor false" >&2
      exit 2
      ;;
  esac
}

yes_or_no wait "$INPUT_WAIT"
yes_or_no fail "$INPUT_FAIL"

if ! command -v greengate > /dev/null; then
  python3 -m pip install --quiet --disable-pip-version-check -- "$INPUT_REQUIREMENT"
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

code=0
told="$(greengate "${words[@]}")" || code=$?
if [ -z "$told" ]; then
  exit "$((code == 0 ? 4 : code))"
fi

TOLD="$told" python3 - << 'PYTHON'
import json
import os

told = json.loads(os.environ["TOLD"])
outputs = {name: told[name] or "" for name in ("answer", "start", "intensity", "zone")}
with open(os.environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
    for name, value in outputs.items():
        # On one line, whatever it is: another line would be another output.
        file.write(f"{name}={''.join(sign for sign in value if sign.isprintable())}\n")
lowest = told["lowest"] or {}
print(f"{outputs['zone']}: {outputs['answer']}", outputs["start"], outputs["intensity"], told["unit"] or "", flush=True)
if outputs["answer"] == "no-window":
    print(f"lowest: {lowest['intensity']} {told['unit']} from {lowest['start']}")
if told["why"]:
    print(f"why: {told['why']}")
if told["hint"]:
    print(f"what to do: {told['hint']}")
PYTHON

if [ "$INPUT_FAIL" = false ] && { [ "$code" -eq 1 ] || [ "$code" -eq 3 ]; }; then
  exit 0
fi
exit "$code"
