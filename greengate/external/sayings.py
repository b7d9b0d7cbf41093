"""What one row of an export says, and the sums of all of them by month, service and region."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from greengate.errors import GreengateError, UsageError
from greengate.external import months
from greengate.external.sheets import Row, shown, told
from greengate.records import ExternalLine

FIGURES = ("energy_mj", "location_ugco2e", "market_ugco2e", "total_ugco2e")
_TOTALS = frozenset(
    {"total", "totals", "grandtotal", "sum", "overall", "gesamt", "summe", "insgesamt", "totale", "alltotal"}
)
_OTHER = re.compile(r"[^a-z]")
_NEARLY = Fraction(1, 1000)  # as far as an export rounds
_KG = 10**9
_MONSTROUS = 10**21  # micrograms are 10^9 t, and millijoules 280 TWh


@dataclass(frozen=True, slots=True)
class Saying:
    """One row as it is understood.

    Attributes:
        month: `2026-03`.
        grain: What else tells the row from others: a project, a zone, a scope.
        version: The version of the provider's model, or "".
        amounts: By `FIGURES`, in millijoules and micrograms; None where it says nothing.
        basis: What is in the figures, in words.
    """

    row: Row
    month: str
    service: str
    region: str
    account: str
    grain: tuple[str, ...]
    version: str
    amounts: dict[str, Fraction | None]
    basis: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What must stand once in an export."""
        return (self.month, self.account, self.service, self.region, *self.grain)


@dataclass(frozen=True, slots=True)
class Sums:
    """An export added up.

    Attributes:
        rows: How many rows are in the sums.
        lines: The sums by month, service, region and account.
        remarks: What a reader should know.
    """

    rows: int
    lines: tuple[ExternalLine, ...]
    remarks: tuple[str, ...]


def is_total(row: Row, columns: Iterable[str]) -> bool:
    """Tell whether a row calls itself a total."""
    return any(_says_total(row[column]) for column in columns)


@lru_cache(maxsize=4096)
def _says_total(cell: str) -> bool:
    return _OTHER.sub("", cell.casefold()) in _TOTALS


def summed(said: Sequence[Saying], totals: Sequence[Saying]) -> Sums:
    """Add an export up.

    Args:
        said: Its rows.
        totals: Rows that call themselves totals; their month does not matter.

    Raises:
        UsageError: Something would be counted twice, or there is nothing to add up.
        Problems: Several rows would.
    """
    _refuse_monstrous(said)
    newest, remarks = _newest(said)
    _refuse_repeated(newest)
    newest, unnamed = _without_unnamed_total(newest)
    remarks += [*_without_totals(newest, totals), *unnamed, *_negative(newest), *_unknown(newest)]
    if not newest:
        raise UsageError("", "it has no rows but totals", "export it again, with its parts")
    return Sums(len(newest), tuple(_lines(newest)), tuple(remarks))


def _refuse_monstrous(said: Sequence[Saying]) -> None:
    for one in said:
        if any(abs(amount) > _MONSTROUS for amount in one.amounts.values() if amount is not None):
            problem = "the row says more than a billion tons of emissions, or as much energy"
            raise UsageError(one.row.place, problem, "it is another unit, or the columns are shifted")


def _newest(said: Sequence[Saying]) -> tuple[list[Saying], list[str]]:
    """Leave out what an older version of the provider's model says of a month beside a newer one."""
    versions: dict[str, set[str]] = {}
    for one in said:
        versions.setdefault(one.month, set()).add(one.version)
    kept = {month: max(found, key=lambda text: _order(text, said)) for month, found in versions.items()}
    remarks = [
        f"{month} is there by {', '.join(sorted(found))}: {kept[month]} is taken, the older left out"
        for month, found in sorted(versions.items())
        if len(found) > 1
    ]
    return [one for one in said if one.version == kept[one.month]], remarks


