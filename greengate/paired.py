"""What the interleaved pairs say of one metric: a series of rounds, a decision, an interval, what would settle it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean, median

from greengate import betting, tails
from greengate.betting import Decision, Stakes
from greengate.effort import Effort, told
from greengate.evidence import Block, Pair
from greengate.tails import Runs

_TAILS = {"p95": 0.95, "p99": 0.99}
_ENOUGH = 4


@dataclass(frozen=True, slots=True)
class Series:
    """The rounds of one metric, by the column of the blocks that it goes by (see `greengate.metrics.Metric.paired`).

    `turned` exchanges candidate and baseline, where it is growing less that is worse.
    """

    column: str
    pairs: tuple[Pair, ...]
    turned: bool = False

    @property
    def known(self) -> bool:
        """Whether there are pairs, and they hold this column: evidence of old kept no single runs."""
        kept = self.column not in _TAILS or all(pair.candidate.run_s and pair.baseline.run_s for pair in self.pairs)
        return bool(_rounds(self.column, self.pairs)) and kept

    @property
    def rounds(self) -> list[float]:
        """Mean ln(candidate / baseline) of each round, in the order in which they were measured."""
        return [-x if self.turned else x for x in log_ratios(self.column, self.pairs)]

    @property
    def ratio(self) -> float:
        """The typical ratio: the median over rounds, or the ratio of the two quantiles."""
        if self.column in _TAILS:
            return tails.ratio(self._runs, _TAILS[self.column])
        return math.exp(median(self.rounds))

    def decide(self, tau: float, stakes: Stakes) -> Decision:
        """Decide whether the ratio lies above exp(tau)."""
        if self.column in _TAILS:
            return tails.decide(self._runs, _TAILS[self.column], tau, stakes)
        return betting.decide(self.rounds, tau, stakes)

    def interval(self, stakes: Stakes) -> tuple[float, float]:
        """Give the interval of the ratio that belongs to the test."""
        if self.column in _TAILS:
            return tails.ratio_interval(self._runs, _TAILS[self.column], stakes)
        return betting.ratio_interval(self.rounds, stakes)

    @property
    def _runs(self) -> list[Runs]:
        found = []
        for pairs in _rounds(self.column, self.pairs):
            ours = tuple(run for pair in pairs for run in pair.candidate.run_s)
            theirs = tuple(run for pair in pairs for run in pair.baseline.run_s)
            found.append(Runs(theirs, ours) if self.turned else Runs(ours, theirs))
        return found

    def outlook(self, tau: float, stakes: Stakes, effort: Effort) -> str:
        """Say what would settle a test that is open: more time, more pairs, or a quieter runner.

        Args:
            tau: The tolerance in question.
            stakes: Its error rates.
            effort: What these rounds took, and what the policy allows.
        """
        rounds = self.rounds
        open_ = f"still open after {len(rounds)} round{'' if len(rounds) == 1 else 's'} of pairs"
        if self.column in _TAILS:
            return f"{open_}: tails need many runs, so that a longer `budget` and more `max_pairs` may settle it"
        if effort.measured_s <= 0:
            return f"{open_}: more of them may settle it, and how long they take was not kept"
        pace_s, least = effort.measured_s / len(rounds), len(rounds) + 1.0
        if len(rounds) < _ENOUGH:
            fewest = betting.fewest_rounds(max(stakes.false_fail, stakes.false_pass))
            more = effort.more(max(least, fewest) / len(rounds))
            return f"{open_}, and no verdict takes fewer than {fewest}: {more}"
        times = max(least, betting.rounds_needed(rounds, tau, stakes)) / len(rounds)
        if effort.bearable(times):
            return f"{open_}: {effort.more(times)} would settle it"
        within = effort.within * len(rounds)
        resolved = betting.resolution(rounds, within, stakes)
        if not math.isfinite(resolved):
            return f"{open_}: a round takes {told(pace_s)}, too long for a budget of {told(effort.budget_s)}"
        lies = f"{abs(math.expm1(median(rounds) - tau)):.1%} from the tolerance"
        apart = f"tells {resolved:.1%} apart in {told(within * pace_s)}"
        return f"{open_}: {lies}, where this runner {apart}; use a quieter one"


def log_ratios(column: str, pairs: Sequence[Pair]) -> list[float]:
    """Return the mean ln(candidate / baseline) of each round in which the column could be read."""
    return [
        fmean(math.log(_cost(column, pair.candidate) / _cost(column, pair.baseline)) for pair in pairs)
        for pairs in _rounds(column, pairs)
    ]


def _rounds(column: str, pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Group the pairs that hold a column by rounds; one that has lost a block has lost the balance of its orders."""
    rounds = [list(group) for _, group in groupby(pairs, key=lambda pair: pair.round)]
    return [pairs for pairs in rounds if all(_held(column, block) for pair in pairs for block in _blocks(pair))]


def _blocks(pair: Pair) -> tuple[Block, Block]:
    return pair.candidate, pair.baseline


def _held(column: str, block: Block) -> bool:
    return column != "cpu" or not block.on_device or block.device_j is not None


def _cost(column: str, block: Block) -> float:
    if column == "cpu":
        # What an accelerator drew stands for CPU seconds, which say nothing there.
        return (block.cpu_s if block.device_j is None else block.device_j) / block.inferences
    return block.run_p50_s if column == "run" else block.wall_s / block.inferences
