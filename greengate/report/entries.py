"""The entries as they stand in the history, one a line, so that another place can judge them again or join them."""

from __future__ import annotations

from greengate.report.account import Account

NAME = "entries"


def render(account: Account) -> str:
    """Write a line for each entry: `entry`, its `statement`, and its `evidence` with all that was measured."""
    return "".join(f"{entry.written}\n" for entry in account.entries if entry.written)
