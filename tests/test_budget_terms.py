"""What budgets hold a change against, with a base: what is merged, whatever the rules compare with."""

import json

import pytest
from projects_made import greengate, layers, project
from repositories_made import run_git as git
from trackers_made import greengate as tracker_file
from trackers_made import tracked

BUDGETS = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: green, owners: ["@acme/green"]}
budgets:
  - {id: year, metric: deployment_carbon, period: year, max: 900 tCO2e, enforce: soft}
"""
PROJECT = """\
apiVersion: greengate/v1
kind: Project
name: acme/shop
policies: [policy.yaml]
factors: greengate-2026.11
models:
  - name: m
    path: model.onnx
    baseline: git:main
    batch: 8
    deployment: {kind: own, zone: DE, pue: 1.2, inferences_per_year: 1e12}
runner: {cpu: {idle: 1 W, max: 3 W, source: a test}}
"""


@pytest.fixture
def shop(tmp_path):
    project(tmp_path, policy=BUDGETS, text=PROJECT)
    layers(tmp_path / "model.onnx", 128)
    (tmp_path / ".gitignore").write_text(".greengate/\n", encoding="utf-8")
    for words in (("init", "-b", "main"), ("add", "."), ("commit", "-m", "first")):
        git(tmp_path, *words)
    git(tmp_path, "checkout", "-b", "change")
    return tmp_path


def drawn(shop, capsys, change="acme/shop#1"):
    capsys.readouterr()
    greengate(shop, "gate", "--base", "main", "--change", change, "--budget", "3 s", "--json")
    (found,) = json.loads(capsys.readouterr().out)["models"][0]["evidence"]["budgets"]
    return found


def edited(shop, file, old, new):
    text = (shop / file).read_text(encoding="utf-8")
    assert old in text
    (shop / file).write_text(text.replace(old, new), encoding="utf-8")


def test_a_change_is_held_against_what_is_merged(shop, capsys):
    layers(shop / "model.onnx", 256)
    found = drawn(shop, capsys)
    assert (found["outcome"], found["missing"]) == ("granted", "")
    assert int(found["asked"]) > 0


def test_a_budget_that_a_change_raises_for_itself_is_shown_and_does_not_count(shop, capsys):
    git(shop, "checkout", "main")
    edited(shop, "policy.yaml", "900 tCO2e", "1 mgCO2e")
    git(shop, "commit", "-am", "hardly any")
    git(shop, "checkout", "-B", "change")
    edited(shop, "policy.yaml", "1 mgCO2e", "900 tCO2e")
    layers(shop / "model.onnx", 256)
    words = ("--base", "main", "--change", "acme/shop#1", "--budget", "3 s", "--json")
    assert greengate(shop, "gate", *words) == 1
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert model["preview"][0] == "the verdict would be passed instead of failed"
    assert model["preview"][1].startswith("green/year: passed instead of failed (max 1 mgCO2e in ")


def test_a_baseline_that_is_another_model_says_nothing_of_what_is_merged(shop, capsys):
    git(shop, "checkout", "main")
    edited(shop, "greengate.yaml", "git:main", "baseline.onnx")
    layers(shop / "baseline.onnx", 512)
    git(shop, "commit", "-am", "a fixed baseline")
    git(shop, "checkout", "-B", "change")
    assert drawn(shop, capsys)["missing"].startswith("the baseline `git:")
    assert "is another model than model.onnx on the base branch" in drawn(shop, capsys)["missing"]


def test_where_an_entry_of_what_is_merged_was_accepted_its_figure_counts(shop, capsys):
    git(shop, "checkout", "main")
    edited(shop, "greengate.yaml", "git:main", "baseline.onnx")
    git(shop, "commit", "-am", "a fixed baseline")
    assert greengate(shop, "gate", "--budget", "3 s") == 0
    git(shop, "checkout", "-B", "change")
    layers(shop / "model.onnx", 512)
    found = drawn(shop, capsys)
    assert (found["missing"], int(found["asked"]) > 0) == ("", True)


def test_a_model_that_is_not_on_the_base_branch_draws_all_of_its_use(shop, capsys):
    edited(shop, "greengate.yaml", "name: m\n", "name: n\n")
    layers(shop / "model.onnx", 256)
    greengate(shop, "gate", "--base", "main", "--change", "acme/shop#1", "--budget", "3 s", "--json")
    told = json.loads(capsys.readouterr().out)["models"][0]["evidence"]["budgets"]
    assert [one["draws"][0]["before"] for one in told] == ["0.0"]


def test_more_traffic_is_drawn_by_the_change_that_declares_it(shop, capsys):
    edited(shop, "greengate.yaml", "1e12", "3e12")
    found = drawn(shop, capsys)
    (part,) = found["draws"]
    assert float(part["after"]) == pytest.approx(3 * float(part["before"]), rel=1e-9)


def test_a_zone_of_another_basis_that_a_change_declares_is_not_mixed_in(shop, capsys):
    edited(shop, "greengate.yaml", "zone: DE", "zone: US-VA")
    assert "its emissions are operational, and the budget adds up lifecycle ones" in drawn(shop, capsys)["missing"]


def test_a_book_that_is_part_of_the_change_is_refused(shop, capsys):
    drawn(shop, capsys)
    git(shop, "add", "-f", ".greengate/book.db")
    assert greengate(shop, "gate", "--base", "main", "--change", "acme/shop#2") == 4
    assert "the book of budgets is part of the change" in capsys.readouterr().err


def test_an_id_that_is_none_is_refused_before_anything_is_measured(shop, capsys):
    assert greengate(shop, "gate", "--base", "main", "--change", "foo") == 2
    assert "`foo` is no id of one" in capsys.readouterr().err


PHASED = BUDGETS.replace("{id: year, metric: deployment_carbon,", "{id: tuned, metric: training_carbon, phase: tuning,")
EMITTED = {"grams": "344.0", "grams_a_kwh": "344.0", "source": "a test", "without": "PUE"}


@pytest.mark.parametrize(
    ("tracked_as", "drawn_g", "why"),
    [("tuning", 344, ""), ("final", 0, ""), ("", 0, "nobody says what the training was for")],
)
def test_a_budget_of_a_phase_goes_by_what_the_run_was_tracked_as(shop, capsys, tracked_as, drawn_g, why):
    (shop / "policy.yaml").write_text(PHASED, encoding="utf-8")
    git(shop, "commit", "-am", "a budget of tuning")
    git(shop, "branch", "-f", "main")
    (shop / "t.jsonl").write_bytes(tracker_file(tracked(joules="3600000.0", run__phase=tracked_as, emissions=EMITTED)))
    edited(shop, "greengate.yaml", "    batch: 8", "    training: {file: t.jsonl, tracker: greengate}\n    batch: 8")
    found = drawn(shop, capsys)
    assert int(found["asked"]) == drawn_g * 10**6
    assert found["missing"].startswith(why)
    assert bool(found["missing"]) is bool(why)


def test_a_phase_that_contradicts_the_run_s_own_is_told_and_no_verdict(shop, capsys):
    (shop / "policy.yaml").write_text(PHASED, encoding="utf-8")
    git(shop, "commit", "-am", "a budget of tuning")
    git(shop, "branch", "-f", "main")
    (shop / "t.jsonl").write_bytes(tracker_file(tracked(joules="3600000.0", run__phase="final", emissions=EMITTED)))
    training = "    training: {file: t.jsonl, tracker: greengate, phase: tuning}\n    batch: 8"
    edited(shop, "greengate.yaml", "    batch: 8", training)
    capsys.readouterr()
    assert greengate(shop, "gate", "--base", "main", "--change", "acme/shop#1", "--budget", "3 s") == 4
    said = " ".join("".join(capsys.readouterr()).split())
    assert "the run in `t.jsonl` was tracked as final, and `phase: tuning` is declared" in said
