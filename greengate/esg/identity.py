"""Section B: the boundary of a report, which models were in force, where, and what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from greengate.esg.account import Account, scope
from greengate.esg.decimals import exact, scaled
from greengate.esg.document import Section, Table
from greengate.esg.instants import day
from greengate.esg.shares import Part
from greengate.esg.telling import date, entry, table, text, told

SCOPES = {
    "2": "scope 2",
    "3.1": "scope 3, category 1",
    "3.11": "scope 3, category 11",
    "edge": "edge, in no total",
}
NO_FILE = "no report.yaml says it"
NOTHING = (
    "No version of a model was in force in this period, as far as the ledger tells: zeros are of what is written"
    " down. A change comes into force once `greengate settle` says that it was merged, a commit of the base branch by"
    " its check."
)


def boundary(account: Account) -> Section:
    """Tell the boundary."""
    said, found = account.said, account.parts
    models = {part.version.key for part in found}
    excluded = sum((exact(one.share) for one in said.exclusions if one.share), exact("0"))
    unsaid = [one for one in said.exclusions if not one.share]
    data = (
        told("boundary.consolidation", "Consolidation approach", said.consolidation or None,
             missing="" if said.consolidation else NO_FILE),
        told("boundary.models", "Models in force in the period", str(len(models)), "1"),
        told("boundary.versions", "Versions of them", str(len({_version(part) for part in found})), "1"),
        told("boundary.exclusions", "Excluded, as the company estimates",
             scaled(int(excluded * 10**6), 6) if len(unsaid) < len(said.exclusions) else None, "%",
             basis="estimated by the company",
             missing="" if len(unsaid) < len(said.exclusions) else "report.yaml tells no share of anything left out",
             note=f"{len(unsaid)} exclusions without a share" if unsaid else ""),
    )  # fmt: skip
    return Section(
        id="B",
        title="Boundary",
        statements=(
            (
                "A model is in force from the decision on its commit of the base branch, or from the settlement"
                " that says its change was merged, whatever the gate concluded, until the next version is, or"
                " until it is retired."
            ),
            "Changes that are open or closed are never counted as emissions.",
            *(() if found else (NOTHING,)),
        ),
        data=data,
        tables=(_deployments(found, account), _exclusions(account), _retired(account)),
    )


def _version(part: Part) -> tuple[tuple[str, str], int]:
    return part.version.key, part.version.begin.idx


def runs(found: Iterable[Part]) -> Iterator[tuple[Part, int, int]]:
    """Join the parts of one version that follow one another: the first of them, and from when to when."""
    first: Part | None = None
    until = 0
    for part in found:
        if first and _version(part) == _version(first) and part.start == until:
            until = part.end
            continue
        if first:
            yield first, first.start, until
        first, until = part, part.end
    if first:
        yield first, first.start, until


def _deployments(found: Sequence[Part], account: Account) -> Table:
    columns = [text("project", "Project"), text("model", "Model"), text("team", "Team"),
        text("sha256", "Model file (SHA-256)"),
               text("kind", "Deployment"), text("region", "Region"), text("zone", "Zone"), text("scope", "Booked as"),
               date("from", "From"), date("to", "To"), entry("decision", "Decision"),
               entry("conversion", "Conversion")]  # fmt: skip
    by_model = sorted(found, key=lambda part: (part.version.key, part.start))
    rows = []
    for part, start, end in runs(by_model):
        version, said = part.version, part.conversion
        zone = said.intensity.id if said.intensity else ""
        booked = SCOPES[scope(part, account.said)]
        rows.append([*version.key, version.chosen.team, version.chosen.sha256.hex(), said.kind, said.region, zone,
            booked,
                     day(start), day(end), version.chosen.entry.hex(), version.conversion.entry_id])  # fmt: skip
    note = "From and to are days in UTC; the last day is the first on which it was no longer in force."
    return table("boundary.deployments", "Versions in force", columns, rows, note)


def _exclusions(account: Account) -> Table:
    columns = [text("what", "What"), text("why", "Why"), text("share", "Share, as estimated")]
    rows = [[one.what, one.why, f"{one.share}%" if one.share else None] for one in account.said.exclusions]
    return table("boundary.excluded", "Left out of this report", columns, rows)


def _retired(account: Account) -> Table:
    columns = [
        date("at", "On"),
        text("project", "Project"),
        text("model", "Model"),
        text("why", "Why"),
        entry("entry", "Entry"),
    ]
    rows = [
        [day(kept.at), kept.record.project, kept.record.model, kept.record.why, kept.entry_id]
        for kept in account.story.retired
        if account.start <= kept.at < account.until
    ]
    return table("boundary.retired", "Models retired in the period", columns, rows)
