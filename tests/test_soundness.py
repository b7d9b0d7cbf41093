"""What is wrong inside a ledger, told with its place."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers_made import first_format, leaves, policy, raw, root_of, unguarded

from greengate import records
from greengate.ledger.canonical import digest, encode
from greengate.ledger.merkle import EMPTY, leaf_hash
from greengate.ledger.references import FIELDS, likely, mentioned, referred
from greengate.ledger.soundness import sound
from greengate.ledger.store import Head, Store
from greengate.records import Kind, predicate_type, type_of

COUNT = 600
BODY = digest(b"body")
IDS = [digest(leaf) for leaf in leaves(COUNT)]


def note(size, root):
    return f"example.com/ledger\n{size}\n{base64.b64encode(root).decode()}\n\n— example.com/ledger AAAA\n".encode()


@pytest.fixture
def store(place, opened):
    """A ledger of 600 entries, the last of them a policy whose text is kept beside, with two checkpoints."""
    made = opened(place)
    made.append_all([*((leaf, None) for leaf in leaves(COUNT - 1)), (policy(b"body"), {BODY: b"body"})])
    for size in (300, COUNT):
        made.keep_checkpoint(size, note(size, root_of([*leaves(COUNT - 1), policy(b"body")][:size])))
    return made


def test_nothing_is_told_of_a_sound_ledger(store):
    assert list(sound(store)) == list(sound(store, store.head())) == []
    assert list(sound(store, Head(300, root_of(leaves(300))))) == []


def test_nothing_is_told_of_an_empty_ledger(place, opened):
    opened(place).keep_checkpoint(0, note(0, EMPTY))
    assert list(sound(opened(place), Head(0, EMPTY))) == []


def test_nothing_is_told_of_a_sound_ledger_of_the_first_format(tmp_path, opened):
    first_format(tmp_path / "h.db", leaves(COUNT))
    assert list(sound(opened(tmp_path / "h.db"), Head(300, root_of(leaves(300))))) == []


TILE = "the tile (1, 0) does not follow from entries 0 to 255"
HEAD = f"the head does not follow from the {COUNT} entries"
NOTES = [f"the checkpoint of {size} entries that is kept does not follow from them" for size in (300, COUNT)]
FAULTS = {
    "other bytes": (
        ["UPDATE ledger_entry SET leaf = (SELECT body FROM ledger_body) WHERE idx = 5"],
        [
            f"entry 5 was changed after it was written: its id is {IDS[5]}, and its digest {BODY}",
            TILE, *NOTES, HEAD,
        ],
    ),
    "another hash": (
        ["UPDATE ledger_entry SET leaf_hash = (SELECT leaf_hash FROM ledger_entry WHERE idx = 1) WHERE idx = 5"],
        ["entry 5 has another hash than its bytes"],
    ),
    "another id": (
        ["UPDATE ledger_entry SET entry_id = 'ab' WHERE idx = 0"],
        [f"entry 0 was changed after it was written: its id is ab, and its digest {IDS[0]}"],
    ),
    "an entry less": (
        ["DELETE FROM ledger_entry WHERE idx = 5"],
        ["entry 5 is missing"],
    ),
    "many entries less": (
        ["DELETE FROM ledger_entry WHERE idx > 4 AND idx < 595"],
        ["entries 5 to 594 are missing"],
    ),
    "the last ones less": (
        ["DELETE FROM ledger_entry WHERE idx >= 590"],
        ["entries 590 to 599 are missing", f"no entry refers to the evidence {BODY}"],
    ),
    "all of them less": (
        ["DELETE FROM ledger_entry"],
        ["entries 0 to 599 are missing", f"no entry refers to the evidence {BODY}"],
    ),
    "an entry far beyond": (
        ["UPDATE ledger_entry SET idx = 700 WHERE idx = 599"],
        ["entry 599 is missing", "entry 700 stands beyond the head, which says 600"],
    ),
    "two that were swapped": (
        [
            "UPDATE ledger_entry SET idx = -1 WHERE idx = 5",
            "UPDATE ledger_entry SET idx = 5 WHERE idx = 6",
            "UPDATE ledger_entry SET idx = 6 WHERE idx = -1",
        ],
        [TILE, *NOTES, HEAD],
    ),
    "a smaller head": (
        ["UPDATE ledger_head SET size = 599, marked = 599"],
        [
            "its head is damaged: a tree of 599 leaves has 6 complete subtrees, not 4",
            "entry 599 stands beyond the head, which says 599",
            "a checkpoint of 600 entries is kept, and there are 599",
            "entry 599 is marked, and is not there",
        ],
    ),
    "another frontier": (
        [
            "UPDATE ledger_head SET size = 512, marked = 512",
            "UPDATE ledger_head SET frontier = (SELECT b.root FROM ledger_tile b WHERE b.idx = 0)",
        ],
        [
            "the head does not follow from the 512 entries",
            "88 entries, 512 to 599, stand beyond the head, which says 512",
            "a checkpoint of 600 entries is kept, and there are 512",
            "88 marks are of entries that are not there, the first of entry 512",
        ],
    ),
    "no head": (["DELETE FROM ledger_head"], ["the head is missing"]),
    "another tile": (
        ["UPDATE ledger_tile SET root = (SELECT b.root FROM ledger_tile b WHERE b.idx = 1) WHERE idx = 0"],
        [TILE],
    ),
    "a tile less": (["DELETE FROM ledger_tile WHERE idx = 1"], ["the tile of entries 256 to 511 is missing"]),
    "tiles where none can be": (
        ["UPDATE ledger_tile SET idx = 2 WHERE idx = 1", "UPDATE ledger_tile SET level = 9 WHERE idx = 0"],
        [
            "the tile of entries 0 to 255 is missing",
            "the tile of entries 256 to 511 is missing",
            "the tile (1, 2) is of entries that are not there",
            "there cannot be a tile (9, 0)",
        ],
    ),
    "a checkpoint of another ledger": (
        ["UPDATE ledger_checkpoint SET note = (SELECT body FROM ledger_body) WHERE size = 300"],
        [NOTES[0]],
    ),
    "other evidence": (
        ["UPDATE ledger_body SET body = (SELECT leaf FROM ledger_entry WHERE idx = 0)"],
        [f"the evidence {BODY} is damaged: its bytes have another digest"],
    ),
    "evidence less": (
        ["DELETE FROM ledger_body"],
        [f"entry 599 refers to the sha256 {BODY}, which is missing"],
    ),
    "evidence that nobody asked for": (
        [f"UPDATE ledger_body SET digest = '{IDS[0]}', body = (SELECT leaf FROM ledger_entry WHERE idx = 0)"],
        [
            f"entry 599 refers to the sha256 {BODY}, which is missing",
            f"no entry refers to the evidence {IDS[0]}",
        ],
    ),
    "another mark": (
        ["UPDATE ledger_mark SET value = 'other' WHERE idx = 5"],
        ["entry 5 is marked as other, and of another type", "entry 5 is not marked as ''"],
    ),
    "a mark less": (
        [f"DELETE FROM ledger_mark WHERE idx = {COUNT - 1}"],
        [f"entry {COUNT - 1} is not marked as 'urn:greengate:policy:v1'"],
    ),
    "marks that were swapped": (
        [
            "UPDATE ledger_mark SET idx = -1 WHERE idx = 599",
            "UPDATE ledger_mark SET idx = 599 WHERE idx = 0",
            "UPDATE ledger_mark SET idx = 0 WHERE idx = -1",
        ],
        [
            "entry 599 is marked as '', and of another type",
            "entry 0 is marked as 'urn:greengate:policy:v1', and of another type",
            "entry 0 is not marked as ''",
            "entry 599 is not marked as 'urn:greengate:policy:v1'",
        ],
    ),
    "a mark of nothing": (
        ["INSERT INTO ledger_mark VALUES ('supersedes', 'z z', 5)"],
        ["entry 5 is marked as supersedes 'z z', and is not"],
    ),
    "evidence with no digest for a name": (
        ["UPDATE ledger_body SET digest = 'z z'"],
        [
            "the evidence b'z z' is damaged: its bytes have another digest",
            f"entry 599 refers to the sha256 {BODY}, which is missing",
            "no entry refers to the evidence b'z z'",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "told"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_is_told_with_its_place(store, place, statements, told):
    with unguarded(place) as execute:
        for one in statements:
            execute(one)
    assert list(sound(store)) == told


def take_key(execute, place, table, key):
    """Take a key away, so that a row can stand twice."""
    if place.startswith("postgresql"):
        execute(f"ALTER TABLE {table} DROP CONSTRAINT {key}")
    else:
        for statement in ("CREATE TABLE again AS SELECT * FROM {}", "DROP TABLE {}", "ALTER TABLE again RENAME TO {}"):
            execute(statement.format(table))


@pytest.mark.parametrize("index", [5, 2047])
def test_a_mark_that_stands_twice_is_told(opened, place, index):
    store = opened(place)
    store.append_all([(leaf, None) for leaf in leaves(2100)])
    with unguarded(place) as execute:
        take_key(execute, place, "ledger_mark", "ledger_mark_pkey")
        execute("INSERT INTO ledger_mark SELECT * FROM ledger_mark WHERE idx = ?", (index,))
    assert list(sound(store)) == ["of 2101 marks as '', 1 are of no entry, or stand twice"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET leaf = 'text' WHERE idx = 5",
        "UPDATE ledger_entry SET leaf = 7, entry_id = 8 WHERE idx = 5",
        "UPDATE ledger_head SET size = 'many', marked = 'many'",
        "UPDATE ledger_head SET frontier = 5",
        "UPDATE ledger_body SET body = 5, digest = x'00'",
        "UPDATE ledger_body SET digest = x'ff'",
        "UPDATE ledger_entry SET entry_id = x'1b5b' || 'nonsense' WHERE idx = 5",
        "UPDATE ledger_tile SET level = 'high'",
        "UPDATE ledger_tile SET root = 'a root of thirty-two characters.'",
        "UPDATE ledger_checkpoint SET note = NULL",
        "UPDATE ledger_head SET size = 4611686018427387904, marked = 4611686018427387904",
        "INSERT INTO ledger_mark VALUES ('type', 'x', 1.5)",
        "UPDATE ledger_mark SET idx = 5.5 WHERE idx = 5",
        "INSERT INTO ledger_mark VALUES (x'ff', x'1b', 1.5)",
    ],
)
def test_values_of_other_types_are_told_as_well(store, place, statement):
    with unguarded(place) as execute:
        execute("PRAGMA ignore_check_constraints = ON")
        execute("PRAGMA writable_schema = ON")
        execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'")
    with unguarded(place) as execute:
        execute(statement)
    told = list(sound(store))
    assert told
    assert all(one.isprintable() for one in told)


@pytest.mark.parametrize(("place", "name"), [("sqlite", "update"), ("postgres", "change")], indirect=["place"])
def test_a_guard_that_was_taken_away_is_told(store, place, name):
    with raw(place) as execute:
        taken = "ALTER TABLE ledger_entry DISABLE TRIGGER" if name == "change" else "DROP TRIGGER"
        execute(f"{taken} ledger_entry_no_{name}")
    assert list(sound(store)) == [f"the guard ledger_entry_no_{name} is not in force: what it guards can be changed"]


def test_a_leaf_that_was_written_twice_is_told(store, place):
    with unguarded(place) as execute:
        take_key(execute, place, "ledger_entry", "ledger_entry_by_id")
        row = "SELECT idx + 1, (SELECT entry_id FROM ledger_entry WHERE idx = 7), leaf_hash, leaf FROM ledger_entry"
        execute("DELETE FROM ledger_entry WHERE idx = 8")
        execute(f"INSERT INTO ledger_entry {row} WHERE idx = 7")
    assert [one for one in sound(store) if "again" in one] == ["entry 8 is entry 7 again"]


def test_an_index_that_stands_twice_is_told(store, place):
    with unguarded(place) as execute:
        if place.startswith("postgresql"):
            execute("ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_by_idx")
        else:
            execute("CREATE TABLE again AS SELECT * FROM ledger_entry")
            execute("DROP TABLE ledger_entry")
            execute("ALTER TABLE again RENAME TO ledger_entry")
        execute("UPDATE ledger_entry SET idx = 7 WHERE idx = 8")
    assert list(sound(store))[:2] == ["the index 7 stands twice", "entry 8 is missing"]


def test_a_tail_that_was_cut_off_with_the_head_shows_against_what_was_before(place, opened):
    store = opened(place)
    store.append_all([(leaf, None) for leaf in leaves(5)])
    before = Head(9, root_of(leaves(9)))
    gone = "entries were taken from its end, or an older copy was put back"
    assert list(sound(store)) == []
    assert list(sound(store, before)) == [f"there are 5 entries, and 9 were there before: {gone}"]


def test_another_ledger_shows_against_what_was_before(place, opened):
    store = opened(place)
    store.append_all([(leaf, None) for leaf in [*leaves(5), *leaves(5, start=7)]])
    told = ["the first 9 entries have another root than before: one of them is another"]
    assert list(sound(store, Head(5, root_of(leaves(5))))) == []
    assert list(sound(store, Head(9, root_of(leaves(9))))) == told


def test_what_is_appended_meanwhile_is_no_fault(store, opened, place):
    walking = sound(store)
    other = opened(place)
    other.append(policy(b"late"), {digest(b"late"): b"late"})
    assert list(walking) == []


def test_memory_does_not_grow_with_the_entries(store):
    """One batch of rows at a time is asked for."""
    store.append_all([(leaf, None) for leaf in leaves(1500, start=10_000)])
    asked = []
    ask = store.keeper.ask
    store.keeper.ask = lambda *given: asked.append(ask(*given)) or asked[-1]
    assert list(sound(store)) == []
    assert max(map(len, asked)) == 2048


# Hypothesis over a file: whatever is done to the bytes of its entries shows.


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A ledger of 40 entries, and its rows."""
    path = tmp_path_factory.mktemp("small") / "h.db"
    with Store(path) as store:
        store.append_all([(leaf, None) for leaf in leaves(40)])
        head = store.head()
    with unguarded(path) as execute:
        return path, head, execute("SELECT * FROM ledger_entry ORDER BY idx").fetchall()


