"""Whole runs of the action with greengate itself, on real repositories, beside a GitHub on this machine's loopback."""

import hashlib
import json
import re

import pytest
from expressions import ROOT
from forge_made import Fault
from projects_made import PROJECT
from repositories_made import run_git
from worlds import QUICK, TOKEN, World

BOT = "github-actions[bot]"


def comments(hub):
    return [(told["by"], told["body"]) for told in hub.comments.values()]


def told(ledger):
    """The ledger's first line and its findings, without the hidden marker of a comment."""
    return [line for line in ledger.splitlines() if line.startswith(("**", "| "))]


def outputs(runner):
    return next(step.outputs for step in reversed(runner.steps) if "verdict" in step.outputs)


def artifact(runner, name="greengate"):
    return sorted(file.name for file in (runner.store / name).iterdir())


EVERYTHING = ["entries.jsonl", "greengate.sarif", "junit.xml", "ledger.md", "report.json"]


def test_a_change_that_fails_is_told_in_every_place(world, judged, hub):
    head = world.change()
    runner, ended = judged(world.opened(head))
    assert (ended.code, outputs(runner)["verdict"], outputs(runner)["exit-code"]) == (1, "failed", "1")
    (level, words), *_ = runner.annotations
    assert (level, words.startswith("m failed: ")) == ("error", True)
    assert [told.properties["file"] for told in runner.commands if told.name == "error"] == ["policy.yaml"]
    assert (artifact(runner), "p/flops" in runner.summary) == (EVERYTHING, True)
    ((by, body),) = comments(hub)
    assert (by, told(body)) == (BOT, told(runner.summary))
    assert [(one["head_sha"], one["conclusion"]) for one in hub.runs.values()] == [(head, "failure")]


def test_the_entry_that_is_told_is_the_one_that_was_written(world, judged):
    runner, _ = judged(world.opened(world.change()))
    *_, line = (runner.store / "greengate" / "entries.jsonl").read_text().splitlines()
    assert json.loads(line)["entry"] == outputs(runner)["entry"]
    assert outputs(runner)["entry"][:12] in runner.summary


def test_a_second_push_changes_the_same_comment(world, judged, hub):
    head = world.change()
    judged(world.opened(head))
    again = world.again("wider", head, (64,))
    runner, ended = judged(world.opened(again), name="second", environment={"GITHUB_RUN_ID": "17234567999"})
    ((_, body),) = comments(hub)
    assert (ended.result, told(body)) == ("success", told(runner.summary))
    assert [one["conclusion"] for one in hub.runs.values() if one["head_sha"] == again] == ["success"]


def test_a_fork_is_judged_by_a_job_that_may_not_write(world, judged, hub):
    runner, ended = judged(world.opened(world.change(), source="mallory/app"))
    assert (ended.code, comments(hub), hub.runs, hub.log) == (1, [], {}, [])
    assert (runner.annotations[0][0], artifact(runner), "p/flops" in runner.summary) == ("error", EVERYTHING, True)
    assert "warning" not in [level for level, _ in runner.annotations]


def test_a_merge_queue_judges_and_writes_no_comment(world, judged, hub):
    runner, ended = judged(world.queued(world.change()))
    assert (ended.code, comments(hub), hub.runs) == (1, [], {})
    assert (artifact(runner), "p/flops" in runner.summary) == (EVERYTHING, True)


def test_a_change_cannot_weaken_the_policy_that_judges_it(world, judged):
    head = world.change(policy_yaml=QUICK.replace("5%", "900%"))
    runner, ended = judged(world.opened(head))
    assert (ended.code, outputs(runner)["verdict"]) == (1, "failed")
    told = json.loads((runner.store / "greengate" / "report.json").read_text())
    assert "passed instead of failed" in str(told)


def test_a_model_that_is_missing_is_said_everywhere(world, judged, hub):
    head = world.change(greengate_yaml=PROJECT.replace("path: candidate.onnx", "path: gone.onnx"))
    runner, ended = judged(world.opened(head))
    assert (ended.code, outputs(runner)["verdict"]) == (4, "errored")
    places = [runner.summary, runner.annotations[0][1], comments(hub)[0][1]]
    assert ["gone.onnx" in place for place in places] == [True] * 3


def test_a_policy_that_is_wrong_on_the_base_is_said_where_nothing_can_be_judged(tmp_path, judged, hub):
    world = World(tmp_path, policy=QUICK.replace("max_increase", "max_incease"))
    runner, ended = judged(world.opened(world.change()))
    ((_, body),) = comments(hub)
    assert (ended.code, "greengate errored" in body, "unknown key" in body) == (2, True, True)
    words = runner.annotations[-1][1]
    assert words.startswith("policy.yaml:6:")
    assert "did you mean `max_increase`?" in words
    assert words in runner.summary.replace("&lt;", "<")


