"""`greengate join`: the legs of a matrix of runners, joined into one verdict."""

from __future__ import annotations

from pathlib import Path

import click

from greengate import check, git, joining, preparation, registry, settings
from greengate.cli import reports
from greengate.errors import UsageError
from greengate.forge import job
from greengate.history import opened


@click.command(short_help="Join the legs of a matrix of runners into one verdict.")
@click.argument("legs", metavar="NAME=FILE...", nargs=-1)
@click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
@click.option("--history", "path", metavar="FILE|URL", help="The history to write to, instead of the project's.")
@click.option(
    "--report", "wanted", multiple=True, metavar="FORMAT=FILE", help=f"Also write {', '.join(registry.REPORTS)}."
)
@click.option("--template", metavar="FILE", help="Your own Jinja template for the Markdown ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
def join(  # noqa: PLR0913 - one argument an option
    *,
    legs: tuple[str, ...],
    project: str,
    path: str | None,
    wanted: tuple[str, ...],
    template: str | None,
    as_json: bool,
) -> int:
    """Join the legs of a matrix of runners into one verdict: the gravest of them.

    FILE is what `greengate gate --leg NAME --report entries=FILE` wrote. A leg whose file is not there, or is of
    another change, commit or run, is an error, never a pass. The entries are written into the history.
    """
    named = joining.parse(legs)
    if not named:
        raise UsageError("LEG", "no leg is named", "for example `cpu=legs/cpu/entries.jsonl`")
    destinations = reports.parse(wanted, signing=settings.ledger_access())
    environment = settings.from_environment()
    own = reports.template(template, environment["base"])
    about = job.about(settings.ci_environment())
    named_place = path or environment["history"]
    if not named_place:
        preparation.own_folder(Path(project).parent)
    place = named_place or check.history_of(Path(project))
    root, base = Path(project).parent, environment["base"]

    def merged(commit: str) -> bool:
        return bool(base) and git.is_ancestor(root, commit, base)

    with opened(place) as history:
        history.check_writable()
        joined = joining.join(named, about, history, settings.ledger_access(), merged)
        account = check.placed(joined, Path(project))
    reports.tell(account, destinations, own, as_json=as_json)
    return account.exit_code
