"""A double of greengate, for what a real run cannot show: a crash, a forge that is down, a report of a megabyte."""

import json

PASSED = {"verdict": "passed", "exit_code": "0", "entry": "a1,b2", "energy_change": "+1.2%", "carbon_change": "+1.3%"}
PASSED |= {"year": "+12 gCO2e"}
ERROR = "::error file=policy.yaml,line=7,title=m%3A failed::p/flops failed\n"
_PROGRAM = """
import json, os, pathlib, signal, sys
words = sys.argv[1:]
said = json.loads({told!r}).get(words[0], {{}})
for word in words:
    for name, text in said.get("files", {{}}).items():
        if word.startswith(name + "="):
            pathlib.Path(word.rpartition("=")[2]).write_text(text)
        if word.startswith(said.get("shows", "\\0")):
            print(pathlib.Path(word.partition("=")[2]).read_text())
print(said.get("out", ""), end="")
print(said.get("err", ""), end="", file=sys.stderr)
sys.stdout.flush()
if "signal" in said:
    os.kill(os.getpid(), said["signal"])
sys.exit(said.get("code", 0))
"""


def double(runner, /, **told):
    """Put a greengate in the place of the real one: by command, its code, words and files."""
    (runner.scripts / "greengate.py").write_text(_PROGRAM.format(told=json.dumps(told)))
    return runner


def gate(code=0, ledger="# The ledger\n", annotations="", out="", err="", **outputs):
    """What a gate says that gave a verdict."""
    lines = "".join(f"{name}={value}\n" for name, value in (PASSED | {"exit_code": str(code)} | outputs).items())
    files = {"markdown": ledger, "entries": '{"entry": "a1"}\n', "outputs": lines, "annotations": annotations}
    return {"code": code, "files": files, "out": out, "err": err}


APPROVALS = {"files": {"--out": "{}"}}
EVERYTHING = {"approvals": APPROVALS, "gate": gate(), "post": {}}
