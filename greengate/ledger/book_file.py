"""The book of budgets in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from greengate.ledger import book_tables as sql
from greengate.ledger.book_pages import Execute
from greengate.ledger.places import Kind
from greengate.ledger.sqlite_file import Form, SqliteFile, statements


class BookFile:
    """A file with the tables of the book; whoever writes has all of it for the moment."""

    for_update = ""

    def __init__(self, path: Path, kind: Kind) -> None:
        self.where = str(path)
        self._file = SqliteFile(path, kind, Form(sql.MARK, sql.VERSION, sql.VERSION, _make))

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


def _make(file: SqliteFile) -> None:
    with file.transaction("BEGIN IMMEDIATE"):
        for statement in statements(sql.TABLES + sql.SQLITE_GUARDS):
            file.connection.execute(statement)
        file.connection.execute(f"PRAGMA user_version = {sql.VERSION}")


def _running(connection: sqlite3.Connection) -> Execute:
    def execute(statement: str, *values: object) -> list[tuple[Any, ...]]:
        return connection.execute(statement, values).fetchall()

    return execute
