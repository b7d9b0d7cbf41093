"""Two ways to read a ledger for a report, whole and by marks: they tell the same, and each refuses what it can see."""

import gc
import shutil
from base64 import b64encode
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from company_made import company
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers_made import unguarded
from quarter_made import Ledger, deployment, year
from signed_made import note_of

from greengate import cli, closing, skimming
from greengate.cli.report import opened
from greengate.errors import HistoryError, UsageError
from greengate.ledger import merkle
from greengate.ledger.canonical import digest, encode
from greengate.ledger.merkle import leaf_hash
from greengate.ledger.soundness import sound
from greengate.ledger.store import Store
from greengate.ledger.subtrees import Root
from greengate.quarters import Wanted, made
from greengate.records import Converted, Retirement

NOW = datetime(2026, 10, 20, tzinfo=UTC)
DECISION, MEASUREMENT = "urn:greengate:decision:v2", "urn:greengate:measurement:v1"
WAYS = pytest.mark.parametrize("whole", [True, False], ids=["whole", "by marks"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("company")
    company(place)
    return place


@pytest.fixture
def place(folder, tmp_path):
    """A copy that may be written to."""
    shutil.copy(folder / "ledger.db", tmp_path / "ledger.db")
    return tmp_path / "ledger.db"


@pytest.fixture(params=["sqlite", "postgres"])
def anywhere(request, place):
    """Such a copy in a file, and in a server."""
    if request.param == "sqlite":
        return place
    with Store(address := request.getfixturevalue("postgres").schema()) as copy, Store(place, make=False) as store:
        copy.append_all([(one.leaf, None) for one in store.entries()])
    return address


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    found = tmp_path_factory.mktemp("empty") / "ledger.db"
    Store(found).close()
    return found


def told(place, *, whole, **rest):
    with Store(place, make=False) as store:
        return made(store, Wanted("2026Q3", NOW, whole=whole, **rest)).report


@WAYS
@pytest.mark.parametrize("size", [1, 2, 255, 256, 257])
def test_the_root_of_a_beginning_is_that_of_its_leaves(folder, size, whole, monkeypatch):
    monkeypatch.setattr(skimming, "_PIECE", 256)
    store, root = Store(folder / "ledger.db", make=False), Root()
    for piece in skimming.pieces(store, size, whole=whole):
        root.add(piece.chunks, piece.rest)
    assert root.told() == b64encode(merkle.root(size, store.node)).decode()


# Both tell the same


@pytest.mark.parametrize("size", [None, 150, 200])
def test_both_ways_make_the_same_report(folder, size):
    assert told(folder / "ledger.db", whole=True, size=size) == told(folder / "ledger.db", whole=False, size=size)


def day(number):
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)).isoformat()


ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["in force", "change", "merged", "closed", "retired", "converted", "trained", "unknown", "v1"]),
        st.integers(0, 2),
        st.integers(0, 280),
    ),
    min_size=1,
    max_size=12,
)


def written(entries):
    """A ledger in memory of such entries."""
    ledger = Ledger()
    ledger.decided(day(0), in_force=True)
    for what, number, at in entries:
        model, change = f"m{number}", f"a/b#{number}"
        if what in {"merged", "closed"}:
            ledger.settled(day(at), change, what)
        elif what in {"unknown", "v1"}:
            kind, said = f"urn:greengate:{'wish' if what == 'unknown' else 'decision'}:v1", {"verdict": {}}
            predicate = {"model": model, "taken_at": day(at), "outcome": "failed", **said}
            leaf = encode({"predicate": predicate, "predicateType": kind, "number": len(ledger.entries)})
            ledger.entries.append((digest(leaf), leaf))
        elif what == "retired":
            ledger.add(Retirement(at=day(at), project="p", model=model, why="done"))
        elif what == "converted":
            conversion, measurement = ledger.entries[1][0], ledger.entries[0][0]
            ledger.add(Converted(at=day(at), measurement=measurement, supersedes=conversion, candidate=year(number + 1),
                                 conversion=deployment()))  # fmt: skip
        else:
            beside = {"change": {"change": change}, "trained": {"training": "b" * 64}}.get(what, {})
            outcome = ["passed", "failed"][number % 2]
            ledger.decided(day(at), model, in_force=what == "in force", outcome=outcome, **beside)
    return ledger


@settings(max_examples=25, deadline=None)
@given(entries=ENTRIES)
def test_both_ways_tell_the_same_of_any_ledger(empty, entries):
    with TemporaryDirectory() as folder:
        place = Path(shutil.copy(empty, folder))
        with Store(place) as store:
            store.append_all([(leaf, None) for _, leaf in written(entries).entries])
        assert told(place, whole=True) == told(place, whole=False)


