"""What is kept in a place, and whether that is a file or a PostgreSQL database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from greengate.errors import GreengateError, MissingExtra, UsageError

_PLACES = "give a path, or `postgresql://user@host/database`"


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


def in_database(place: str, kind: Kind) -> bool:
    """Tell whether a place is the address of a PostgreSQL database; if not it is a path.

    Raises:
        UsageError: It is neither.
    """
    if not place or not place.isprintable():
        raise UsageError(kind.where, "its place is not given, or has a character that cannot be shown", _PLACES)
    scheme = re.match(r"([A-Za-z][\w+.-]*)://|(postgres(?:ql)?):", place, re.ASCII)
    if scheme is None:
        return False
    if scheme[1] not in {"postgresql", "postgres"}:
        raise UsageError(kind.where, f"`{scheme[0]}…` is no address of a {kind.name}", _PLACES)
    return True


def no_psycopg(kind: Kind) -> MissingExtra:
    """Tell that something is in PostgreSQL, and that what reaches it is not installed."""
    problem = f"a {kind.name} in PostgreSQL needs the package psycopg"
    return MissingExtra(kind.where, problem, "pip install 'greengate-ci[postgres]'")
