"""A pull request on GitHub: as whom it is asked, what is read of it, and what is written there."""

import logging
import time
from contextlib import closing

import pytest
from forge_made import Fault, Reply
from github_made import APP, EVERYTHING, HEAD, PERSONAL, WORKFLOW, Who, app_key, github

from greengate import registry
from greengate.errors import ForgeError, UsageError
from greengate.forge import github_checks, living
from greengate.forge.github import GitHub
from greengate.forges import Mark, Remark, Reviewed, Standing
from greengate.settings import ForgeAccess
from greengate.verdict import Outcome

OLD = "0" * 40


@pytest.fixture
def hub():
    with github() as made:
        yield made


@pytest.fixture
def forge(hub):
    with closing(hub.forge()) as made:
        yield made


# As whom


def test_the_workflows_token_is_the_workflows_bot(hub, forge):
    hub.comments = {1: {"by": "github-actions[bot]", "body": "ours"}, 2: {"by": "ada", "body": "hers"}}
    assert [one.body for one in forge.comments()] == ["ours"]


def test_a_personal_token_is_its_user_however_that_is_written(hub):
    hub.comments = {1: {"by": "Olga", "body": "ours"}, 2: {"by": "github-actions[bot]", "body": "another's"}}
    assert [one.body for one in hub.forge(PERSONAL).comments()] == ["ours"]


def test_an_app_signs_in_asks_for_little_and_is_its_bot(hub):
    hub.comments = {1: {"by": "carbon-gate[bot]", "body": "ours"}}
    assert [one.body for one in hub.as_app().comments()] == ["ours"]
    asked_for = {"metadata": "read", "pull_requests": "write", "checks": "write", "members": "read"}
    assert hub.who[APP].permissions == asked_for
    token = "POST /app/installations/5/access_tokens"
    assert hub.log == ["GET /app", "GET /repos/acme/app/installation", token, "GET /repos/acme/app/issues/12/comments"]


def test_an_app_asks_for_no_more_than_it_was_granted(hub):
    hub.granted = {"metadata": "read", "pull_requests": "read", "issues": "write"}
    list(hub.as_app().comments())
    assert hub.who[APP].permissions == {"metadata": "read", "pull_requests": "read"}


def test_a_key_that_came_through_one_line_is_read(hub):
    key = app_key()[0].replace("\n", "\\n")
    access = ForgeAccess(app_id="77", app_key=key, address=hub.api)
    assert list(GitHub(access, "acme/app#12").comments()) == []


def test_an_app_that_is_not_installed_says_so(hub):
    hub.installed = False
    with pytest.raises(ForgeError) as error:
        hub.as_app().standing()
    assert error.value.problem == "the App is not installed on `acme/app`"


def test_an_app_that_is_another_is_told_what_to_look_at(hub):
    access = ForgeAccess(app_id="78", app_key=app_key()[0], address=hub.api)
    with pytest.raises(ForgeError) as error:
        GitHub(access, "acme/app#12").standing()
    assert str(error.value) == (
        "github: the App is refused: 'Expiration time' claim ('exp') is too far in the future\n"
        "  hint: look whether GREENGATE_GITHUB_APP_ID and GREENGATE_GITHUB_APP_KEY are of one App,"
        " and whether this machine's clock is right"
    )


@pytest.mark.parametrize(
    ("access", "change", "why"),
    [
        (ForgeAccess(app_id="77", app_key="no key"), "a/b#1", "GREENGATE_GITHUB_APP_KEY: it is no private key"),
        (ForgeAccess(app_id="77"), "a/b#1", "GREENGATE_GITHUB_APP_ID is set and GREENGATE_GITHUB_APP_KEY is not"),
        (ForgeAccess(app_key="x"), "a/b#1", "GREENGATE_GITHUB_APP_KEY is set and GREENGATE_GITHUB_APP_ID is not"),
        (ForgeAccess("ghs x\n"), "a/b#1", "its token or App id has characters that none has"),
        (ForgeAccess("t"), "a/b!1", "`a/b!1` is no pull request\n  hint: write it like `owner/repo#12`"),
        (ForgeAccess("t"), "a/..#1", "`a/..#1` is no pull request"),
        (ForgeAccess("t"), "a/b#0", "`a/b#0` is no pull request"),
        (ForgeAccess("t"), "a/b?x=#1", "`a/b?x=#1` is no pull request"),
        (ForgeAccess("t"), "", "`` is no pull request"),
    ],
)
def test_what_cannot_be_used_is_refused(access, change, why):
    with pytest.raises(UsageError) as error:
        GitHub(access, change).standing()
    assert why in str(error.value)


