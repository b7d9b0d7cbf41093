#!/usr/bin/env bash
# Calibrates the runner; the key is on the disk only meanwhile.
set -euo pipefail
. "$GITHUB_ACTION_PATH/../words.sh"

if [ -z "$INPUT_KEY" ]; then
  refuse 2 key "there is no key: the secret is empty, or this event may not read it" "\`greengate runner keygen\` makes one; keep it as a secret of the repository"
fi
umask 077
key="$WORK/key.pem"
trap 'rm -f "$key"' EXIT
printf '%s\n' "$INPUT_KEY" > "$key"
mkdir "$WORK/profile"

words=(runner calibrate "--key=$key" "--output=$WORK/profile/runner-profile.json" "--seconds=$INPUT_SECONDS")
each --label "$INPUT_LABELS"
[ -z "$INPUT_EXPIRES" ] || words+=("--expires=$INPUT_EXPIRES")
[ -z "$INPUT_PROJECT" ] || words+=("--project=$INPUT_PROJECT")
told sealed "$WORK/venv/bin/python" -I -m greengate "${words[@]}"
output profile "$WORK/profile/runner-profile.json"
