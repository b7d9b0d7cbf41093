"""One budget in one period, as the book has it: in words, as plain values, and drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from greengate import periods, smallest_units
from greengate.accounts import Account
from greengate.balances import Balance, Event, Status, folded
from greengate.errors import ReportError, UsageError
from greengate.metrics import Metric
from greengate.periods import Calendar, NotAPeriod, Period
from greengate.policy import Budget
from greengate.ports import Book
from greengate.report import burn_down


def account_of(check: Budget, metric: Metric, now: datetime) -> tuple[Account, Period]:
    """Find the account of a budget at a moment, and its period."""
    calendar = Calendar(periods.zone(check.zone), check.first_month)
    try:
        period = periods.period_of(periods.Kind(check.period), now, calendar)
    except NotAPeriod as refused:
        raise UsageError("--at", str(refused), refused.hint) from refused
    return Account(check.key, check.scope, period.name, check.unit(smallest_units.unit_of(metric.kind))), period


class Told:
    """One budget in one period, as the book has it."""

    def __init__(self, check: Budget, metric: Metric, now: datetime, book: Book) -> None:
        self.check, self.metric, self.now = check, metric, now
        self.account, self.period = account_of(check, metric, now)
        # As it was at that moment: what was written later is left out.
        self.events: Sequence[Event] = [event for event in book.history(self.account) if event.at <= now]
        self.status: Status = folded(self.events) or Status(self.account, Balance(), ())
        self.maximum = smallest_units.allowed(check.bound)

    @property
    def title(self) -> str:
        """Name it with its period and whose it is."""
        scope = f", {self.check.scope}" if self.check.per else ""
        return f"{self.check.key}  {self.account.period}{scope}"

    @property
    def left(self) -> int:
        """What is neither used up nor reserved."""
        return self.maximum - self.status.balance.spent - self.status.balance.reserved

    def words(self, amount: int) -> str:
        """Write an amount of the account with its unit."""
        return smallest_units.quantity(amount, self.account.unit).in_words()

    def _day(self, instant: datetime) -> str:
        return f"{instant.astimezone(periods.zone(self.check.zone)):%Y-%m-%d}"

    def rows(self) -> Iterator[tuple[str, str]]:
        """Tell it in lines of a name and a text."""
        balance, check = self.status.balance, self.check
        words = (self.metric.name, check.basis, "trainings included" if check.training else "", check.phase)
        yield "figure", ", ".join(word for word in words if word)
        gone = 1 - float(periods.share(self.period, self.now))
        yield "period", f"{self._day(self.period.start)} to {self._day(self.period.end)} {check.zone}, {gone:.0%} over"
        warned = f", warns at {check.warn_at:.0%}" if check.warn_at is not None else ""
        yield "maximum", f"{check.bound}{warned}"
        parts = {
            "merged earlier": balance.opened,
            "merged in the period": balance.consumed,
            "once": balance.once,
            "true-ups": balance.adjusted,
        }
        listed = ", ".join(f"{self.words(amount)} {name}" for name, amount in parts.items() if amount)
        yield "spent", f"{self.words(balance.spent)}{f': {listed}' if listed else ''}"
        yield "reserved", self.words(balance.reserved)
        for held in self.status.held:
            yield "", f"{held.change} {held.model}: {self.words(held.amount)} since {self._day(held.since)}"
        share = f" ({self.left / self.maximum:.1%})" if self.maximum else ""
        yield "left", f"{self.words(self.left)}{share}"

    def values(self) -> dict[str, Any]:
        """Tell it as plain values, amounts as decimal strings."""
        balance = self.status.balance
        return {
            "budget": self.check.key,
            "scope": self.check.scope,
            "metric": self.metric.name,
            "period": self.account.period,
            "starts": self.period.start.isoformat(),
            "ends": self.period.end.isoformat(),
            "unit": self.account.unit,
            "maximum": str(self.maximum),
            "warn_at": self.check.warn_at,
            "opened": str(balance.opened),
            "consumed": str(balance.consumed),
            "once": str(balance.once),
            "adjusted": str(balance.adjusted),
            "spent": str(balance.spent),
            "reserved": str(balance.reserved),
            "left": str(self.left),
            "held": [
                {"change": one.change, "model": one.model, "amount": str(one.amount), "since": one.since.isoformat()}
                for one in self.status.held
            ],
        }


def _axis(told: Told) -> tuple[str, float]:
    """Choose the unit in which the maximum reads best, and tell how many units of the account are one of it."""
    unit = told.words(told.maximum).rpartition(" ")[2]
    return unit, smallest_units.used(told.metric.kind(told.metric.kind.units[unit]))


def draw(told: Told, path: Path) -> None:
    """Draw the burn-down of a budget into a file.

    Raises:
        ReportError: The file cannot be written.
    """
    axis, scale = _axis(told)
    maximum = told.maximum / scale
    now = min(max(told.now, told.period.start), told.period.end)
    left = f"{told.words(told.left)} left of {told.check.bound}"
    course = burn_down.Course(
        title=f"{told.check.key}, {told.account.period}",
        subtitle=", ".join(part for part in (left, told.check.scope) if part),
        axis=axis,
        maximum=maximum,
        starts=told.period.start,
        ends=told.period.end,
        now=now,
        points=burn_down.points(told.events, maximum, scale, told.period.start, now),
    )
    try:
        path.write_bytes(burn_down.draw(course, path.suffix))
    except OSError as error:
        raise ReportError(str(path), f"cannot be written: {error.strerror}") from error
