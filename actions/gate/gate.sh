#!/usr/bin/env bash
# Measures, judges and writes down, without a token.
set -euo pipefail
. "$GITHUB_ACTION_PATH/actions/words.sh"
. "$GITHUB_ACTION_PATH/actions/judged.sh"

words=(gate --quiet "--project=$INPUT_PROJECT" "--base=$BASE" "--branch=$BRANCH")
words+=("--history=${INPUT_HISTORY:-$WORK/history.db}" "--book=${INPUT_BOOK:-$WORK/book.db}")
each --policy "$INPUT_POLICIES"
each --model "$INPUT_MODELS"
[ -z "$INPUT_BUDGET" ] || words+=("--budget=$INPUT_BUDGET")
[ -z "$INPUT_LEG" ] || words+=("--leg=$INPUT_LEG")
[ -z "$APPROVALS" ] || words+=("--approvals=$APPROVALS")
judged "${words[@]}"
