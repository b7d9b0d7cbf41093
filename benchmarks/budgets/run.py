"""How many reservations a second the book of budgets takes, and that it never grants a unit too many.

    python benchmarks/budgets/run.py [RESERVATIONS]

So many reservations by one process, and by eight at once, all of one account, in an SQLite file and on a PostgreSQL
server that is started for it; then the same without waiting for the disk, which the book never does by itself. At last
eight processes reserve 500 times each of a budget for about half of that. Writes RESULT.md beside this file.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from book_made import NLP, claim, grab, together
from machine import sync_ms
from postgres_made import Server
from sheets import runner, table

from greengate.accounts import Note
from greengate.ledger import book

ROUNDS, CROWD, ENOUGH, SCARCE = 3, 8, 10**9, 8_000


def reserve(place: str, worker: int, count: int, *, hasty: bool) -> tuple[float, float]:
    """Reserve a unit for one change after the other; when it began and ended."""
    with book.opened(place) as kept:
        if hasty and not place.startswith("postgresql"):
            kept.keeper._file.connection.execute("PRAGMA synchronous = OFF")  # noqa: SLF001 - to see what it costs
        note, begun = Note("benchmark", datetime.now(UTC)), time.monotonic()
        for number in range(count):
            kept.reserve(f"acme/w{worker}#{number + 1}", [claim(1, most=ENOUGH)], note)
    return begun, time.monotonic()


def rates(places: Iterator[str], workers: int, count: int, *, hasty: bool) -> list[float]:
    """Reserve in fresh books by so many processes; reservations a second in each of the rounds."""
    found = []
    for _ in range(ROUNDS):
        times = together(reserve_hastily if hasty else reserve_safely, next(places), workers, count // workers)
        found.append(count / (max(ended for _, ended in times) - min(begun for begun, _ in times)))
    return found


def reserve_safely(place: str, worker: int, count: int) -> tuple[float, float]:
    """As `reserve`, as the book is."""
    return reserve(place, worker, count, hasty=False)


def reserve_hastily(place: str, worker: int, count: int) -> tuple[float, float]:
    """As `reserve`, without waiting for the disk."""
    return reserve(place, worker, count, hasty=True)


@contextmanager
def careless(server: Server) -> Iterator[None]:
    """Let the server not wait for its disk for as long as the block lasts."""
    server.run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    yield
    server.run("ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()")


def schemas(server: Server) -> Iterator[str]:
    """Give one empty schema after the other."""
    while True:
        yield server.schema()


def files(folder: Path) -> Iterator[str]:
    """Give one new path after the other."""
    while True:
        yield str(Path(tempfile.mkdtemp(dir=folder), "book.db"))


def speeds(stores: dict[str, Iterator[str]], server: Server, count: int) -> str:
    """Measure every store, with and without waiting for the disk, and tell what waiting costs."""
    rows = []
    for name, places in stores.items():
        for workers in (1, CROWD):
            safe = rates(places, workers, count, hasty=False)
            with careless(server):
                hasty = rates(places, workers, count, hasty=True)
            waits = 1e3 / statistics.median(safe) - 1e3 / statistics.median(hasty)
            rows.append([name, workers, shown(safe), shown(hasty), f"{waits:.2f} ms"])
    return table(["store", "processes", "a second", "without waiting for the disk", "waiting takes"], rows)


def shown(found: Sequence[float]) -> str:
    """Write rates as their median and range."""
    return f"{statistics.median(found):,.0f} ({min(found):,.0f} to {max(found):,.0f})"


def races(stores: dict[str, Iterator[str]]) -> str:
    """Let a crowd reserve of a budget for about half of what it asks for."""
    return table(
        ["store", "asked", "granted", "refused", "maximum", "sum of what was granted", "reserved", "events", "faults"],
        [[name, *race(next(places))] for name, places in stores.items()],
    )


def race(place: str) -> Sequence[object]:
    """Race once; what came of it, counted by those who raced and by the book."""
    told = [one for worker in together(grab, place, CROWD, 500, SCARCE) for one in worker]
    granted = [amount for _, amount, was in told if was]
    with book.opened(place) as kept:
        reserved, events, faults = kept.status(NLP).balance.reserved, len(kept.history(NLP)), len(kept.verify())
    return len(told), len(granted), len(told) - len(granted), SCARCE, sum(granted), reserved, events, faults


def main(count: int) -> None:
    """Measure all, and write the tables."""
    server = Server()
    with tempfile.TemporaryDirectory() as folder:
        stores = {"SQLite": files(Path(folder)), "PostgreSQL": schemas(server)}
        ((postgres,),) = server.run("SHOW server_version")
        parts = [
            "# Reservations in the book of budgets",
            f"{runner()}, SQLite {sqlite3.sqlite_version}, PostgreSQL {postgres} over a Unix socket",
            f"A page of 4 KiB written and waited for (fdatasync): {sync_ms(Path(folder)):.2f} ms.",
            f"Reservations a second, {count:,} of one account, median of {ROUNDS} (range):",
            speeds(stores, server, count),
            f"{CROWD} processes, 500 reservations of 1 to 7 units each:",
            races(stores),
        ]
    server.stop()
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    print(text)
    Path(__file__).with_name("RESULT.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
