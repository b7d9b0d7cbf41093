"""`greengate report`: the report on a quarter, from the ledger; and a delivered one held against it."""

from __future__ import annotations

import inspect
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from greengate import recomputing, registry, settings
from greengate.cli import persons, reports, sheet
from greengate.cli.reports import refuse_unwritable, write
from greengate.closing import written
from greengate.errors import ReportError, UsageError
from greengate.esg.company import NOBODY, Said
from greengate.esg.document import Datum, Quarterly
from greengate.esg.identity import NOTHING
from greengate.identities import People
from greengate.ledger import places
from greengate.ledger.notary import refuse_forked
from greengate.ledger.store import Store
from greengate.ledger.witness import Witness
from greengate.packs.company import NAME, load_company
from greengate.packs.project import load_project
from greengate.quarters import Wanted, made
from greengate.recorded import ledger
from greengate.trees import WorkingTree

_FIRST = (
    "emissions.scope_2_location", "emissions.scope_2_market", "emissions.scope_3_1_location",
    "emissions.scope_3_1_market",
    "emissions.scope_3_1_embodied", "emissions.training", "emissions.total_location", "emissions.total_market",
    "activity.energy_total", "activity.inferences", "intensity.sci", "quality.measured", "quality.coverage",
    "gate.decisions", "gate.failed", "gate.waived_emissions", "avoided.period", "avoided.year",
)  # fmt: skip
_DIGITS = 6


def common(command: Any) -> Any:
    """Add the options that all commands on reports have."""
    for option in (
        click.option(
            "--company", metavar="FILE", help=f"What the company says of itself. Default: {NAME}, if it is there."
        ),
        click.option("--history", metavar="FILE|URL", help="The ledger to read, instead of the project's."),
        click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file."),
    ):
        command = option(command)
    return command


@click.command()
@click.option("--quarter", metavar="NAME", help="Such as 2026Q3, FY2026-04-Q3, 2026-11, 2026, or last.")
@click.option(
    "--view",
    type=click.Choice(["current", "as-reported", "as-restated"]),
    default="current",
    show_default=True,
    help="By what the ledger says now, said when the period was closed, or said when it was last restated.",
)
@click.option("--size", type=int, metavar="N", help="By the first N entries of the ledger.")
@click.option("--at", metavar="TIME", help="Count up to this moment, such as 2026-08-21T10:00:00Z.")
@common
@click.option("--names", is_flag=True, help="Name persons, where the ledger still knows them.")
@click.option(
    "--report", "wanted", multiple=True, metavar="FORMAT=FILE", help=f"Also write {', '.join(registry.QUARTERLY)}."
)
@click.option(
    "--check", "delivered", metavar="FILE", help="Make a delivered report (JSON) again, and tell what differs."
)
@click.option("--schema", "schema", is_flag=True, help=f"Print the JSON Schema (2020-12) of {NAME}.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def report(  # noqa: PLR0913 - one argument an option
    *, quarter: str | None, view: str, size: int | None, at: str | None, company: str | None, history: str | None,
    project: str,
    names: bool, wanted: tuple[str, ...], delivered: str | None, schema: bool, as_json: bool,
) -> int:  # fmt: skip
    """Tell what models in production took in a quarter, from the ledger.

    Every entry that is told of is held against the ledger's root. --check reads all entries, and ends with 0 where
    every figure is the same, else with 4.
    """
    if schema:
        return _schema()
    if (quarter is None) == (delivered is None):
        raise UsageError("greengate report", "it wants one of --quarter and --check", "such as `--quarter 2026Q3`")
    _refuse_unused(view, size, at, delivered)
    destinations = parse(wanted)
    said = company_of(company, project)
    with opened(project, history) as store:
        asked = Wanted(quarter or "", datetime.now(UTC), view, said, moment(at), size)  # type: ignore[arg-type]
        if delivered is not None:
            return _check(store, delivered, asked, as_json=as_json)
        if names:
            asked = Wanted(asked.period, asked.now, asked.view, said, asked.at, size, People(store).who)
        found = made(store, asked).report
        persons.note_withheld(store)
    tell(found, destinations, said.templates, again(found, company, history, project), as_json=as_json)
    return 0


def _refuse_unused(view: str, size: int | None, at: str | None, delivered: str | None) -> None:
    """Refuse options that would not be heeded, as a delivered report and a closed view tell what they are by."""
    given = [option for option, value in (("--size", size), ("--at", at)) if value is not None]
    if delivered is not None and view != "current":
        given.append("--view")
    if given and (delivered is not None or view != "current"):
        beside = "--check" if delivered is not None else f"--view {view}"
        raise UsageError(given[0], f"it does not go with {beside}", "leave it out")