def after(small, rows):
    """What is told of the ledger with other rows in the place of its own."""
    path, head, _ = small
    with unguarded(path) as execute:
        execute("DELETE FROM ledger_entry")
        for row in rows:
            execute("INSERT INTO ledger_entry VALUES (?, ?, ?, ?)", row)
    with Store(path) as store:
        return list(sound(store, head))


def rehashed(index, leaf):
    return (index, digest(leaf), leaf_hash(leaf), leaf)


@settings(max_examples=60)
@given(st.integers(0, 39), st.data())
def test_any_byte_that_is_changed_is_told_with_its_entry(small, index, data):
    rows = [*small[2]]
    leaf = bytearray(rows[index][3])
    at, by = data.draw(st.integers(0, len(leaf) - 1)), data.draw(st.integers(1, 255))
    leaf[at] ^= by
    rows[index] = (*rows[index][:3], bytes(leaf))
    assert after(small, rows)[0].startswith(f"entry {index} was changed after it was written: ")


@settings(max_examples=40)
@given(st.integers(0, 39), st.binary(max_size=40))
def test_an_entry_that_was_written_anew_with_its_hashes_is_told(small, index, leaf):
    rows = [*small[2]]
    rows[index] = rehashed(index, leaf)
    told = ["the first 40 entries have another root than before: one of them is another"]
    found = [one for one in after(small, rows) if "marked" not in one]  # bytes may look like those of another type
    assert found == [*told, "the head does not follow from the 40 entries"]


