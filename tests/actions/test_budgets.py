"""Budgets across a pull request's life: what its gate reserves, the workflow that settles books or lets go."""

import json

import pytest
from expressions import ROOT
from test_budget_command import BUDGETS, PROJECT
from worlds import NUMBER, REPOSITORY, World

from greengate.cli import run

CHANGE = f"{REPOSITORY}#{NUMBER}"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, policy=BUDGETS.replace("LIMIT", "900 tCO2e"), text=PROJECT)


@pytest.fixture
def book(tmp_path):
    return str(tmp_path / "book.db")


@pytest.fixture
def settled(world, machine, judged, book):
    """Judge a change whose gate reserves, then close it; what the book holds before and after, and the last runner."""

    def closed(capsys, *, merged):
        event = world.opened(world.change())
        gate = machine(event, "gate").checked_out()
        assert gate.action(ROOT, book=book, budget="3 s", token="").result == "success"
        before = told(capsys, gate, book)
        event.payload["pull_request"]["merged"] = merged
        runner, ended = judged(event, workflow="settle.yml", job="settle", secrets={"GREENGATE_BOOK": book})
        assert ended.result == "success"
        return before, told(capsys, gate, book), runner

    return closed


def told(capsys, runner, book):
    capsys.readouterr()
    assert (
        run(["budget", "status", "--json", "--project", str(runner.workspace / "greengate.yaml"), "--book", book]) == 0
    )
    (account,) = json.loads(capsys.readouterr().out)
    return account


def test_a_merged_change_is_booked(settled, capsys):
    before, after, runner = settled(capsys, merged=True)
    assert [one["change"] for one in before["held"]] == [CHANGE]
    assert (after["consumed"], after["held"]) == (before["reserved"], [])
    assert "booked" in runner.log


def test_a_closed_change_lets_go(settled, capsys):
    _, after, runner = settled(capsys, merged=False)
    assert (after["reserved"], after["held"]) == ("0", [])
    assert "let go" in runner.log