def test_without_a_token_nothing_is_asked():
    with pytest.raises(ForgeError) as error:
        registry.forge("github", ForgeAccess(), "acme/app#12")
    assert error.value.problem == "there is no token to ask with"
    assert "env: {GITHUB_TOKEN: ${{ github.token }}}" in error.value.hint


def test_an_app_made_elsewhere_learns_its_name_by_its_first_comment(hub):
    hub.who[WORKFLOW].login = "carbon-gate[bot]"
    for push in range(1, 4):
        living.tell(hub.forge(), f"push {push}", f"{push}.1", "")
    assert [told["body"].partition("\n")[2] for told in hub.comments.values()] == ["push 3"]


# Reading


@pytest.mark.parametrize(
    ("pull", "standing"),
    [
        ({}, Standing(HEAD, frozenset({"ada"}), open=True, fork=False)),
        ({"fork": True}, Standing(HEAD, frozenset({"ada"}), open=True, fork=True)),
        ({"merged_at": "2026-11-22T12:00:00Z", "head": OLD}, Standing(OLD, frozenset({"ada"}), open=False, fork=False)),
    ],
    ids=["open", "from a fork", "merged"],
)
def test_how_it_stands(hub, forge, pull, standing):
    hub.pulls[12].update(pull)
    assert forge.standing() == standing


def test_a_fork_and_a_user_that_are_gone(hub, forge):
    gone = {"user": None, "head": {"sha": HEAD, "repo": None}}
    hub.mangles.append(("GET .*/pulls/12$", lambda pull: {**pull, **gone}))
    hub.pulls[12]["commits"] = [(None, "web-flow")]
    assert forge.standing() == Standing(HEAD, frozenset({"ghost"}), open=True, fork=True)
    hub.drifts.clear()  # which GitHub does, and does not describe


def test_a_pull_request_that_is_not_there(hub):
    with pytest.raises(ForgeError) as error:
        hub.forge(change="acme/app#13").standing()
    assert str(error.value) == (
        "github: `/repos/acme/app/pulls/13` is not there, or the token may not see it (404)\n"
        "  hint: look at its name, and whether the token has `pull-requests: read`"
    )


def test_comments_are_gone_through_over_all_pages(hub, forge):
    hub.comments = {id_: {"by": "github-actions[bot]", "body": str(id_)} for id_ in range(1, 251)}
    assert [one.id for one in forge.comments()] == list(range(1, 251))
    assert hub.log.count("GET /repos/acme/app/issues/12/comments") == 3


def test_comments_of_users_who_are_deleted_are_nobodys(hub, forge):
    hub.comments = {1: {"by": None, "body": "x"}, 2: {"by": "github-actions[bot]", "body": "ours"}}
    assert [one.id for one in forge.comments()] == [2]


def reviewed(*told):
    """Reviews: who, what, of which commit; a minute passes between two."""
    return {12: [(7 + at, by, state, f"2026-11-21T12:{at:02}:00Z", of) for at, (by, state, of) in enumerate(told)]}


