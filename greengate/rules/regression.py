"""A tolerance: how far the candidate may lie from the baseline.

Why it matters: nobody notices +7% energy in review, and ten of them double the bill.

Metrics that are measured in interleaved pairs are decided by `greengate.betting`; exact ones by their difference; the
others by their intervals, combined so that both may be off at once.

Example:
    rules:
      - {id: energy-regression, metric: energy_per_1k_inferences, max_increase: 5%, enforce: soft}
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from greengate.betting import Stakes
from greengate.effort import Effort
from greengate.evidence import Evidence, Figure, Interval
from greengate.metrics import Metric
from greengate.paired import Series
from greengate.policy import Plan, Tolerance
from greengate.quantities import Share
from greengate.rules.assessment import (
    Assessment,
    comparable,
    compare,
    effort,
    figure_of,
    other_runner,
    too_unsure,
    too_unsure_to_fail,
    unavailable,
)
from greengate.verdict import Outcome

_STRADDLES = "the interval straddles the tolerance"
_UNKNOWN = (1e-4, 1e4)  # a ratio beyond these has not been bounded


def assess(  # noqa: PLR0911 - one return a reason
    check: Tolerance, metric: Metric, evidence: Evidence, plan: Plan
) -> Assessment:
    """Compare the candidate with the baseline."""
    if evidence.baseline is None:
        return unavailable(str(check), "there is no baseline to compare with")
    if differing := comparable(evidence, plan.comparable):
        return unavailable(str(check), differing)
    if other := other_runner(evidence, plan.runner, metric):
        return unavailable(str(check), other)
    if metric.paired and evidence.voided:
        return unavailable(str(check), evidence.voided)
    candidate, baseline = (figure_of(side, metric.name) for side in (evidence.candidate, evidence.baseline))
    if metric.paired and isinstance(check.delta, Share) and Question.of(check, metric, evidence).series.known:
        return _by_pairs(check, metric, evidence, plan)
    if isinstance(candidate, str) or isinstance(baseline, str):
        return unavailable(str(check), candidate if isinstance(candidate, str) else f"baseline: {baseline}")
    if unsure := too_unsure(plan.confidence, candidate, baseline):
        return unavailable(str(check), unsure)
    found = Comparison(check, metric, candidate, baseline).by_intervals(effort(evidence, plan))
    if found.outcome is Outcome.FAILED and (reason := too_unsure_to_fail(plan.stakes.false_fail, candidate, baseline)):
        return unavailable(str(check), reason)
    return found


def bounded(interval: Interval) -> bool:
    """Tell whether both ends of the interval of a ratio are known."""
    return _UNKNOWN[0] < interval.low and interval.high < _UNKNOWN[1]


def settled(check: Tolerance, metric: Metric, evidence: Evidence, plan: Plan) -> bool:
    """Tell whether more pairs could not change the answer."""
    if not metric.paired or not isinstance(check.delta, Share):
        return not metric.timed or _apart(check, metric, evidence)
    question = Question.of(check, metric, evidence)
    if not question.series.known:
        return bool(evidence.pairs)
    return question.series.decide(question.tau, plan.stakes).worse is not None


def _apart(check: Tolerance, metric: Metric, evidence: Evidence) -> bool:
    """Tell whether both figures are there, and the interval of their difference leaves the tolerance."""
    assert evidence.baseline is not None
    candidate, baseline = (figure_of(side, metric.name) for side in (evidence.candidate, evidence.baseline))
    if isinstance(candidate, str) or isinstance(baseline, str):
        return False
    return Comparison(check, metric, candidate, baseline).by_intervals().outcome is not Outcome.INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class Question:
    """A tolerance as the test asks it: is the ratio of this series, turned so that larger is worse, above exp(tau)?"""

    series: Series
    tau: float
    upward: bool

    @classmethod
    def of(cls, check: Tolerance, metric: Metric, evidence: Evidence) -> Question:
        """Turn a check on a metric into the question about the costs that the blocks hold."""
        upward, delta = check.side == "max_increase", check.delta.amount
        tau = _tau(delta) if upward else -_tau(-delta)
        grows_with_cost = metric.better == "lower"
        return cls(Series(metric.paired, evidence.pairs, turned=upward != grows_with_cost), tau, upward)

    def bounds(self, stakes: Stakes) -> tuple[float, float, float]:
        """Return the metric's ratio, candidate to baseline, and the interval that belongs to the test."""
        low, high = self.series.interval(stakes)
        ratio = min(max(self.series.ratio, low), high)
        return (ratio, low, high) if self.upward else (1 / ratio, 1 / high, 1 / low)


def _tau(change: float) -> float:
    """Return ln(1 + change); a decrease by all there is, or more, lies below every ratio."""
    return math.log1p(change) if change > -1 else -math.inf


