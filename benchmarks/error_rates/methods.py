"""How others decide whether something became slower, on a fixed number of measurements: pure rules on stored pairs.

Those that people use today look at the clock; the last ones are given our own paired blocks of CPU time, to see what
is won by deciding in sequence and what by measuring in pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np
from traces import Row

from greengate.betting import Stakes

Rule = Callable[["Sample"], bool | None]
_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Sample:
    """What a rule may look at.

    Attributes:
        rows: N interleaved pairs.
        stored: N pairs of another trial of the same models, for those who compare with a stored run.
        tolerance: What is allowed, such as 0.05.
        stakes: Error rates for those who ask for them.
    """

    rows: Sequence[Row]
    stored: Sequence[Row]
    tolerance: float
    stakes: Stakes = field(default_factory=Stakes)

    def wall(self, side: int) -> list[float]:
        """Wall seconds an inference of the candidate (0) or the baseline (1), block by block."""
        return [row.wall_s[side] for row in self.rows]

    def cpu(self, unit: str) -> np.ndarray:
        """Log-ratios of CPU seconds, by "pair", or their means by "round"."""
        ratios = np.array([row.ratio() for row in self.rows])
        if unit == "pair":
            return ratios
        rounds = np.array([row.round for row in self.rows])
        return np.array([ratios[rounds == number].mean() for number in np.unique(rounds)])


@dataclass(frozen=True, slots=True)
class Method:
    """A rule with its name: True means "became worse", False "did not", None "cannot tell"."""

    name: str
    decide: Rule
    paired_cpu: bool = False


def mean_of_wall(sample: Sample) -> bool:
    """Fail if the mean of wall time grew by more than the tolerance."""
    return fmean(sample.wall(0)) > (1 + sample.tolerance) * fmean(sample.wall(1))


def least_of_wall(sample: Sample) -> bool:
    """Fail if the minimum of wall time grew by more than the tolerance."""
    return min(sample.wall(0)) > (1 + sample.tolerance) * min(sample.wall(1))


def welch_any(sample: Sample) -> bool:
    """Fail if Welch's t test finds the candidate's wall time to differ at 5%, two-sided, and it is the longer one."""
    statistic, freedom = _welch(sample.wall(0), sample.wall(1))
    return statistic > _student_quantile(0.975, freedom)


def welch_tolerance(sample: Sample) -> bool:
    """Fail if Welch's t test at 5% finds the candidate's wall time above the baseline's times (1 + tolerance)."""
    allowed = [seconds * (1 + sample.tolerance) for seconds in sample.wall(1)]
    statistic, freedom = _welch(sample.wall(0), allowed)
    return statistic > _student_quantile(0.95, freedom)


def pytest_benchmark(field: str) -> Rule:
    """Make the rule of `pytest --benchmark-compare --benchmark-compare-fail=FIELD:TOLERANCE%`.

    pytest-benchmark 5.3.1, `utils.PercentageRegressionCheck`: it fails where current / compared * 100 - 100 > percent,
    percent being a whole number, and `compared` the statistic of a stored run: here the baseline of another trial of
    the same models. A block stands for a round of it.
    """

    def decide(sample: Sample) -> bool:
        statistic = {"mean": fmean, "min": min}[field]
        current = statistic([row.wall_s[0] for row in sample.rows])
        compared = statistic([row.wall_s[1] for row in sample.stored])
        return current / compared * 100 - 100 > round(sample.tolerance * 100)

    return decide


def codecarbon_around_both(sample: Sample) -> bool:
    """Fail if a tracker around one run and then around the other tells more than the tolerance.

    Where there is no energy counter, CodeCarbon's energy is constant watts times wall time (of CPU and memory), so that
    the watts cancel. The runs follow one another: the baseline has the first half of the pairs, the candidate the last.
    """
    half = len(sample.rows) // 2
    baseline, candidate = sample.wall(1)[:half], sample.wall(0)[half:]
    return fmean(candidate) > (1 + sample.tolerance) * fmean(baseline)


def paired_t(unit: str) -> Rule:
    """Make a t test of paired log-ratios of CPU seconds against the tolerance, one-sided in either direction."""

    def decide(sample: Sample) -> bool | None:
        ratios = sample.cpu(unit) - math.log1p(sample.tolerance)
        spread = max(float(ratios.std(ddof=1)), 1e-12)
        statistic, freedom = float(ratios.mean()) / spread * math.sqrt(len(ratios)), len(ratios) - 1
        if statistic > _student_quantile(1 - sample.stakes.false_fail, freedom):
            return True
        return False if -statistic > _student_quantile(1 - sample.stakes.false_pass, freedom) else None

    return decide


def wilcoxon(unit: str) -> Rule:
    """Make Wilcoxon's signed-rank test of paired log-ratios of CPU seconds against the tolerance, either way."""

    def decide(sample: Sample) -> bool | None:
        from scipy.stats import wilcoxon as signed_rank  # noqa: PLC0415 - heavy, and only here

        ratios = sample.cpu(unit) - math.log1p(sample.tolerance)
        if signed_rank(ratios, alternative="greater").pvalue <= sample.stakes.false_fail:
            return True
        return False if signed_rank(ratios, alternative="less").pvalue <= sample.stakes.false_pass else None

    return decide


def bootstrap_median(unit: str) -> Rule:
    """Make a percentile bootstrap of the median of paired log-ratios of CPU seconds, against the tolerance."""

    def decide(sample: Sample) -> bool | None:
        ratios, tau = sample.cpu(unit), math.log1p(sample.tolerance)
        scatter = np.random.default_rng(len(ratios))
        medians = np.median(ratios[scatter.integers(0, len(ratios), (_RESAMPLES, len(ratios)))], axis=1)
        if np.quantile(medians, sample.stakes.false_fail) > tau:
            return True
        return False if np.quantile(medians, 1 - sample.stakes.false_pass) < tau else None

    return decide


METHODS: Sequence[Method] = (
    Method("mean of wall time", mean_of_wall),
    Method("minimum of wall time", least_of_wall),
    Method("Welch on wall time, 5%, any difference", welch_any),
    Method("Welch on wall time, 5%, over the tolerance", welch_tolerance),
    Method("pytest-benchmark, compare-fail=mean", pytest_benchmark("mean")),
    Method("pytest-benchmark, compare-fail=min", pytest_benchmark("min")),
    Method("CodeCarbon around both runs", codecarbon_around_both),
    *(
        Method(f"{name} on our CPU {unit}s", rule(unit), paired_cpu=True)
        for name, rule in (("paired t", paired_t), ("Wilcoxon", wilcoxon), ("bootstrap median", bootstrap_median))
        for unit in ("pair", "round")
    ),
)


def _welch(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Return Welch's statistic and its degrees of freedom (B. L. Welch, Biometrika 34, 1947)."""
    errors = [float(np.var(values, ddof=1)) / len(values) for values in (first, second)]
    total = max(sum(errors), 1e-300)
    freedom = total**2 / max(
        sum(error**2 / (len(values) - 1) for error, values in zip(errors, (first, second), strict=True)), 1e-300
    )
    return (fmean(first) - fmean(second)) / math.sqrt(total), freedom


def _student_quantile(share: float, freedom: float) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415 - heavy, and only here

    return float(stdtrit(freedom, share))