YES, NO, OFF, WORD = "APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED"


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        ([("olga", YES, HEAD)], ["olga"]),
        ([("olga", YES, OLD)], []),
        ([("olga", YES, OLD), ("olga", YES, HEAD)], ["olga"]),
        ([("olga", YES, HEAD), ("olga", NO, HEAD)], []),
        ([("olga", NO, HEAD), ("olga", YES, HEAD)], ["olga"]),
        ([("olga", YES, HEAD), ("Olga", NO, OLD)], []),
        ([("olga", YES, HEAD), ("olga", WORD, HEAD)], ["olga"]),
        ([("olga", YES, HEAD), ("olga", "PENDING", HEAD)], ["olga"]),
        ([("olga", YES, HEAD), ("olga", OFF, HEAD)], []),
        ([("olga", OFF, HEAD)], []),
        ([("olga", YES, HEAD), ("ben", NO, HEAD)], ["olga"]),
        ([("olga", YES, HEAD), ("ben", YES, HEAD)], ["olga", "ben"]),
        ([(None, YES, HEAD), ("ben", YES, None)], []),
        ([], []),
    ],
    ids=[
        "approved", "an older commit", "both", "revoked", "then approved", "revoked, for an older one",
        "then a comment", "then something pending", "dismissed after", "dismissed",
        "another refuses", "two", "nobody, nothing", "none",
    ],
)  # fmt: skip
def test_the_newest_word_of_each_reviewer_on_the_newest_commit_counts(hub, forge, told, counts):
    hub.reviews = reviewed(*told)
    assert [review.by for review in forge.reviews()] == counts


def test_a_review_says_when_and_of_what(hub, forge):
    hub.reviews = reviewed(("olga", YES, HEAD))
    (review,) = forge.reviews()
    assert (review.id, review.at, review.commit) == ("7", "2026-11-21T12:00:00Z", HEAD)


@pytest.mark.parametrize(
    ("at", "why"),
    [("yesterday", "a time that is none"), ("2026-11-21T12:00:00", "a time without a zone")],
)
def test_a_review_without_a_time_that_can_be_read_counts_for_nothing(hub, forge, at, why):
    hub.reviews[12] = [(7, "olga", YES, at, HEAD)]
    with pytest.raises(ForgeError, match=why):
        forge.reviews()
    hub.drifts.clear()


def test_reviews_are_read_over_all_pages(hub, forge):
    hub.served = 10
    hub.reviews = reviewed(*[("ben", WORD, HEAD)] * 25, ("olga", YES, HEAD))
    assert [review.by for review in forge.reviews()] == ["olga"]


def test_a_commit_was_brought_by_the_changes_that_were_merged(hub, forge):
    hub.pulls[12]["merged_at"] = "2026-11-21T12:01:00Z"
    hub.pulls[13] = {"head": OLD, "author": "ben", "merged_at": None, "fork": False}
    hub.brought["b" * 40] = [12, 13]
    hub.reviews = reviewed(("olga", YES, HEAD), ("ben", YES, HEAD), ("olga", NO, HEAD), ("carl", YES, HEAD))
    (found,) = forge.reviewed("b" * 40)
    approving = [review.by for review in found.reviews]
    assert (found.id, found.authors, approving) == ("acme/app#12", {"ada"}, ["olga", "ben"])


def test_an_approval_of_what_was_not_merged_does_not_count(hub, forge):
    hub.pulls[12]["merged_at"] = "2026-11-21T12:01:00Z"
    hub.brought["b" * 40] = [12]
    hub.reviews = reviewed(("olga", YES, OLD))
    assert forge.reviewed("b" * 40) == [Reviewed("acme/app#12", frozenset({"ada"}), ())]


@pytest.mark.parametrize(
    ("commits", "authors"),
    [
        ([("olga", "ben"), ("ada", "ada")], {"ada", "olga", "ben"}),
        ([("olga", "web-flow"), ("Olga", "Web-Flow")], {"ada", "olga", "Olga"}),
        ([(None, None), ("olga", None)], {"ada", "olga"}),
        ([("ada", "ada")] * 120 + [("olga", "olga")] + [("ada", "ada")] * 128, {"ada", "olga"}),
    ],
    ids=["author and committer", "GitHub itself", "an address of nobody", "all pages"],
)
def test_who_wrote_or_committed_a_commit_is_an_author_too(hub, forge, commits, authors):
    hub.pulls[12].update(commits=commits, merged_at="2026-11-21T12:01:00Z")
    hub.brought["b" * 40] = [12]
    assert (forge.standing().authors, forge.standing().untold) == (authors, "")
    assert [found.authors for found in forge.reviewed("b" * 40)] == [authors]


