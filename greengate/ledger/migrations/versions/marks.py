"""The third format: marks that entries are found by, several pseudonyms a handle, and appending inside PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from greengate.ledger.forms import as_bytes, of_second_format
from greengate.ledger.marks import marks_of
from greengate.ledger.migrations import CannotUpgrade

revision = "0003"
down_revision = "0002"

_BATCH = 256
_WORDS = "marks never change and never go"


def upgrade() -> None:
    """Add what is new; entries stay as they are, each is checked and marked."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        # An older greengate may be writing; who only reads need not wait until the tables themselves are altered.
        op.execute("LOCK TABLE ledger_head IN EXCLUSIVE MODE")
        op.execute(_IN_THEIR_SCHEMA)
    heads = bind.execute(sa.text("SELECT size, frontier FROM ledger_head")).all()
    if len(heads) != 1:
        raise CannotUpgrade("it has lost its head")
    size, frontier = heads[0]
    mark = op.create_table(
        "ledger_mark",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("idx", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    for entries in _batches(bind, size):
        found = [(idx, one) for idx, leaf in entries for one in marks_of(leaf)]
        bind.execute(mark.insert(), [{"name": one.name, "value": one.value, "idx": idx} for idx, one in found])
    if bind.dialect.name == "sqlite":
        _in_sqlite(bind, size, as_bytes(frontier))
    else:
        _in_postgresql()


def _batches(bind: sa.Connection, size: int) -> Iterator[list[tuple[int, bytes]]]:
    """Read the entries, each checked."""
    found = 0
    while rows := bind.execute(_ENTRIES, {"start": found, "stop": found + _BATCH}).all():
        yield [_checked(index, row) for index, row in enumerate(rows, found)]
        found += len(rows)
    if found != size:
        raise CannotUpgrade(f"it has {found} entries, and its head says {size}")


_ENTRIES = sa.text("SELECT idx, entry_id, leaf FROM ledger_entry WHERE idx >= :start AND idx < :stop ORDER BY idx")


def _checked(index: int, row: sa.Row[tuple[int, str, bytes]]) -> tuple[int, bytes]:
    if row.idx != index:
        raise CannotUpgrade(f"entry {index} is missing")
    leaf = as_bytes(row.leaf)
    if hashlib.sha256(leaf).hexdigest() != row.entry_id:
        raise CannotUpgrade(f"entry {index} was changed after it was written")
    return index, leaf


def _in_sqlite(bind: sa.Connection, size: int, frontier: bytes) -> None:
    op.drop_table("ledger_head")
    head = op.create_table(
        "ledger_head",
        sa.Column("log_id", sa.Integer, sa.CheckConstraint("log_id = 0"), primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
        sa.Column("marked", sa.BigInteger, nullable=False),
        sa.CheckConstraint("marked = size"),
    )
    bind.execute(head.insert(), {"log_id": 0, "size": size, "frontier": frontier, "marked": size})
    known = bind.execute(sa.text("SELECT pseudonym, handle FROM ledger_identity")).all()
    op.drop_table("ledger_identity")
    identity = op.create_table(
        "ledger_identity",
        sa.Column("pseudonym", sa.Text, primary_key=True),
        sa.Column("handle", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.UniqueConstraint("handle", "number", name="ledger_identity_by_handle"),
        sqlite_with_rowid=False,
    )
    if known:
        bind.execute(identity.insert(), [_numbered(pseudonym, handle) for pseudonym, handle in known])
    refuse = "BEGIN SELECT RAISE(ABORT, 'the head never goes back'); END"
    op.execute(f"CREATE TRIGGER ledger_head_no_delete BEFORE DELETE ON ledger_head {refuse}")
    op.execute(f"CREATE TRIGGER ledger_head_no_replace BEFORE INSERT ON ledger_head {refuse}")
    op.execute(f"CREATE TRIGGER ledger_head_forward BEFORE UPDATE ON ledger_head WHEN NEW.size < OLD.size {refuse}")
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
    same = "SELECT 1 FROM ledger_mark WHERE name = NEW.name AND value = NEW.value AND idx = NEW.idx"
    op.execute(f"CREATE TRIGGER ledger_mark_no_update BEFORE UPDATE ON ledger_mark {refuse}")
    op.execute(f"CREATE TRIGGER ledger_mark_no_delete BEFORE DELETE ON ledger_mark {refuse}")
    op.execute(f"CREATE TRIGGER ledger_mark_no_replace BEFORE INSERT ON ledger_mark WHEN EXISTS ({same}) {refuse}")
    op.execute("PRAGMA user_version = 3")


def _numbered(pseudonym: str, handle: str) -> dict[str, object]:
    """Part a handle from the number behind it, as the second format kept its further pseudonyms."""
    bare, number = of_second_format(handle)
    return {"pseudonym": pseudonym, "handle": bare, "number": number}


def _in_postgresql() -> None:
    op.execute("ALTER TABLE ledger_head ADD COLUMN marked BIGINT")
    op.execute("UPDATE ledger_head SET marked = size")
    op.execute("ALTER TABLE ledger_head ALTER COLUMN marked SET NOT NULL, ADD CHECK (marked = size)")
    op.execute("ALTER TABLE ledger_identity DROP CONSTRAINT ledger_identity_handle_key")
    op.execute("ALTER TABLE ledger_identity ADD COLUMN number INTEGER NOT NULL DEFAULT 1")
    op.execute(_PARTED)
    op.execute("""ALTER TABLE ledger_identity ALTER COLUMN number DROP DEFAULT,
        ADD CONSTRAINT ledger_identity_by_handle UNIQUE (handle, number)""")
    run = f"EXECUTE FUNCTION ledger_refuse('{_WORDS.partition(' ')[0]}')"
    op.execute(f"CREATE TRIGGER ledger_mark_no_change BEFORE UPDATE OR DELETE ON ledger_mark FOR EACH ROW {run}")
    op.execute(f"CREATE TRIGGER ledger_mark_no_truncate BEFORE TRUNCATE ON ledger_mark FOR EACH STATEMENT {run}")
    op.execute(_SAME_RIGHTS)
    op.execute(_APPEND)
    op.execute("GRANT EXECUTE ON FUNCTION ledger_append TO PUBLIC")  # it acts with the rights of whoever calls it


# Else what is new would lie in the first schema of a search path, apart from what is there.
_IN_THEIR_SCHEMA = """SELECT set_config('search_path', quote_ident(n.nspname::text), true)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = 'ledger_head'::regclass"""

# As `of_second_format` reads them.
_PARTED = r"""UPDATE ledger_identity SET handle = regexp_replace(handle, '\n[0-9]+$', ''),
    number = substring(handle FROM '[0-9]+$')::integer WHERE handle ~ '\n([2-9]|[1-9][0-9]{1,8})$'"""

# Who may write tiles may write marks.
_SAME_RIGHTS = """DO $$
DECLARE one RECORD;
BEGIN
    FOR one IN SELECT a.grantee, a.privilege_type AS may FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'ledger_tile'::regclass AND a.grantee <> c.relowner
    LOOP
        EXECUTE pg_catalog.format('GRANT %s ON ledger_mark TO %s', one.may,
            CASE WHEN one.grantee = 0::oid THEN 'PUBLIC' ELSE one.grantee::regrole::text END);
    END LOOP;
END $$"""

# What greengate.ledger.appending does for a file, in one statement; names that are not qualified are found as those of
# the tables are. Functions and operators have these very types of values, or are qualified, so that one that somebody
# else made in the same schema is never taken for them. `marked_leaf` tells which leaf, from 1, a mark is of, in order.
# `waits` tells that somebody else held the head: then the end of this does not wait for the disk; the caller has to,
# by a transaction of its own, so that those who queue for the head wait for the disk together.
_APPEND = """CREATE FUNCTION ledger_append(leaves BYTEA[], marked_leaf INTEGER[], mark_names TEXT[], mark_values TEXT[],
    body_names TEXT[], bodies BYTEA[], OUT told BIGINT[], OUT waits BOOLEAN) LANGUAGE plpgsql AS $$
DECLARE
    known BIGINT;
    nodes BYTEA;
    node BYTEA;
    count BIGINT;
    before BIGINT;
    at BIGINT;
    level INTEGER;
    mark INTEGER := 1;
    id TEXT;
BEGIN
    PERFORM set_config('lock_timeout', '60s', true);
    SELECT h.size, h.frontier INTO count, nodes FROM ledger_head h FOR UPDATE SKIP LOCKED;
    waits := NOT FOUND;
    IF waits THEN
        SELECT h.size, h.frontier INTO count, nodes FROM ledger_head h FOR UPDATE;
    END IF;
    IF count IS NULL THEN
        RAISE EXCEPTION 'its head is damaged: it is missing';
    ELSIF count < 0 THEN
        RAISE EXCEPTION 'its head is damaged: a tree has no % leaves', count;
    ELSIF length(nodes) <> 32 * length(replace(count::bit(64)::text, '0', '')) THEN
        RAISE EXCEPTION 'its head is damaged: a tree of % leaves has not % bytes of hashes', count, length(nodes);
    END IF;
    IF count > 0 AND NOT EXISTS (SELECT FROM ledger_entry e WHERE e.idx = count - 1) THEN
        RAISE EXCEPTION 'its head is damaged: it says % entries, and the last of them is missing', count;
    END IF;
    IF waits THEN
        PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
    ELSIF pg_catalog.current_setting('synchronous_commit') = 'off' THEN
        PERFORM pg_catalog.set_config('synchronous_commit', 'on', true);
    END IF;
    before := count;
    told := '{}';
    IF pg_catalog.cardinality(body_names) > 0 THEN
        INSERT INTO ledger_body SELECT * FROM unnest(body_names, bodies) ON CONFLICT DO NOTHING;
    END IF;
    FOR i IN 1 .. pg_catalog.cardinality(leaves) LOOP
        known := count;
        id := encode(sha256(leaves[i]), 'hex');
        node := sha256('\\x00'::bytea || leaves[i]);
        INSERT INTO ledger_entry (idx, entry_id, leaf_hash, leaf) VALUES (count, id, node, leaves[i])
            ON CONFLICT (entry_id) DO NOTHING;
        IF FOUND THEN
            WHILE marked_leaf[mark] < i LOOP
                mark := mark + 1;
            END LOOP;
            WHILE marked_leaf[mark] = i LOOP
                INSERT INTO ledger_mark (name, value, idx) VALUES (mark_names[mark], mark_values[mark], count);
                mark := mark + 1;
            END LOOP;
            at := count;
            level := 0;
            WHILE at & 1::bigint = 1 LOOP
                node := sha256('\\x01'::bytea || substr(nodes, length(nodes) - 31) || node);
                nodes := substr(nodes, 1, length(nodes) - 32);
                at := at >> 1;
                level := level + 1;
                IF level % 8 = 0 THEN
                    INSERT INTO ledger_tile (level, idx, root) VALUES (level / 8, at, node);
                END IF;
            END LOOP;
            nodes := nodes || node;
            count := count + 1;
        ELSE
            SELECT idx INTO STRICT known FROM ledger_entry WHERE entry_id = id;
        END IF;
        told := pg_catalog.array_append(told, known);
    END LOOP;
    IF count > before THEN
        UPDATE ledger_head SET size = count, frontier = nodes, marked = count;
    END IF;
END $$"""