def again(found: Quarterly, company: str | None, history: str | None, project: str) -> str:
    """Write the command that makes a report again from here; the report names no places, to be the same anywhere."""
    command = found.evidence.command.removesuffix(_COMPANY)
    ledger_ = "URL" if history and places.has_password(history) else history
    given = {"--company": company, "--history": ledger_, "--project": project if project != settings.PROJECT else None}
    return " ".join([command, *(f"{option} {shlex.quote(value)}" for option, value in given.items() if value)])


_COMPANY = f" --company {NAME}"


def tell(
    found: Quarterly, destinations: Sequence[reports.Destination], templates: str, command: str, *, as_json: bool
) -> None:  # fmt: skip
    """Write a report in every format that is asked for, then print it in short, or as JSON.

    Args:
        found: The report.
        destinations: Formats and files.
        templates: Folder of the company's own templates, or "".
        command: What makes it again.
        as_json: Whether JSON is printed.
    """
    printed: list[bytes] = []
    try:
        for one in destinations:
            own = templates and "folder" in inspect.signature(one.adapter.render).parameters
            data: bytes = one.adapter.render(found, Path(templates)) if own else one.adapter.render(found)
            if one.path == "-":
                printed.append(data)
            else:
                write(Path(one.path), data)
    finally:  # a period that was closed is told also where a format of it fails
        shown = "" if any(one.path == "-" for one in destinations) else command
        _print(found, printed, shown, as_json=as_json)


