"""How a ledger's tables came to be what they are: revisions, and histories of the first format."""

import hashlib
import signal
import sqlite3
from contextlib import contextmanager

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from ledgers_made import first_format, killed_upgrading, leaves, policy, raw, root_of, second_format, unguarded
from sqlalchemy import Engine, create_engine, event, inspect

from greengate.errors import HistoryError
from greengate.ledger import ledger_file, migrating, tables
from greengate.ledger.canonical import digest
from greengate.ledger.soundness import sound
from greengate.ledger.store import Head, Store
from greengate.records import Kind, predicate_type


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
    assert (store.checkpoint(), store.handle("person:1"), store.pseudonyms("alice")) == (None, None, [])
    assert (store.stored(5), len(store.holding(b"59", [""])), store.node(9, 0)) == (
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
    assert (store.head(), store.has_marks) == (Head(600, root_of(leaves(600))), True)
    assert [entry.leaf for entry in opened(old).entries()] == leaves(600)
    with raw(old) as execute:
        assert execute("PRAGMA user_version").fetchall() == [(4,)]
        assert execute("SELECT version_num FROM ledger_format").fetchall() == [("0004",)]


def test_an_upgraded_history_is_as_one_that_was_new(old, tmp_path, opened):
    upgraded, new = opened(old), opened(tmp_path / "new.db")
    new.append_all([(leaf, None) for leaf in leaves(600)])
    for store in (upgraded, new):
        store.append(b"more")
    rows = []
    for path in (old, tmp_path / "new.db"):
        with raw(path) as execute:
            names = [name for (name,) in execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()]
            tables_ = ("entry", "tile", "head", "mark", "identity")
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


MARKED = [*leaves(300), policy(b"one"), policy(b"two")]
POLICY = predicate_type(Kind.POLICY)


@pytest.fixture
def unmarked(place):
    """A ledger of the second format, of 300 other entries and two policies."""
    second_format(place, MARKED)
    with raw(place) as execute:
        execute("INSERT INTO ledger_identity VALUES ('person:1', 'alice')")
        execute("INSERT INTO ledger_identity VALUES (?, ?)", ("person:2", "alice\n2"))
        for text in (b"one", b"two"):
            execute("INSERT INTO ledger_body VALUES (?, ?)", (digest(text), text))
    return place


def told(store):
    """What is the same of a ledger without marks and with them."""
    return (
        store.head(), [one.index for one in store.of_type(POLICY)], [one.index for one in store.newest_of(POLICY)],
        [one.index for one in store.holding(b"one", [POLICY])], store.handle("person:2"), store.pseudonyms("alice"),
    )  # fmt: skip


def test_a_ledger_without_marks_is_read_as_it_is_and_marked_by_the_first_that_writes(unmarked, opened):
    store, before = opened(unmarked), (Head(302, root_of(MARKED)), [300, 301], [301, 300])
    assert told(store)[:3] == before
    assert (store.has_marks, list(sound(store))) == (False, [])
    first = told(store)
    store.check_writable()
    assert (told(store), told(opened(unmarked)), store.has_marks) == (first, first, True)
    assert (store.types(302), list(sound(store))) == ({"": 300, POLICY: 2}, [])
    assert store.forget("alice") == 2


def test_a_ledger_without_marks_that_is_damaged_is_left_as_it_is(unmarked, opened):
    with unguarded(unmarked) as execute:
        execute("UPDATE ledger_entry SET leaf = (SELECT leaf FROM ledger_entry WHERE idx = 8) WHERE idx = 7")
    store = opened(unmarked)
    with pytest.raises(HistoryError, match="was left as it is: entry 7 was changed after it was written"):
        store.append(b"more")
    assert (opened(unmarked).has_marks, store.size()) == (False, 302)


def test_who_wrote_before_marks_cannot_write_on_without_them(unmarked, opened):
    opened(unmarked).check_writable()
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)), raw(unmarked) as execute:
        execute("UPDATE ledger_head SET size = 303")


