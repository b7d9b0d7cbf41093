"""What every forge keeps to: GitHub and GitLab, each on its own double."""

from dataclasses import replace

import github_made
import gitlab_made
import pytest
from forge_made import Fault

from greengate.errors import ForgeError, Unanswered
from greengate.forge import living
from greengate.forges import Mark, Standing
from greengate.verdict import Outcome

# One line for each; what a stage offers: `forge_made.Stage`.
STAGES = {"github": github_made.stage, "gitlab": gitlab_made.stage}


@pytest.fixture(params=STAGES)
def stage(request):
    with STAGES[request.param]() as made:
        yield made


@pytest.fixture
def mark(stage):
    return Mark("greengate", stage.head, Outcome.FAILED, "1 failed", "# Ledger", "17.1 abc", "https://ci.example/17")


def test_how_a_change_stands(stage):
    standing = stage.forge.standing()
    assert standing == Standing(stage.head, frozenset({"ada"}), open=True, fork=False)
    stage.push()
    assert stage.forge.standing().head == stage.head != standing.head


def test_a_change_that_is_merged_is_not_open(stage):
    stage.merge()
    assert stage.forge.standing().open is False


def test_our_own_comments_are_gone_through_the_oldest_first_and_nobody_elses(stage):
    stage.others_say("theirs")
    said = [stage.forge.say(f"ours {number}") for number in range(3)]
    stage.others_say("theirs too")
    assert list(stage.forge.comments()) == said
    assert [one.id for one in said] == sorted({one.id for one in said})


def test_comments_are_gone_through_over_all_pages(stage):
    for number in range(130):
        stage.others_say(f"{number}")
    stage.forge.say("ours")
    for number in range(130):
        stage.others_say(f"{number}")
    assert [one.body for one in stage.forge.comments()] == ["ours"]


def test_a_comment_is_edited_and_taken_back(stage):
    said = stage.forge.say("one")
    assert stage.forge.edit(said.id, "two") is True
    assert stage.bodies() == ["two"]
    stage.forge.take_back(said.id)
    assert stage.bodies() == []


def test_what_is_gone_already_is_no_mistake(stage):
    said = stage.forge.say("one")
    stage.lose(said.id)
    stage.forge.take_back(said.id)
    assert stage.forge.edit(said.id, "two") is False


def test_a_comment_may_be_as_long_as_it_says(stage):
    stage.forge.say("ä" * stage.forge.most)
    assert [len(body) for body in stage.bodies()] == [stage.forge.most]


def test_twenty_pushes_leave_one_living_comment(stage):
    for number in range(1, 21):
        stage.push()
        living.tell(stage.forge, f"push {number}", f"{number}.1", "")
    assert [body.partition("\n")[2] for body in stage.bodies()] == ["push 20"]


def test_a_comment_of_somebody_else_with_our_marker_is_left_alone(stage):
    living.tell(stage.forge, "ours", "1.1", "")
    forged = stage.bodies()[0].replace("run=1.1", "run=9.9")
    stage.others_say(forged)
    living.tell(stage.forge, "ours again", "2.1", "")
    assert [body.partition("\n")[2] for body in stage.bodies()] == ["ours again", "ours"]
    assert stage.bodies()[1] == forged


@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_passed_is_green(stage, mark, outcome):
    stage.forge.show(replace(mark, outcome=outcome))
    passes = outcome in {Outcome.PASSED, Outcome.WARNED, Outcome.WAIVED}
    assert stage.marks() == [("greengate", stage.head, passes)]


def test_a_mark_is_shown_once_for_its_key(stage, mark):
    stage.forge.show(mark)
    stage.forge.show(mark)
    stage.forge.show(replace(mark, outcome=Outcome.PASSED))
    assert stage.marks() == [("greengate", stage.head, True)]


def test_an_older_run_takes_nothing_back_that_a_newer_one_has_shown(stage, mark):
    for run, outcome in ((18, Outcome.FAILED), (17, Outcome.PASSED)):
        page = f"https://ci.example/-/jobs/{run}"
        stage.forge.show(replace(mark, outcome=outcome, key=f"{run}.1:abc", page=page))
    assert stage.marks() == [("greengate", stage.head, False)]


def test_approvals_count_for_the_newest_commit_until_they_are_withdrawn(stage):
    stage.approve("olga")
    stage.approve("ben")
    assert [(review.by, review.commit) for review in stage.forge.reviews()] == [
        ("olga", stage.head),
        ("ben", stage.head),
    ]
    stage.withdraw("olga")
    assert [review.by for review in stage.forge.reviews()] == ["ben"]
    stage.push()
    assert list(stage.forge.reviews()) == []


def test_a_commit_is_brought_by_a_merged_change_with_its_approvals(stage):
    commit = stage.merge(approved_by=["olga"])
    (found,) = stage.forge.reviewed(commit)
    assert (found.authors, [review.by for review in found.reviews]) == ({"ada"}, ["olga"])


def test_a_commit_that_was_pushed_was_brought_by_none(stage):
    assert list(stage.forge.reviewed("c" * 40)) == []


def test_who_stands_for_an_owner(stage):
    stage.enlist("acme/green", "olga")
    asked = [("@olga", "olga"), ("@Olga", "olga"), ("@olga", "ben"), ("@acme/green", "olga"), ("@acme/green", "ben")]
    assert [stage.forge.stands_for(owner, who) for owner, who in asked] == [True, True, False, True, False]


def test_of_a_team_that_may_not_be_seen_it_cannot_be_told(stage):
    with pytest.raises(ForgeError):
        stage.forge.stands_for("@acme/hidden", "olga")


def test_a_comment_that_may_have_been_written_is_unanswered(stage):
    stage.fail(Fault(502, at="POST", done=True, times=1))
    with pytest.raises(Unanswered):
        stage.forge.say("x")
    assert stage.bodies() == ["x"]


@pytest.mark.parametrize("kind", [401, 403, 404, 500, "reset"])
def test_whatever_goes_wrong_is_words_without_the_token(stage, mark, kind):
    stage.fail(Fault(kind, body={"message": stage.token}))
    for ask in (
        stage.forge.standing,
        lambda: list(stage.forge.comments()),
        lambda: stage.forge.say("x"),
        lambda: stage.forge.show(mark),
        stage.forge.reviews,
        lambda: stage.forge.reviewed(stage.head),
        lambda: stage.forge.stands_for("@acme/green", "olga"),
    ):
        with pytest.raises(ForgeError) as error:
            ask()
        assert stage.token not in str(error.value)


def test_the_token_is_in_no_representation(stage):
    assert stage.token not in repr(stage.forge) + repr(vars(stage.forge))


def test_closing_twice_does_no_harm(stage):
    stage.forge.close()
    stage.forge.close()
