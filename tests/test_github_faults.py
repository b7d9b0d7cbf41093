"""Eight faults, at each point where they can hit: at most one comment and one check run, and words that say why."""

from contextlib import closing

import pytest
from forge_made import Fault
from github_made import HEAD, github

from greengate.errors import ForgeError, Unanswered
from greengate.forge import living
from greengate.forges import Mark, Remark
from greengate.verdict import Outcome

ALWAYS = float("inf")
SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
# What each is, what is said of it, and whether asking again can help.
FAULTS = {
    "no answer": ({"kind": "silent"}, "gave no whole answer within 0.3 s", True),
    "500": ({"kind": 500}, "fails (500)", True),
    "502": ({"kind": 502, "body": "<html>"}, "fails (502)", True),
    "a limit with a time": (
        {"kind": 403, "body": SECONDARY, "headers": {"Retry-After": "20"}},
        "was asked too often (403)",
        True,
    ),
    "a limit without": (
        {"kind": 403, "body": SECONDARY},
        "it may be asked again at 2026-11-21 12:07:00 UTC, and waiting so long is not in the budget",
        True,
    ),
    "401": (
        {"kind": 401, "body": {"message": "Bad credentials"}},
        "the token is refused (401): Bad credentials",
        False,
    ),
    "403": (
        {"kind": 403, "body": {"message": "Resource not accessible by integration"}},
        "the token lacks `{}`",
        False,
    ),
    "a reset": ({"kind": "reset"}, "broke its answer off, or does not speak HTTP", True),
}
# Where it hits, the permission that it takes there, and whether it is looked for before it is done again.
POINTS = {
    "signing in": ("GET /user", "a valid token", False),
    "listing": ("GET .*/issues/12/comments", "pull-requests: write", False),
    "creating": ("POST .*/issues/12/comments", "pull-requests: write", True),
    "editing": ("PATCH .*/issues/comments", "pull-requests: write", False),
    "looking for a check run": ("GET .*/check-runs", "checks: write", False),
    "a check run": ("POST .*/check-runs", "checks: write", True),
    "its annotations": ("PATCH .*/check-runs", "checks: write", True),
}
REMARKS = tuple(Remark("m.onnx", at + 1, "failure", "t", f"m{at}") for at in range(70))
MARK = Mark("greengate", HEAD, Outcome.FAILED, "1 failed", "# Ledger", "17.1", remarks=REMARKS)


def flow(hub, body, run, **pace):
    with closing(hub.forge(**pace)) as forge:
        living.tell(forge, body, run, "k")
        forge.show(MARK)


def told(hub):
    return [one["body"].partition("\n")[2] for one in hub.comments.values()]


def notes(hub):
    return [[one["message"] for one in run["annotations"]] for run in hub.runs.values()]


@pytest.fixture
def hub():
    with github() as made:
        yield made


def struck(hub, point, fault, **how):
    """Let it go wrong; return the error, if there was one."""
    if point == "editing":
        flow(hub, "before", "9.1")
    pace = {"timeout_s": 0.3, "tries": 2} if fault == "no answer" else {}
    hub.faults.append(Fault(**FAULTS[fault][0], at=POINTS[point][0], **how))
    try:
        flow(hub, "first", "10.1", **pace)
    except ForgeError as error:
        return error
    finally:
        hub.faults.clear()
    return None


def all_is_told_once(hub):
    """And it is after the fault is over."""
    assert len(hub.comments) <= 1
    assert len(hub.runs) <= 1
    flow(hub, "second", "11.1")
    assert (told(hub), notes(hub)) == (["second"], [[f"m{at}" for at in range(70)]])
    return True


CASES = [(point, fault) for point in POINTS for fault in FAULTS if (point, fault) != ("signing in", "403")]


UNSURE = ("no answer", "500", "502", "a reset")  # whether it was done; what is refused never was
ONCE = [
    (point, fault, done)
    for point, fault in CASES
    for done in (False, True)
    if (not done or fault in UNSURE) and (done or fault != "a reset")
]


@pytest.mark.parametrize(("point", "fault", "done"), ONCE)
def test_once(hub, point, fault, done):
    error = struck(hub, point, fault, times=1, done=done)
    _, words, passes = FAULTS[fault]
    if passes:
        assert error is None
        assert told(hub) == ["first"]
    else:
        assert words.format(POINTS[point][1]) in error.problem
    assert all_is_told_once(hub)


@pytest.mark.parametrize(("point", "fault"), CASES)
def test_again_and_again(hub, point, fault):
    error = struck(hub, point, fault)
    _, words, passes = FAULTS[fault]
    if fault == "a reset" and POINTS[point][2]:  # what was asked for was done, and that was seen
        assert error is None
    else:
        assert words.format(POINTS[point][1]) in error.problem
        limited = "limit" in fault
        assert isinstance(error, Unanswered) is (passes and POINTS[point][2] and not limited)
    assert all_is_told_once(hub)


def test_a_workflows_token_is_nobodys_and_no_fault(hub):
    assert struck(hub, "signing in", "403") is None
    assert told(hub) == ["first"]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_token_is_in_no_words(hub, fault):
    hub.faults.append(Fault(**{**FAULTS[fault][0], "body": {"message": "ghs_workflowtoken000"}}, at="POST"))
    with closing(hub.forge(timeout_s=0.3)) as forge, pytest.raises(ForgeError) as error:
        forge.say("x")
    assert "ghs_" not in str(error.value)
