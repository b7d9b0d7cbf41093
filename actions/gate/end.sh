#!/usr/bin/env bash
# Ends as the gate did.
set -euo pipefail
printf 'greengate: %s (exit code %s)\n' "${VERDICT:-nothing was judged}" "$CODE"
exit "$CODE"
