import json

import pytest
from projects_made import greengate, project

from greengate.cli import run

BUDGETS = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: green, owners: ["@acme/green"]}
budgets:
  - {id: quarter, metric: deployment_carbon, per: {team: nlp}, period: quarter, max: LIMIT, warn_at: 80%, enforce: soft}
"""
PROJECT = """\
apiVersion: greengate/v1
kind: Project
name: acme/shop
policies: [policy.yaml]
factors: greengate-2026.11
models:
  - name: m
    path: candidate.onnx
    baseline: baseline.onnx
    batch: 8
    team: nlp
    deployment: {kind: own, zone: DE, pue: 1.2, inferences_per_year: 1e12}
runner: {cpu: {idle: 1 W, max: 3 W, source: a test}}
"""
CHANGE = ("gate", "--change", "acme/shop#1", "--budget", "3 s")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return project(tmp_path, candidate=(256,), policy=BUDGETS.replace("LIMIT", "900 tCO2e"), text=PROJECT)


def told(capsys, *words):
    capsys.readouterr()
    assert run(["budget", *words]) == 0
    return capsys.readouterr().out


def test_a_change_reserves_and_is_booked_when_it_is_merged(shop, capsys):
    assert greengate(shop, *CHANGE) == 0
    assert "✓ passed  quarter" in capsys.readouterr().out
    (before,) = json.loads(told(capsys, "status", "--json"))
    assert [one["change"] for one in before["held"]] == ["acme/shop#1"]
    assert "of m booked" in told(capsys, "consume", "acme/shop#1")
    (after,) = json.loads(told(capsys, "status", "--json"))
    assert after["consumed"] == before["reserved"] == before["held"][0]["amount"]
    assert told(capsys, "consume", "acme/shop#1") == "acme/shop#1: it was merged already\n"


def test_a_change_that_is_closed_lets_go(shop, capsys):
    greengate(shop, *CHANGE)
    assert "of m let go" in told(capsys, "release", "acme/shop#1")
    assert json.loads(told(capsys, "status", "--json"))[0]["reserved"] == "0"
    assert told(capsys, "release", "acme/shop#1") == "acme/shop#1: it holds nothing\n"


def test_a_change_that_is_too_large_fails_and_holds_nothing(shop, capsys):
    (shop / "policy.yaml").write_text(BUDGETS.replace("LIMIT", "1 gCO2e"), encoding="utf-8")
    assert greengate(shop, *CHANGE) == 1
    assert "green/quarter" in capsys.readouterr().out
    assert json.loads(told(capsys, "status", "--json"))[0]["held"] == []


def test_a_change_that_fails_by_another_rule_lets_go_again(shop, capsys):
    rule = "rules:\n  - {id: flops, metric: flops_per_inference, max_increase: 1%, enforce: soft}\n"
    (shop / "policy.yaml").write_text(BUDGETS.replace("LIMIT", "900 tCO2e") + rule, encoding="utf-8")
    assert greengate(shop, *CHANGE) == 1
    assert "what was reserved of budgets was let go again" in " ".join(capsys.readouterr().out.split())
    assert json.loads(told(capsys, "status", "--json"))[0]["reserved"] == "0"


def test_a_saving_is_booked_as_one(shop, capsys):
    project(shop, candidate=(64,), baseline=(512,), policy=BUDGETS.replace("LIMIT", "900 tCO2e"), text=PROJECT)
    assert greengate(shop, *CHANGE) == 0
    assert json.loads(told(capsys, "status", "--json"))[0]["reserved"] == "0"
    told(capsys, "consume", "acme/shop#1")
    assert json.loads(told(capsys, "status", "--json"))[0]["consumed"].startswith("-")


def test_without_a_change_it_only_says_what_would_be_drawn(shop, capsys):
    assert greengate(shop, "gate", "--budget", "3 s") == 0
    assert not (shop / ".greengate" / "book.db").exists()
    assert run(["budget", "status"]) == 2
    assert "there is no book of budgets here yet" in capsys.readouterr().err


def test_a_book_that_only_this_runner_sees_is_noted(shop, capsys):
    assert greengate(shop, *CHANGE) == 0
    assert "which other runners do not see: --book" in " ".join(capsys.readouterr().out.split())
    assert greengate(shop, *CHANGE, "--book", str(shop / "shared.db")) == 0
    assert "which other runners do not see" not in " ".join(capsys.readouterr().out.split())


def test_the_entry_holds_all_that_the_verdict_on_a_budget_rests_on(shop, capsys):
    assert greengate(shop, *CHANGE, "--json") == 0
    evidence = json.loads(capsys.readouterr().out)["models"][0]["evidence"]
    (drawn,) = evidence["budgets"]
    (part,) = drawn["draws"]
    exact = (float(part["after"]) - float(part["before"])) * float(part["years"]) * 1e6
    assert int(part["amount"]) == pytest.approx(exact, abs=1, rel=1e-9)
    assert (evidence["project"], evidence["change"]) == ("acme/shop", "acme/shop#1")


def test_events_are_listed_and_the_book_is_sound(shop, capsys):
    greengate(shop, *CHANGE)
    lines = told(capsys, "history", "green/quarter").splitlines()
    assert [line.split()[3] for line in lines] == ["open", "reserve"]
    assert [one["kind"] for one in json.loads(told(capsys, "history", "green/quarter", "--json"))] == [
        "open",
        "reserve",
    ]
    assert told(capsys, "verify") == "sound: 1 accounts\n"


def test_a_true_up_is_booked_once(shop, capsys):
    words = ("adjust", "green/quarter", "--source", "invoice 7", "--why", "measured", "12 kgCO2e")
    assert "12 kgCO2e adjusted" in told(capsys, *words)
    assert "12 kgCO2e stands since `invoice 7` was booked" in told(capsys, *words)
    assert json.loads(told(capsys, "status", "--json"))[0]["adjusted"] == str(12 * 10**9)


def test_the_burn_down_is_drawn(shop, capsys):
    greengate(shop, *CHANGE)
    told(capsys, "status", "--picture", "b.svg")
    text = (shop / "b.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert "green/quarter" in text
    assert "an even pace" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("status", "--only", "green/quartr"), "did you mean `green/quarter`?"),
        (("status", "--at", "yesterday"), "--at: `yesterday` is no time\n  hint: write it like `2026-11-21T10:00:00Z`"),
        (("status", "--at", "2026-11-21"), "--at: `2026-11-21` has no time zone"),
        (("status", "--picture", "b.gif"), "`b.gif` is no picture"),
        (("history", "green/quartr"), "did you mean `green/quarter`?"),
        (("release", "shop"), "`shop` is no id of a change"),
        (("adjust", "green/quarter", "--source", "x", "--why", "y", "12 kWh"), "`12 kWh` is an energy"),
        (("status", "--book", "mysql://db"), "is no address of a book of budgets"),
    ],
)
def test_what_cannot_be_done_is_told(shop, capsys, words, message):
    greengate(shop, *CHANGE)
    capsys.readouterr()
    assert run(["budget", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_project_without_budgets_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(project(tmp_path))
    assert run(["budget", "status"]) == 2
    assert "no policy of the project has budgets" in capsys.readouterr().err
