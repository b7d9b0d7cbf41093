"""GitLab: what is told and asked there, over a GitLab of the tests' own, and what is said when it refuses or fails."""

import sys
from contextlib import closing, suppress

import pytest
from forge_made import Clock
from gitlab_made import BOT, GUEST, HEAD, OLDER, OLGA, PAUL, REPORTER, TOKEN, Bearer, gitlab, merged, user, version

from greengate import registry
from greengate.errors import ForgeError, MissingExtra, Unanswered, UsageError
from greengate.forge import living
from greengate.forge.gitlab import GitLab
from greengate.forge.patience import Patient
from greengate.forges import Comment, Mark, Review, Reviewed, Standing
from greengate.settings import ForgeAccess
from greengate.verdict import Outcome

CHANGE = "acme/ml/digits!12"
PAGE = "https://lab.example/acme/ml/digits/-/jobs/5"
MARK = Mark("greengate", HEAD, Outcome.FAILED, "1 model: 1 failed", "the ledger", "5.1", PAGE)
APPROVED, BEFORE, AFTER = "2026-11-21T11:30:00.000Z", "2026-11-21T09:59:59.999Z", "2026-11-21T12:30:00.000Z"


@pytest.fixture
def lab():
    with gitlab() as made:
        yield made


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def forge(lab, clock):
    with closing(opened(lab, clock)) as made:
        yield made


def opened(lab, clock, token=TOKEN, **pace):
    return GitLab(ForgeAccess(token, address=f"{lab.address}/api/v4"), CHANGE, Patient(clock.pace(**pace)))


def told(error):
    return f"{error.value.problem} | {error.value.hint}"


# The merge request and its notes


def test_a_merge_request_is_told_as_it_stands(lab, forge):
    assert forge.standing() == Standing(head=HEAD, authors=frozenset({"olga"}), open=True, fork=False)
    lab.request |= {"state": "merged", "source_project_id": None}
    assert forge.standing() == Standing(head=HEAD, authors=frozenset({"olga"}), open=False, fork=True)


def test_only_our_own_notes_are_gone_through_over_all_pages_the_oldest_first(lab, forge):
    lab.page_most = 7
    made = [lab.note(f"own {number}") for number in range(30) if lab.note("theirs", OLGA)]
    lab.note("added 3 commits", BOT, system=True)
    assert list(forge.comments()) == [Comment(note["id"], note["body"]) for note in made]
    assert len([one for one in lab.asked if one[1].endswith("/notes")]) == 9


def test_the_note_of_somebody_whose_account_is_gone_is_skipped(lab, forge):
    lab.note("theirs", None)
    assert list(forge.comments()) == []


def test_a_note_is_written_edited_and_taken_back(lab, forge):
    written = forge.say("first")
    assert forge.edit(written.id, "second") is True
    assert list(forge.comments()) == [Comment(written.id, "second")]
    forge.take_back(written.id)
    assert list(forge.comments()) == []


def test_what_is_gone_already_is_no_mistake(forge):
    assert forge.edit(4, "text") is False
    forge.take_back(4)


def test_a_line_of_a_note_is_no_order_to_gitlab(lab, forge):
    forge.say("ledger\n/merge\n/MERGE\n  /label ~x\n// no order\na/b\n/path/to")
    assert lab.own_notes() == ["ledger\n&#47;merge\n&#47;MERGE\n  &#47;label ~x\n// no order\na/b\n&#47;path/to"]


def test_as_many_characters_as_gitlab_takes_are_taken(lab, forge):
    forge.say("é" * forge.most)
    with pytest.raises(ForgeError, match=r"GitLab refuses to write a note \(400: .*is too long"):
        forge.say("é" * (forge.most + 1))
    assert [len(body) for body in lab.own_notes()] == [forge.most]


def test_twenty_pushes_leave_one_note(lab, forge):
    for run in range(20):
        living.tell(forge, f"ledger {run}", f"{run}.1", "greengate.yaml")
    assert [body.splitlines()[1] for body in lab.own_notes()] == ["ledger 19"]


