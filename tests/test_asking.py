"""What a forge is asked before a check: who has approved the change, and how waivers were granted."""

import json

import pytest
from change_made import HEAD, MadeForge, brought, review
from projects_made import POLICY, WAIVER, greengate, project
from repositories_made import run_git as git

from greengate import asking, packs, registry
from greengate.changes import NO_CHANGE, Approval, Asked, Change, Grant
from greengate.errors import UsageError
from greengate.git import last_touched
from greengate.trees import GitTree

CHANGE = Change(id="acme/shop#12", forge="github", head=HEAD)
OWNED = POLICY.replace("owners: [green]", 'owners: ["@olga", "@acme/green"]')


@pytest.fixture
def merged(tmp_path):
    """A repository whose main branch has a policy and a waiver."""
    project(tmp_path, policy=OWNED)
    (tmp_path / "waiver.yaml").write_text(WAIVER)
    for words in (("init", "-b", "main"), ("add", "."), ("commit", "-m", "first")):
        git(tmp_path, *words)
    return tmp_path


def asked(folder, forge, change=CHANGE):
    policies = packs.load(GitTree(folder, "main"), ["policy.yaml", "waiver.yaml"])
    return asking.ask(forge, change, policies, folder, "main")


def approval(by, owners, *, author=False):
    rules = ("p/energy", "p/flops") if "@olga" in owners else ()
    at = "2026-11-21T09:00:00Z"
    return Approval(review="41", by=by, at=at, commit=HEAD, owners=owners, author=author, rules=rules)


@pytest.mark.parametrize(
    ("forge", "expected"),
    [
        (MadeForge(approving=(review("Olga"),)), approval("Olga", ("@olga",))),
        (MadeForge(approving=(review("gerd"),), teams={"@acme/green": "gerd"}), approval("gerd", ("@acme/green",))),
        (MadeForge(approving=(review("otto"),)), approval("otto", ())),
        (
            MadeForge(approving=(review("olga"),), authors=frozenset({"bot", "OLGA"})),
            approval("olga", ("@olga",), author=True),
        ),
    ],
    ids=["an owner", "one of a team", "nobody", "an author"],
)
def test_a_review_is_known_by_whom_it_stands_for(merged, forge, expected):
    assert asked(merged, forge).approvals == (expected,)


def test_reviews_of_another_commit_than_the_one_under_judgement_do_not_count(merged):
    told = asked(merged, MadeForge(head="d" * 40, approving=(review(),)))
    words = "the change has moved on to dddddddddd, so that its reviews are of another commit"
    assert (told.approvals, told.unknown) == ((), (words,))


def test_no_review_counts_of_a_change_of_which_not_all_authors_are_known(merged):
    told = asked(merged, MadeForge(approving=(review(),), untold="it is too long", brought=brought(review())))
    words = "who wrote the change is not known: it is too long; none of its reviews counts"
    assert (told.approvals, [grant.reviewed for grant in told.grants], told.unknown) == ((), [True], (words,))


def test_a_waiver_that_nobody_reviewed_is_none_whatever_is_pushed_meanwhile(merged):
    assert [grant.reviewed for grant in asked(merged, MadeForge(head="d" * 40)).grants] == [False]


def test_a_review_of_what_was_pushed_while_it_was_asked_for_does_not_count(merged):
    assert asked(merged, MadeForge(approving=(review(commit="d" * 40),))).approvals == ()


def test_a_change_in_a_queue_has_the_reviews_of_its_newest_commit(merged):
    queued = CHANGE.model_copy(update={"head": "", "queued": True})
    assert [one.by for one in asked(merged, MadeForge(approving=(review(),)), queued).approvals] == ["olga"]


def test_what_a_forge_does_not_tell_is_no_approval_and_is_said(merged):
    told = asked(merged, MadeForge(approving=(review("gerd"),), refused={"stands_for": "members: read is missing"}))
    assert [one.owners for one in told.approvals] == [()]
    assert told.unknown[0] == "whether @gerd is one of @olga is not known: members: read is missing; ask again"


GRANTED = Grant(
    waiver="W-1", reviewed=True, by="olga", review="41", at="2026-11-21T09:00:00Z", change="acme/shop#8", words=""
)


@pytest.mark.parametrize(
    ("forge", "expected"),
    [
        (MadeForge(brought=brought(review())), GRANTED),
        (
            MadeForge(brought=brought(review(), authors=("bot", "Olga"))),
            Grant(waiver="W-1", reviewed=False, change="acme/shop#8", words="acme/shop#8 has no such review"),
        ),
        (
            MadeForge(brought=brought(review("otto"))),
            Grant(waiver="W-1", reviewed=False, change="acme/shop#8", words="acme/shop#8 has no such review"),
        ),
        (
            MadeForge(refused={"reviewed": "contents: read is missing"}),
            Grant(waiver="W-1", reviewed=None, words="contents: read is missing; ask again"),
        ),
    ],
    ids=["by an owner", "by its author", "by nobody who counts", "not told"],
)
def test_a_waiver_is_known_by_the_review_of_the_change_that_brought_it(merged, forge, expected):
    assert asked(merged, forge).grants == (expected,)


