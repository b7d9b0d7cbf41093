"""A ledger in a PostgreSQL database: transactions are READ COMMITTED and lock the head with SELECT … FOR UPDATE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql import ClauseElement

from greengate.errors import HistoryError, UsageError
from greengate.ledger.keeping import KIND, MISSING, Append, Ask, Rows, Writing
from greengate.ledger.marks import marks_of
from greengate.ledger.postgres_arrays import Byteas, Integers
from greengate.ledger.postgres_arrays import Texts as TextArray
from greengate.ledger.postgres_server import (
    BEGIN,
    NAMES,
    SNAPSHOT,
    SYNCHRONOUS,
    WRITING,
    Connection,
    PostgresServer,
    begin,
    lock_key,
)
from greengate.ledger.statements import COMMIT, LOCKED_HEAD, POSTGRES_OPEN_SCHEMAS, POSTGRES_TRIGGERS, Texts
from greengate.ledger.tables import FORMAT, POSTGRES_GUARDS, WITH_MARKS, guards

_AT_ONCE = 100
_WRITE = b"CALL ledger_write(%b, %b, %b, %b, %b, %b, NULL::bigint[])"
_APPEND = b"SELECT told FROM ledger_append(%b, %b, %b, %b, %b, %b)"
# A transaction that writes, so that its end waits for the disk, and with it all that was before it in the log.
_SYNCED = f"SELECT pg_logical_emit_message(true, 'greengate', ''), {SYNCHRONOUS}".encode()
_Statement = tuple[str, tuple[object, ...]]
_MAKING = f"SELECT pg_advisory_xact_lock({lock_key('a ledger is made')})"


class LedgerServer:
    """A database with the tables of a ledger; a lost connection is made again by the next statement."""

    _format = 0
    _stays = False  # in the format that it has: this user may not bring it to another, and need not

    def __init__(self, server: PostgresServer, *, make: bool) -> None:
        self.where = server.where
        self._server = server
        self._texts = Texts(PGDialect_psycopg(paramstyle="format"))  # type: ignore[no-untyped-call]
        try:
            self._prepare(make=make)
        except BaseException:
            self.close()
            raise

    @property
    def has_tree(self) -> bool:
        """Whether its tree is kept: the first format was one of files."""
        return True

    @property
    def has_marks(self) -> bool:
        """Whether its entries have marks."""
        return self._format >= WITH_MARKS

    def ask(self, statement: ClauseElement, *values: object) -> Rows:
        """Run one statement that reads."""
        with self._server.translated():
            return _run(self._server.connected(), self._texts[statement], values)

    @contextmanager
    def reading(self) -> Iterator[Ask]:
        """Read what there is at one moment."""
        with self._server.transaction(begin(SNAPSHOT)) as connection:
            yield _Reading(connection, self._texts).ask

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Write in one transaction."""
        self._bring_up()
        with self._server.transaction(lambda connection: _Writing(connection, self._texts)) as writing:
            yield writing
            writing.end()

    def append(self, leaves: Sequence[bytes], bodies: Mapping[str, bytes]) -> list[int]:
        """Append leaves and what they refer to by digest, by a function of the database."""
        self._bring_up()
        if len(leaves) <= _AT_ONCE:
            return self._append_few(leaves, bodies)
        with self.appending() as append:
            return append(leaves, bodies)

    @contextmanager
    def appending(self) -> Iterator[Append]:
        """Append several times in one transaction."""
        self._bring_up()
        with self._server.transaction(begin(WRITING)) as connection:
            _run(connection, self._texts[LOCKED_HEAD], ())

            def append(leaves: Sequence[bytes], bodies: Mapping[str, bytes]) -> list[int]:
                told: list[int] = []
                for start in range(0, len(leaves), _AT_ONCE):
                    told += _run_append(connection, _APPEND, leaves[start : start + _AT_ONCE], {} if start else bodies)
                return told

            yield append

    def may_read(self, table: str) -> bool:
        """Tell whether this user may read a table."""
        return bool(self._server.ask("SELECT has_table_privilege(%s, 'SELECT')", (table,))[0][0])

    def _append_few(self, leaves: Sequence[bytes], bodies: Mapping[str, bytes]) -> list[int]:
        """Where others write too, hold the head while it is written, and wait for the disk afterwards, with them."""
        with self._server.translated():
            connection = self._server.connected()
            try:
                told = _run_append(connection, _APPEND if self._stays else _WRITE, leaves, bodies)
            except psycopg.errors.SerializationFailure:  # a role may have another isolation than the one that suits
                with self.appending() as append:
                    return append(leaves, bodies)
            if self._stays:  # another one may have held the head
                connection.execute(_SYNCED)
            return told

    def sync(self) -> None:
        """Wait until all that can be seen is on the disk."""
        with self._server.translated():
            self._server.connected().execute(_SYNCED)

    def missing_guards(self) -> list[str]:
        """Name the triggers against changes that are not there, or not in force."""
        return sorted(guards(POSTGRES_GUARDS, self._format) - {name for (name,) in self.ask(POSTGRES_TRIGGERS)})

    def open_schemas(self) -> list[str]:
        """Name the schemas of the search path in which others than the ledger's owner may make functions."""
        return [name for (name,) in self.ask(POSTGRES_OPEN_SCHEMAS)]

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    def _prepare(self, *, make: bool) -> None:
        self._format = self._version()
        if self._format == 0:
            if not make:
                raise UsageError(self.where, *MISSING)
            self._bring_up()

    def _bring_up(self) -> None:
        """Make the tables, or bring those that are there to the newest format."""
        if self._format == FORMAT or self._stays:
            return
        from greengate.ledger import migrating  # noqa: PLC0415 - heavy, and seldom needed
        from greengate.ledger.migrations import CannotUpgrade  # noqa: PLC0415 - likewise

        try:
            with (
                self._server.translated(),
                self._owned(),
                migrating.beginning("postgresql+psycopg://", self._server.connect, WRITING) as connection,
            ):
                connection.exec_driver_sql(_MAKING)
                if (version := self._version()) < FORMAT:
                    migrating.upgrade(connection, version)
        except CannotUpgrade as error:
            migrating.refuse_damaged(self.where, KIND, error)
        if not self._stays:
            self._format = FORMAT

    @contextmanager
    def _owned(self) -> Iterator[None]:
        """Say that an older format is brought up by who owns its tables; whatever else goes wrong has its own hint.

        The third can be written as it is: what is new makes it quicker.
        """
        try:
            yield
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.DuplicateFunction) as error:
            self._stays = self._format >= WITH_MARKS
            if self._stays:
                return
            if not self._format or isinstance(error, psycopg.errors.DuplicateFunction):
                raise
            told = f"this user may not do that: {error.diag.message_primary}"
            problem = f"its tables are of format {self._format}, and were not brought to format {FORMAT}: {told}"
            raise HistoryError(self.where, problem, "let their owner write once; docs/ledger.md tells how") from None

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
        if not 0 < version <= FORMAT:
            found = ", ".join(str(row[0]) for row in rows) or "none"
            problem = f"this history has format {found.lstrip('0')}, this greengate reads format {FORMAT}"
            raise HistoryError(self.where, problem, "use the greengate that wrote it, or a newer one")
        return version


