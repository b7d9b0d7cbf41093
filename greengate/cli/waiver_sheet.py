"""Waivers on a terminal and as JSON: how they stand, and what they let through."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from greengate import smallest_units
from greengate.changes import Grant
from greengate.cli.sheet import Rows
from greengate.lapsing import Lapse
from greengate.policy import REVIEW, Match, Waiver
from greengate.waived import FIGURES, Fate, State, Sum, Use
from greengate.waived import gone as state_of_gone
from greengate.waived import state as state_of
from greengate.waiving import USUAL, Asked, Draft

_UNITS = {"energy_mj": "mJ", "location_ugco2e": "ugCO2e", "market_ugco2e": "ugCO2e", "cost_ueur": "uEUR"}
_WORDS = {"location_ugco2e": " by location", "market_ugco2e": " by market"}
_KIND = {"energy_mj": "energy", "location_ugco2e": "emissions", "market_ugco2e": "emissions", "cost_ueur": "money"}
_MOST = 5


@dataclass(frozen=True, slots=True)
class Listed:
    """A waiver as it is listed: what its document says, or where there is none the ledger.

    Attributes:
        name: Its id.
        granted: Who granted it, in words.
        file: Where its document stands, or "".
    """

    name: str
    state: State
    rule: str
    ceiling: tuple[str, ...]
    models: str
    why: str
    expires: str
    granted: str
    file: str
    use: Use


def known(waiver: Waiver, use: Use, grant: Grant | None, today: str) -> Listed:
    """List a waiver that has a document."""
    reviewed = grant.reviewed if grant else True if use.granted and use.granted.reviewed_by else None
    return Listed(
        name=waiver.id,
        state=state_of(waiver, use, reviewed=reviewed, today=today),
        rule=waiver.rule,
        ceiling=tuple(map(str, waiver.ceilings)),
        models=_models(waiver.match),
        why=waiver.reason,
        expires=waiver.expires,
        granted=_granted(waiver.granted_by, use, grant),
        file=str(waiver.place),
        use=use,
    )


def gone(name: str, use: Use, today: str) -> Listed:
    """List a waiver that is in the ledger alone."""
    said = use.granted or use.asked
    return Listed(
        name=name,
        state=state_of_gone(use, today),
        rule=said.rule if said else ", ".join(use.rules),
        ceiling=tuple(f"{side} {bound}" for side, bound in said.ceiling.items()) if said else (),
        models=", ".join(said.match.values()) if said else "",
        why=said.why if said else "",
        expires=said.expires if said else "",
        granted=_granted(said.granted_by, use, None) if said else "",
        file="",
        use=use,
    )


def rows(one: Listed, today: str) -> tuple[str, Rows]:
    """Tell a waiver on a terminal."""
    until = f" until {one.expires}{_days(one, today)}" if one.state in {State.IN_FORCE, State.UNUSED} else ""
    ended = {State.EXPIRED: f" on {one.expires}", State.REMOVED: ": no policy has its document"}.get(one.state, "")
    waits = ": counts once an owner has approved the change that brings it" if one.state is State.UNREVIEWED else ""
    return f"{one.name}  {one.state}{until}{ended}{waits}", (
        ("rule", f"{one.rule}{f', up to {_and(one.ceiling)}' if one.ceiling else ''}"),
        ("models", one.models),
        ("why", one.why),
        ("asked", _asked(one.use)),
        ("granted", one.granted),
        ("let through", _through(one.use)),
        ("a year", _yearly(one.use, Fate.MERGED)),
        ("if merged", _yearly(one.use, Fate.OPEN)),
        ("where", one.file),
    )


def values(one: Listed) -> dict[str, Any]:
    """Tell a waiver as plain values; amounts are decimal strings of whole units."""
    asked, granted = one.use.asked, one.use.granted
    return {
        "waiver": one.name,
        "state": str(one.state),
        "rule": one.rule,
        "ceiling": list(one.ceiling),
        "models": one.models,
        "why": one.why,
        "expires": one.expires,
        "asked_by": asked.asked_by if asked else "",
        "asked_at": asked.at if asked else "",
        "granted_by": granted.granted_by if granted else "",
        "granted": one.granted,
        "file": one.file,
        "decisions": list(one.use.decisions),
        "changes": {str(fate): one.use.changes(fate) for fate in Fate},
        "a_year": {str(fate): {name: _sum(one.use.sum(name, fate)) for name in FIGURES} for fate in Fate},
    }


def draft(made: Draft, asked: Asked, project: str) -> tuple[str, Rows]:
    """Tell what was written, and what is to be done with it."""
    remedy = made.request.remedy
    owners = ", ".join(remedy.owners)
    counts = f"counts once an owner ({owners}) who is not its author has approved the change that brings it"
    by = counts if asked.granted_by == REVIEW else f"counts once it is on the base branch: {asked.granted_by} grants it"
    add = "" if made.named else f"add `{USUAL if made.file.startswith('waivers/') else made.file}` to `policies`"
    return f"{made.file}: {made.name}", (
        ("rule", f"{made.request.finding.name} of {made.model}"),
        ("up to", _and(tuple(f"{side} {bound}" for side, bound in remedy.ceiling.items()))),
        ("until", asked.until),
        ("granted", by),
        ("then", f"{add} in {project}, in the same change: nothing names the file yet" if add else ""),
    )


def lapse(found: Lapse) -> tuple[str, Rows]:
    """Tell a waiver that ends soon."""
    waiver = found.waiver
    left = {0: "today", 1: "tomorrow"}.get(found.days, f"in {found.days} days")
    return f"{waiver.id}  ends {left}, on {waiver.expires}", (
        ("rule", waiver.rule),
        ("owners", ", ".join(found.owners) or "nobody is named"),
        *(
            ("fails then", f"{one.record.decision.model}: {one.finding.figure}, {one.finding.limit}")
            for one in found.failing[:_MOST]
        ),
        ("", f"and {len(found.failing) - _MOST} more" if len(found.failing) > _MOST else ""),
        ("fails then", "" if found.failing else "nothing that was judged last: it can be left to end"),
        ("where", str(waiver.place)),
    )


def lapse_values(found: Lapse) -> dict[str, Any]:
    """Tell it as plain values."""
    return {
        "waiver": found.waiver.id,
        "rule": found.waiver.rule,
        "expires": found.waiver.expires,
        "days": found.days,
        "owners": list(found.owners),
        "file": str(found.waiver.place),
        "failing": [
            {
                "model": one.record.decision.model,
                "entry": one.record.entry_id,
                "outcome": str(one.finding.outcome),
                "figure": one.finding.figure,
                "limit": one.finding.limit,
            }
            for one in found.failing
        ],
    }


def _models(match: Match) -> str:
    labels = [f"{name}={value}" for name, value in match.labels.items()]
    branches = [f"on {', '.join(match.branches)}"] if match.branches else []
    return " ".join([", ".join(match.models) or "all", *labels, *branches])


def _days(one: Listed, today: str) -> str:
    days = (dt.date.fromisoformat(one.expires) - dt.date.fromisoformat(today)).days
    return f" ({days} days)"


def _asked(use: Use) -> str:
    if use.asked is None:
        return ""
    change = f", for {use.asked.change}" if use.asked.change else ""
    return f"{f'by {use.asked.asked_by} ' if use.asked.asked_by else ''}on {use.asked.at[:10]}{change}"


def _granted(written: str, use: Use, grant: Grant | None) -> str:
    record = use.granted
    by = "" if written in {"", REVIEW} else f"by {written}"
    if grant is not None and grant.reviewed:
        return "; ".join(filter(None, (by, f"approved by {grant.by} in review {grant.review} of {grant.change}")))
    if grant is not None and grant.reviewed is False:
        return "; ".join(filter(None, (by, f"not approved: {grant.words}")))
    if record is not None and record.reviewed_by:
        return "; ".join(filter(None, (by, f"approved by {record.reviewed_by} in review {record.review}")))
    return by or "nobody has yet"


def _through(use: Use) -> str:
    if not use.decisions:
        return "nothing"
    told = [f"{len(use.changes(fate))} {fate}" for fate in Fate if use.changes(fate)]
    return f"{_many(len(use.decisions), 'decision')}{f'; changes: {_and(tuple(told))}' if told else ''}"


def _yearly(use: Use, fate: Fate) -> str:
    """Tell the sums over the models of the changes that ended in one way."""
    count = sum(one.fate is fate for one in use.passages)
    sums = {name: use.sum(name, fate) for name in FIGURES}
    why = ", ".join(dict.fromkeys(words for one in sums.values() for words in one.missing))
    if not any(one.known for one in sums.values()):
        return f"not known: {why}" if count else ""
    return ", ".join(_signed(one, name, count) for name, one in sums.items()) + (f" ({why})" if why else "")


def _signed(found: Sum, name: str, count: int) -> str:
    if not found.known:
        return f"{_KIND[name]}{_WORDS.get(name, '')} not known"
    told = str(smallest_units.quantity(found.amount, _UNITS[name]))
    part = f" (of {found.known} of {count})" if found.known < count else ""
    return f"{'+' if found.amount > 0 else ''}{told}{_WORDS.get(name, '')}{part}"


def _sum(found: Sum) -> dict[str, Any]:
    return {"amount": str(found.amount), "of": found.known, "missing": list(found.missing)}


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _and(words: tuple[str, ...]) -> str:
    return ", ".join(words)