def test_an_older_greengate_waits_while_a_ledger_in_postgresql_is_marked(postgres, opened):
    place = postgres.schema()
    second_format(place, leaves(300))

    def append(*_):
        with psycopg.connect(place) as older:
            older.execute("SET lock_timeout = '20ms'")
            older.execute("SELECT size FROM ledger_head").fetchall()
            with pytest.raises(psycopg.errors.LockNotAvailable):
                older.execute("SELECT size FROM ledger_head FOR UPDATE")
            asked.append(older)

    asked = []
    with during(append):
        assert opened(place).append(b"more").index == 300
    assert (len(asked), list(sound(opened(place)))) == (3, [])


@contextmanager
def during(what):
    """Do something whenever an upgrade reads entries."""

    def statement(_connection, _cursor, words, *_):
        if words.startswith("SELECT idx, entry_id"):
            what()

    event.listen(Engine, "before_cursor_execute", statement)
    yield
    event.remove(Engine, "before_cursor_execute", statement)


def test_a_ledger_in_the_second_schema_of_a_path_is_brought_up_there(postgres, opened):
    first, place = postgres.schema(), postgres.schema()
    second_format(place, leaves(3))
    both = opened(f"{first}%2C{place.rpartition('%3D')[2]}")
    assert (both.append(b"more").index, list(sound(both)), list(sound(opened(place)))) == (3, [], [])


def test_a_handle_of_several_lines_is_kept_as_it_is(place, opened):
    second_format(place, leaves(3))
    with raw(place) as execute:
        for number, handle in enumerate(("Olga\nSmith", "Olga\nSmith\n2", "bob\n1", "bob\n12")):
            execute("INSERT INTO ledger_identity VALUES (?, ?)", (f"person:{number}", handle))
    store = opened(place)
    handles = ["Olga\nSmith", "Olga\nSmith", "bob\n1", "bob"]
    assert [store.handle(f"person:{number}") for number in range(4)] == handles
    store.check_writable()
    assert [store.handle(f"person:{number}") for number in range(4)] == handles
    assert (store.pseudonyms("Olga\nSmith"), store.pseudonyms("bob")) == (["person:0", "person:1"], ["person:3"])


def test_a_ledger_of_the_third_format_is_read_and_written_on(place, opened):
    opened(place).append_all([(leaf, None) for leaf in leaves(300)])
    with raw(place) as execute:
        execute("UPDATE ledger_format SET version_num = '0003'")
        execute("DROP PROCEDURE ledger_write" if place.startswith("postgresql") else "PRAGMA user_version = 3")
    store, running = opened(place), opened(place)
    assert (store.size(), store.has_marks, list(sound(store))) == (300, True, [])
    assert [one.append(leaf).index for one in (store, running) for leaf in (b"one", b"more")] == [300, 301, 300, 301]
    assert (list(sound(store)), opened(place).size()) == ([], 302)
    with raw(place) as execute:
        assert execute("SELECT version_num FROM ledger_format").fetchall() == [("0004",)]


@pytest.mark.parametrize("who", ["another", "owner", "owner of some"])
def test_a_ledger_of_the_third_format_is_written_on_by_who_may_not_upgrade_it(postgres, opened, who):
    place, user = postgres.schema(), postgres.user()
    opened(place).append_all([(leaf, None) for leaf in leaves(3)])
    schema = place.rpartition("%3D")[2]
    with raw(place) as execute:
        execute("UPDATE ledger_format SET version_num = '0003'")
        execute("DROP PROCEDURE ledger_write")
    if who == "owner of some":  # somebody else made what is called so
        postgres.run(f"CREATE PROCEDURE {schema}.ledger_write(bytea[], integer[], text[], text[], text[], bytea[],"
                     f" INOUT bigint[]) LANGUAGE plpgsql AS $$ BEGIN RAISE division_by_zero; END $$")  # fmt: skip
        store = opened(place)
    else:
        words = "INSERT, SELECT" if who == "another" else "ALL"
        postgres.run(f"GRANT USAGE ON SCHEMA {schema} TO {user}",
                     f"GRANT {words} ON ALL TABLES IN SCHEMA {schema} TO {user}",
                     f"GRANT UPDATE ON {schema}.ledger_head TO {user}")  # fmt: skip
        store = opened(place.replace("postgres@", f"{user}@"))
    assert [store.append(leaf).index for leaf in (b"one", b"more", b"one")] == [3, 4, 3]
    assert [one.index for one in store.append_all([(leaf, None) for leaf in leaves(300)])][-1] == 301
    assert (store.size(), list(sound(store))) == (302, [])
    with raw(place) as execute:
        assert execute("SELECT version_num FROM ledger_format").fetchall() == [("0003",)]


