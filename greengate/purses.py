"""The book of budgets as one check uses it: what is drawn, what is let go, and what is worth saying about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from greengate import bookings, budgeting, git
from greengate.accounts import Account, Note, refuse_unknown_form
from greengate.conversion import Conversion
from greengate.draws import PREVIEWED, REFUSED, WITHHELD
from greengate.errors import BookError, ProjectError
from greengate.evidence import Evidence, Model
from greengate.forecasts import Own, Request, Standing
from greengate.grounds import Grounds
from greengate.history import History, Record
from greengate.ledger import book as books
from greengate.metrics import Metric
from greengate.packs.documents import BUDGETED
from greengate.packs.project_entry import ModelEntry
from greengate.policy import Budget, Policy
from greengate.ports import Book
from greengate.projection import projected
from greengate.settings import Settings, book_access
from greengate.verdict import Outcome, Verdict

USUAL = Path(".greengate") / "book.db"
_ACCEPTED = (Outcome.PASSED, Outcome.WARNED, Outcome.WAIVED)
_ONLY_HERE = f"budgets are kept in {USUAL}, which other runners do not see: --book"


@dataclass(frozen=True, slots=True)
class Brought:
    """What one model of a change brings to the budgets.

    Attributes:
        entry: The model as it is judged.
        evidence: What was measured of it.
        policies: What covers it.
        unlike: Why its baseline is not what is merged, or nothing.
        said: What the change's own project file says of its deployment, where that is another word than the base's.
        phase: What it was trained for, where a budget asks (`by_phase`), or "".
    """

    entry: ModelEntry
    evidence: Evidence
    policies: Sequence[Policy]
    unlike: str = ""
    said: Conversion | None = None
    phase: str = ""


@dataclass(frozen=True, slots=True)
class Purse:
    """The book of budgets of one check, or None where no policy has budgets, or nothing is there yet."""

    settings: Settings
    held: Grounds
    history: History
    book: Book | None

    def opens(self, brought: Sequence[Brought]) -> None:
        """Book what is merged of all models of a check, before any of them asks for something."""
        for one in brought:
            if self.book is not None and self.settings.change and self._budgeted(one):
                budgeting.open_accounts(self._request(one), self.book)

    def drawn(self, one: Brought) -> Evidence:
        """Return the evidence with what the change draws on budgets; it is reserved, if the change is named."""
        named = self._named(one.evidence)
        if not self._budgeted(one):
            return named
        return named.model_copy(update={"budgets": budgeting.draw(self._request(one), self.book)})

    def settled(self, one: Brought, evidence: Evidence, verdict: Verdict) -> tuple[Evidence, tuple[str, ...]]:
        """Hold what a policy lets pass over a maximum, and say what is to be said of the budgets of one model."""
        notes = tuple(self._notes(evidence))
        over = any(drawn.outcome in {REFUSED, WITHHELD} for drawn in evidence.budgets)
        if self.book is None or not over or verdict.outcome not in _ACCEPTED:
            return evidence, notes
        held = budgeting.insist(self._request(one), evidence.budgets, self.book)
        return evidence.model_copy(update={"budgets": held}), notes

    def finish(self, records: Sequence[Record]) -> tuple[str, ...]:
        """Let go of all that the change holds if it did not pass, else of what it does not ask for any more."""
        book, change = self.book, self.settings.change
        if book is None or not change:
            return ()
        note = Note(budgeting.BY, datetime.now(UTC), "the check did not pass")
        held = [one for one in book.held(change) if self._ours(one.model)]
        if any(record.decision.verdict.outcome not in _ACCEPTED or record.decision.problem for record in records):
            for name in dict.fromkeys(one.model for one in held):
                book.release(change, note, name)
            return ("what was reserved of budgets was let go again, as the check did not pass",) if held else ()
        asked = {
            part.model
            for record in records
            for drawn in (record.decision.evidence.budgets if record.decision.evidence else ())
            for part in drawn.draws
        }
        gone = dict.fromkeys(one.model for one in held if one.model not in asked and not self.settings.models)
        for name in gone:
            book.release(change, Note(budgeting.BY, datetime.now(UTC), "the change asks for it no more"), name)
        return ()

    def write_down(self, records: Sequence[Record]) -> None:
        """Write into the history what this change did to the accounts of its budgets."""
        if self.book is None or not self.settings.change:
            return
        drawn = [one for record in records if (told := record.decision.evidence) for one in told.budgets]
        accounts = [Account(one.budget, one.scope, one.period, one.unit) for one in drawn if not one.missing]
        if accounts:
            bookings.write(self.history, bookings.of_change(self.book, accounts, self.settings.change))

    def _ours(self, name: str) -> bool:
        project = self.held.project.name
        return name.startswith(f"{project}:") if project else True

    def _budgeted(self, one: Brought) -> bool:
        return bool(budgeting.wanted(one.policies, one.evidence.model, self.held.project.name))

    def _named(self, evidence: Evidence) -> Evidence:
        return evidence.model_copy(update={"project": self.held.project.name, "change": self.settings.change})

    def _notes(self, evidence: Evidence) -> Iterator[str]:
        outcomes = {one.outcome for one in evidence.budgets if not one.missing}
        if PREVIEWED in outcomes:
            yield "nothing was reserved of budgets, as no change is named (--change)"
        if outcomes - {PREVIEWED} and not self.settings.book:
            yield _ONLY_HERE
        if unknown := sorted({name for one in evidence.budgets if not one.missing for name in one.unknown}):
            yield f"not in the sums of budgets, as no accepted figure of them is known: {', '.join(unknown)}"

    def _request(self, one: Brought) -> Request:
        return Request(
            evidence=self._named(one.evidence),
            policies=one.policies,
            change=self.settings.change,
            project=self.held.project.name,
            phase=one.phase,
            others=tuple(self._others(one.entry)),
            own=self._own(one),
            scales=_scales(one),
            basis=one.said.intensity.boundary if one.said and one.said.intensity else "",
        )

    def _own(self, one: Brought) -> Own:
        """Find what is merged of the model under judgement."""
        if one.unlike:
            accepted = self._accepted(one.entry.identity)
            why = "" if accepted.figures else f"{one.unlike}, and no accepted figure of that is known"
            return Own(paired=False, figures=accepted.figures, why=why)
        unknown = bool(self.held.base) and self.held.project.model(one.entry.name) is None
        return Own(new=unknown or one.evidence.baseline is None)

    def _others(self, entry: ModelEntry) -> Iterator[Standing]:
        """Go through the other models of the project, each with the figures of its newest accepted entry."""
        for other in self.held.project.models:
            if other.name != entry.name:
                yield self._accepted(other.identity)

    def _accepted(self, model: Model) -> Standing:
        base = self.held.base
        for record in self.history.passed(model.name):
            evidence = record.decision.evidence
            if evidence and (not base or git.is_ancestor(self.settings.root, record.decision.commit, base)):
                figures = evidence.candidate.figures
                amounts = {name: figures[name].amount for name in BUDGETED if name in figures}
                grid = evidence.conversion.intensity if evidence.conversion else None
                return Standing(model, amounts, grid.boundary if grid else "")
        return Standing(model, None)


def _scales(one: Brought) -> Mapping[str, float]:
    """Tell by how much a change's own words on traffic, place and price move a year's figures."""
    if one.said is None:
        return {}
    figures = one.evidence.candidate.figures
    made = projected(figures, one.evidence.candidate.missing, one.said).figures
    before = {name: figures[name].amount for name in BUDGETED if name in figures}
    return {name: made[name].amount / amount for name, amount in before.items() if name in made and amount}


@contextmanager
def opened(settings: Settings, held: Grounds, history: History) -> Iterator[Purse]:
    """Open the book of budgets for one check, where a policy has budgets.

    Raises:
        BookError: It cannot be opened, or it is part of the change.
        ProjectError: The project has no name, and budgets or others who use the book need one.
        UsageError: Its address is none, or the change's id.
    """
    place = settings.book or str(settings.root / USUAL)
    there = "://" in place or Path(place).is_file()
    budgets = [check for policy in held.policies for check, _ in budgets_of(policy)]
    if not budgets or not (settings.change or there):
        yield Purse(settings, held, history, None)
        return
    _refuse_nameless(settings, held, budgets)
    if settings.change:
        refuse_unknown_form(settings.change)
    if held.base and "://" not in place and git.is_tracked(settings.root, Path(place)):
        hint = "keep it out of git, or name another with --book"
        raise BookError(place, "the book of budgets is part of the change, so that nothing in it is sure", hint)
    access = book_access()
    with books.opened(place, password=access.password, passfile=access.passfile) as book:
        yield Purse(settings, held, history, book)


def _refuse_nameless(settings: Settings, held: Grounds, budgets: Sequence[Budget]) -> None:
    """Refuse a project without a name where its models would be taken for another project's."""
    if held.project.name:
        return
    by_project = any(word == "project" for budget in budgets for word, _ in budget.per)
    if by_project or settings.book:
        why = "a budget is for a project by its name" if by_project else "others may use this book of budgets"
        raise ProjectError(held.project.place, f"the project has no `name`, and {why}", "such as `name: acme/shop`")


def by_phase(policies: Sequence[Policy]) -> bool:
    """Tell whether a budget asks what a training was for."""
    return any(check.phase for policy in policies for check, _ in budgets_of(policy))


def budgets_of(policy: Policy) -> Iterator[tuple[Budget, Metric]]:
    """Go through the budgets of a policy, each with its metric."""
    for rule in policy.rules:
        for check in rule.checks:
            if isinstance(check, Budget) and rule.metric:
                yield check, rule.metric
