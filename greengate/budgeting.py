"""What a change draws on the budgets of its policies: worked out from the evidence, and reserved in the book.

A deployment is drawn by its forecast: a year's figure at the declared traffic x the part of a year that is left of the
period. What is merged already is booked for the whole period when the period is first looked at. A training is drawn
once, when the change that brings it is merged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from greengate import periods, smallest_units
from greengate.accounts import MOST, Account, Claim, Entry, Final, Kind, Note
from greengate.balances import Figures, Granted, Merged, Refused
from greengate.draws import GRANTED, MERGED, PREVIEWED, REFUSED, WITHHELD, Draw, Drawn
from greengate.evidence import Evidence, Figure, Model
from greengate.metrics import METRICS, Metric
from greengate.packs.budgets import TRAINED
from greengate.periods import Calendar, Period
from greengate.policy import Budget, Enforce, Policy
from greengate.ports import Book

DEPLOYMENT, TRAINING = "deployment", "training"
BY = "greengate gate"
_HOLDERS = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """A model that is merged: a year's figures by metric, or None where no accepted figures of it are known.

    `basis` is that of its emissions, as in `Factor.boundary`.
    """

    model: Model
    figures: dict[str, float] | None
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One change of one model, as budgets see it.

    Attributes:
        change: Such as `owner/repo#12`; "" where none is named, so that nothing is reserved.
        project: The project's name, or "".
        phase: What its training was for, or "".
        others: The other models of the project that are merged.
    """

    evidence: Evidence
    policies: Sequence[Policy]
    change: str = ""
    project: str = ""
    phase: str = ""
    others: Sequence[Standing] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    """One budget, and what the change asks of it."""

    check: Budget
    metric: Metric
    advisory: bool
    period: Period
    calendar: Calendar
    draws: tuple[Draw, ...]
    missing: str
    openings: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    @property
    def account(self) -> Account:
        return Account(self.check.key, self.check.scope, self.period.name, self.unit)

    @property
    def unit(self) -> str:
        return self.check.unit(smallest_units.unit_of(self.metric.kind))

    @property
    def maximum(self) -> int:
        return smallest_units.allowed(self.check.bound)

    @property
    def claims(self) -> list[Claim]:
        most = MOST if self.advisory else self.maximum
        return [Claim(self.account, draw.model, max(0, draw.amount), most) for draw in self.draws]

    def drawn(self, outcome: str, spent: int, reserved: int, holders: tuple[str, ...] = ()) -> Drawn:
        return Drawn(
            budget=self.check.key,
            scope=self.check.scope,
            period=self.period.name,
            starts=_iso(self.period.start),
            ends=_iso(self.period.end),
            unit=self.unit,
            maximum=self.maximum,
            spent=spent,
            reserved=reserved,
            asked=sum(max(0, draw.amount) for draw in self.draws),
            draws=self.draws,
            outcome=outcome,
            holders=holders,
            unknown=self.unknown,
            missing=self.missing,
        )


def wanted(policies: Sequence[Policy], model: Model, project: str) -> list[tuple[Budget, Metric, bool]]:
    """List the budgets that a model draws on, each once, with its metric and whether it only advises."""
    found: dict[str, tuple[Budget, Metric, bool]] = {}
    for policy in policies:
        for rule in policy.rules:
            for check in rule.checks:
                if isinstance(check, Budget) and rule.metric and check.covers(model, project):
                    found[check.key] = _strictest(found.get(check.key), check, rule.metric, rule.enforce)
    return list(found.values())


def draw(request: Request, book: Book | None) -> tuple[Drawn, ...]:
    """Work out what a change draws, and reserve it; without a change that is named, only say what it would draw.

    Args:
        request: The change.
        book: The book of budgets, or None where there is none yet.

    Raises:
        BookError: The book cannot be read or written.
    """
    asked = list(_asked(request, book))
    if not asked:
        return ()
    note = Note(BY, _instant(request.evidence), f"checked {request.evidence.model.name}")
    if not request.change or book is None:
        return tuple(_previewed(one, book) for one in asked)
    for one in (one for one in asked if not one.missing):
        book.enter([Entry(Kind.OPEN, one.account, amount, name, name) for name, amount in one.openings.items()], note)
    ready = [one for one in asked if not one.missing]
    claims = [claim for one in ready for claim in one.claims]
    claims += _stale(request, book, claims)
    answer = book.reserve(request.change, claims, note, drop_elsewhere=True) if claims else Granted(())
    figures = {} if isinstance(answer, Merged) else {told.account: told for told in answer.figures}
    return tuple(_answered(one, answer, figures.get(one.account), book) for one in asked)


