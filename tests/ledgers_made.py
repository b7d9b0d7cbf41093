"""Ledgers for the tests: leaves, raw access past the guards, a file of the first format, and whole processes."""

import multiprocessing
import sqlite3
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from greengate.errors import HistoryError
from greengate.ledger import migrating
from greengate.ledger.canonical import digest, encode
from greengate.ledger.merkle import Frontier, leaf_hash
from greengate.ledger.store import Store
from greengate.ledger.tree import tiles
from greengate.records import PolicyVersion, statement

OPENED = ("appending", "beside", "entries", "ledger_file", "ledger_server", "tree")
# Processes that begin with all that a ledger needs imported, and with nothing open.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["ledgers_made", *(f"greengate.ledger.{name}" for name in OPENED)])

FIRST_FORMAT = """
CREATE TABLE ledger_head (log_id INTEGER PRIMARY KEY CHECK (log_id = 0), size INTEGER NOT NULL);
CREATE TABLE ledger_entry (
    idx INTEGER PRIMARY KEY, entry_id TEXT NOT NULL UNIQUE, leaf BLOB NOT NULL, leaf_hash BLOB NOT NULL);
CREATE TABLE ledger_body (digest TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TRIGGER entry_no_update BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'entries never change'); END;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'entries never go'); END;
CREATE TRIGGER body_no_update BEFORE UPDATE ON ledger_body BEGIN SELECT RAISE(ABORT, 'evidence never changes'); END;
CREATE TRIGGER body_no_delete BEFORE DELETE ON ledger_body BEGIN SELECT RAISE(ABORT, 'evidence never goes'); END;
INSERT INTO ledger_head VALUES (0, 0);
PRAGMA user_version = 1;
"""


def leaves(count, start=0):
    return [encode({"number": number}) for number in range(start, start + count)]


def root_of(found):
    frontier = Frontier()
    for leaf in found:
        list(frontier.append(leaf_hash(leaf)))
    return frontier.root


def first_format(path, found, bodies=()):
    """Write a history as greengate 0.1 did."""
    with raw(path) as execute:
        for statement in FIRST_FORMAT.split(";\n"):
            execute(statement)
        for index, leaf in enumerate(found):
            row = (index, digest(leaf), leaf, leaf_hash(leaf))
            execute("INSERT INTO ledger_entry VALUES (?, ?, ?, ?)", row)
        for body in bodies:
            execute("INSERT INTO ledger_body VALUES (?, ?)", (digest(body), body))
        execute("UPDATE ledger_head SET size = ?", (len(found),))


def second_format(place, found):
    """Write a ledger as greengate did before entries had marks, in a file or in PostgreSQL."""
    server = str(place).startswith("postgresql")
    dialect, connect = ("postgresql+psycopg://", psycopg.connect) if server else ("sqlite://", sqlite3.connect)
    with migrating.beginning(
        dialect,
        lambda: connect(place, isolation_level=None) if not server else connect(place, autocommit=True),
        "BEGIN",
    ) as connection:
        scripts = ScriptDirectory(str(Path(migrating.__file__).with_name("migrations")))
        options = {
            "version_table": migrating.FORMATS,
            "fn": lambda revision, _: scripts._upgrade_revs("0002", revision),
        }
        context = MigrationContext.configure(connection, opts=options)
        with Operations.context(context):
            context.run_migrations()
    frontier = Frontier()
    with raw(place) as execute:
        for index, leaf in enumerate(found):
            row = (index, digest(leaf), leaf_hash(leaf), leaf)
            execute("INSERT INTO ledger_entry VALUES (?, ?, ?, ?)", row)
            for tile in tiles(frontier.append(leaf_hash(leaf))):
                execute("INSERT INTO ledger_tile VALUES (?, ?, ?)", tile)
        execute("UPDATE ledger_head SET size = ?, frontier = ?", (len(found), b"".join(frontier.nodes)))


@contextmanager
def raw(place):
    """Run statements in a ledger's database as whoever owns it; `?` in the place of values."""
    if str(place).startswith("postgresql"):
        with psycopg.connect(place) as connection:
            yield lambda statement, values=(): connection.execute(statement.replace("?", "%s"), values)
    else:
        connection = sqlite3.connect(place)
        connection.execute("PRAGMA synchronous = OFF")
        with connection:
            yield connection.execute
        connection.close()


@contextmanager
def unguarded(place):
    """Run statements past the guards, as who owns the database can, who then puts them back."""
    with raw(place) as execute:
        if str(place).startswith("postgresql"):
            execute("SET session_replication_role = replica")
            yield execute
        else:
            guards = execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in guards:
                execute(f"DROP TRIGGER {name}")
            yield execute
            for _, statement in guards:
                execute(statement)


def append_many(place, worker, count):
    """Append leaves of one's own, and after every third one that all have; the ids."""
    store = Store(place)
    told = [store.append(leaf).entry_id for number in range(count) for leaf in _leaves_of(worker, number)]
    store.close()
    return told


def _leaves_of(worker, number):
    yield encode({"worker": worker, "number": number})
    if number % 3 == 0:
        yield encode({"shared": number})


def policy(text, name="prod"):
    """A leaf that refers to a text by its digest."""
    record = PolicyVersion(at="2026-11-21T10:00:00Z", name=name, sha256=digest(text))
    return encode(statement(record, name, digest(text)))


def hammer(place, seed, told):
    """Append one entry or some after the other, with evidence and without; tell of all that were acknowledged."""
    store = Store(place)
    for number in range(10**6):
        body = b"%d of %d" % (number, seed)
        made = [encode({"by": seed, "number": number, "part": part}) for part in range(1 + number % 3)]
        bodies = {digest(body): body} if number % 2 else None
        several = [*made, policy(body)] if bodies else made
        told.send([stored.entry_id for stored in store.append_all([(leaf, bodies) for leaf in several])])


def hammer_on(place, seed, told):
    """Append as long as there is somebody to append to."""
    with suppress(HistoryError):
        hammer(place, seed, told)


def killed(place, seeds, wait, crash=None):
    """Let processes append until `wait(listening)` has returned for each, kill them, and give all that was told.

    Instead of them, the server that they write to may be killed, by `crash`.
    """
    pipes, processes = [], []
    for seed in seeds:
        listening, told = FORKS.Pipe(duplex=False)
        processes.append(FORKS.Process(target=hammer_on if crash else hammer, args=(place, seed, told)))
        processes[-1].start()
        told.close()
        pipes.append(listening)
    acknowledged = [one for listening in pipes for one in wait(listening)]
    if crash:
        crash()
    for process in processes:
        process.kill()
    for process in processes:
        process.join()
    return [name for names in (*acknowledged, *(one for pipe in pipes for one in _rest(pipe))) for name in names]


def _rest(listening):
    try:
        while True:
            yield listening.recv()
    except (EOFError, OSError):
        listening.close()
