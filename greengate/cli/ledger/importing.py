"""`greengate ledger import`: entries from elsewhere are written down, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import click

from greengate.cli.ledger import place
from greengate.errors import UsageError
from greengate.history import read_line
from greengate.ledger import intake
from greengate.ledger.canonical import digest
from greengate.ledger.exports import Export
from greengate.ledger.intake import Taken
from greengate.ledger.store import Store

_HINT = "give what `greengate ledger export` or `--report entries=FILE` wrote"
_BARE = "`greengate ledger export --bodies` brings them along"
_MOST_BYTES = 512 * 2**20


@click.command("import", short_help="Write entries from elsewhere down, byte for byte.")
@click.argument("file")
@place.project
@place.history
def import_(*, file: str, project: str, path: str | None) -> int:
    """Write entries from elsewhere down, byte for byte: an export of a ledger, or what the report `entries` wrote.

    All of FILE is checked first, and all of it is written or nothing. What stands in the ledger already is left alone.
    An export goes into an empty ledger as the same ledger: its keys and its checkpoint come along.
    """
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
        lines = source.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(str(source), f"cannot be read: {error.strerror}", _HINT) from error
    read = [read_line(line, f"{source}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    parts = [(one.statement, {digest(one.evidence): one.evidence} if one.evidence else {}) for one in read]
    return intake.entries(store, parts)


def _words(taken: Taken) -> str:
    words = f"{taken.written} {'entry was' if taken.written == 1 else 'entries were'} written"
    if taken.known:
        words += f", {taken.known} stood there already"
    if taken.left_out:
        words += f", {taken.left_out} key record{'' if taken.left_out == 1 else 's'} of another ledger left out"
    return words