def test_who_may_not_upgrade_a_database_is_told_who_may(postgres, opened):
    place, user = postgres.schema(), postgres.user()
    second_format(place, leaves(3))
    schema = place.rpartition("%3D")[2]
    postgres.run(
        f"GRANT USAGE ON SCHEMA {schema} TO {user}", f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user}"
    )
    store = opened(place.replace("postgres@", f"{user}@"))
    with pytest.raises(HistoryError) as caught:
        store.append(b"more")
    assert caught.value.problem.startswith(
        "its tables are of format 2, and were not brought to format 4: this user may "
    )
    assert (caught.value.hint, store.size()) == ("let their owner write once; docs/ledger.md tells how", 3)


def test_whoever_might_write_tiles_may_write_marks_after_an_upgrade(postgres, opened):
    place, user = postgres.schema(), postgres.user()
    second_format(place, leaves(3))
    schema = place.rpartition("%3D")[2]
    postgres.run(f"GRANT SELECT, INSERT ON {schema}.ledger_tile TO {user}")
    opened(place).append(b"more")
    rights = postgres.run(f"SELECT has_table_privilege('{user}', '{schema}.ledger_mark', 'SELECT'),"
        f" has_table_privilege('{user}', '{schema}.ledger_mark', 'INSERT'),"
        f" has_table_privilege('{user}', '{schema}.ledger_mark', 'DELETE')")  # fmt: skip
    assert rights == [(True, True, False)]


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


LAST = 10**6


@pytest.mark.parametrize("statement", [2, 9, 16, 24, LAST], ids=["2nd", "9th", "16th", "24th", "the end"])
def test_an_upgrade_that_is_killed_leaves_the_first_format_whole(old, opened, statement):
    before = [tables_of(old), old.read_bytes()]
    assert killed_upgrading(str(old), statement) == -signal.SIGKILL
    store, stray = opened(old), [f"no entry refers to the evidence {digest(b'body')}"]
    assert (store.head(), store.has_marks, list(sound(store))) == (Head(600, root_of(leaves(600))), False, stray)
    assert [tables_of(old), old.read_bytes()] == before
    assert (store.append(b"more").index, store.has_marks, list(sound(store))) == (600, True, stray)


@pytest.mark.parametrize("statement", [3, 7, 12, 16, LAST], ids=["3rd", "7th", "12th", "16th", "the end"])
def test_an_upgrade_that_is_killed_leaves_the_second_format_whole(unmarked, opened, statement):
    before = tables_of(unmarked)
    assert killed_upgrading(unmarked, statement) == -signal.SIGKILL
    store = opened(unmarked)
    assert (store.head(), store.has_marks, list(sound(store))) == (Head(302, root_of(MARKED)), False, [])
    assert tables_of(unmarked) == before
    assert (store.append(b"more").index, store.has_marks, list(sound(store))) == (302, True, [])


def tables_of(place):
    """The columns of all tables of a ledger."""
    server = str(place).startswith("postgresql")
    columns = """SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"""
    with raw(place) as execute:
        return execute(columns if server else "SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