@pytest.fixture
def several(monkeypatch):
    """More processes than one, each with pieces of its own."""
    monkeypatch.setattr(skimming, "_MANY", 1)
    monkeypatch.setattr(skimming, "_PIECE", 256)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2})


@WAYS
def test_several_processes_read_what_one_reads(folder, whole, request):
    alone = told(folder / "ledger.db", whole=whole)
    request.getfixturevalue("several")
    assert told(folder / "ledger.db", whole=whole) == alone


@WAYS
def test_what_another_process_cannot_read_is_named(tmp_path, several, whole):
    store, kind = Store(tmp_path / "h.db"), "urn:greengate:settlement:v1"
    said = [{"predicate": {"at": str(number)}, "predicateType": kind} for number in range(300)]
    store.append_all([(encode({**one, "predicateType": "urn:greengate:key:v1"}), None) for one in said[:299]])
    store.append(encode(said[299]))
    with pytest.raises(HistoryError, match=r"entry 299 .*`state`(.|\n)*hint: a newer greengate may have written it"):
        list(skimming.pieces(store, 300, whole=whole))


def test_a_process_that_is_killed_is_told(folder):
    gone = Future()
    gone.set_exception(BrokenProcessPool("terminated abruptly"))
    with Store(folder / "ledger.db", make=False) as store, pytest.raises(HistoryError) as told_:
        skimming._read(store, gone)
    assert str(told_.value).endswith("was killed\n  hint: is there memory enough? run it again")


# What is refused


def changed(leaf):
    return leaf.replace(b"2026-", b"2025-", 1)


EDITS = {
    "leaf": lambda leaf: {"leaf": changed(leaf)},
    "leaf and id": lambda leaf: {"leaf": changed(leaf), "entry_id": digest(changed(leaf))},
    "leaf and hash": lambda leaf: {"leaf": changed(leaf), "leaf_hash": leaf_hash(changed(leaf))},
    "all three": lambda leaf: {
        "leaf": changed(leaf),
        "entry_id": digest(changed(leaf)),
        "leaf_hash": leaf_hash(changed(leaf)),
    },
    "hash": lambda leaf: {"leaf_hash": leaf_hash(changed(leaf))},
    "a text": lambda leaf: {"leaf": leaf.decode()},
}


def of_type(place, name):
    """The index of an entry of a type, beyond the first."""
    with Store(place, make=False) as store:
        return store.indexes_of(name, 100, store.size())[0]


@WAYS
@pytest.mark.parametrize("edit", EDITS)
def test_of_a_ledger_whose_decision_was_edited_nothing_is_reported(place, edit, whole):
    index = of_type(place, DECISION)
    with unguarded(place) as execute:
        ((leaf,),) = execute("SELECT leaf FROM ledger_entry WHERE idx = ?", (index,)).fetchall()
        for column, value in EDITS[edit](leaf).items():
            execute(f"UPDATE ledger_entry SET {column} = ? WHERE idx = ?", (value, index))
    if edit == "a text" or (edit == "hash" and whole):  # the bytes are those that were written
        assert told(place, whole=whole).period == "2026-Q3"
        return
    with pytest.raises(HistoryError, match=r"(?s)(was changed after it was written|are not those that were written)"
                                           r".*\n  hint: `greengate ledger verify`"):  # fmt: skip
        told(place, whole=whole)


MARKS = {
    "missing": (["DELETE FROM ledger_mark WHERE name = 'type' AND idx = {idx}"], "268 entries have 267 marks"),
    "missing of the others": (["DELETE FROM ledger_mark WHERE name = 'supersedes'"], None),
    "another kind": (["UPDATE ledger_mark SET value = 'urn:x' WHERE name = 'type' AND idx = {idx}"],
                     "marked as what it is not"),
    "no word": (["UPDATE ledger_mark SET value = 'ü' WHERE name = 'type' AND idx = {idx}"],
                "those of 1 of 268 entries tell no type"),
    "no text": (["UPDATE ledger_mark SET value = x'00' WHERE name = 'type' AND idx = {idx}"], "of 268 entries tell no"),
    "one that is looked up": ([f"UPDATE ledger_mark SET value = '{MEASUREMENT}' WHERE name = 'type' AND idx = {{idx}}"],
                              None),
    "twice": (["INSERT INTO ledger_mark VALUES ('type', 'urn:x', {idx})"], "268 entries have 269 marks"),
    "supersedes": (["INSERT INTO ledger_mark VALUES ('supersedes', 'urn:x', {idx})"], "marked as what it is not"),
    "twice for another": (["DELETE FROM ledger_mark WHERE name = 'type' AND idx = 0",
                           "INSERT INTO ledger_mark VALUES ('type', 'urn:x', {idx})"], "marked as what it is not"),
    "a measurement": (["UPDATE ledger_mark SET value = 'urn:x' WHERE name = 'type' AND idx = 0"], "what it is not"),
}  # fmt: skip


