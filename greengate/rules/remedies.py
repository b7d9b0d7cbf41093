"""What a waiver would have to allow so that a failed rule lets a change through."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from greengate.metrics import METRICS, Metric
from greengate.policy import Budget, Check, Condition, Drift, Limit, Policy, Rule, Tolerance
from greengate.quantities import Count, Energy, Quantity, Share
from greengate.rules.assessment import Assessment
from greengate.verdict import Outcome, Remedy

_NO_CEILING = "is an expression, which has no ceiling that a waiver could name"
_UNBOUNDED = "is off by nobody knows how much"
_KNOWN = 1e4  # a ratio above it has not been bounded
_SPARE = 0.05  # of a limit on what scatters: the next run does so too
_THINGS = {"flops_per_inference": "FLOP", "macs_per_inference": "MAC"}


def ceilings(rule: Rule, found: Sequence[tuple[Check, Assessment]]) -> tuple[Limit | Tolerance, ...] | None:
    """Find the narrowest ceilings in round numbers with which a waiver may let a rule through; None if there are none.

    For a check that holds, that is the check's own bound. None is wider than the rule's `unless` lets it be.
    """
    made: dict[str, Limit | Tolerance] = {}
    for check, told in found:
        ceiling = _ceiling(rule, check, told)
        if ceiling is None:
            return None
        known = made.get(ceiling.side)
        if known is None or _bound(known).amount < _bound(ceiling).amount:
            made[ceiling.side] = ceiling
    return tuple(made.values())


def remedy(
    policy: Policy, rule: Rule, tried: Sequence[Limit | Tolerance] | None, obstacles: Sequence[str], *, review: bool
) -> Remedy:
    """Say what came of trying such a waiver."""
    metric = rule.metric
    allowed = tried if tried and not obstacles else ()
    impossible = _UNBOUNDED if metric else _NO_CEILING
    return Remedy(
        type=rule.unless.approval if rule.unless else "",
        ceiling={one.side: written(_bound(one), metric) for one in allowed if metric},
        obstacle=impossible if tried is None else "; it ".join(dict.fromkeys(obstacles)),
        review=review,
        owners=policy.owners_of(rule),
    )


def written(amount: Quantity, metric: Metric, digits: int = 9, rounding: str = ROUND_HALF_EVEN) -> str:
    """Write an amount of a metric as policies take it: `83%`, `1.2 kgCO2e`, `640 MFLOP`."""
    units = _units(amount, metric)
    unit = next((unit for unit in reversed(units) if abs(amount.amount) >= amount.units[unit]), units[0])
    exact = Decimal(repr(float(amount.amount))) / Decimal(repr(amount.units[unit]))
    number = Context(prec=digits, rounding=rounding).plus(exact)
    return f"{number.normalize():f}{'' if unit in ('', '%') else ' '}{unit}"


def _units(amount: Quantity, metric: Metric) -> list[str]:
    if isinstance(amount, Count):
        thing = _THINGS.get(metric.name, "")
        return [f"{prefix}{thing}" for prefix in "kMGTP"] if metric.name in METRICS else [""]
    return ["mJ", *amount.shown] if isinstance(amount, Energy) else [*amount.shown]


def _ceiling(rule: Rule, check: Check, told: Assessment) -> Limit | Tolerance | None:
    """Round outwards what was found, or what is allowed where that holds."""
    if rule.metric is None or isinstance(check, Condition | Budget):
        return None
    own = check.bound if isinstance(check, Limit) else check.delta
    needed = own.amount if told.outcome is Outcome.PASSED else _needed(check, told)
    if needed is None:
        return None
    outwards = ROUND_FLOOR if check.side == "min" else ROUND_CEILING
    digits = 9 if told.outcome is Outcome.PASSED else 3 if isinstance(check, Limit) else 2
    kind = type(own)
    rounded = kind.parse(written(kind(needed), rule.metric, digits, outwards))
    if isinstance(check, Limit):
        return Limit(check.side, rounded)
    most = rule.unless.ceiling if rule.unless else None
    capped = type(most) is kind and most.amount < rounded.amount
    return Tolerance(check.side, most if most and capped else rounded)


def _needed(check: Limit | Tolerance | Drift, told: Assessment) -> float | None:
    """Find the bound that the far end of the interval keeps, with some to spare where the figure scatters."""
    if told.bounds is None or told.amount is None:
        return None
    low, high, amount = told.bounds.low, told.bounds.high, told.amount
    if isinstance(check, Limit):
        edge = high if check.side == "max" else low
        spare = 0.0 if told.bounds.exact else _SPARE * abs(edge)
        return edge + spare if check.side == "max" else edge - spare
    relative = isinstance(check.delta, Share)
    if relative and high > _KNOWN:
        return None
    around, upward = (1.0 if relative else 0.0), check.side == "max_increase"
    return high + (high - amount) / 2 - around if upward else around - low + (amount - low) / 2


def _bound(ceiling: Limit | Tolerance) -> Quantity:
    return ceiling.bound if isinstance(ceiling, Limit) else ceiling.delta
