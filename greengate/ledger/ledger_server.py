"""A ledger in a PostgreSQL database: transactions are READ COMMITTED and lock the head with SELECT … FOR UPDATE."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql import ClauseElement

from greengate.errors import HistoryError, UsageError
from greengate.ledger.keeping import MISSING, Execute, Rows
from greengate.ledger.postgres_server import NAMES, WRITING, PostgresServer, lock_key
from greengate.ledger.statements import Texts

_NEWEST = 2
_MAKING = f"SELECT pg_advisory_xact_lock({lock_key('a ledger is made')})"


class LedgerServer:
    """A database with the tables of a ledger; a lost connection is made again by the next statement."""

    has_tree = True

    def __init__(self, server: PostgresServer, *, make: bool) -> None:
        self.where = server.where
        self._server = server
        self._texts = Texts(PGDialect_psycopg(paramstyle="format"))  # type: ignore[no-untyped-call]
        try:
            self._prepare(make=make)
        except BaseException:
            self.close()
            raise

    def ask(self, statement: ClauseElement, *values: object) -> Rows:
        """Run one statement that reads."""
        with self._server.translated():
            return self._run(self._server.connected(), statement, values)

    @contextmanager
    def writing(self) -> Iterator[Execute]:
        """Write in one transaction."""
        with self._server.transaction(WRITING) as connection:

            def execute(statement: ClauseElement, *values: object) -> Rows:
                return self._run(connection, statement, values)

            yield execute

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    def _run(
        self, connection: psycopg.Connection[tuple[Any, ...]], statement: ClauseElement, values: tuple[object, ...]
    ) -> Rows:
        cursor = connection.execute(self._texts[statement].encode(), values or None, binary=True)
        return cursor.fetchall() if cursor.description else []

    def _prepare(self, *, make: bool) -> None:
        version = self._version()
        if version == 0 and not make:
            raise UsageError(self.where, *MISSING)
        if version < _NEWEST:
            self._upgrade()

    def _upgrade(self) -> None:
        from greengate.ledger import migrating  # noqa: PLC0415 - heavy, and seldom needed

        with (
            self._server.translated(),
            migrating.beginning("postgresql+psycopg://", self._server.connect, WRITING) as connection,
        ):
            connection.exec_driver_sql(_MAKING)
            if self._version() < _NEWEST:
                migrating.upgrade(connection, 0)

    def _version(self) -> int:
        names = {name for (name,) in self._server.ask(NAMES, (["ledger_format", "ledger_head"],))}
        if not names:
            return 0
        if len(names) == 1:
            problem = "this database has tables of these names, but no history of greengate"
            raise HistoryError(
                self.where, problem, "give another database, or another schema by `?options=-csearch_path%3D…`"
            )
        rows = self._server.ask("SELECT version_num FROM ledger_format")
        version = int(rows[0][0]) if len(rows) == 1 and str(rows[0][0]).isdecimal() else 0
        if not 0 < version <= _NEWEST:
            found = ", ".join(str(row[0]) for row in rows) or "none"
            problem = f"this history has format {found.lstrip('0')}, this greengate reads format {_NEWEST}"
            raise HistoryError(self.where, problem, "use the greengate that wrote it, or a newer one")
        return version