@pytest.mark.parametrize("case", MARKS)
def test_of_wrong_marks_all_are_seen_by_who_reads_everything_and_some_by_who_trusts_them(place, case):
    index, (edits, seen) = of_type(place, DECISION), MARKS[case]
    with unguarded(place) as execute:
        for edit in edits:
            execute(edit.format(idx=index))
    with pytest.raises(HistoryError, match=r"its marks are damaged: .*\n  hint: `greengate ledger verify` tells"):
        told(place, whole=True)
    with Store(place, make=False) as store:
        assert [fault for fault in sound(store) if "marked" in fault]
    if seen:
        with pytest.raises(HistoryError, match=f"its marks are damaged: .*({seen})"):
            told(place, whole=False)
    else:
        assert told(place, whole=False).period == "2026-Q3"


@pytest.mark.parametrize("looking", [True, False])
def test_cycles_are_looked_for_again_as_before_also_where_no_report_can_be_made(folder, looking):
    before = gc.isenabled()
    (gc.enable if looking else gc.disable)()
    try:
        with Store(folder / "ledger.db", make=False) as store, pytest.raises(UsageError):
            made(store, Wanted("1999Q1", NOW))
        assert gc.isenabled() is looking
    finally:
        (gc.enable if before else gc.disable)()


def test_an_entry_that_is_missing_is_told(place):
    index = of_type(place, MEASUREMENT)
    with unguarded(place) as execute:
        execute("DELETE FROM ledger_entry WHERE idx = ?", (index,))
    with pytest.raises(HistoryError, match="1 entries from 0 on are missing"):
        told(place, whole=False)
    with pytest.raises(HistoryError, match=f"there is no entry {index}"):
        told(place, whole=True)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        pytest.param(255, "a tree of 255 leaves has 8 complete subtrees, not 3", id="of another form"),
        pytest.param(200, "it does not follow from the first 200 entries", id="of the same form"),
    ],
)
def test_of_a_ledger_whose_head_was_cut_nothing_is_reported(anywhere, size, words):
    with unguarded(anywhere) as execute:
        execute("UPDATE ledger_head SET size = ?, marked = ?", (size, size))
    with pytest.raises(HistoryError, match=f"its head is damaged: {words}"), opened("greengate.yaml", str(anywhere)):
        pass


def test_what_a_ledger_has_signed_is_asked_where_nothing_else_is(anywhere):
    with Store(anywhere, make=False) as store:
        leaves = [one.leaf for one in store.entries()]
        store.keep_checkpoint(len(leaves), note_of(leaves))
    cut = merkle.Frontier()
    for leaf in leaves[:200]:
        list(cut.append(merkle.leaf_hash(leaf)))
    with unguarded(anywhere) as execute:
        execute("UPDATE ledger_head SET size = 200, marked = 200, frontier = ?", (b"".join(cut.nodes),))
    with pytest.raises(HistoryError, match=r"the ledger's own checkpoint: 268 entries, .* were signed"):
        opened("greengate.yaml", str(anywhere)).__enter__()


def wrongly_marked(place):
    index = of_type(place, DECISION)
    with unguarded(place) as execute:
        execute("UPDATE ledger_mark SET value = ? WHERE name = 'type' AND idx = ?", (MEASUREMENT, index))


def test_a_period_is_closed_and_restated_by_all_entries(place):
    wrongly_marked(place)
    with Store(place) as store:
        with pytest.raises(HistoryError, match="its marks are damaged"):
            closing.close(store, Wanted("2026-08", NOW), "ci")
        with pytest.raises(HistoryError, match="its marks are damaged"):
            closing.restate(store, Wanted("2026-Q2", NOW), "error", "why", "cfo")


def test_a_delivered_report_is_checked_by_all_entries(folder, place, tmp_path, capsys):
    words = ["--history", str(place), "--company", str(folder / "report.yaml")]
    assert cli.run(["report", "--quarter", "2026Q3", "--report", f"json={tmp_path / 'q.json'}", *words]) == 0
    assert cli.run(["report", "--check", str(tmp_path / "q.json"), *words]) == 0
    wrongly_marked(place)
    capsys.readouterr()
    assert cli.run(["report", "--check", str(tmp_path / "q.json"), *words]) == 4
    assert "its marks are damaged" in capsys.readouterr().err
