"""Where a ledger can be, and what is said where it cannot."""

import errno
import fcntl
import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from ledgers_made import leaves, raw, root_of
from postgres_made import rights

from greengate.errors import HistoryError, MissingExtra, UsageError
from greengate.ledger import book
from greengate.ledger.canonical import digest, encode
from greengate.ledger.keeping import KIND
from greengate.ledger.postgres_server import PostgresServer
from greengate.ledger.soundness import sound
from greengate.ledger.store import Store


def refused(place, error=HistoryError, **given):
    with pytest.raises(error) as caught:
        Store(place, **given)
    return str(caught.value)


def test_what_was_written_is_there_when_the_ledger_is_opened_again(place, opened):
    for number in range(3):
        store = opened(place, make=number == 0)
        store.append(b"entry %d" % number)
        store.close()
    assert [entry.leaf for entry in opened(place).entries()] == [b"entry 0", b"entry 1", b"entry 2"]


def test_a_ledger_that_is_not_there_is_only_made_where_it_may_be(place, postgres):
    shown = f"postgresql://postgres@{postgres.socket}/postgres" if "://" in place else place
    told = f"{shown}: there is no history here yet\n  hint: `greengate gate` writes one"
    assert refused(place, UsageError, make=False) == told


def test_a_ledger_is_made_with_the_folders_that_it_lies_in(tmp_path, opened):
    opened(tmp_path / "deep" / "er" / "history.db").close()
    assert {path.name for path in (tmp_path / "deep" / "er").iterdir()} == {"history.db", "history.db.lock"}


def test_a_book_and_a_ledger_share_a_database(postgres, opened):
    address = postgres.schema()
    opened(address).append(b"one")
    with book.opened(address) as kept:
        assert kept.verify() == ()
    assert opened(address).size() == 1


@pytest.mark.parametrize("bytes_kept", [100, 4096, 20_000])
def test_a_file_that_was_cut_off_is_told(tmp_path, bytes_kept, opened):
    path = tmp_path / "history.db"
    store = opened(path)
    store.append_all([(leaf, None) for leaf in leaves(1000)])
    store.close()
    os.truncate(path, bytes_kept)
    with pytest.raises(HistoryError, match=r"the history is damaged: |is an SQLite database, but no history"):
        list(opened(path).entries())


def test_a_file_that_was_emptied_is_no_new_ledger_until_somebody_says_so(tmp_path, opened):
    path = tmp_path / "history.db"
    opened(path).append(b"one")
    os.truncate(path, 0)
    assert refused(path) == (
        f"{path}: the history is empty, and history.db.lock says that one was made here\n"
        "  hint: restore a backup, or remove history.db.lock to begin a new history"
    )
    (tmp_path / "history.db.lock").unlink()
    assert opened(path).size() == 0


def test_an_empty_file_becomes_a_ledger_and_so_does_one_whose_making_was_cut_short(tmp_path, opened):
    for name in ("new.db", "cut.db", "cut.db.lock"):
        (tmp_path / name).touch()
    assert [opened(tmp_path / name).append(b"one").index for name in ("new.db", "cut.db")] == [0, 0]


def test_what_is_no_database_is_told(tmp_path):
    (tmp_path / "text.db").write_text("not a database, but long enough to be taken for one by its size" * 20)
    assert refused(tmp_path / "text.db") == (
        f"{tmp_path}/text.db: the history is damaged: file is not a database\n"
        "  hint: restore a backup, or move the file away to begin a new history"
    )


@pytest.mark.parametrize("version", [0, 1, 2, 9])
def test_somebody_elses_database_is_refused_and_left_alone(tmp_path, version):
    path = tmp_path / "other.db"
    with raw(path) as execute:
        execute("CREATE TABLE theirs (x)")
        execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    assert "other.db: this is an SQLite database, but no history of greengate" in refused(path)
    assert path.read_bytes() == before


def test_tables_of_somebody_else_are_refused_by_a_server_and_left_alone(postgres):
    address = postgres.schema()
    with raw(address) as execute:
        execute("CREATE TABLE ledger_head (x INT)")
    assert "this database has tables of these names, but no history of greengate" in refused(address)


