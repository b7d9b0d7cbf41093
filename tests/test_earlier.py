"""What a drift rule starts from: a release, a ref or an entry, whose file is there or not."""

import hashlib
from dataclasses import replace

import pytest
from drifts_made import record
from projects_made import PROJECT, layers, project
from repositories_made import run_git as git

from greengate import grounds, preparation
from greengate.case import arm
from greengate.errors import PolicyError
from greengate.history import opened
from greengate.packs.project import load_project
from greengate.settings import Settings
from greengate.trees import WorkingTree

DRIFT = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: p, owners: [green]}
rules:
  - {id: energy, metric: energy_per_1k_inferences, max_drift: {since: "%s", increase: 10%%}, enforce: soft}
"""
HELD = PROJECT.replace("path: candidate.onnx", "path: model.onnx")


def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def commit(folder, message):
    git(folder, "add", "--all")
    git(folder, "commit", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    """Release v1 with a model of one layer; then main with two, and a baseline that is the release's."""
    project(tmp_path, text=HELD)
    (tmp_path / "candidate.onnx").unlink()
    (tmp_path / ".gitignore").write_text("h.db*\n")
    layers(tmp_path / "model.onnx", 16)
    git(tmp_path, "init", "-b", "main")
    commit(tmp_path, "one")
    git(tmp_path, "tag", "v1")
    layers(tmp_path / "model.onnx", 16, 16)
    commit(tmp_path, "two")
    return tmp_path


def remembered(folder, *records):
    with opened(folder / "h.db") as history:
        return [history.append(one.decision) for one in records]


def case_of(folder, base=""):
    """Prepare the one model of a project."""
    settings = Settings(root=folder, history=folder / "h.db", base=base)
    declared = load_project(WorkingTree(folder), "greengate.yaml")
    held = grounds.read(settings, declared)
    with opened(folder / "h.db") as history:
        return preparation.case(settings, held, declared.models[0], held.policies, history)


def prepared(folder, since, base=""):
    """Give what a drift of the one model starts from, and the file of that, if there is one."""
    (folder / "policy.yaml").write_text(DRIFT % since)
    if base:
        commit(folder, f"since {since}")
        git(folder, "branch", "-f", base)
    case = case_of(folder, base)
    spec = case.specs.get(arm(since))
    return case.earlier[0], spec.path if spec else None


def named(folder, ref):
    return git(folder, "rev-parse", ref)[:10]


def test_the_file_of_the_last_release_is_had_from_git(repository):
    found, file = prepared(repository, "last-release")
    assert (found.label, found.origin, found.missing) == (f"release v1 ({named(repository, 'v1')})", "arm", "")
    assert file.read_bytes() == layers(repository / "one.onnx", 16).read_bytes()


@pytest.mark.parametrize(
    ("since", "label"),
    [("v1", "v1 (%s)"), ("main~1", "main~1 (%s)"), ("COMMIT", "%s")],
    ids=["tag", "branch", "commit"],
)
def test_a_ref_is_the_model_of_its_commit(repository, since, label):
    released = named(repository, "v1")
    found, file = prepared(repository, released if since == "COMMIT" else since)
    assert (found.label, file.name) == (label % released, "model.onnx")


def test_the_project_file_of_a_commit_says_where_the_model_was(repository):
    (repository / "old").mkdir()
    git(repository, "mv", "model.onnx", "old/net.onnx")
    text = (repository / "greengate.yaml").read_text()
    (repository / "greengate.yaml").write_text(text.replace("path: model.onnx", "path: old/net.onnx"))
    commit(repository, "elsewhere")
    git(repository, "tag", "v2")
    git(repository, "mv", "old/net.onnx", "model.onnx")
    (repository / "greengate.yaml").write_text(text)
    commit(repository, "back")
    assert prepared(repository, "v2")[1].name == "net.onnx"


def test_an_entry_is_the_file_of_its_commit(repository):
    old = sha256(layers(repository / "one.onnx", 16))
    (entry,) = remembered(repository, record(old, "", commit=git(repository, "rev-parse", "v1")))
    found, file = prepared(repository, entry[:8])
    assert (found.label, sha256(file)) == (f"entry {entry[:10]}", old)


