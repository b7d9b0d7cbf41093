import subprocess
import sys

import models_made
import pytest

HEAVY = (
    "numpy", "onnx", "onnxruntime", "torch", "sklearn", "pydantic", "yaml", "jsonschema", "jinja2", "rich", "sqlite3",
    "fvcore", "cel_expr_python",
)  # fmt: skip
LOADED = f"""
import sys
from greengate.cli import run
code = run(["--help"])
print(sorted(set({HEAVY}) & set(sys.modules)), code, file=sys.stderr)
"""


def test_help_imports_no_heavy_package():
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert told.stderr == "[] 0\n"
    assert "Judge every model of the project under its policies." in told.stdout


@pytest.mark.parametrize(
    "command",
    [
        "gate",
        "judge",
        "show",
        "history",
        "init",
        "policy",
        "meters",
        "runner",
        "cost",
        "diff",
        "estimate",
        "track",
        "budget",
        "waiver",
        "ledger",
        "factors",
        "window",
    ],
)
def test_every_command_has_help_and_imports_no_runtime_for_it(command):
    code = f"""
import sys
from greengate.cli import run
code = run([{command!r}, "--help"])
print(sorted({{"onnx", "onnxruntime", "torch", "sklearn", "jsonschema"}} & set(sys.modules)), code, file=sys.stderr)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stderr == "[] 0\n"
    assert told.stdout.startswith(f"Usage: greengate {command}")


def test_counting_imports_onnx_and_nothing_that_counting_does_not_need(tmp_path):
    code = """
import sys
from greengate.cli import run
code = run(["cost", sys.argv[1]])
told = {"onnx", "onnxruntime", "torch", "sklearn", "pydantic", "yaml", "jsonschema", "jinja2", "altair", "vl_convert"}
print(sorted(told & set(sys.modules)), code, file=sys.stderr)
"""
    models_made.dense(tmp_path / "m.onnx")
    words = [sys.executable, "-c", code, tmp_path / "m.onnx"]
    told = subprocess.run(words, capture_output=True, text=True, check=True)
    assert told.stderr == "['onnx'] 0\n"


def test_the_version_is_told():
    told = subprocess.run([sys.executable, "-m", "greengate", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout == "greengate, version 0.1.0\n"


def test_a_crash_is_neither_a_pass_nor_a_fail():
    code = """
import sys
from greengate import cli, check
def crash(*_):
    raise ZeroDivisionError("on purpose")
check.run = crash
sys.exit(cli.run(["gate"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "ZeroDivisionError: on purpose" in done.stderr
    assert done.stderr.endswith("error: greengate itself crashed; this is a bug, please report it\n")


def test_a_reader_that_has_gone_is_no_crash(tmp_path):
    done = subprocess.run(
        f"{sys.executable} -m greengate policy schema | head -c 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stderr


def test_an_ascii_terminal_is_no_reason_to_crash():
    done = subprocess.run(
        [sys.executable, "-m", "greengate", "gate", "--project", "nöwhere/greengate.yaml"],
        capture_output=True,
        check=False,
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert done.stderr.endswith(b"where: there is no such folder\n")