@pytest.mark.parametrize(
    ("count", "head", "why"),
    [
        (250, HEAD, "it has 250 commits or more, and GitHub lists 250 at most"),
        (251, HEAD, "it has 250 commits or more, and GitHub lists 250 at most"),
        (1, OLD, "its commits, as GitHub lists them, do not end with aaaaaaaaaa"),
    ],
    ids=["all that are listed", "more", "moved meanwhile"],
)
def test_where_not_all_authors_are_known_that_is_said(hub, forge, count, head, why):
    hub.pulls[12].update(commits=[("ada", "ada")] * count, merged_at="2026-11-21T12:01:00Z")
    hub.brought["b" * 40] = [12]
    hub.mangles.append(("/commits[?]", lambda told: [*told[:-1], {**told[-1], "sha": head}]))
    assert forge.standing().untold == why
    with pytest.raises(ForgeError) as error:
        forge.reviewed("b" * 40)
    assert error.value.problem == f"who wrote acme/app#12 is not known: {why}; none of its reviews counts"


def test_a_commit_that_was_pushed_was_brought_by_nothing(forge):
    assert forge.reviewed("c" * 40) == []


@pytest.mark.parametrize(
    ("owner", "who", "stands"),
    [
        ("@olga", "olga", True), ("@Olga", "oLGA", True), ("@olga", "ben", False), ("olga", "olga", False),
        ("@acme/green", "olga", True), ("@acme/Green", "olga", True), ("@acme/green", "ben", False),
        ("@acme/green", "carl", False), ("olga@acme.example", "olga", False),
        ("@acme/..", "olga", False),
    ],
)  # fmt: skip
def test_who_stands_for_an_owner(hub, owner, who, stands):
    hub.teams = {"acme/green": {"olga": "active", "carl": "pending"}}
    assert hub.forge(PERSONAL).stands_for(owner, who) is stands


HINT = (
    "the workflow's token never has it: give a GitHub App that has it (GREENGATE_GITHUB_APP_ID and"
    " GREENGATE_GITHUB_APP_KEY), or a token (GREENGATE_GITHUB_TOKEN): see docs/forge.md"
)


def test_the_workflows_token_cannot_tell_who_is_in_a_team(forge):
    with pytest.raises(ForgeError) as error:
        forge.stands_for("@acme/green", "olga")
    assert str(error.value) == f"github: the token lacks the organization's permission `members: read`\n  hint: {HINT}"


def test_a_team_that_may_not_be_seen_is_no_team_without_that_member(hub):
    with pytest.raises(ForgeError) as error:
        hub.forge(PERSONAL).stands_for("@acme/hidden", "olga")
    assert error.value.problem == (
        "`@acme/hidden` is no team that the token may see, so that its members cannot be told;"
        " the token lacks the organization's permission `members: read`, or there is none"
    )


# Writing


def mark(annotations=0, **told):
    remarks = tuple(Remark("m.onnx", at + 1, "failure", f"t{at}", f"m{at}") for at in range(annotations))
    facts = {"name": "greengate", "commit": HEAD, "outcome": Outcome.FAILED, "title": "1 failed", "summary": "# Ledger"}
    return Mark(**{**facts, "key": "17.1 abc", "page": "https://ci.example/17", "remarks": remarks, **told})


def noted(hub):
    (run,) = hub.runs.values()
    return [one["message"] for one in run["annotations"]]


def test_a_check_run_is_shown_beside_the_commit(hub, forge):
    assert forge.show(mark(1)) == "https://github.example/acme/app/runs/1001"
    note = {
        "path": "m.onnx", "start_line": 1, "end_line": 1, "annotation_level": "failure", "title": "t0", "message": "m0",
    }  # fmt: skip
    told = {
        "name": "greengate", "head_sha": HEAD, "external_id": "17.1 abc", "details_url": "https://ci.example/17",
        "status": "completed", "conclusion": "failure", "output": {"title": "1 failed", "summary": "# Ledger"},
    }  # fmt: skip
    assert hub.runs == {1001: {**told, "annotations": [note]}}


@pytest.mark.parametrize("outcome", Outcome)
def test_what_was_not_judged_never_satisfies_a_required_check(hub, forge, outcome):
    forge.show(mark(outcome=outcome))
    (run,) = hub.runs.values()
    passes = outcome in {Outcome.PASSED, Outcome.WARNED, Outcome.WAIVED}
    assert (run["conclusion"] == "success") is passes
    assert run["conclusion"] in {"success", "failure", "action_required"}


