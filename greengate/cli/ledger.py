"""`greengate ledger`: what is asked of the ledger under the history."""

from __future__ import annotations

import click

from greengate.cli.forget import forget


@click.group(short_help="Look after the ledger under the history.")
def ledger() -> None:
    """Look after the ledger under the history."""


ledger.add_command(forget)
