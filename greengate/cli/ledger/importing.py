"""`greengate ledger import`: entries from elsewhere, byte for byte, and what others say of one's emissions."""

from __future__ import annotations

import json
from pathlib import Path

import click

from greengate import check, lines, settings
from greengate.cli import external
from greengate.cli.ledger import place
from greengate.errors import UsageError
from greengate.identities import People
from greengate.ledger import intake
from greengate.ledger.exports import Export
from greengate.ledger.intake import Taken
from greengate.ledger.store import Store
from greengate.recorded import forgotten

_HINT = "give what `greengate ledger export` or `--report entries=FILE` wrote"
_BARE = "`greengate ledger export --bodies` brings them along"
_MOST_BYTES = 512 * 2**20


@click.command("import", short_help="Write entries from elsewhere down, byte for byte.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--from", "source", metavar="SOURCE", help="Whose table FILE is: aws, google, azure or codecarbon.")
@click.option("--unit", metavar="UNIT", help="With --from: the unit of emissions, where the table does not say it.")
@click.option("--replace", is_flag=True, help="With --from: take the place of what the ledger has of these months.")
@place.project
@place.history
def import_(  # noqa: PLR0913 - one argument an option
    *, files: tuple[str, ...], source: str | None, unit: str | None, replace: bool, project: str, path: str | None
) -> int:
    """Write entries from elsewhere down, byte for byte: an export of a ledger, or what the report `entries` wrote.

    All of FILE is checked first, and all of it is written or nothing. What stands in the ledger already is left alone.
    An export goes into an empty ledger as the same ledger: its keys and its checkpoint come along.

    With --from, FILE is a table that a cloud provider or a tracker exports of one's emissions, to be held against one's
    own figures. The file itself is kept beside the record.
    """
    if source is not None:
        where = path or settings.from_environment()["history"] or str(check.history_of(Path(project)))
        return external.imported(source, files, where, unit=unit or "", replace=replace)
    if unit or replace or len(files) > 1:
        problem = "several files, --unit and --replace are for tables of others, and nobody's are named"
        raise UsageError("--from", problem, "name whose they are: aws, google, azure or codecarbon")
    return _own(files[0], project, path)


def _own(file: str, project: str, path: str | None) -> int:
    """Take in an export of a ledger, or entries."""
    source = Path(file)
    exported = _is_export(source)
    with place.opened(project, path, make=True) as store:
        taken = intake.export(store, Export(source)) if exported else _entries(store, source)
    click.echo(_words(taken))
    if taken.bare:
        digests = f"{taken.bare} digest{'' if taken.bare == 1 else 's'}"
        click.echo(f"warning: evidence that entries name is not in {file}: {digests}; {_BARE}", err=True)
    return 0


def _is_export(source: Path) -> bool:
    """Tell an export from entries by the first line.

    Raises:
        UsageError: The file is neither.
    """
    try:
        with source.open("rb") as opened:
            first = json.loads(opened.readline(_MOST_BYTES))
    except OSError as error:
        raise UsageError(str(source), f"cannot be read: {error.strerror}", _HINT) from error
    except (ValueError, RecursionError):
        first = None
    if not isinstance(first, dict) or not {"form", "entry"} & set(first):
        raise UsageError(str(source), "it is no export and no entries", _HINT)
    return "form" in first


def _entries(store: Store, source: Path) -> Taken:
    try:
        if source.stat().st_size > _MOST_BYTES:
            raise UsageError(
                str(source), "the entries take more than 512 MiB", "take an export, which is read in parts"
            )
        data = source.read_bytes()
    except OSError as error:
        raise UsageError(str(source), f"cannot be read: {error.strerror}", _HINT) from error
    read = lines.read(data, str(source))
    parts = {leaf.id: (leaf.data, leaf.bodies) for line in read for leaf in line.leaves}
    taken = intake.entries(store, parts.values(), str(source))
    people, gone = People(store), forgotten(store)
    for line in read:
        people.learn(line.people, gone)
    return taken


def _words(taken: Taken) -> str:
    words = f"{taken.written} {'entry was' if taken.written == 1 else 'entries were'} written"
    if taken.known and not taken.written:
        words = f"no new entry: {taken.known} stood there already, with all evidence of the file beside them now"
    elif taken.known:
        words += f", {taken.known} stood there already"
    if taken.left_out:
        words += f", {taken.left_out} key record{'' if taken.left_out == 1 else 's'} of another ledger left out"
    return words