def test_a_waiver_that_was_pushed_directly_is_not_reviewed(merged):
    (grant,) = asked(merged, MadeForge()).grants
    commit = git(merged, "rev-parse", "HEAD")[:10]
    assert (grant.reviewed, grant.words) == (False, f"{commit} was pushed without a change to review")


def test_a_waiver_counts_by_the_change_that_touched_it_last(merged):
    seen = []
    (merged / "waiver.yaml").write_text(WAIVER.replace("900%", "9000%"))
    git(merged, "commit", "-am", "wider")
    forge = MadeForge()
    forge.reviewed = lambda commit: seen.append(commit) or ()
    asked(merged, forge)
    assert seen == [git(merged, "rev-parse", "HEAD")]


def test_a_waiver_behind_a_link_counts_by_no_change_of_the_link(merged):
    (merged / "waiver.yaml").rename(merged / "elsewhere.yaml")
    (merged / "waiver.yaml").symlink_to("elsewhere.yaml")
    git(merged, "add", ".")
    git(merged, "commit", "-m", "behind a link")
    (grant,) = asked(merged, MadeForge(brought=brought(review()))).grants
    assert (grant.reviewed, grant.words) == (False, "waiver.yaml is a symbolic link")


def test_a_file_whose_name_looks_like_a_pattern_is_that_file_alone(merged):
    for name in ("w*.yaml", "wider.yaml"):
        (merged / name).write_text("x")
        git(merged, "add", ".")
        git(merged, "commit", "-m", name)
    assert last_touched(merged, "main", "w*.yaml") == git(merged, "rev-parse", "HEAD^")


@pytest.mark.parametrize("head", [None, "d" * 40], ids=["the same", "another"])
def test_outside_ci_reviews_count_for_the_commit_that_is_checked_out(merged, monkeypatch, capsys, head):
    checked_out = git(merged, "rev-parse", "HEAD")
    made = MadeForge(head=head or checked_out, approving=(review(commit=head or checked_out),))
    monkeypatch.setattr(registry, "forge", lambda *_: made)
    words = ("--base", "main", "--change", "acme/shop#12", "--out", str(merged / "asked.json"))
    assert greengate(merged, "approvals", *words) == 0
    told = asking.read(str(merged / "asked.json"), CHANGE.model_copy(update={"head": checked_out}))
    assert [one.by for one in told.approvals] == ([] if head else ["olga"])


def test_a_shallow_clone_cannot_tell_who_brought_a_waiver(merged, tmp_path_factory):
    (merged / "other.txt").write_text("x")
    git(merged, "add", ".")
    git(merged, "commit", "-m", "second")
    shallow = tmp_path_factory.mktemp("shallow")
    git(shallow, "clone", "-q", "--depth", "1", f"file://{merged}", ".")
    (grant,) = asked(shallow, MadeForge(brought=brought(review()))).grants
    assert (grant.reviewed, grant.words) == (None, "the commit that brought it is not in this clone")


def test_where_no_policy_has_owners_nobody_is_asked(merged):
    nobody = POLICY.replace(", owners: [green]", "")
    (merged / "policy.yaml").write_text(nobody)
    git(merged, "commit", "-am", "no owners")
    told = asked(merged, MadeForge(refused={"reviews": "never asked", "reviewed": "never asked"}))
    assert (told.approvals, told.grants[0].words) == ((), "the policy p names no owners")


def test_what_was_asked_is_read_back_for_the_same_change_alone(merged, tmp_path):
    told = asked(merged, MadeForge(approving=(review(),), brought=brought(review())))
    asking.write(told, tmp_path / "asked.json")
    assert asking.read(str(tmp_path / "asked.json"), CHANGE) == told
    for other in ({"id": "acme/shop#13"}, {"head": "d" * 40}):
        with pytest.raises(UsageError, match="it is about acme/shop#12 at c0ffee0000, and this check about"):
            asking.read(str(tmp_path / "asked.json"), CHANGE.model_copy(update=other))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"change": {"id": 1}}', None], ids=str)
def test_what_is_no_such_file_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "asked.json").write_text(text)
    with pytest.raises(UsageError, match=r"cannot be read|not what `greengate approvals` writes"):
        asking.read(str(tmp_path / "asked.json"), CHANGE)


def test_what_the_forge_did_not_tell_stands_in_the_account(merged):
    forge = MadeForge(
        approving=(review("gerd"),), refused={"stands_for": "members: read", "reviewed": "contents: read"}
    )
    assert list(asking.untold(asked(merged, forge))) == [
        "reviews: whether @gerd is one of @olga is not known: members: read; ask again",
        "reviews: whether @gerd is one of @acme/green is not known: members: read; ask again",
        "who approved the waiver W-1 is not known: contents: read; ask again",
    ]
    assert list(asking.untold(None)) == []


def test_an_account_says_whose_reviews_are_not_known(merged, capsys):
    told = Asked(change=NO_CHANGE, unknown=("whether gerd is one of @acme/green is not known",))
    asking.write(told, merged / "asked.json")
    greengate(merged, "gate", "--budget", "1 s", "--json", "--approvals", str(merged / "asked.json"))
    assert "reviews: whether gerd is one of @acme/green is not known" in json.loads(capsys.readouterr().out)["notes"]
