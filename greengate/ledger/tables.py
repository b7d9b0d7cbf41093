"""The tables of a ledger, one schema for SQLite and PostgreSQL; `migrations` makes them, with guards against changes.

`ledger_entry` is the record. `ledger_head` (its size and the frontier of its tree, and the row that is locked) and
`ledger_tile` (roots of complete subtrees of 256, 256^2, … entries) follow from it. Bodies are evidence that entries
refer to by digest. `ledger_mark` says what entries are found by, and follows from their bytes. `ledger_identity` says
who is meant by a pseudonym, and is the one table whose rows may go.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

FIRST_FORMAT, WITH_TREE, WITH_MARKS, FORMAT = 1, 2, 3, 4
_GUARDED = ("entry", "tile", "body", "checkpoint", "mark")
# The triggers that `migrations` makes.
SQLITE_GUARDS = frozenset(
    {f"ledger_{table}_no_{what}" for table in _GUARDED for what in ("update", "delete", "replace")}
    | {"ledger_head_forward", "ledger_head_no_delete", "ledger_head_no_replace"}
)
POSTGRES_GUARDS = frozenset(
    {f"ledger_{table}_no_{what}" for table in _GUARDED for what in ("change", "truncate")}
    | {"ledger_head_forward", "ledger_head_no_delete", "ledger_head_no_truncate"}
)


def guards(of: frozenset[str], version: int) -> frozenset[str]:
    """Tell which guards a ledger of a format has."""
    if version >= WITH_MARKS:
        return of
    return (
        frozenset(name for name in of if not name.startswith("ledger_mark_")) if version >= WITH_TREE else frozenset()
    )


NUMBER = BigInteger().with_variant(Integer(), "sqlite")  # an INTEGER is what SQLite finds a row by without an index

metadata = MetaData()
head = Table(
    "ledger_head",
    metadata,
    Column("log_id", Integer, CheckConstraint("log_id = 0"), primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    # How many entries have their marks: who does not write them cannot write on.
    Column("marked", BigInteger, nullable=False),
    CheckConstraint("marked = size"),
)
entry = Table(
    "ledger_entry",
    metadata,
    Column("idx", NUMBER, primary_key=True, autoincrement=False),
    Column("entry_id", Text, nullable=False, unique=True),
    # Before the leaf, so that SQLite reads hashes without the pages that a long leaf flows over into.
    Column("leaf_hash", LargeBinary, CheckConstraint("length(leaf_hash) = 32"), nullable=False),
    Column("leaf", LargeBinary, nullable=False),
)
tile = Table(
    "ledger_tile",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, CheckConstraint("length(root) = 32"), nullable=False),
    sqlite_with_rowid=False,
)
body = Table(
    "ledger_body",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
mark = Table(
    "ledger_mark",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
checkpoint = Table(
    "ledger_checkpoint",
    metadata,
    Column("size", NUMBER, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
)
identity = Table(
    "ledger_identity",
    metadata,
    Column("pseudonym", Text, primary_key=True),
    Column("handle", Text, nullable=False),
    Column("number", Integer, nullable=False),  # the first of a handle is this ledger's own, others came from elsewhere
    UniqueConstraint("handle", "number", name="ledger_identity_by_handle"),
    sqlite_with_rowid=False,
)
