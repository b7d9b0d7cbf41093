"""The book of budgets as one check uses it: what is drawn, what is let go, and what is worth saying about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from greengate import budgeting, git
from greengate.accounts import Final
from greengate.budgeting import Request, Standing
from greengate.draws import GRANTED
from greengate.errors import BookError
from greengate.evidence import Evidence, Model
from greengate.grounds import Grounds
from greengate.history import History
from greengate.ledger import book as books
from greengate.packs.documents import BUDGETED
from greengate.packs.project_entry import ModelEntry
from greengate.policy import Budget, Policy
from greengate.ports import Book
from greengate.settings import Settings, book_access
from greengate.verdict import Outcome, Verdict

USUAL = Path(".greengate") / "book.db"
_ACCEPTED = (Outcome.PASSED, Outcome.WARNED, Outcome.WAIVED)


@dataclass(frozen=True, slots=True)
class Purse:
    """The book of budgets of one check, or None where no policy has budgets, or nothing is there yet."""

    settings: Settings
    held: Grounds
    history: History
    book: Book | None

    def drawn(self, entry: ModelEntry, evidence: Evidence, policies: Sequence[Policy]) -> Evidence:
        """Return the evidence with what the change draws on budgets; it is reserved, if the change is named."""
        project, change = self.held.project.name, self.settings.change
        named = evidence.model_copy(update={"project": project, "change": change})
        if not budgeting.wanted(policies, evidence.model, project):
            return named
        drawn = budgeting.draw(self._request(entry, named, policies), self.book)
        return named.model_copy(update={"budgets": drawn})

    def settled(self, evidence: Evidence, policies: Sequence[Policy], verdict: Verdict) -> tuple[str, ...]:
        """Let go of what was reserved for a change that did not pass, and say what is to be said."""
        granted = [one for one in evidence.budgets if one.outcome == GRANTED]
        if self.book is None or not granted:
            return ()
        if verdict.outcome not in _ACCEPTED:
            budgeting.let_go(Request(evidence, policies, self.settings.change), granted, self.book)
            return ("what was reserved of budgets was let go again, as the check did not pass",)
        return () if self.settings.book else (f"budgets are kept in {USUAL}, which other runners do not see: --book",)

    def _request(self, entry: ModelEntry, evidence: Evidence, policies: Sequence[Policy]) -> Request:
        phase = entry.training.phase if entry.training else ""
        others = tuple(self._others(entry))
        return Request(evidence, policies, self.settings.change, self.held.project.name, phase, others)

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


@contextmanager
def opened(settings: Settings, held: Grounds, history: History) -> Iterator[Purse]:
    """Open the book of budgets for one check, where a policy has budgets.

    Raises:
        BookError: It cannot be opened, or it is part of the change.
        UsageError: Its address is none.
    """
    place = settings.book or str(settings.root / USUAL)
    there = "://" in place or Path(place).is_file()
    if not _budgeted(held.policies) or not (settings.change or there):
        yield Purse(settings, held, history, None)
        return
    if held.base and "://" not in place and git.is_tracked(settings.root, place):
        hint = "keep it out of git, or name another with --book"
        raise BookError(place, "the book of budgets is part of the change, so that nothing in it is sure", hint)
    access = book_access()
    with books.opened(place, password=access.password, passfile=access.passfile) as book:
        yield Purse(settings, held, history, book)


def finals_of(history: History, change: str) -> list[Final]:
    """List what a change uses in the end: by the newest accepted entry of each of its models, savings included."""
    found: dict[str, list[Final]] = {}
    for record in history.newest_first():
        decision = record.decision
        mine = decision.evidence is not None and decision.evidence.change == change
        if mine and decision.model not in found and decision.evidence:
            accepted = decision.verdict.outcome in _ACCEPTED
            found[decision.model] = budgeting.finals(decision.evidence.budgets) if accepted else []
    return [final for finals in found.values() for final in finals]


def _budgeted(policies: Sequence[Policy]) -> bool:
    return any(isinstance(check, Budget) for policy in policies for rule in policy.rules for check in rule.checks)
