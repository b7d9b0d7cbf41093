"""`greengate ledger verify`: the ledger, or an export, held against itself and against what was signed of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from greengate import settings
from greengate.cli.ledger import place
from greengate.errors import UsageError
from greengate.ledger import inspection, keys, merkle, notes
from greengate.ledger.audit import Audit, Given
from greengate.ledger.signing import Refused
from greengate.ledger.store import Store
from greengate.ledger.witness import Witness
from greengate.report.escaping import plain

UNSOUND = 4


@click.command(short_help="Hold the ledger, or an export, against what was signed of it.")
@place.project
@place.history
@click.option(
    "--checkpoint", "files", multiple=True, metavar="FILE", help="A checkpoint or a receipt that must still hold."
)
@click.option("--verifier", "pinned", multiple=True, metavar="KEY", help="The verifier key that must have signed.")
@click.option("--witness", metavar="FILE", help="The last checkpoint. Default: beside a ledger in a file.")
@click.option("--export", metavar="FILE", help="Verify what `greengate ledger export` wrote instead.")
@place.as_json
def verify(  # noqa: PLR0913 - one argument an option
    *,
    project: str,
    path: str | None,
    files: tuple[str, ...],
    pinned: tuple[str, ...],
    witness: str | None,
    export: str | None,
    as_json: bool,
) -> int:
    """Hash every entry again, and hold the ledger, or an export, against what was signed of it.

    Whoever can write the ledger can make up what only stands in it: pin its key, and give checkpoints and receipts that
    were kept elsewhere. Exit code 0: it is sound; 4: it is not.
    """
    trusted = [keys.verifier(one, "--verifier") for one in pinned]
    given = [_given(file, place.read(file)) for file in files]
    if export:
        found = inspection.of_export(Path(export), given, trusted)
    else:
        with place.opened(project, path) as store:
            found = inspection.of_store(store, _witness(store, witness), given, trusted)
    click.echo(json.dumps(_values(found), indent=2, ensure_ascii=False) if as_json else _words(found))
    return 0 if found.sound else UNSOUND


def _witness(store: Store, named: str | None) -> Witness | None:
    """Find the file of the last checkpoint; a ledger in a database server may have none here."""
    chosen = named or settings.ledger_access().witness
    return Witness.beside(str(store.place), chosen) if chosen or "://" not in str(store.place) else None


def _given(file: str, data: bytes) -> Given:
    try:
        return Given.read(file, data)
    except Refused as refused:
        raise UsageError(file, str(refused), "give a checkpoint, or a receipt (`.tlog-proof`)") from refused


def _words(found: Audit) -> str:
    lines = [*found.faults, *([f"and {found.more} more"] if found.more else [])]
    lines += [f"holds: {where}, {size} {'entry' if size == 1 else 'entries'}" for where, size in found.held]
    lines += [f"note: {words}" for words in found.remarks]
    root = notes.encoded(found.root) if found.root != merkle.EMPTY else "none"
    count = f"{found.size} {'entry' if found.size == 1 else 'entries'}, root {root}"
    return "\n".join([*map(plain, lines), f"sound: {count}" if found.sound else f"NOT SOUND: {count}"])


def _values(found: Audit) -> dict[str, Any]:
    return {
        "sound": found.sound,
        "size": found.size,
        "root": notes.encoded(found.root),
        "origin": found.reigns.origin,
        "keys": [str(reign.key) for reign in found.reigns.all],
        "faults": found.faults,
        "more": found.more,
        "held": [{"where": where, "size": size} for where, size in found.held],
        "notes": found.remarks,
    }
