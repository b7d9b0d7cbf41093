"""greengate's decision on stored traces; the one place of these benchmarks that knows how it is asked."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from traces import Trace

from greengate import betting
from greengate.betting import Stakes, decide

OPEN = "inconclusive"


@dataclass(frozen=True, slots=True)
class Setting:
    """How a replay decides.

    Attributes:
        stakes: The error rates.
        unit: What is one observation: the mean log-ratio of a "round", or a "pair".
        least: Observations that are measured whatever has been settled.
        most: Observations after which it stays inconclusive.
    """

    stakes: Stakes = field(default_factory=Stakes)
    unit: str = "round"
    least: int = 6
    most: int = 300

    def values(self, trace: Trace, column: str = "cpu_s") -> list[float]:
        """Return the observations in a trace."""
        if self.unit == "round":
            return trace.round_means(column)
        return [row.ratio(column) for row in trace.rows]

    def seconds(self, trace: Trace) -> float:
        """Return the seconds of one observation in a trace."""
        return trace.round_s if self.unit == "round" else trace.pair_s

    @property
    def floor(self) -> tuple[int, int]:
        """The fewest observations with which any test that assumes no more than symmetry can fail, and pass.

        Under the null all signs of n symmetric observations are equally likely, so the rarest event has a probability
        of 2^-n, and n must be log2(1 / alpha) or more, however small the noise.
        """
        return tuple(math.ceil(math.log2(1 / alpha)) for alpha in (self.stakes.false_fail, self.stakes.false_pass))


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and the observations that were measured for it."""

    verdict: str
    used: int


def judged(values: Sequence[float], tau: float, setting: Setting) -> Judged:
    """Decide as greengate does, and stop where it would stop."""
    values = values[: setting.most]
    decision = decide(values, tau, setting.stakes)
    verdict = {True: "failed", False: "passed", None: OPEN}[decision.worse]
    return Judged(verdict, min(len(values), max(decision.rounds, setting.least)))


def options(parser: argparse.ArgumentParser) -> None:
    """Let the parameters of the decision be given on the command line."""
    usual = Setting()
    parser.add_argument("--false-fail", type=float, default=usual.stakes.false_fail)
    parser.add_argument("--false-pass", type=float, default=usual.stakes.false_pass)
    parser.add_argument("--unit", choices=("round", "pair"), default=usual.unit, help="what is one observation")
    parser.add_argument("--least", type=int, default=usual.least, help="observations measured in any case")
    parser.add_argument("--most", type=int, default=usual.most, help="observations after which it is inconclusive")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a constant of greengate.betting for this replay, such as _FIRST_SCALE=0.01 or BETS=0.3:0.5,0.9:0.5",
    )


def asked_for(asked: argparse.Namespace) -> Setting:
    """Read the parameters of the decision."""
    for word in asked.set:
        name, _, text = word.partition("=")
        if not hasattr(betting, name):
            raise SystemExit(f"greengate.betting has no {name}")
        setattr(betting, name, _read(text, getattr(betting, name)))
    stakes = Stakes(false_fail=asked.false_fail, false_pass=asked.false_pass)
    return Setting(stakes, asked.unit, asked.least, asked.most)


def _read(text: str, like: object) -> object:
    """Read a number, or a table of numbers, of the kind that is there now."""
    if isinstance(like, dict):
        return {float(key): float(value) for key, _, value in (part.partition(":") for part in text.split(","))}
    return int(text) if isinstance(like, int) else float(text)


def in_words(setting: Setting) -> str:
    """Say how it was decided."""
    rates = f"false fail {setting.stakes.false_fail:g}, false pass {setting.stakes.false_pass:g}"
    return f"Decided by {setting.unit}s, at least {setting.least} and at most {setting.most} of them; {rates}."
