"""An import takes some entries at a time, in one transaction: a large file is no trouble, and a cut one leaves none."""

import os
import subprocess
import sys
import tracemalloc

import pytest
from signed_made import leaf

from greengate.errors import HistoryError
from greengate.ledger import exports, intake
from greengate.ledger.canonical import digest, encode
from greengate.ledger.exports import Export
from greengate.ledger.lacking import Lacking
from greengate.ledger.store import Stored

CUT = """
import os, signal, sys
from greengate.cli import run
from greengate.ledger import intake
batches = intake._batches
def cut(parts):
    for number, some in enumerate(batches(parts)):
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield some
intake._batches = cut
run(["ledger", "import", sys.argv[1], "--history", sys.argv[2]])
"""


def exported(path, leaves):
    stored = (Stored(index, digest(one), one) for index, one in enumerate(leaves))
    with path.open("wb") as file:
        file.writelines(exports.lines(stored, "", None))
    return path


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """An export of more entries than two batches have."""
    return exported(tmp_path_factory.mktemp("many") / "e.jsonl", (leaf(number) for number in range(1, 1201)))


def test_an_import_that_is_killed_leaves_nothing_and_can_be_run_again(many, place, opened):
    killed = subprocess.run([sys.executable, "-c", CUT, many, place], env=os.environ, capture_output=True, check=False)
    assert killed.returncode == -9
    assert opened(place).size() == 0
    assert intake.export(opened(place), Export(many)) == intake.Taken(1200, 0, 0, 0)
    assert opened(place).head().root == Export(many).foot.root


def test_a_file_that_is_spoilt_behind_its_first_batches_leaves_nothing(tmp_path, place, opened):
    leaves = [leaf(number) for number in range(1, 1201)]
    spoilt = exported(tmp_path / "e.jsonl", [*leaves, leaves[7]])
    with pytest.raises(HistoryError, match="entry 1200 cannot be taken: it is entry 7 again"):
        intake.export(opened(place), Export(spoilt))
    assert opened(place).size() == 0


def test_entries_that_stand_twice_are_not_taken_into_another_ledger(place, opened):
    parts = [(leaf(number), {}) for number in (2, 3, 2)]
    store = opened(place)
    store.append(leaf(1))
    with pytest.raises(HistoryError, match=f"the entry {digest(leaf(2))[:12]} cannot be taken: it stands there twice"):
        intake.entries(store, parts, "e.jsonl")
    assert store.size() == 1


def test_who_writes_meanwhile_is_not_taken_for_a_part_of_the_same_ledger(place, opened):
    store = opened(place)
    store.append(leaf(9))
    with pytest.raises(HistoryError, match="somebody wrote entry 0 of this ledger meanwhile"):
        intake.entries(store, [(leaf(1), {})], "e.jsonl", same=True)
    assert store.size() == 1


def test_what_is_known_is_left_alone_and_what_is_new_follows(place, opened):
    store = opened(place)
    store.append_all([(leaf(number), None) for number in (1, 2)])
    assert intake.entries(store, [(leaf(number), {}) for number in (2, 3, 1, 4)], "e") == intake.Taken(2, 2, 0, 0)
    assert [stored.leaf for stored in store.entries()] == [leaf(number) for number in (1, 2, 3, 4)]


def test_a_file_that_is_larger_than_memory_is_taken_in_parts(tmp_path, opened):
    long = (encode({"words": f"{number:060000}"}) for number in range(600))  # 36 MB
    path, store = exported(tmp_path / "e.jsonl", long), opened(tmp_path / "h.db")
    tracemalloc.start()
    intake.export(store, Export(path))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 24e6
    assert store.size() == 600


def name(number):
    return f"{number:016x}" + "0" * 48


@pytest.mark.parametrize(
    ("named", "brought", "kept", "lacking"),
    [
        ((), (), (), 0),
        ((1, 2, 2, 3), (), (), 3),
        ((1, 2, 3), (1, 2, 3), (), 0),
        ((1, 2, 3), (2,), (3,), 1),
        ((5, 2**64 - 1), (), (1, 2, 3, 4, 6, 7), 2),
        ((5, 2**64 - 1), (), (5, 2**64 - 1), 0),
        ((1, 3, 5, 7), (), (2, 3, 6, 7), 2),
    ],
    ids=["none", "none kept", "all brought", "some", "between others", "all kept", "every other one"],
)
def test_what_is_lacking_is_neither_brought_nor_kept(named, brought, kept, lacking):
    found = Lacking()
    found.take(map(name, named), map(name, brought))
    assert found.count(lambda start: min((one for one in map(name, kept) if one >= start), default="")) == lacking


def test_what_is_no_digest_is_lacking():
    found = Lacking()
    found.take(["x" * 64], [])
    assert found.count(lambda _: "") == 1


def test_the_next_evidence_is_found_by_its_digest(place, opened):
    store = opened(place)
    store.append(b"{}", {digest(body): body for body in (b"one", b"two")})
    first, second = sorted(map(digest, (b"one", b"two")))
    starts = ["", first, f"{first}0", second, "g"]
    assert [store.next_body(start) for start in starts] == [first, first, second, second, ""]
