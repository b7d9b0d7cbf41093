"""A sequential test by betting on paired log-ratios, which may stop early for either verdict.

For pair i let x_i = ln(candidate cost / baseline cost) and tau = ln(1 + tolerance). A gambler who bets a share b of
the wealth on "worse than the tolerance" multiplies it by 1 + b psi_i, with psi_i = tanh((x_i - tau) / s) in (-1, 1).
If the pairs are exchangeable and their psi_i centred at or below zero given the past, the wealth, averaged over several
b, is a non-negative supermartingale that starts at 1; by Ville's inequality it ever reaches 1/alpha with probability at
most alpha. So looking after every pair costs nothing, and tanh bounds what one disturbed pair can do. The same wealth
with the sign of psi turned is evidence for "within the tolerance".

Sources: Ville 1939; Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 2024.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

BETS = (0.3, 0.6, 0.9)
SCALE = 0.03
_WIDEST = math.log(1e6)


@dataclass(frozen=True, slots=True)
class Stakes:
    """The error rates of a test: `false_fail` for failing what is not worse, `false_pass` for passing what is."""

    false_fail: float = 0.01
    false_pass: float = 0.05


@dataclass(frozen=True, slots=True)
class Decision:
    """How a test stands: `worse` is None while it is open; `pairs` is how many it needed, or has seen."""

    worse: bool | None
    pairs: int


def decide(log_ratios: Sequence[float], tau: float, stakes: Stakes) -> Decision:
    """Decide whether the ratios lie above exp(tau), looking after every pair."""
    against, within = [1.0] * len(BETS), [1.0] * len(BETS)
    for seen, x in enumerate(log_ratios, start=1):
        psi = math.tanh((x - tau) / SCALE)
        against = [wealth * (1 + bet * psi) for wealth, bet in zip(against, BETS, strict=True)]
        within = [wealth * (1 - bet * psi) for wealth, bet in zip(within, BETS, strict=True)]
        if sum(against) >= len(BETS) / stakes.false_fail:
            return Decision(worse=True, pairs=seen)
        if sum(within) >= len(BETS) / stakes.false_pass:
            return Decision(worse=False, pairs=seen)
    return Decision(worse=None, pairs=len(log_ratios))


def ratio_interval(log_ratios: Sequence[float], stakes: Stakes) -> tuple[float, float]:
    """Give the interval of exp(tau) that the pairs do not contradict, valid at whatever moment one looks.

    It is the interval that belongs to the test: a tolerance below its low end fails (with the error `false_fail`), one
    above its high end passes (`false_pass`). Both ends are found by bisection, since the wealth is monotone in tau.
    Where the pairs contradict one another, so that no tau is left, the interval spans what they say in turn.

    Returns:
        Low and high end, to six digits, which is what every platform agrees on.
    """
    low = _edge(-_WIDEST, _WIDEST, lambda tau: _peak_wealth(log_ratios, tau, 1) < 1 / stakes.false_fail)
    high = _edge(-_WIDEST, _WIDEST, lambda tau: _peak_wealth(log_ratios, tau, -1) >= 1 / stakes.false_pass)
    return _six_digits(min(low, high)), _six_digits(max(low, high))


def _six_digits(log_ratio: float) -> float:
    return float(f"{math.exp(log_ratio):.6g}")


def _peak_wealth(log_ratios: Sequence[float], tau: float, sign: int) -> float:
    wealth, peak = [1.0] * len(BETS), 1.0
    for x in log_ratios:
        psi = sign * math.tanh((x - tau) / SCALE)
        wealth = [held * (1 + bet * psi) for held, bet in zip(wealth, BETS, strict=True)]
        peak = max(peak, sum(wealth) / len(BETS))
    return peak


def _edge(low: float, high: float, holds: Callable[[float], bool]) -> float:
    """Bisect for the least tau from which on something holds; 36 halvings reach 1e-9."""
    for _ in range(36):
        tau = (low + high) / 2
        low, high = (low, tau) if holds(tau) else (tau, high)
    return (low + high) / 2