def test_an_entry_is_a_file_that_still_lies_there(repository):
    (entry,) = remembered(repository, record(sha256(repository / "model.onnx"), ""))
    assert prepared(repository, entry[:8])[1] == repository / "model.onnx"


def test_an_earlier_model_that_is_the_baseline_is_had_from_there(repository):
    (entry,) = remembered(repository, record(sha256(repository / "baseline.onnx"), ""))
    assert prepared(repository, entry[:8])[1] == repository / "baseline.onnx"


def today(folder):
    return sha256(folder / "baseline.onnx")


def test_an_entry_whose_file_is_gone_is_chained(repository):
    first, _, last = remembered(repository, record("a", ""), record("b", "a", 1), record(today(repository), "b", 2))
    found, file = prepared(repository, first[:8])
    assert (found.label, found.origin, found.missing, file) == (f"entry {first[:10]}", "chain", "", None)
    assert [link.candidate[:1] for link in found.links] == ["b", today(repository)[:1]]
    assert found.links[-1].entry == last


def test_what_was_never_compared_is_no_link(repository):
    first, *_ = remembered(repository, record("a", ""), record(today(repository), "b", 1))
    found, _ = prepared(repository, first[:8])
    assert found.missing.startswith("its file is neither in the working tree nor in the commit of its entry, and the ")
    assert "chain from the history breaks 1 change back" in found.missing


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 12\n"


@pytest.fixture
def pointing(repository):
    """A release v2 whose model is a Git LFS pointer to the model a, which is not in this clone."""
    whole = (repository / "model.onnx").read_bytes()
    (repository / "model.onnx").write_text(POINTER % ("a" * 64))
    commit(repository, "pointer")
    git(repository, "tag", "v2")
    (repository / "model.onnx").write_bytes(whole)
    commit(repository, "whole")
    return repository


def test_a_pointer_without_its_file_is_chained_from_the_entry_of_that_file(pointing):
    entry, *_ = remembered(pointing, record("a", ""), record("b", ""), record(today(pointing), "a", 1))
    found, file = prepared(pointing, "last-release")
    assert (found.label, found.origin, file) == (
        f"release v2 ({named(pointing, 'v2')}), as entry {entry[:10]} judged it",
        "chain",
        None,
    )
    assert len(found.links) == 1


def test_a_pointer_to_what_nobody_judged_says_how_to_fetch_it(pointing):
    found, _ = prepared(pointing, "last-release")
    assert "is a Git LFS pointer; the file of 12 B that it stands for is not in this clone" in found.missing
    assert found.missing.endswith("and the history holds no accepted entry of it")


@pytest.fixture
def untracked(repository):
    """A release v2 that git keeps no model of."""
    git(repository, "rm", "-q", "--cached", "model.onnx")
    (repository / ".gitignore").write_text("h.db*\nmodel.onnx\n")
    commit(repository, "untracked")
    git(repository, "tag", "v2")
    return repository


@pytest.mark.parametrize("at", ["v2", "v1"], ids=["at the release", "before the release"])
def test_a_release_without_a_file_is_the_model_that_was_judged(untracked, at):
    judged = git(untracked, "rev-parse", at)
    later = commit(untracked, "later")
    entry, *_ = remembered(
        untracked,
        record("a", "", commit=judged),
        record(today(untracked), "a", 1, commit=later),
    )
    found, _ = prepared(untracked, "last-release")
    assert (found.label.partition(", as ")[2], len(found.links)) == (f"entry {entry[:10]} judged it", 1)


def test_a_model_that_is_built_is_the_one_that_was_judged(repository):
    text = (repository / "greengate.yaml").read_text()
    build = "build: {command: [python, make.py], output: model.onnx}"
    (repository / "greengate.yaml").write_text(text.replace("path: model.onnx", build))
    (repository / "make.py").write_text("")
    released = commit(repository, "built")
    git(repository, "tag", "v2")
    assert prepared(repository, "last-release")[0].missing == (
        "it is built, and git does not keep it, and the history holds no accepted entry of it"
    )
    remembered(repository, record(sha256(repository / "model.onnx"), "", commit=released))
    assert prepared(repository, "last-release")[1] == repository / "model.onnx"