@pytest.mark.parametrize(("annotations", "requests"), [(0, 1), (50, 1), (51, 2), (100, 2), (120, 3)])
def test_annotations_come_in_batches_of_fifty(hub, forge, annotations, requests):
    forge.show(mark(annotations))
    assert noted(hub) == [f"m{at}" for at in range(annotations)]
    assert len([line for line in hub.log if "/check-runs" in line and "GET" not in line]) == requests


def test_what_is_shown_again_is_changed_and_not_doubled(hub, forge):
    forge.show(mark(70))
    forge.show(mark(70, outcome=Outcome.PASSED, title="passed"))
    (run,) = hub.runs.values()
    assert (run["conclusion"], run["output"]["title"], len(noted(hub))) == ("success", "passed", 70)


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (["18.1:a", "17.2:a"], ["18.1:a"]),
        (["9.1:a", "17.1:a"], ["9.1:a", "17.1:a"]),
        (["17.1:a", "17.1:b"], ["17.1:a", "17.1:b"]),
        (["17.2:a", "17.1:a", "17.2:a"], ["17.2:a"]),
        (["18.1:a", "2026-11-21T09:00:00Z:a"], ["18.1:a", "2026-11-21T09:00:00Z:a"]),
    ],
    ids=["older", "newer", "other policies", "attempts", "outside CI"],
)
def test_an_older_run_adds_no_check_run_to_that_of_a_newer_one(hub, forge, keys, shown):
    for key in keys:
        forge.show(mark(key=key))
    assert [run["external_id"] for run in hub.runs.values()] == shown


def test_a_check_run_of_another_app_is_none_of_ours(hub, forge):
    forge.show(mark(key="99.1:a"))
    hub.runs[1001]["by"] = "another"
    forge.show(mark(key="17.1:a"))
    assert [run["external_id"] for run in hub.runs.values()] == ["99.1:a", "17.1:a"]


def test_another_key_is_another_check_run(hub, forge):
    forge.show(mark())
    forge.show(mark(key="18.1 abc"))
    assert [run["external_id"] for run in hub.runs.values()] == ["17.1 abc", "18.1 abc"]


def test_one_that_stopped_half_way_goes_on_from_there(hub, forge):
    hub.faults.append(Fault(403, at="PATCH .*/check-runs", times=1))
    with pytest.raises(ForgeError):
        forge.show(mark(120))
    assert len(noted(hub)) == 50
    forge.show(mark(120))
    assert noted(hub) == [f"m{at}" for at in range(120)]


def test_what_is_too_long_is_cut(hub, forge):
    remarks = (Remark("m.onnx", 1, "warning", "t" * 300, "ä" * 40_000),)
    forge.show(mark(title="ä" * 200, summary="s" * 70_000, remarks=remarks))
    (run,) = hub.runs.values()
    (note,) = run["annotations"]
    assert run["output"] == {"title": "ä" * 126 + "…", "summary": "s" * 65_532 + "…"}
    assert (note["title"], note["message"]) == ("t" * 252 + "…", "ä" * 32_766 + "…")


def test_a_personal_token_cannot_write_check_runs_and_is_told_who_can(hub):
    with pytest.raises(ForgeError) as error:
        hub.forge(PERSONAL).show(mark())
    assert error.value.problem == (
        "check runs are written by a GitHub App or the workflow's own token alone, and this token is neither"
    )


def test_an_edit_of_what_is_gone_says_so_and_taking_it_back_is_no_mistake(forge):
    assert forge.edit(4711, "x") is False
    forge.take_back(4711)


def test_a_comment_may_be_as_long_as_it_says(hub, forge):
    forge.say("x" * forge.most)
    with pytest.raises(ForgeError) as error:
        forge.say("x" * (forge.most + 1))
    assert error.value.problem == "it refuses (422): Validation Failed (Body is too long)"


def test_nobody_elses_comment_is_ever_touched(hub, forge):
    living.tell(forge, "x", "10.1", "k")
    forged = hub.comments[1001]["body"].replace("run=10.1", "run=99.9")
    hub.comments[2000] = {"by": "mallory", "body": forged}
    living.tell(forge, "y", "11.1", "k")
    assert [told["body"].partition("\n")[2] for told in hub.comments.values()] == ["y", "x"]
    assert [line for line in hub.log if line.endswith("/2000")] == []


