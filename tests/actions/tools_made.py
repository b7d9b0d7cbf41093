"""The programs of a runner: a Python whose environments hold this very checkout, so that nothing is downloaded."""

import sys

from expressions import ROOT

# Python itself, but for what would ask a network: an environment that it makes is one of these again, and what pip is
# asked for is written down.
PYTHON = """#!{python} -I
import json, os, pathlib, sys
here, words = pathlib.Path(sys.argv[0]), sys.argv[1:]
plain = [word for word in words if word != "-I"]
def noted(**told):
    with open({trace!r}, "a") as trace:
        trace.write(json.dumps(told) + "\\n")
if plain[:2] == ["-m", "venv"]:
    noted(venv=plain[2], isolated=words != plain)
    place = pathlib.Path(plain[2]) / "bin"
    place.mkdir(parents=True)
    (place / "python").write_text(here.read_text())
    (place / "python").chmod(0o755)
elif plain[:3] == ["-m", "pip", "install"]:
    noted(pip=plain[3:], isolated=words != plain)
    refused = pathlib.Path({root!r}) / "pip-refuses"
    sys.exit(refused.read_text() if refused.exists() else 0)
elif plain[:2] == ["-m", "greengate"]:
    noted(greengate=plain[2:], isolated=words != plain, environment=dict(os.environ))
    double = pathlib.Path({root!r}) / "greengate.py"
    sys.path.insert(0, {checkout!r})
    sys.argv = ["greengate", *plain[2:]]
    if double.exists():
        exec(compile(double.read_text(), str(double), "exec"))
    else:
        from greengate.cli import main
        main()
else:
    os.execv(sys.executable, [sys.executable, *words])
"""


def tools(root):
    """A folder for the PATH with that Python in it."""
    folder = root / "tools"
    folder.mkdir()
    file = folder / "python3"
    names = {"python": sys.executable, "trace": str(root / "trace.jsonl"), "root": str(root), "checkout": str(ROOT)}
    file.write_text(PYTHON.format(**names))
    file.chmod(0o755)
    (folder / "python").write_text(file.read_text())
    # Where pip has put it: the programs that a workflow of single steps calls by their names.
    (folder / "greengate").write_text(f'#!/bin/sh\nexec "{file}" -m greengate "$@"\n')
    for name in ("python", "greengate"):
        (folder / name).chmod(0o755)
    return folder
