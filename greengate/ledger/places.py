"""Places where a ledger or a book is kept: a file, meant from a project's folder, or the address of a database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from greengate.errors import GreengateError, MissingExtra, UsageError

_PLACES = "give a path, or `postgresql://user@host/database`"
_ADDRESS = re.compile(r"([A-Za-z][\w+.-]*)://|(postgres(?:ql)?):", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """What is kept somewhere, and what is said where that goes wrong.

    Attributes:
        name: What people call it, such as "history".
        where: Stands for its place where that may not be shown.
        error: What is raised when it cannot be read or written.
        elsewhere: What to do where its file cannot be written.
        locked: What a writer locks in a database.
        password: The variable that holds the password of a database.
        page: Where the rights are told that a user of a database needs.
    """

    name: str
    where: str
    error: type[GreengateError]
    elsewhere: str
    locked: str
    password: str
    page: str


def is_address(place: str | Path) -> bool:
    """Tell whether a place is an address, such as `postgresql://…`, rather than a path."""
    return _ADDRESS.match(str(place)) is not None


def has_password(address: str) -> bool:
    """Tell whether an address has a password in it, as its user's or behind its `?`."""
    return re.search(r"//[^/@?]*:[^/@?]+@|[?&]password=", address) is not None


def below(root: Path, place: str) -> str:
    """Return a place as it is meant in a project's folder: an address as it is, a path from that folder."""
    return place if is_address(place) else str(root / place)


def as_file(place: str) -> Path | None:
    """Return the file that a place is, or None where it is an address."""
    return None if is_address(place) else Path(place)


def at_hand(place: str) -> bool:
    """Tell whether there is something at a place, as far as can be told without reaching a database."""
    return is_address(place) or Path(place).is_file()


def in_database(place: str, kind: Kind) -> bool:
    """Tell whether a place is the address of a PostgreSQL database; if not it is a path.

    Raises:
        UsageError: It is neither.
    """
    if not place or not place.isprintable():
        raise UsageError(kind.where, "its place is not given, or has a character that cannot be shown", _PLACES)
    scheme = _ADDRESS.match(place)
    if scheme is None:
        return False
    if scheme[1] not in {"postgresql", "postgres"}:
        raise UsageError(kind.where, f"`{scheme[0]}…` is no address of a {kind.name}", _PLACES)
    return True


def no_psycopg(kind: Kind) -> MissingExtra:
    """Tell that something is in PostgreSQL, and that what reaches it is not installed."""
    problem = f"a {kind.name} in PostgreSQL needs the package psycopg"
    return MissingExtra(kind.where, problem, "pip install 'greengate-ci[postgres]'")
