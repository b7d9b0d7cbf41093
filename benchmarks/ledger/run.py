"""How fast the ledger is written, checked and proved, beside plain inserts by the same driver.

    python benchmarks/ledger/run.py [ENTRIES]

Appends a second by one process and by four, each entry acknowledged once it is on the disk, in an SQLite file and on a
PostgreSQL server that is started for it; by turns with plain inserts of the same rows by sqlite3 and psycopg, with the
same durability. Then a ledger of so many entries (a million), every tenth with evidence: how long it takes to check
all of it, and to prove entries and beginnings; beside pymerkle, where that is installed. Writes RESULT.md beside this
file.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import random
import resource
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import made
import psycopg
from book_made import together
from machine import sync_ms
from made import Places
from sheets import runner, table

from greengate.ledger import merkle
from greengate.ledger.canonical import digest
from greengate.ledger.soundness import sound
from greengate.ledger.store import Store

ROUNDS, CROWD, APPENDS, PROOFS, BATCH = 7, 4, 2000, 400, 10_000
STORES = ("SQLite", "PostgreSQL")
COLUMNS = "(idx {number} PRIMARY KEY, entry_id TEXT NOT NULL UNIQUE, leaf_hash {bytes} NOT NULL, leaf {bytes} NOT NULL)"
APPENDED = f"""Appends, each waited for until it is on the disk: {APPENDS} at a time, by turns with plain inserts of
the same rows into a table with the same two keys, median of {ROUNDS} (range). Aim: at least 50%."""
WHY = """In PostgreSQL a plain insert is one statement, and those of four processes share a wait for the disk. An append
is a procedure in the database, which locks the head, hashes, and writes the entry, its marks and the head, one append
after the other, since the index of each is the number of those before it; who queues for the head lets go of it before
it waits for the disk, together with others. Where the disk is slow, that wait is most of both; where it is quick, as
here, four writers keep both processors busy, and a share below the aim is the work of the procedure and of handing the
head on. What is appended together shares all of it, as the next table shows."""
CHECKED = f"""A ledger of {{size:,}} entries, every tenth with 2,000 bytes of evidence: all of it checked (every hash,
the tree, the evidence; aim: 10 s), and {PROOFS} proofs of each kind made (aim: 4 ms). Where other work ran beside it,
the time of the processor is nearer to what checking takes than that of the clock."""


def append(place: str, worker: int, count: int) -> tuple[float, float]:
    """Append so many entries; when it began and ended."""
    with Store(place) as store:
        made_ = [made.decision(worker * count + number) for number in range(count)]
        begun = time.monotonic()
        for leaf in made_:
            store.append(leaf)
    return begun, time.monotonic()


def insert(place: str, worker: int, count: int) -> tuple[float, float]:
    """Insert the same rows by the driver alone; of several who write into a file, each waits for a file lock."""
    rows = []
    for number in range(worker * count, (worker + 1) * count):
        leaf = made.decision(number)
        rows.append((number, digest(leaf), merkle.leaf_hash(leaf), leaf))
    if place.startswith("postgresql"):
        with psycopg.connect(place, autocommit=True) as server:
            return _timed(lambda row: server.execute("INSERT INTO plain VALUES (%s, %s, %s, %s)", row), rows)
    file = sqlite3.connect(place, isolation_level=None, timeout=60)
    file.execute("PRAGMA synchronous = EXTRA")
    with Path(f"{place}.lock").open("wb") as lock:

        def one(row: Sequence[object]) -> None:
            fcntl.flock(lock, fcntl.LOCK_EX)
            file.execute("INSERT INTO plain VALUES (?, ?, ?, ?)", row)
            fcntl.flock(lock, fcntl.LOCK_UN)

        return _timed(one, rows)


def _timed(write: Callable[[Sequence[object]], object], rows: Sequence[Sequence[object]]) -> tuple[float, float]:
    begun = time.monotonic()
    for row in rows:
        write(row)
    return begun, time.monotonic()


def plain_place(places: Places, store: str) -> str:
    """Make an empty table with the columns of entries, and nothing else."""
    place = places.new(store)
    if store == "SQLite":
        file = sqlite3.connect(place)
        file.execute(f"CREATE TABLE plain {COLUMNS.format(number='INTEGER', bytes='BLOB')}")
        file.close()
    else:
        with psycopg.connect(place, autocommit=True) as server:
            server.execute(f"CREATE TABLE plain {COLUMNS.format(number='BIGINT', bytes='BYTEA')}")
    return place


def rate(work: Callable[..., tuple[float, float]], place: str, workers: int) -> float:
    """Let so many processes work at once; how many entries came in a second."""
    times = together(work, place, workers, APPENDS // workers)
    return APPENDS // workers * workers / (max(end for _, end in times) - min(begin for begin, _ in times))


def appends(places: Places) -> str:
    """Measure appends and plain inserts by turns, since the disk is not always as fast."""
    rows = []
    for store in STORES:
        for workers in (1, CROWD):
            plain, own = [], []
            for _ in range(ROUNDS):
                plain.append(rate(insert, plain_place(places, store), workers))
                place = places.new(store)
                Store(place).close()
                own.append(rate(append, place, workers))
            share = statistics.median(mine / theirs for mine, theirs in zip(own, plain, strict=True))
            rows.append([store, workers, shown(own), shown(plain), f"{share:.0%}"])
    return table(["store", "processes", "appends a second", "plain inserts a second", "of plain inserts"], rows)


def shown(found: Sequence[float]) -> str:
    """Write rates as their median and range."""
    return f"{statistics.median(found):,.0f} ({min(found):,.0f} to {max(found):,.0f})"


def filled(places: Places, store: str, size: int) -> tuple[str, float]:
    """Make a ledger of so many entries, and tell how many came in a second."""
    place, taken = places.new(store), 0.0
    with Store(place) as ledger:
        for start in range(0, size, BATCH):
            leaves = made.leaves(start, min(start + BATCH, size))
            taken += _ms(ledger.append_all, leaves) / 1e3
    return place, size / taken


def checked(place: str, answers: multiprocessing.Queue) -> None:
    """Check a ledger in a process of its own; what it took, and the most memory."""
    with Store(place) as store:
        begun, worked = time.monotonic(), time.process_time()
        faults = len(list(sound(store, store.head())))
        taken, worked = time.monotonic() - begun, time.process_time() - worked
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answers.put(f"{taken:.1f} s ({worked:.1f} s of the processor), {memory:,.0f} MiB, {faults} faults")


def check(place: str) -> str:
    """Check a ledger, and tell what that took."""
    crowd = multiprocessing.get_context("spawn")
    answers = crowd.Queue()
    process = crowd.Process(target=checked, args=(place, answers))
    process.start()
    told = answers.get(timeout=3600)
    process.join()
    return str(told)


def proved(place: str) -> list[list[float]]:
    """Prove entries, the newest ones, and beginnings, and check every proof; the milliseconds that making each took."""
    chance = random.Random(2)
    with Store(place) as store:
        head = store.head()
        newest = range(head.size - PROOFS, head.size)
        anywhere = [chance.randrange(head.size) for _ in range(PROOFS)]
        older = [chance.randrange(1, head.size) for _ in range(PROOFS)]
        return [
            [_inclusion_ms(store, index, head.size, head.root) for index in anywhere],
            [_inclusion_ms(store, index, head.size, head.root) for index in newest],
            [_consistency_ms(store, old, head.size, head.root) for old in older],
        ]


def _inclusion_ms(store: Store, index: int, size: int, root: bytes) -> float:
    begun = time.perf_counter()
    proof = merkle.inclusion(index, size, store.node)
    taken = time.perf_counter() - begun
    merkle.prove_inclusion(merkle.leaf_hash(store.stored(index).leaf), index, size, proof, root)
    return taken * 1e3


def _consistency_ms(store: Store, old: int, size: int, root: bytes) -> float:
    begun = time.perf_counter()
    proof = merkle.consistency(old, size, store.node)
    taken = time.perf_counter() - begun
    merkle.prove_consistency(old, merkle.root(old, store.node), size, root, proof)
    return taken * 1e3


def at_size(places: Places, size: int) -> str:
    """Make, check and prove large ledgers."""
    rows = []
    for store in STORES:
        place, speed = filled(places, store, size)
        proofs = map(median_and_worst, proved(place))
        rows.append([f"greengate, {store}", f"{speed:,.0f}", check(place), *proofs])
    if find_spec("pymerkle"):
        rows.append(pymerkle(places, size))
    heads = ["", f"appended a second, {BATCH:,} a commit", "all checked", "an entry", "of the newest", "a beginning"]
    return table(heads, rows)


def median_and_worst(found: Sequence[float]) -> str:
    """Write times as their median and their maximum."""
    return f"{statistics.median(found):.2f} ms, at most {max(found):.1f} ms"


def pymerkle(places: Places, size: int) -> list[object]:
    """Make and prove a ledger of the same leaves by pymerkle, which keeps leaves and no nodes."""
    from pymerkle import SqliteTree  # noqa: PLC0415 - it need not be installed

    chance, few, taken = random.Random(2), 20, 0.0
    with SqliteTree(str(places.folder / "pymerkle.db")) as tree:
        for start in range(0, size, BATCH):
            leaves = [leaf for leaf, _ in made.leaves(start, min(start + BATCH, size))]
            taken += _ms(tree.append_entries, leaves) / 1e3
        speed = size / taken
        entries = [_ms(tree.prove_inclusion, chance.randrange(size) + 1, size) for _ in range(few)]
        newest = [_ms(tree.prove_inclusion, size - number, size) for number in range(few)]
        older = [_ms(tree.prove_consistency, chance.randrange(1, size), size) for _ in range(few)]
    return ["pymerkle, SQLite", f"{speed:,.0f}", "cannot", *map(median_and_worst, (entries, newest, older))]


def _ms(work: Callable[..., object], *given: object) -> float:
    begun = time.perf_counter()
    work(*given)
    return (time.perf_counter() - begun) * 1e3


def main(size: int) -> None:
    """Measure all, and write the tables."""
    with made.places() as places:
        ((postgres,),) = places.server.run("SHOW server_version")
        load = os.getloadavg()[0]
        synced = f"A page of 4 KiB written and waited for (fdatasync): {sync_ms(places.folder):.2f} ms."
        parts = [
            "# The ledger",
            f"{runner()}, SQLite {sqlite3.sqlite_version}, PostgreSQL {postgres} over a Unix socket; load {load:.1f}",
            f"{synced} An entry is {len(made.decision(1)):,} bytes long.",
            APPENDED,
            appends(places),
            WHY,
            CHECKED.format(size=size),
            at_size(places, size),
        ]
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    print(text)
    Path(__file__).with_name("RESULT.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10**6)
