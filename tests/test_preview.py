"""What a change's own policies would say is shown beside the verdict, and is never the verdict."""

import json

import pytest
from projects_made import COUNTED, PROJECT, WAIVER, greengate, layers, project
from repositories_made import run_git as git


@pytest.fixture
def change(tmp_path):
    """A change that makes the model larger, on a branch of its own."""
    text = PROJECT.replace("baseline.onnx", "git:main").replace("path: candidate.onnx", "path: model.onnx")
    project(tmp_path, policy=COUNTED, text=text)
    layers(tmp_path / "model.onnx", 128)
    for words in (("init", "-b", "main"), ("add", "."), ("commit", "-m", "first"), ("checkout", "-b", "change")):
        git(tmp_path, *words)
    layers(tmp_path / "model.onnx", 256)
    return tmp_path


def judged(folder, capsys):
    """Return the outcome of the model, and the preview."""
    greengate(folder, "gate", "--base", "main", "--budget", "1 s", "--json")
    (model,) = json.loads(capsys.readouterr().out)["models"]
    return model["outcome"], model["preview"]


def edited(folder, *changes):
    text = COUNTED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "policy.yaml").write_text(text)


def test_a_change_that_edits_no_policy_has_none(change, capsys):
    assert judged(change, capsys) == ("failed", [])


def test_a_weaker_policy_is_shown_and_does_not_count(change, capsys):
    edited(change, ("5%", "500%"))
    would = ["the verdict would be passed instead of failed"]
    rule = "p/flops: passed instead of failed (max_increase 5% -> max_increase 500%)"
    assert judged(change, capsys) == ("failed", [*would, rule])


def test_an_edit_that_changes_no_verdict_is_shown_too(change, capsys):
    edited(change, ("5%", "6%"))
    assert judged(change, capsys) == ("failed", ["p/flops: still failed (max_increase 5% -> max_increase 6%)"])


def test_rules_that_come_and_go_are_shown(change, capsys):
    edited(change, ("id: flops", "id: work"))
    told = ["p/flops: gone, failed today (max_increase 5%)", "p/work: new, failed (max_increase 5%)"]
    assert judged(change, capsys) == ("failed", told)


def test_a_waiver_that_a_change_grants_itself_is_shown_and_does_not_count(change, capsys):
    (change / "waiver.yaml").write_text(WAIVER)
    text = (change / "greengate.yaml").read_text()
    (change / "greengate.yaml").write_text(text.replace("[policy.yaml]", "[policy.yaml, waiver.yaml]"))
    would = ["the verdict would be waived instead of failed", "p/flops: waived instead of failed"]
    assert judged(change, capsys) == ("failed", would)


def test_a_waiver_that_waits_for_a_review_is_shown_as_it_would_count(change, capsys):
    (change / "waiver.yaml").write_text(WAIVER.replace("granted_by: green", "granted_by: review"))
    text = (change / "greengate.yaml").read_text()
    (change / "greengate.yaml").write_text(text.replace("[policy.yaml]", "[policy.yaml, waiver.yaml]"))
    would = ["the verdict would be waived instead of failed", "p/flops: waived instead of failed"]
    waits = "the waiver W-1 counts once an owner has approved the change that brings it"
    assert judged(change, capsys) == ("failed", [*would, waits])


def test_policies_that_are_wrong_are_no_reason_not_to_judge(change, capsys):
    edited(change, ("max_increase", "max_increse"))
    outcome, (would,) = judged(change, capsys)
    assert outcome == "failed"
    assert would.startswith("its own policies cannot be read: policy.yaml:6:")


def test_what_was_shown_stays_in_the_history(change, capsys):
    edited(change, ("5%", "500%"))
    _, would = judged(change, capsys)
    greengate(change, "show", "last", "--json")
    assert json.loads(capsys.readouterr().out)["models"][0]["preview"] == would
