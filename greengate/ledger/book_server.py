"""The book of budgets in a PostgreSQL database.

Transactions are READ COMMITTED and lock the rows of their accounts with SELECT … FOR UPDATE, in one order; those of one
change come one after the other. All that a transaction needs is set inside it, so that a pooler may stand between.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import conninfo, errors
from psycopg.pq import TransactionStatus

from greengate.errors import BookError, UsageError
from greengate.ledger import book_tables as sql
from greengate.ledger.book_pages import Execute

_CONNECT_S = "10"
# A process that hangs must not hold everyone's budget, and what was granted must survive the server.
_BEGIN = """BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '60s';
    SET LOCAL idle_in_transaction_session_timeout = '60s';
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"""
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_MAKING = "a book is made"
# Not to_regclass: it may remember that there was no table before this transaction waited for its lock.
_NAMES = """SELECT tablename FROM pg_tables WHERE tablename IN ('book_format', 'book_account')
    AND schemaname = ANY (current_schemas(false))"""
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
    errors.LockNotAvailable: ("another process has held this account for 60 s", "run again when it has ended"),
}


class BookServer:
    """A database with the tables of the book; a lost connection is made again by the next transaction."""

    for_update = " FOR UPDATE"

    def __init__(self, url: str, password: str, passfile: str, *, make: bool) -> None:
        self._parameters = _parameters(url, password, passfile)
        self.where = _shown(self._parameters)
        self._connection = self._connect()
        try:
            self._prepare(make=make)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def writing(self, change: str = "") -> Iterator[Execute]:
        """Write in one transaction; two of one change wait for one another."""
        lock = f"; SELECT pg_advisory_xact_lock({_key(change)})" if change else ""
        with self._transaction(_BEGIN + lock) as execute:
            yield execute

    @contextmanager
    def reading(self) -> Iterator[Execute]:
        """Read what there is at one moment."""
        with self._transaction(_SNAPSHOT) as execute:
            yield execute

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

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
        names = {name for (name,) in execute(_NAMES)}
        if len(names) == 1:
            problem = "this database has tables of these names, but no book of budgets of greengate"
            raise BookError(
                self.where, problem, "give another database, or another schema by `?options=-csearch_path%3D…`"
            )
        if names and execute("SELECT version FROM book_format") != [(sql.VERSION,)]:
            problem = f"this book of budgets has another format, this greengate reads format {sql.VERSION}"
            raise BookError(self.where, problem, "use the greengate that wrote it, or a newer one")
        return bool(names)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Execute]:
        with self._translated():
            if self._connection.closed:
                self._connection = self._connect()
            connection = self._connection
            connection.execute(begin.encode())
            try:
                yield _running(connection)
                connection.execute(b"COMMIT")
            except BaseException:
                if connection.info.transaction_status is not TransactionStatus.UNKNOWN:
                    with suppress(psycopg.Error):  # the first error is the one to tell
                        connection.execute(b"ROLLBACK")
                raise

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        try:
            return psycopg.connect(**self._parameters, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            words = self._clean(str(error))
            hint = "is the server running, and may it be reached from here?"
            if "password" in words:
                hint = "set GREENGATE_BOOK_PASSWORD, or write the password into ~/.pgpass"
            raise BookError(
                self.where, f"cannot be reached: {words}", hint
            ) from None  # its words may have the password

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise BookError(self.where, *self._in_words(error)) from None  # likewise

    def _in_words(self, error: psycopg.Error) -> tuple[str, str]:
        told = self._clean(error.diag.message_primary or str(error))
        if type(error) in _WORDS:
            return _WORDS[type(error)]
        if isinstance(error, errors.InsufficientPrivilege | errors.InvalidSchemaName):
            return f"this user may not do that: {told}", "docs/budgets.md tells which rights it needs"
        if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn | errors.UndefinedFunction):
            return f"the book is damaged: {told}", "restore a backup"
        if self._connection.closed:
            return f"the connection was lost: {told}", "run again: what was written already is not written twice"
        return f"PostgreSQL says: {told}", ""

    def _clean(self, words: str) -> str:
        password = str(self._parameters.get("password", ""))
        told = "; ".join(line.strip() for line in words.splitlines() if line.strip())
        return told.replace(password, "…") if password else told


def _running(connection: psycopg.Connection[tuple[Any, ...]]) -> Execute:
    def execute(statement: str, *values: object) -> list[tuple[Any, ...]]:
        cursor = connection.execute(statement.replace("?", "%s").encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    return execute


def _parameters(url: str, password: str, passfile: str) -> dict[str, Any]:
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.Error:  # its words may have the password
        raise UsageError("the book", _UNREADABLE, _ESCAPES) from None
    host, port, name = (str(given.get(part) or "") for part in ("host", "port", "dbname"))
    if "@" in host + name or not re.fullmatch(r"[0-9,]*", port):  # else a part of a password would be shown as one
        raise UsageError("the book", _UNREADABLE, _ESCAPES)
    return {
        "connect_timeout": _CONNECT_S,
        "application_name": "greengate",
        **({"password": password} if password else {}),
        **({"passfile": passfile} if passfile else {}),
        **given,
    }


def _shown(parameters: dict[str, Any]) -> str:
    user, host, port, name = (str(parameters.get(part) or "") for part in ("user", "host", "port", "dbname"))
    return f"postgresql://{user and f'{user}@'}{host}{port and f':{port}'}/{name}"


def _key(text: str) -> int:
    """Map a text to the number of a lock; two that share one only wait for one another."""
    return int.from_bytes(hashlib.sha256(f"greengate {text}".encode()).digest()[:8], signed=True)