def _order(version: str, said: Sequence[Saying]) -> tuple[int, ...]:
    found = re.fullmatch(r"v?(\d+(?:\.\d+)*)", version.strip(), re.IGNORECASE | re.ASCII)
    if found is None and len({one.version for one in said}) > 1:
        row = next(one.row for one in said if one.version == version)
        problem = f"the model's version `{shown(version)}` cannot be held against others"
        raise UsageError(row.place, problem, "export one version alone")
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _refuse_repeated(said: Sequence[Saying]) -> None:
    first: dict[tuple[str, ...], Saying] = {}
    problems: list[GreengateError] = []
    for one in said:
        before = first.setdefault(one.key, one)
        if before is not one:
            about = ", ".join(filter(None, (one.service, one.region, one.account)))
            problem = (
                f"{one.month}{f' of {shown(about)}' if about else ''} stands in line {before.row.place.line} already"
            )
            problems.append(UsageError(one.row.place, problem, "keep the newest export of each month"))
    if problems:
        raise told(problems)


def _without_totals(said: Sequence[Saying], totals: Sequence[Saying]) -> Iterator[str]:
    """Leave out totals, which must be what they say."""
    for total in totals:
        if not _is_sum(total, said):
            problem = "this row calls itself a total, and is not the sum of the others"
            raise UsageError(total.row.place, problem, "take out totals, which would be counted twice")
        yield f"line {total.row.place.line} is the total of the others, and is left out"


def _without_unnamed_total(said: list[Saying]) -> tuple[list[Saying], list[str]]:
    """Leave out a row that names nothing and is the sum of all others."""
    nameless = [one for one in said if not any((one.service, one.region, one.account, *one.grain))]
    for one in nameless:
        others = [other for other in said if other is not one]
        if len(others) > 1 and _is_sum(one, others):
            return others, [f"line {one.row.place.line} names nothing, is the sum of all others, and is left out"]
    return said, []


def _is_sum(total: Saying, said: Sequence[Saying]) -> bool:
    told_of = [(figure, amount) for figure, amount in total.amounts.items() if amount is not None]
    sums = {figure: sum((one.amounts.get(figure) or Fraction() for one in said), Fraction()) for figure, _ in told_of}
    return bool(told_of) and all(abs(amount - sums[figure]) <= _NEARLY * abs(amount) for figure, amount in told_of)


def _negative(said: Sequence[Saying]) -> Iterator[str]:
    """Say how much was taken back, as providers do when they calculate anew."""
    for figure in FIGURES:
        below = [amount for one in said if (amount := one.amounts.get(figure)) is not None and amount < 0]
        if below and figure == "energy_mj":
            raise UsageError(said[0].row.place, "energy below zero", "a counter that wrapped, or was reset")
        if below:
            kg = f"{float(sum(below) / _KG):,.6g} kgCO2e"
            rows = f"{len(below)} of {len(said)} rows are below zero"
            yield f"{rows}, {kg} {_word(figure)} in all: taken back by the provider"


def _unknown(said: Sequence[Saying]) -> Iterator[str]:
    """Say of how many rows a figure is not known, where it is known of others."""
    for figure in FIGURES:
        known = sum(one.amounts.get(figure) is not None for one in said)
        if 0 < known < len(said):
            yield f"{len(said) - known} of {len(said)} rows say nothing {_word(figure)}"


def _word(figure: str) -> str:
    return {"energy_mj": "of energy", "location_ugco2e": "by location", "market_ugco2e": "by market"}.get(
        figure, "in total"
    )


def _lines(said: Sequence[Saying]) -> Iterator[ExternalLine]:
    sums: dict[tuple[str, str, str, str], dict[str, Fraction]] = {}
    bases: dict[tuple[str, str, str, str], Counter[str]] = {}
    for one in said:
        key = (one.month, one.service, one.region, one.account)
        found = sums.setdefault(key, {})
        bases.setdefault(key, Counter())[one.basis] += 1
        for figure, amount in one.amounts.items():
            if amount is not None:
                found[figure] = found.get(figure, Fraction()) + amount
    for key, found in sorted(sums.items()):
        month, service, region, account = key
        yield ExternalLine(
            start=months.begins(month),
            end=months.ends(month),
            service=service,
            region=region,
            account=account,
            **{figure: round(amount) for figure, amount in found.items()},
            basis="; ".join(basis for basis in sorted(bases[key]) if basis),
        )
