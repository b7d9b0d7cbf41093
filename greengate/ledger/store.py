"""The ledger in one SQLite file: entries are appended and never changed, larger evidence is kept beside by its digest.

Leaves are stored as the bytes that were hashed.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from greengate.errors import HistoryError
from greengate.ledger import merkle
from greengate.ledger.canonical import digest
from greengate.ledger.sqlite_file import Kind, SqliteFile

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
_KIND = Kind(
    name="history",
    table="ledger_head",
    schema=_SCHEMA,
    version=1,
    error=HistoryError,
    elsewhere="point `history:` in greengate.yaml at a writable place",
)


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry as it lies in the ledger: its index from 0, its id (SHA-256 of the leaf) and its bytes."""

    index: int
    entry_id: str
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """How many entries there are, and the root of the tree over them."""

    size: int
    root: bytes


class Store:
    """An append-only ledger in one file; made if it does not exist.

    Every method raises `HistoryError` when the file cannot be read or written.
    """

    def __init__(self, path: str | Path, *, password: str = "", passfile: str = "", make: bool = True) -> None:
        del password, passfile, make
        path = Path(path)
        self.path = path
        self._file = SqliteFile(path, _KIND)

    def check_writable(self) -> None:
        """Write nothing, but find out now whether an append could succeed later."""
        with self._file.appending() as connection:
            connection.execute("UPDATE ledger_head SET size = size")

    def append(self, leaf: bytes, bodies: Mapping[str, bytes] | None = None) -> Stored:
        """Append a leaf, with the bodies it refers to by digest; the same leaf again returns the old entry."""
        entry_id = digest(leaf)
        with self._file.appending() as connection:
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

    @property
    def place(self) -> str:
        """Where it is."""
        return str(self.path)

    def append_all(self, many: Iterable[tuple[bytes, Mapping[str, bytes] | None]]) -> list[Stored]:
        """Append leaves."""
        return [self.append(leaf, bodies) for leaf, bodies in many]

    def size(self) -> int:
        """Tell how many entries there are."""
        return int(self._file.connection.execute("SELECT size FROM ledger_head").fetchone()[0])

    def head(self) -> Head:
        """Tell size and root."""
        size = self.size()
        return Head(size, merkle.root(size, self.node))

    def node(self, level: int, index: int) -> bytes:
        """Tell the hash of a complete subtree."""
        if level:
            return merkle.node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))
        row = self._file.connection.execute("SELECT leaf_hash FROM ledger_entry WHERE idx = ?", (index,)).fetchone()
        return bytes(row[0])

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Stored]:
        """Go through the entries in their order."""
        stop = self.size() if stop is None else stop
        with self._file.translated():
            yield from (Stored(*row) for row in self._select("WHERE idx >= ? AND idx < ? ORDER BY idx", (start, stop)))

    def stored(self, index: int) -> Stored:
        """Return one entry."""
        return next(self.entries(index, index + 1))

    def keep_checkpoint(self, size: int, note: bytes) -> None:
        """Keep a checkpoint."""
        with self._file.appending() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS ledger_checkpoint (size INTEGER, note BLOB)")
            connection.execute("INSERT INTO ledger_checkpoint VALUES (?, ?)", (size, note))

    def checkpoint(self, size: int | None = None) -> tuple[int, bytes] | None:
        """Return the newest checkpoint."""
        tables = self._file.connection.execute("SELECT name FROM sqlite_master WHERE name = 'ledger_checkpoint'")
        if not tables.fetchall():
            return None
        row = self._file.connection.execute(
            "SELECT size, note FROM ledger_checkpoint WHERE ?1 IS NULL OR size = ?1 ORDER BY size DESC, rowid DESC",
            (size,),
        ).fetchone()
        return (row[0], bytes(row[1])) if row else None

    def newest_first(self) -> Iterator[Stored]:
        """Go through all entries, the newest first."""
        with self._file.translated():
            yield from (Stored(*row) for row in self._select("ORDER BY idx DESC"))

    def find(self, prefix: str) -> list[Stored]:
        """Find the entries whose id begins with a prefix of hexadecimal digits."""
        if not prefix or set(prefix) - set("0123456789abcdef"):
            return []
        with self._file.translated():
            return [Stored(*row) for row in self._select("WHERE entry_id GLOB ?", (prefix + "*",))]

    def holding(self, text: bytes) -> list[Stored]:
        """Find the entries in whose bytes a text stands, in their order."""
        with self._file.translated():
            return [Stored(*row) for row in self._select("WHERE instr(leaf, ?) ORDER BY idx", (text,))]

    def body(self, name: str) -> bytes:
        """Return the bytes with this digest, checked."""
        with self._file.translated():
            row = self._file.connection.execute("SELECT body FROM ledger_body WHERE digest = ?", (name,)).fetchone()
        if row is None or digest(row[0]) != name:
            raise HistoryError(str(self.path), f"the evidence {name[:12]}… is missing or damaged", "restore a backup")
        return bytes(row[0])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _select(self, rest: str, values: tuple[str | bytes | int, ...] = ()) -> sqlite3.Cursor:
        return self._file.connection.execute(f"SELECT idx, entry_id, leaf FROM ledger_entry {rest}", values)  # noqa: S608 - `rest` is ours