# Statuses


@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_may_be_merged_succeeds(lab, forge, outcome):
    passing = (Outcome.PASSED, Outcome.WARNED, Outcome.WAIVED)
    mark = Mark("greengate", HEAD, outcome, "in words", "", "5.1", PAGE)
    assert forge.show(mark) == PAGE
    (status,) = lab.statuses
    expected = {
        "sha": HEAD,
        "name": "greengate",
        "status": "success" if outcome in passing else "failed",
        "description": "in words",
        "target_url": PAGE,
    }
    assert {name: status[name] for name in expected} == expected


def test_the_same_status_is_not_set_twice(lab, forge):
    assert [forge.show(MARK), forge.show(MARK)] == [PAGE, PAGE]
    assert len([one for one in lab.asked if one[0] == "POST"]) == 1


def test_a_status_that_gitlab_calls_the_same_is_no_mistake(lab, forge):
    forge.show(MARK)
    forge.show(Mark("greengate", HEAD, Outcome.FAILED, "2 models: 1 failed", "", "6.1", PAGE))
    assert [status["description"] for status in lab.statuses] == ["1 model: 1 failed"]


def test_another_status_follows(lab, forge):
    forge.show(MARK)
    forge.show(Mark("greengate", HEAD, Outcome.PASSED, "1 model: 1 passed", "", "6.1"))
    assert [status["status"] for status in lab.statuses] == ["failed", "success"]


JOBS = PAGE.removesuffix("5")


def show_all(forge, pages):
    """Show a status for each, one that is unlike the one before; return where each leads to."""
    outcomes = (Outcome.FAILED, Outcome.PASSED)
    return [
        forge.show(Mark("greengate", HEAD, outcomes[turn % 2], "", "", "5.1", page)) for turn, page in enumerate(pages)
    ]


@pytest.mark.parametrize(
    ("pages", "shown"),
    [
        ([f"{JOBS}18", f"{JOBS}17"], [f"{JOBS}18"]),
        ([f"{JOBS}9", f"{JOBS}18", f"{JOBS}17"], [f"{JOBS}9", f"{JOBS}18"]),
        ([f"{JOBS}9", f"{JOBS}17"], [f"{JOBS}9", f"{JOBS}17"]),
        ([f"{JOBS}18", "https://ci.example/17"], [f"{JOBS}18", "https://ci.example/17"]),
        (["https://ci.example/18", f"{JOBS}17"], ["https://ci.example/18", f"{JOBS}17"]),
    ],
    ids=["older", "between", "newer", "no job", "after none"],
)
def test_an_older_job_sets_no_status_over_that_of_a_newer_one(lab, forge, pages, shown):
    assert show_all(forge, pages)[-1] == shown[-1]
    assert [status["target_url"] for status in lab.statuses] == shown


def test_a_status_that_somebody_else_has_set_is_no_newer_one(lab, forge):
    show_all(forge, [f"{JOBS}99"])
    lab.statuses[0]["author"] = OLGA
    forge.show(Mark("greengate", HEAD, Outcome.PASSED, "", "", "5.1", PAGE))
    assert [status["target_url"] for status in lab.statuses] == [f"{JOBS}99", PAGE]


def test_words_that_are_too_long_for_a_status_are_cut_and_an_address_is_left_out(lab, forge):
    assert forge.show(Mark("n" * 300, HEAD, Outcome.FAILED, "é" * 300, "", "5.1", f"https://x/{'p' * 300}")) == ""
    (status,) = lab.statuses
    assert (len(status["name"]), len(status["description"]), status["target_url"]) == (255, 255, None)


def test_a_commit_that_gitlab_does_not_know_is_told(forge):
    with pytest.raises(ForgeError, match=r"cannot set a commit status: GitLab finds no such thing \(404: "):
        forge.show(Mark("greengate", "d" * 40, Outcome.FAILED, "", "", "5.1"))


# Reviews

REVIEW = Review(f"{CHANGE}/2", "paul", "2026-11-21T11:30:00Z", HEAD)


