"""Checkpoints, receipts and what follows a checkpoint, as files of C2SP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signed_made import ORIGIN, Held, leaf, note_of, tree

from greengate.ledger import checkpoints, merkle, notes
from greengate.ledger.checkpoints import Checkpoint
from greengate.ledger.merkle import NotProven
from greengate.ledger.receipts import Growth, Receipt
from greengate.ledger.signing import Refused

LEAVES = [leaf(number) for number in range(11)]
NODE, ROOT = tree(LEAVES)
NOTE = note_of(LEAVES)
KNOWN = [Held().verifier]
RECEIPT = Receipt(7, tuple(merkle.inclusion(7, 11, NODE)), NOTE)
GROWTH = Growth(6, tuple(merkle.consistency(6, 11, NODE)), NOTE)
EARLIER = Checkpoint(ORIGIN, 6, tree(LEAVES[:6])[1])


def test_a_checkpoint_is_the_text_of_the_specification():
    assert NOTE.decode().split("\n")[:4] == [ORIGIN, "11", notes.encoded(ROOT), ""]
    assert checkpoints.opened(NOTE, KNOWN).checkpoint == Checkpoint(ORIGIN, 11, ROOT)


def test_lines_after_the_root_are_kept():
    said = Checkpoint(ORIGIN, 11, ROOT, ("one", "two"))
    assert checkpoints.opened(checkpoints.signed(said, Held()).note, KNOWN).checkpoint == said


def test_a_checkpoint_in_anothers_name_is_refused():
    data = notes.signed(str(Checkpoint("other.example", 11, ROOT)), [Held()])
    with pytest.raises(Refused, match=r"it is of other\.example, and signed in other names alone"):
        checkpoints.opened(data, KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n11\n",
        f"\n11\n{notes.encoded(ROOT)}\n",
        f"evil\x9b31m\n11\n{notes.encoded(ROOT)}\n",
        f"{ORIGIN}\n011\n{notes.encoded(ROOT)}\n",
        f"{ORIGIN}\n-1\n{notes.encoded(ROOT)}\n",
        f"{ORIGIN}\n11\n{notes.encoded(ROOT)}\n\nmore\n",
        f"{ORIGIN}\n11\n{notes.encoded(ROOT[:31])}\n",
        f"{ORIGIN}\n{'1' * 19}\n{notes.encoded(ROOT)}\n",
        f"{ORIGIN}\n\u0661\u0661\n{notes.encoded(ROOT)}\n",
    ],
    ids=[
        "no root",
        "no origin",
        "a control of terminals",
        "a leading zero",
        "a sign",
        "a blank line",
        "a short root",
        "too many",
        "no ASCII",
    ],
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(Refused):
        checkpoints.opened(notes.signed(text, [Held()]), KNOWN)


def test_a_receipt_proves_its_leaf_and_no_other():
    assert RECEIPT.proves(LEAVES[7], KNOWN).checkpoint.size == 11
    with pytest.raises(NotProven, match="entry 7 is not the one that the root stands for"):
        RECEIPT.proves(LEAVES[6], KNOWN)


def test_a_receipt_is_read_as_it_was_written():
    for one in (RECEIPT, Receipt(0, (), NOTE, b"beside")):
        assert Receipt.parse(bytes(one)) == one


def test_a_receipt_looks_as_the_specification_says():
    lines = bytes(RECEIPT).decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 7"]
    assert lines[2:7] == [*map(notes.encoded, RECEIPT.proof), ""]
    assert "\n".join(lines[7:]).encode() == NOTE


@given(st.integers(0, len(bytes(RECEIPT)) - 1), st.integers(1, 255))
def test_no_byte_of_a_receipt_can_be_another_one(place, other):
    data = bytearray(bytes(RECEIPT))
    data[place] ^= other
    with pytest.raises((Refused, NotProven)):
        Receipt.parse(bytes(data)).proves(LEAVES[7], KNOWN)


@given(st.integers(0, len(bytes(GROWTH)) - 1), st.integers(1, 255))
def test_no_byte_of_what_follows_a_checkpoint_can_be_another_one(place, other):
    data = bytearray(bytes(GROWTH))
    data[place] ^= other
    with pytest.raises((Refused, NotProven)):
        Growth.parse(bytes(data)).proves(EARLIER, KNOWN)


@given(st.integers(0, len(bytes(RECEIPT)) - 1))
def test_a_receipt_that_was_cut_is_refused(length):
    with pytest.raises((Refused, NotProven)):
        Receipt.parse(bytes(RECEIPT)[:length]).proves(LEAVES[7], KNOWN)


def test_what_follows_a_checkpoint_is_proved():
    read = Growth.parse(bytes(GROWTH))
    assert read == GROWTH
    assert read.proves(EARLIER, KNOWN).checkpoint.size == 11


@pytest.mark.parametrize(
    ("earlier", "words"),
    [
        (Checkpoint(ORIGIN, 6, ROOT), "the first 6 entries of the tree of 11 are not those of the tree of 6"),
        (Checkpoint(ORIGIN, 5, EARLIER.root), "it tells what follows 6 entries, and not what follows 5"),
        (Checkpoint("other.example", 6, EARLIER.root), r"it is of example\.com/greengate, and not of other\.example"),
    ],
    ids=["a fork", "another size", "another ledger"],
)
def test_what_does_not_follow_is_refused(earlier, words):
    with pytest.raises((Refused, NotProven), match=words):
        GROWTH.proves(earlier, KNOWN)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is no proof"),
        (NOTE, "it is no receipt"),
        (b"c2sp.org/tlog-proof@v2\nindex 0\n\n" + NOTE, "it is no receipt"),
        (b"c2sp.org/tlog-proof@v1\n\n" + NOTE, "it is no receipt"),
        (b"c2sp.org/tlog-proof@v1\nindex 00\n\n" + NOTE, "found 'index 00', expected `index` and a number"),
        (b"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n" + NOTE, "a line of it is no SHA-256"),
        (
            b"c2sp.org/tlog-proof@v1\nindex 0\n" + b"A" * 43 + b"=\n" * 1 + (b"A" * 43 + b"=\n") * 63 + b"\n" + NOTE,
            "63",
        ),
        ("c2sp.org/tlog-proof@v1\nindex \u0660\n\n".encode() + NOTE, "more than ASCII"),
    ],
    ids=["empty", "a checkpoint", "a newer one", "no index", "a leading zero", "a short hash", "too long", "no ASCII"],
)
def test_what_is_no_receipt_is_refused_with_words(data, words):
    with pytest.raises(Refused, match=words):
        Receipt.parse(data)