def _by_pairs(check: Tolerance, metric: Metric, evidence: Evidence, plan: Plan) -> Assessment:
    """Decide by the pairs; the ratio stands even where the amounts are not known, since it needs no coefficient."""
    question = Question.of(check, metric, evidence)
    decision = question.series.decide(question.tau, plan.stakes)
    outcome = {True: Outcome.FAILED, False: Outcome.PASSED, None: Outcome.INCONCLUSIVE}[decision.worse]
    ratio, low, high = question.bounds(plan.stakes)
    reason = ""
    if decision.worse is None:
        outlook = question.series.outlook(question.tau, plan.stakes, effort(evidence, plan))
        known = evidence.runner.calibrated
        reason = f"{outlook}; as calibrated, this runner {known}" if known else outlook
    bounds = Interval(low=low, high=high, confidence=1 - plan.stakes.false_fail - plan.stakes.false_pass)
    assert evidence.baseline is not None
    sides = [side.figures.get(metric.name) for side in (evidence.candidate, evidence.baseline)]
    return Comparison(check, metric, *sides).as_ratio(outcome, ratio, bounds, reason)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One check with both figures; they are None where only their ratio is known."""

    check: Tolerance
    metric: Metric
    candidate: Figure | None
    baseline: Figure | None

    @property
    def relative(self) -> bool:
        """Whether the tolerance is a share of the baseline."""
        return isinstance(self.check.delta, Share)

    @property
    def sign(self) -> int:
        """+1 where growing is what is limited, -1 where shrinking is."""
        return 1 if self.check.side == "max_increase" else -1

    def by_intervals(self, effort: Effort | None = None) -> Assessment:
        """Compare two figures whose intervals may both be off at once; by the effort, say what would settle it."""
        assert self.candidate is not None
        assert self.baseline is not None
        first, second = self.candidate.interval, self.baseline.interval
        if not self.relative:
            difference = self.candidate.amount - self.baseline.amount
            return self._as_difference(difference, first.low - second.high, first.high - second.low, effort)
        if second.low <= 0:
            return self._of_zero(self.candidate, self.baseline)
        bounds = Interval(low=first.low / second.high, high=first.high / second.low, confidence=self._confidence)
        outcome = compare(bounds.low, bounds.high, 1 + self.sign * self.check.delta.amount, self.check.side)
        return self.as_ratio(outcome, self.candidate.amount / self.baseline.amount, bounds, "")

    def _of_zero(self, candidate: Figure, baseline: Figure) -> Assessment:
        unchanged = candidate.interval.exact and candidate.interval == baseline.interval
        if unchanged and self.check.delta.amount >= 0:
            return self._told(Outcome.PASSED, "unchanged", "exact", "at the baseline", "")
        nothing = self.metric.in_words(baseline.amount)
        return unavailable(str(self.check), f"no share of {nothing} can be taken: use an absolute {self.check.side}")

    def as_ratio(self, outcome: Outcome, ratio: float, bounds: Interval, reason: str) -> Assessment:
        """Say what was found as a share of the baseline."""
        left = self.check.delta.amount - self.sign * (ratio - 1)
        points = f"{abs(left) * 100:,.0f}" if abs(left) >= 1 else f"{abs(left) * 100:.3g}"
        margin = f"{points} points {'below' if left >= 0 else 'above'} the tolerance"
        interval = "exact" if bounds.exact else span(bounds)
        return self._told(outcome, _percent(ratio), interval, margin, reason, (ratio, bounds))

    def _as_difference(self, difference: float, low: float, high: float, effort: Effort | None) -> Assessment:
        bound = self.sign * self.check.delta.amount
        outcome = compare(low, high, bound, self.check.side)
        reason = ""
        if outcome is Outcome.INCONCLUSIVE and effort and self.metric.timed:
            reach = high - difference if difference <= bound else difference - low
            reason = f"{_STRADDLES}: {effort.outlook(abs(bound - difference), reach, self._in_words)}"
        left = self.check.delta.amount - self.sign * difference
        margin = f"{self._in_words(left)} {'below' if left >= 0 else 'above'} the tolerance"
        signed = [f"{'+' if amount >= 0 else '-'}{self._in_words(amount)}" for amount in (difference, low, high)]
        interval = "exact" if low == high else f"{signed[1]} to {signed[2]}"
        bounds = Interval(low=low, high=high, confidence=self._confidence)
        return self._told(outcome, signed[0], interval, margin, reason, (difference, bounds))

    @property
    def _confidence(self) -> float:
        return min((side.interval.confidence for side in (self.candidate, self.baseline) if side), default=1.0)

    def _in_words(self, difference: float) -> str:
        return (self.metric.difference or self.metric.kind)(abs(difference)).in_words()

    def _told(  # noqa: PLR0913 - the columns of a finding
        self,
        outcome: Outcome,
        change: str,
        interval: str,
        margin: str,
        reason: str,
        found: tuple[float, Interval] | None = None,
    ) -> Assessment:
        if not reason and outcome is Outcome.INCONCLUSIVE:
            reason = _STRADDLES
        return Assessment(
            outcome,
            str(self.check),
            figure=f"{self.metric.in_words(self.candidate.amount)} ({change})" if self.candidate else change,
            interval=interval,
            margin=margin,
            counterfactual="" if outcome is Outcome.PASSED else self._counterfactual(),
            reason=reason,
            amount=found[0] if found else None,
            bounds=found[1] if found else None,
            provenance=self.candidate.provenance if self.candidate else None,
            estimated=not self.relative and self.candidate is not None and self.candidate.provenance.kind.estimated,
        )

    def _counterfactual(self) -> str:
        if self.baseline is None:
            return f"would pass at a change of {self.sign * self.check.delta.amount:+.1%}"
        amount, delta = self.baseline.amount, self.sign * self.check.delta.amount
        bound = amount * (1 + delta) if self.relative else amount + delta
        return f"would pass at {'<=' if self.sign > 0 else '>='} {self.metric.in_words(bound)}"


def span(bounds: Interval) -> str:
    """Write the interval of a ratio as changes in percent; an end that the pairs leave open is not made up."""
    if bounds.low < _UNKNOWN[0] and bounds.high > _UNKNOWN[1]:
        return "not known yet"
    if bounds.low < _UNKNOWN[0]:
        return f"at most {_percent(bounds.high)}"
    if bounds.high > _UNKNOWN[1]:
        return f"at least {_percent(bounds.low)}"
    return f"{_percent(bounds.low)} to {_percent(bounds.high)}"


def _percent(ratio: float) -> str:
    change = (ratio - 1) * 100
    if abs(change) < 1000:
        return f"{change:+.1f}%"
    return f"x{ratio:.3g}" if ratio < 100 else f"x{ratio:,.0f}"
