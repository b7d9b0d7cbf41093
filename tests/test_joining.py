"""The legs of a matrix of runners become one verdict; a leg that is missing or strange is an error, never a pass."""

import json

import lines_made
import pytest
from change_made import HEAD
from jobs_made import on_github, pull_request
from projects_made import COUNTED, PROJECT, greengate, project
from repositories_made import run_git as git

from greengate.packs.project import load_project
from greengate.trees import WorkingTree


@pytest.fixture
def job(monkeypatch, tmp_path):
    pull_request(monkeypatch, tmp_path)


@pytest.fixture
def legs(job, tmp_path):
    """Two legs that judged the same change: one passes, and one fails."""
    for name, width in (("cpu", 128), ("gpu", 256)):
        (tmp_path / name).mkdir()
        folder = project(tmp_path / name, candidate=(width,), policy=COUNTED)
        words = ("--budget", "1 s", "--leg", name, "--report", f"entries={tmp_path / name}.jsonl", "--quiet")
        assert greengate(folder, "gate", *words) == (1 if name == "gpu" else 0)
    (tmp_path / "all").mkdir()
    project(tmp_path / "all", policy=COUNTED)
    return tmp_path


def joined(folder, capsys, *names, **files):
    capsys.readouterr()
    words = [f"{name}={files.get(name, folder / f'{name}.jsonl')}" for name in names]
    code = greengate(folder / "all", "join", *words, "--json")
    return code, json.loads(capsys.readouterr().out)


def told(document):
    return [(model["title"], model["outcome"]) for model in document["models"]]


def test_the_gravest_leg_decides(legs, capsys):
    code, document = joined(legs, capsys, "cpu", "gpu")
    assert [model["problem"] for model in document["models"]] == ["", ""]
    assert (code, told(document)) == (1, [("m on cpu", "passed"), ("m on gpu", "failed")])


def test_entries_are_kept_byte_for_byte_and_once(legs, capsys):
    _, first = joined(legs, capsys, "cpu", "gpu")
    _, again = joined(legs, capsys, "cpu", "gpu")
    assert [model["entry"] for model in first["models"]] == [model["entry"] for model in again["models"]]
    assert greengate(legs / "all", "history", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    lines = [json.loads((legs / f"{name}.jsonl").read_text().splitlines()[-1]) for name in ("cpu", "gpu")]
    assert [line["entry"] for line in lines] == [model["entry"] for model in first["models"]]


def cut(legs):
    (legs / "gpu.jsonl").write_text((legs / "gpu.jsonl").read_text()[:-100])


def forged(legs):
    text = (legs / "gpu.jsonl").read_text()
    (legs / "gpu.jsonl").write_text(text.replace('"outcome":"failed"', '"outcome":"passed"'))


def better(legs):
    """Change the evidence, and the digest that the statement has of it, but not the entry's own."""
    lines = [json.loads(line) for line in (legs / "gpu.jsonl").read_text().splitlines()]
    for line in lines:
        for name, body in line["bodies"].items():
            line["bodies"][name] = body.replace('"measured_s":"', '"measured_s":"1')
    (legs / "gpu.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def claimed(legs):
    """Say of what a pull request brings that it is in production already, with digests that fit."""
    text = (legs / "gpu.jsonl").read_text()
    told = lines_made.forged(text, lambda line: line["statement"]["predicate"].update(in_force=True))
    (legs / "gpu.jsonl").write_text(told)


CASES = {
    "in force": (claimed, "an entry of m says that it is in force, and its commit is not on the base branch"),
    "missing": (lambda legs: (legs / "gpu.jsonl").unlink(), "the leg gpu left no entries"),
    "empty": (lambda legs: (legs / "gpu.jsonl").write_text("\n"), "the leg gpu left no entries"),
    "cut off": (cut, "this is no entry of a history"),
    "no JSON": (lambda legs: (legs / "gpu.jsonl").write_bytes(b"\xff\x00"), "this is no entry of a history"),
    "nested": (lambda legs: (legs / "gpu.jsonl").write_text("[" * 100_000), "this is no entry of a history"),
    "a list": (lambda legs: (legs / "gpu.jsonl").write_text("[]"), "this is no entry of a history"),
    "verdict forged": (forged, "this entry was changed since it was written"),
    "evidence forged": (better, "this entry was changed since it was written"),
    "another leg's": (
        lambda legs: (legs / "gpu.jsonl").write_text((legs / "cpu.jsonl").read_text()),
        "an entry is of the leg cpu, expected gpu",
    ),
}


@pytest.mark.parametrize(("spoil", "words"), CASES.values(), ids=CASES)
def test_a_leg_that_cannot_be_believed_is_an_error(legs, capsys, spoil, words):
    spoil(legs)
    code, document = joined(legs, capsys, "cpu", "gpu")
    assert (code, told(document)) == (4, [("m on cpu", "passed"), ("every model on gpu", "errored")])
    assert words in document["models"][1]["problem"]


@pytest.mark.parametrize(
    ("event", "run", "words"),
    [
        ({"number": 13}, "17", "an entry is of the change acme/shop#12, expected acme/shop#13"),
        ({"head": "d" * 40}, "17", f"an entry is of the commit {HEAD}, expected {'d' * 40}"),
        ({}, "18", "an entry is of the run 17, expected 18"),
    ],
    ids=["change", "commit", "run"],
)
def test_entries_of_something_else_are_no_verdict_on_this(legs, capsys, monkeypatch, event, run, words):
    pull_request(monkeypatch, legs, **event, run=run)
    code, document = joined(legs, capsys, "cpu")
    assert (code, document["outcome"]) == (4, "errored")
    assert words in document["models"][0]["problem"]


def test_entries_of_another_run_are_no_verdict_on_a_branch_either(legs, capsys, monkeypatch):
    on_github(monkeypatch, legs, "push", {}, "refs/heads/main", run="18")
    code, document = joined(legs, capsys, "cpu")
    assert (code, document["models"][0]["problem"].endswith("an entry is of the run 17, expected 18")) == (4, True)


def test_outside_ci_legs_are_of_one_commit(legs, capsys, monkeypatch):
    for name in ("GITHUB_ACTIONS", "GITHUB_RUN_ID"):
        monkeypatch.delenv(name)
    for leg in ("cpu", "gpu"):
        for words in (("init", "-b", "main"), ("add", "."), ("commit", "-m", leg)):
            git(legs / leg, *words)
        greengate(
            legs / leg, "gate", "--budget", "1 s", "--leg", leg, "--report", f"entries={legs / leg}.jsonl", "--quiet"
        )
    code, document = joined(legs, capsys, "cpu", "gpu")
    assert (code, told(document)) == (4, [("m on cpu", "passed"), ("every model on gpu", "errored")])
    assert "an entry is of the commit" in document["models"][1]["problem"]


def test_a_leg_that_was_run_again_is_of_the_same_run(legs, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    assert joined(legs, capsys, "cpu")[0] == 0


def test_what_is_missing_is_told_by_post_too(legs, capsys):
    (legs / "gpu.jsonl").unlink()
    _, document = joined(legs, capsys, "cpu", "gpu")
    entries = [model["entry"] for model in document["models"]]
    assert greengate(legs / "all", "comment", *entries, "--dry-run") == 0
    assert "every model" in capsys.readouterr().out


def test_all_legs_are_one_check_and_of_each_the_newest_counts(legs, capsys):
    joined(legs, capsys, "gpu", "cpu")
    assert greengate(legs / "all", "comment", "--dry-run") == 0
    assert "2 models: 1 passed, 1 failed" in capsys.readouterr().out
    (legs / "gpu.jsonl").unlink()
    joined(legs, capsys, "gpu", "cpu")
    assert greengate(legs / "all", "comment", "--dry-run") == 0
    assert "2 models: 1 passed, 1 errored" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), "no leg is named"),
        (("cpu",), "`cpu` is not NAME=FILE"),
        (("=a",), "`=a` is not NAME=FILE"),
        (("a=b", "a=c"), "the leg `a` is named twice"),
    ],
    ids=["none", "no file", "no name", "twice"],
)
def test_words_that_name_no_leg_are_refused(job, tmp_path, capsys, words, found):
    project(tmp_path, policy=COUNTED)
    assert greengate(tmp_path, "join", *words) == 2
    assert found in capsys.readouterr().err