class _Reading:
    def __init__(self, connection: Connection, texts: Texts) -> None:
        self._connection = connection
        self._texts = texts

    def ask(self, statement: ClauseElement, *values: object) -> Rows:
        return _run(self._connection, self._texts[statement], values)


class _Writing(_Reading):
    """What is asked at first is sent together, and what is written with the end, so that the head is not held long."""

    def __init__(self, connection: Connection, texts: Texts) -> None:
        super().__init__(connection, texts)
        self._waiting: list[_Statement] = []
        self.head = _together(connection, [(statement, ()) for statement in (*BEGIN, texts[LOCKED_HEAD])])[-1]

    def ask(self, statement: ClauseElement, *values: object) -> Rows:
        self._send()
        return super().ask(statement, *values)

    def add(self, statement: ClauseElement, *values: object) -> None:
        self._waiting.append((self._texts[statement], values))

    def end(self) -> None:
        self.add(COMMIT)
        self._send()

    def _send(self) -> None:
        for start in range(0, len(self._waiting), _AT_ONCE):
            _together(self._connection, self._waiting[start : start + _AT_ONCE])
        self._waiting.clear()


def _run_append(
    connection: Connection, statement: bytes, leaves: Sequence[bytes], bodies: Mapping[str, bytes]
) -> list[int]:
    """Append by `ledger_append`, or by `ledger_write`, which takes the same values."""
    marks = [(number, mark) for number, leaf in enumerate(leaves, 1) for mark in marks_of(leaf)]
    values = (
        Byteas(leaves), Integers(number for number, _ in marks),
        TextArray(mark.name for _, mark in marks), TextArray(mark.value for _, mark in marks),
        TextArray(bodies), Byteas(bodies.values()),
    )  # fmt: skip
    ((told,),) = connection.execute(statement, values, binary=True).fetchall()
    return list(told)


def _together(connection: Connection, statements: Sequence[_Statement]) -> list[Rows]:
    """Run statements that are sent as one, which takes a fraction of the time, and give the rows of each."""
    cursor = psycopg.ClientCursor(connection)
    text = "; ".join(statement for statement, _ in statements)
    cursor.execute(text.encode(), [value for _, values in statements for value in values] or None)
    told = [_rows(cursor)]
    while cursor.nextset():
        told.append(_rows(cursor))
    return told


def _rows(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Rows:
    return cursor.fetchall() if cursor.description else []


def _run(connection: Connection, statement: str, values: tuple[object, ...]) -> Rows:
    return connection.execute(statement.encode(), values or None, binary=True).fetchall()