@pytest.mark.parametrize(
    ("since", "words"),
    [
        (
            "v9",
            "git knows no commit `v9` in this clone, and the history no such entry; `git branch --all` and `git tag`",
        ),
        ("last-relase", "git knows no commit `last-relase` in this clone, and the history no such entry; did you mean"),
        ("abcdef12", "git knows no commit `abcdef12` in this clone, and the history no such entry"),
    ],
    ids=["a tag that is none", "a word that is misspelt", "an entry that is none"],
)
def test_a_start_that_names_nothing_is_told(repository, since, words):
    found, file = prepared(repository, since)
    assert (file, found.missing[: len(words)]) == (None, words)


def test_without_a_release_it_is_told_what_to_fetch(repository):
    git(repository, "tag", "-d", "v1")
    assert prepared(repository, "last-release")[0].missing == (
        "there is no tag at or before the commit that is checked out; "
        "tags and the whole history have to be fetched (actions/checkout: `fetch-depth: 0`)"
    )


def test_an_entry_of_another_model_is_told(repository):
    other = record("a", "")
    (entry,) = remembered(repository, replace(other, decision=replace(other.decision, model="n")))
    assert prepared(repository, entry[:8])[0].missing == "it is about the model n, not about m"


def test_a_start_that_is_two_things_is_refused(repository):
    (entry,) = remembered(repository, record("a", ""))
    git(repository, "tag", entry[:8])
    with pytest.raises(PolicyError, match="begins both a commit of git and an entry of the history") as told:
        prepared(repository, entry[:8])
    assert (told.value.where.file, told.value.where.line) == ("policy.yaml", 5)


def test_without_a_baseline_there_is_an_arm_and_no_chain(repository):
    text = (repository / "greengate.yaml").read_text()
    (repository / "greengate.yaml").write_text(text.replace("baseline: baseline.onnx, ", ""))
    assert prepared(repository, "v1")[1] is not None
    (entry,) = remembered(repository, record("a", ""))
    assert prepared(repository, entry[:8])[0].missing.endswith("there is no baseline from which a chain would go back")


def test_only_what_is_counted_needs_no_measuring(repository):
    text = DRIFT.replace("energy_per_1k_inferences", "flops_per_inference")
    (repository / "policy.yaml").write_text(text % "v1")
    assert case_of(repository).counted == {arm("v1")}


# With a base, nothing of the change decides what it starts from


def test_a_tag_on_the_change_is_no_release_of_the_base(repository):
    released = named(repository, "v1")
    prepared(repository, "last-release", base="trunk")
    commit(repository, "mine")
    git(repository, "tag", "v2")
    assert case_of(repository, "trunk").earlier[0].label == f"release v1 ({released})"


def test_a_ref_that_the_base_does_not_hold_is_no_start(repository):
    prepared(repository, "v2", base="trunk")
    commit(repository, "mine")
    git(repository, "tag", "v2")
    assert (
        case_of(repository, "trunk").earlier[0].missing
        == "it is no commit of the base branch, and a change must not choose its start"
    )


def test_only_what_was_merged_is_a_link(repository):
    merged = git(repository, "rev-parse", "HEAD")
    first, *_ = remembered(
        repository, record("a", "", commit=merged), record(today(repository), "a", 1, commit="f" * 40)
    )
    assert "breaks at once" in prepared(repository, first[:8], base="trunk")[0].missing
    remembered(repository, record(today(repository), "a", 2, commit=merged))
    assert prepared(repository, first[:8], base="trunk")[0].missing == ""


def test_a_history_that_is_part_of_the_change_proves_nothing(repository):
    (entry,) = remembered(repository, record("a", ""))
    git(repository, "add", "--force", "h.db")
    assert prepared(repository, entry[:8], base="trunk")[0].missing == (
        "the history is part of the change, so that what has passed in it proves nothing"
    )
