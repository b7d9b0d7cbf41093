"""Which ledger a command means, and what signs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from greengate import check, settings
from greengate.errors import UsageError
from greengate.ledger import keys
from greengate.ledger.keys import Where
from greengate.ledger.notary import Notary
from greengate.ledger.store import Store
from greengate.ledger.witness import Witness

project = click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
history = click.option("--history", "path", metavar="FILE|URL", help="The ledger, instead of the project's.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_KEY = click.option("--key", metavar="FILE", help="The private key of the ledger. Default: from the environment.")
_ORIGIN = click.option("--origin", metavar="NAME", help="The name of a ledger without a key: example.com/greengate.")
_WITNESS = click.option("--witness", metavar="FILE", help="The last checkpoint. Default: beside a ledger in a file.")


def signing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of what signs: `--key`, `--origin` and `--witness`."""
    return _KEY(_ORIGIN(_WITNESS(command)))


@contextmanager
def opened(project_file: str, path: str | None, *, make: bool = False) -> Iterator[Store]:
    """Open the ledger that is meant for as long as the block lasts.

    Raises:
        UsageError: There is none, and none is to be made.
    """
    place = path or settings.from_environment()["history"] or str(check.history_of(Path(project_file)))
    password = settings.history_access()
    store = Store(place, password=password.password, passfile=password.passfile, make=make)
    try:
        yield store
    finally:
        store.close()


def access(key: str | None, origin: str | None, witness: str | None) -> settings.LedgerAccess:
    """Read what signs: by options, else from the environment; a key's file takes the place of any other key."""
    given = settings.ledger_access()
    return settings.LedgerAccess(
        key_file=key or given.key_file,
        key="" if key else given.key,
        key_command="" if key else given.key_command,
        key_public="" if key else given.key_public,
        origin=origin or given.origin,
        witness=witness or given.witness,
    )


def where(given: settings.LedgerAccess) -> Where:
    """Tell where the key is, and warn if others may read it."""
    found = Where(given.key_file, given.key, given.key_command, given.key_public)
    if words := keys.exposed(found):
        click.echo(f"warning: {words}: chmod 600 {found.file}", err=True)
    return found


def notary(store: Store, given: settings.LedgerAccess, *, fresh: bool = False) -> Notary:
    """Make the one who signs a ledger, refusing one that does not follow from what was signed of it."""
    return Notary(store, where(given), given.origin, Witness.beside(str(store.place), given.witness), fresh=fresh)


def now() -> str:
    """Tell the time (UTC, ISO 8601)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(file: str) -> bytes:
    """Read a small file that a person named.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        with Path(file).open("rb") as opened_file:
            return opened_file.read(2**20 + 1)
    except OSError as error:
        raise UsageError(file, f"cannot be read: {error.strerror}", "give the path of a file that is there") from error
