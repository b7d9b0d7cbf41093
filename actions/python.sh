# shellcheck shell=bash
# Sourced: a Python that fits, and greengate in an environment of its own.
# Python is always called with -I, so that no file of the workspace is imported.

# fitting_python: where the runner has one that greengate runs on, or nothing.
fitting_python() {
  local name found
  for name in python3 python3.13 python3.12 python3.11; do
    if found="$(command -v "$name")" && "$found" -I -c '
import sys, ensurepip, venv
raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null; then
      printf '%s' "$found"
      return
    fi
  done
}

# want FOLDER REQUIREMENT EXTRAS: `requirement` becomes what pip installs, the action's own folder unless another is named.
want() {
  local extras
  extras="$(printf '%s' "$3" | tr -s ', \n\t' ',' | sed 's/^,//; s/,$//')"
  if ! [[ "$extras" =~ ^([a-z][a-z0-9-]*(,[a-z][a-z0-9-]*)*)?$ ]]; then
    refuse 2 extras "\`$3\` is no list of extras" "write them with commas between, such as \`quality,torch\`"
  fi
  if [ -n "$2" ] && [ -n "$extras" ]; then
    refuse 2 extras "there is a requirement too" "write the extras into it: \`requirement: greengate-ci[$extras]\`"
  fi
  requirement="${2:-$1${extras:+[$extras]}}"
}

# install PYTHON REQUIREMENT PLACE: greengate into a fresh environment at PLACE.
install() {
  local told
  told="$(mktemp)"
  if ! { "$1" -I -m venv "$3" && "$3/bin/python" -I -m pip install --quiet --disable-pip-version-check -- "$2"; } > "$told" 2>&1; then
    local words
    words="$(tail -n 20 "$told")"
    rm -f "$told"
    refuse 4 "installation" "$words" "the runner needs Python 3.11 to 3.13 and a package index; PIP_INDEX_URL names another one"
  fi
  rm -f "$told"
}

# ready: greengate by itself in a new folder `work`, for the actions beside the gate.
ready() {
  local python requirement
  want "$GITHUB_ACTION_PATH/../.." "${INPUT_REQUIREMENT:-}" "${INPUT_EXTRAS:-}"
  python="$(fitting_python)"
  if [ -z "$python" ]; then
    refuse 2 runs-on "the runner has no Python 3.11, 3.12 or 3.13" "put \`actions/setup-python\` before this step"
  fi
  work="$(mktemp -d "$RUNNER_TEMP/greengate.XXXXXXXX")"
  install "$python" "$requirement" "$work/venv"
}