@settings(max_examples=30)
@given(st.integers(0, 38))
def test_an_entry_that_was_taken_out_is_told(small, index):
    rows = [*small[2]]
    closed = [*rows[:index], *((row[0] - 1, *row[1:]) for row in rows[index + 1 :])]
    assert after(small, [*rows[:index], *rows[index + 1 :]]) == [f"entry {index} is missing"]
    assert after(small, closed) == ["entry 39 is missing"]


@settings(max_examples=30)
@given(st.integers(0, 39), st.binary(max_size=40))
def test_an_entry_that_was_put_in_is_told(small, index, leaf):
    rows = [*small[2]]
    put = [*rows[:index], rehashed(index, leaf), *((row[0] + 1, *row[1:]) for row in rows[index:])]
    told = after(small, put)
    assert "entry 40 stands beyond the head, which says 40" in told
    assert "the head does not follow from the 40 entries" in told


@settings(max_examples=30)
@given(st.lists(st.integers(0, 39), min_size=2, max_size=2, unique=True))
def test_two_entries_that_were_swapped_are_told(small, pair):
    rows = [*small[2]]
    first, second = pair
    rows[first], rows[second] = (first, *rows[second][1:]), (second, *rows[first][1:])
    assert "the head does not follow from the 40 entries" in after(small, rows)


