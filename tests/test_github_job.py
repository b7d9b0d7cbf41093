"""What a GitHub job knows of its pull request."""

import json
from pathlib import Path

import pytest

from greengate.changes import NO_CHANGE, Change
from greengate.errors import UsageError
from greengate.forge.job import about
from greengate.settings import ci_environment, from_environment

HEAD = "c0ffee" + "0" * 34
RUN = {"forge": "github", "run": "1723.2", "page": "https://github.com/acme/shop/actions/runs/1723"}


def pull(source="acme/shop"):
    repository = {"full_name": source} if source else None
    return {"pull_request": {"number": 12, "head": {"sha": HEAD, "repo": repository}}}


def queue(ref):
    return {"merge_group": {"head_ref": ref, "head_sha": HEAD}}


def told(folder, name, event):
    """Write the event down as GitHub does, and say what is made of it."""
    (folder / "event.json").write_text(json.dumps(event))
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(folder / "event.json")}
    variables |= {"GITHUB_REPOSITORY": "acme/shop", "GITHUB_RUN_ID": "1723", "GITHUB_RUN_ATTEMPT": "2"}
    return about(ci_environment({**variables, "GITHUB_SERVER_URL": "https://github.com", "GITHUB_TOKEN": "secret"}))


@pytest.mark.parametrize(
    ("name", "event", "change"),
    [
        ("pull_request", pull(), Change(**RUN, id="acme/shop#12", head=HEAD)),
        ("pull_request_review", pull(), Change(**RUN, id="acme/shop#12", head=HEAD)),
        ("pull_request", pull("otto/shop"), Change(**RUN, id="acme/shop#12", head=HEAD, fork=True)),
        ("pull_request", pull(None), Change(**RUN, id="acme/shop#12", head=HEAD, fork=True)),
        (
            "merge_group",
            queue(f"refs/heads/gh-readonly-queue/release/2.0/pr-12-{HEAD}"),
            Change(**RUN, id="acme/shop#12", queued=True),
        ),
        ("merge_group", queue("refs/heads/pr-12"), Change(**RUN)),
        ("push", {"after": HEAD}, Change(**RUN)),
        ("schedule", [], Change(**RUN)),
    ],
    ids=["pull request", "review", "fork", "fork that is gone", "queue", "queue of another form", "push", "no object"],
)
def test_the_change_is_known_by_the_event(tmp_path, name, event, change):
    assert told(tmp_path, name, event) == change


def test_outside_ci_nothing_is_known():
    assert about(ci_environment({"GITHUB_REPOSITORY": "acme/shop"})) == NO_CHANGE


@pytest.mark.parametrize("text", ["", "{", None], ids=["empty", "cut off", "not there"])
def test_an_event_that_cannot_be_read_is_told(tmp_path, text):
    event = tmp_path / "event.json"
    if text is not None:
        event.write_text(text)
    with pytest.raises(UsageError, match="what GitHub tells of the event cannot be read"):
        about({"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(event)})


def test_no_secret_is_among_what_ci_says():
    given = {"GITHUB_TOKEN": "s", "CI_JOB_TOKEN": "s", "GREENGATE_GITLAB_TOKEN": "s", "GITLAB_CI": "true"}
    assert ci_environment(given) == {"GITLAB_CI": "true"}


@pytest.mark.parametrize(
    ("ref", "change"),
    [
        ("refs/pull/12/merge", "acme/shop#12"),
        (f"refs/heads/gh-readonly-queue/main/pr-12-{HEAD}", "acme/shop#12"),
        ("refs/heads/main", ""),
    ],
    ids=Path,
)
def test_a_share_of_budgets_is_that_of_the_same_change_in_a_queue(ref, change):
    assert from_environment({"GITHUB_REF": ref, "GITHUB_REPOSITORY": "acme/shop"})["change"] == change
