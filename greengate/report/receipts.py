"""The receipts of a check's decisions: a folder of files, each the proof that an entry is in the ledger."""

from __future__ import annotations

from greengate.errors import ReportError
from greengate.report.account import Account

NAME = "receipts"


def files(account: Account) -> dict[str, bytes]:
    """Make a receipt for each entry, the bytes that it is of beside it, and the checkpoint of all.

    Raises:
        ReportError: An entry has no receipt.
    """
    made: dict[str, bytes] = {}
    for entry in account.entries:
        if entry.proof is None:
            hint = "`greengate ledger prove` signs the ledger, and writes receipts"
            raise ReportError("receipts", f"no checkpoint has the entry {entry.id[:12]} of {entry.name}", hint)
        made[f"{entry.id[:12]}.tlog-proof"] = entry.proof.receipt
        made[f"{entry.id[:12]}.json"] = entry.proof.leaf
        made["checkpoint"] = entry.proof.checkpoint
    return made


def render(account: Account) -> str:
    """Write all receipts one after the other, for people."""
    receipts = (text for name, text in files(account).items() if name.endswith(".tlog-proof"))
    return "\n".join(text.decode() for text in receipts)
