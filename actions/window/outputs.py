"""Write the outputs of the step, and say the answer, from the JSON of `greengate window` on standard input."""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Read the answer, write the outputs, and print what a person wants to know."""
    told = json.load(sys.stdin)
    outputs = {name: told[name] or "" for name in ("answer", "start", "intensity", "zone")}
    # On one line, whatever it is: another line would be another output.
    lines = [f"{name}={''.join(sign for sign in value if sign.isprintable())}\n" for name, value in outputs.items()]
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(lines)
    for line in _words(told):
        print("".join(sign for sign in line if sign.isprintable()))


def _words(told: dict) -> list[str]:
    words = [f"{told['zone']}: {told['answer']}"]
    if told["start"]:
        words.append(f"{told['intensity']} {told['unit']} from {told['start']}")
    elif told["lowest"]:
        words.append(f"lowest: {told['lowest']['intensity']} {told['unit']} from {told['lowest']['start']}")
    named = {"why": "why", "hint": "what to do"}
    return words + [f"{name}: {told[key]}" for key, name in named.items() if told[key]]


if __name__ == "__main__":
    main()
