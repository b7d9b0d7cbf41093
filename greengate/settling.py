"""What a merged change uses in the end, by its entries in the history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from fractions import Fraction

from greengate import periods, smallest_units
from greengate.accounts import Account, Final, Kind
from greengate.draws import Draw, Drawn
from greengate.forecasts import TRAINING
from greengate.history import History, Record
from greengate.metrics import Metric
from greengate.periods import Calendar
from greengate.policy import Budget
from greengate.ports import Book


def entries_of(history: History, change: str) -> list[Record]:
    """List the newest entry of each model of a change: it was merged, whatever its check said."""
    found: dict[str, Record] = {}
    for record in history.of_change(change):
        evidence = record.decision.evidence
        if evidence is not None and evidence.change == change:
            found.setdefault(record.decision.model, record)
    return list(found.values())


def finals(
    records: Iterable[Record], budgets: Mapping[str, tuple[Budget, Metric]], at: datetime, book: Book
) -> list[Final]:
    """List what a change uses, savings included.

    A change that was checked in one period and merged in a later one uses nothing of the earlier one, and what is left
    of the later one. A training that another change has drawn meanwhile is not drawn again.

    Args:
        records: Its entries.
        budgets: The budgets of the project, by their keys.
        at: When it was merged.
        book: The book.
    """
    found: dict[tuple[Account, str], Final] = {}
    for record in records:
        evidence = record.decision.evidence
        for drawn in evidence.budgets if evidence else ():
            for part in drawn.draws if not drawn.missing else ():
                for final in _of(drawn, part, budgets.get(drawn.budget), at, book):
                    found[final.account, final.model] = final
    return list(found.values())


def _of(drawn: Drawn, part: Draw, known: tuple[Budget, Metric] | None, at: datetime, book: Book) -> Iterator[Final]:
    account = Account(drawn.budget, drawn.scope, drawn.period, drawn.unit)
    if part.what == TRAINING:
        yield Final(account, part.model, 0 if _drawn_by_another(account, part.model, book) else part.amount)
    elif known is None or at < datetime.fromisoformat(drawn.ends):
        yield Final(account, part.model, part.amount)
    else:
        yield Final(account, part.model, 0)
        yield _later(account, part, *known, at)


def _later(account: Account, part: Draw, check: Budget, metric: Metric, at: datetime) -> Final:
    calendar = Calendar(periods.zone(check.zone), check.first_month)
    period = periods.period_of(periods.Kind(check.period), at, calendar)
    more = (Fraction(part.after) - Fraction(part.before)) * periods.years(at, period.end, calendar)
    amount = smallest_units.used(metric.kind(float(more)))
    return Final(Account(account.budget, account.scope, period.name, account.unit), part.model, amount)


def _drawn_by_another(account: Account, model: str, book: Book) -> bool:
    return any(
        event.kind is Kind.CONSUME and event.model == model and event.amount
        for one in book.accounts()
        if (one.budget, one.scope) == (account.budget, account.scope)
        for event in book.history(one)
    )
