"""What a store promises, in a file and in a database."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers_made import leaves, raw, root_of, unguarded

from greengate.errors import HistoryError
from greengate.ledger import merkle
from greengate.ledger.canonical import digest, encode
from greengate.ledger.store import Head, Store

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
    max_leaves=20,
)


@pytest.fixture
def store(place):
    opened = Store(place)
    yield opened
    opened.close()


def test_entries_come_back_newest_first_with_the_bytes_that_were_hashed(store):
    ids = [store.append(leaf).entry_id for leaf in (b"one", b"two")]
    assert [(entry.index, entry.leaf) for entry in store.newest_first()] == [(1, b"two"), (0, b"one")]
    assert ids == [hashlib.sha256(leaf).hexdigest() for leaf in (b"one", b"two")]


def test_many_entries_come_in_their_order_in_whole_and_in_part(store):
    made = leaves(1100)
    stored = store.append_all([(leaf, None) for leaf in made])
    assert [entry.leaf for entry in store.entries()] == made
    assert list(store.entries(500, 600)) == stored[500:600] == [store.stored(index) for index in range(500, 600)]
    assert list(store.newest_first()) == stored[::-1]


def test_what_is_appended_while_others_are_read_comes_after_them(store):
    store.append_all([(leaf, None) for leaf in leaves(600)])
    reading = store.entries()
    next(reading)
    store.append(b"late")
    assert len(list(reading)) == 599


def test_the_same_leaf_again_returns_the_old_entry(store):
    assert store.append(b"one") == store.append(b"one")
    assert [entry.index for entry in store.append_all([(b"two", None), (b"one", None), (b"two", None)])] == [1, 0, 1]
    assert store.size() == 2


def test_entries_are_looked_up_many_at_a_time_wherever_they_stand(store):
    stored = store.append_all([(leaf, None) for leaf in leaves(700)])
    right_before = [(one.entry_id, one.index + 1 + one.index % 2) for one in stored[:600]]
    asked = [*right_before, (stored[5].entry_id, 690), (digest(b"no entry"), 8), (stored[9].entry_id, 0),
             (stored[3].entry_id, 5), right_before[3]]  # fmt: skip
    expected = [*stored[:600], stored[5], None, stored[9], stored[3], stored[3]]
    assert list(store.all_near(asked)) == expected
    assert [next(store.all_near([one])) for one in asked[598:]] == expected[598:]
    assert list(store.all_near([])) == []


def test_what_was_changed_is_not_looked_up(store, place):
    stored = store.append_all([(leaf, None) for leaf in leaves(20)])
    with unguarded(place) as execute:
        execute("UPDATE ledger_entry SET leaf = leaf_hash WHERE idx = 7")
    with pytest.raises(HistoryError, match="entry 7 was changed after it was written"):
        list(store.all_near([(one.entry_id, one.index + 1) for one in stored]))


def test_nothing_is_appended_where_one_of_several_cannot_be(store):
    store.append(b"one")
    with pytest.raises(HistoryError, match="an entry of 65,536 bytes cannot be written, at most 65,535 can"):
        store.append_all([(b"two", None), (b"x" * 65_536, None)])
    assert store.append_all([]) == []
    assert store.size() == 1


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 700])
def test_the_tree_is_that_of_the_leaves(store, count):
    made = leaves(count)
    store.append_all([(leaf, None) for leaf in made[: count // 2]])
    store.append_all([(leaf, None) for leaf in made[count // 2 :]])
    assert store.head() == Head(count, root_of(made))


def test_every_node_proves_its_entries(store):
    made = leaves(600)
    store.append_all([(leaf, None) for leaf in made])
    root = store.head().root
    for index in (0, 255, 256, 511, 512, 599):
        proof = merkle.inclusion(index, 600, store.node)
        merkle.prove_inclusion(merkle.leaf_hash(made[index]), index, 600, proof, root)
    for old in (1, 256, 300, 512, 599, 600):
        merkle.prove_consistency(old, root_of(made[:old]), 600, root, merkle.consistency(old, 600, store.node))


@pytest.mark.parametrize("node", [(0, 3), (1, 1), (8, 0), (40, 0), (0, -1), (3, 2**64), (999, 0)])
def test_a_node_of_entries_that_are_not_there_is_told(store, node):
    store.append_all([(leaf, None) for leaf in leaves(3)])
    with pytest.raises(HistoryError) as caught:
        store.node(*node)
    assert caught.value.problem == f"its tree has no node {node}"


def test_an_entry_is_found_by_the_beginning_of_its_id(store):
    entry = store.append(b"one")
    assert store.find(entry.entry_id[:8]) == store.find(entry.entry_id) == [entry]
    assert store.find("zz") == store.find("") == store.find("*") == store.find("%") == []


@pytest.mark.parametrize("text", [b'umber":1', b"\\", b"\x00", b"", b"'"])
def test_entries_are_found_by_what_they_hold(store, text):
    made = [*leaves(30), b"zero \x00 in it", b"back\\slash", b"quo'te"]
    stored = store.append_all([(leaf, None) for leaf in made])
    assert store.holding(text, [""]) == [entry for entry in stored if text in entry.leaf]


@pytest.mark.parametrize("index", [-1, 1, 2**70])
def test_an_entry_that_is_not_there_is_told(store, index):
    store.append(b"one")
    with pytest.raises(HistoryError, match=f"there is no entry {index}"):
        store.stored(index)


def test_a_body_is_kept_by_its_digest_once(store):
    for leaf in (b"one", b"two", b"two"):
        store.append(leaf, {digest(b"body"): b"body", digest(b""): b""})
    assert (store.body(digest(b"body")), store.body(digest(b""))) == (b"body", b"")


def test_a_body_that_came_to_be_missing_can_be_given_again(store):
    store.append(b"one")
    store.append(b"one", {digest(b"body"): b"body"})
    assert store.body(digest(b"body")) == b"body"


def test_a_body_under_another_digest_is_refused(store):
    with pytest.raises(ValueError, match="is not the digest of this body"):
        store.append(b"leaf", {"0" * 64: b"body"})
    assert store.size() == 0


def test_a_body_that_is_missing_is_named(store):
    with pytest.raises(HistoryError, match="the evidence 000000000000… is missing or damaged"):
        store.body("0" * 64)


def test_checkpoints_are_kept_one_a_size(store):
    store.append_all([(leaf, None) for leaf in leaves(9)])
    for size, note in ((5, b"five"), (9, b"nine"), (7, b"seven"), (5, b"five")):
        store.keep_checkpoint(size, note)
    assert (store.checkpoint(), store.checkpoint(5), store.checkpoint(6)) == ((9, b"nine"), (5, b"five"), None)
    assert store.checkpoint(2**70) is store.checkpoint(-1) is None


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (2, "another checkpoint of 2 entries is kept already"),
        (4, "a checkpoint of 4 entries cannot be one of this history, which has 3"),
    ],
    ids=["another", "too large"],
)
def test_a_checkpoint_that_cannot_be_is_refused(store, size, told):
    store.append_all([(leaf, None) for leaf in leaves(3)])
    store.keep_checkpoint(2, b"two")
    with pytest.raises(HistoryError) as caught:
        store.keep_checkpoint(size, b"other")
    assert (caught.value.problem, store.checkpoint()) == (told, (2, b"two"))


def test_a_handle_has_one_pseudonym_until_it_is_forgotten(store):
    assert [store.remember(name, "alice") for name in ("person:1", "person:2")] == ["person:1", "person:1"]
    assert (store.handle("person:1"), store.pseudonyms("alice")) == ("alice", ["person:1"])
    assert [store.forget("alice"), store.forget("alice")] == [1, 0]
    assert (store.handle("person:1"), store.pseudonyms("alice"), store.size()) == (None, [], 0)


def test_a_pseudonym_stands_for_nobody_else(store):
    store.remember("person:1", "alice")
    with pytest.raises(HistoryError, match="person:1 stands for somebody else already"):
        store.remember("person:1", "bob")


def test_a_forgotten_handle_is_not_in_the_file(tmp_path):
    store = Store(tmp_path / "history.db")
    store.remember("person:1", "alice-of-wonderland")
    store.forget("alice-of-wonderland")
    store.close()
    assert b"wonderland" not in (tmp_path / "history.db").read_bytes()


CHANGES = [
    "UPDATE ledger_entry SET leaf = leaf",
    "DELETE FROM ledger_entry",
    "UPDATE ledger_body SET body = body",
    "DELETE FROM ledger_body",
    "UPDATE ledger_tile SET root = root",
    "DELETE FROM ledger_tile",
    "UPDATE ledger_checkpoint SET note = note",
    "DELETE FROM ledger_checkpoint",
    "UPDATE ledger_head SET size = size - 1",
    "DELETE FROM ledger_head",
]
REPLACED = [f"INSERT OR REPLACE INTO ledger_{name} SELECT * FROM ledger_{name}" for name in ("entry", "body", "head")]
EMPTIED = [f"TRUNCATE ledger_{name}" for name in ("entry", "tile", "body", "checkpoint", "head")]


@pytest.fixture
def full(store):
    store.append_all([(leaf, {digest(b"body"): b"body"}) for leaf in leaves(256)])
    store.keep_checkpoint(3, b"note")
    return store


@pytest.mark.parametrize("statement", CHANGES)
def test_the_database_itself_refuses_changes(full, place, statement):
    with raw(place) as execute, pytest.raises(Exception, match=r"never change|never go"):
        execute(statement)
    assert full.head() == Head(256, root_of(leaves(256)))


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("statement", REPLACED)
def test_sqlite_refuses_to_replace(full, place, statement):
    with raw(place) as execute, pytest.raises(Exception, match=r"never change|never go"):
        execute(statement)


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
@pytest.mark.parametrize("statement", EMPTIED)
def test_postgresql_refuses_to_empty_a_table(full, place, statement):
    with pytest.raises(Exception, match=r"never change|never go"), raw(place) as execute:
        execute(statement)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE ledger_entry SET leaf = ? WHERE idx = 1", "entry 1 was changed after it was written"),
        ("DELETE FROM ledger_entry WHERE leaf <> ? AND idx = 1", "there is no entry 1"),
        ("DELETE FROM ledger_entry WHERE leaf <> ? AND idx = 2", "there is no entry 2"),
    ],
    ids=["changed", "missing", "cut off"],
)
def test_entries_that_are_not_what_was_written_are_not_given_out(store, place, change, told):
    store.append_all([(leaf, None) for leaf in leaves(3)])
    with unguarded(place) as execute:
        execute(change, (b"other",))
    with pytest.raises(HistoryError, match=told) as caught:
        list(store.entries())
    assert caught.value.hint == "`greengate ledger verify` tells all that is wrong; restore a backup"


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM ledger_head",
        "UPDATE ledger_head SET size = 2, marked = 2",
        "UPDATE ledger_head SET size = -3, marked = -3",
        "UPDATE ledger_head SET frontier = (SELECT leaf_hash FROM ledger_entry WHERE idx = 0)",
        "UPDATE ledger_head SET size = 5, marked = 5",
    ],
    ids=["none", "another size", "a size below 0", "another tree", "a size beyond"],
)
def test_nothing_is_appended_to_a_ledger_whose_head_is_damaged(store, place, change):
    store.append_all([(leaf, None) for leaf in leaves(3)])
    with unguarded(place) as execute:
        execute(change)
    with pytest.raises(HistoryError, match="its head is damaged"):
        store.append(b"more")


@given(plain)
def test_canonical_json_reads_back_and_is_the_same_for_any_order_of_keys(value):
    data = encode(value)
    assert json.loads(data) == value
    if isinstance(value, dict):
        assert encode(dict(reversed(value.items()))) == data


def test_canonical_json_refuses_floats_wherever_they_are():
    with pytest.raises(TypeError, match="write it as a decimal string"):
        encode({"a": [1, {"b": 0.5}]})
