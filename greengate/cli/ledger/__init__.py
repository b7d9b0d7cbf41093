"""`greengate ledger`: checkpoints, proofs, keys, and the ledger held against what was signed of it."""

from __future__ import annotations

from typing import ClassVar

import click

from greengate.cli import LazyGroup


class _Ledger(LazyGroup):
    lazy: ClassVar[dict[str, tuple[str, str]]] = {
        "status": ("greengate.cli.ledger.status:status", "Tell what stands in the ledger, and what was signed of it."),
        "verify": ("greengate.cli.ledger.verify:verify", "Hold the ledger, or an export, against what was signed."),
        "checkpoint": ("greengate.cli.ledger.checkpoint:checkpoint", "Sign how the ledger is now."),
        "prove": ("greengate.cli.ledger.prove:prove", "Write receipts: proofs that entries are in the ledger."),
        "export": ("greengate.cli.ledger.export:export", "Write the ledger out, for others to check or to query."),
        "import": ("greengate.cli.ledger.importing:import_", "Write entries from elsewhere down, byte for byte."),
        "forget": ("greengate.cli.forget:forget", "Forget whom the pseudonyms of a person stand for."),
        "key": ("greengate.cli.ledger.key:key", "Make the key that signs checkpoints, and change it."),
    }


@click.group(cls=_Ledger, short_help="Sign, prove, verify and export the ledger.")
def ledger() -> None:
    """Sign, prove, verify and export the ledger, which is the history with all that stands in it."""