def let_go(request: Request, drawn: Sequence[Drawn], book: Book) -> None:
    """Release what a change holds for this model, since its check did not pass."""
    note = Note(BY, _instant(request.evidence), f"the check of {request.evidence.model.name} did not pass")
    for name in dict.fromkeys(draw.model for one in drawn for draw in one.draws):
        book.release(request.change, note, name)


def finals(drawn: Sequence[Drawn]) -> list[Final]:
    """List what a change uses once it is merged, savings included."""
    return [
        Final(Account(one.budget, one.scope, one.period, one.unit), part.model, part.amount)
        for one in drawn
        if not one.missing
        for part in one.draws
    ]


def _strictest(
    known: tuple[Budget, Metric, bool] | None, check: Budget, metric: Metric, enforce: Enforce
) -> tuple[Budget, Metric, bool]:
    """Of one account that several policies name, take the tightest maximum; it advises where all of them do."""
    advisory = enforce is Enforce.ADVISORY
    if known is None:
        return check, metric, advisory
    tighter = check if check.bound.amount < known[0].bound.amount else known[0]
    return tighter, metric, advisory and known[2]


def _asked(request: Request, book: Book | None) -> Iterator[_Asked]:
    evidence = request.evidence
    now = _instant(evidence)
    for check, metric, advisory in wanted(request.policies, evidence.model, request.project):
        calendar = Calendar(periods.zone(check.zone), check.first_month)
        period = periods.period_of(periods.Kind(check.period), now, calendar)
        left = periods.years(now, period.end, calendar)
        draws, missing = _draws(request, check, metric, left, book)
        missing = _other_unit(book, check, metric, period) or missing
        whole = periods.years(period.start, period.end, calendar)
        standing = list(_standing(request, check, metric))
        yield _Asked(
            check=check,
            metric=metric,
            advisory=advisory,
            period=period,
            calendar=calendar,
            draws=draws,
            missing=missing,
            openings={name: _units(metric, rate * whole) for name, rate in standing if rate is not None},
            unknown=tuple(name for name, rate in standing if rate is None),
        )


def _other_unit(book: Book | None, check: Budget, metric: Metric, period: Period) -> str:
    """Say that the book keeps the account of this budget and period in another unit or on another basis, or nothing."""
    unit = check.unit(smallest_units.unit_of(metric.kind))
    for account in book.accounts() if book else ():
        same = (account.budget, account.scope, account.period) == (check.key, check.scope, period.name)
        if same and account.unit != unit:
            return f"its account of {period.name} is kept in {account.unit}, and {unit} is asked: rename the budget"
    return ""


def _draws(
    request: Request, check: Budget, metric: Metric, left: Fraction, book: Book | None
) -> tuple[tuple[Draw, ...], str]:
    """List what a change draws on one budget, or say why nobody knows."""
    found: list[Draw] = []
    if metric.name not in TRAINED.values():
        deployed = _other_basis(request.evidence, check) or _deployment(request.evidence, metric, left)
        if isinstance(deployed, str):
            return (), deployed
        found.append(deployed)
    trained = metric.name if metric.name in TRAINED.values() else TRAINED.get(metric.name, "") if check.training else ""
    if trained and check.phase in {"", request.phase}:
        training = _training(request, check, METRICS[trained], book)
        if isinstance(training, str):
            return (), training
        found += [training] if training else []
    return tuple(found), ""


def _other_basis(evidence: Evidence, check: Budget) -> str:
    """Say why emissions cannot be added to those of a budget, or nothing."""
    grid = evidence.conversion.intensity if evidence.conversion else None
    if not check.basis or grid is None or grid.boundary == check.basis:
        return ""
    told = f"are {grid.boundary}" if grid.boundary else "are on a basis that nobody tells"
    return f"its emissions {told}, and the budget adds up {check.basis} ones: say the `basis` of the one or the other"


def _deployment(evidence: Evidence, metric: Metric, left: Fraction) -> Draw | str:
    if evidence.voided:
        return evidence.voided
    after = evidence.candidate.figures.get(metric.name)
    if after is None:
        return evidence.candidate.missing.get(metric.name, f"there is no figure for {metric.name}")
    before = 0.0
    if evidence.baseline is not None:
        known = evidence.baseline.figures.get(metric.name)
        if known is None:
            return f"baseline: {evidence.baseline.missing.get(metric.name, f'there is no figure for {metric.name}')}"
        before = known.amount
    amount = _units(metric, (Fraction(after.amount) - Fraction(before)) * left)
    name = evidence.model.name
    return Draw(what=DEPLOYMENT, model=name, before=before, after=after.amount, years=float(left), amount=amount)


