"""`greengate ledger key`: the key that signs checkpoints is made, and changed."""

from __future__ import annotations

from pathlib import Path

import click

from greengate.cli.ledger import place
from greengate.errors import ReportError, UsageError
from greengate.ledger import keys, notes, reigns, signing
from greengate.ledger.keys import Where
from greengate.ledger.notary import Notary, of_store
from greengate.ledger.notes import Verifier
from greengate.ledger.signing import SigningKey
from greengate.ledger.store import Store
from greengate.ledger.witness import Witness


@click.group()
def key() -> None:
    """Make the key that signs checkpoints, and change it."""


@key.command(short_help="Make a key for a ledger.")
@click.argument("file")
@click.option("--origin", required=True, metavar="NAME", help="The ledger's name, yours alone: example.com/greengate.")
def new(*, file: str, origin: str) -> int:
    """Make a key for a ledger: the private one goes into FILE, the public one is printed.

    Keep FILE where no job that runs models or builds can read it. What is printed is what auditors pin.
    """
    try:
        notes.refuse_name(origin)
        made = SigningKey.make()
        signing.keep(made, Path(file))
    except signing.Refused as refused:
        raise UsageError("--origin", str(refused)) from refused
    except FileExistsError as error:
        raise UsageError(file, "there is such a file already", "give another name; nothing was written") from error
    except OSError as error:
        raise ReportError(file, f"cannot be written: {error.strerror}") from error
    click.echo(f"wrote {file}: a private key that only you may read; its verifier key is", err=True)
    click.echo(str(Verifier(origin, made.raw)))
    return 0


@key.command(short_help="Print the verifier key that stands for a ledger.")
@place.project
@place.history
def show(*, project: str, path: str | None) -> int:
    """Print the verifier key that stands for a ledger now, by its own word."""
    with place.opened(project, path) as store:
        newest = of_store(store).newest
    if newest is None:
        raise UsageError(str(store.place), "no key has signed this ledger yet", "`greengate ledger checkpoint` does")
    click.echo(str(newest))
    return 0


@key.command(short_help="Change the key of a ledger.")
@place.project
@place.history
@place.signing
@click.option("--to", "to", required=True, metavar="FILE|KEY", help="The new private key, or its verifier key.")
@click.option("--lost", is_flag=True, help="The old key is lost and cannot sign; everyone who verifies is told.")
@click.option("--why", default="", metavar="WORDS", help="Why, in words; required with --lost.")
def rotate(  # noqa: PLR0913 - one argument an option
    *,
    project: str,
    path: str | None,
    key: str | None,
    origin: str | None,
    witness: str | None,
    to: str,
    lost: bool,
    why: str,
) -> int:
    """Change the key of a ledger: the old one signs the new one's name, which is written into the ledger.

    From then on the new key signs checkpoints, the first one right away where its private part is given. Who pinned the
    old key can follow to the new one, unless it was lost.
    """
    given = place.access(key, origin, witness)
    with place.opened(project, path) as store:
        outside = Witness.beside(str(store.place), given.witness)
        where = Where(file=to) if Path(to).is_file() else None
        if lost:
            successor = _after_loss(store, where, to, why)
        else:
            notary = place.notary(store, given)
            if notary.reigns.newest is None:
                raise UsageError(str(store.place), "no key has signed this ledger yet", "sign it with the new one")
            successor = _successor(where, to, notary.origin, notary.signer.verifier)
            notary.hand_over(successor, place.now(), why)
        click.echo(f"the key of {successor.name} is {successor} from now on")
        if where is not None:
            made = Notary(store, where, successor.name, outside).sign(place.now())
            click.echo(f"signed with it: {made.checkpoint.words}")
    return 0


def _after_loss(store: Store, where: Where | None, to: str, why: str) -> Verifier:
    old = of_store(store).newest
    if not why:
        raise UsageError("--why", "nothing says why the old key cannot sign", "say it: everyone who verifies reads it")
    if old is None:
        raise UsageError(str(store.place), "no key has signed this ledger yet", "sign it with the new one")
    successor = _successor(where, to, old.name, old)
    store.append(reigns.lost(old, successor, place.now(), why))
    return successor


def _successor(where: Where | None, to: str, origin: str, old: Verifier) -> Verifier:
    if where is None and "+" not in to:
        raise UsageError("--to", f"`{to}` is no file and no verifier key", "`greengate ledger key new FILE` makes one")
    found = keys.signer(where, origin).verifier if where else keys.verifier(to, "--to")
    if found.name != origin:
        raise UsageError("--to", f"it is a key of {found.name}, and this ledger is {origin}", "a ledger keeps its name")
    if found == old:
        raise UsageError("--to", "this is the key that the ledger has", "`greengate ledger key new` makes another")
    return found
