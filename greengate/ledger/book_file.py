"""The book of budgets in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from greengate.errors import BookError
from greengate.ledger import book_tables as sql
from greengate.ledger.book_pages import Execute
from greengate.ledger.sqlite_file import Kind, SqliteFile

KIND = Kind(
    name="book of budgets",
    table=sql.MARK,
    schema=sql.TABLES + sql.SQLITE_GUARDS,
    version=sql.VERSION,
    error=BookError,
    elsewhere="point at a place that can be written to",
)


class BookFile:
    """A file with the tables of the book; whoever writes has all of it for the moment."""

    for_update = ""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._file = SqliteFile(path, KIND)

    @contextmanager
    def writing(self, change: str = "") -> Iterator[Execute]:
        """Write in one transaction."""
        del change
        with self._file.appending() as connection:
            yield _running(connection)

    @contextmanager
    def reading(self) -> Iterator[Execute]:
        """Read what there is at one moment."""
        with self._file.reading() as connection:
            yield _running(connection)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _running(connection: sqlite3.Connection) -> Execute:
    def execute(statement: str, *values: object) -> list[tuple[Any, ...]]:
        return connection.execute(statement, values).fetchall()

    return execute
