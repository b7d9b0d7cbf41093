"""How a ledger's tables came to be what they are: revisions, and histories of the first format."""

import hashlib
import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from ledgers_made import first_format, leaves, raw, root_of
from sqlalchemy import create_engine, inspect

from greengate.errors import HistoryError
from greengate.ledger import ledger_file, migrating, tables
from greengate.ledger.canonical import digest
from greengate.ledger.soundness import sound
from greengate.ledger.store import Head, Store


@pytest.fixture
def old(tmp_path):
    """A history of the first format with 600 entries and a body."""
    first_format(tmp_path / "history.db", leaves(600), [b"body"])
    return tmp_path / "history.db"


def engine_of(place, postgres):
    if place.startswith("postgresql"):
        return create_engine(f"postgresql+psycopg://{place.removeprefix('postgresql://')}")
    return create_engine(f"sqlite:///{place}")


def test_the_revisions_make_the_tables_that_the_statements_are_made_of(place, postgres, opened):
    opened(place)
    engine = engine_of(place, postgres)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": migrating.FORMATS})
        found = inspect(connection)
        columns = {name: [column["name"] for column in found.get_columns(name)] for name in tables.metadata.tables}
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()
    assert columns == {name: list(table.columns.keys()) for name, table in tables.metadata.tables.items()}


def test_an_old_history_is_read_as_it_is(old, opened):
    before, store = old.read_bytes(), opened(old)
    assert [entry.leaf for entry in store.entries()] == leaves(600)
    assert (store.head(), store.body(digest(b"body"))) == (Head(600, root_of(leaves(600))), b"body")
    assert (store.checkpoint(), store.handle("person:1"), store.pseudonym("alice")) == (None, None, None)
    assert (store.stored(5), len(store.holding(b"59")), store.node(9, 0)) == (
        store.find(digest(leaves(6)[5]))[0], 16, root_of(leaves(512)),
    )  # fmt: skip
    assert old.read_bytes() == before


@pytest.mark.parametrize(
    "use",
    [
        Store.check_writable,
        lambda store: store.append(leaves(1)[0]),
        lambda store: store.keep_checkpoint(5, b"note"),
        lambda store: store.remember("person:1", "alice"),
        lambda store: store.forget("alice"),
    ],
    ids=["trying out", "an entry", "a checkpoint", "an identity", "forgetting"],
)
def test_an_old_history_is_upgraded_by_the_first_that_writes(old, opened, use):
    store = opened(old)
    use(store)
    assert (store.head(), store.keeper.has_tree) == (Head(600, root_of(leaves(600))), True)
    assert [entry.leaf for entry in opened(old).entries()] == leaves(600)
    with raw(old) as execute:
        assert execute("PRAGMA user_version").fetchall() == [(2,)]
        assert execute("SELECT version_num FROM ledger_format").fetchall() == [("0002",)]


def test_an_upgraded_history_is_as_one_that_was_new(old, tmp_path, opened):
    upgraded, new = opened(old), opened(tmp_path / "new.db")
    new.append_all([(leaf, None) for leaf in leaves(600)])
    for store in (upgraded, new):
        store.append(b"more")
    rows = []
    for path in (old, tmp_path / "new.db"):
        with raw(path) as execute:
            names = [name for (name,) in execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()]
            tables_ = ("entry", "tile", "head")
            rows.append((names, [execute(f"SELECT * FROM ledger_{name}").fetchall() for name in tables_]))
    assert rows[0] == rows[1]


def test_two_processes_may_upgrade_at_once(old, opened):
    first, second = opened(old), opened(old)
    assert [store.append(b"entry %d" % number).index for number, store in enumerate((first, second))] == [600, 601]
    assert first.head() == second.head() == Head(602, root_of([*leaves(600), b"entry 0", b"entry 1"]))


def test_an_old_greengate_that_still_has_the_file_open_cannot_write_past_the_tree(old, opened):
    with sqlite3.connect(old) as running:
        opened(old).append(b"more")
        leaf = b"theirs"
        row = (601, hashlib.sha256(leaf).hexdigest(), leaf, hashlib.sha256(b"\x00" + leaf).digest())
        with pytest.raises(sqlite3.IntegrityError, match="CHECK constraint failed"):
            running.execute("INSERT INTO ledger_entry VALUES (?, ?, ?, ?)", row)
    running.close()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE ledger_entry SET leaf = x'00' WHERE idx = 7", "entry 7 was changed after it was written"),
        ("UPDATE ledger_entry SET leaf_hash = x'00' WHERE idx = 8", "entry 8 was changed after it was written"),
        ("UPDATE ledger_entry SET entry_id = 'ab' WHERE idx = 9", "entry 9 was changed after it was written"),
        ("UPDATE ledger_entry SET leaf = 'text' WHERE idx = 7", "entry 7 was changed after it was written"),
        ("DELETE FROM ledger_entry WHERE idx = 300", "entry 300 is missing"),
        ("DELETE FROM ledger_entry WHERE idx = 599", "it has 599 entries, and its head says 600"),
        ("UPDATE ledger_head SET size = 599", "it has 600 entries, and its head says 599"),
        ("DELETE FROM ledger_head", "it has lost its head"),
    ],
)
def test_a_damaged_old_history_is_left_as_it_is(old, opened, change, told):
    with raw(old) as execute:
        execute("DROP TRIGGER entry_no_update")
        execute("DROP TRIGGER entry_no_delete")
        execute(change)
    before, store = old.read_bytes(), opened(old)
    with pytest.raises(HistoryError) as caught:
        store.append(b"more")
    assert caught.value.problem == f"this history is damaged, and was left as it is: {told}"
    assert (old.read_bytes(), list(sound(store)) != []) == (before, True)


class Full(sqlite3.Connection):
    """A connection whose disk is full once the tree is made."""

    def cursor(self):
        return super().cursor(FullCursor)


class FullCursor(sqlite3.Cursor):
    def execute(self, statement, *values):
        if "CREATE TABLE ledger_checkpoint" in statement:
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(statement, *values)


def test_a_revision_that_fails_half_way_leaves_nothing(old, opened, monkeypatch):
    store = opened(old)
    monkeypatch.setattr(
        ledger_file, "connected", lambda path: sqlite3.connect(path, isolation_level=None, factory=Full)
    )
    with pytest.raises(HistoryError, match="the disk is full; nothing was lost, and nothing was written"):
        store.append(b"more")
    monkeypatch.undo()
    assert (store.append(b"more").index, store.head().size) == (600, 601)
