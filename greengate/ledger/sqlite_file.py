"""An SQLite file that many processes append to, one after the other, and what goes wrong with it in words.

Appending takes a file lock and one immediate transaction. `synchronous=EXTRA` and a rollback journal, because what was
acknowledged must stay: with FULL the journal could come back after a power failure and undo the last transaction.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from greengate.errors import GreengateError

_LOCK_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is.

    Attributes:
        name: What people call it, such as "history".
        table: A table that only such a file has.
        schema: The statements that make one.
        version: Its format.
        error: What is raised when it cannot be read or written.
        elsewhere: What to do where it cannot be written.
    """

    name: str
    table: str
    schema: str
    version: int
    error: type[GreengateError]
    elsewhere: str


class SqliteFile:
    """A file of some kind, made if it does not exist; for one thread.

    Every method raises the kind's error when the file cannot be read or written.
    """

    def __init__(self, path: Path, kind: Kind) -> None:
        self.path = path
        self._kind = kind
        with self.translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock_path = path.parent / f"{path.name}.lock"
            self.connection = sqlite3.connect(path, isolation_level=None, timeout=_LOCK_WAIT_S)
        try:
            with self.translated():
                self.connection.execute("PRAGMA synchronous = EXTRA")
                self._prepare()
        except GreengateError:
            self.close()
            raise

    @contextmanager
    def appending(self) -> Iterator[sqlite3.Connection]:
        """Hold the file alone for as long as the block lasts, which is one transaction."""
        with self.translated(), self._locked(), self._transaction("BEGIN IMMEDIATE"):
            yield self.connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """See the file as it is at one moment for as long as the block lasts."""
        with self.translated(), self._transaction("BEGIN"):
            yield self.connection

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Say in words what SQLite and the system say of the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._kind.error(str(self.path), *self._in_words(error)) from error
        except OSError as error:
            problem = f"cannot be opened or written: {error.strerror or error}"
            raise self._kind.error(str(self.path), problem, self._kind.elsewhere) from error

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def _prepare(self) -> None:
        if self._version() == 0:
            self._make()
        if self._kind.table not in self._tables():
            self._refuse_foreign()
        if self._version() != self._kind.version:
            formats = f"format {self._version()}, this greengate reads format {self._kind.version}"
            hint = "use the greengate that wrote it, or a newer one"
            raise self._kind.error(str(self.path), f"this {self._kind.name} has {formats}", hint)

    def _make(self) -> None:
        with self.appending() as connection:
            if self._version() != 0:  # another process was faster
                return
            if self._tables():
                self._refuse_foreign()
            for statement in statements(self._kind.schema):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {self._kind.version}")

    def _version(self) -> int:
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        return int(version)

    def _tables(self) -> set[str]:
        return {name for (name,) in self.connection.execute("SELECT name FROM sqlite_master")}

    def _refuse_foreign(self) -> NoReturn:
        problem = f"this is an SQLite database, but no {self._kind.name} of greengate"
        raise self._kind.error(str(self.path), problem, "give the path of another file")

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self.connection.execute(begin)
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _in_words(self, error: sqlite3.Error) -> tuple[str, str]:
        text, name = str(error), self._kind.name
        if "full" in text:
            return "the disk is full; nothing was lost, and nothing was written", "free some space and run again"
        if "readonly" in text or "unable to open" in text:
            return f"cannot be opened or written: {text}", self._kind.elsewhere
        if "locked" in text:
            return f"another process holds this {name}", "run again when it has ended"
        if "not a database" in text or "malformed" in text:
            return f"the {name} is damaged: {text}", f"restore a backup, or move the file away to begin a new {name}"
        return f"SQLite says: {text}", ""


def statements(script: str) -> list[str]:
    """Part a script into its statements, each of which ends a line."""
    found, statement = [], ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found
