"""An SQLite file that many processes append to, one after the other, and what goes wrong with it in words.

Appending takes a file lock and one immediate transaction. `synchronous=EXTRA` and a rollback journal, because what was
acknowledged must stay: with FULL the journal could come back after a power failure and undo the last transaction. No
WAL: before SQLite 3.51.3 its reset could damage a file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from greengate.errors import GreengateError
from greengate.ledger.places import Kind

_LOCK_WAIT_S = 60.0
# A measurement fits into such a page. Against 4 KiB a report over a long ledger takes two thirds of the time, and an
# entry that is written alone a tenth more.
_PAGE = 16_384
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)
_UNLOCKED = "cannot be locked here, and writers who do not see one another would damage it: {text}"
_LOCAL = "network file systems may have no locks: put it on a local disk, or in PostgreSQL"
_DAMAGED = "the {name} is damaged: {text}"
_WORDS = (
    (("full",), "the disk is full; nothing was lost, and nothing was written", "free some space and run again"),
    (("readonly", "unable to open"), "cannot be opened or written: {text}", "{elsewhere}"),
    (
        ("disk I/O",),
        "its disk cannot be read or written: {text}; what was acknowledged before is not lost",
        "look at the disk: is it full, beyond a quota, failing, or across a network?",
    ),
    (("locking protocol",), _UNLOCKED, _LOCAL),
    (("locked",), "another process holds this {name}", "run again when it has ended"),
    (("constraint", "never"), _DAMAGED, "restore a backup"),  # whoever writes holds the file: nobody else was faster
    (
        ("not a database", "malformed", "no such"),
        _DAMAGED,
        "restore a backup, or move the file away to begin a new {name}",
    ),
)


@dataclass(frozen=True, slots=True)
class Form:
    """The tables of a file.

    Attributes:
        mark: A table that only such a file has.
        oldest: The oldest format that is read.
        newest: The newest one, which is made.
        make: Makes the tables in an empty file, which is locked.
    """

    mark: str
    oldest: int
    newest: int
    make: Callable[[SqliteFile], None]


class SqliteFile:
    """A file of some kind, made if it does not exist; for one thread.

    Every method raises the kind's error when the file cannot be read or written.
    """

    def __init__(self, path: Path, kind: Kind, form: Form) -> None:
        self.path = path
        self._kind = kind
        self._form = form
        with self.translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock_path = path.parent / f"{path.name}.lock"
            self._empty = path.is_file() and not path.stat().st_size
            self.connection = connected(path)
        try:
            with self.translated():
                self._prepare()
        except GreengateError:
            self.close()
            raise

    @contextmanager
    def appending(self) -> Iterator[sqlite3.Connection]:
        """Hold the file alone for as long as the block lasts, which is one transaction."""
        with self.locked(), self.transaction("BEGIN IMMEDIATE"):
            yield self.connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """See the file as it is at one moment for as long as the block lasts."""
        with self.translated(), self.transaction("BEGIN"):
            yield self.connection

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all others from writing for as long as the block lasts."""
        with self.translated():
            handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
                if not os.fstat(handle).st_size and self.version():
                    os.write(handle, f"a {self._kind.name} was made here\n".encode())
            finally:
                os.close(handle)

    @contextmanager
    def transaction(self, begin: str) -> Iterator[None]:
        """Do all of the block or nothing."""
        self.connection.execute(begin)
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Say in words what SQLite and the system say of the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._kind.error(str(self.path), *self._in_words(str(error))) from error
        except OSError as error:
            told = error.strerror or str(error)
            if error.errno in _NO_LOCKS:
                raise self._kind.error(str(self.path), _UNLOCKED.format(text=told), _LOCAL) from error
            problem = f"cannot be opened or written: {told}"
            raise self._kind.error(str(self.path), problem, self._kind.elsewhere) from error

    def version(self) -> int:
        """Read the file's format, 0 where it is empty."""
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        return int(version)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def _prepare(self) -> None:
        if self.version() == 0:
            self._make()
        if self._form.mark not in self._tables():
            self._refuse_foreign()
        if not self._form.oldest <= self.version() <= self._form.newest:
            formats = f"format {self.version()}, this greengate reads format {self._form.newest}"
            hint = "use the greengate that wrote it, or a newer one"
            raise self._kind.error(str(self.path), f"this {self._kind.name} has {formats}", hint)

    def _make(self) -> None:
        with self.locked():
            if self.version() != 0:  # another process was faster
                return
            if self._tables():
                self._refuse_foreign()
            self._refuse_emptied()
            self._form.make(self)

    def _refuse_emptied(self) -> None:
        """Begin nothing new in a file that was cut off to nothing: what was in it would be missed by nobody."""
        if self._empty and self._lock_path.stat().st_size:
            problem = f"the {self._kind.name} is empty, and {self._lock_path.name} says that one was made here"
            hint = f"restore a backup, or remove {self._lock_path.name} to begin a new {self._kind.name}"
            raise self._kind.error(str(self.path), problem, hint)

    def _tables(self) -> set[str]:
        return {name for (name,) in self.connection.execute("SELECT name FROM sqlite_master")}

    def _refuse_foreign(self) -> NoReturn:
        problem = f"this is an SQLite database, but no {self._kind.name} of greengate"
        raise self._kind.error(str(self.path), problem, "give the path of another file")

    def _in_words(self, text: str) -> tuple[str, str]:
        for signs, problem, hint in _WORDS:
            if any(sign in text for sign in signs):
                given = {"name": self._kind.name, "text": text, "elsewhere": self._kind.elsewhere}
                return problem.format(**given), hint.format(**given)
        return f"SQLite says: {text}", ""


def connected(path: Path) -> sqlite3.Connection:
    """Connect to a file; transactions are the caller's, and what they wrote is on the disk when they end."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=_LOCK_WAIT_S)
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute(f"PRAGMA page_size = {_PAGE}")  # of a file that is made; one that is there keeps its own
    return connection


def statements(script: str) -> list[str]:
    """Part a script into its statements, each of which ends a line."""
    found, statement = [], ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found
