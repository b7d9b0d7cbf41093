"""`greengate ledger forget`: a person's handle goes; the entries stay as they are, and say that somebody did it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from greengate import check, settings
from greengate.cli.moments import in_words
from greengate.errors import UsageError
from greengate.history import opened
from greengate.identities import is_person
from greengate.records import Forgotten
from greengate.report.escaping import plain


@click.command(short_help="Forget whom the pseudonyms of a person stand for.")
@click.argument("handle")
@click.option("--why", required=True, metavar="WORDS", help="Why; kept for ever, so name nobody in it.")
@click.option("--by", default="greengate ledger forget", metavar="WHO", help="Who says so; a role.")
@click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
@click.option("--history", "path", metavar="FILE|URL", help="The history, instead of the project's.")
def forget(*, handle: str, why: str, by: str, project: str, path: str | None) -> int:
    """Forget whom the pseudonyms of a person stand for; HANDLE is written like @olga.

    No entry changes, and none is lost: what this person did stays, by somebody who is not known any more. It cannot be
    taken back. Copies and exports of the history that were made before know the person still.
    """
    if not why.strip():
        raise UsageError("--why", "no reason is given", "say in a few words why, without naming the person")
    if handle.removeprefix("@").casefold() in why.casefold():
        raise UsageError("--why", "the reason names the person who is to be forgotten", "leave the name out")
    place = path or settings.from_environment()["history"] or check.history_of(Path(project))
    with opened(place, make=False) as history:
        gone = history.forget(handle, Forgotten(at=in_words(datetime.now(UTC)), people=(), why=why, by=by))
        where = history.place
    if not gone:
        hint = "" if is_person(handle) or "/" not in handle else "teams and roles are no persons, and stay"
        raise UsageError(where, f"the history knows nobody called `{plain(handle)}`", hint)
    click.echo(f"forgotten: {', '.join(gone)} stands for nobody any more")
    return 0
