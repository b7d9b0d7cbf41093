"""A forge is told what was concluded, and may be told again."""

import shutil
from dataclasses import replace

import pytest
from change_made import HEAD, MadeForge
from jobs_made import on_github, pull_request
from projects_made import COUNTED, PROJECT, greengate, layers, project
from repositories_made import run_git as git

from greengate import registry
from greengate.history import opened
from greengate.verdict import Outcome


@pytest.fixture
def job(monkeypatch, tmp_path):
    pull_request(monkeypatch, tmp_path)


@pytest.fixture
def forge(monkeypatch):
    made = MadeForge()
    monkeypatch.setattr(registry, "forge", lambda *_: made)
    return made


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    second = "  - {name: n, path: same.onnx, baseline: baseline.onnx, batch: 8}\n"
    folder = project(tmp_path_factory.mktemp("judged"), candidate=(256,), policy=COUNTED, text=PROJECT + second)
    layers(folder / "same.onnx", 128)
    with pytest.MonkeyPatch.context() as patch:
        pull_request(patch, folder)
        assert greengate(folder, "gate", "--budget", "1 s") == 1
    return folder


@pytest.fixture
def judged(once, job, tmp_path, capsys):
    """A project with two models, judged once: one of them fails."""
    shutil.copytree(once, tmp_path, dirs_exist_ok=True)
    capsys.readouterr()
    return tmp_path


def history(folder):
    with opened(folder / ".greengate" / "history.db") as kept:
        return [*kept.newest_first()][::-1]


def comments(forge):
    return list(forge.said.values())


def test_the_whole_check_is_told_in_one_comment_and_one_check(judged, forge, capsys):
    assert greengate(judged, "post") == 0
    (body,) = comments(forge)
    assert "2 models: 1 passed, 1 failed" in body
    (mark,) = forge.shown.values()
    assert (mark.name, mark.commit, mark.outcome, mark.title) == (
        "greengate", HEAD, Outcome.FAILED, "2 models: 1 passed, 1 failed",
    )  # fmt: skip
    assert [(one.path, one.level) for one in mark.remarks] == [("policy.yaml", "failure")]
    assert mark.page == "https://github.com/acme/shop/actions/runs/17"
    assert forge.closed


def test_what_is_told_again_changes_nothing(judged, forge, capsys):
    for _ in range(3):
        assert greengate(judged, "post", "last") == 0
    assert (len(forge.said), len(forge.shown)) == (1, 1)
    assert "the comment stands as it was" in capsys.readouterr().out


def test_checks_that_were_written_down_by_turns_are_told_whole(judged, forge):
    failed, passed = (record.decision for record in history(judged))
    with opened(judged / "shared.db") as shared:
        for decision in (failed, replace(passed, check="another"), passed):
            shared.append(decision)
    assert greengate(judged, "post", "--history", str(judged / "shared.db")) == 0
    (mark,) = forge.shown.values()
    assert mark.title == "2 models: 1 passed, 1 failed"


@pytest.mark.parametrize(
    ("options", "said", "shown"), [(["--no-comment"], 0, 1), (["--no-check"], 1, 0)], ids=["check", "comment"]
)
def test_either_can_be_left_out(judged, forge, options, said, shown):
    assert greengate(judged, "post", *options) == 0
    assert (len(forge.said), len(forge.shown)) == (said, shown)


def test_what_fails_does_not_keep_the_rest_from_being_told(judged, forge, capsys):
    forge.refused = {"comments": "the token lacks pull-requests: write"}
    assert greengate(judged, "post") == 4
    assert len(forge.shown) == 1
    assert "the token lacks pull-requests: write" in capsys.readouterr().err


def test_one_reason_is_told_once(judged, forge, capsys):
    forge.refused = {"comments": "it is down", "show": "it is down"}
    assert greengate(judged, "post") == 4
    assert capsys.readouterr().err.count("it is down") == 1
    forge.refused["show"] = "checks: write is missing"
    assert greengate(judged, "post") == 4
    told = capsys.readouterr().err
    assert "it is down" in told
    assert "checks: write is missing" in told


def test_the_comment_can_be_printed_and_nobody_is_told(judged, forge, capsys):
    assert greengate(judged, "comment", "--dry-run") == 0
    assert "2 models: 1 passed, 1 failed" in capsys.readouterr().out
    assert (forge.said, forge.shown) == ({}, {})


def test_the_comment_alone_can_be_written(judged, forge):
    assert greengate(judged, "comment") == 0
    assert (len(forge.said), len(forge.shown)) == (1, 0)


def test_a_verdict_is_not_told_on_another_change(judged, forge, capsys):
    assert greengate(judged, "post", "--change", "acme/shop#13") == 2
    assert "these entries are about acme/shop#12, not about acme/shop#13" in capsys.readouterr().err
    assert forge.said == {}


def test_a_history_that_the_change_brings_along_is_not_told(judged, forge, capsys):
    for words in (("init", "-b", "main"), ("add", "-f", ".greengate/history.db"), ("commit", "-m", "all is well")):
        git(judged, *words)
    assert greengate(judged, "post") == 2
    assert "git tracks this history, so that a change can write into it what it likes" in capsys.readouterr().err
    assert (forge.said, forge.shown) == ({}, {})


def test_an_entry_of_another_change_is_not_told_as_that_of_this_job(judged, forge, monkeypatch, tmp_path, capsys):
    pull_request(monkeypatch, tmp_path, number=13)
    assert greengate(judged, "post") == 2
    assert "these entries are about acme/shop#12, not about acme/shop#13" in capsys.readouterr().err
    assert forge.said == {}


