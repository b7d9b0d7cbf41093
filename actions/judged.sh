# shellcheck shell=bash
# Sourced: a command that gives a verdict, its reports and its exit code, which is kept for the last step.

# judged WORD…: greengate by these words, with the reports into the folder of this run.
judged() {
  local code=0 report="$WORK/report"
  local words=(
    "$@"
    --report "markdown=$report/ledger.md" --report "json=$report/report.json" --report "junit=$report/junit.xml"
    --report "sarif=$report/greengate.sarif" --report "entries=$report/entries.jsonl"
    --report "annotations=$WORK/annotations" --report "outputs=$WORK/outputs"
  )
  unheeded sealed "$WORK/venv/bin/python" -I -m greengate "${words[@]}" 2> "$WORK/words" || code=$?
  unheeded cat "$WORK/words"
  if [ -f "$WORK/outputs" ]; then
    grep -E '^(verdict|entry|energy_change|carbon_change|year)=[^[:cntrl:]]*$' "$WORK/outputs" >> "$GITHUB_OUTPUT" || true
  fi
  # One that was killed, or that passed without a verdict, is neither a pass nor a fail.
  if [ "$code" -gt 4 ] || { [ "$code" -eq 0 ] && ! grep -q '^verdict=.' "$WORK/outputs" 2> /dev/null; }; then
    printf 'error: greengate ended with %s and gave no verdict\n' "$code" | tee -a "$WORK/words"
    code=4
  fi
  output exit_code "$code"
}