def test_a_ledger_of_a_newer_greengate_is_refused(place, opened):
    opened(place).close()
    with raw(place) as execute:
        execute("UPDATE ledger_format SET version_num = '0009'" if "://" in place else "PRAGMA user_version = 9")
    told = refused(place)
    assert "this history has format 9, this greengate reads format 4" in told
    assert told.endswith("hint: use the greengate that wrote it, or a newer one")


def test_a_file_that_tells_two_formats_of_itself_is_refused(tmp_path, opened):
    opened(path := tmp_path / "h.db").close()
    with raw(path) as execute:
        execute("UPDATE ledger_format SET version_num = '0099'")
    assert "it tells two formats of itself: 4, and in its table ledger_format 0099" in refused(path)


def test_a_ledger_that_has_lost_a_table_is_damaged(place, opened):
    store = opened(place)
    with raw(place) as execute:
        execute("DROP TABLE ledger_tile")
    with pytest.raises(HistoryError, match="the history is damaged: "):
        store.append_all([(leaf, None) for leaf in leaves(256)])
    assert store.size() == 0


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file" / "history.db") == (
        f"{tmp_path}/file/history.db: cannot be opened or written: File exists\n"
        "  hint: point `history:` in greengate.yaml at a writable place"
    )


def test_a_folder_is_no_ledger(tmp_path):
    assert "cannot be opened or written: unable to open database file" in refused(tmp_path)


def test_a_place_without_locks_is_told(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert refused(tmp_path / "history.db") == (
        f"{tmp_path}/history.db: cannot be locked here, and writers who do not see one another would damage it: "
        "No locks available\n  hint: network file systems may have no locks: put it on a local disk, or in PostgreSQL"
    )


def test_a_file_that_another_process_holds_is_told(tmp_path):
    store = Store(tmp_path / "history.db")
    store.keeper._file.connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HistoryError, match="another process holds this history"):
        store.append(b"one")
    other.close()
    assert store.append(b"one").index == 0


SMALL_DISK = """
import resource, signal, sys
from pathlib import Path
from greengate.errors import HistoryError
from greengate.ledger.store import Store
store = Store(Path(sys.argv[1]))
kept = store.append(b"kept")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size,) * 2)
try:
    store.append(b"x" * 65_535)
except HistoryError as error:
    print(error)
"""


