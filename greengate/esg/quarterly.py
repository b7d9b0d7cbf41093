"""The whole report on a period, from what one pass over the ledger remembered and what the company says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from greengate.esg import charts
from greengate.esg.account import Account
from greengate.esg.activity import activity
from greengate.esg.comparing import comparatives, others
from greengate.esg.document import Evidence, Quarterly, Section
from greengate.esg.emissions import emissions, intensity
from greengate.esg.factors import instruments, methodology
from greengate.esg.gates import Person, outcomes
from greengate.esg.identity import NO_FILE, boundary
from greengate.esg.instants import day, iso, of
from greengate.esg.quality import quality
from greengate.esg.reconciled import reconciliation
from greengate.esg.references import VERSION, standards
from greengate.esg.signed import Signatures, evidence_section, models, sign_offs
from greengate.esg.telling import told

View = Literal["current", "as-reported", "as-restated"]
Status = Literal["preliminary", "provisional", "closed", "restated"]
HEADLINE = (
    "emissions.total_location", "emissions.total_market", "comparatives.previous_location", "activity.energy_total",
    "intensity.sci", "quality.measured", "gate.waived_emissions", "gate.decisions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """What a report is, besides its figures."""

    view: View
    status: Status
    version: int
    made_at: int
    greengate: str
    evidence: Evidence
    who: Person
    signatures: Signatures


def report(account: Account, frame: Frame) -> Quarterly:
    """Make the report."""
    previous = next(iter(others(account)))
    before = account.of(of(previous.period.start), of(previous.period.end))
    makers: dict[str, Callable[[], Section]] = {
        "A": lambda: _identity(account, frame),
        "B": lambda: boundary(account),
        "C": lambda: _charted(activity(account), charts.trend(account, "energy")),
        "D": lambda: _charted(
            emissions(account),
            charts.trend(account, "location"),
            charts.trend(account, "market"),
            charts.ranking(account),
        ),
        "E": lambda: _charted(intensity(account), *charts.fronts(account)),
        "F": lambda: instruments(account),
        "G": lambda: methodology(account, before),
        "H": lambda: quality(account),
        "I": lambda: _charted(outcomes(account, frame.who), charts.outcomes(account), *charts.burn_down(account)),
        "J": lambda: comparatives(account),
        "K": lambda: reconciliation(account),
        "L": lambda: sign_offs(account, frame.who, frame.signatures, open_=frame.view != "current"),
        "M": lambda: evidence_section(account, frame.evidence),
        "N": lambda: models(account),
    }
    sections = tuple(_unless_omitted(name, make(), account) for name, make in makers.items())
    known = {datum.id for section in sections for datum in section.data}
    return Quarterly(
        company=account.said.look,
        period=account.period.name,
        start=iso(account.start),
        end=iso(account.end),
        view=frame.view,
        status=frame.status,
        version=frame.version,
        made_at=iso(frame.made_at),
        greengate=frame.greengate,
        headline=tuple(name for name in HEADLINE if name in known),
        sections=sections,
        evidence=frame.evidence,
    )


def _charted(section: Section, *drawn: object) -> Section:
    return section.model_copy(update={"charts": drawn})


def _unless_omitted(name: str, section: Section, account: Account) -> Section:
    why = account.said.omitted.get(name)
    return Section(id=name, title=section.title, omitted=why) if why else section


_STATUS = {
    "preliminary": "The period is not over: this is what it took up to {until}.",
    "provisional": "The period is over and not closed. Factors of its year come out in the next: it may be trued up.",
    "closed": "The period is closed. What turns out to be otherwise is restated, and never edited.",
    "restated": "The period was closed and has been restated since.",
}
_VIEW = {
    "current": "This view has all that the ledger says now.",
    "as-reported": "This view has what the ledger said when the period was closed.",
    "as-restated": "This view has what the ledger said when the period was last restated.",
}


def _identity(account: Account, frame: Frame) -> Section:
    said, story = account.said, account.story
    data = (
        told("identity.entity", "Entity", said.entity or None, missing="" if said.entity else NO_FILE),
        told("identity.period", "Period", account.period.name),
        told("identity.start", "From (UTC)", iso(account.start)),
        told("identity.end", "To (UTC), exclusive", iso(account.end)),
        told("identity.calendar", "Calendar", f"{said.zone}, years begin in month {said.calendar.first_month}"),
        told("identity.until", "Counted up to (UTC)", iso(account.until)),
        told("identity.status", "Status", frame.status),
        told("identity.view", "View", frame.view),
        told("identity.version", "Version", str(frame.version), "1"),
        told("identity.entries", "Entries of the ledger", str(story.size), "1"),
        told("identity.references", "References to standards", ", ".join(standards()), basis=f"table of {VERSION}"),
    )  # fmt: skip
    omitted = tuple(f"Section {name} is left out: {why}" for name, why in sorted(said.omitted.items()))
    interim = "No standard asks for a quarter: it is interim, and adds up to the year by whole units."
    statements = (_STATUS[frame.status].format(until=day(account.until)), _VIEW[frame.view], interim, *omitted)
    return Section(id="A", title="Identity", statements=statements, data=data)
