"""`greengate period`: a quarter is closed, restated and signed off; each is an entry of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from greengate import closing
from greengate.cli import sheet
from greengate.cli.report import common, company_of, opened, parse, tell
from greengate.closing import REASONS, ROLES
from greengate.errors import UsageError
from greengate.esg.decimals import kwh, tonnes
from greengate.quarters import Wanted, delivered, period_of, records_of, sign_offs
from greengate.records import Kind, SignedOff

_report = click.option("--report", "wanted", multiple=True, metavar="FORMAT=FILE", help="Also write it in a format.")


@click.group(short_help="Close a quarter, restate it, and sign it off.")
def period() -> None:
    """Close a quarter, restate it, and sign it off; each is an entry of the ledger, and nothing is ever edited."""


@period.command("close", short_help="Close a period that is over.")
@click.argument("name", metavar="PERIOD")
@click.option("--by", required=True, metavar="WHO", help="Who closes it: a role (`controlling`) or a person (`@olga`).")
@common
@_report
def close(  # noqa: PLR0913 - one argument an option
    *, name: str, by: str, company: str | None, history: str | None, project: str, wanted: tuple[str, ...]
) -> int:
    """Close a period that is over: what is reported of it rests on the entries that there are now.

    PERIOD is written like 2026Q3. A period is closed once.
    """
    _refuse_blank(("--by", by))
    destinations = parse(wanted)
    said = company_of(company, project)
    with opened(project, history) as store:
        found = closing.close(store, Wanted(name, datetime.now(UTC), said=said), by)
    tell(found.report, destinations, said.templates, as_json=False)
    return 0


@period.command("restate", short_help="Tell a closed period otherwise.")
@click.argument("name", metavar="PERIOD")
@click.option("--reason", required=True, type=click.Choice(REASONS), help="Which kind of restatement it is.")
@click.option("--why", required=True, metavar="WORDS", help="Why, in words.")
@click.option("--approved-by", required=True, metavar="WHO", help="Who approves it: a role or a person.")
@common
@_report
def restate(  # noqa: PLR0913 - one argument an option
    *, name: str, reason: str, why: str, approved_by: str, company: str | None, history: str | None, project: str,
    wanted: tuple[str, ...],
) -> int:  # fmt: skip
    """Tell a closed period otherwise: by the entries that there are now, with the difference to what was reported."""
    _refuse_blank(("--why", why), ("--approved-by", approved_by))
    destinations = parse(wanted)
    said = company_of(company, project)
    with opened(project, history) as store:
        asked = Wanted(name, datetime.now(UTC), said=said)
        found, deltas = closing.restate(store, asked, reason, why, approved_by)
    tell(found.report, destinations, said.templates, as_json=False)
    for one in deltas:
        write, unit = (kwh, "kWh") if one.name == "energy" else (tonnes, "tCO2e")
        material = "material" if one.material(said.threshold) else "not material"
        click.echo(f"{one.name}: {write(one.amount)} {unit} more than reported, {material}")
    return 0


@period.command("sign-off", short_help="Stand for the newest report on a period.")
@click.argument("name", metavar="PERIOD")
@click.option("--role", required=True, type=click.Choice(ROLES), help="As what.")
@click.option("--by", required=True, metavar="WHO", help="Who: a person (`@olga`) or a role.")
@click.option("--level", type=click.Choice(["limited", "reasonable"]), help="Of an assurance.")
@click.option("--words", default="", metavar="WORDS", help="What is said with it.")
@common
def sign_off(  # noqa: PLR0913 - one argument an option
    *,
    name: str,
    role: str,
    by: str,
    level: str | None,
    words: str,
    company: str | None,
    history: str | None,
    project: str,
) -> int:
    """Stand for the newest report on a period: as prepared, reviewed, approved and assured, by four who differ."""
    _refuse_blank(("--by", by))
    if (role == "assured") != (level is not None):
        raise UsageError("--level", "an assurance is limited or reasonable, and nothing else has a level")
    said = company_of(company, project)
    found, _ = period_of(name, said)
    with opened(project, history) as store:
        at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        asked = SignedOff.model_validate(
            {"at": at, "period": found.name, "report": "", "role": role, "by": by, "level": level or "", "words": words}
        )
        signed = closing.sign_off(store, asked)
    click.echo(f"{found.name}: {role} by {by}, report {signed.report}")
    return 0


@period.command("list", short_help="List what was closed, restated and signed.")
@common
def list_(*, company: str | None, history: str | None, project: str) -> int:
    """List what was closed, restated and signed."""
    del company
    with opened(project, history) as store:
        reports, signed = delivered(store), sign_offs(store)
        restated = records_of(store, Kind.RESTATEMENT)
    for one in reports:
        of = [f"{sign.role} by {sign.by}" for sign in signed if sign.report == one.sha256]
        why = next((f"{said.reason}: {said.why}" for said in restated if said.report == one.sha256), "")
        sheet.echo(f"{one.period}  {one.status}", [("at", one.at), ("entries", str(one.size)), ("root", one.root),
            ("report", one.sha256),
                                                  ("why", why),
                                                  ("signed", ", ".join(of) or "by nobody yet")])  # fmt: skip
    if not reports:
        click.echo("nothing was closed yet")
    return 0


def _refuse_blank(*given: tuple[str, str]) -> None:
    for option, text in given:
        if not text.strip():
            raise UsageError(option, "is empty", "say it in words")
