"""`greengate ledger prove`: receipts of entries, and the proof that the ledger was only appended to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from greengate import settings
from greengate.cli import reports
from greengate.cli.ledger import place
from greengate.errors import ReportError, UsageError
from greengate.ledger import proving
from greengate.ledger.store import Store, Stored
from greengate.report import receipted
from greengate.report.document import Document


@click.command(short_help="Write receipts: proofs that entries are in the ledger.")
@click.argument("entries", metavar="[ENTRY]...", nargs=-1)
@place.project
@place.history
@place.signing
@click.option("--from", "since", type=int, metavar="SIZE", help="Prove what follows an older checkpoint of this size.")
@click.option("--out", metavar="FILE|FOLDER", help="Where to write it; several entries go into a folder.")
@click.option("--into", metavar="FILE", help="A JSON report of these decisions, which gets their receipts.")
@click.option("--markdown", metavar="FILE", help="With --into: write the Markdown ledger of that report anew.")
def prove(  # noqa: PLR0913 - one argument an option
    *,
    entries: tuple[str, ...],
    project: str,
    path: str | None,
    key: str | None,
    origin: str | None,
    witness: str | None,
    since: int | None,
    out: str | None,
    into: str | None,
    markdown: str | None,
) -> int:
    """Write receipts: proofs that entries are in the ledger; ENTRY is the beginning of an id, or `last`.

    Where a key is given or in the environment, the ledger is signed first; else the newest checkpoint counts. A receipt
    is a `.tlog-proof`; in a folder, each stands beside the bytes that it is of (`.json`).
    """
    if bool(entries) == (since is not None):
        raise UsageError(
            "ENTRY", "either entries are proved, or what follows a checkpoint", "name ENTRY, or --from SIZE"
        )
    if (into or markdown) and (since is not None or into is None):
        raise UsageError("--into", "a report gets receipts of entries", "name ENTRY, and `--into report.json`")
    _refuse_one_file(out, into, markdown)
    told = receipted.read(Path(into)) if into else None
    for file in filter(None, (into, markdown)):
        reports.refuse_unwritable(file)
    folder = Path(out) if out and (len(entries) > 1 or Path(out).is_dir()) else None
    if len(entries) > 1 and folder is None:
        raise UsageError("--out", "several receipts need a folder", "for example `--out receipts`")
    with place.opened(project, path) as store:
        found = list(dict.fromkeys(_entry(store, word) for word in entries))
        if told is not None and into is not None:
            receipted.refuse_others(told, Path(into), (stored.entry_id for stored in found))
        note = _note(store, place.access(key, origin, witness))
        if since is not None:
            _write(out, bytes(proving.growth(store, since, note)))
        elif folder is not None:
            _fill(store, folder, found, note)
        else:
            _write(out, bytes(proving.receipt(store, found[0], note)))
        if told is not None and into is not None:
            receipts = {stored.entry_id: bytes(proving.receipt(store, stored, note)) for stored in found}
            _enter(receipted.receipted(told, receipts, note), into, markdown)
    return 0


def _refuse_one_file(out: str | None, into: str | None, markdown: str | None) -> None:
    if "-" in (into, markdown):
        raise UsageError("--into", "a report is written into a file", "name one, for --markdown too")
    files = [Path(file).resolve() for file in (out, into, markdown) if file and file != "-"]
    if len(set(files)) < len(files):
        hint = "name another one for --out, --into or --markdown"
        raise UsageError("--into", "one file cannot be two of these", hint)


def _enter(told: Document, into: str, markdown: str | None) -> None:
    """Write the reports with the receipts in them; the Markdown one first, since it may be too long."""
    from jinja2 import TemplateError  # noqa: PLC0415 - heavy

    from greengate.report import json_report  # noqa: PLC0415 - of one option
    from greengate.report import markdown as page  # noqa: PLC0415 - heavy

    try:
        text = page.of_document(told) if markdown else ""
    except (LookupError, TypeError, ValueError, AttributeError, TemplateError) as error:
        raise receipted.misshaped(Path(into)) from error
    reports.write(Path(into), json_report.of_document(told).encode())
    if markdown:
        reports.write(Path(markdown), text.encode())


def _entry(store: Store, word: str) -> Stored:
    newest = next(iter(store.newest_first()), None)
    found = ([newest] if newest else []) if word == "last" else store.find(word.lower())
    if word == "last" and not newest:
        raise UsageError(str(store.place), "the ledger has no entries yet", "`greengate gate` writes them")
    if len(found) != 1:
        hint = "`greengate history` lists the decisions"
        raise UsageError(str(store.place), f"{len(found) or 'no'} entries begin with `{word}`", hint)
    return found[0]


def _note(store: Store, given: settings.LedgerAccess) -> bytes:
    if given.has_key:
        return place.notary(store, given).sign(place.now()).note
    kept = store.checkpoint()
    if kept is None:
        hint = "give --key, or sign it with `greengate ledger checkpoint` first"
        raise UsageError(str(store.place), "nobody has signed this ledger yet, so that nothing can be proved", hint)
    return kept[1]


def _write(out: str | None, data: bytes) -> None:
    if out is None or out == "-":
        click.echo(data.decode(), nl=False)
        return
    reports.refuse_unwritable(out)
    reports.write(Path(out), data)
    click.echo(f"wrote {out}")


def _fill(store: Store, folder: Path, entries: Sequence[Stored], note: bytes) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ReportError(str(folder), f"the folder cannot be made: {error.strerror}") from error
    for stored in entries:
        stem = folder / stored.entry_id[:12]
        reports.write(stem.with_suffix(".tlog-proof"), bytes(proving.receipt(store, stored, note)))
        reports.write(stem.with_suffix(".json"), stored.leaf)
    reports.write(folder / "checkpoint", note)
    click.echo(f"wrote {len(entries)} receipt{'' if len(entries) == 1 else 's'} into {folder}")