def _training(request: Request, check: Budget, metric: Metric, book: Book | None) -> Draw | str | None:
    """Draw a training that is new: neither the baseline's, nor drawn by an earlier change."""
    evidence = request.evidence
    after = evidence.candidate.figures.get(metric.name)
    if after is None:
        return evidence.candidate.missing.get(metric.name, f"there is no figure for {metric.name}")
    before = evidence.baseline.figures.get(metric.name) if evidence.baseline else None
    name = f"{evidence.model.name} (training {_record(after)})"
    if (before is not None and _record(before) == _record(after)) or _drawn_before(book, check, name, request.change):
        return None
    amount = _units(metric, Fraction(after.amount))
    return Draw(what=TRAINING, model=name, before=0.0, after=after.amount, years=1.0, amount=amount)


def _record(figure: Figure) -> str:
    """Tell one training's record from another: by the digest of its file, and which of its runs were read."""
    told = f"{figure.provenance.source.rpartition(' ')[2]}\0{figure.provenance.method}"
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _drawn_before(book: Book | None, check: Budget, name: str, change: str) -> bool:
    """Tell whether another change has drawn this training, in whatever period."""
    if book is None:
        return False
    return any(
        event.kind is Kind.CONSUME and event.model == name and event.change != change
        for account in book.accounts()
        if (account.budget, account.scope) == (check.key, check.scope)
        for event in book.history(account)
    )


def _standing(request: Request, check: Budget, metric: Metric) -> Iterator[tuple[str, float | None]]:
    """Go through the models of a budget's scope that are merged, with a year's figure each."""
    if metric.name in TRAINED.values():
        return
    evidence = request.evidence
    prefix = f"{request.project}:" if request.project else ""
    if evidence.baseline is not None:
        known = evidence.baseline.figures.get(metric.name)
        yield f"{prefix}{evidence.model.name}", known.amount if known else None
    for one in request.others:
        if check.covers(one.model, request.project):
            fits = not check.basis or one.basis in {"", check.basis}
            yield f"{prefix}{one.model.name}", one.figures.get(metric.name) if one.figures and fits else None


def _previewed(one: _Asked, book: Book | None) -> Drawn:
    """Say what a change would find; openings that nobody has booked yet are counted in."""
    if book is None or one.missing:
        return one.drawn(PREVIEWED, sum(one.openings.values()), 0)
    status = book.status(one.account)
    booked = {event.source for event in book.history(one.account) if event.kind is Kind.OPEN}
    unbooked = sum(amount for name, amount in one.openings.items() if name not in booked)
    return one.drawn(PREVIEWED, status.balance.spent + unbooked, status.balance.reserved)


def _answered(one: _Asked, answer: Granted | Refused | Merged, figures: Figures | None, book: Book) -> Drawn:
    if one.missing:
        return one.drawn(PREVIEWED, 0, 0)
    if figures is None:
        status = book.status(one.account)
        outcome = MERGED if isinstance(answer, Merged) else PREVIEWED
        return one.drawn(outcome, status.balance.spent, status.balance.reserved)
    if isinstance(answer, Granted):
        return one.drawn(GRANTED, figures.spent, figures.reserved)
    holders = sorted((held for held in figures.holders if held.amount), key=lambda held: -held.amount)[:_HOLDERS]
    told = tuple(f"{held.change} ({smallest_units.quantity(held.amount, one.unit)})" for held in holders)
    return one.drawn(WITHHELD if figures.fits else REFUSED, figures.spent, figures.reserved, told)


def _stale(request: Request, book: Book, claims: Sequence[Claim]) -> list[Claim]:
    """Let go of trainings that an earlier push of this change asked for and this one does not."""
    prefix = f"{request.evidence.model.name} (training "
    asked = {(claim.account, claim.model) for claim in claims}
    most = {claim.account: claim.max_amount for claim in claims}
    return [
        Claim(held.account, held.model, 0, most.get(held.account, held.max_amount))
        for held in book.held(request.change)
        if held.model.startswith(prefix) and (held.account, held.model) not in asked
    ]


def _units(metric: Metric, amount: Fraction | float) -> int:
    return smallest_units.used(metric.kind(float(amount)))


def _instant(evidence: Evidence) -> datetime:
    return datetime.fromisoformat(evidence.taken_at)


def _iso(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
