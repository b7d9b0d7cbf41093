"""Tables of results in Markdown, each with the machine that it was made on."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sheets
from sheets import runner, table

__all__ = ["runner", "share", "table", "upper", "write"]

write = partial(sheets.write, Path(__file__).parent)


def share(count: int, trials: int) -> str:
    """Write a count as a share, with the 95% upper limit of the true one where it is small."""
    if not trials:
        return "-"
    limit = f" (<= {upper(count, trials):.2%})" if count <= trials / 10 else ""
    return f"{count} = {count / trials:.2%}{limit}"


def upper(count: int, trials: int, confidence: float = 0.95) -> float:
    """Return the one-sided upper limit of a share by Clopper and Pearson, Biometrika 26 (1934): exact, by bisection."""
    if count >= trials:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, trials, middle) > 1 - confidence else (low, middle)
    return high


def _at_most(count: int, trials: int, chance: float) -> float:
    """Return the probability of at most so many successes."""
    logs = math.log(chance), math.log1p(-chance)
    return math.fsum(
        math.exp(_log_choose(trials, hits) + hits * logs[0] + (trials - hits) * logs[1]) for hits in range(count + 1)
    )


def _log_choose(trials: int, hits: int) -> float:
    return math.lgamma(trials + 1) - math.lgamma(hits + 1) - math.lgamma(trials - hits + 1)


def quantile(values: Sequence[float], share_below: float) -> float:
    """Return an order statistic, or NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[min(len(values) - 1, int(share_below * len(values)))]
