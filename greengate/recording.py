"""What a decision becomes as records: what was measured, what it means in a year, what was concluded, and by what.

Amounts of a year are whole units, each rounded to the nearest one (half a unit counts as one). A leaf has its limit;
texts that make it too long are cut, with their length, and lists with a count of what they leave out: the whole stands
in the evidence and in the verdict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from greengate import smallest_units
from greengate.changes import Grant
from greengate.comparison import Comparison, base_unit
from greengate.conversion import Conversion
from greengate.decision import Decision
from greengate.evidence import Evidence, Figure, Interval, Subject
from greengate.metrics import METRICS
from greengate.policy import Waiver
from greengate.projection import EMBODIED, MADE, YEAR_CARBON, YEAR_CARBON_MARKET, YEAR_COST, YEAR_ENERGY
from greengate.records import (
    Amount,
    Converted,
    Decided,
    Measurement,
    Override,
    PolicyVersion,
    Read,
    Short,
    Side,
    WaiverGranted,
    Year,
)
from greengate.verdict import Finding, Outcome
from greengate.years import difference

_YEARS = {
    "energy_mj": YEAR_ENERGY,
    "location_ugco2e": YEAR_CARBON,
    "market_ugco2e": YEAR_CARBON_MARKET,
    "embodied_ugco2e": EMBODIED,
    "cost_ueur": YEAR_COST,
}
_TRAININGS = ("training_energy", "training_carbon")


@dataclass(frozen=True, slots=True)
class Room:
    """How much a leaf has room for: characters of a text, items of a list."""

    text: int
    items: int

    def cut(self, words: str) -> str:
        """Return a text, or its beginning and how long it was."""
        return words if len(words) <= self.text else f"{words[: self.text]}… (cut: {len(words):,} characters)"

    def few(self, lines: Iterable[str]) -> tuple[str, ...]:
        """Return some lines, or the first of them and how many more there were."""
        whole = [self.cut(line) for line in lines]
        left = len(whole) - self.items
        return (*whole[: self.items], *([f"and {left:,} more"] if left > 0 else []))

    def some(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Return some texts by their names, or the first of them and how many more there were."""
        kept = {name: self.cut(words) for name, words in list(texts.items())[: self.items]}
        left = len(texts) - self.items
        return kept | ({"…": f"and {left:,} more"} if left > 0 else {})


ROOMS = (Room(2000, 100), Room(400, 60), Room(120, 40), Room(24, 16))
"""Tried one after the other, until the leaf fits."""


def measurement(decision: Decision, evidence: Evidence, digest: str, room: Room) -> Measurement:
    """Tell what was measured and counted; `digest` is that of the evidence."""
    return Measurement(
        at=evidence.taken_at,
        project=evidence.project or decision.project,
        model=evidence.model.name,
        team=evidence.model.team,
        labels=evidence.model.labels,
        device=evidence.device,
        runner=evidence.runner.fingerprint,
        profile=evidence.runner.profile,
        candidate=_side(evidence.candidate, room),
        baseline=_side(evidence.baseline, room) if evidence.baseline else None,
        training=_training(evidence.candidate.figures),
        evidence=digest,
    )


def converted(decision: Decision, evidence: Evidence, entry: str, room: Room) -> Converted:
    """Tell what a measurement, by its entry, means in a year, by the factors that were used."""
    said, before = evidence.conversion, evidence.baseline
    return Converted(
        at=evidence.taken_at,
        measurement=entry,
        conversion=said.model_copy(update={"remarks": room.few(said.remarks)}) if said else None,
        candidate=_year(evidence.candidate, evidence, room),
        baseline=_year(before, evidence, room) if before else None,
        difference=_more(decision, evidence, room) if before and not evidence.voided else None,
    )


def decided(decision: Decision, verdict: str, room: Room, **rest: object) -> Decided:
    """Tell what was concluded; `verdict` is the verdict's digest, `rest` the entries and digests that it refers to."""
    findings = decision.verdict.findings
    open_ = sorted((one for one in findings if one.outcome is not Outcome.PASSED), key=_gravity)
    evidence = decision.evidence
    change = decision.change
    if evidence and evidence.change and not change.id:
        change = change.model_copy(update={"id": evidence.change})
    return Decided(
        at=decision.taken_at,
        project=(evidence.project if evidence else "") or decision.project,
        model=decision.model,
        team=evidence.model.team if evidence else decision.team,
        path=decision.path,
        sha256=decision.sha256,
        greengate=decision.version,
        commit=decision.commit,
        branch=(evidence.branch if evidence else "") or decision.branch,
        check=decision.check,
        change=change,
        in_force=decision.in_force,
        outcome=str(decision.verdict.outcome),
        problem=room.cut(decision.problem),
        findings=tuple(_short(one) for one in open_[: room.items]),
        more_findings=max(0, len(open_) - room.items),
        passed=len(findings) - len(open_),
        verdict=verdict,
        policies=decision.policies,
        notes=room.few(decision.notes),
        preview=room.few(decision.preview),
        **rest,
    )


def policy(name: str, sha256: str, at: str) -> PolicyVersion:
    """Tell of a policy that was applied."""
    return PolicyVersion(at=at, name=name, sha256=sha256)


