"""The GitHub action: its script under bash, against a double of greengate and against greengate itself."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).resolve().parent.parent / "actions" / "window"
ACTION = yaml.safe_load((FOLDER / "action.yml").read_text())
(STEP,) = ACTION["runs"]["steps"]
TOLD = {"answer": "go", "zone": "DE", "start": "2026-11-21T12:20:00+00:00", "intensity": "142.5", "unit": "gCO2e/kWh"}
TOLD |= {"lowest": {"start": "2026-11-21T12:20:00+00:00", "intensity": "142.5"}, "why": None, "hint": None}
NONE = TOLD | {"answer": "no-window", "start": None, "intensity": None}
UNKNOWN = TOLD | {"answer": "inconclusive", "start": None, "intensity": None, "lowest": None, "why": "it fails"}
DOUBLE = """#!{python}
import json, os, pathlib, sys
pathlib.Path(os.environ["ARGUMENTS"]).write_text(json.dumps(sys.argv[1:]))
print({out!r}, end="")
sys.exit({code})
"""
REAL = """#!{python}
import sys
from greengate.cli import main
main()
"""


@pytest.fixture
def runner(tmp_path):
    """A runner's folder, on whose path a greengate can be put."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "output").touch()
    return tmp_path


def put(runner, text):
    file = runner / "bin" / "greengate"
    file.write_text(text)
    file.chmod(0o755)


def ran(runner, **inputs):
    """Run the step as the runner would: inputs as variables, by the table in the action's file."""
    given = {name: str(told.get("default", "")) for name, told in ACTION["inputs"].items()} | inputs
    names = {value.split()[1].removeprefix("inputs."): name for name, value in STEP["env"].items()}
    assert set(names) == set(given)
    environment = {names[name]: value for name, value in given.items()} | {
        "PATH": f"{runner / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": str(FOLDER.parent.parent),
        "GITHUB_ACTION_PATH": str(FOLDER),
        "GITHUB_OUTPUT": str(runner / "output"),
        "GITHUB_STEP_SUMMARY": str(runner / "summary"),
        "ARGUMENTS": str(runner / "arguments"),
    }
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", STEP["run"]]
    done = subprocess.run(command, env=environment, cwd=runner, capture_output=True, text=True, check=False)
    return done, dict(line.split("=", 1) for line in (runner / "output").read_text().splitlines())


def double(runner, told, code, **inputs):
    out = json.dumps(told) if told else ""
    put(runner, DOUBLE.format(python=sys.executable, out=out, code=code))
    return ran(runner, source="file", zone="DE", **inputs)


def arguments(runner):
    return json.loads((runner / "arguments").read_text())


GONE = {"answer": "go", "start": "2026-11-21T12:20:00+00:00", "intensity": "142.5", "zone": "DE"}
EMPTY = {"start": "", "intensity": "", "zone": "DE"}


@pytest.mark.parametrize(
    ("told", "code", "fail", "ends", "outputs"),
    [
        (TOLD, 0, "true", 0, GONE),
        (NONE, 1, "true", 1, {"answer": "no-window", **EMPTY}),
        (NONE, 1, "false", 0, {"answer": "no-window", **EMPTY}),
        (UNKNOWN, 3, "true", 3, {"answer": "inconclusive", **EMPTY}),
        (UNKNOWN, 3, "false", 0, {"answer": "inconclusive", **EMPTY}),
        (UNKNOWN, 0, "true", 0, {"answer": "inconclusive", **EMPTY}),
        (None, 2, "false", 2, {}),
        (None, 4, "false", 4, {}),
        (None, 0, "false", 4, {}),
    ],
    ids=["go", "none", "none, not failing", "unknown", "unknown, not failing", "open", "misused", "broken", "silent"],
)
def test_the_step_ends_as_greengate_does_or_as_it_was_told_to(runner, told, code, fail, ends, outputs):
    done, found = double(runner, told, code, fail=fail)
    assert (done.returncode, found) == (ends, outputs)


def test_what_is_not_known_is_said_in_the_log(runner):
    assert "why: it fails\n" in double(runner, UNKNOWN, 3)[0].stdout
    assert "lowest: 142.5 gCO2e/kWh from 2026-11-21T12:20:00+00:00\n" in double(runner, NONE, 1)[0].stdout


def test_every_input_is_an_option(runner):
    inputs = {"below": "150 gCO2e/kWh", "within": "12h", "for": "3h", "deadline": "5h", "stale-after": "1h"}
    double(runner, TOLD, 0, address="https://a.example", zones="DE,FR", wait="true", **{"on-failure": "open"}, **inputs)
    assert arguments(runner) == [
        "window", "--json", "--source=file", "--on-failure=open", "--address=https://a.example", "--zone=DE",
        "--zones=DE,FR", "--below=150 gCO2e/kWh", "--within=12h", "--for=3h", "--deadline=5h", "--stale-after=1h",
        "--wait",
    ]  # fmt: skip


EVIL = [
    "$(touch evil)",
    "`touch evil`",
    "'; touch evil; '",
    '"; touch evil; "',
    "--help",
    "a\nanswer=go",
    "${{ x }}",
    "*",
]


@pytest.mark.parametrize("evil", EVIL)
def test_an_input_is_a_word_and_never_a_command(runner, evil):
    double(runner, TOLD, 0, below=evil, within=evil)
    assert arguments(runner)[-2:] == [f"--below={evil}", f"--within={evil}"]
    assert not (runner / "evil").exists()


def test_no_answer_can_make_another_output(runner):
    _, found = double(runner, UNKNOWN | {"zone": "DE\nanswer=go"}, 3)
    assert found == {"answer": "inconclusive", **EMPTY, "zone": "DEanswer=go"}


def test_an_answer_may_be_longer_than_an_argument(runner):
    done, found = double(runner, TOLD | {"places": ["x" * 300_000]}, 0)
    assert (done.returncode, done.stderr, found) == (0, "", GONE)


@pytest.mark.parametrize("name", ["wait", "fail"])
def test_a_switch_that_is_none_is_refused(runner, name):
    done, found = double(runner, TOLD, 0, **{name: "yes"})
    words = f"{name}: `yes` is neither true nor false%0A  hint: write `{name}: true` or `{name}: false`"
    assert (done.returncode, found) == (2, {"exit_code": "2"})
    assert done.stdout == f"::error title=greengate::{words}\n"


def test_no_input_is_written_into_a_script():
    assert "${{" not in STEP["run"]
    assert [name for name in ("run.sh", "outputs.py") if "${{" in (FOLDER / name).read_text()] == []
    assert set(ACTION["outputs"]) == {"answer", "start", "intensity", "zone"}


@pytest.fixture
def forecast(runner):
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    basis = {"signal": "average", "boundary": "lifecycle", "mix": "consumption", "gases": "CO2e"}
    points = [
        {"zone": "DE", "start": (now + at * timedelta(hours=1)).isoformat(), "minutes": 60, "g_per_kwh": "90"}
        for at in range(5)
    ]
    (runner / "i.json").write_text(json.dumps({**basis, "updated_at": now.isoformat(), "points": points}))


@pytest.mark.parametrize(("below", "code", "answer"), [("100", 0, "go"), ("50", 1, "no-window"), ("50 W", 2, None)])
def test_greengate_itself_answers_it(runner, forecast, below, code, answer):
    put(runner, REAL.format(python=sys.executable))
    done, found = ran(runner, source="file", address="i.json", zone="DE", below=below, within="2h")
    assert (done.returncode, found.get("answer")) == (code, answer)
