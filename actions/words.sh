# shellcheck shell=bash
# Sourced by the actions' scripts: how they speak. Whatever they say is shown as text and never obeyed.

# A text as the data of a workflow command.
data() {
  local text="${1//'%'/'%25'}"
  text="${text//$'\r'/'%0D'}"
  printf '%s' "${text//$'\n'/'%0A'}"
}

# annotate LEVEL TEXT: an annotation on the run; LEVEL is error, warning or notice.
annotate() {
  printf '::%s title=greengate::%s\n' "$1" "$(data "$2")"
}

# quoted TEXT: as preformatted HTML, which Markdown leaves alone.
quoted() {
  printf '<pre>\n%s\n</pre>\n' "$(printf '%s' "$1" | tr -d '\000-\010\013-\037' | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g')"
}

# output NAME VALUE: an output of the step, on one line whatever it is.
output() {
  printf '%s=%s\n' "$1" "${2//[$'\r\n']/ }" >> "$GITHUB_OUTPUT"
}

# summarise TITLE TEXT: into the summary of the run.
summarise() {
  printf '### greengate: %s\n\n%s\n' "$1" "$(quoted "$2")" >> "$GITHUB_STEP_SUMMARY"
}

# refuse CODE WHERE PROBLEM HINT: say why nothing can be judged, in the log and in the summary, and end with the code.
refuse() {
  local words="$2: $3"$'\n'"  hint: $4"
  annotate error "$words"
  summarise "nothing was judged" "$words"
  output exit_code "$1"
  exit "$1"
}

# yes_or_no NAME VALUE
yes_or_no() {
  case "$2" in
    true | false) ;;
    *) refuse 2 "$1" "\`$2\` is neither true nor false" "write \`$1: true\` or \`$1: false\`" ;;
  esac
}

# key_of_a_ledger WITHOUT: one key must never sign two ledgers, and one that ends with the runner is another in each run.
key_of_a_ledger() {
  if [ "$1" = true ]; then
    refuse 2 ledger-key "the history ends with the runner, and one key signs one ledger" "give \`history\`: a kept file, or an address"
  fi
}

# unheeded COMMAND…: run it so that no line of its output is taken for a workflow command.
unheeded() {
  local mark code=0
  mark="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
  printf '::stop-commands::%s\n' "$mark"
  "$@" || code=$?
  printf '\n::%s::\n' "$mark"
  return "$code"
}

# sealed COMMAND…: run it without any token, key or way to speak to the runner in its environment; meters keep theirs.
sealed() {
  local name names=()
  while IFS= read -r name; do
    case "$name" in
      GREENGATE_METER_*) ;;
      *TOKEN* | *SECRET* | *_KEY | GREENGATE_LEDGER_KEY* | *_APP_ID | ACTIONS_* | INPUT_* | GITHUB_ENV | GITHUB_OUTPUT | GITHUB_PATH | GITHUB_STATE | GITHUB_STEP_SUMMARY)
        names+=(-u "$name")
        ;;
    esac
  done < <(compgen -e)
  env "${names[@]}" "$@"
}

# each OPTION LINES: `words` grows by the option, once for every line.
each() {
  local line
  while IFS= read -r line; do
    line="${line#"${line%%[![:space:]]*}"}"
    line="${line%"${line##*[![:space:]]}"}"
    [ -z "$line" ] || words+=("$1=$line")
  done <<< "$2"
}

# told COMMAND…: run it, show what it said, and end with its words as an annotation where it failed.
told() {
  local code=0 said
  said="$(mktemp)"
  unheeded "$@" 2> "$said" || code=$?
  unheeded cat "$said"
  if [ "$code" -ne 0 ]; then
    annotate error "$(sed 's/^error: //' "$said")"
    summarise "exit code $code" "$(sed 's/^error: //' "$said")"
  fi
  rm -f "$said"
  [ "$code" -eq 0 ] || exit "$code"
}

# is_leg NAME: whether it can name a leg, its artifact and its folder.
is_leg() {
  [[ "$1" =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]]
}

# origin: whose change it is: own, fork, queue or other. Only who may write here opens a pull request from this repository.
origin() {
  case "$GITHUB_EVENT_NAME" in
    pull_request | pull_request_review | pull_request_target)
      if [ "${HEAD_REPOSITORY,,}" = "${GITHUB_REPOSITORY,,}" ]; then echo own; else echo fork; fi
      ;;
    merge_group) echo queue ;;
    *) echo other ;;
  esac
}

# cut_to_fit FILE: its lines as far as they fit into a summary, which is thrown away whole over 1 MiB.
cut_to_fit() {
  LC_ALL=C awk '{ bytes += length($0) + 1; if (bytes > 1000000) exit; print }' "$1"
}
