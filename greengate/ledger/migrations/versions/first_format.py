"""The first format: a ledger in SQLite, without a tree."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    head = op.create_table(
        "ledger_head",
        sa.Column("log_id", sa.Integer, sa.CheckConstraint("log_id = 0"), primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("idx", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("entry_id", sa.Text, nullable=False, unique=True),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "ledger_body",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.bulk_insert(head, [{"log_id": 0, "size": 0}])
    if op.get_bind().dialect.name == "sqlite":
        op.execute("PRAGMA user_version = 1")