@pytest.mark.parametrize(
    ("at", "noted", "found"),
    [
        (APPROVED, None, (REVIEW,)),
        (BEFORE, None, ()),
        ("2026-11-21T10:00:00.000Z", None, ()),
        (None, APPROVED, (REVIEW,)),
        (None, BEFORE, ()),
        ("2026-11-21T12:30:00.000+01:00", None, (REVIEW,)),
    ],
    ids=["after", "before the newest push", "at that moment", "by a note", "a note before", "another time zone"],
)
def test_an_approval_counts_that_was_given_after_the_newest_version(lab, forge, at, noted, found):
    lab.approve(PAUL, at, noted=noted)
    assert forge.reviews() == found


def test_without_approvals_nothing_more_is_asked(lab, forge):
    assert forge.reviews() == ()
    assert [path.rpartition("/")[2] for _, path, _ in lab.asked] == ["approvals"]


def test_the_newest_version_is_found_over_all_pages(lab, forge):
    lab.page_most = 1
    lab.versions[12].append(version(3, "2026-11-21T11:45:00.000Z", "e" * 40))
    lab.approve(PAUL, APPROVED)
    lab.approve(OLGA, "2026-11-21T11:46:00.000Z")
    assert forge.reviews() == (Review(f"{CHANGE}/1", "olga", "2026-11-21T11:46:00Z", "e" * 40),)


def test_the_newest_of_several_notes_on_an_approval_counts(lab, forge):
    lab.note("approved this merge request", PAUL, APPROVED, system=True)
    lab.approve(PAUL, noted=BEFORE)
    assert forge.reviews() == (REVIEW,)


def test_a_note_that_somebody_wrote_is_no_approval(lab, forge):
    lab.approve(PAUL)
    lab.note("approved this merge request", PAUL, APPROVED)
    with pytest.raises(ForgeError) as error:
        forge.reviews()
    assert told(error) == (
        f"GitLab does not tell when @paul approved {CHANGE}, so that it cannot be counted | "
        "take the approval back and give it again"
    )


def test_before_there_is_a_version_no_approval_can_be_told(lab, forge):
    lab.versions[12] = []
    lab.approve(PAUL, APPROVED)
    with pytest.raises(ForgeError, match=f"GitLab has no version of {CHANGE} yet"):
        forge.reviews()


def test_merged_requests_of_a_commit_are_told_with_the_approvals_that_they_had(lab, forge):
    lab.merged[OLDER] = [merged(3, OLGA), merged(4, PAUL, state="opened"), merged(5, PAUL)]
    lab.versions |= {3: lab.versions[12], 5: lab.versions[12]}
    lab.approve(PAUL, APPROVED, iid=3)
    lab.approve(BOT, AFTER, iid=3)
    assert forge.reviewed(OLDER) == (
        Reviewed(
            "acme/ml/digits!3",
            frozenset({"olga"}),
            (Review("acme/ml/digits!3/2", "paul", "2026-11-21T11:30:00Z", HEAD),),
        ),
        Reviewed("acme/ml/digits!5", frozenset({"paul"}), ()),
    )


def test_a_commit_that_was_pushed_directly_has_no_merge_request(forge):
    assert forge.reviewed(OLDER) == ()


# Owners


@pytest.mark.parametrize(
    ("owner", "who", "stands"),
    [
        ("@olga", "olga", True),
        ("@Olga", "oLGA", True),
        ("olga", "olga", True),
        ("@paul", "olga", False),
        ("@acme/green", "olga", True),
        ("@acme/green", "OLGA", True),
        ("@acme/green", "olg", False),
        ("@acme/green", "paul", False),
        ("@acme/green", "rita", False),
        ("@green", "olga", True),
        ("@green", "paul", False),
    ],
)
def test_an_owner_is_a_user_or_the_active_members_of_a_group(lab, forge, owner, who, stands):
    blocked, waiting = user(2, "paul", state="blocked"), user(3, "rita", membership_state="awaiting")
    lab.groups = {"acme/green": [user(4, "olga2"), OLGA, blocked, waiting], "green": [OLGA]}
    assert forge.stands_for(owner, who) is stands


