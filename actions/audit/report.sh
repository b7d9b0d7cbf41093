#!/usr/bin/env bash
# Makes the report on a quarter in every format that is asked for.
set -euo pipefail
. "$GITHUB_ACTION_PATH/../words.sh"

folder="$WORK/quarter"
mkdir "$folder"
words=(report "--quarter=$INPUT_QUARTER" "--history=$INPUT_HISTORY")
[ -z "$INPUT_COMPANY" ] || words+=("--company=$INPUT_COMPANY")
formats=0
while IFS= read -r format; do
  [ -n "$format" ] || continue
  if ! [[ "$format" =~ ^[a-z][a-z0-9]{0,31}$ ]]; then
    refuse 2 formats "\`$format\` is no format" "they are written one a line, such as html, pdf, xlsx, csv and json"
  fi
  words+=("--report=$format=$folder/report.$format")
  formats=$((formats + 1))
done < <(printf '%s\n' "$INPUT_FORMATS" | tr -d ' \t\r')
if [ "$formats" -eq 0 ]; then
  refuse 2 formats "no format is named" "they are written one a line, such as html, pdf, xlsx, csv and json"
fi
told sealed "$WORK/venv/bin/python" -I -m greengate "${words[@]}"
output folder "$folder"