def granted(waiver: Waiver, grant: Grant | None, at: str, room: Room, asked_by: str = "") -> WaiverGranted:
    """Tell of a waiver as it stood when it let something through."""
    match = waiver.match
    about = {"models": ", ".join(match.models), "branches": ", ".join(match.branches)}
    about |= {f"label {name}": value for name, value in match.labels.items()}
    return WaiverGranted(
        at=at,
        state="granted",
        waiver=waiver.id,
        rule=waiver.rule,
        type=waiver.type,
        why=room.cut(waiver.reason),
        expires=waiver.expires,
        ceiling=dict(str(one).split(" ", 1) for one in waiver.ceilings),
        match=room.some({name: value for name, value in about.items() if value}),
        asked_by=asked_by,
        granted_by=waiver.granted_by,
        reviewed_by=grant.by if grant else "",
        review=grant.review if grant else "",
        change=grant.change if grant else "",
    )


def overrides(decision: Decision, entry: str) -> Iterator[Override]:
    """Go through the approving reviews by which soft rules were let through; `entry` is the decision's."""
    for finding in decision.verdict.findings:
        for one in finding.approvals if finding.outcome is Outcome.WAIVED and not finding.waiver else ():
            yield Override(
                at=decision.taken_at,
                decision=entry,
                rule=finding.name,
                by=one.by,
                review=one.review,
                reviewed_at=one.at,
                commit=one.commit,
                owners=one.owners,
            )


def used_waivers(decision: Decision) -> list[str]:
    """Name the waivers that let something of a decision through, each once."""
    return list(dict.fromkeys(one.waiver for one in decision.verdict.findings if one.waiver))


def _gravity(finding: Finding) -> int:
    return -finding.outcome.gravity


def _short(finding: Finding) -> Short:
    outcomes = str(finding.judged), str(finding.outcome)
    return Short(
        rule=finding.name, enforce=finding.enforce, judged=outcomes[0], outcome=outcomes[1], waiver=finding.waiver
    )


def _side(subject: Subject, room: Room) -> Side:
    """Take what was measured, and nothing that factors made of it; known metrics first, before figures of one's own."""
    found = set(subject.figures) - set(MADE)
    names = [*(name for name in METRICS if name in found), *sorted(found - set(METRICS))]
    left = names[room.items :]
    missing = room.some({name: why for name, why in subject.missing.items() if name not in MADE})
    if left:
        missing["… figures"] = f"{len(left):,} more stand in the evidence"
    figures = {name: _read(name, subject.figures[name], room) for name in names[: room.items]}
    return Side(sha256=subject.sha256, figures=figures, missing=missing)


def _read(name: str, figure: Figure, room: Room) -> Read:
    from_, metric = figure.provenance, METRICS.get(name)
    return Read(
        amount=figure.amount,
        low=figure.interval.low,
        high=figure.interval.high,
        confidence=figure.interval.confidence,
        kind=str(from_.kind),
        unit=base_unit(metric.kind) if metric else "1",
        method=room.cut(from_.method),
        source=room.cut(from_.source),
        meter=room.cut(from_.meter),
        scope=from_.scope,
        boundary=room.cut(from_.boundary),
    )


def _training(figures: Mapping[str, Figure]) -> str:
    """Name a training by what was read of it: its runs, their tracker, and what they took; "" where there is none."""
    told = [
        f"{name}\0{figure.provenance.method}\0{figure.amount!r}\0{figure.provenance.window_s!r}"
        for name in _TRAININGS
        if (figure := figures.get(name))
    ]
    return hashlib.sha256("\n".join(told).encode()).hexdigest() if told else ""


def _year(subject: Subject, evidence: Evidence, room: Room) -> Year:
    told: dict[str, Amount] = {}
    missing: dict[str, str] = {}
    for field, name in _YEARS.items():
        figure = subject.figures.get(name)
        if evidence.voided:
            missing[field] = evidence.voided
        elif figure is None:
            missing[field] = subject.missing.get(name, f"there is no figure for {name}")
        elif (amount := _amount(name, figure.amount, figure.interval, evidence.conversion)) is None:
            missing[field] = _unbounded(evidence.conversion)
        else:
            told[field] = amount
    return Year(**told, missing=room.some(missing))


def _more(decision: Decision, evidence: Evidence, room: Room) -> Year | None:
    """Tell what the candidate takes more a year; None where nothing tells of anything."""
    comparison = Comparison(evidence, decision.verdict.findings)
    told: dict[str, Amount] = {}
    missing: dict[str, str] = {}
    for field, name in _YEARS.items():
        found = comparison.of(name)
        more = difference(found) if found else None
        amount = _amount(name, more.amount, more.interval, evidence.conversion) if more else None
        if amount is None:
            missing[field] = "; ".join(evidence.incomparable) or _why_not(name, evidence)
        else:
            told[field] = amount
    return Year(**told, missing=room.some(missing)) if told else None


def _why_not(name: str, evidence: Evidence) -> str:
    for side in (evidence.candidate, evidence.baseline):
        if side is not None and name not in side.figures:
            return side.missing.get(name, f"there is no figure for {name}")
    return "no ratio of the two is known"


def _amount(name: str, amount: float, interval: Interval | None, said: Conversion | None) -> Amount | None:
    """Count whole units; what is told of 1,000 inferences is told of a year's. None where the traffic is not known."""
    scale = 1.0
    if name == EMBODIED:
        if said is None or said.inferences_per_year is None:
            return None
        scale = said.inferences_per_year / 1000
    kind = METRICS[name].kind

    def whole(number: float) -> int:
        return smallest_units.nearest(kind(number * scale))

    known = interval or Interval(low=amount, high=amount, confidence=0.0)
    return Amount(
        amount=whole(amount), low=whole(known.low), high=whole(known.high), confidence=known.confidence
    )  # fmt: skip


def _unbounded(said: Conversion | None) -> str:
    return "greengate.yaml declares no deployment of this model" if said is None else "its traffic is not declared"
