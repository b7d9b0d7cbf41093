"""`greengate activity`: what deployments really did, from meters, logs and invoices."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from greengate import activities, check, settings
from greengate.errors import UsageError
from greengate.history import History, opened
from greengate.ledger.canonical import digest
from greengate.packs.project import load_project
from greengate.records import Activity, Kind
from greengate.trees import WorkingTree

_MOST_BYTES = 64 * 2**20


@click.group(short_help="Write down what deployments really did.")
def activity() -> None:
    """Write down what deployments really did; it takes the place of the traffic that was declared."""


@activity.command(name="import", short_help="Read it from a CSV file.")
@click.argument("file", metavar="FILE")
@click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
@click.option("--history", "path", metavar="FILE|URL", help="The history, instead of the project's.")
def import_(*, file: str, project: str, path: str | None) -> int:
    """Read what deployments did from a CSV file, and write it into the history: all of it or nothing.

    Columns: project, model, start, end, inferences, it_kwh, idle_kwh, source. What the history says already is not
    written again.
    """
    data = _bytes(file)
    with opened(_place(project, path), make=False) as history:
        found = activities.read(data, file, digest(data), _known(history, project))
        told = [(one, f"{one.project}:{one.model}".removeprefix(":"), one.digest) for one in found]
        if told:
            history.write(told, {digest(data): data})
    click.echo(f"{file}: {len(found)} activities written" if found else f"{file}: the history says all of it already")
    return 0


def _known(history: History, project: str) -> activities.Known:
    file = Path(project)
    own = load_project(WorkingTree(file.parent), file.name) if file.is_file() else None
    models = set(history.models())
    models |= {(own.name, entry.name) for entry in own.models} if own else set()
    earlier = [Activity.model_validate(said) for _, said in history.records(Kind.ACTIVITY)]
    return activities.Known(frozenset(models), own.name if own else "", earlier, datetime.now(UTC))


def _place(project: str, path: str | None) -> str:
    return path or settings.from_environment()["history"] or check.history_of(Path(project))


def _bytes(file: str) -> bytes:
    try:
        with Path(file).open("rb") as opened_file:
            data = opened_file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(file, f"cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise UsageError(file, "takes more than 64 MiB", "part it into several files")
    return data