def test_twenty_pushes_leave_one_comment_and_a_check_run_each(hub):
    for push in range(1, 21):
        with closing(hub.forge()) as forge:
            hub.pulls[12]["head"] = f"{push:040x}"
            living.tell(forge, f"push {push}", f"{push}.1", "k")
            forge.show(mark(commit=f"{push:040x}", key=f"{push}.1"))
    assert [told["body"].partition("\n")[2] for told in hub.comments.values()] == ["push 20"]
    assert len(hub.runs) == 20


# Words


@pytest.mark.parametrize(
    ("lacking", "ask", "need"),
    [
        ("pull_requests", lambda forge: forge.say("x"), "pull-requests: write"),
        ("pull_requests", lambda forge: list(forge.comments()), "pull-requests: write"),
        ("pull_requests", lambda forge: forge.standing(), "pull-requests: read"),
        ("pull_requests", lambda forge: forge.reviews(), "pull-requests: read"),
        ("pull_requests", lambda forge: forge.reviewed(HEAD), "pull-requests: read"),
        ("pull_requests", lambda forge: forge.take_back(1), "pull-requests: write"),
        ("checks", lambda forge: forge.show(mark()), "checks: write"),
    ],
    ids=["a comment", "comments", "the pull request", "reviews", "a commit", "taking back", "a check run"],
)
def test_the_permission_that_is_missing_is_named(hub, forge, lacking, ask, need):
    del hub.who[WORKFLOW].permissions[lacking]
    with pytest.raises(ForgeError) as error:
        ask(forge)
    assert error.value.problem == f"the token lacks `{need}`"
    assert error.value.hint.startswith(f"add `{need}` to the `permissions:` of the workflow's job; ")


def test_reading_alone_is_not_writing(hub, forge):
    hub.who[WORKFLOW].permissions.update(pull_requests="read", checks="read")
    with pytest.raises(ForgeError, match="the token lacks `pull-requests: write`"):
        forge.say("x")
    with pytest.raises(ForgeError, match="the token lacks `checks: write`"):
        forge.show(mark())


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("checks=write", "the token lacks `checks: write`"),
        ("pull_requests=read", "the token lacks `pull-requests: write`"),
        ("contents=read,statuses=write", "the token lacks `contents: read and statuses: write`"),
        ("contents=read; statuses=write", "the token lacks `contents: read` or `statuses: write`"),
        ("issues=write; pull_requests=write", "the token lacks `pull-requests: write`"),
        ("<script>", "the token lacks `pull-requests: write`"),
    ],
)
def test_github_itself_says_which_permission_it_is(hub, forge, header, words):
    list(forge.comments())
    body = {"message": "Resource not accessible by integration"}
    hub.faults.append(Fault(403, at="POST", headers={"x-accepted-github-permissions": header}, body=body))
    with pytest.raises(ForgeError) as error:
        forge.say("x")
    assert error.value.problem == words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "The issue is locked."}, "it refuses (403): The issue is locked."),
        ({"message": f"{WORKFLOW}\x1b[2J\n::error::x"}, "it refuses (403): *** [2J ::error::x"),
        ({"message": "x" * 1000}, f"it refuses (403): {'x' * 200}…"),
        ({"errors": "odd", "message": 7}, "it refuses (403): 7"),
        (["odd"], "it refuses (403)"),
        ({"message": "m", "errors": ["a", {"field": "f", "code": "c"}, 3, 4]}, "it refuses (403): m (a; f c; 3)"),
    ],
    ids=["locked", "hostile", "long", "odd", "odder", "particulars"],
)  # fmt: skip
def test_what_github_says_is_shown_short_on_one_line_and_without_the_token(hub, forge, body, words):
    list(forge.comments())
    hub.faults.append(Fault(403, at="POST", body=body))
    with pytest.raises(ForgeError) as error:
        forge.say("x")
    assert error.value.problem == words


