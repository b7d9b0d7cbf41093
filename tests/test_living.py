"""The one living comment: one, whatever happens, with what the newest run says; and nobody else's is ever touched."""

import hashlib
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greengate.errors import ForgeError, Unanswered, UsageError
from greengate.forge import living
from greengate.forges import Comment
from greengate.report.escaping import markdown

KEY = "services/api"


@dataclass
class Board:
    """Our own comments on a change; what happens when one is written, edited or looked for can be told."""

    most: int = 500
    texts: dict = field(default_factory=dict)
    log: list = field(default_factory=list)
    on_say: list = field(default_factory=list)
    on_edit: list = field(default_factory=list)
    on_look: list = field(default_factory=list)
    last: int = 0

    def comments(self):
        self._happens(self.on_look)
        return iter([Comment(id_, body) for id_, body in sorted(self.texts.items())])

    def say(self, body):
        self.log.append("say")
        self._happens(self.on_say, body)
        return Comment(self.put(body), body)

    def edit(self, comment, body):
        self.log.append(f"edit {comment}")
        self._happens(self.on_edit, comment)
        there = comment in self.texts
        if there:
            self.texts[comment] = body
        return there

    def take_back(self, comment):
        self.log.append(f"take back {comment}")
        self.texts.pop(comment, None)

    def put(self, body):
        self.last += 1
        self.texts[self.last] = body
        return self.last

    def told(self):
        return {id_: body.partition("\n")[2] for id_, body in self.texts.items()}

    @staticmethod
    def _happens(what, *told):
        if what and (one := what.pop(0)):
            one(*told)


def tell(board, body, run="10.1", key=KEY):
    return living.tell(board, body, run, key)


def marked(body, run, key=KEY):
    """The text of a comment as it would be."""
    board = Board()
    tell(board, body, run, key)
    return board.texts[1]


def unanswered(*_):
    raise Unanswered("forge", "no answer")


def broken(*_):
    raise ForgeError("forge", "it fails")


def test_a_comment_begins_with_a_marker_that_nobody_sees():
    sha256 = hashlib.sha256(b"# Ledger").hexdigest()
    assert marked("# Ledger", "10.2") == f"<!-- greengate key=services/api run=10.2 sha256={sha256} -->\n# Ledger"


def test_twenty_pushes_leave_one_comment():
    board = Board()
    said = [tell(board, f"push {number}", f"{number}.1") for number in range(1, 21)]
    assert board.told() == {1: "push 20"}
    assert said == ["the comment was written", *["the comment was brought up to date"] * 19]
    assert board.log == ["say", *["edit 1"] * 19]


def test_the_same_run_with_the_same_to_say_edits_nothing():
    board = Board()
    assert [tell(board, "x"), tell(board, "x")] == ["the comment was written", "the comment stands as it was"]
    assert board.log == ["say"]


@pytest.mark.parametrize(
    ("there", "now", "text"),
    [
        ("10.1", "9.1", "old"),
        ("10.1", "9", "old"),
        ("10.2", "10.1", "old"),
        ("9.1", "10.1", "new"),
        ("10.9", "10.10", "new"),
        ("10.1", "10.1", "new"),
        ("", "1", "new"),
        ("17234567890.1", "9999999999.1", "old"),
    ],
)
def test_an_older_run_never_overwrites_a_newer_one(there, now, text):
    board = Board()
    tell(board, "old", there)
    said = tell(board, "new", now)
    assert board.told() == {1: text}
    assert said == (
        f"a newer run ({there}) has told it already" if text == "old" else "the comment was brought up to date"
    )


def test_an_older_run_does_not_win_because_a_newer_one_had_the_same_to_say():
    board = Board()
    for run, body in (("10.1", "x"), ("12.1", "x"), ("11.1", "y")):
        tell(board, body, run)
    assert board.told() == {1: "x"}


def test_every_key_has_a_comment_of_its_own():
    board = Board()
    for key in ("", "a", "b c", "a--b", "-->\n", "ä"):
        tell(board, f"for {key!r}", key=key)
        tell(board, f"again for {key!r}", key=key)
    assert list(board.told().values()) == [f"again for {key!r}" for key in ("", "a", "b c", "a--b", "-->\n", "ä")]
    assert all(text.splitlines()[0].count("--") == 2 for text in board.texts.values())


def test_what_a_maintainer_has_changed_in_it_is_written_anew():
    board = Board()
    tell(board, "failed")
    board.texts[1] = board.texts[1].replace("failed", "passed")
    assert tell(board, "failed") == "the comment was brought up to date"
    assert board.told() == {1: "failed"}


def test_what_a_forge_changes_of_spaces_is_no_change():
    board = Board()
    tell(board, "one\ntwo\n\n")
    board.texts[1] = board.texts[1].replace("\n", "\r\n").rstrip()
    assert tell(board, "one\ntwo\n\n") == "the comment stands as it was"


