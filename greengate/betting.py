"""A sequential test by betting on paired log-ratios, which may stop early for either verdict.

What is bet on is one number a *round*: x, the mean of ln(candidate cost / baseline cost) over the pairs of blocks that
were measured in one pair of fresh sessions, in both orders. Let tau = ln(1 + tolerance). A gambler who bets a share b
of the wealth on "worse than the tolerance" multiplies it by 1 + b psi, with psi = tanh((x - tau) / s) in (-1, 1). The
wealth, averaged over several b, starts at 1. The test fails the candidate when it reaches 1 / false_fail; the same game
with the sign of psi turned passes it at 1 / false_pass.

Assumption: given the rounds before, x is distributed symmetrically about its centre, the same for every round. Where
the candidate costs exactly (1 + tolerance) times the baseline, and the two are treated alike (fresh sessions for both,
random order, both orders in each round), exchanging their names and the factor turns x - tau into -(x - tau), so that
the symmetry is made by the protocol, not hoped for. Nothing is assumed of the law's shape or width: no normality, no
finite variance, no known scatter.

Why the error rates hold: tanh is odd, so at x symmetric about tau E[psi | past] = 0, and at a smaller centre it is
below; s may depend on the past (here it follows the scatter seen so far) since it is fixed before the round is run.
So the wealth is a non-negative supermartingale with expectation at most 1, and ever reaches 1/alpha with probability at
most alpha (Ville's inequality). Looking after every round costs nothing, and tanh bounds what one disturbed round does.
Rounds, not pairs, are bet on, because the pairs of one round share their sessions' luck and are not independent.

The price of assuming no more than symmetry: n rounds on one side of tau have probability 2^-n even at the tolerance, so
that no such test can fail at 1% in fewer than 7 rounds, or pass at 5% in fewer than 5; with these bets it is 8 and 6.

Sources: Ville 1939; Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 2024;
Ramdas, Grünwald, Vovk & Shafer, "Game-theoretic statistics and safe anytime-valid inference", Stat. Sci. 2023. For
known scatter sd and distance d = x - tau the best odd bet is tanh(d x / sd^2), the likelihood ratio of a sign given its
size; a scale s near sd comes close to it without knowing d.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

BETS = {0.15: 0.25, 0.45: 0.25, 0.97: 0.5}  # share of the wealth that is bet: weight in the average
_FIRST_SCALE, _NARROWEST, _WIDEST = 0.02, 0.004, 0.2
_LOOKS_BACK = 32
_MAD_TO_SD = 1.4826
_FARTHEST = math.log(1e6)


@dataclass(frozen=True, slots=True)
class Stakes:
    """The error rates of a test: `false_fail` for failing what is not worse, `false_pass` for passing what is."""

    false_fail: float = 0.01
    false_pass: float = 0.05

    def shared(self, tests: int) -> Stakes:
        """Return the rates of each of several tests, so that all together fail falsely no oftener than one may.

        Passing needs no such share: a candidate passes only if it passes every test, so that the worst of them guards
        it (an intersection-union test; Berger 1982).
        """
        return Stakes(self.false_fail / max(tests, 1), self.false_pass)


@dataclass(frozen=True, slots=True)
class Decision:
    """How a test stands: `worse` is None while it is open; `rounds` is how many it needed, or has seen."""

    worse: bool | None
    rounds: int


def decide(rounds: Sequence[float], tau: float, stakes: Stakes) -> Decision:
    """Decide whether the ratios lie above exp(tau), looking after every round.

    Args:
        rounds: Mean ln(candidate / baseline) of each round, in the order in which they were measured.
        tau: ln(1 + tolerance).
        stakes: Error rates of either verdict.
    """
    return settle(_game(rounds)(tau), stakes)


def settle(psis: Iterable[float], stakes: Stakes) -> Decision:
    """Play the game over values in (-1, 1) that are centred at or below zero unless the candidate is worse."""
    against, within, seen = _Purse(), _Purse(), 0
    for seen, psi in enumerate(psis, start=1):
        if against.bet(psi) >= 1 / stakes.false_fail:
            return Decision(worse=True, rounds=seen)
        if within.bet(-psi) >= 1 / stakes.false_pass:
            return Decision(worse=False, rounds=seen)
    return Decision(worse=None, rounds=seen)


def ratio_interval(rounds: Sequence[float], stakes: Stakes) -> tuple[float, float]:
    """Give the interval of exp(tau) that the rounds do not contradict, valid at whatever moment one looks.

    It is the interval that belongs to the test: a tolerance below its low end fails (with the error `false_fail`), one
    above its high end passes (`false_pass`). Both ends are found by bisection, since the wealth is monotone in tau: the
    scale does not depend on it. Where the rounds contradict one another, so that no tau is left, the interval spans
    what they say in turn.

    Returns:
        Low and high end, to six digits, which is what every platform agrees on.
    """
    return interval(_game(rounds), stakes)


def interval(psis: Callable[[float], Iterable[float]], stakes: Stakes, halvings: int = 36) -> tuple[float, float]:
    """Invert a test: `psis` gives its values at a tolerance of exp(tau), each of which falls as tau grows."""
    low = _edge(lambda tau: _peak(psis(tau)) < 1 / stakes.false_fail, halvings)
    high = _edge(lambda tau: _peak(-psi for psi in psis(tau)) >= 1 / stakes.false_pass, halvings)
    return _six_digits(min(low, high)), _six_digits(max(low, high))


def rounds_needed(rounds: Sequence[float], tau: float, stakes: Stakes) -> float:
    """Estimate how many rounds in all would settle the test, if what is yet to come looks like what was seen.

    Returns:
        The number, which is infinite where the centre of the rounds lies on the tolerance.
    """
    distance = abs(median(rounds) - tau) if rounds else 0.0
    alpha = stakes.false_fail if rounds and median(rounds) > tau else stakes.false_pass
    return math.inf if distance == 0 else _growth(alpha, spread(rounds) / distance)


def fewest_rounds(alpha: float) -> int:
    """Tell how many rounds a verdict with the error alpha takes at least, if all lie far on one side."""
    purse, rounds = _Purse(), 1
    while purse.bet(1.0) < 1 / alpha:
        rounds += 1
    return rounds


def resolution(rounds: Sequence[float], within: float, stakes: Stakes) -> float:
    """Estimate the least distance from the tolerance, as a ratio less 1, that is settled within a number of rounds."""
    alpha = min(stakes.false_fail, stakes.false_pass)
    floor = _growth(alpha, 0.0)
    if within <= floor:
        return math.inf
    return math.expm1(spread(rounds) * math.sqrt(2 * _EFFICIENCY * math.log(1 / alpha) / (within - floor)))


_EFFICIENCY = 1.5  # rounds of this test to those of one that knows scatter and law: benchmarks/error_rates


def _growth(alpha: float, noise: float) -> float:
    """Count rounds: the floor of a test by signs, and what the noise (its sd in units of the distance) adds."""
    return math.log(2 / alpha) / math.log(2) + 2 * _EFFICIENCY * math.log(1 / alpha) * noise**2


def spread(rounds: Sequence[float]) -> float:
    """Estimate the standard deviation of rounds by their median absolute deviation; a guess stands for too few."""
    if len(rounds) < 2:
        return _FIRST_SCALE
    middle = median(rounds)
    scatter = _MAD_TO_SD * median(abs(x - middle) for x in rounds)
    return math.sqrt((_FIRST_SCALE**2 + len(rounds) * scatter**2 * len(rounds) / (len(rounds) - 1)) / (len(rounds) + 1))


def _scales(rounds: Sequence[float]) -> Iterator[float]:
    """Yield the scale of each round, from those before it alone."""
    for index in range(len(rounds)):
        past = rounds[max(0, index - _LOOKS_BACK) : index]
        yield min(max(spread(past), _NARROWEST), _WIDEST)


def _game(rounds: Sequence[float]) -> Callable[[float], Iterator[float]]:
    scales = list(_scales(rounds))
    return lambda tau: (math.tanh((x - tau) / scale) for x, scale in zip(rounds, scales, strict=True))


class _Purse:
    """The wealth of one gambler, as an average over the bets."""

    def __init__(self) -> None:
        self._parts = dict(BETS)

    def bet(self, psi: float) -> float:
        """Bet once and return the wealth."""
        self._parts = {share: part * (1 + share * psi) for share, part in self._parts.items()}
        return self.wealth

    @property
    def wealth(self) -> float:
        """What there is now; 1 at first."""
        return sum(self._parts.values())


def _peak(psis: Iterable[float]) -> float:
    purse = _Purse()
    return max((purse.bet(psi) for psi in psis), default=1.0)


def _six_digits(log_ratio: float) -> float:
    return float(f"{math.exp(log_ratio):.6g}")


def _edge(holds: Callable[[float], bool], halvings: int) -> float:
    """Bisect for the least tau from which on something holds; 36 halvings reach 1e-9."""
    low, high = -_FARTHEST, _FARTHEST
    for _ in range(halvings):
        tau = (low + high) / 2
        low, high = (low, tau) if holds(tau) else (tau, high)
    return (low + high) / 2
