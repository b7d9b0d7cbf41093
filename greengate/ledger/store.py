"""The ledger in one SQLite file: entries are appended and never changed, larger evidence is kept beside by its digest.

Leaves are stored as the bytes that were hashed. Appending takes a file lock and one immediate transaction, so that two
gates can write one history; `synchronous=FULL` and a rollback journal, because what was acknowledged must stay.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from greengate.errors import HistoryError
from greengate.ledger.canonical import digest

VERSION = 1
_LOCK_WAIT_S = 60.0
_SCHEMA = """
CREATE TABLE ledger_head (log_id INTEGER PRIMARY KEY CHECK (log_id = 0), size INTEGER NOT NULL);
CREATE TABLE ledger_entry (
    idx INTEGER PRIMARY KEY, entry_id TEXT NOT NULL UNIQUE, leaf BLOB NOT NULL, leaf_hash BLOB NOT NULL);
CREATE TABLE ledger_body (digest TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TRIGGER entry_no_update BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'entries never change'); END;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'entries never go'); END;
CREATE TRIGGER body_no_update BEFORE UPDATE ON ledger_body BEGIN SELECT RAISE(ABORT, 'evidence never changes'); END;
CREATE TRIGGER body_no_delete BEFORE DELETE ON ledger_body BEGIN SELECT RAISE(ABORT, 'evidence never goes'); END;
INSERT INTO ledger_head VALUES (0, 0);
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry as it lies in the ledger: its index from 0, its id (SHA-256 of the leaf) and its bytes."""

    index: int
    entry_id: str
    leaf: bytes


class Store:
    """An append-only ledger in one file; made if it does not exist.

    Every method raises `HistoryError` when the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock_path = path.with_name(path.name + ".lock")
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=_LOCK_WAIT_S)
        try:
            with self._translated():
                self._connection.execute("PRAGMA synchronous = FULL")
                self._prepare()
        except HistoryError:
            self.close()
            raise

    def check_writable(self) -> None:
        """Write nothing, but find out now whether an append could succeed later."""
        with self._appending():
            self._connection.execute("UPDATE ledger_head SET size = size")

    def append(self, leaf: bytes, bodies: Mapping[str, bytes] | None = None) -> Stored:
        """Append a leaf, with the bodies it refers to by digest; the same leaf again returns the old entry."""
        entry_id = digest(leaf)
        with self._appending() as connection:
            known = connection.execute("SELECT idx FROM ledger_entry WHERE entry_id = ?", (entry_id,)).fetchone()
            if known is not None:
                return Stored(known[0], entry_id, leaf)
            (size,) = connection.execute("SELECT size FROM ledger_head").fetchone()
            for name, body in (bodies or {}).items():
                connection.execute("INSERT OR IGNORE INTO ledger_body VALUES (?, ?)", (name, body))
            leaf_hash = hashlib.sha256(b"\x00" + leaf).digest()
            connection.execute("INSERT INTO ledger_entry VALUES (?, ?, ?, ?)", (size, entry_id, leaf, leaf_hash))
            connection.execute("UPDATE ledger_head SET size = ?", (size + 1,))
        return Stored(size, entry_id, leaf)

    def newest_first(self) -> Iterator[Stored]:
        """Go through all entries, the newest first."""
        with self._translated():
            yield from (Stored(*row) for row in self._select("ORDER BY idx DESC"))

    def find(self, prefix: str) -> list[Stored]:
        """Find the entries whose id begins with a prefix of hexadecimal digits."""
        if not prefix or set(prefix) - set("0123456789abcdef"):
            return []
        with self._translated():
            return [Stored(*row) for row in self._select("WHERE entry_id GLOB ?", (prefix + "*",))]

    def body(self, name: str) -> bytes:
        """Return the bytes with this digest, checked."""
        with self._translated():
            row = self._connection.execute("SELECT body FROM ledger_body WHERE digest = ?", (name,)).fetchone()
        if row is None or digest(row[0]) != name:
            raise HistoryError(str(self.path), f"the evidence {name[:12]}… is missing or damaged", "restore a backup")
        return bytes(row[0])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _select(self, rest: str, values: tuple[str, ...] = ()) -> sqlite3.Cursor:
        return self._connection.execute(f"SELECT idx, entry_id, leaf FROM ledger_entry {rest}", values)  # noqa: S608 - `rest` is ours

    def _prepare(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            with self._appending() as connection:
                if connection.execute("PRAGMA user_version").fetchone() == (0,):
                    self._refuse_foreign()
                    for statement in _statements(_SCHEMA):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {VERSION}")
        elif version != VERSION:
            raise HistoryError(
                str(self.path),
                f"this history has format {version}, this greengate reads format {VERSION}",
                "use the greengate that wrote it, or a newer one",
            )

    def _refuse_foreign(self) -> None:
        if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
            raise HistoryError(str(self.path), "this is an SQLite database, but no history of greengate")

    @contextmanager
    def _appending(self) -> Iterator[sqlite3.Connection]:
        with self._translated(), self._locked():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise HistoryError(str(self.path), *_in_words(error)) from error
        except OSError as error:
            problem = f"cannot be opened or written: {error.strerror or error}"
            raise HistoryError(
                str(self.path), problem, "point `history:` in greengate.yaml at a writable place"
            ) from error


def _statements(script: str) -> list[str]:
    found, statement = [], ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found


def _in_words(error: sqlite3.Error) -> tuple[str, str]:
    text = str(error)
    if "full" in text:
        return "the disk is full; nothing was lost, and nothing was written", "free some space and run again"
    if "readonly" in text or "unable to open" in text:
        return f"cannot be opened or written: {text}", "point `history:` in greengate.yaml at a writable place"
    if "locked" in text:
        return "another process holds this history", "run again when it has ended"
    if "not a database" in text or "malformed" in text:
        return f"the history is damaged: {text}", "restore a backup, or move the file away to begin a new history"
    return f"SQLite says: {text}", ""
