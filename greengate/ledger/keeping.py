"""Where the tables of a ledger lie: a file or a database, of which the rest sees statements, values and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.sql import ClauseElement

from greengate.errors import HistoryError, UsageError
from greengate.ledger.places import Kind, in_database, no_psycopg

KIND = Kind(
    name="history",
    where="the history",
    error=HistoryError,
    elsewhere="point `history:` in greengate.yaml at a writable place",
    locked="history",
    password="GREENGATE_HISTORY_PASSWORD",  # noqa: S106 - the name of a variable
    page="docs/ledger.md",
)

MOST = 2**62
"""More than can be there, and less than a database can count."""

Rows = list[tuple[Any, ...]]


class Ask(Protocol):
    """Runs a statement that reads with its values, and gives all rows."""

    def __call__(self, statement: ClauseElement, *values: object) -> Rows:
        """Run it."""


class Writing(Protocol):
    """An open transaction that holds the head of the ledger, and so keeps all others from writing.

    Attributes:
        head: The row of the head, as `statements.LOCKED_HEAD` gives it.
    """

    head: Rows

    def ask(self, statement: ClauseElement, *values: object) -> Rows:
        """Run a statement that reads."""

    def add(self, statement: ClauseElement, *values: object) -> None:
        """Run a statement that writes, before the next one that reads or before the end."""


class Append(Protocol):
    """Appends leaves and what they refer to by digest; gives the index of each, old ones included."""

    def __call__(self, leaves: Sequence[bytes], bodies: Mapping[str, bytes]) -> list[int]:
        """Append them."""


class Keeper(Protocol):
    """Where the tables lie; it translates what goes wrong there into `HistoryError`.

    Attributes:
        where: Its path or address, without a password.
    """

    where: str

    @property
    def has_tree(self) -> bool:
        """False of the first format, which may be read still, and is upgraded when something is written."""

    @property
    def has_marks(self) -> bool:
        """False of the first and the second format, which may be read still, and are upgraded likewise."""

    def ask(self, statement: ClauseElement, *values: object) -> Rows:
        """Run one statement that reads."""

    def reading(self) -> AbstractContextManager[Ask]:
        """Read what there is at one moment; in a file, those who write have to wait meanwhile."""

    def writing(self) -> AbstractContextManager[Writing]:
        """Write in one transaction."""

    def append(self, leaves: Sequence[bytes], bodies: Mapping[str, bytes]) -> list[int]:
        """Append leaves and what they refer to by digest, in one transaction; the index of each, old ones included."""

    def appending(self) -> AbstractContextManager[Append]:
        """Append several times in one transaction, while nobody else writes: all of it or nothing."""

    def may_read(self, table: str) -> bool:
        """Tell whether this user may read a table."""

    def sync(self) -> None:
        """Wait until all that can be seen is on the disk; what others append may be seen a moment before."""

    def missing_guards(self) -> list[str]:
        """Name the triggers against changes that are not there, or not in force."""

    def open_schemas(self) -> list[str]:
        """Name the schemas in which others than its owner may make what would act with the rights of who uses it."""

    def close(self) -> None:
        """Let go of it."""


def kept(place: str, password: str, passfile: str, *, make: bool) -> Keeper:
    """Open what is kept at a place.

    Raises:
        HistoryError: It cannot be opened, or something else is there.
        UsageError: There is none and none may be made, or it is the URL of something else.
        MissingExtra: It is in PostgreSQL, and psycopg is not installed.
    """
    if not in_database(place, KIND):
        from greengate.ledger.ledger_file import LedgerFile  # noqa: PLC0415 - it imports this module

        if not make and not Path(place).is_file():
            raise UsageError(place, *MISSING)
        return LedgerFile(Path(place))
    try:
        from greengate.ledger.ledger_server import LedgerServer  # noqa: PLC0415 - an optional part
        from greengate.ledger.postgres_server import PostgresServer  # noqa: PLC0415 - likewise
    except ImportError as missing:
        raise no_psycopg(KIND) from missing
    return LedgerServer(PostgresServer(place, password, passfile, KIND), make=make)


MISSING = ("there is no history here yet", "`greengate gate` writes one")
