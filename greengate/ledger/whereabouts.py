"""Where a ledger is: a file below a project's folder, or the address of a database."""

from __future__ import annotations

import re
from pathlib import Path


def is_address(place: str | Path) -> bool:
    """Tell whether a place is an address, such as `postgresql://…`, rather than a path."""
    return re.match(r"[A-Za-z][\w+.-]*://|postgres(ql)?:", str(place), re.ASCII) is not None


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
