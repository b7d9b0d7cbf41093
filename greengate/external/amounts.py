"""Amounts as exports write them: decimal points or commas, never guessed; units, exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from greengate.external.sheets import Row, Sheet, plain, shown

UG_A_UNIT = {
    "mtco2e": Fraction(10**12),
    "mtco2": Fraction(10**12),
    "metrictons": Fraction(10**12),
    "metrictonnes": Fraction(10**12),
    "tonnes": Fraction(10**12),
    "tco2e": Fraction(10**12),
    "t": Fraction(10**12),
    "kgco2e": Fraction(10**9),
    "kgco2": Fraction(10**9),
    "kg": Fraction(10**9),
    "gco2e": Fraction(10**6),
    "g": Fraction(10**6),
    "lbco2e": Fraction(453_592_370),
    "lbs": Fraction(453_592_370),
    "lb": Fraction(453_592_370),
}
"""Micrograms in a unit, by its plain name; MTCO2e is a metric ton, and a pound is 453.59237 g."""
MJ_A_KWH = Fraction(3_600_000_000)
NOTHING = frozenset({"", "null", "none", "n/a", "na", "nan", "-"})

_PLAIN = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([.,])\d{3})(?:(?:\1\d{3})+|(?:\1\d{3})*(?!\1)[.,]\d*)", re.ASCII)
_DOUBTFUL = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_MONEY = re.compile(r"[$€£¥₹]|\b(?:EUR|USD|GBP|CHF|JPY)\b", re.IGNORECASE)
_POINTS = "export it again with decimal points"
_NO_COSTS = "name the export of emissions, not of costs"


def mark(sheet: Sheet, columns: Sequence[str]) -> str:
    """Find out whether the amounts of a table have decimal points or decimal commas.

    Raises:
        UsageError: It has both, or cannot be told: `1.234` may be a thousand or a little more than one.
    """
    seen: dict[str, Row] = {}
    doubtful: list[tuple[Row, str, str]] = []
    for row, column, cell in _written(sheet, columns):
        sign = _decimal(cell)
        if sign == "?":
            doubtful.append((row, column, cell))
        elif sign:
            seen.setdefault(sign, row)
    if len(seen) > 1:
        lines = " and ".join(f"`{sign}` in line {row.place.line}" for sign, row in seen.items())
        raise sheet.wrong(f"some amounts have decimal points and others decimal commas: {lines}", _POINTS)
    found = next(iter(seen), "." if sheet.delimiter != ";" else "")
    for row, column, cell in doubtful:
        if not found or found not in cell:
            whole, broken = cell.replace(".", "").replace(",", ""), cell.replace(",", ".")
            where = {",": " in a file with decimal commas", ".": " in a file with decimal points"}.get(found, "")
            raise row.wrong(sheet.columns[column], f"found `{cell}`{where}, which may be {whole} or {broken}", _POINTS)
    return found or "."


def number(row: Row, column: str, name: str, decimal: str) -> Fraction | None:
    """Read an amount; None where the cell says nothing.

    Args:
        row: The row.
        column: The plain name of the column.
        name: The column as the header writes it.
        decimal: The table's decimal mark, as `mark` found it.

    Raises:
        UsageError: It is no number.
    """
    cell = row[column].replace("\u2212", "-").replace("\xa0", "")
    if cell.casefold() in NOTHING:
        return None
    if not _is_number(cell):
        if _MONEY.search(cell):
            raise row.wrong(name, f"found `{shown(cell)}`, which is money", _NO_COSTS)
        hint = "the columns are shifted, or a unit stands beside the number: export it again"
        raise row.wrong(name, f"found `{shown(cell)}`, expected a number", hint)
    other = "," if decimal == "." else "."
    return Fraction(cell.replace(other, "").replace(decimal, ".").rstrip("."))


def unit(written: str) -> Fraction | None:
    """Return how many micrograms a unit has; None where it is none of emissions."""
    return UG_A_UNIT.get(plain(written.replace("₂", "2")))


def no_unit(written: str) -> tuple[str, str]:
    """Say what is wrong with a unit, and what helps."""
    if _MONEY.search(written):
        return f"`{shown(written)}` is a currency", _NO_COSTS
    problem = f"`{shown(written)}` is no unit of emissions" if written else "no unit is said"
    return problem, "known here: MTCO2e (a metric ton), kgCO2e, gCO2e, lbCO2e"


def _written(sheet: Sheet, columns: Sequence[str]) -> Iterator[tuple[Row, str, str]]:
    return ((row, column, row[column]) for row in sheet.rows for column in columns if _is_number(row[column]))


def _is_number(cell: str) -> bool:
    return bool(_PLAIN.fullmatch(cell) or _GROUPED.fullmatch(cell))


def _decimal(cell: str) -> str:
    """Tell the decimal mark of an amount: "." or ",", "?" where the sign may part thousands, "" where there is none."""
    if _DOUBTFUL.fullmatch(cell):
        return "?"
    signs = [sign for sign in cell if sign in ".,"]
    if len(signs) > 1 and len(set(signs)) == 1:  # 1,234,567: the sign parts thousands, and is no decimal mark
        return "," if signs[0] == "." else "."
    return signs[-1] if signs else ""
