"""Waivers that end soon, and what would fail again without them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from greengate import gate
from greengate.history import Record
from greengate.policy import Policy, Waiver
from greengate.verdict import Finding, Outcome

_THROUGH = (Outcome.PASSED, Outcome.WARNED, Outcome.WAIVED)


@dataclass(frozen=True, slots=True)
class Failing:
    """A finding that a waiver lets through today, as it would be without."""

    record: Record
    finding: Finding


@dataclass(frozen=True, slots=True)
class Lapse:
    """A waiver that ends soon.

    Attributes:
        days: How many days it still counts after today.
        owners: Who answers for the rule.
        failing: What would fail again without it.
    """

    waiver: Waiver
    days: int
    owners: tuple[str, ...]
    failing: tuple[Failing, ...]


def lapses(policies: Sequence[Policy], records: Sequence[Record], today: str, days: int) -> list[Lapse]:
    """List the waivers that end within some days, the first to end first.

    Args:
        policies: The policies with their waivers.
        records: The newest decision of each model.
        today: The day, YYYY-MM-DD.
        days: How many days after today count as soon.
    """
    now = dt.date.fromisoformat(today)
    found = []
    for policy in policies:
        for waiver in policy.waivers:
            left = (dt.date.fromisoformat(waiver.expires) - now).days
            if 0 <= left <= days:
                failing = tuple(_failing(policies, waiver, records))
                found.append(Lapse(waiver, left, _owners(policy, waiver), failing))
    return sorted(found, key=lambda lapse: (lapse.days, lapse.waiver.id))


def newest(records: Iterable[Record], models: Collection[str]) -> list[Record]:
    """Find the newest decision with evidence on each of some models.

    Args:
        records: The decisions, the newest first.
        models: The models' names.
    """
    found: dict[str, Record] = {}
    for record in records:
        if len(found) == len(set(models)):
            break
        if record.decision.model in models and record.decision.evidence:
            found.setdefault(record.decision.model, record)
    return list(found.values())


def _failing(policies: Sequence[Policy], waiver: Waiver, records: Sequence[Record]) -> Iterable[Failing]:
    after = (dt.date.fromisoformat(waiver.expires) + dt.timedelta(days=1)).isoformat()
    before, later = (_on(policies, after, but) for but in ((waiver.id,), ()))
    for record in records:
        evidence = record.decision.evidence
        if evidence is None or not waiver.match.covers(evidence.model, evidence.branch):
            continue
        with_it, without = (gate.judge(policies, evidence).findings for policies in (before, later))
        for now, then in zip(with_it, without, strict=True):  # waivers change no finding's place
            if now.outcome in _THROUGH and then.outcome not in _THROUGH:
                yield Failing(record, then)


def _on(policies: Sequence[Policy], day: str, but: Collection[str]) -> list[Policy]:
    """Return the policies with the waivers that count on a day, and some besides."""
    return [
        replace(policy, waivers=tuple(one for one in policy.waivers if one.id in but or not one.expired(day)))
        for policy in policies
    ]


def _owners(policy: Policy, waiver: Waiver) -> tuple[str, ...]:
    found = [policy.owners_of(rule) for rule in policy.rules if f"{policy.name}/{rule.id}" == waiver.rule]
    return found[0] if found else policy.owners
