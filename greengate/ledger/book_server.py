"""The book of budgets in a PostgreSQL database.

Transactions are READ COMMITTED and lock the rows of their accounts with SELECT … FOR UPDATE, in one order; those of one
change come one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from greengate.errors import UsageError
from greengate.ledger import book_tables as sql
from greengate.ledger.book_pages import Execute
from greengate.ledger.places import Kind
from greengate.ledger.postgres_server import NAMES, SNAPSHOT, WRITING, Connection, PostgresServer, begin, lock_key, rows

_MAKING = "a book is made"


class BookServer:
    """A database with the tables of the book; a lost connection is made again by the next transaction."""

    for_update = " FOR UPDATE"

    def __init__(self, server: PostgresServer, kind: Kind, *, make: bool) -> None:
        self._server = server
        self._kind = kind
        self.where = server.where
        try:
            self._prepare(make=make)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def writing(self, change: str = "") -> Iterator[Execute]:
        """Write in one transaction; two of one change wait for one another."""
        lock = f"; SELECT pg_advisory_xact_lock({lock_key(change)})" if change else ""
        with self._server.transaction(begin(WRITING + lock)) as connection:
            yield _running(connection)

    @contextmanager
    def reading(self) -> Iterator[Execute]:
        """Read what there is at one moment."""
        with self._server.transaction(begin(SNAPSHOT)) as connection:
            yield _running(connection)

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    def _prepare(self, *, make: bool) -> None:
        with self.reading() as execute:
            made = self._is_made(execute)
        if not made and not make:
            raise UsageError(self.where, "there is no book of budgets here yet")
        if not made:
            with self.writing(_MAKING) as execute:
                if not self._is_made(execute):
                    execute(sql.TABLES + sql.POSTGRES_GUARDS)

    def _is_made(self, execute: Execute) -> bool:
        names = {name for (name,) in execute(NAMES, ["book_format", "book_account"])}
        if len(names) == 1:
            problem = "this database has tables of these names, but no book of budgets of greengate"
            raise self._kind.error(
                self.where, problem, "give another database, or another schema by `?options=-csearch_path%3D…`"
            )
        if names and execute("SELECT version FROM book_format") != [(sql.VERSION,)]:
            problem = f"this book of budgets has another format, this greengate reads format {sql.VERSION}"
            raise self._kind.error(self.where, problem, "use the greengate that wrote it, or a newer one")
        return bool(names)


def _running(connection: Connection) -> Execute:
    def execute(statement: str, *values: object) -> list[tuple[Any, ...]]:
        return rows(connection, statement.replace("?", "%s"), values)

    return execute
