"""How the tables of a ledger came to be what they are, by Alembic: one revision a format."""

from __future__ import annotations


class CannotUpgrade(Exception):
    """What is there is damaged; the message says where."""
