"""What a change of a model is forecast to use of a budget, and what is merged already: pure arithmetic on evidence.

A deployment is drawn by its forecast: (a year's figure of the candidate - of what is merged) x the part of a year that
is left of the period. The candidate's figure goes by the ratio that the pairs tell, as all that is said of a change
does, so that an unchanged model draws exactly nothing. A training is drawn once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from greengate import smallest_units
from greengate.draws import Draw
from greengate.evidence import Evidence, Figure, Model
from greengate.metrics import Metric
from greengate.packs.budgets import TRAINED
from greengate.paired import Series
from greengate.policy import Budget, Policy

DEPLOYMENT, TRAINING = "deployment", "training"


@dataclass(frozen=True, slots=True)
class Standing:
    """A model that is merged: a year's figures by metric, or None where no accepted figures of it are known.

    `basis` is that of its emissions, as in `Factor.boundary`.
    """

    model: Model
    figures: Mapping[str, float] | None
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Own:
    """What is merged of the model under judgement.

    Attributes:
        new: Whether nothing of it is merged.
        paired: Whether it is the baseline, that the candidate was measured beside.
        figures: A year's figures of it by its newest accepted entry, where it is not.
        why: Why nothing is known of it, or nothing.
    """

    new: bool = False
    paired: bool = True
    figures: Mapping[str, float] | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One change of one model, as budgets see it.

    Attributes:
        change: Such as `owner/repo#12`; "" where none is named, so that nothing is reserved.
        project: The project's name, or "".
        phase: What its training was for, or "".
        others: The other models of the project that are merged.
        own: What is merged of this one.
        scales: By how much the change's own words on traffic and place move a year's figures, by metric.
        basis: On which basis those words put its emissions, or "" where they change nothing.
    """

    evidence: Evidence
    policies: Sequence[Policy]
    change: str = ""
    project: str = ""
    phase: str = ""
    others: Sequence[Standing] = ()
    own: Own = Own()
    scales: Mapping[str, float] = field(default_factory=dict)
    basis: str = ""

    def named(self, name: str) -> str:
        """Name a model, or a training, so that no other project's has its name in a book that both use."""
        return f"{self.project}:{name}" if self.project else name


def trainings_of(check: Budget, metric: Metric) -> str:
    """Name the metric of the trainings that a budget draws, or nothing."""
    if metric.name in TRAINED.values():
        return metric.name
    return TRAINED.get(metric.name, "") if check.training else ""


def deployment(request: Request, check: Budget, metric: Metric, left: Fraction) -> Draw | str:
    """Forecast what a change of a deployment adds to a budget, or say why nobody knows.

    Args:
        request: The change.
        check: The budget.
        metric: Its metric.
        left: The part of a year that is left of its period.
    """
    evidence, own = request.evidence, request.own
    if why := evidence.voided or _other_basis(request, check):
        return why
    figure = evidence.candidate.figures.get(metric.name)
    if figure is None:
        return evidence.candidate.missing.get(metric.name, f"there is no figure for {metric.name}")
    before, after = 0.0, figure.amount
    if not own.new:
        known = standing(request, metric)
        if isinstance(known, str):
            return known
        before = known
        after = before * _ratio(evidence, metric) if own.paired else after
    after *= request.scales.get(metric.name, 1.0)
    amount = _units(metric, (Fraction(after) - Fraction(before)) * left)
    name = request.named(evidence.model.name)
    return Draw(what=DEPLOYMENT, model=name, before=before, after=after, years=float(left), amount=amount)


def standing(request: Request, metric: Metric) -> float | str:
    """Tell a year's figure of what is merged of the model under judgement, or say why nobody knows."""
    own, baseline = request.own, request.evidence.baseline
    if own.why:
        return own.why
    if not own.paired:
        known = (own.figures or {}).get(metric.name)
        return f"no accepted figure of what is merged is known for {metric.name}" if known is None else known
    assert baseline is not None
    figure = baseline.figures.get(metric.name)
    if figure is None:
        return f"baseline: {baseline.missing.get(metric.name, f'there is no figure for {metric.name}')}"
    return figure.amount


def training(request: Request, metric: Metric) -> Draw | str | None:
    """Draw a training that is not the baseline's, or say why nobody knows."""
    evidence = request.evidence
    after = evidence.candidate.figures.get(metric.name)
    if after is None:
        return evidence.candidate.missing.get(metric.name, f"there is no figure for {metric.name}")
    before = evidence.baseline.figures.get(metric.name) if evidence.baseline else None
    if before is not None and record(before) == record(after):
        return None
    name = request.named(f"training {record(after)}")
    amount = _units(metric, Fraction(after.amount))
    return Draw(what=TRAINING, model=name, before=0.0, after=after.amount, years=1.0, amount=amount)


def record(figure: Figure) -> str:
    """Tell one training from another by what was read of it: its runs, their tracker, and what they took.

    Not by the file: it grows with every run, and several models may come from one.
    """
    told = f"{figure.provenance.method}\0{figure.amount!r}\0{figure.provenance.window_s!r}"
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def merged(request: Request, check: Budget, metric: Metric) -> Iterator[tuple[str, float | None]]:
    """Go through the models of a budget's scope that are merged, with a year's figure each; None where nobody knows."""
    if metric.name in TRAINED.values():
        return
    if not request.own.new:
        known = standing(request, metric)
        fits = not request.evidence.voided and not _other_basis(request, check)
        yield request.named(request.evidence.model.name), None if isinstance(known, str) or not fits else known
    for one in request.others:
        if check.covers(one.model, request.project):
            fits = not check.basis or one.basis in {"", check.basis}
            yield request.named(one.model.name), one.figures.get(metric.name) if one.figures and fits else None


def opening(metric: Metric, rate: float, whole: Fraction) -> int:
    """Count what a model that is merged uses of a whole period."""
    return _units(metric, Fraction(rate) * whole)


def _ratio(evidence: Evidence, metric: Metric) -> float:
    """Tell candidate / baseline of a figure: by the pairs, and exactly 1 where it is the same file."""
    candidate, baseline = evidence.candidate, evidence.baseline
    assert baseline is not None
    if candidate.sha256 and candidate.sha256 == baseline.sha256:
        return 1.0
    if metric.paired and not evidence.incomparable:
        series = Series(metric.paired, evidence.pairs)
        if series.known:
            return series.ratio
    before = baseline.figures[metric.name].amount
    return candidate.figures[metric.name].amount / before if before else 1.0


def _other_basis(request: Request, check: Budget) -> str:
    """Say why emissions cannot be added to those of a budget, or nothing."""
    said = request.evidence.conversion
    told = {said.intensity.boundary if said and said.intensity else check.basis, request.basis or check.basis}
    for basis in sorted(told - {check.basis}) if check.basis else ():
        are = f"are {basis}" if basis else "are on a basis that nobody tells"
        return (
            f"its emissions {are}, and the budget adds up {check.basis} ones: say the `basis` of the one or the other"
        )
    return ""


def _units(metric: Metric, amount: Fraction) -> int:
    return smallest_units.used(metric.kind(float(amount)))