@pytest.mark.parametrize(
    ("told", "why"),
    [("x", "something else"), ([1], "something else"), (3, "is no list"), ({"a": 1}, "something else")],
    ids=["a text", "numbers", "a number", "an object"],
)  # fmt: skip
def test_an_answer_that_is_none_is_told(hub, forge, told, why):
    list(forge.comments())
    hub.mangles.append(("GET .*/comments", lambda _: told))
    with pytest.raises(ForgeError) as error:
        list(forge.comments())
    assert why in error.value.problem
    hub.drifts.clear()


class Page(Reply):
    data = b"<html>"


def test_html_instead_of_json_is_told(hub, forge):
    list(forge.comments())
    hub.answer = lambda *_: Page(200)
    with pytest.raises(ForgeError, match="its answer is no JSON, or something else than it should be"):
        list(forge.comments())


@pytest.mark.parametrize("data", [b"<html>", b"[" * 100_000], ids=["a page", "what is nested without end"])
def test_a_refusal_in_no_json_is_told_all_the_same(hub, forge, monkeypatch, data):
    list(forge.comments())
    monkeypatch.setattr(Page, "data", data)
    hub.answer = lambda *_: Page(418)
    with pytest.raises(ForgeError) as error:
        forge.say("x")
    assert error.value.problem == "it refuses (418)"


def test_json_that_is_nested_without_end_is_told(hub, forge, monkeypatch):
    list(forge.comments())
    monkeypatch.setattr(Page, "data", b"[" * 100_000)
    hub.answer = lambda *_: Page(200)
    with pytest.raises(ForgeError, match=r"its answer cannot be read \(RecursionError\)|its answer is no JSON"):
        list(forge.comments())


def test_a_token_that_has_ended_is_told(hub, monkeypatch):
    forge = hub.as_app()
    list(forge.comments())
    forge._session.auth.expires_at = forge._session.auth.expires_at.replace(year=2001)
    with pytest.raises(ForgeError, match="the token of the App has expired"):
        list(forge.comments())


@pytest.mark.parametrize("kind", ["token", "app"])
def test_the_token_is_in_no_representation_and_no_log(hub, caplog, kind):
    caplog.set_level(logging.DEBUG)
    forge = hub.forge() if kind == "token" else hub.as_app()
    living.tell(forge, "x", "1.1", "")
    forge.show(mark())
    shown = repr((forge, forge._client, forge._session, forge._session.auth, forge._access))
    secrets = [WORKFLOW, APP, WORKFLOW[:8], "eyJ", "PRIVATE KEY"]
    assert [secret for secret in secrets if secret in shown + caplog.text] == []


# Enterprise


def test_a_server_of_ones_own_is_asked_below_its_address():
    with github("github-enterprise-api.json") as hub, closing(hub.as_app()) as forge:
        assert hub.api.endswith("/api/v3")
        hub.comments = {id_: {"by": "mallory", "body": "x"} for id_ in range(1, 250)}
        living.tell(forge, "x", "1.1", "")
        forge.show(mark(60))
        hub.teams = {"acme/green": {"olga": "active"}}
        hub.brought[HEAD] = [12]
        hub.reviews = reviewed(("olga", YES, HEAD))
        assert forge.stands_for("@acme/green", "olga")
        assert (len(forge.reviews()), forge.reviewed(HEAD), forge.standing().head) == (1, [], HEAD)
        assert all(line.split()[1].startswith("/api/v3/") for line in hub.log)


def test_a_signature_is_good_in_the_past_and_not_for_long(hub, monkeypatch):
    now = time.time()
    monkeypatch.setattr("greengate.forge.github_sign_in.time.time", lambda: now + 45)
    assert list(hub.as_app().comments()) == []


def test_closing_twice_does_no_harm(forge):
    forge.close()
    forge.close()


def test_a_team_is_asked_with_what_an_app_was_granted(hub):
    hub.granted = {**EVERYTHING}
    with pytest.raises(ForgeError, match="the token lacks the organization's permission `members: read`"):
        hub.as_app().stands_for("@acme/green", "olga")


def test_a_batch_is_as_large_as_github_takes():
    assert github_checks.BATCH == 50


def test_who_else_is_an_app_changes_nothing(hub):
    hub.who[WORKFLOW] = Who("github-actions[bot]", "github-actions", {"metadata": "read"})
    with pytest.raises(ForgeError, match="the token lacks `pull-requests: write`"):
        living.tell(hub.forge(), "x", "1.1", "")
