"""A table of the report as a page shows it: in the locale, cut where it is long, and no wider than it must be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from greengate.esg import document
from greengate.report.quarterly import dates
from greengate.report.quarterly.page import Cell, Table
from greengate.report.quarterly.wording import Wording, unit_words

NARROW: Final = 6
"""Columns that a page holds; of a wider table, those that say the same in every row are told once, below its title."""

SHOWN: Final = 12
"""Digits of an id or a digest that are shown: enough to find it by."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})")


def lay_out(table: document.Table, wording: Wording, most: int) -> Table:
    """Lay a table out with at most so many rows, and its total."""
    rows = table.rows[:most]
    cut = table.cut + len(table.rows) - len(rows)
    written = [
        _column(column, [row[at] for row in (*rows, table.total) if row], wording)
        for at, column in enumerate(table.columns)
    ]
    kept, same = _parted(table, written, len(rows))
    lines = [*zip(*(written[at] for at in kept), strict=True)]
    return Table(
        id=table.id,
        title=table.title,
        note=table.note,
        same=same,
        heads=tuple((_head(table.columns[at]), table.columns[at].kind) for at in kept),
        rows=tuple(lines[: len(rows)]),
        total=tuple(lines[len(rows)]) if table.total else (),
        cut=wording.count(cut) if cut else "",
        of=wording.count(len(table.rows) + table.cut),
    )


def said(text: str, wording: Wording) -> str:
    """Write an instant in the locale, and other words as they are."""
    return dates.written(text, wording.locale) if _INSTANT.fullmatch(text) else text


def _parted(
    table: document.Table, written: Sequence[Sequence[Cell]], rows: int
) -> tuple[list[int], tuple[tuple[str, str], ...]]:
    """Part the columns that are kept from those of a wide table that say one thing only, with what they say."""
    whole = range(len(table.columns))
    alike = [at for at in whole if _alike(written[at], rows) and not _summed(table, at)] if len(whole) > NARROW else []
    folded = alike if rows > 1 and len(alike) < len(whole) else []
    same = ((_head(table.columns[at]), _words(written[at][0])) for at in folded)
    return [at for at in whole if at not in folded], tuple(same)


def _alike(cells: Sequence[Cell], rows: int) -> bool:
    return len({(cell.text, cell.exact, cell.missing) for cell in cells[:rows]}) == 1


def _words(cell: Cell) -> str:
    return "not known" if cell.missing else cell.text or "nothing"


def _summed(table: document.Table, at: int) -> bool:
    return bool(table.total) and table.total[at] is not None


def _head(column: document.Column) -> str:
    unit = unit_words(column.unit)
    return f"{column.label} ({unit})" if unit else column.label


def _column(column: document.Column, texts: Sequence[str | None], wording: Wording) -> list[Cell]:
    """Write a column, whose numbers all have as many places as the one that needs most."""
    told = [text or "" for text in texts]
    kind = "entry" if column.kind == "text" and any(map(_DIGEST.fullmatch, told)) else column.kind
    written = {
        "number": lambda: wording.amounts(told, column.unit),
        "share": lambda: wording.shares(told),
        "date": lambda: [dates.written(text, wording.locale) for text in told],
        "entry": lambda: [text[:SHOWN] if _DIGEST.fullmatch(text) else text for text in told],
        "text": lambda: [said(text, wording) for text in told],
    }[kind]()
    return [
        Cell(shown, text or "" if text != shown else "", kind, text is None)
        for text, shown in zip(texts, written, strict=True)
    ]