def test_a_change_that_can_no_longer_be_judged_does_not_keep_its_old_verdict(world, judged, hub):
    judged(world.opened(world.change(widths=(64,))))
    broken = world.opened(world.change(greengate_yaml="kind: Nonsense"))
    _, ended = judged(broken, name="second", environment={"GITHUB_RUN_ID": "17234567999"})
    ((_, body),) = comments(hub)
    assert (ended.code, "greengate errored" in body) == (2, True)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            Fault(403, body={"message": "Resource not accessible by integration"}),
            "the token lacks `pull-requests: write`",
        ),
        (Fault(401, body={"message": "Bad credentials"}), "token"),
    ],
    ids=["not permitted", "unknown token"],
)
def test_a_forge_that_refuses_changes_no_verdict(world, judged, hub, fault, said):
    hub.faults.append(fault)
    runner, ended = judged(world.opened(world.change(widths=(64,))))
    assert (ended.result, outputs(runner)["verdict"], comments(hub)) == ("success", "passed", [])
    assert [level for level, _ in runner.annotations] == ["warning", "warning"]
    assert said in runner.annotations[-1][1]


EVIL = "$(touch evil)`touch evil`';touch evil;'<img src=x>@octocat #1 ::error::x ##[error]y {0}"


def test_hostile_names_are_shown_and_never_obeyed(tmp_path, judged, hub):
    policy = QUICK.replace("enforce: soft}", f"enforce: soft, message: {json.dumps(EVIL)}}}")
    world = World(tmp_path, policy=policy)
    event = world.opened(world.change(), branch=EVIL, title=EVIL.format("${{ github.token }}"))
    runner, ended = judged(event)
    assert (ended.code, list(runner.scripts.rglob("evil")), TOKEN in runner.log) == (1, [], False)
    assert [one.data for one in runner.commands if one.data.startswith(("x", "y"))] == []
    ((_, body),) = comments(hub)
    assert ("touch evil" in body, re.findall(r"<img|(?<!\w)@octocat", body)) == (True, [])


@pytest.fixture
def large(world):
    """The event of a change whose model is kept in Git LFS, and that model's digest."""
    content = world.file("baseline.onnx").read_bytes()
    oid = hashlib.sha256(content).hexdigest()
    (world.origin / "lfs").mkdir()
    (world.origin / "lfs" / oid).write_bytes(content)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
    return world.opened(world.change(candidate_onnx=pointer))


def test_a_model_that_was_left_in_git_lfs_is_said_with_what_helps(large, machine):
    runner = machine(large).checked_out()
    ended = runner.action(ROOT, token="")
    assert (ended.code, ended.outputs["verdict"]) == (4, "errored")
    assert "(actions/checkout: `lfs: true`)" in runner.annotations[0][1]


def test_a_model_in_git_lfs_is_judged_where_it_was_checked_out(large, judged):
    assert judged(large)[1].result == "success"


def test_a_project_in_a_subfolder_is_judged_where_it_is(tmp_path, machine, hub):
    world = World(tmp_path, below="models/nlp")
    runner = machine(world.opened(world.change()), GITHUB_API_URL=hub.api).checked_out()
    hub.pulls[12]["head"] = runner.event.payload["pull_request"]["head"]["sha"]
    ended = runner.action(ROOT, project="models/nlp/greengate.yaml")
    assert (ended.code, ended.outputs["verdict"]) == (1, "failed")
    assert [told.properties["file"] for told in runner.commands if told.name == "error"] == ["models/nlp/policy.yaml"]
    assert (len(hub.comments), [one["name"] for one in hub.runs.values()]) == (
        1,
        ["greengate (models/nlp/greengate.yaml)"],
    )
    assert run_git(runner.workspace, "status", "--porcelain", "--ignored") == ""


# A matrix


@pytest.fixture
def legs(world, judged):
    """Judge a change on some legs of the matrix, and join them as the workflow does."""

    def run(*names, widths=(64,)):
        event = world.opened(world.change(widths=widths))
        results = {}
        for name in names:
            _, ended = judged(event, workflow="matrix.yml", job="leg", name=name, matrix={"leg": name, "extras": ""})
            results[name] = ended.result
        lost = len(names) < 2 or "failure" in results.values()
        needs = {"leg": {"result": "failure" if lost else "success"}}
        return judged(event, workflow="matrix.yml", name="join", needs=needs)

    return run


@pytest.mark.parametrize(("widths", "code", "verdict"), [((64,), 0, "passed"), ((256,), 1, "failed")])
def test_legs_have_one_verdict_and_one_comment(legs, hub, widths, code, verdict):
    runner, ended = legs("cpu", "gpu", widths=widths)
    assert (ended.code, outputs(runner)["verdict"]) == (code, verdict)
    assert (len(hub.comments), len(hub.runs), artifact(runner)) == (1, 1, EVERYTHING)


def test_a_leg_that_is_missing_is_never_a_pass(legs, hub):
    runner, ended = legs("cpu")
    assert (ended.code, outputs(runner)["verdict"]) == (4, "errored")
    places = [runner.summary, runner.annotations[0][1], comments(hub)[0][1]]
    assert ["gpu" in place for place in places] == [True] * 3
