"""The rows of a provider's export: each as it is understood, totals apart, or all that is wrong with them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from greengate.errors import GreengateError
from greengate.external.sayings import Saying, is_total
from greengate.external.sheets import Row, Sheet, told

_SLACK = Fraction(1, 200)  # as far as a provider rounds


def understood(
    sheet: Sheet, dimensions: Iterable[str], saying: Callable[[Row, bool], Saying]
) -> tuple[list[Saying], list[Saying]]:
    """Return what each row says, and what the rows say that call themselves totals.

    Args:
        sheet: The export.
        dimensions: The columns in which a total calls itself one.
        saying: Understands a row, and is told whether it is a total.

    Raises:
        UsageError: A row cannot be understood.
        Problems: Several cannot.
    """
    rows: list[Saying] = []
    totals: list[Saying] = []
    problems: list[GreengateError] = []
    columns = tuple(dimensions)
    for row in sheet.rows:
        try:
            total = is_total(row, columns)
            (totals if total else rows).append(saying(row, total))
        except GreengateError as error:
            problems.append(error)
    if problems:
        raise told(problems)
    return rows, totals


def refuse_shifted(row: Row, column: str, whole: Fraction, scopes: Sequence[Fraction]) -> None:
    """Hold a figure against its scopes: shifted columns do not add up.

    Raises:
        UsageError: It is not their sum.
    """
    if abs(sum(scopes) - whole) > _SLACK * max(map(abs, (whole, *scopes))):
        raise row.wrong(column, "it is not the sum of its scopes", "the columns are shifted: export it again")