SEES = "GitLab shows only what the token may see: that takes the role Guest of that group and the scope `read_api`"
LACKS = (
    "give the token's user or bot the role Guest of that group (for all that greengate does: Developer, scope `api`)"
)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({}, f": GitLab finds no such thing (404: 404 Group Not Found) | {SEES}"),
        ({"acme/green": None}, f": that takes the role Guest of that group (403: 403 Forbidden) | {LACKS}"),
    ],
    ids=["hidden", "forbidden"],
)
def test_a_group_that_the_token_does_not_see_cannot_be_told(lab, forge, groups, words):
    lab.groups = groups
    with pytest.raises(ForgeError) as error:
        forge.stands_for("@acme/green", "olga")
    assert told(error) == f"cannot list the members of the group @acme/green{words}"


# What is missing

ACTS = {
    "standing": lambda forge: forge.standing(),
    "comments": lambda forge: list(forge.comments()),
    "say": lambda forge: forge.say("text"),
    "show": lambda forge: forge.show(MARK),
    "reviews": lambda forge: forge.reviews(),
    "reviewed": lambda forge: forge.reviewed(HEAD),
    "stands for": lambda forge: forge.stands_for("@acme/green", "olga"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_token_that_gitlab_does_not_take_is_told(lab, clock, act):
    with pytest.raises(ForgeError) as error:
        act(opened(lab, clock, "glpat-Expired"))
    assert "GitLab does not take the token (401: 401 Unauthorized) | has it expired? make a project access" in told(
        error
    )
    assert "Expired" not in str(error.value)


@pytest.mark.parametrize(
    ("act", "bearer", "words"),
    [
        ("say", Bearer(BOT, ("read_api",)), "cannot write a note: the token lacks the scope `api` (403"),
        ("show", Bearer(BOT, ("read_api",)), "cannot set a commit status: the token lacks the scope `api` (403"),
        ("show", Bearer(BOT, role=REPORTER), "cannot set a commit status: that takes the role Developer (403"),
        ("standing", Bearer(BOT, ("read_user",)), f"cannot read {CHANGE}: the token lacks the scope `read_api` (403"),
        ("standing", Bearer(BOT, role=GUEST), f"cannot read {CHANGE}: GitLab finds no such thing (404"),
        ("say", Bearer(BOT, role=GUEST), "cannot write a note: GitLab finds no such thing (404"),
    ],
)
def test_what_a_token_lacks_is_named(lab, forge, act, bearer, words):
    lab.bearers[TOKEN] = bearer
    with pytest.raises(ForgeError) as error:
        ACTS[act](forge)
    assert str(error.value).startswith(f"gitlab: {words}")
    assert error.value.hint


def test_without_a_token_it_says_which_one_to_make():
    with pytest.raises(ForgeError) as error:
        GitLab(ForgeAccess(), CHANGE)
    assert told(error) == (
        "there is no GREENGATE_GITLAB_TOKEN, and a job's own CI_JOB_TOKEN may not write to a merge request | "
        "make a project access token with the scope `api` and the role Developer, and put it into "
        "GREENGATE_GITLAB_TOKEN"
    )


@pytest.mark.parametrize("change", ["", "acme#12", "acme!12", "acme/app!0", "acme/app!", "acme//app!1", "a b/c!1"])
def test_an_id_that_is_none_of_a_merge_request_is_refused(change):
    with pytest.raises(UsageError, match="is no merge request\n  hint: write it as group/project!12"):
        GitLab(ForgeAccess(TOKEN), change)


def test_without_python_gitlab_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gitlab", None)
    with pytest.raises(MissingExtra, match=r"pip install 'greengate-ci\[gitlab\]'"):
        GitLab(ForgeAccess(TOKEN), CHANGE)


def test_it_is_found_by_its_word(lab):
    made = registry.forge("gitlab", ForgeAccess(TOKEN, address=f"{lab.address}/api/v4"), CHANGE)
    with closing(made):
        assert made.standing().authors == {"olga"}
    made.close()


# Faults

FAULTS = {
    "500": {"kind": 500},
    "502, a page of a proxy": {"kind": 502, "body": "<html><body>nginx</body></html>"},
    "429 with a time": {"kind": 429, "headers": {"Retry-After": "7"}},
    "429 without": {"kind": 429},
    "reset": {"kind": "reset"},
    "timeout": {"kind": "silent"},
}
POINTS = {
    "who": ("GET", "/user"),
    "listing": ("GET", "/notes"),
    "writing": ("POST", "/notes"),
    "edit": ("PUT", "/notes"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize("done", [False, True], ids=["not done", "done all the same"])
def test_whatever_fails_once_there_is_one_note_in_the_end(lab, clock, fault, point, done):
    lab.fault(verb=point[0], path=point[1], done=done, **fault)
    with closing(opened(lab, clock, timeout_s=0.5 if fault["kind"] == "silent" else 5.0)) as forge:
        living.tell(forge, "first", "1.1", "greengate.yaml")
        living.tell(forge, "second", "2.1", "greengate.yaml")
    assert [body.splitlines()[1] for body in lab.own_notes()] == ["second"]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_fails_for_good_is_told_and_leaves_one_note_at_most(lab, clock, fault):
    lab.fault(verb="POST", path="/notes", done=True, times=99, **fault)
    pace = {"timeout_s": 0.5 if fault["kind"] == "silent" else 5.0, "budget_s": 2.0}
    with closing(opened(lab, clock, **pace)) as forge, suppress(ForgeError):
        living.tell(forge, "first", "1.1", "greengate.yaml")
    assert len(lab.own_notes()) == 1


def test_a_limit_that_does_not_end_in_time_is_told_with_the_time(lab, clock):
    lab.fault(429, "POST", "/notes", headers={"Retry-After": "600"})
    with closing(opened(lab, clock)) as forge, pytest.raises(ForgeError, match=r"too often \(429\); it may be asked"):
        living.tell(forge, "first", "1.1", "greengate.yaml")
    assert lab.own_notes() == []


@pytest.mark.parametrize("kind", [500, "reset"])
def test_a_status_of_which_nobody_knows_is_looked_for(lab, forge, kind):
    lab.fault(kind, "POST", "/statuses", done=True)
    assert forge.show(MARK) == PAGE
    assert len(lab.statuses) == 1


def test_a_status_that_was_not_set_is_told_as_unanswered(lab, forge):
    lab.fault(500, "POST", "/statuses")
    with pytest.raises(Unanswered, match=r"fails \(500\); it is not known whether it did what was asked"):
        forge.show(MARK)


def test_an_answer_of_another_form_is_told(lab, forge):
    lab.fault(200, "GET", "/merge_requests/12", body=["another", "form"])
    with pytest.raises(ForgeError) as error:
        forge.standing()
    form = f"the answer of {lab.address} has another form than GitLab's"
    assert told(error) == f"cannot read {CHANGE}: {form} | look whether it is a GitLab"


def test_a_note_whose_answer_has_another_form_is_unanswered(lab, forge):
    lab.fault(200, "POST", "/notes", body=["another", "form"], done=True)
    with pytest.raises(Unanswered, match="it is not known whether it did write a note"):
        forge.say("text")


def test_the_next_page_is_asked_where_the_first_one_was(lab, forge):
    lab.page_most = 1
    lab.external = lambda: "https://elsewhere.example"
    made = [lab.note("own"), lab.note("own")]
    assert [comment.id for comment in forge.comments()] == [note["id"] for note in made]
    assert {one.get("PRIVATE-TOKEN") for one in lab.headers} == {TOKEN}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_no_word_repeats_the_token_though_gitlab_does(lab, forge, status):
    lab.fault(status, "GET", "/merge_requests/12")
    with pytest.raises(ForgeError) as error:
        forge.standing()
    assert f"({status}: {status} for ***)" in str(error.value)
    assert TOKEN not in f"{error.value!r} {error.value}"
