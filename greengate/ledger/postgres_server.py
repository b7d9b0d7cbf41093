"""A connection to a PostgreSQL database, and what goes wrong with it in words that hold no password.

All that a transaction needs is set inside it, so that a pooler may stand between.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg import conninfo, errors
from psycopg.pq import TransactionStatus

from greengate.errors import UsageError
from greengate.ledger.places import Kind

_CONNECT_S = "10"
_IDLE_S = 60
# What was acknowledged must survive the server.
SYNCHRONOUS = """set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
    ELSE current_setting('synchronous_commit') END, true)"""
# A process that hangs must not hold everyone else.
BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED",
    f"""SELECT set_config('lock_timeout', '60s', true), set_config('idle_in_transaction_session_timeout', '60s', true),
    {SYNCHRONOUS}""",
)
WRITING = "; ".join(BEGIN)
SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Not to_regclass: it may remember that there was no table before this transaction waited for its lock.
NAMES = "SELECT tablename FROM pg_tables WHERE tablename = ANY (%s) AND schemaname = ANY (current_schemas(false))"
_UNREADABLE = "this address of a PostgreSQL database cannot be read"
_ESCAPES = (
    "look behind the `?`; in a password write `%40` for `@`, `%2F` for `/`, `%3A` for `:`, `%3F` for `?`, "
    "`%23` for `#`, `%25` for `%`"
)
_WORDS: dict[type[psycopg.Error], tuple[str, str]] = {
    errors.DiskFull: (
        "the disk of the database is full; nothing was lost, and nothing was written",
        "free some space and run again",
    ),
    errors.ReadOnlySqlTransaction: (
        "nothing can be written here: this database is a standby, or set to read only",
        "give the address of the primary",
    ),
    errors.QueryCanceled: (
        "the database ended a statement before it was done: somebody cancelled it, or its `statement_timeout` is short",
        "run again: what was written already is not written twice",
    ),
    errors.UntranslatableCharacter: (
        "this database cannot hold all characters that are to be written: its encoding is not UTF8",
        "use a database in UTF8",
    ),
}

_DAMAGE = (
    errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction, errors.RaiseException,
    psycopg.IntegrityError, psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted,
)  # fmt: skip

Rows = list[tuple[Any, ...]]
Connection = psycopg.Connection[tuple[Any, ...]]
Begun = TypeVar("Begun")


class PostgresServer:
    """A database; a lost connection is made again by the next transaction.

    Every method raises the kind's error when it cannot be reached, read or written.
    """

    def __init__(self, url: str, password: str, passfile: str, kind: Kind) -> None:
        self._kind = kind
        self._parameters = _parameters(url, password, passfile, kind)
        self.where = _shown(self._parameters)
        self.connection = self.connect()
        self._used = monotonic()

    def connect(self) -> Connection:
        """Make a connection whose transactions are the caller's."""
        try:
            return psycopg.connect(**self._parameters, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            words = self._clean(str(error))
            hint = "is the server running, and may it be reached from here?"
            if "password" in words:
                hint = f"set {self._kind.password}, or write the password into ~/.pgpass"
            raise self._kind.error(
                self.where, f"cannot be reached: {words}", hint
            ) from None  # its words may have the password

    def connected(self) -> Connection:
        """Give the connection, made again where it was lost.

        What is written after a long measurement should not be lost because somebody closed what lay idle meanwhile.
        """
        before, self._used = self._used, monotonic()
        if self._used - before > _IDLE_S:
            with suppress(psycopg.Error):  # it is closed then
                self.connection.execute(b"SELECT 1")
        if self.connection.closed:
            self.connection = self.connect()
        return self.connection

    @contextmanager
    def transaction(self, begin: Callable[[Connection], Begun]) -> Iterator[Begun]:
        """Do all of the block or nothing; `begin` begins it, and what it returns is what the block gets."""
        with self.translated():
            connection = self.connected()
            try:
                yield begin(connection)
                if connection.info.transaction_status is not TransactionStatus.IDLE:  # it may have been sent already
                    connection.execute(b"COMMIT")
            except BaseException:
                if connection.info.transaction_status is not TransactionStatus.UNKNOWN:
                    with suppress(psycopg.Error):  # the first error is the one to tell
                        connection.execute(b"ROLLBACK")
                raise

    def ask(self, statement: str, values: tuple[object, ...] = ()) -> Rows:
        """Run one statement that is a transaction of its own."""
        with self.translated():
            return rows(self.connected(), statement, values)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Say in words what PostgreSQL says."""
        try:
            yield
        except psycopg.Error as error:
            raise self._kind.error(self.where, *self._in_words(error)) from None  # its words may have the password

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def _in_words(self, error: psycopg.Error) -> tuple[str, str]:
        told = self._clean(error.diag.message_primary or str(error))
        if type(error) in _WORDS:
            return _WORDS[type(error)]
        if isinstance(error, errors.LockNotAvailable):
            return f"another process has held this {self._kind.locked} for 60 s", "run again when it has ended"
        if isinstance(error, errors.InsufficientPrivilege | errors.InvalidSchemaName):
            return f"this user may not do that: {told}", f"{self._kind.page} tells which rights it needs"
        if isinstance(error, _DAMAGE):
            return f"the {self._kind.name} is damaged: {told}", "restore a backup"
        if self.connection.closed:
            return f"the connection was lost: {told}", "run again: what was written already is not written twice"
        return f"PostgreSQL says: {told}", ""

    def _clean(self, words: str) -> str:
        password = str(self._parameters.get("password", ""))
        told = "; ".join(line.strip() for line in words.splitlines() if line.strip())
        return told.replace(password, "…") if password else told


def begin(statements: str) -> Callable[[Connection], Connection]:
    """Begin a transaction by some statements, and give its connection to the block."""

    def run(connection: Connection) -> Connection:
        connection.execute(statements.encode())
        return connection

    return run


def rows(connection: Connection, statement: str, values: tuple[object, ...]) -> Rows:
    """Run a statement with its values, `%s` in their places, and give all rows."""
    cursor = connection.execute(statement.encode(), values or None)
    return cursor.fetchall() if cursor.description else []


def lock_key(text: str) -> int:
    """Map a text to the number of a lock; two that share one only wait for one another."""
    return int.from_bytes(hashlib.sha256(f"greengate {text}".encode()).digest()[:8], signed=True)


def _parameters(url: str, password: str, passfile: str, kind: Kind) -> dict[str, Any]:
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.Error:  # its words may have the password
        raise UsageError(kind.where, _UNREADABLE, _ESCAPES) from None
    host, port, name = (str(given.get(part) or "") for part in ("host", "port", "dbname"))
    if "@" in host + name or not re.fullmatch(r"[0-9,]*", port):  # else a part of a password would be shown as one
        raise UsageError(kind.where, _UNREADABLE, _ESCAPES)
    return {
        "connect_timeout": _CONNECT_S,
        "application_name": "greengate",
        **({"password": password} if password else {}),
        **({"passfile": passfile} if passfile else {}),
        **given,
        "client_encoding": "utf8",  # else psycopg cannot read what a database without an encoding holds
    }


def _shown(parameters: dict[str, Any]) -> str:
    user, host, port, name = (str(parameters.get(part) or "") for part in ("user", "host", "port", "dbname"))
    return f"postgresql://{user and f'{user}@'}{host}{port and f':{port}'}/{name}"
