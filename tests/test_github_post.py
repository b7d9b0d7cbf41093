"""`greengate post` and `greengate approvals` from the command line to GitHub's double, and back in words."""

from dataclasses import replace

import pytest
from change_made import HEAD
from forge_made import Fault
from github_made import PERSONAL, WORKFLOW, github
from jobs_made import pull_request
from projects_made import POLICY, greengate, project
from repositories_made import run_git as git

from greengate import registry
from greengate.forge.github import GitHub
from greengate.forge.github_client import PatientSession
from greengate.history import opened

LATER = "what was concluded stands; tell it again with `greengate post`"
COUNTED = POLICY[: POLICY.index("rules:")] + (
    "rules:\n  - {id: flops, metric: flops_per_inference, max_increase: 5%, enforce: soft}\n"
)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A project whose model failed in a pull request."""
    folder = tmp_path_factory.mktemp("judged")
    with pytest.MonkeyPatch.context() as patch:
        pull_request(patch, folder)
        made = project(folder, candidate=(256,), policy=COUNTED)
        assert greengate(made, "gate", "--budget", "1 s") == 1
    return made


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with github(repository="acme/shop") as made:
        made.pulls[12]["head"] = HEAD
        runs(monkeypatch, tmp_path, made, "17")
        yield made


def runs(monkeypatch, folder, hub, run):
    """Let this process be a job that may write."""
    pull_request(monkeypatch, folder, run=run)
    monkeypatch.setenv("GITHUB_API_URL", hub.api)
    monkeypatch.setenv("GITHUB_TOKEN", WORKFLOW)


def test_a_check_is_told_in_one_comment_and_a_check_run(judged, hub, capsys):
    assert greengate(judged, "post") == 0
    (run,) = hub.runs
    assert capsys.readouterr().out == (
        "the comment was written\n"
        f"the check greengate stands beside {HEAD[:10]}: https://github.example/acme/shop/runs/{run}\n"
    )
    assert len(hub.comments) == len(hub.runs) == 1


def again(judged, folder, run):
    """Write down what another run concluded, and return the history."""
    with opened(judged / ".greengate" / "history.db") as history:
        decision = history.find("last").decision
    with opened(folder / "history.db") as history:
        history.append(replace(decision, change=decision.change.model_copy(update={"run": f"{run}.1"})))
    return folder / "history.db"


def test_twenty_runs_later_there_is_one_comment_still(judged, hub, monkeypatch, tmp_path):
    for run in range(18, 38):
        runs(monkeypatch, tmp_path, hub, str(run))
        path = str(again(judged, tmp_path, str(run)))
        assert greengate(judged, "post", "--history", path) == 0
    (comment,) = hub.comments.values()
    assert comment["body"].startswith("<!-- greengate key=greengate.yaml run=37.1 sha256=")
    assert [run["external_id"].partition(":")[0] for run in hub.runs.values()] == [f"{run}.1" for run in range(18, 38)]


def test_a_forge_that_is_down_is_told_later(judged, hub, capsys, monkeypatch):
    made = lambda _, access, change: GitHub(access, change, PatientSession(hub.clock.pace()))  # noqa: E731 - short
    monkeypatch.setattr(registry, "forge", made)
    hub.faults.append(Fault(503))
    assert greengate(judged, "post") == 4
    assert capsys.readouterr().err == f"error: github: {hub.address} fails (503)\n  hint: {LATER}\n"
    hub.faults.clear()
    assert greengate(judged, "post") == 0
    assert len(hub.comments) == len(hub.runs) == 1


def test_each_permission_that_is_missing_is_named_and_the_rest_is_done(judged, hub, capsys):
    del hub.who[WORKFLOW].permissions["checks"]
    assert greengate(judged, "post") == 4
    said = capsys.readouterr()
    assert said.out == "the comment was written\n"
    assert said.err.startswith(
        "error: github: the token lacks `checks: write`\n"
        "  hint: add `checks: write` to the `permissions:` of the workflow's job; "
    )


def test_a_personal_token_writes_the_comment_alone(judged, hub, monkeypatch, capsys):
    monkeypatch.setenv("GREENGATE_GITHUB_TOKEN", PERSONAL)
    assert greengate(judged, "post", "--no-check") == 0
    assert [one["by"] for one in hub.comments.values()] == ["olga"]
    assert greengate(judged, "post", "--no-comment") == 4
    assert "check runs are written by a GitHub App or the workflow's own token alone" in capsys.readouterr().err


def test_the_token_is_in_nothing_that_is_said(judged, hub, capsys):
    for kind in (401, 403, 404, 422, "reset"):
        hub.faults[:] = [Fault(kind, body={"message": f"no {WORKFLOW}"}, times=1)]
        greengate(judged, "post")
    said = capsys.readouterr()
    assert WORKFLOW not in said.out + said.err


def test_a_check_outside_ci_is_told_by_the_change_that_it_was_given(tmp_path, hub, monkeypatch, capsys):
    made = project(tmp_path, candidate=(256,), policy=COUNTED)
    for words in (("init", "-b", "main"), ("add", "."), ("commit", "-m", "first")):
        git(made, *words)
    for name in ("GITHUB_ACTIONS", "GITHUB_EVENT_NAME", "GITHUB_REF", "GITHUB_RUN_ID", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("GREENGATE_CHANGE", "acme/shop#12")
    assert greengate(made, "gate", "--budget", "1 s") == 1
    assert greengate(made, "post") == 0
    assert "the comment was written\n" in capsys.readouterr().out
