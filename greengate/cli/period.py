"""`greengate period`: a quarter is closed, restated and signed off; each is an entry of the ledger."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial

import click

from greengate import closing, settings, signatures
from greengate.cli import sheet
from greengate.cli.report import again, common, company_of, opened, parse, tell
from greengate.closing import REASONS, ROLES
from greengate.errors import UsageError
from greengate.esg.decimals import kwh, tonnes
from greengate.ledger import keys
from greengate.ledger.keys import Where
from greengate.ledger.notes import Signer
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
    command = again(found.report, company, history, project)
    tell(found.report, destinations, said.templates, command, as_json=False)
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
    command = again(found.report, company, history, project)
    tell(found.report, destinations, said.templates, command, as_json=False)
    for one in deltas:
        alone, since = one.material(said.threshold), one.material_since(said.threshold)
        last = _held(one.name, one.amount, "last reported", material=alone)
        first = _held(one.name, one.since, "closed", material=since)
        click.echo(f"{one.name}: {last}; {first}")
    return 0


def _held(name: str, amount: int, beside: str, *, material: bool) -> str:
    if not amount:
        return f"as {beside}"
    write, unit = (kwh, "kWh") if name == "energy" else (tonnes, "tCO2e")
    more = "less" if amount < 0 else "more"
    return f"{write(abs(amount))} {unit} {more} than {beside}, {'material' if material else 'not material'}"


@period.command("sign-off", short_help="Stand for the newest report on a period.")
@click.argument("name", metavar="PERIOD")
@click.option("--role", required=True, type=click.Choice(ROLES), help="As what.")
@click.option("--by", required=True, metavar="WHO", help="Who: a person (`@olga`) or a role.")
@click.option("--level", type=click.Choice(["limited", "reasonable"]), help="Of an assurance.")
@click.option("--words", default="", metavar="WORDS", help="What is said with it.")
@click.option("--key", metavar="FILE", help="One's own private key, which signs it. Default: from the environment.")
@common
def sign_off(  # noqa: PLR0913 - one argument an option
    *,
    name: str,
    role: str,
    by: str,
    level: str | None,
    words: str,
    key: str | None,
    company: str | None,
    history: str | None,
    project: str,
) -> int:
    """Stand for the newest report on a period: as prepared, reviewed, approved and assured, by four who differ.

    With a key of one's own the sign-off is signed, so that whoever keeps the ledger cannot make it up.
    """
    _refuse_blank(("--by", by))
    if (role == "assured") != (level is not None):
        raise UsageError("--level", "an assurance is limited or reasonable, and nothing else has a level")
    said = company_of(company, project)
    found, _ = period_of(name, said)
    signer = _signer(key)
    with opened(project, history) as store:
        at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        asked = SignedOff.model_validate(
            {"at": at, "period": found.name, "report": "", "role": role, "by": by, "level": level or "", "words": words}
        )
        signed = closing.sign_off(store, asked, signer, said)
        (held,) = signatures.told(store, said, delivered(store), [signed])
    click.echo(f"{found.name}: {role} by {by}, report {signed.report}")
    if signer is not None:
        click.echo(f"{held.phrase}: {signed.key}")
    return 0


def _signer(file: str | None) -> Signer | None:
    """Find what a person signs with; None where there is no key."""
    given = settings.sign_off_access()
    own = (file, "", "", "") if file else (given.key_file, given.key, given.key_command, given.key_public)
    where = Where(*own, variable="GREENGATE_SIGN_OFF_KEY", ask=partial(_password, given.passphrase))
    if not where:
        return None
    if words := keys.exposed(where):
        click.echo(f"warning: {words}: chmod 600 {where.file}", err=True)
    return keys.signer(where, where.origin or "sign-off")


def _password(given: str) -> str:
    """Tell the password of a key that is locked.

    Raises:
        UsageError: Nobody can be asked for it.
    """
    if given:
        return given
    if not sys.stdin.isatty():
        hint = "call it in a terminal, or set GREENGATE_SIGN_OFF_KEY_PASSPHRASE"
        raise UsageError("--key", "the key is locked by a password, and nobody is here to be asked for it", hint)
    return str(click.prompt("Password of the key", hide_input=True, err=True))


@period.command("list", short_help="List what was closed, restated and signed.")
@common
def list_(*, company: str | None, history: str | None, project: str) -> int:
    """List what was closed, restated and signed."""
    said = company_of(company, project)
    with opened(project, history) as store:
        reports, signed = delivered(store), sign_offs(store)
        held = signatures.told(store, said, reports, signed)
        restated = records_of(store, Kind.RESTATEMENT)
    for one in reports:
        of = [
            f"{sign.role} by {sign.by} ({how.phrase})"
            for sign, how in zip(signed, held, strict=True)
            if sign.report == one.sha256
        ]
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
