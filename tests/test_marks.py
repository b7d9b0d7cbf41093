"""What entries are found by, and how they are found."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers_made import leaves, policy

from greengate.ledger.canonical import digest, encode
from greengate.ledger.marks import Mark, marks_of, word
from greengate.ledger.merkle import leaf_hash
from greengate.records import Kind, PolicyVersion, predicate_type, statement

POLICY, CONVERSION = predicate_type(Kind.POLICY), predicate_type(Kind.CONVERSION)


def conversion(older, **more):
    return encode({"predicate": {"missing": more, "supersedes": older}, "predicateType": CONVERSION, "subject": []})


def tailed(beginning):
    """What ends as a conversion does."""
    whole = encode(statement(PolicyVersion(at="", name="", sha256=""), "model", "a" * 64))
    tail = whole[whole.index(b',"predicateType"') :].replace(POLICY.encode(), CONVERSION.encode())
    return beginning + tail


@pytest.mark.parametrize(
    ("leaf", "marks"),
    [
        (policy(b"text"), [Mark("type", POLICY)]),
        (conversion(""), [Mark("type", CONVERSION)]),
        (conversion("a" * 64), [Mark("type", CONVERSION), Mark("supersedes", "a" * 64)]),
        (conversion("b", supersedes=""), [Mark("type", CONVERSION), Mark("supersedes", "b")]),
        (encode({"predicate": [], "predicateType": CONVERSION}), [Mark("type", CONVERSION)]),
        (encode({"predicate": {"supersedes": 5}, "predicateType": CONVERSION}), [Mark("type", CONVERSION)]),
        (b"no statement", [Mark("type", "")]),
        (b"", [Mark("type", "")]),
        (encode({"predicateType": 5}), [Mark("type", "")]),
        (encode({"predicateType": CONVERSION, "subject": []}), [Mark("type", CONVERSION)]),
        (tailed(b"no JSON"), [Mark("type", CONVERSION)]),
        (tailed(b'{"predicate":' + b"[" * 20_000), [Mark("type", CONVERSION)]),
        (encode({"predicateType": "urn:é"}), [Mark("type", digest("urn:é".encode()))]),
        (encode({"predicateType": "a\u2028b"}), [Mark("type", digest("a\u2028b".encode()))]),
        (encode({"predicateType": "a" * 201}), [Mark("type", digest(b"a" * 201))]),
    ],
)
def test_marks_follow_from_the_bytes_of_an_entry(leaf, marks):
    assert list(marks_of(leaf)) == marks


@given(st.text(max_size=300) | st.text("\ud800x"))
def test_a_word_is_one_that_every_index_can_take(value):
    assert len(word(value)) <= 200
    assert word(value).isprintable()
    word(value).encode("ascii")


@given(
    st.binary()
    | st.recursive(
        st.text(), lambda one: st.dictionaries(st.sampled_from(["predicateType", "predicate", "supersedes"]), one)
    ).map(lambda one: json.dumps(one).encode())
)
def test_of_any_bytes_there_is_one_type(leaf):
    assert [mark.name for mark in marks_of(leaf)] in (["type"], ["type", "supersedes"])


@pytest.fixture
def store(place, opened):
    """A ledger of 700 entries of no type, among which three policies and a conversion that takes another's place."""
    store = opened(place)
    made = [
        *leaves(200),
        policy(b"a"),
        *leaves(400, 200),
        policy(b"b"),
        conversion("c" * 64),
        *leaves(100, 600),
        policy(b"d"),
    ]
    store.append_all([(leaf, None) for leaf in made])
    return store


def test_entries_are_found_by_their_types_in_both_orders(store):
    found = [one.index for one in store.of_type(POLICY, CONVERSION)]
    assert found == [200, 601, 602, 703]
    assert [one.index for one in store.newest_of(POLICY, CONVERSION)] == found[::-1]
    assert [one.index for one in store.of_type(POLICY)] == [200, 601, 703]
    assert [list(store.of_type(*types)) for types in ([], ["other"])] == [[], []]
    assert list(store.of_type("", POLICY, CONVERSION)) == list(store.entries())
    assert list(store.newest_of("", POLICY, CONVERSION)) == list(store.newest_first())


def test_types_are_counted_and_rows_told_of_a_part(store):
    assert store.types(704) == {"": 700, CONVERSION: 1, POLICY: 3}
    assert store.types(602) == {"": 600, POLICY: 2}
    rows = store.rows_of([CONVERSION, POLICY], 201, 703)
    assert [row[0] for row in rows] == [601, 602]
    assert rows == [(one.index, one.entry_id, leaf_hash(one.leaf), one.leaf) for one in map(store.stored, (601, 602))]
    assert store.rows_marked("supersedes", 0, 704) == rows[1:]
    assert store.rows_marked("supersedes", 0, 602) == []
    assert store.leaf_hashes(100, 704) == [leaf_hash(one.leaf) for one in store.entries(100, 704)]


def test_what_is_appended_meanwhile_comes_after_what_is_read(store):
    reading = store.of_type(POLICY)
    next(reading)
    store.append(policy(b"late"))
    assert [one.index for one in reading] == [601, 703]


def test_the_same_leaf_again_is_not_marked_again(store):
    store.append_all([(policy(b"a"), None), (policy(b"new"), None), (policy(b"d"), None)])
    assert store.types(705) == {"": 700, CONVERSION: 1, POLICY: 4}