def _print(found: Quarterly, printed: Sequence[bytes], command: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(written(found)[0].decode())
    elif command:
        show(found, command)
    for data in printed:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def show(found: Quarterly, command: str) -> None:
    """Print the figures that are looked for first."""
    name = f"{found.company.name}  " if found.company.name else ""
    rows = [(_ID.get(one, one), _words(found.datum(one))) for one in _FIRST if _there(found, one)]
    status = (
        f"{found.status}, {found.view}, version {found.version}, counted up to {found.datum('identity.until').value}"
    )
    evidence = f"{found.evidence.size} entries, root {found.evidence.root}"
    sheet.echo(f"{name}{found.period}  {found.start} to {found.end}",
        [("status", status), *rows, ("evidence", evidence),
                                                                        ("again", command)])  # fmt: skip
    if found.value("boundary.models") == "0":
        sheet.say(NOTHING)
    if lacking := [datum for section in found.sections for datum in section.data if "incomplete: " in datum.note]:
        sheet.say(f"{len(lacking)} figures are incomplete: {', '.join(datum.id for datum in lacking)}")

    if _there(found, _TOTAL) and (note := found.datum(_TOTAL).note):
        sheet.say(f"The total: {note}")
    for datum in _cautions(found):
        sheet.say(f"{datum.label}: {datum.value} ({datum.note})")


_TOTAL = "emissions.total_location"
_CAUTIONS = (
    "sign_off.wrong",
    "quality.unsettled",
    "quality.late_reported",
    "quality.loose",
    "quality.unused_activity",
    "quality.same_file",
    "quality.unusable",
)


def _cautions(found: Quarterly) -> list[Datum]:
    """List what makes figures wrong in silence, where there is any."""
    return [
        datum for name in _CAUTIONS if _there(found, name) and (datum := found.datum(name)).value not in {None, "0"}
    ]


_ID = {
    "emissions.scope_2_location": "scope 2", "emissions.scope_2_market": "  by contracts",
    "emissions.scope_3_1_location": "scope 3.1", "emissions.scope_3_1_market": "  by contracts",
    "emissions.scope_3_1_embodied": "  hardware", "emissions.training": "trainings",
    "emissions.total_location": "TOTAL",
    "emissions.total_market": "  by contracts", "activity.energy_total": "energy", "activity.inferences": "inferences",
    "intensity.sci": "SCI", "quality.measured": "measured", "quality.coverage": "coverage",
    "gate.decisions": "decisions",
    "gate.failed": "  failed", "gate.waived_emissions": "let through", "avoided.period": "avoided",
    "avoided.year": "  a year",
}  # fmt: skip


def _there(found: Quarterly, name: str) -> bool:
    return any(datum.id == name for section in found.sections for datum in section.data)


def _words(datum: Datum) -> str:
    if datum.value is None:
        return f"not known: {datum.missing}"
    unit = "" if datum.unit in {"", "1"} else f" {datum.unit}"
    low, high = datum.low, datum.high
    ends = f" ({_short(low)} to {_short(high)})" if low is not None and high is not None else ""
    basis = f"  {datum.basis}" if datum.basis else ""
    return f"{_short(datum.value)}{unit}{ends}{basis}"


def _short(text: str) -> str:
    """Cut a decimal string to some digits; the whole of it is in the reports."""
    whole, point, fraction = text.partition(".")
    if not point:
        return text
    kept = max(_DIGITS - len(whole.lstrip("-0")), 0)
    lead = len(fraction) - len(fraction.lstrip("0")) if not whole.strip("-0") else 0
    return f"{float(text):.{min(kept + lead, len(fraction))}f}"


def _check(store: Store, path: str, asked: Wanted, *, as_json: bool) -> int:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ReportError(path, f"it cannot be read: {error.strerror}") from error
    found = recomputing.checked(store, recomputing.read(data, path), asked)
    told = [{"what": one.what, "delivered": one.delivered, "recomputed": one.recomputed} for one in found.differences]
    if as_json:
        signed = [
            {"role": one.role, "by": one.by, "at": one.at, "key": one.key, "signature": held.state}
            for one, held in found.signed
        ]
        whole = {"period": found.report.period, "size": found.report.evidence.size, "in_ledger": found.entry,
                 "figures": found.figures, "differences": told, "signed": signed}  # fmt: skip
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
        return 4 if told else 0
    for one in found.differences:
        sheet.echo(one.what, [("delivered", one.delivered), ("recomputed", one.recomputed)])
    for sign, held in found.signed:
        sheet.say(f"{sign.role} by {sign.by}, {sign.at[:10]}: {held.phrase}")
    entry = (
        "the ledger has an entry that it was delivered" if found.entry else "the ledger has no entry of such a report"
    )
    if told:
        sheet.say(f"{path}: {len(told)} differences; {entry}")
        return 4
    sheet.say(f"{path}: sound: {found.figures} figures of {found.report.evidence.size} entries are the same; {entry}")
    return 0


def parse(wanted: Sequence[str]) -> list[reports.Destination]:
    """Read `FORMAT=FILE` words and make sure that every file can be written.

    Raises:
        UsageError: A word of another form, or no such format.
        MissingExtra: What makes the format is not installed.
        ReportError: The file cannot be written.
    """
    found = []
    for text in wanted:
        word, equals, path = text.partition("=")
        if not equals or not path:
            raise UsageError("--report", f"`{text}` is not FORMAT=FILE", "for example `--report json=2026-Q3.json`")
        adapter = registry.quarterly(word)
        if hasattr(adapter, "refuse_unable"):
            adapter.refuse_unable(path)
        refuse_unwritable(path)
        found.append(reports.Destination(word, adapter, path))
    return found


def company_of(path: str | None, project: str) -> Said:
    """Read what the company says; of no file nothing is said."""
    place = Path(path) if path is not None else Path(project).parent / NAME
    if path is None and not place.is_file():
        return NOBODY
    said = load_company(WorkingTree(place.parent), place.name)
    return replace(said, templates=str(place.parent / said.templates)) if said.templates else said


@contextmanager
def opened(project: str, history: str | None) -> Iterator[Store]:
    """Open the ledger for as long as the block lasts; it must be there, with all that was signed of it."""
    place = history or settings.from_environment()["history"] or _of_project(project)
    with ledger(place) as store:
        witness = settings.ledger_access().witness
        known = witness or not places.is_address(store.place)
        beside = Witness.beside(str(store.place), witness) if known else None
        refuse_forked(store, beside, "nothing was reported")
        yield store


def _of_project(project: str) -> str:
    folder = Path(project).parent
    return places.below(folder, load_project(WorkingTree(folder), Path(project).name).history)


def moment(text: str | None) -> datetime | None:
    """Read a time with its zone.

    Raises:
        UsageError: It is none.
    """
    if text is None:
        return None
    hint = "write it like `2026-08-21T10:00:00Z`"
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError("--at", f"`{text}` is no time", hint) from error
    if found.utcoffset() is None:
        raise UsageError("--at", f"`{text}` has no time zone", hint)
    return found


def _schema() -> int:
    from greengate.packs.report_schema import schema  # noqa: PLC0415 - of one option

    click.echo(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
