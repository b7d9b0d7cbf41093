#!/usr/bin/env bash
# Installs greengate for an action beside the gate, in a step without secrets.
set -euo pipefail
. "$GITHUB_ACTION_PATH/../words.sh"
. "$GITHUB_ACTION_PATH/../python.sh"

ready
output folder "$work"