def test_an_old_entry_never_overwrites_a_newer_one_whichever_job_tells_it(judged, forge, monkeypatch, tmp_path, capsys):
    old, *_ = history(judged)
    pull_request(monkeypatch, tmp_path, run="18", head="d" * 40)
    assert greengate(judged, "gate", "--model", "n", "--budget", "1 s") == 0
    assert greengate(judged, "post") == 0
    pull_request(monkeypatch, tmp_path, run="19", head="d" * 40)
    assert greengate(judged, "post", old.entry_id) == 0
    assert "a newer run (18.1) has told it already" in capsys.readouterr().out
    assert [(mark.commit, mark.page[-2:]) for mark in forge.shown.values()] == [("d" * 40, "18"), (HEAD, "17")]


def test_what_was_judged_outside_of_ci_is_told_of_the_commit_that_was_judged(tmp_path, forge, capsys):
    folder = project(tmp_path, policy=COUNTED)
    assert greengate(folder, "gate", "--budget", "1 s") == 0
    assert greengate(folder, "post", "--change", "acme/shop#12") == 4
    assert "it is not known which commit was judged" in capsys.readouterr().err
    for words in (("init", "-b", "main"), ("add", "."), ("commit", "-m", "first")):
        git(folder, *words)
    assert greengate(folder, "gate", "--budget", "1 s") == 0
    assert greengate(folder, "post", "--change", "acme/shop#12") == 0
    (mark,) = forge.shown.values()
    assert mark.commit == git(folder, "rev-parse", "HEAD").strip()


def test_nothing_is_told_from_a_merge_queue(judged, forge, monkeypatch, capsys):
    ref = f"refs/heads/gh-readonly-queue/main/pr-12-{HEAD}"
    on_github(monkeypatch, judged, "merge_group", {"merge_group": {"head_ref": ref}}, ref)
    capsys.readouterr()
    assert greengate(judged, "gate", "--budget", "1 s") == 1
    assert greengate(judged, "post") == 0
    assert "nothing is told from a merge queue" in capsys.readouterr().out
    assert forge.said == {}


def test_outside_a_change_there_is_nothing_to_tell(tmp_path, forge, capsys):
    folder = project(tmp_path, policy=COUNTED)
    assert greengate(folder, "gate", "--budget", "1 s") == 0
    assert greengate(folder, "post") == 2
    assert "the entry names no pull or merge request" in capsys.readouterr().err
    assert greengate(folder, "post", "--change", "nonsense") == 2
    assert "`nonsense` is no change" in capsys.readouterr().err


def test_a_run_on_the_main_branch_has_nobody_to_tell(job, judged, forge, monkeypatch, capsys):
    on_github(monkeypatch, judged, "push", {}, "refs/heads/main")
    assert greengate(judged, "gate", "--budget", "1 s") == 1
    assert greengate(judged, "post") == 0
    assert "this run is about no pull or merge request" in capsys.readouterr().out


def test_a_project_in_a_folder_has_a_comment_and_a_check_of_its_own(job, tmp_path, forge):
    git(tmp_path, "init")
    (tmp_path / "nlp").mkdir()
    for folder in (project(tmp_path, policy=COUNTED), project(tmp_path / "nlp", policy=COUNTED)):
        assert greengate(folder, "gate", "--budget", "1 s") == 0
        assert greengate(folder, "post") == 0
    assert [mark.name for mark in forge.shown.values()] == ["greengate", "greengate (nlp/greengate.yaml)"]
    assert len(forge.said) == 2


def test_a_template_is_the_one_of_the_base(judged, forge, capsys, monkeypatch):
    monkeypatch.chdir(judged)
    (judged / "ledger.j2").write_text("{{ outcome }} it is")
    for words in (("init", "-b", "main"), ("add", "ledger.j2"), ("commit", "-m", "words")):
        git(judged, *words)
    (judged / "ledger.j2").write_text("all is well")
    words = ("comment", "--dry-run", "--base", "main", "--template")
    assert greengate(judged, *words, "ledger.j2") == 0
    assert capsys.readouterr().out == "failed it is"
    assert greengate(judged, *words, "other.j2") == 2
    assert "has no `other.j2`" in capsys.readouterr().err


def test_a_gate_that_could_not_judge_takes_the_place_of_an_older_verdict(judged, forge, capsys):
    assert greengate(judged, "post") == 0
    words = "error: policy.yaml:6:5: `max_increse` is unknown\n  hint: did you mean <b>`max_increase`</b>?\n"
    (judged / "words.txt").write_text(words)
    assert greengate(judged, "post", "--unjudged", str(judged / "words.txt")) == 0
    (body,) = comments(forge)
    assert "greengate errored" in body
    assert "is unknown" in body
    assert "<b>" not in body
    assert [mark.outcome for mark in forge.shown.values()] == [Outcome.FAILED, Outcome.ERRORED]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--unjudged", "gone.txt"], "gone.txt: cannot be read"),
        (["last", "--unjudged", "gone.txt"], "what was not judged has no entry"),
    ],
    ids=["not there", "with an entry"],
)
def test_a_gate_that_said_nothing_is_told_of(judged, forge, capsys, words, said):
    assert greengate(judged, "post", *words) == 2
    assert said in capsys.readouterr().err


def test_a_gate_that_could_not_judge_the_main_branch_tells_nobody(judged, forge, monkeypatch, capsys):
    on_github(monkeypatch, judged, "push", {}, "refs/heads/main")
    (judged / "words.txt").write_text("")
    assert greengate(judged, "post", "--unjudged", str(judged / "words.txt")) == 0
    assert "nothing is told" in capsys.readouterr().out
