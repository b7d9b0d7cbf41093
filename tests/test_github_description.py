"""GitHub's own description catches what is not GitHub: a double that drifts, and requests that GitHub would refuse."""

import json
from contextlib import suppress

import pytest
from github_description import Description, Drift
from github_made import HEAD, description, github

from greengate.errors import ForgeError

REPO = "/repos/acme/app"
FILES = ["github-api.json", "github-enterprise-api.json"]


@pytest.fixture(params=FILES)
def told(request):
    return description(request.param)


def check(annotations):
    output = {"title": "t", "summary": "s", "annotations": [NOTE] * annotations}
    return {"name": "greengate", "head_sha": HEAD, "status": "completed", "conclusion": "failure", "output": output}


NOTE = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}


def asked(told, method, path, body=None):
    return told.asked(method, told.base + path, b"" if body is None else json.dumps(body).encode())


def test_fifty_annotations_are_as_many_as_a_request_may_carry(told):
    asked(told, "POST", f"{REPO}/check-runs", check(50))
    with pytest.raises(Drift, match=r"check-runs \$.output.annotations: .* is too long"):
        asked(told, "POST", f"{REPO}/check-runs", check(51))
    with pytest.raises(Drift, match="is too long"):
        asked(told, "PATCH", f"{REPO}/check-runs/7", check(51))


@pytest.mark.parametrize(
    ("method", "path", "body", "why"),
    [
        ("GET", "/repos/acme/app/nothing", None, "is not described"),
        ("PUT", "/user", None, "is not described"),
        ("GET", f"{REPO}/issues/twelve/comments", None, "'twelve' is not of type 'integer'"),
        ("GET", f"{REPO}/issues/12/comments?sort=asc", None, "has no query parameter `sort`"),
        ("GET", f"{REPO}/issues/12/comments?per_page=many", None, "'many' is not of type 'integer'"),
        ("GET", f"{REPO}/commits/{HEAD}/check-runs?filter=newest", None, "'newest' is not one of"),
        ("GET", "/user", {}, "takes no body"),
        ("POST", f"{REPO}/issues/12/comments", None, "takes JSON"),
        ("POST", f"{REPO}/issues/12/comments", {}, "'body' is a required property"),
        ("POST", f"{REPO}/issues/12/comments", {"body": 1}, "1 is not of type 'string'"),
        ("POST", f"{REPO}/issues/12/comments", {"body": "x", "odd": 1}, "'odd' was unexpected"),
        ("POST", f"{REPO}/check-runs", {**check(1), "conclusion": "passed"}, "'passed' is not one of"),
        ("POST", f"{REPO}/check-runs", {**check(1), "started_at": "today"}, "'today' is not a 'date-time'"),
        ("POST", f"{REPO}/check-runs", {**check(1), "output": {"title": "t"}}, "'summary' is a required"),
        ("POST", f"{REPO}/check-runs", {**check(1), "output": {"title": "t", "summary": "x" * 65536}}, "is too long"),
        ("PATCH", f"{REPO}/check-runs/7", {"status": "completed"}, "is not valid under any of the given schemas"),
    ],
)
def test_a_request_that_github_does_not_know_is_caught(told, method, path, body, why):
    with pytest.raises(Drift) as drift:
        asked(told, method, path, body)
    assert why in str(drift.value)


def without(key):
    return lambda comments: [{name: value for name, value in one.items() if name != key} for one in comments]


def with_(**wrong):
    return lambda comments: [{**one, **wrong} for one in comments]


@pytest.mark.parametrize(
    ("mangle", "why"),
    [
        (without("html_url"), "'html_url' is a required property"),
        (with_(id="1"), "'1' is not of type 'integer'"),
        (with_(created_at="yesterday"), "'yesterday' is not a 'date-time'"),
        (with_(invented=True), "'invented' was unexpected"),
        (with_(author_association="FRIEND"), "'FRIEND' is not one of"),
        (with_(user={"login": "ada"}), "is not valid under any of the given schemas"),
    ],
    ids=["a missing key", "a wrong type", "a wrong form", "a key that there is not", "a wrong word", "half a user"],
)
def test_a_double_that_drifts_is_caught(mangle, why):
    with github() as hub:
        hub.forge().say("x")
        hub.mangles.append(("GET .*/comments", mangle))
        with suppress(ForgeError):  # what the adapter needs, it misses too
            list(hub.forge().comments())
        (drift,) = hub.drifts
        hub.drifts.clear()
    assert why in drift


def test_an_answer_with_a_status_that_is_not_described_is_caught(told):
    operation = asked(told, "GET", "/user")
    with pytest.raises(Drift, match="GET /user does not answer 418"):
        told.answered(operation, 418, "{}")


def test_a_test_that_leaves_a_drift_behind_fails():
    with pytest.raises(AssertionError), github() as made:
        made.drifts.append("something")


def test_what_may_be_null_may_and_nothing_else(told):
    operation = asked(told, "GET", f"{REPO}/pulls/12/reviews")
    review = told.made("pull-request-review", user=None, commit_id=None)
    told.answered(operation, 200, json.dumps([review]))
    with pytest.raises(Drift, match="None is not of type 'string'"):
        told.answered(operation, 200, json.dumps([{**review, "state": None}]))


def test_the_description_says_where_it_is_from():
    info = Description("github-api.json").told["info"]
    assert (info["license"]["name"], "@octokit/openapi 23.0.2" in info["version"]) == ("MIT", True)


def test_a_drifted_answer_does_not_hide_in_the_adapter():
    with github() as hub:
        hub.mangles.append(("GET .*/pulls/12$", lambda pull: {**pull, "head": {}}))
        forge = hub.forge()
        with pytest.raises(ForgeError, match=r"its answer has no `head.sha` that is one"):
            forge.standing()
        hub.drifts.clear()