def test_a_write_that_fails_loses_nothing(tmp_path, opened):
    path = tmp_path / "history.db"
    told = subprocess.run([sys.executable, "-c", SMALL_DISK, path], capture_output=True, text=True, check=True)
    assert "its disk cannot be read or written: disk I/O error" in told.stdout
    assert [entry.leaf for entry in opened(path).newest_first()] == [b"kept"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_told_before_anything_is_measured(tmp_path, opened):
    tmp_path.chmod(0o500)
    with pytest.raises(HistoryError, match="cannot be opened or written"):
        opened(tmp_path / "history.db")


def test_a_read_only_ledger_is_read_and_is_found_out_before_anything_is_measured(tmp_path, opened):
    store = opened(tmp_path / "history.db")
    store.append(b"one")
    store.keeper._file.connection.execute("PRAGMA query_only = ON")
    assert store.head().size == 1
    with pytest.raises(HistoryError, match="cannot be opened or written: attempt to write a readonly database"):
        store.check_writable()


def test_a_database_that_takes_no_writes_is_read_and_is_told(postgres, opened):
    address = postgres.schema()
    opened(address).append(b"one")
    store = opened(f"{address}%20-cdefault_transaction_read_only%3Don")
    assert store.size() == 1
    with pytest.raises(HistoryError, match="a standby, or set to read only"):
        store.check_writable()


def test_trying_out_writes_nothing(place, opened):
    store = opened(place)
    store.append(b"one")
    store.check_writable()
    assert (store.size(), store.head().root) == (1, root_of([b"one"]))


@pytest.mark.parametrize("use", [Store.size, lambda store: store.append(b"one")], ids=["reading", "writing"])
def test_a_connection_that_was_lost_is_told_and_made_again(postgres, opened, use):
    store = opened(postgres.schema())
    postgres.run(f"SELECT pg_terminate_backend({store.keeper._server.connection.info.backend_pid})")
    with pytest.raises(HistoryError) as caught:
        use(store)
    assert caught.value.problem.startswith("the connection was lost: ")
    assert caught.value.hint == "run again: what was written already is not written twice"
    assert (store.append(b"one").index, store.size()) == (0, 1)


def test_a_connection_that_was_closed_while_it_lay_idle_is_made_again_without_a_word(postgres, opened):
    store = opened(postgres.schema())
    server = store.keeper._server
    postgres.run(f"SELECT pg_terminate_backend({server.connection.info.backend_pid})")
    server._used -= 61
    assert (store.append(b"one").index, store.size()) == (0, 1)


@contextmanager
def held(place):
    """Somebody else holds the head of a ledger, and lets it go once somebody waits for it."""
    with psycopg.connect(place) as other:
        other.execute("SELECT FROM ledger_head FOR UPDATE")
        letting_go = threading.Thread(target=let_go, args=(place, other))
        letting_go.start()
        yield
        letting_go.join()


def let_go(place, other):
    with psycopg.connect(place, autocommit=True) as looking:
        while not looking.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall():
            time.sleep(0.01)
    other.rollback()


@contextmanager
def instead_of_waiting(place, words):
    """Let something else happen where an append that came after others makes itself wait for the disk."""
    with raw(place) as execute:
        ((made,),) = execute("SELECT pg_get_functiondef('ledger_write'::regproc)").fetchall()
        waiting = "pg_catalog.pg_logical_emit_message(true, 'greengate', '')"
        assert waiting in made
        execute(made.replace(waiting, words))
    yield
    with raw(place) as execute:
        execute(made)


def test_what_was_appended_before_a_connection_was_lost_is_not_appended_again(postgres, opened):
    place = postgres.schema()
    store = opened(place)
    with (
        instead_of_waiting(place, "pg_terminate_backend(pg_backend_pid())"),
        held(place),
        pytest.raises(HistoryError, match="the connection was lost: "),
    ):
        store.append(b"one")
    assert (store.size(), store.append(b"one").index, store.size()) == (1, 0, 1)


def test_a_commit_without_synchrony_is_made_to_wait_for_the_disk(postgres, opened):
    store = opened(f"{postgres.schema()}%20-csynchronous_commit%3Doff")
    with store.keeper.writing():
        shown = store.keeper._server.connection.execute("SHOW synchronous_commit").fetchall()
    assert shown == [("on",)]


@pytest.mark.parametrize("count", [1, 300], ids=["few", "many"])
def test_what_is_appended_is_on_the_disk_of_a_server_when_it_is_acknowledged(postgres, opened, count):
    store = opened(f"{postgres.schema()}%20-csynchronous_commit%3Doff")
    ((before,),) = postgres.run("SELECT pg_current_wal_insert_lsn()")
    store.append_all([(leaf, None) for leaf in leaves(count)])
    assert postgres.run(f"SELECT pg_current_wal_flush_lsn() > '{before}'") == [(True,)]


@pytest.mark.parametrize("options", ["", "%20-csynchronous_commit%3Doff"], ids=["as usual", "who would not wait"])
def test_what_is_appended_after_others_is_waited_for_with_them(postgres, opened, options):
    place = postgres.schema()
    store = opened(f"{place}{options}")
    with raw(place) as execute:
        execute("CREATE TABLE waited (how TEXT)")
        execute("CREATE FUNCTION note(how TEXT) RETURNS VOID LANGUAGE sql AS 'INSERT INTO waited VALUES (how)'")
    with instead_of_waiting(place, "note(current_setting('synchronous_commit'))"):
        store.append(b"alone")
        with held(place):
            store.append(b"after others")
    with raw(place) as execute:
        assert (execute("SELECT how FROM waited").fetchall(), store.size()) == ([("on",)], 2)


def test_what_is_appended_after_others_lets_go_of_the_head_before_it_waits(postgres, opened):
    place = postgres.schema()
    store, other = opened(place), opened(place)
    with (
        instead_of_waiting(place, "pg_advisory_xact_lock(77)"),
        ThreadPoolExecutor() as threads,
        psycopg.connect(place) as disk,
    ):
        disk.execute("SELECT pg_advisory_xact_lock(77)")
        with held(place):
            waiting = threads.submit(store.append, b"after others")
        while not other.size():
            time.sleep(0.01)
        assert other.append(b"meanwhile").index == 1
        assert not waiting.done()
        disk.rollback()
        assert waiting.result().index == 0


def test_a_user_without_rights_reads_what_is_missing(postgres):
    told = refused(postgres.schema().replace("postgres@", f"{postgres.user()}@"))
    assert "this user may not do that: " in told
    assert told.endswith("hint: docs/ledger.md tells which rights it needs")


def granted(postgres, opened, heading):
    """A ledger, and its address for a user who has the rights that the page tells under a heading."""
    address = postgres.schema()
    opened(address).append_all([(leaf, None) for leaf in leaves(255)])
    return postgres.granted(address, rights(heading))


def test_the_rights_that_the_page_tells_are_enough_to_write_and_no_more(postgres, opened):
    store = opened(granted(postgres, opened, "to write:"))
    store.append(b"one", {digest(b"body"): b"body"})
    store.keep_checkpoint(256, b"note")
    store.remember("person:1", "alice")
    assert (store.forget("alice"), store.size()) == (1, 256)
    with pytest.raises(HistoryError, match="permission denied for table ledger_entry"):
        store.keeper._server.ask("DELETE FROM ledger_entry")


def test_the_rights_that_the_page_tells_are_enough_to_read_and_no_more(postgres, opened):
    store = opened(granted(postgres, opened, "to read:"))
    assert (store.head().size, store.handle("person:1"), len(list(store.entries()))) == (255, None, 255)
    for _ in range(2):
        with pytest.raises(HistoryError, match="permission denied for table ledger_head"):
            store.append(b"one")
    assert store.size() == 255


def test_functions_that_the_database_grants_nobody_do_not_keep_writers_out(postgres, opened):
    postgres.run("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    try:
        store = opened(granted(postgres, opened, "to write:"))
    finally:
        postgres.run("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC")
    assert store.append(b"one").index == 255


FALSE = [
    "FUNCTION cardinality(text[]) RETURNS integer", "FUNCTION cardinality(bytea[]) RETURNS integer",
    "FUNCTION array_length(bytea[], integer) RETURNS integer", "FUNCTION length(bytea) RETURNS integer",
    "FUNCTION array_append(bigint[], bigint) RETURNS bigint[]", "FUNCTION sha256(bytea) RETURNS bytea",
    "FUNCTION one(bigint, integer) RETURNS bigint", "FUNCTION more(bigint[], bigint) RETURNS bigint[]",
    "PROCEDURE ledger_write(bytea[], integer[], text[], text[], text[], bytea[], INOUT text)",
    "PROCEDURE ledger_write(bytea[], integer[], varchar[], varchar[], varchar[], bytea[], INOUT bigint[])",
    "FUNCTION ledger_append(bytea[], integer[], varchar[], varchar[], varchar[], bytea[]) RETURNS bigint[]",
    "FUNCTION current_setting(text) RETURNS text", "FUNCTION one(text, text) RETURNS boolean",
    "OPERATOR & (leftarg = bigint, rightarg = integer, function = one)",
    "OPERATOR || (leftarg = bigint[], rightarg = bigint, function = more)",
]  # fmt: skip


def test_a_function_that_somebody_else_made_in_its_schema_is_not_run_by_an_append(postgres, opened):
    place, other = postgres.schema(), postgres.user()
    schema, store = place.rpartition("%3D")[2], opened(place)
    postgres.run(f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {other}")
    with raw(place.replace("postgres@", f"{other}@")) as execute:
        for one in FALSE:
            words = " LANGUAGE plpgsql AS $$ BEGIN RAISE division_by_zero; END $$" if one[0] in "FP" else ""
            execute(f"CREATE {one}{words}")
    store.append_all([(leaf, {digest(leaf): leaf}) for leaf in leaves(300)])
    assert (store.append(b"one", {digest(b"body"): b"body"}).index, store.open_schemas()) == (300, [schema])


def test_a_schema_in_which_only_its_owner_makes_anything_is_not_told(place, opened):
    assert opened(place).open_schemas() == []


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_of_another_encoding_holds_entries_of_any_type(postgres, opened, encoding):
    postgres.run(f"CREATE DATABASE {encoding} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    store = opened(f"postgresql://postgres@/{encoding.lower()}?host={postgres.socket}")
    leaf = encode({"predicateType": "urn:→", "subject": []})
    assert (store.append(leaf).index, list(sound(store))) == (0, [])
    assert store.remember("person:1", "Ömer Smith") == "person:1"
    assert (store.find(digest(leaf)[:9])[0].leaf, store.handle("person:1")) == (leaf, "Ömer Smith")


def test_a_character_that_a_database_has_no_place_for_is_told(postgres, opened):
    postgres.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    store = opened(f"postgresql://postgres@/latin?host={postgres.socket}")
    with pytest.raises(HistoryError) as caught:
        store.remember("person:1", "Łukasz Smith")
    assert (caught.value.problem, caught.value.hint) == (
        "this database cannot hold all characters that are to be written: its encoding is not UTF8",
        "use a database in UTF8",
    )


def test_a_statement_that_the_database_ends_is_told_and_run_again_by_nobody_but_the_user(postgres, opened):
    place = postgres.schema()
    store = opened(f"{place}%20-cstatement_timeout%3D50")
    with raw(place) as execute:
        execute("SELECT size FROM ledger_head FOR UPDATE")
        with pytest.raises(HistoryError, match="or its `statement_timeout` is short") as caught:
            store.append(b"one")
    assert caught.value.hint == "run again: what was written already is not written twice"
    assert (store.size(), store.append(b"one").index) == (0, 0)


def test_nobody_writes_between_the_parts_of_what_is_appended_at_once(place, opened):
    with opened(place).appending() as append:
        assert not may_write(place)
        assert [one.index for one in append([(b"one", None)])] == [0]
    assert may_write(place)


def may_write(place):
    """Whether the head of a ledger is nobody's."""
    try:
        with raw(place) as execute:
            execute("SET lock_timeout = '20ms'" if place.startswith("postgresql") else "PRAGMA busy_timeout = 20")
            execute("UPDATE ledger_head SET size = size")
    except (psycopg.errors.LockNotAvailable, sqlite3.OperationalError):
        return False
    return True


@pytest.mark.parametrize("password", ["", "wr0ng-s3cret"], ids=["none", "a wrong one"])
def test_a_wrong_password_is_told_without_it(postgres, password):
    user = postgres.user("p@ss/w:rd#1%")
    told = refused(postgres.address(user, "public"), password=password)
    assert told.startswith(f"postgresql://{user}@{postgres.socket}/postgres: cannot be reached: connection ")
    assert told.endswith("hint: set GREENGATE_HISTORY_PASSWORD, or write the password into ~/.pgpass")
    assert "s3cret" not in told


def test_a_server_that_is_not_there_is_told_without_its_password():
    told = refused("postgresql://u:s3cret@127.0.0.1:1/db")
    assert told.startswith("postgresql://u@127.0.0.1:1/db: cannot be reached: ")
    assert told.endswith("hint: is the server running, and may it be reached from here?")
    assert "s3cret" not in told


def test_a_full_disk_of_a_server_is_told():
    server = PostgresServer.__new__(PostgresServer)
    server._parameters, server._kind, server.where = {}, KIND, "postgresql://here/db"
    with pytest.raises(HistoryError, match="the disk of the database is full; nothing was lost"), server.translated():
        raise psycopg.errors.DiskFull("could not extend file")


@pytest.mark.parametrize("place", ["", "a\0b", "postgresql://u@127.0.0.1/db\n"])
def test_what_cannot_be_a_place_is_refused(place):
    assert refused(place, UsageError) == (
        "the history: its place is not given, or has a character that cannot be shown\n"
        "  hint: give a path, or `postgresql://user@host/database`"
    )


@pytest.mark.parametrize("scheme", ["mysql", "smb", "https", "sqlite"])
def test_the_address_of_something_else_is_refused_without_showing_it(scheme):
    assert refused(f"{scheme}://u:s3cret@127.0.0.1/db", UsageError) == (
        f"the history: `{scheme}://…` is no address of a history\n"
        "  hint: give a path, or `postgresql://user@host/database`"
    )


def test_without_psycopg_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "greengate.ledger.postgres_server", None)
    assert refused("postgresql://127.0.0.1/db", MissingExtra) == (
        "the history: a history in PostgreSQL needs the package psycopg\n  hint: pip install 'greengate-ci[postgres]'"
    )


def test_a_ledger_in_a_file_needs_no_psycopg_and_one_that_is_not_opened_no_sqlalchemy(tmp_path):
    code = """
import sys
from greengate.ledger.store import Store
print("sqlalchemy" in sys.modules)
Store(sys.argv[1]).append(b"one")
print("psycopg" in sys.modules)
"""
    command = [sys.executable, "-c", code, tmp_path / "history.db"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\nFalse\n"
