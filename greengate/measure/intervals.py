"""Distribution-free intervals for quantiles, from order statistics.

Source: David & Nagaraja, Order Statistics, 3rd ed., section 7.1. The values are taken as independent draws; runs of
one block are not quite, so that an interval from few blocks is somewhat too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def quantile(values: Sequence[float], share: float, confidence: float) -> tuple[float, float, float] | int:
    """Estimate a quantile.

    Returns:
        (estimate, low, high), or how many values would be needed for both ends.
    """
    import numpy as np  # noqa: PLC0415 - heavy

    ordered = np.sort(np.asarray(values, dtype=float))
    ranks = _ranks(len(ordered), share, confidence)
    if ranks is None:
        return values_needed(share, confidence)
    low, high = ranks
    return float(np.quantile(ordered, share)), float(ordered[low]), float(ordered[high])


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
