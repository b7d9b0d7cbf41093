"""What is said to whoever may read a ledger, and not who the persons in it are."""

from __future__ import annotations

import click

from greengate.ledger.store import Store

_WITHHELD = "note: this user may not read ledger_identity, so that persons are pseudonyms (docs/ledger.md)"


def note_withheld(store: Store) -> None:
    """Say on standard error that persons are not named, where somebody was to be."""
    if store.withheld:
        click.echo(_WITHHELD, err=True)
