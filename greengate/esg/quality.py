"""Section H: how good the data are, and what is not known."""

from __future__ import annotations

from collections.abc import Sequence

from greengate.esg.account import Account
from greengate.esg.activity import grouped
from greengate.esg.company import Known
from greengate.esg.decimals import percent
from greengate.esg.document import Datum, Section, Table
from greengate.esg.forgotten import forgotten
from greengate.esg.instants import day
from greengate.esg.late import data as of_late
from greengate.esg.late import late, listed
from greengate.esg.shares import Part
from greengate.esg.telling import date, entry, table, text, told

_FEW = 20


def quality(account: Account) -> Section:
    """Tell where figures come from, and what is missing."""
    found, story = account.parts, account.story
    told_late = late(account)
    unusable = [one for one in account.force.unusable.values() if account.start <= one.begin.at < account.until]
    data = [
        *_classes(found),
        _share("quality.counted", "Energy of which inferences were counted", [part for part in found if part.counted],
            found),
        _coverage(account),
        told("quality.unusable", "Versions that came into force without figures", str(len(unusable)), "1",
             note="the version before each stays in force in this report"),
        *forgotten(account),
        *of_late(told_late),
        told("quality.first_version", "Entries of version 1, which have no figures of a year",
            str(story.first_version), "1"),
        told("quality.errored", "Decisions on models that could not be evaluated", str(story.errored), "1"),
        told("quality.clock", "Decisions whose clock was behind an earlier one's", str(len(story.backwards)), "1",
             note="; ".join(f"entry {index} ({name[:12]})" for index, name in story.backwards[:_FEW])),
        told("quality.unknown", "Entries of kinds that this greengate does not know",
            str(sum(story.unknown.values())), "1",
             note=", ".join(f"{count} of {kind}" for kind, count in sorted(story.unknown.items())[:_FEW])),
        told("quality.gaps", "Entries missing in the ledger", "0", "1", note="every index was read in its order"),
    ]  # fmt: skip
    return Section(id="H", title="Data quality", statements=_STATEMENTS, data=tuple(data),
                   tables=(_unusable(account), _pedigree(found), _missing_models(account),
                           listed(told_late)))  # fmt: skip


_STATEMENTS = (
    "Figures are forecasts of a year, shared out by time, unless an activity record tells what was really done.",
    "Factors and declared traffic count as exact: intervals are those of the measurement.",
    (
        "Intervals of a sum are the sums of their ends. They are not added in quadrature: figures of one kind of"
        " runner share their coefficients, so that their errors are not independent."
    ),
)


def _energy(parts: Sequence[Part]) -> int:
    return sum(span.amount for part in parts if (span := part.amounts["energy"]))


def _share(name: str, label: str, some: Sequence[Part], found: Sequence[Part]) -> Datum:
    whole = _energy(found)
    if not whole:
        return told(name, label, None, "%", missing="there is no energy in the period")
    return told(name, label, percent(_energy(some), whole), "%", basis="share of the energy of operation")


def _classes(found: Sequence[Part]) -> list[Datum]:
    words = {"metered": "metered", "counter": "read from a counter", "measured": "measured", "modelled": "modelled",
             "declared": "declared"}  # fmt: skip
    return [_share(f"quality.class_{kind}", f"Energy that is {told_}", [part for part in found if part.kind == kind],
        found)
            for kind, told_ in words.items()]  # fmt: skip


def _in_force(account: Account) -> set[tuple[str, str]]:
    return {part.version.key for part in account.parts}


def _lacking(account: Account) -> list[Known]:
    models = _in_force(account)
    names = {model for _, model in models}
    return [one for one in account.said.models
            if ((one.project, one.model) not in models if one.project else one.model not in names)]  # fmt: skip


def _coverage(account: Account) -> Datum:
    known = account.said.models
    label = "Known models that have figures"
    if not known:
        return told("quality.coverage", label, None, "%", missing="report.yaml names no models")
    lacking = len(_lacking(account))
    return told("quality.coverage", label, percent(len(known) - lacking, len(known)), "%",
                basis=f"{len(known) - lacking} of {len(known)} models of report.yaml")  # fmt: skip


def _missing_models(account: Account) -> Table:
    rows = [[one.project, one.model] for one in _lacking(account)]
    return table(
        "quality.missing", "Known models without figures", [text("project", "Project"), text("model", "Model")], rows
    )


def _unusable(account: Account) -> Table:
    columns = [
        text("project", "Project"),
        text("model", "Model"),
        date("at", "On"),
        text("why", "Why"),
        entry("entry", "Entry"),
    ]
    rows = [
        [*one.key, day(one.begin.at), one.why, one.begin.chosen.entry.hex() if one.begin.chosen else None]
        for _, one in sorted(account.force.unusable.items(), key=lambda one: one[0])
        if account.start <= one.begin.at < account.until
    ]
    return table("quality.unusable", "Came into force without figures", columns, rows)


def _pedigree(found: Sequence[Part]) -> Table:
    columns = [text("project", "Project"), text("model", "Model"), text("kind", "Energy is"), text("method", "Method"),
               text("source", "Source"), text("boundary", "Boundary"), text("runner", "Runner"),
               entry("entry", "Measurement")]  # fmt: skip
    rows = []
    for key, own in grouped(found, lambda part: (*part.version.key, part.version.chosen.measurement)).items():
        read = own[0].version.figures
        words = [read.kind, read.method, read.source, read.boundary, read.runner] if read else ["unknown", *[""] * 4]
        rows.append([*key[:2], *words, own[0].version.chosen.measurement.hex()])
    return table("quality.pedigree", "Where each figure of energy comes from", columns, rows)
