"""A pull request from a fork: its gate, and the workflow after it that tells the pull request what is true of it."""

import pytest
from github_runs_made import RUN, github_with_runs
from repositories_made import run_git

FORK = "ada/app"


@pytest.fixture
def hub():
    with github_with_runs() as made:
        yield made


@pytest.fixture
def forked(world, judged, hub):
    """Judge a fork's change in its own run; the runner, and how the job ended."""

    def run(**change):
        head = world.change(**change)
        hub.workflow["head"] = head
        names = run_git(world.clone, "ls-tree", "--name-only", head).splitlines()
        hub.files = {(name, head): world.read(head, name) for name in names}
        hub.edited = run_git(world.clone, "diff", "--name-only", world.main, head).splitlines()
        event = world.opened(head, source=FORK)
        return judged(event, environment={"GITHUB_RUN_ID": RUN, "GITHUB_RUN_ATTEMPT": "2"})

    return run


@pytest.fixture
def reported(world, judged, hub):
    """Run the workflow that tells what the fork's run left; the runner, and how the job ended."""

    def run(runner, **edited):
        left = {file.name: file.read_text() for file in (runner.store / "greengate").iterdir()}
        hub.leave(left | {name.replace("_", "."): change(left) for name, change in edited.items()})
        event = world.completed(int(RUN), hub.workflow["head"], FORK)
        hub.pulls[12]["fork"] = True
        return judged(event, workflow="fork-report.yml", job="report", name="report")

    return run


def comment(hub):
    (told,) = hub.comments.values()
    return told["by"], told["body"]


@pytest.mark.parametrize(
    ("widths", "word", "conclusion"), [((256,), "failed", "failure"), ((64,), "passed", "success")]
)
def test_a_fork_is_told_what_its_gate_concluded(forked, reported, hub, widths, word, conclusion):
    runner, _ = forked(widths=widths)
    assert (hub.comments, hub.runs) == ({}, {})
    report, ended = reported(runner)
    assert (ended.result, report.annotations, f"greengate {word}" in report.summary) == ("success", [], True)
    assert (comment(hub)[0], f"greengate {word}" in comment(hub)[1]) == ("github-actions[bot]", True)
    assert [(one["head_sha"], one["conclusion"]) for one in hub.runs.values()] == [(hub.workflow["head"], conclusion)]


def test_a_verdict_that_the_fork_made_up_is_not_believed(forked, reported, hub):
    runner, _ = forked()
    report, _ = reported(runner, entries_jsonl=lambda left: left["entries.jsonl"].replace("failed", "passed"))
    assert "greengate passed" not in comment(hub)[1] + report.summary
    assert [one["conclusion"] == "success" for one in hub.runs.values()] == [False]


def test_a_run_of_this_repository_is_not_reported_twice(world, judged, hub):
    event = world.completed(int(RUN), world.change(), "acme/app")
    assert judged(event, workflow="fork-report.yml", job="report")[1].result == "skipped"


def test_nothing_of_the_change_is_checked_out(forked, reported, world):
    runner, _ = forked()
    report, _ = reported(runner)
    assert run_git(report.workspace, "rev-parse", "HEAD") == world.main


def test_a_report_that_cannot_be_told_is_a_failure(forked, reported, hub):
    runner, _ = forked()
    hub.workflow["status"] = "in_progress"
    report, ended = reported(runner)
    assert (ended.code, report.annotations[0][0], hub.comments) == (2, "error", {})
