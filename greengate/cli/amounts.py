"""Static costs on a terminal: sizes as they are given, tables of amounts, and `?` for what is not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from greengate.errors import UsageError
from greengate.quantities import Count, Size
from greengate.report.escaping import plain

if TYPE_CHECKING:
    from rich.table import Table

UNKNOWN = "?"
_DIGITS = 18  # of a size; ONNX has none beyond 2^63


def table(first: str, *others: str) -> Table:
    """Begin a table with a column of names and columns of numbers."""
    from rich.table import Table  # noqa: PLC0415 - models are counted before, in a fork that need not hold it

    found = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    found.add_column(first, overflow="fold", min_width=20)
    for other in others:
        found.add_column(other, justify="right", overflow="fold")
    return found


def show(found: Table) -> None:
    """Print a table."""
    from rich.console import Console  # noqa: PLC0415 - as in table

    Console(highlight=False, markup=False).print(found)


def tell_more(found: Table, left: int) -> None:
    """Say how many lines a table would have had besides."""
    if left > 0:
        found.add_row(f"and {left} more")


def count(amount: int | None) -> str:
    """Write a number of things."""
    return UNKNOWN if amount is None else Count(amount).in_words()


def size(amount: int | None) -> str:
    """Write a number of bytes."""
    return UNKNOWN if amount is None else Size(amount).in_words()


def share(part: int | None, whole: int | None) -> str:
    """Write what part is of the whole, or nothing."""
    return f"{part / whole:.1%}" if part and whole else ""


def at(sizes: Mapping[str, int]) -> str:
    """Write sizes as they are given: batch=1,seq=512."""
    return plain(",".join(f"{name}={size}" for name, size in sizes.items()))


def sizes(written: str) -> dict[str, int]:
    """Read `batch=1,seq=512`."""
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in written.split(","))):
        name, _, size = (piece.strip() for piece in part.rpartition("="))
        if not name or not size.isascii() or not size.isdecimal() or len(size) > _DIGITS or int(size) < 1:
            raise UsageError("--at", f"`{part}` is no size", "write batch=1 or seq=512, with commas between several")
        if name in found:
            raise UsageError("--at", f"`{name}` is given twice", "write `--at` again for another column")
        found[name] = int(size)
    return found
