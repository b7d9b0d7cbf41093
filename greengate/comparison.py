"""A model's figures beside its baseline's: what lies between them, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from greengate.betting import Stakes
from greengate.evidence import Evidence, Figure, Interval
from greengate.metrics import Metric, lookup
from greengate.paired import Series
from greengate.quantities import Quantity
from greengate.rules import regression
from greengate.verdict import Finding

CONFIDENCE = 0.95
_COLUMNS = ("cpu", "wall", "run")


@dataclass(frozen=True, slots=True)
class Change:
    """Candidate divided by baseline, with the interval where one is known; `words` and `span` are ready to print.

    `ratio` is None where the difference was taken instead: of shares, and from a baseline of zero.
    """

    words: str
    span: str = ""
    ratio: float | None = None
    interval: Interval | None = None

    def __str__(self) -> str:
        return f"{self.words}, {self.span}" if self.span else self.words


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric's figures: the candidate's, the baseline's and what lies between them."""

    name: str
    metric: Metric | None
    candidate: Figure
    baseline: Figure | None = None
    change: Change | None = None

    def in_words(self, amount: float) -> str:
        """Write an amount of this metric with its unit."""
        return self.metric.in_words(amount) if self.metric else f"{amount:.6g}"

    @property
    def figure(self) -> str:
        """The candidate's figure, ready to print."""
        return self.in_words(self.candidate.amount)

    @property
    def span(self) -> str:
        """The candidate's interval, ready to print; nothing where the figure is exact."""
        interval = self.candidate.interval
        return "" if interval.exact else f"{self.in_words(interval.low)} to {self.in_words(interval.high)}"


@dataclass(frozen=True)
class Comparison:
    """All figures of one model, compared on demand, since the intervals of many pairs take a while."""

    evidence: Evidence
    findings: tuple[Finding, ...] = ()
    _paired: dict[str, tuple[float, Interval]] = field(default_factory=dict, compare=False, repr=False)

    def of(self, name: str) -> Compared | None:
        """Compare one metric, or return None where the candidate has no figure for it."""
        candidate = self.evidence.candidate.figures.get(name)
        if candidate is None:
            return None
        metric = metric_of(name, self.evidence)
        baseline = self.evidence.baseline.figures.get(name) if self.evidence.baseline else None
        change = self._change(name, metric, candidate, baseline) if baseline else None
        return Compared(name, metric, candidate, baseline, change)

    def all(self, prefix: str = "") -> Iterator[Compared]:
        """Compare every metric that the candidate has a figure for, in the order of their names."""
        for name in sorted(self.evidence.candidate.figures):
            found = self.of(name) if name.startswith(prefix) else None
            if found is not None:
                yield found

    def _change(self, name: str, metric: Metric | None, candidate: Figure, baseline: Figure) -> Change | None:
        exact = candidate.interval.exact and baseline.interval.exact
        doubtful = bool(self.evidence.incomparable or self.evidence.voided)
        if not (candidate.finite and baseline.finite) or (doubtful and not exact):
            return None
        if metric is not None and (metric.difference or baseline.amount <= 0):
            return _difference(metric, candidate.amount - baseline.amount)
        found = next((item for item in self.findings if item.metric == name and item.kind == "regression"), None)
        if found is not None and found.amount is not None and found.bounds is not None:
            return _ratio(found.amount, found.bounds)
        if metric is not None and metric.paired and self._told_by_pairs(metric):
            return _ratio(*self._by_pairs(metric))
        return _unpaired(candidate, baseline)

    def _told_by_pairs(self, metric: Metric) -> bool:
        """Tell whether the pairs hold what this metric needs: quantiles need the single runs of both models."""
        pairs = self.evidence.pairs
        if metric.paired in _COLUMNS:
            return Series(metric.paired, pairs).known
        return any(pair.candidate.run_s for pair in pairs) and any(pair.baseline.run_s for pair in pairs)

    def _by_pairs(self, metric: Metric) -> tuple[float, Interval]:
        """Estimate the ratio as the regression rule does; costs are compared once for all metrics made from them."""
        key = f"{metric.paired} {metric.better}"
        if key not in self._paired:
            series = Series(metric.paired, self.evidence.pairs, turned=metric.better == "higher")
            low, high = series.interval(Stakes((1 - CONFIDENCE) / 2, (1 - CONFIDENCE) / 2))
            interval = Interval(low=low, high=high, confidence=CONFIDENCE)
            self._paired[key] = min(max(series.ratio, low), high), interval
        return self._paired[key]


def metric_of(name: str, evidence: Evidence | None) -> Metric | None:
    """Find a metric by its name, or None where this version does not know it."""
    try:
        return lookup(name, evidence.model.quality if evidence else None)
    except KeyError:
        return None


def base_unit(kind: type[Quantity]) -> str:
    """Name the unit that amounts of a dimension are held in; `1` for plain numbers and shares."""
    return next((unit for unit, factor in kind.units.items() if factor == 1), "") or "1"


def percent(ratio: float) -> str:
    """Write a ratio as a change: `-52.1%`, or as a factor where that reads better."""
    change = (ratio - 1) * 100
    return f"{change:+.1f}%" if abs(change) < 1000 else f"x{ratio:.3g}"


def _ratio(ratio: float, interval: Interval | None) -> Change:
    span = "" if interval is None or interval.exact else regression.span(interval)
    same = ratio == 1 and interval is not None and interval.exact
    return Change("unchanged" if same else percent(ratio), span, ratio, interval)


def _unpaired(candidate: Figure, baseline: Figure) -> Change | None:
    """Divide two figures that were taken one by one; only exact ones give an interval that means something."""
    if baseline.amount <= 0:
        return None
    ratio = candidate.amount / baseline.amount
    exact = candidate.interval.exact and baseline.interval.exact
    return _ratio(ratio, Interval(low=ratio, high=ratio) if exact else None)


def _difference(metric: Metric, difference: float) -> Change:
    kind = metric.difference or metric.kind
    if difference == 0:
        return Change("unchanged")
    return Change(f"{'+' if difference >= 0 else '-'}{kind(abs(difference)).in_words()}")
