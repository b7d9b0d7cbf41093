"""`greengate ledger export`: the ledger is written out, for others to check or to query."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import click

from greengate import settings
from greengate.cli import reports
from greengate.cli.ledger import place
from greengate.errors import ReportError, UsageError
from greengate.ledger import exports, signing
from greengate.ledger.canonical import encode
from greengate.ledger.notary import of_store
from greengate.ledger.references import referred
from greengate.ledger.signing import IN_TOTO
from greengate.ledger.store import Store


@click.command(short_help="Write the ledger out, for others to check or to query.")
@place.project
@place.history
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "parquet"]), default="jsonl", show_default=True, help="How."
)
@click.option("--bodies", "whole", is_flag=True, help="With what lies beside the entries, such as measured evidence.")
@click.option("--dsse", is_flag=True, help="Each entry as a DSSE envelope instead, signed by the ledger's key.")
@place.signing
@click.option("--out", metavar="FILE", default="-", help="Where to write it, instead of standard output.")
def export(  # noqa: PLR0913 - one argument an option
    *,
    project: str,
    path: str | None,
    form: str,
    whole: bool,
    dsse: bool,
    key: str | None,
    origin: str | None,
    witness: str | None,
    out: str,
) -> int:
    """Write the ledger out: all entries as the bytes that were hashed, and the newest checkpoint.

    `jsonl` is what `verify --export` and `import` read; `parquet` is for queries, with a column for each common field.
    """
    if form == "parquet" and (whole or dsse or out == "-"):
        hint = "give `--out FILE`, no --bodies and no --dsse"
        raise UsageError("--format", "Parquet goes into a file, and holds entries alone", hint)
    if whole and dsse:
        raise UsageError("--dsse", "an envelope holds an entry alone", "leave --bodies out")
    reports.refuse_unwritable(out)
    with place.opened(project, path) as store:
        newest, size = _newest(store), store.size()  # in this order: it may grow, and be signed anew, meanwhile
        if form == "parquet":
            from greengate.ledger import parquet  # noqa: PLC0415 - heavy

            parquet.write(store.entries(0, size), newest, Path(out))
        elif dsse:
            _write(out, _sealed(store, size, place.access(key, origin, witness)))
        else:
            beside = partial(_beside, store) if whole else None
            _write(out, exports.lines(store.entries(0, size), of_store(store).origin, newest, beside))
    if out != "-":
        click.echo(f"wrote {out}: {size} {'entry' if size == 1 else 'entries'}")
    return 0


def _beside(store: Store, leaf: bytes) -> Iterator[tuple[str, bytes]]:
    return ((name, store.body(name)) for name in dict.fromkeys(digest for _, digest in referred(leaf)))


def _newest(store: Store) -> bytes | None:
    kept = store.checkpoint()
    return kept[1] if kept else None


def _sealed(store: Store, size: int, access: settings.LedgerAccess) -> Iterator[bytes]:
    signer = place.notary(store, access).signer
    for stored in store.entries(0, size):
        yield encode(signing.envelope(stored.leaf, IN_TOTO, str(signer.verifier), signer.sign)) + b"\n"


def _write(out: str, lines: Iterable[bytes]) -> None:
    """Write lines as they come, into a file that is whole or not there."""
    if out == "-":
        for line in lines:
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        return
    path, draft = Path(out), None
    try:
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            draft = Path(file.name)
            file.writelines(lines)
        draft.chmod(0o644)
        draft.replace(path)
    except OSError as error:
        raise ReportError(out, f"the export cannot be written: {error.strerror}") from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
