"""A ledger in one SQLite file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement

from greengate.errors import HistoryError
from greengate.ledger.appending import appended
from greengate.ledger.keeping import KIND, Append, Ask, Rows, Writing
from greengate.ledger.sqlite_file import Form, SqliteFile, connected
from greengate.ledger.statements import LOCKED_HEAD, SQLITE_TRIGGERS, Texts
from greengate.ledger.tables import FIRST_FORMAT, FORMAT, SQLITE_GUARDS, WITH_MARKS, WITH_TREE, guards

_CACHE_KIB = 16_384


class LedgerFile:
    """A file with the tables of a ledger; one of an older format is upgraded when something is written."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._texts = Texts(sqlite.dialect(paramstyle="qmark"))
        self._file = SqliteFile(path, KIND, Form("ledger_head", FIRST_FORMAT, FORMAT, _upgrade))
        with self._file.translated():
            self._format = self._file.version()
            if self._format > FIRST_FORMAT:  # before it, there may be no such table
                self._refuse_two_formats()
            # What is forgotten is overwritten, not only left out.
            self._file.connection.execute("PRAGMA secure_delete = ON")
            self._file.connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    @property
    def has_tree(self) -> bool:
        """Whether its tree is kept."""
        return self._format >= WITH_TREE

    @property
    def has_marks(self) -> bool:
        """Whether its entries have marks."""
        return self._format >= WITH_MARKS

    def ask(self, statement: ClauseElement, *values: object) -> Rows:
        """Run one statement that reads."""
        with self._file.translated():
            return self._run(statement, *values)

    @contextmanager
    def reading(self) -> Iterator[Ask]:
        """Read what there is at one moment."""
        with self._file.reading():
            yield self._run

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Write in one transaction."""
        if self._format < FORMAT:
            with self._file.locked():
                _upgrade(self._file)
            self._format = FORMAT
        with self._file.appending():
            yield _Writing(self._run)

    def append(self, leaves: Sequence[bytes], bodies: Mapping[str, bytes]) -> list[int]:
        """Append leaves and what they refer to by digest, in one transaction."""
        with self.appending() as append:
            return append(leaves, bodies)

    @contextmanager
    def appending(self) -> Iterator[Append]:
        """Append several times in one transaction."""
        with self.writing():
            yield lambda leaves, bodies: appended(_Writing(self._run), self.where, leaves, bodies)

    def may_read(self, table: str) -> bool:
        """Tell whether this user may read a table: who may read a file may read all of it."""
        del table
        return True

    def sync(self) -> None:
        """Do nothing: what can be seen is on the disk."""

    def missing_guards(self) -> list[str]:
        """Name the triggers against changes that are not there."""
        return sorted(guards(SQLITE_GUARDS, self._format) - {name for (name,) in self.ask(SQLITE_TRIGGERS)})

    def open_schemas(self) -> list[str]:
        """Name none: a file has no functions."""
        return []

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _refuse_two_formats(self) -> None:
        """Refuse a file that tells two formats of itself, in its head and in the table by which it is upgraded."""
        both = "SELECT user_version, version_num FROM pragma_user_version LEFT JOIN ledger_format"
        rows = self._file.connection.execute(both).fetchall()
        if any(str(table).lstrip("0") != str(head) for head, table in rows):
            head, found = rows[0][0], ", ".join(str(table) for _, table in rows)
            problem = f"it tells two formats of itself: {head}, and in its table ledger_format {found}"
            raise HistoryError(self.where, problem, "restore a backup")

    def _run(self, statement: ClauseElement, *values: object) -> Rows:
        return self._file.connection.execute(self._texts[statement], values).fetchall()


class _Writing:
    def __init__(self, run: Callable[..., Rows]) -> None:
        self._run = run
        self.head = run(LOCKED_HEAD)

    def ask(self, statement: ClauseElement, *values: object) -> Rows:
        return self._run(statement, *values)

    def add(self, statement: ClauseElement, *values: object) -> None:
        self._run(statement, *values)


def _upgrade(file: SqliteFile) -> None:
    """Make the tables in a file that is locked, or bring those that are there to the newest format."""
    from greengate.ledger import migrating  # noqa: PLC0415 - heavy, and seldom needed
    from greengate.ledger.migrations import CannotUpgrade  # noqa: PLC0415 - likewise

    try:
        with migrating.beginning("sqlite://", lambda: connected(file.path), "BEGIN IMMEDIATE") as connection:
            version = file.version()
            if version < FORMAT:
                migrating.upgrade(connection, version)
    except CannotUpgrade as error:
        migrating.refuse_damaged(str(file.path), KIND, error)
