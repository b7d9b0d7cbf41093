"""The workflows to copy: what they ask for exists, what they may is what they need, and nothing of others moves."""

import re

import pytest
import yaml
from doubles import INPUTS, PINS
from expressions import ROOT
from runner import OURS

FOLDER = ROOT / "examples" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
ACTIONS = {file.parent.relative_to(ROOT).as_posix(): yaml.safe_load(file.read_text())
           for file in [ROOT / "action.yml", *ROOT.glob("actions/*/action.yml")]}  # fmt: skip


def jobs():
    return [(file.name, name, job) for file in FILES for name, job in yaml.safe_load(file.read_text())["jobs"].items()]


def ours(job):
    """The actions of this repository that a job uses, with what it gives them."""
    for step in job["steps"]:
        name, _, pin = step.get("uses", "").partition("@")
        if name == OURS or name.startswith(f"{OURS}/"):
            assert re.fullmatch(r"[0-9a-f]{40}", pin)
            yield name.removeprefix(OURS).lstrip("/") or ".", step.get("with", {})


def cells(line):
    return [cell.replace("`", "").strip() for cell in line.strip("|").split("|")]


def needed():
    """The permissions of each action, as the table of actions/README.md tells them."""
    text = (ROOT / "actions" / "README.md").read_text()
    head, _, *lines = [line for line in text.split("no more than these permissions")[1].splitlines() if line[:1] == "|"]
    names = cells(head)[1:-1]
    return {cells(line)[0]: dict(zip(names, cells(line)[1:-1], strict=True)) for line in lines}


@pytest.mark.parametrize(("file", "name", "job"), jobs(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_input_is_known_and_every_required_one_is_given(file, name, job):
    for action, given in ours(job):
        told = ACTIONS[action]["inputs"]
        assert set(given) <= set(told)
        assert {name for name, one in told.items() if one.get("required")} <= set(given)


@pytest.mark.parametrize(("file", "name", "job"), jobs(), ids=lambda value: value if isinstance(value, str) else "")
def test_actions_of_others_are_pinned_and_given_what_they_know(file, name, job):
    for step in job["steps"]:
        action, _, pin = step.get("uses", "").partition("@")
        if action in PINS:
            assert pin == PINS[action]
            assert set(step.get("with", {})) <= INPUTS[action]
            assert action != "actions/checkout" or step["with"]["persist-credentials"] is False
        else:
            assert not action or action.startswith(OURS)


@pytest.mark.parametrize(("file", "name", "job"), jobs(), ids=lambda value: value if isinstance(value, str) else "")
def test_no_job_may_more_than_its_actions_need(file, name, job):
    allowed = {"contents": "read"} if any("checkout" in step.get("uses", "") for step in job["steps"]) else {}
    for action, given in ours(job):
        row = needed()["the gate" if action == "." else action.removeprefix("actions/")]
        allowed |= {permission: word.split()[0] for permission, word in row.items() if word}
        if "leg" in given:
            allowed = allowed | {"pull-requests": "read"}
            del allowed["checks"]
    assert job["permissions"] == allowed


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_workflow_may_nothing_by_itself(file):
    assert yaml.safe_load(file.read_text())["permissions"] == {}


def test_actions_of_others_are_pinned_in_actions_too():
    uses = [step["uses"] for action in ACTIONS.values() for step in action["runs"]["steps"] if "uses" in step]
    assert uses
    assert all(PINS.get(name) == pin for name, _, pin in (one.partition("@") for one in uses))


def test_every_workflow_and_every_action_is_in_its_table():
    told = re.findall(r"^\| \[(\S+)\]", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(told) == [file.name for file in FILES]
    assert set(needed()) == {"the gate", *(name.removeprefix("actions/") for name in ACTIONS if name != ".")}


@pytest.mark.parametrize("heading", ["Inputs", "Outputs"])
def test_every_input_and_output_of_the_gate_is_on_its_page(heading):
    text = (ROOT / "docs" / "github.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE) == list(ACTIONS["."][heading.lower()])


def test_the_legs_that_are_joined_are_those_that_are_judged():
    told = yaml.safe_load((FOLDER / "matrix.yml").read_text())["jobs"]
    judged = [one["leg"] for one in told["leg"]["strategy"]["matrix"]["include"]]
    (joined,) = [given["legs"].split() for _, given in ours(told["greengate"])]
    assert joined == judged
