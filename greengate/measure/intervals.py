"""Distribution-free intervals for quantiles, from order statistics.

Values of one round are alike, since they share their sessions' luck, so that many of them say less than as many
independent ones. How far the rounds differ in their share of values up to the quantile tells how much less; the wider
interval holds, of that one and the one for independent values. It never goes beyond the extremes: where rounds are all
that matters, these miss the quantile with the chance that the rounds all lie on one side of it.

Sources: David & Nagaraja, Order Statistics, 3rd ed., section 7.1; Woodruff, "Confidence intervals for medians and other
position measures", JASA 47, 1952, for values that come in groups.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import stdev
from typing import TYPE_CHECKING

from greengate.student import factor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def quantile(
    values: Sequence[float], share: float, confidence: float, rounds: int = 1
) -> tuple[float, float, float] | int:
    """Estimate a quantile.

    Args:
        values: As they were measured, in this order.
        share: Which quantile, from 0 to 1.
        confidence: Of the interval, each end missing with half the error.
        rounds: How many rounds they are of, each with as many of them.

    Returns:
        (estimate, low, high), or how many values would be needed for both ends.
    """
    import numpy as np  # noqa: PLC0415 - heavy

    ordered = np.sort(np.asarray(values, dtype=float))
    ranks = _ranks(len(ordered), share, confidence)
    if ranks is None:
        return values_needed(share, confidence)
    estimate, last = float(np.quantile(ordered, share)), len(ordered) - 1
    half = _between_rounds([part <= estimate for part in np.array_split(np.asarray(values), rounds)], confidence)
    low = max(0, min(ranks[0], math.floor(len(ordered) * (share - half)) - 1))
    high = min(last, max(ranks[1], math.ceil(len(ordered) * (share + half))))
    return estimate, float(ordered[low]), float(ordered[high])


def _between_rounds(below: Sequence[NDArray[np.bool_]], confidence: float) -> float:
    """Give half the interval of the share of values up to the quantile, by what it is in each round."""
    if len(below) < 2:
        return 0.0
    shares = [float(part.mean()) for part in below]
    return factor(confidence, len(shares) - 1) * stdev(shares) / math.sqrt(len(shares))


def values_needed(share: float, confidence: float) -> int:
    """Tell how many values it takes until an interval for this quantile has both ends."""
    count = 2
    while _ranks(count, share, confidence) is None:
        count += max(1, count // 20)
    return count


def _ranks(count: int, share: float, confidence: float) -> tuple[int, int] | None:
    """Find the 0-based ranks between which the quantile lies, each end missing with half the error."""
    import numpy as np  # noqa: PLC0415 - heavy

    if count < 2:
        return None
    error = (1 - confidence) / 2
    cumulative = np.cumsum(_binomial(count, share))
    low = int(np.searchsorted(cumulative, error, side="right")) - 1
    high = int(np.searchsorted(cumulative, 1 - error, side="left"))
    return (low, high) if low >= 0 and high <= count - 1 else None


def _binomial(count: int, share: float) -> NDArray[np.float64]:
    """Return P(exactly k of count values lie below the quantile) for k = 0..count."""
    import numpy as np  # noqa: PLC0415 - heavy

    k = np.arange(count + 1)
    log_factorials = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, count + 1)))))
    log_choose = log_factorials[count] - log_factorials - log_factorials[::-1]
    probabilities: NDArray[np.float64] = np.exp(log_choose + k * np.log(share) + (count - k) * np.log1p(-share))
    return probabilities
