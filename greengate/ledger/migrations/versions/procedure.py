"""The fourth format: in PostgreSQL an append is a procedure, which lets go of the head before it waits for the disk."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the procedure; in a file nothing changes but the number."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("PRAGMA user_version = 4")
        return
    op.execute(_IN_ITS_SCHEMA)
    op.execute(_WRITE)
    op.execute(_FOR_ALL)  # it acts with the rights of whoever calls it


# Else it would lie in the first schema of a search path, apart from what it calls.
_IN_ITS_SCHEMA = """SELECT set_config('search_path', quote_ident(n.nspname::text), true)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = 'ledger_head'::regclass"""

_FOR_ALL = """GRANT EXECUTE ON PROCEDURE
    ledger_write(BYTEA[], INTEGER[], TEXT[], TEXT[], TEXT[], BYTEA[], BIGINT[]) TO PUBLIC"""

# Where somebody else held the head, `ledger_append` ends without waiting for the disk, and so the head is free for the
# next. What waits is the end of the second transaction, which writes, and with it for all that is before it in the log.
_WRITE = """CREATE PROCEDURE ledger_write(leaves BYTEA[], marked_leaf INTEGER[], mark_names TEXT[], mark_values TEXT[],
    body_names TEXT[], bodies BYTEA[], INOUT told BIGINT[]) LANGUAGE plpgsql AS $$
DECLARE
    done RECORD;
BEGIN
    done := ledger_append(leaves, marked_leaf, mark_names, mark_values, body_names, bodies);
    told := done.told;
    IF done.waits THEN
        COMMIT;
        IF pg_catalog.current_setting('synchronous_commit') = 'off' THEN
            PERFORM pg_catalog.set_config('synchronous_commit', 'on', true);
        END IF;
        PERFORM pg_catalog.pg_logical_emit_message(true, 'greengate', '');
    END IF;
END $$"""
