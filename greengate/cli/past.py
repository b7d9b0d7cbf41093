"""`greengate history`, `show` and `judge`: what was decided, and what would be decided today."""

from __future__ import annotations

import json
from pathlib import Path

import click

from greengate import check, registry, settings
from greengate.cli import persons, reports
from greengate.errors import UsageError
from greengate.history import Record, opened

_project = click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
_history = click.option("--history", "path", metavar="FILE|URL", help="The history to read, instead of the project's.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@_project
@_history
@click.option("--model", metavar="NAME", help="Only the entries of this model.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many entries.")
@_json
def history(*, project: str, path: str | None, model: str | None, limit: int, as_json: bool) -> int:
    """List the entries of the history, the newest first."""
    with opened(_place(project, path), make=False) as book:
        found = (record for record in book.newest_first() if model in (None, record.decision.model))
        records = [record for record, _ in zip(found, range(limit), strict=False)]
    if as_json:
        click.echo(json.dumps([_row(record) for record in records], indent=2, ensure_ascii=False))
    else:
        _list(records, f"the history holds no entry of `{model}`" if model else "the history has no entries yet")
    return 0


@click.command()
@click.argument("entry")
@_project
@_history
@click.option(
    "--report", "wanted", multiple=True, metavar="FORMAT=FILE", help=f"Also write {', '.join(registry.REPORTS)}."
)
@click.option("--template", metavar="FILE", help="Your own Jinja template for the Markdown ledger.")
@_json
def show(  # noqa: PLR0913 - one argument an option
    *, entry: str, project: str, path: str | None, wanted: tuple[str, ...], template: str | None, as_json: bool
) -> int:
    """Show one entry of the history; ENTRY is the beginning of its id, or `last`."""
    destinations, own = reports.parse(wanted), reports.template(template)
    with opened(_place(project, path), make=False) as book:
        account = check.placed(check.account([book.find(entry)], history=book), Path(project))
        persons.note_withheld(book.ledger)
    reports.tell(account, destinations, own, as_json=as_json)
    return 0


@click.command()
@click.argument("entry")
@click.option("--policy", "policies", multiple=True, metavar="PACK|FILE", help="Policies, instead of the project's.")
@_project
@_history
@click.option(
    "--report", "wanted", multiple=True, metavar="FORMAT=FILE", help=f"Also write {', '.join(registry.REPORTS)}."
)
@_json
def judge(  # noqa: PLR0913 - one argument an option
    *, entry: str, policies: tuple[str, ...], project: str, path: str | None, wanted: tuple[str, ...], as_json: bool
) -> int:
    """Judge an entry of the history again, from its recorded evidence; nothing is measured and nothing is written down.

    The exit code is that of the new verdict.
    """
    destinations = reports.parse(wanted)
    with opened(_place(project, path), make=False) as book:
        record = book.find(entry)
        persons.note_withheld(book.ledger)
    account = check.judge_again(record, Path(project).parent, Path(project).name, policies)
    reports.tell(check.placed(account, Path(project)), destinations, None, as_json=as_json)
    return account.exit_code


def _place(project: str, path: str | None) -> str:
    return path or settings.from_environment()["history"] or check.history_of(Path(project))


def _row(record: Record) -> dict[str, str | int]:
    decision = record.decision
    return {
        "entry": record.entry_id,
        "index": record.index,
        "taken_at": decision.taken_at,
        "model": decision.model,
        "outcome": str(decision.verdict.outcome),
        "commit": decision.commit,
        "sha256": decision.sha256,
    }


def _list(records: list[Record], otherwise: str) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.table import Table  # noqa: PLC0415 - heavy

    if not records:
        raise UsageError("", otherwise, "`greengate gate` writes one")
    table = Table("entry", "when (UTC)", "model", "outcome", "commit", box=None, pad_edge=False)
    for record in records:
        decision = record.decision
        when = decision.taken_at[:19].replace("T", " ")
        table.add_row(record.entry_id[:12], when, decision.model, decision.verdict.outcome, decision.commit[:10])
    Console(soft_wrap=True).print(table)
