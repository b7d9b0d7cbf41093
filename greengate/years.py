"""What a year costs more (or less) than with the baseline, by the ratio that the pairs tell."""

from __future__ import annotations

from dataclasses import dataclass

from greengate.comparison import Compared
from greengate.evidence import Interval
from greengate.metrics import Metric
from greengate.quantities import Money
from greengate.rules import regression

_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Difference:
    """What a year costs more (or less) than with the baseline, in the base unit of its metric.

    The amount is baseline x (ratio - 1), with the ratio that the pairs tell; the interval has the extremes of that
    product over both intervals, and is as sure as both are together. It is None where one of them is not known.
    """

    amount: float
    interval: Interval | None
    text: str
    span: str


def difference(found: Compared) -> Difference | None:
    """Work out what the candidate's figure has more than the baseline's; None where no ratio is known."""
    baseline, change, metric = found.baseline, found.change, found.metric
    if baseline is None or change is None or metric is None or change.ratio is None:
        return None
    ratio = change.ratio
    amount = baseline.amount * (ratio - 1)
    known = change.interval is not None and regression.bounded(change.interval)
    interval = _product(baseline.interval, change.interval) if change.interval and known else None
    span = "" if interval is None else f"{signed(metric, interval.low)} to {signed(metric, interval.high)}"
    return Difference(amount, interval, signed(metric, amount), "" if interval and interval.exact else span)


def signed(metric: Metric, amount: float) -> str:
    """Write a difference with its sign; money to the cent."""
    sign, size = "-" if amount < 0 else "+", abs(amount)
    return f"{sign}{size:,.2f} EUR" if metric.kind is Money else f"{sign}{metric.in_words(size)}"


def _product(amounts: Interval, ratios: Interval) -> Interval:
    ends = [amount * (ratio - 1) for amount in (amounts.low, amounts.high) for ratio in (ratios.low, ratios.high)]
    unsure = sum(1 - one.confidence for one in (amounts, ratios) if not one.exact)
    return Interval(low=min(ends), high=max(ends), confidence=round(1 - unsure, _DIGITS))