# What entries refer to


def test_every_field_that_names_evidence_is_one_of_its_record():
    fields = {kind: set(named) - {"sealed"} for kind, named in FIELDS.items()}
    shapes = {
        shape.model_fields["kind"].default: set(shape.model_fields) for shape in records.Record.__origin__.__args__
    }
    assert {kind: named - shapes[kind] for kind, named in fields.items()} == {kind: set() for kind in fields}


@pytest.mark.parametrize("kind", Kind)
def test_evidence_is_found_in_the_bytes_of_every_kind(kind):
    named = {field: digest(field.encode()) for field in FIELDS.get(kind, ())}
    predicate = {**named, "labels": {"note": "0" * 64}, "empty": "", "verdict2": "x"}
    leaf = encode({"predicate": predicate, "predicateType": predicate_type(kind), "subject": []})
    assert sorted(referred(leaf)) == sorted(named.items())
    assert sorted(likely(type_of(leaf), leaf)) == sorted(value.encode() for value in named.values())
    assert set(mentioned(leaf)) == {*(value.encode() for value in named.values()), b"0" * 64}


def test_a_first_decision_refers_to_its_evidence_and_holds_its_verdict():
    predicate = {"evidence": BODY, "verdict": {"evidence": "none"}}
    leaf = encode({"predicate": predicate, "predicateType": "urn:greengate:decision:v1"})
    assert (list(referred(leaf)), likely(type_of(leaf), leaf)) == ([("evidence", BODY)], [BODY.encode()])


@pytest.mark.parametrize(
    "leaf",
    [
        b"",
        b"one",
        b"[]",
        b"{}",
        b'{"predicateType":"urn:greengate:decision:v2"}',
        b'{"predicate":[],"predicateType":"urn:greengate:policy:v1"}',
        b"\xff",
    ],
)
def test_bytes_that_are_no_record_refer_to_nothing(leaf):
    assert list(referred(leaf)) == likely(type_of(leaf), leaf) == []


@given(
    st.dictionaries(st.sampled_from(["evidence", "verdict", "x"]), st.sampled_from([BODY, "", "y", '"evidence":"']))
    | st.text()
)
def test_what_is_likely_holds_all_that_is_referred_to(predicate):
    leaf = encode({"predicate": predicate, "predicateType": "urn:greengate:decision:v2"})
    odd = leaf[:-1] + b',"x\\"predicateType":"other","subject":[{"digest":{"sha256":"0"},"name":"n"}]}'
    for one in (leaf, odd):
        assert {name.encode() for _, name in referred(one)} <= set(likely(type_of(one), one))
    assert json.loads(leaf)["predicate"] == predicate
