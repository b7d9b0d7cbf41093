#!/usr/bin/env bash
# Installs greengate into an environment of its own.
set -euo pipefail
. "$GITHUB_ACTION_PATH/actions/words.sh"
. "$GITHUB_ACTION_PATH/actions/python.sh"

install "$PYTHON" "$REQUIREMENT" "$WORK/venv"
"$WORK/venv/bin/python" -I -m greengate --version
