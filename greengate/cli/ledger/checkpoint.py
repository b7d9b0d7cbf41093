"""`greengate ledger checkpoint`: the ledger is signed as it is now."""

from __future__ import annotations

from pathlib import Path

import click

from greengate.cli import reports
from greengate.cli.ledger import place


@click.command(short_help="Sign how the ledger is now.")
@place.project
@place.history
@place.signing
@click.option("--new-witness", is_flag=True, help="Begin the file of the last checkpoint anew, where it is lost.")
@click.option("--out", metavar="FILE", help="Where to write the checkpoint, instead of standard output.")
def checkpoint(  # noqa: PLR0913 - one argument an option
    *,
    project: str,
    path: str | None,
    key: str | None,
    origin: str | None,
    witness: str | None,
    new_witness: bool,
    out: str | None,
) -> int:
    """Sign how many entries the ledger has and the root of their tree, and keep that.

    Refused where the ledger does not follow from the last checkpoint, which is kept outside its database. The first
    checkpoint writes the ledger's first key record. Exit code 4: the ledger was changed, or a backup restored.
    """
    if out:
        reports.refuse_unwritable(out)
    with place.opened(project, path) as store:
        notary = place.notary(store, place.access(key, origin, witness), fresh=new_witness)
        first = notary.reigns.newest is None
        made = notary.sign(place.now())
    if first:
        click.echo(f"this ledger is {notary.origin} from now on; its key is {notary.signer.verifier}", err=True)
    if out:
        reports.write(Path(out), made.note)
        click.echo(f"wrote {out}: {made.checkpoint.words}")
    else:
        click.echo(made.note.decode(), nl=False)
    return 0
