"""Whatever is done to a ledger or to an export of it, an audit notices it and says where."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signed_made import AT, ORIGIN, Held, leaf, notary, note_of, stored, tree
from signed_made import signed as signed_ledger

from greengate.errors import HistoryError, UsageError
from greengate.ledger import exports, merkle, notes, reigns
from greengate.ledger.audit import Given, audit
from greengate.ledger.canonical import digest, encode
from greengate.ledger.exports import Export
from greengate.ledger.inspection import of_export, of_store
from greengate.ledger.receipts import Receipt
from greengate.ledger.store import Store
from greengate.ledger.survey import told
from greengate.ledger.witness import Witness

BODY = b'{"what":"lies beside"}'
FIRST, SECOND = reigns.first(Held(1).verifier, AT), reigns.changed(Held(1), Held(2).verifier, AT)
LEAVES = [leaf(0), FIRST, leaf(1), leaf(digest(BODY)), *map(leaf, range(3, 6))]
NOTE = note_of(LEAVES)
PINNED = [Held(1).verifier]
LINES = list(
    exports.lines(stored(LEAVES), ORIGIN, NOTE, lambda one: [(digest(BODY), BODY)] if one == LEAVES[3] else [])
)
WHOLE = b"".join(LINES)


def signed(leaves=LEAVES, where="outside", **more):
    return Given.read(where, note_of(leaves, **more))


def faults(leaves, *given, pinned=PINNED):
    return audit(stored(leaves), given, pinned).faults


def examined(tmp_path_factory, data, *given):
    file = tmp_path_factory.getbasetemp() / "export.jsonl"
    file.write_bytes(data)
    return of_export(file, given, PINNED)


# A ledger


def test_a_ledger_that_was_left_alone_is_sound():
    found = audit(stored(LEAVES), [signed(), signed(LEAVES[:3], "older")], PINNED)
    assert (found.sound, found.size, found.root) == (True, 7, tree(LEAVES)[1])
    assert found.held == [("outside", 7), ("older", 3)]
    assert found.remarks == []


@given(st.integers(0, 6), st.data())
def test_any_byte_of_any_entry_shows_against_a_checkpoint_even_with_its_id_made_new(index, data):
    changed = bytearray(LEAVES[index])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    assert faults([*LEAVES[:index], bytes(changed), *LEAVES[index + 1 :]], signed())


@given(st.permutations(LEAVES).filter(lambda order: order != LEAVES))
def test_any_other_order_shows(order):
    assert faults(order, signed())


@given(st.integers(0, 7))
def test_an_entry_that_was_put_in_shows_before_the_checkpoint_and_may_come_after_it(place):
    assert bool(faults([*LEAVES[:place], leaf(99), *LEAVES[place:]], signed())) == (place < 7)


@given(st.integers(0, 6))
def test_an_entry_that_was_taken_out_shows(place):
    assert faults([*LEAVES[:place], *LEAVES[place + 1 :]], signed())


@given(st.integers(0, 6), st.integers(1, 7))
def test_a_fork_shows_however_long_it_is(place, more):
    assert faults([*LEAVES[:place], *(leaf(50 + number) for number in range(more))], signed())


def test_a_fault_names_its_place():
    wrong = stored(LEAVES)
    wrong[3] = type(wrong[3])(3, wrong[3].entry_id, leaf(77))
    wrong[5] = type(wrong[5])(9, wrong[5].entry_id, wrong[5].leaf)
    told = audit(wrong, [], PINNED).faults
    assert told == [
        f"entry 3 was changed: its id is {digest(LEAVES[3])}, and its bytes have the digest {digest(leaf(77))}",
        "entry 5 is not there: in its place stands entry 9",
    ]


def test_what_is_cut_off_is_told_with_both_sizes():
    (told,) = faults(LEAVES[:4], signed())
    words = f"7 entries, root {notes.encoded(tree(LEAVES)[1])}, were signed, and there are 4"
    assert told == f"outside: {words}: entries were taken away, or a backup restored"


def test_without_a_checkpoint_nobody_knows_what_was_cut_off_and_that_is_said():
    found = audit(stored(LEAVES[:4]), [], PINNED)
    assert found.sound
    assert found.remarks == ["no checkpoint from outside the ledger was given: entries cut from its end would not show"]


def test_a_receipt_shows_that_its_own_entry_stands_where_it_stood():
    node, _ = tree(LEAVES)
    proof = Receipt(4, tuple(merkle.inclusion(4, 7, node)), NOTE)
    assert faults([*LEAVES, leaf(9)], Given.read("r", bytes(proof))) == []
    assert faults(LEAVES, Given.read("r", bytes(Receipt(5, proof.proof, NOTE)))) == [
        "r: entry 5 is not the one that the root stands for"
    ]
    assert faults(LEAVES, Given.read("r", bytes(Receipt(8, proof.proof, NOTE)))) == [
        "r: it is of entry 8, which is not there"
    ]


@pytest.mark.parametrize(
    ("one", "pinned", "words"),
    [
        (signed(signer=Held(3)), PINNED, "and by no key that is known"),
        (signed(signer=Held(3)), [], "and by no key that is known"),
        (signed(), [Held(3).verifier], "and by no key that is known"),
        (signed(origin="other.example"), PINNED, "it is of other.example, and this ledger is example.com/greengate"),
    ],
    ids=["a stranger's", "a stranger's, nothing pinned", "another one is pinned", "another ledger's"],
)
def test_a_checkpoint_by_the_wrong_key_is_a_fault(one, pinned, words):
    (told,) = faults(LEAVES, one, pinned=pinned)
    assert words in told


def test_an_older_key_stands_for_older_checkpoints_alone():
    leaves = [*LEAVES, SECOND, leaf(8)]
    assert faults(leaves, signed(LEAVES), signed(leaves, signer=Held(2))) == []
    (told,) = faults(leaves, signed(leaves, signer=Held(1)))
    assert told.endswith(f"and at 9 entries the ledger's key was {Held(2).verifier}")


def test_who_pins_a_lost_key_does_not_follow_to_the_next():
    leaves = [*LEAVES, reigns.lost(Held(1).verifier, Held(2).verifier, AT, "the disk burnt")]
    found = audit(stored(leaves), [signed(leaves, signer=Held(2))], [])
    assert found.sound
    assert any("the one before it did not sign; it is said to be lost: the disk burnt" in one for one in found.remarks)
    assert "by no key that is known" in faults(leaves, signed(leaves, signer=Held(2)))[0]
    assert faults(leaves, signed(leaves, signer=Held(2)), pinned=[*PINNED, Held(2).verifier]) == []


def test_a_key_that_nobody_pins_is_the_ledgers_own_word_and_that_is_said():
    assert audit(stored(LEAVES), [signed()], []).remarks == [
        f"the key is the ledger's own word: pin it, --verifier {Held(1).verifier}"
    ]


def test_clocks_that_went_back_and_kinds_that_are_not_known_are_told():
    strange = encode({"predicateType": "urn:greengate:telepathy:v1", "predicate": {"at": AT}})
    leaves = [*LEAVES, leaf(8, "2026-11-21T12:00:00Z"), leaf(9, "2026-11-21T11:00:00Z"), strange, b"\xff"]
    assert audit(stored(leaves), [signed(leaves)], PINNED).remarks == [
        "the clock went back at entry 8: 2026-11-21T11:00:00Z, after 2026-11-21T12:00:00Z",
        "the clock went back at entry 9: 2026-11-21T10:00:00Z, after 2026-11-21T12:00:00Z",
        "1 entry is of the kind urn:greengate:telepathy:v1, which this greengate does not know",
        "1 entry is no statements",
    ]


def test_an_empty_ledger_is_sound():
    found = audit([], [], [])
    assert (found.sound, found.size, found.root) == (True, 0, merkle.EMPTY)


def test_faults_are_counted_beyond_the_first_hundred():
    found = audit([type(one)(one.index + 1, one.entry_id, one.leaf) for one in stored([leaf(0)] * 150)], [], [])
    assert (len(found.faults), found.more) == (100, 50)


# An export


def test_an_export_that_was_left_alone_is_sound(tmp_path_factory):
    found = examined(tmp_path_factory, WHOLE)
    assert (found.faults, found.size, found.held[0][1]) == ([], 7, 7)


def notices(tmp_path_factory, data, *given):
    """Whether it is found to be no export, or none that holds together."""
    try:
        return not examined(tmp_path_factory, data, *given).sound
    except UsageError as error:
        return error.problem.startswith(("it is no export of a ledger", "it is of the form"))


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_no_byte_of_an_export_can_be_another_one(tmp_path_factory, place, other):
    data = bytearray(WHOLE)
    data[place] ^= other
    assert notices(tmp_path_factory, bytes(data))


EVIDENCE = next(place for place, line in enumerate(LINES) if b'"body"' in line)


@given(st.integers(0, len(LINES) - 1).filter(lambda place: place != EVIDENCE))
def test_no_line_of_an_export_can_be_gone_or_stand_twice(tmp_path_factory, place):
    assert notices(tmp_path_factory, b"".join(LINES[:place] + LINES[place + 1 :]))
    assert notices(tmp_path_factory, b"".join(LINES[: place + 1] + LINES[place:]))


@given(st.permutations(LINES).filter(lambda order: order != LINES))
def test_no_line_of_an_export_can_stand_elsewhere(tmp_path_factory, order):
    assert notices(tmp_path_factory, b"".join(order))


def test_an_export_may_leave_out_what_lies_beside_its_entries(tmp_path_factory):
    assert examined(tmp_path_factory, b"".join(LINES[:EVIDENCE] + LINES[EVIDENCE + 1 :])).sound


@given(st.integers(0, len(WHOLE) - 1))
def test_an_export_that_was_cut_is_none(tmp_path_factory, length):
    assert notices(tmp_path_factory, WHOLE[:length])


@given(st.integers(0, 6), st.booleans())
def test_an_export_that_was_made_up_anew_shows_against_a_checkpoint(tmp_path_factory, place, with_note):
    leaves = [*LEAVES[:place], leaf(99), *LEAVES[place + 1 :]]
    data = b"".join(exports.lines(stored(leaves), ORIGIN if FIRST in leaves else "", NOTE if with_note else None))
    assert not examined(tmp_path_factory, data, signed()).sound


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", UsageError, "it is no export of a ledger"),
        (b"nonsense\n", UsageError, "it is no export of a ledger"),
        (b"[1]\n", UsageError, "it is no export of a ledger"),
        (WHOLE.replace(b"export/v1", b"export/v2"), UsageError, "of the form 'greengate/ledger-export/v2', and"),
        (WHOLE[:-40], HistoryError, "the export was cut: its last line is not there"),
        (WHOLE.replace(b'{"id"', b'{ "id"', 1), HistoryError, ":2: this is no canonical JSON"),
        (WHOLE + LINES[1], HistoryError, "the export was cut: its last line is not there"),
        (WHOLE + LINES[-1], HistoryError, ":11: there is a line after the one that ends an export"),
        (LINES[0] + b'{"index":0}\n' + LINES[-1], HistoryError, ":2: this is no line of an export"),
        (WHOLE.replace(b'"index":0', b'"index":"\xc2\x9b"'), HistoryError, ":2: this is no index of an entry"),
        (WHOLE.replace(b'"example.com', b'"\xc2\x9bexample.com'), HistoryError, ":1: this is no first line"),
    ],
    ids=[
        "empty",
        "text",
        "a list",
        "newer",
        "cut",
        "a space",
        "continued",
        "two ends",
        "a key missing",
        "index",
        "name",
    ],
)
def test_what_is_no_export_is_told_with_its_line(tmp_path, data, error, words):
    (tmp_path / "e.jsonl").write_bytes(data)
    with pytest.raises(error) as told:
        list(Export(tmp_path / "e.jsonl").parts())
    assert words in str(told.value)


def test_an_export_is_read_with_what_lies_beside_it(tmp_path):
    (tmp_path / "e.jsonl").write_bytes(WHOLE)
    parts = list(Export(tmp_path / "e.jsonl").parts())
    assert [one for one, _ in parts] == stored(LEAVES)
    assert [beside for _, beside in parts if beside] == [{digest(BODY): BODY}]


def test_an_export_of_nothing_is_sound(tmp_path_factory):
    assert examined(tmp_path_factory, b"".join(exports.lines([], "", None))).faults == []


def test_a_foot_that_tells_another_number_is_a_fault(tmp_path_factory):
    foot = json.loads(LINES[-1]) | {"size": 8}
    (told,) = examined(tmp_path_factory, b"".join(LINES[:-1]) + encode(foot) + b"\n").faults
    assert "its last line: it tells 8 entries" in told


def test_time_and_type_are_told_alike_whether_an_entry_begins_with_its_time_or_not():
    usual = json.loads(leaf(0))
    other = usual | {"predicate": {"amount": 'x","predicateType":"urn:evil', **usual["predicate"]}}
    assert told(encode(usual)) == told(encode(other)) == ("urn:greengate:retirement:v1", AT)
    tricky = usual | {"subject": [{"name": '","predicateType":"urn:evil', "digest": {}}]}
    assert told(encode(tricky)) == ("urn:greengate:retirement:v1", AT)


class Signing(Witness):
    """The file of a ledger to which somebody appends, and which is signed anew, whenever it is read."""

    def read(self):
        with Store(str(self.path).removesuffix(".checkpoint")) as other:
            other.append(leaf(other.size()))
            notary(other).sign(AT)
        return super().read()


def test_a_ledger_that_is_signed_anew_while_it_is_looked_at_is_sound(tmp_path):
    with signed_ledger(tmp_path, 3) as store:
        found = of_store(store, Signing.beside(str(store.place)), [], [])
    assert (found.faults, found.size) == ([], 5)


def test_who_else_may_make_functions_beside_a_ledger_is_a_note(postgres, opened):
    place = postgres.schema()
    schema = place.rpartition("%3D")[2]
    postgres.run(f"GRANT CREATE ON SCHEMA {schema} TO PUBLIC")
    found = of_store(opened(place), None, [], [])
    assert (found.faults, found.remarks[-1]) == ([], (
        f"in the schema {schema} others may make functions, which could act with the rights of whoever uses the "
        "ledger: `REVOKE CREATE` there"
    ))  # fmt: skip
