"""The second format: a Merkle tree over the entries, checkpoints, identities, and guards against changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from greengate.ledger.forms import as_bytes
from greengate.ledger.merkle import Frontier, leaf_hash
from greengate.ledger.migrations import CannotUpgrade

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BATCH = 256
_GUARDED = {
    "entry": ("entries", "idx = NEW.idx OR entry_id = NEW.entry_id"),
    "tile": ("the tree", "level = NEW.level AND idx = NEW.idx"),
    "body": ("evidence", "digest = NEW.digest"),
    "checkpoint": ("checkpoints", "size = NEW.size"),
}


def upgrade() -> None:
    """Add what is new; every entry that is there is checked and written anew."""
    bind = op.get_bind()
    heads = bind.execute(sa.text("SELECT size FROM ledger_head")).all()
    if len(heads) != 1:
        raise CannotUpgrade("it has lost its head")
    size = heads[0][0]
    head, entry, tile = _made()
    frontier = Frontier()
    for rows in _batches(bind, size):
        tiles = [one for row in rows for one in frontier.append(row["leaf_hash"])]
        bind.execute(entry.insert(), rows)
        roots = [
            {"level": level // 8, "idx": idx, "root": root} for level, idx, root in tiles if level and not level % 8
        ]
        if roots:
            bind.execute(tile.insert(), roots)
    op.drop_table("ledger_entry")
    op.rename_table("ledger_entry_next", "ledger_entry")
    bind.execute(head.insert(), {"log_id": 0, "size": size, "frontier": b"".join(frontier.nodes)})
    if bind.dialect.name == "sqlite":
        _guard_in_sqlite()
        op.execute("PRAGMA user_version = 2")
    else:
        _guard_in_postgresql()


def _made() -> tuple[sa.Table, sa.Table, sa.Table]:
    op.drop_table("ledger_head")
    head = op.create_table(
        "ledger_head",
        sa.Column("log_id", sa.Integer, sa.CheckConstraint("log_id = 0"), primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
    )
    entry = op.create_table(
        "ledger_entry_next",
        sa.Column("idx", _NUMBER, autoincrement=False),
        sa.Column("entry_id", sa.Text, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, sa.CheckConstraint("length(leaf_hash) = 32"), nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("idx", name="ledger_entry_by_idx"),
        sa.UniqueConstraint("entry_id", name="ledger_entry_by_id"),
    )
    tile = op.create_table(
        "ledger_tile",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("idx", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary, sa.CheckConstraint("length(root) = 32"), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_checkpoint",
        sa.Column("size", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "ledger_identity",
        sa.Column("pseudonym", sa.Text, primary_key=True),
        sa.Column("handle", sa.Text, nullable=False, unique=True),
        sqlite_with_rowid=False,
    )
    return head, entry, tile


def _batches(bind: sa.Connection, size: int) -> Iterator[list[dict[str, Any]]]:
    """Read the entries as rows of the new table, each checked."""
    found, after = 0, -1
    while True:
        rows = bind.execute(_ENTRIES, {"after": after, "most": _BATCH}).all()
        if not rows:
            break
        yield [_checked(index, row) for index, row in enumerate(rows, found)]
        found, after = found + len(rows), rows[-1].idx
    if found != size:
        raise CannotUpgrade(f"it has {found} entries, and its head says {size}")


_ENTRIES = sa.text(
    "SELECT idx, entry_id, leaf, leaf_hash FROM ledger_entry WHERE idx > :after ORDER BY idx LIMIT :most"
)


def _checked(index: int, row: sa.Row[tuple[int, str, bytes, bytes]]) -> dict[str, Any]:
    if row.idx != index:
        raise CannotUpgrade(f"entry {index} is missing")
    leaf = as_bytes(row.leaf)
    if (hashlib.sha256(leaf).hexdigest(), leaf_hash(leaf)) != (row.entry_id, row.leaf_hash):
        raise CannotUpgrade(f"entry {index} was changed after it was written")
    return {"idx": index, "entry_id": row.entry_id, "leaf_hash": row.leaf_hash, "leaf": leaf}


def _guard_in_sqlite() -> None:
    """Refuse changes; SQLite runs no DELETE trigger for what INSERT OR REPLACE replaces, so that has a guard."""
    for name in ("body_no_update", "body_no_delete"):
        op.execute(f"DROP TRIGGER IF EXISTS {name}")
    for name, (words, same) in _GUARDED.items():
        table, refuse = f"ledger_{name}", f"BEGIN SELECT RAISE(ABORT, '{words} never change and never go'); END"
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}")
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}")
        known = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - all of it is ours
        op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {known} {refuse}")
    refuse = "BEGIN SELECT RAISE(ABORT, 'the head never goes back'); END"
    op.execute(f"CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head {refuse}")
    op.execute(f"CREATE TRIGGER ledger_head_no_replace BEFORE INSERT ON ledger_head {refuse}")
    op.execute(f"CREATE TRIGGER ledger_head_forward BEFORE UPDATE ON ledger_head WHEN NEW.size < OLD.size {refuse}")


def _guard_in_postgresql() -> None:
    op.execute("""CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION '% never change and never go', TG_ARGV[0]; END $$""")
    op.execute("""CREATE FUNCTION ledger_refuse_head() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'the head never goes back'; END $$""")
    for name, (words, _) in _GUARDED.items():
        table, run = f"ledger_{name}", f"EXECUTE FUNCTION ledger_refuse('{words}')"
        op.execute(f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {run}")
        op.execute(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {run}")
    run = "EXECUTE FUNCTION ledger_refuse_head()"
    op.execute(f"CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head FOR EACH ROW {run}")
    op.execute(f"CREATE TRIGGER ledger_head_no_truncate BEFORE TRUNCATE ON ledger_head FOR EACH STATEMENT {run}")
    op.execute(f"""CREATE TRIGGER ledger_head_forward BEFORE UPDATE ON ledger_head FOR EACH ROW
        WHEN (NEW.size < OLD.size) {run}""")
