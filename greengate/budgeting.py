"""What a change draws on the budgets of its policies, reserved in the book.

Nothing is asked of a budget by a model that did not change; what is merged already is booked for the whole period when
the period is first looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from greengate import forecasts, periods, smallest_units
from greengate.accounts import MOST, Account, Claim, Entry, Final, Kind, Note
from greengate.balances import Event, Figures, Granted, Merged, Refused
from greengate.draws import GRANTED, INSISTED, MERGED, PREVIEWED, REFUSED, WITHHELD, Draw, Drawn
from greengate.evidence import Evidence, Model
from greengate.forecasts import TRAINING, Request
from greengate.metrics import METRICS, Metric
from greengate.periods import Calendar, Period
from greengate.policy import Budget, Enforce, Policy
from greengate.ports import Book

BY = "greengate gate"
_HOLDERS = 3


@dataclass(frozen=True, slots=True)
class _Asked:
    """One budget, and what the change asks of it."""

    check: Budget
    metric: Metric
    advisory: bool
    period: Period
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


def open_accounts(request: Request, book: Book) -> None:
    """Book what the models that are merged use of the periods that the change falls into, each once.

    Raises:
        BookError: The book cannot be read or written.
    """
    note = Note(BY, _instant(request.evidence), f"first looked at with {request.evidence.model.name}")
    for one in _asked(request, book):
        if not one.missing:
            entries = [Entry(Kind.OPEN, one.account, amount, name, name) for name, amount in one.openings.items()]
            book.enter(entries, note)


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
    if not request.change or book is None:
        return tuple(_previewed(one, book) for one in asked)
    open_accounts(request, book)
    note = Note(BY, _instant(request.evidence), f"checked {request.evidence.model.name}")
    claims = [claim for one in asked if not one.missing for claim in one.claims]
    claims += _stale(request, book, claims)
    answer = book.reserve(request.change, claims, note, drop_elsewhere=True) if claims else Granted(())
    figures = {} if isinstance(answer, Merged) else {told.account: told for told in answer.figures}
    return tuple(_answered(one, answer, figures.get(one.account), book) for one in asked)


def insist(request: Request, drawn: Sequence[Drawn], book: Book) -> tuple[Drawn, ...]:
    """Reserve over the maximum what a policy lets pass all the same; return what is held now."""
    note = Note(BY, _instant(request.evidence), f"{request.evidence.model.name} passed over the maximum")
    open_ = [one for one in drawn if one.outcome in {REFUSED, WITHHELD}]
    claims = [Claim(_account(one), part.model, max(0, part.amount), MOST) for one in open_ for part in one.draws]
    if claims:
        book.reserve(request.change, claims, note)
    return tuple(one.model_copy(update={"outcome": INSISTED}) if one in open_ else one for one in drawn)


def finals(drawn: Sequence[Drawn]) -> list[Final]:
    """List what a change uses once it is merged, savings included."""
    return [Final(_account(one), part.model, part.amount) for one in drawn if not one.missing for part in one.draws]


def _account(one: Drawn) -> Account:
    return Account(one.budget, one.scope, one.period, one.unit)


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
    now = _instant(request.evidence)
    for check, metric, advisory in wanted(request.policies, request.evidence.model, request.project):
        calendar = Calendar(periods.zone(check.zone), check.first_month)
        period = periods.period_of(periods.Kind(check.period), now, calendar)
        draws, missing = _draws(request, check, metric, periods.years(now, period.end, calendar), book)
        account = Account(check.key, check.scope, period.name, check.unit(smallest_units.unit_of(metric.kind)))
        missing = _other_unit(book, account) or missing
        live = {event.model for event in _events(book, account) if event.kind is Kind.CONSUME} if not missing else set()
        whole = periods.years(period.start, period.end, calendar)
        standing = list(forecasts.merged(request, check, metric))
        yield _Asked(
            check=check,
            metric=metric,
            advisory=advisory,
            period=period,
            draws=draws,
            missing=missing,
            # What was merged in this period is booked from then on, by its change.
            openings={
                name: forecasts.opening(metric, rate, whole)
                for name, rate in standing
                if rate is not None and name not in live
            },
            unknown=tuple(name for name, rate in standing if rate is None and name not in live),
        )


def _events(book: Book | None, account: Account) -> Sequence[Event]:
    return book.history(account) if book else ()


def _other_unit(book: Book | None, wanted_: Account) -> str:
    """Say that the book keeps an account in another unit or on another basis, or nothing."""
    for account in book.accounts() if book else ():
        same = (account.budget, account.scope, account.period) == (wanted_.budget, wanted_.scope, wanted_.period)
        if same and account.unit != wanted_.unit:
            kept = f"its account of {account.period} is kept in {account.unit}"
            return f"{kept}, and {wanted_.unit} is asked: rename the budget"
    return ""


def _draws(
    request: Request, check: Budget, metric: Metric, left: Fraction, book: Book | None
) -> tuple[tuple[Draw, ...], str]:
    """List what a change draws on one budget, or say why nobody knows."""
    found: list[Draw] = []
    trained = forecasts.trainings_of(check, metric)
    if trained != metric.name:
        deployed = forecasts.deployment(request, check, metric, left)
        if isinstance(deployed, str):
            return (), deployed
        found.append(deployed)
    if trained and (not check.phase or request.phase in {"", check.phase}):
        training = forecasts.training(request, METRICS[trained])
        if isinstance(training, str):
            return (), training
        if training and check.phase and not request.phase:
            return (), "nobody says what the training was for: `training: {phase: …}`, or `greengate track --phase`"
        found += [training] if training and not _drawn_before(book, check, training, request.change) else []
    return tuple(found), ""


def _drawn_before(book: Book | None, check: Budget, training: Draw, change: str) -> bool:
    """Tell whether another change has drawn this training, in whatever period."""
    return any(
        event.kind is Kind.CONSUME and event.model == training.model and event.change != change
        for account in (book.accounts() if book else ())
        if (account.budget, account.scope) == (check.key, check.scope)
        for event in _events(book, account)
    )


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
    if isinstance(answer, Merged):
        return _merged(one, answer, book)
    if figures is None:
        status = book.status(one.account)
        return one.drawn(GRANTED, status.balance.spent, status.balance.reserved)
    if isinstance(answer, Granted):
        return one.drawn(GRANTED, figures.spent, figures.reserved)
    holders = sorted((held for held in figures.holders if held.amount), key=lambda held: -held.amount)[:_HOLDERS]
    told = tuple(f"{held.change} ({smallest_units.quantity(held.amount, one.unit)})" for held in holders)
    return one.drawn(WITHHELD if figures.fits else REFUSED, figures.spent, figures.reserved, told)


def _merged(one: _Asked, answer: Merged, book: Book) -> Drawn:
    """Tell of a change that is merged what it drew: it holds nothing any more, and asks for nothing."""
    booked = {event.model: event.amount for event in answer.events if event.account == one.account}
    status = book.status(one.account)
    drawn = one.drawn(MERGED, status.balance.spent, status.balance.reserved)
    return drawn.model_copy(update={"booked": sum(booked.values()), "spent": drawn.spent - sum(booked.values())})


def _stale(request: Request, book: Book, claims: Sequence[Claim]) -> list[Claim]:
    """Let go of trainings that an earlier push of this change asked for and this one does not."""
    prefix = request.named(f"{TRAINING} ")
    asked = {(claim.account, claim.model) for claim in claims}
    most = {claim.account: claim.max_amount for claim in claims}
    return [
        Claim(held.account, held.model, 0, most.get(held.account, held.max_amount))
        for held in book.held(request.change)
        if held.model.startswith(prefix) and (held.account, held.model) not in asked
    ]


def _instant(evidence: Evidence) -> datetime:
    return datetime.fromisoformat(evidence.taken_at)


def _iso(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