def evidence_on(folder, capsys, *words):
    code = greengate(folder, "gate", "--budget", "1 s", "--json", *words)
    return code, json.loads(capsys.readouterr().out)["models"][0]["evidence"]


def test_a_leg_runs_models_as_the_project_says_of_it(job, tmp_path, capsys):
    project(
        tmp_path, policy=COUNTED, text=PROJECT + "runner: {threads: 2, legs: {one: {threads: 1}, two: {device: cpu}}}\n"
    )
    known = load_project(WorkingTree(tmp_path))
    assert [known.on(leg).threads for leg in ("", "one", "two")] == [2, 1, 2]
    code, evidence = evidence_on(tmp_path, capsys, "--leg", "one")
    assert (code, evidence["device"]) == (0, "cpu")


def test_a_leg_that_the_project_does_not_list_is_refused(job, tmp_path, capsys):
    project(tmp_path, policy=COUNTED, text=PROJECT + "runner: {legs: {gpu: {device: cuda}}}\n")
    assert greengate(tmp_path, "gate", "--leg", "gpus") == 2
    assert "`runner.legs` knows no leg `gpus`\n  hint: did you mean `gpu`?" in capsys.readouterr().err


def test_a_leg_on_a_gpu_that_is_not_there_cannot_be_judged(job, tmp_path, capsys):
    project(tmp_path, policy=COUNTED, text=PROJECT + "runner: {legs: {gpu: {device: 'cuda:7'}}}\n")
    assert greengate(tmp_path, "gate", "--leg", "gpu") != 0
    assert greengate(tmp_path, "gate", "--budget", "1 s") == 0


@pytest.mark.parametrize(
    ("legs", "words"),
    [
        ("{gpu: {device: tpu}}", "(runner.legs.gpu.device): `tpu` is no device"),
        ("{gpu: {devise: cuda}}", "did you mean `device`?"),
        ("{}", "the mapping is empty"),
    ],
    ids=["device", "key", "none"],
)
def test_what_is_wrong_with_a_leg_is_told_with_its_place(job, tmp_path, capsys, legs, words):
    project(tmp_path, policy=COUNTED, text=PROJECT + f"runner: {{legs: {legs}}}\n")
    assert greengate(tmp_path, "gate") == 2
    assert words in capsys.readouterr().err
