"""What became of changes and models, written into the history: merged, closed, retired. Each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from greengate.errors import UsageError
from greengate.history import History, Record
from greengate.ledger.canonical import digest, encode
from greengate.records import Kind, Retirement, Settlement

MERGED: Literal["merged"] = "merged"
CLOSED: Literal["closed"] = "closed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written down of a change, or of some decisions by their entries.

    Attributes:
        state: "merged" or "closed".
        change: `owner/repo#12` or `group/project!12`; "" where decisions are named.
        decisions: Those, where no change is.
        at: When (UTC, ISO 8601).
        commit: The commit that it was merged as, or "".
        by: Who says so: a role rather than a person.
    """

    state: Literal["merged", "closed"]
    change: str = ""
    decisions: tuple[Record, ...] = ()
    at: str = ""
    commit: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of it: the entry that was written now, or why none was."""

    entry: str = ""
    words: str = ""
    refused: bool = False


def settle(history: History, wanted: Wanted) -> Settled:
    """Write down that a change was merged or closed; the same again writes nothing, and what was merged stays so."""
    if wanted.change and next(history.of_change(wanted.change), None) is None:
        return Settled(words=f"the history knows no decision of {wanted.change}: nothing was written")
    earlier = [(stored.entry_id, said) for stored, said in history.records(Kind.SETTLEMENT)]
    names = [wanted.change] if wanted.change else [record.entry_id for record in wanted.decisions]
    states = {name: _newest(earlier, name, _change_of(name, wanted)) for name in names}
    open_ = [name for name, found in states.items() if found is None or _moves(found[1]["state"], wanted.state)]
    merged = [(name, found) for name, found in states.items() if found and found[1]["state"] == MERGED]
    if wanted.state == CLOSED and merged:
        name, found = merged[0]
        return Settled(words=f"{_called(name)} was merged at {found[1]['at']} (entry {found[0][:12]})", refused=True)
    if not open_:
        found = next(one for one in states.values() if one)
        told = ", ".join(map(_called, names))
        return Settled(words=f"{told}: {found[1]['state']} already, at {found[1]['at']} (entry {found[0][:12]})")
    decisions = () if wanted.change else tuple(open_)
    record = Settlement(
        at=wanted.at,
        state=wanted.state,
        change=wanted.change,
        commit=wanted.commit,
        decisions=decisions,
        by=wanted.by,
    )
    subject = wanted.change or decisions[0]
    (stored,) = history.write([(record, subject, digest(encode([wanted.change, *decisions])))])
    return Settled(entry=stored.entry_id)


def retire(history: History, model: str, project: str | None, said: Retirement) -> Settled:
    """Write down that a model is no longer in production; again, without a decision since, writes nothing.

    Args:
        history: Where.
        model: Its name.
        project: Its project's name; None takes that of its newest decision.
        said: When, why and by whom.

    Raises:
        UsageError: The history knows no such model.
    """
    found = (one for one in history.about(model) if project is None or one.decision.project in {project, ""})
    newest = next(found, None)
    if newest is None:
        of = f" of {project}" if project else ""
        raise UsageError(model, f"the history knows no model of this name{of}", "`greengate history` lists them")
    name = newest.decision.project if project is None else project
    for stored, told in history.records(Kind.RETIREMENT):
        if (told["model"], told["project"]) == (model, name) and stored.index > newest.index:
            return Settled(words=f"{model} was retired already, at {told['at']} (entry {stored.entry_id[:12]})")
    record = said.model_copy(update={"model": model, "project": name})
    (written,) = history.write([(record, model, newest.decision.sha256)])
    return Settled(entry=written.entry_id)


def _moves(before: str, after: str) -> bool:
    """Tell whether a state may follow another: what was closed may be opened again and merged."""
    return (before, after) == (CLOSED, MERGED)


def _change_of(name: str, wanted: Wanted) -> str:
    records = {record.entry_id: record.decision.change.id for record in wanted.decisions}
    return records.get(name, "")


def _newest(earlier: Sequence[tuple[str, dict[str, Any]]], name: str, change: str) -> tuple[str, dict[str, Any]] | None:
    """Find what was last written of a change, or of an entry or its change; what is merged counts most."""
    found = [one for one in earlier if one[1]["change"] in {name, change} - {""} or name in one[1]["decisions"]]
    merged = [one for one in found if one[1]["state"] == MERGED]
    counts = merged or found
    return counts[-1] if counts else None


def _called(name: str) -> str:
    return name if set("#!") & set(name) else f"entry {name[:12]}"
