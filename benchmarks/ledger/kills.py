"""Whether anything that was acknowledged is ever lost when processes, or the server that they write to, are killed.

    python benchmarks/ledger/kills.py [KILLS]

So many times (1,000) on each store: three processes append to one ledger, some entries alone and some together, with
evidence and without; each prints the ids of what was acknowledged into a pipe. At a random moment all are killed by
SIGKILL, and others go on with the same ledger. Every 50 kills and at the end the ledger is checked. Then, a tenth as
often, the PostgreSQL server itself is taken down without a last write (SIGQUIT) while three processes append. Writes
RESULT-kills.md beside this file.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import made
from ledgers_made import killed, root_of
from sheets import runner, table

from greengate.ledger.soundness import sound
from greengate.ledger.store import Store

CROWD, EVERY, LONGEST_S = 3, 50, 0.12


def campaign(place: str, kills: int, crash: Callable[[], None] | None = None) -> list[object]:
    """Kill so many processes, or their server while so many write; what came of it."""
    chance, acknowledged, faults = random.Random(7), set(), 0
    for first in range(0, kills, CROWD):
        seeds = range(first, min(first + CROWD, kills))
        acknowledged |= set(killed(place, seeds, moment(chance.uniform(0, LONGEST_S)), crash))
        if first // EVERY != (first + CROWD) // EVERY:
            faults += checked(place)
    with Store(place) as store:
        found = list(store.entries())
        lost = len(acknowledged - {entry.entry_id for entry in found})
        dense = [entry.index for entry in found] == list(range(len(found)))
        tree = store.head().root == root_of([entry.leaf for entry in found])
    unheard = len(found) - len(acknowledged)
    return [f"{kills} processes", len(acknowledged), lost, unheard, faults + checked(place), words(dense), words(tree)]


def moment(wait_s: float) -> Callable[[Connection], list[list[str]]]:
    """Wait until a process has begun to append, then for a random time; read what it told until then."""

    def wait(listening: Connection) -> list[list[str]]:
        told = [listening.recv()]
        until = time.monotonic() + wait_s
        while listening.poll(max(until - time.monotonic(), 0)):
            told.append(listening.recv())
        return told

    return wait


def checked(place: str) -> int:
    """Count what is wrong with a ledger."""
    with Store(place) as store:
        return len(list(sound(store)))


def words(what: bool) -> str:  # noqa: FBT001 - it is what is written
    """Write a truth."""
    return "yes" if what else "NO"


def main(kills: int) -> None:
    """Run the campaign on both stores, and write the table."""
    heads = [
        "store", "killed", "entries acknowledged", "of them lost", "there and not acknowledged yet",
        "faults", "dense", "tree that of the leaves",
    ]  # fmt: skip
    with made.places() as places:
        rows = [[store, *campaign(places.new(store), kills)] for store in ("SQLite", "PostgreSQL")]
        crashes = max(kills // 10, 1)
        made_ = places.new("PostgreSQL")
        Store(made_).close()
        _, *told = campaign(made_, CROWD * crashes, places.server.crash)
        rows.append(["PostgreSQL", f"the server, {crashes} times", *told])
    text = f"# Processes that are killed while they append\n\n{runner()}\n\n{table(heads, rows)}"
    print(text)
    Path(__file__).with_name("RESULT-kills.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