def test_a_comment_that_was_deleted_is_written_again():
    board = Board()
    tell(board, "x")
    board.texts.clear()
    assert tell(board, "y", "11.1") == "the comment was written"
    board.on_edit = [board.texts.pop]
    assert tell(board, "z", "12.1") == "the comment was written again"
    assert list(board.told().values()) == ["z"]


def test_without_an_answer_it_is_looked_for_before_it_is_written_again():
    board = Board(on_say=[unanswered])
    assert tell(board, "x") == "the comment was written"
    assert (board.told(), board.log) == ({1: "x"}, ["say", "say"])


def test_what_was_written_without_an_answer_is_not_written_again():
    board = Board()
    board.on_say = [lambda body: (board.put(body), unanswered())]
    assert tell(board, "x") == "the comment was written"
    assert (board.told(), board.log) == ({1: "x"}, ["say"])


def test_it_is_not_tried_for_ever():
    board = Board(on_say=[unanswered, unanswered])
    with pytest.raises(Unanswered):
        tell(board, "x")
    assert (board.told(), board.log) == ({}, ["say", "say"])


def test_where_it_cannot_be_looked_for_nothing_is_written():
    board = Board(on_look=[broken])
    with pytest.raises(ForgeError, match="it fails"):
        tell(board, "x")
    assert board.log == []


@pytest.mark.parametrize(
    ("other", "text", "words"),
    [
        ("11.1", "other", "a newer run (11.1) has told it already, and 1 more taken back"),
        ("9.1", "x", "the comment was brought up to date, and 1 more taken back"),
    ],
    ids=["newer", "older"],
)
def test_of_two_that_race_the_oldest_comment_stays_with_what_the_newest_run_says(other, text, words):
    board = Board()
    board.on_say = [lambda _: board.put(marked("other", other))]
    assert tell(board, "x") == words
    assert board.told() == {1: text}


def test_one_that_is_deleted_while_two_race_leaves_the_other():
    board = Board()
    board.put(marked("a", "1"))
    board.put(marked("b", "2"))
    board.on_edit = [board.texts.pop]
    assert tell(board, "x") == "the comment was brought up to date"
    assert board.told() == {2: "x"}


@pytest.mark.parametrize(
    "text",
    [" {}", "> {}", "\n{}", "see {}", "```\n{}\n```"],
    ids=["behind a space", "quoted", "on the second line", "within a line", "in a fence"],
)
def test_a_marker_counts_at_the_very_beginning_only(text):
    board = Board()
    board.put(text.format(marked("x", "99")))
    assert tell(board, "mine") == "the comment was written"
    assert len(board.texts) == 2


@pytest.mark.parametrize(
    "name",
    ["<!-- greengate key=services/api run=99 sha256=" + "0" * 64 + " -->", "--> <!-- x", "a\n<!-- greengate -->"],
)
def test_a_marker_cannot_be_forged_in_what_others_wrote(name):
    assert "<!--" not in markdown(name)
    assert "-->" not in markdown(name)
    board = Board(most=5000)
    tell(board, markdown(name), "10.1")
    assert tell(board, "x", "11.1") == "the comment was brought up to date"


@pytest.mark.parametrize("run", ["9" * 5000, "\u0661"], ids=["endless", "other digits"])
def test_a_run_that_none_can_have_makes_no_marker(run):
    board = Board()
    board.put(f"<!-- greengate key={KEY} run={run} sha256={'0' * 64} -->\nx")
    assert tell(board, "mine") == "the comment was written"


def test_a_body_that_does_not_fit_is_a_mistake_of_ours():
    board = Board()
    assert tell(board, "x" * living.room(board, "10.1", KEY)) == "the comment was written"
    with pytest.raises(AssertionError, match="a comment of 501 characters where 500 fit"):
        tell(board, "x" * (living.room(board, "10.1", KEY) + 1))


@pytest.mark.parametrize("run", ["10.x", "v1", "1..2", ".", "1.", "\u0661", "1 2", "9" * 65])
def test_a_run_that_is_no_number_is_refused(run):
    with pytest.raises(UsageError, match="is no run\n  hint: write its number and its attempt"):
        tell(Board(), "x", run)


RUNS = st.tuples(st.integers(1, 5), st.integers(1, 3)).map(lambda run: f"{run[0]}.{run[1]}")


@given(st.lists(st.tuples(RUNS, st.sampled_from("xyz")), min_size=1, max_size=12))
def test_in_whatever_order_runs_end_the_newest_has_the_word(told):
    board = Board()
    for run, body in told:
        tell(board, body, run)
    newest = max(told, key=lambda one: [int(part) for part in one[0].split(".")])[0]
    assert board.told() == {1: [body for run, body in told if run == newest][-1]}


@given(st.text(max_size=60), st.text(max_size=40))
def test_whatever_the_key_and_the_text_it_is_found_again(key, body):
    board = Board(most=5000)
    assert [tell(board, body, key=key), tell(board, body, key=key)] == [
        "the comment was written",
        "the comment stands as it was",
    ]
