"""The workflow of single steps that `greengate ci github` writes, really run on pull requests and in the queue."""

import pytest
from forge_made import Fault
from github_made import WORKFLOW

from greengate import __version__
from greengate.packs.first_workflow import GITHUB, github


@pytest.fixture
def first(tmp_path, judged):
    github(tmp_path, "greengate.yaml", __version__)

    def run(event, **more):
        return judged(event, workflow=tmp_path / GITHUB, **more)

    return run


def bodies(hub):
    return [told["body"] for told in hub.comments.values()]


def test_a_change_that_fails_fails_the_job_and_is_told(world, first, hub):
    runner, ended = first(world.opened(world.change()))
    (body,) = bodies(hub)
    assert (ended.code, "greengate failed" in body, "greengate failed" in runner.summary) == (1, True, True)
    assert [one["conclusion"] for one in hub.runs.values()] == ["failure"]
    assert [one["pip"] for one in runner.asked("pip")] == [[f"greengate-ci=={__version__}"]]


def test_what_runs_models_has_no_token(world, first):
    runner, _ = first(world.opened(world.change(widths=(64,))))
    seen = {one["greengate"][0]: WORKFLOW in one["environment"].values() for one in runner.asked()}
    assert seen == {"approvals": True, "gate": False, "post": True}


def test_a_change_that_can_no_longer_be_judged_does_not_keep_its_old_verdict(world, first, hub):
    first(world.opened(world.change(widths=(64,))))
    broken = world.opened(world.change(greengate_yaml="kind: Nonsense"))
    _, ended = first(broken, name="second", environment={"GITHUB_RUN_ID": "17234567999"})
    (body,) = bodies(hub)
    assert (ended.code, "greengate errored" in body) == (2, True)


def test_another_attempt_takes_the_place_of_what_the_first_one_left(world, first):
    event = world.opened(world.change(widths=(64,)))
    assert [first(event, name=name)[1].result for name in ("first", "again")] == ["success", "success"]


def test_a_fork_is_judged_and_nobody_is_asked_or_told(world, first, hub):
    runner, ended = first(world.opened(world.change(), source="mallory/app"))
    assert (ended.code, [one["greengate"][0] for one in runner.asked()], hub.log) == (1, ["gate"], [])


def test_a_queue_is_judged_by_what_it_builds_on(world, first, hub):
    runner, ended = first(world.queued(world.change()))
    assert (ended.code, [one["greengate"][0] for one in runner.asked()], bodies(hub)) == (1, ["gate"], [])


def test_a_forge_that_refuses_changes_no_result(world, first, hub):
    hub.faults.append(Fault(403, body={"message": "Resource not accessible by integration"}))
    runner, ended = first(world.opened(world.change(widths=(64,))))
    assert (ended.result, bodies(hub), "the token lacks" in runner.log) == ("success", [], True)
