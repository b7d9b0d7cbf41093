import json
import shutil

import pytest
from projects_made import POLICY, greengate, project

from greengate.history import opened
from greengate.ledger.canonical import digest, encode


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    assert greengate(project(folder), "gate", "--quiet") == 0
    assert greengate(project(folder, candidate=(512,)), "gate", "--quiet") == 1
    return folder


@pytest.fixture
def judged(once, tmp_path, capsys):
    """A project with one passed and one failed entry, the failed one newer."""
    shutil.copytree(once, tmp_path, dirs_exist_ok=True)
    capsys.readouterr()
    return tmp_path


def rows(folder, capsys, *words):
    assert greengate(folder, "history", "--json", *words) == 0
    return json.loads(capsys.readouterr().out)


def test_the_history_lists_the_newest_first(judged, capsys):
    assert [row["outcome"] for row in rows(judged, capsys)] == ["failed", "passed"]
    assert [row["outcome"] for row in rows(judged, capsys, "--limit", "1")] == ["failed"]
    assert rows(judged, capsys, "--model", "other") == []


def test_the_history_reads_well_on_a_terminal(judged, capsys):
    assert greengate(judged, "history") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["entry", "when", "(UTC)", "model", "outcome", "commit"]
    assert len(said) == 3


def test_an_entry_is_shown_as_it_was_told(judged, capsys):
    passed = rows(judged, capsys)[1]["entry"]
    assert greengate(judged, "show", passed[:10]) == 0
    assert "m  PASSED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda _, pair: pair["candidate"].update(cpu_s="0.0"), "pairs.0.candidate.cpu_s: Input should be greater"),
        (lambda _, pair: pair["baseline"].update(wall_s="1e308"), "pairs.0.baseline.wall_s: Input should be less"),
        (lambda leaf, _: leaf["subject"].clear(), "list index out of range"),
        (lambda leaf, _: leaf["predicate"].update(commit=5), "commit: Input should be a valid string"),
        (lambda leaf, _: leaf["predicate"].update(model=["m"]), "model: Input should be a valid string"),
    ],
    ids=["work without a cost", "more work than there can be", "no subject", "a number", "a list"],
)
@pytest.mark.parametrize("command", ["history", "show", "judge"])
def test_an_entry_that_greengate_did_not_write_is_named(judged, capsys, command, edit, found):
    with opened(judged / ".greengate" / "history.db") as history:
        stored = next(history._decisions())
        leaf = json.loads(stored.leaf)
        evidence = json.loads(history._store.body(leaf["predicate"]["evidence"]))
        edit(leaf, evidence["pairs"][0])
        body = encode(evidence)
        leaf["predicate"]["evidence"] = digest(body)
        history._store.append(encode(leaf), {digest(body): body})
    assert greengate(judged, command, *(() if command == "history" else ("last",))) == 4
    told = capsys.readouterr().err
    assert f"cannot be read: {found}" in told
    assert "http" not in told


@pytest.mark.parametrize("prefix", ["ffffffffffffff", "nonsense"])
def test_an_entry_that_is_not_there_is_refused(judged, capsys, prefix):
    assert greengate(judged, "show", prefix) == 2
    assert f"no entries begin with `{prefix}`" in capsys.readouterr().err


def test_an_entry_must_be_named(judged, capsys):
    assert greengate(judged, "show", "") == 2
    assert "hint: give the beginning of an entry's id, or `last`" in capsys.readouterr().err


def test_a_history_that_is_not_there_yet_is_said_so(tmp_path, capsys):
    assert greengate(tmp_path, "history") == 2
    assert "there is no history here yet" in capsys.readouterr().err


def test_judging_again_gives_the_same_verdict_without_hardware(judged, capsys):
    for entry, code, outcome in (("last", 1, "FAILED"), (rows(judged, capsys)[1]["entry"], 0, "PASSED")):
        (judged / "candidate.onnx").unlink(missing_ok=True)
        assert greengate(judged, "judge", entry) == code
        assert f"m  {outcome}" in capsys.readouterr().out
    assert len(rows(judged, capsys)) == 2


def test_judging_again_under_another_policy_changes_the_verdict(judged, capsys):
    (judged / "lenient.yaml").write_text(POLICY.replace("15%", "1500%").replace(" 5%", " 1500%"))
    assert greengate(judged, "judge", "last", "--policy", "lenient.yaml") == 0
    assert "judged again from the evidence of entry" in capsys.readouterr().out


def test_an_entry_without_evidence_cannot_be_judged_again(tmp_path, capsys):
    project(tmp_path)
    (tmp_path / "candidate.onnx").unlink()
    assert greengate(tmp_path, "gate") == 4
    capsys.readouterr()
    assert greengate(tmp_path, "judge", "last") == 2
    assert "has no evidence: " in capsys.readouterr().err


def test_what_is_recorded_reads_back_to_the_last_digit(judged, capsys):
    with opened(judged / ".greengate" / "history.db") as history:
        record = history.find("last")
        evidence = record.decision.evidence
        assert type(evidence).model_validate_json(evidence.model_dump_json()) == evidence
        assert len(evidence.pairs) >= 8


def test_a_report_on_standard_output_stands_there_alone(judged, capsys):
    assert greengate(judged, "show", "last", "--report", "junit=-") == 0
    assert capsys.readouterr().out.startswith("<?xml")
