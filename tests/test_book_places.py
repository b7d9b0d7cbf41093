"""Where a book of budgets can be, and what is said where it cannot."""

import os
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from book_made import NLP, NOTE, claim

from greengate.errors import BookError, HistoryError, MissingExtra, UsageError
from greengate.ledger import book
from greengate.ledger.postgres_server import PostgresServer
from greengate.ledger.store import Store
from greengate.settings import BookAccess, book_access

SECRET = "p@ss/w:rd#1%"
ESCAPES = (
    "look behind the `?`; in a password write `%40` for `@`, `%2F` for `/`, `%3A` for `:`, `%3F` for `?`, "
    "`%23` for `#`, `%25` for `%`"
)


def refused(place, error=BookError, **given):
    with pytest.raises(error) as caught, book.opened(place, **given):
        pass
    return str(caught.value)


@contextmanager
def raw(path):
    connection = sqlite3.connect(path)
    with connection:
        yield connection
    connection.close()


def test_what_was_written_is_there_when_the_book_is_opened_again(place):
    with book.opened(place) as kept:
        kept.reserve("acme/x#1", [claim(5)], NOTE)
    with book.opened(place, make=False) as kept:
        assert [one.amount for one in kept.held()] == [5]


def test_a_book_that_is_not_there_is_only_made_where_it_may_be(place):
    assert refused(place, UsageError, make=False).endswith("there is no book of budgets here yet")


def test_a_history_is_no_book_and_a_book_is_no_history(tmp_path):
    Store(tmp_path / "history.db").close()
    with book.opened(tmp_path / "book.db"):
        pass
    told = "history.db: this is an SQLite database, but no book of budgets of greengate"
    assert told in refused(tmp_path / "history.db")
    with pytest.raises(HistoryError, match=r"book\.db: this is an SQLite database, but no history of greengate"):
        Store(tmp_path / "book.db")


def test_what_is_no_database_is_told(tmp_path):
    (tmp_path / "text.db").write_text("not a database, but long enough to be taken for one by its size" * 20)
    assert refused(tmp_path / "text.db") == (
        f"{tmp_path}/text.db: the book of budgets is damaged: file is not a database\n"
        "  hint: restore a backup, or move the file away to begin a new book of budgets"
    )


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file" / "book.db") == (
        f"{tmp_path}/file/book.db: cannot be opened or written: File exists\n"
        "  hint: point at a place that can be written to"
    )


def test_a_book_that_may_only_be_read_is_read(tmp_path):
    with book.opened(tmp_path / "book.db") as kept:
        kept.reserve("acme/x#1", [claim(5)], NOTE)
        kept.keeper._file.connection.execute("PRAGMA query_only = ON")
        assert kept.status(NLP).balance.reserved == 5
        with pytest.raises(BookError, match="cannot be opened or written: attempt to write a readonly database"):
            kept.reserve("acme/x#2", [claim(5)], NOTE)


def test_nothing_replaces_an_event_by_another_in_sqlite(tmp_path):
    with book.opened(tmp_path / "book.db") as kept:
        kept.reserve("acme/x#1", [claim(5)], NOTE)
    with raw(tmp_path / "book.db") as connection, pytest.raises(sqlite3.IntegrityError, match="events never change"):
        connection.execute("INSERT OR REPLACE INTO book_event SELECT * FROM book_event")


SMALL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from book_made import NOTE, claim
from greengate.errors import BookError
from greengate.ledger import book
with book.opened(sys.argv[1]) as kept:
    kept.reserve("acme/x#1", [claim(1)], NOTE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size,) * 2)
    try:
        for number in range(2, 1000):
            kept.reserve(f"acme/x#{number}", [claim(0)], NOTE)
    except BookError as error:
        print(number, error)
"""


def test_a_full_disk_loses_nothing_that_was_granted(tmp_path):
    path, here = tmp_path / "book.db", Path(__file__).parent
    told = subprocess.run([sys.executable, "-c", SMALL_DISK, path, here], capture_output=True, text=True, check=True)
    number, _, words = told.stdout.partition(" ")
    assert "disk" in words
    with book.opened(path) as kept:
        assert len(kept.held()) == int(number) - 1
        assert kept.verify() == ()


@pytest.mark.parametrize(
    ("version", "told"),
    [("UPDATE book_format SET version = 9", "has another format"), ("DROP TABLE book_format", "no book of budgets")],
    ids=["a newer format", "somebody else's tables"],
)
def test_what_is_no_book_of_this_format_is_refused_by_a_server_too(postgres, version, told):
    place = postgres.schema()
    with book.opened(place) as kept, kept.keeper.writing() as execute:
        execute(version)
    assert told in refused(place)


def test_a_book_of_a_newer_format_is_refused(tmp_path):
    with book.opened(tmp_path / "book.db"):
        pass
    with raw(tmp_path / "book.db") as connection:
        connection.execute("PRAGMA user_version = 9")
    assert "this book of budgets has format 9, this greengate reads format 1" in refused(tmp_path / "book.db")


@pytest.mark.parametrize("statement", ["TRUNCATE book_event", "DELETE FROM book_event"])
def test_nothing_empties_the_events_of_a_server(postgres, statement):
    with book.opened(postgres.schema()) as kept:
        kept.reserve("acme/x#1", [claim(5)], NOTE)
        with pytest.raises(BookError, match="events never change and never go"), kept.keeper.writing() as execute:
            execute(statement)
        assert kept.verify() == ()


def test_a_connection_that_was_lost_is_told_and_made_again(postgres):
    with book.opened(postgres.schema()) as kept:
        postgres.run(f"SELECT pg_terminate_backend({kept.keeper._server.connection.info.backend_pid})")
        with pytest.raises(BookError) as caught:
            kept.held()
        assert "the connection was lost: terminating connection due to administrator command" in str(caught.value)
        assert caught.value.hint == "run again: what was written already is not written twice"
        kept.reserve("acme/x#1", [claim(5)], NOTE)
        assert kept.status(NLP).balance.reserved == 5


def test_a_commit_without_synchrony_is_made_to_wait_for_the_disk(postgres):
    with book.opened(f"{postgres.schema()}%20-csynchronous_commit%3Doff") as kept, kept.keeper.writing() as execute:
        assert execute("SHOW synchronous_commit") == [("on",)]


def test_a_user_without_rights_reads_what_is_missing(postgres):
    told = refused(postgres.schema().replace("postgres@", f"{postgres.user()}@"))
    assert "this user may not do that: " in told
    assert told.endswith("hint: docs/budgets.md tells which rights it needs")


def test_the_rights_that_the_page_tells_are_enough_and_no_more(postgres):
    address, user = postgres.schema(), postgres.user()
    schema = address.rpartition("%3D")[2]
    with book.opened(address):
        pass
    postgres.run(f"GRANT USAGE ON SCHEMA {schema} TO {user}")
    postgres.run(*(line.replace(" ON ", f" ON {schema}.").replace("TO gate", f"TO {user}") for line in rights()))
    with book.opened(address.replace("postgres@", f"{user}@")) as kept:
        kept.reserve("acme/x#1", [claim(5)], NOTE)
        kept.consume("acme/x#1", NOTE)
        assert kept.verify() == ()
        with pytest.raises(BookError, match="permission denied for table book_event"), kept.keeper.writing() as execute:
            execute("DELETE FROM book_event")


def rights():
    page = Path(__file__).parents[1].joinpath("docs", "budgets.md").read_text()
    return [line.removesuffix(";") for line in page.splitlines() if line.startswith("GRANT ")]


def test_a_database_that_takes_no_writes_is_told(postgres):
    schema = postgres.schema()
    with book.opened(schema):
        pass
    with book.opened(f"{schema}%20-cdefault_transaction_read_only%3Don") as kept:
        with pytest.raises(BookError) as caught:
            kept.reserve("acme/x#1", [claim(5)], NOTE)
        assert caught.value.problem == "nothing can be written here: this database is a standby, or set to read only"


def test_a_full_disk_of_a_server_is_told():
    server = PostgresServer.__new__(PostgresServer)
    server._parameters, server._kind, server.where = {}, book.KIND, "postgresql://here/db"
    with pytest.raises(BookError, match="the disk of the database is full; nothing was lost"), server.translated():
        raise psycopg.errors.DiskFull("could not extend file")


def test_a_password_is_taken_from_the_address_the_settings_or_a_file(postgres, tmp_path):
    user, schema = postgres.user(SECRET), postgres.schema().rpartition("%3D")[2]
    postgres.run(f"GRANT CREATE, USAGE ON SCHEMA {schema} TO {user}")
    (tmp_path / "pgpass").write_text("*:*:*:*:" + SECRET.replace(":", "\\:") + "\n")
    (tmp_path / "pgpass").chmod(0o600)
    for password, given in (
        (SECRET, {}),
        ("", {"password": SECRET}),
        ("", {"passfile": str(tmp_path / "pgpass")}),
    ):
        with book.opened(postgres.address(user, schema, password), **given) as kept:
            assert kept.keeper.where == f"postgresql://{user}@{postgres.socket}/postgres"


@pytest.mark.parametrize("password", ["", "wr0ng-s3cret"], ids=["none", "a wrong one"])
def test_a_wrong_password_is_told_without_it(postgres, password):
    user = postgres.user(SECRET)
    told = refused(postgres.address(user, "public"), password=password)
    assert told.startswith(f"postgresql://{user}@{postgres.socket}/postgres: cannot be reached: connection ")
    assert told.endswith("hint: set GREENGATE_BOOK_PASSWORD, or write the password into ~/.pgpass")
    assert "s3cret" not in told


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:s3cret/more@127.0.0.1:1/db",
        "postgresql://u:p@s3cret@127.0.0.1:1/db",
        "postgresql://u:1/s3cret@127.0.0.1:1/db",
        "postgresql://u:s3cret/db",
        "postgresql://u:s3cret%@127.0.0.1/db",
        "postgresql://u:s3cret@127.0.0.1:1/db?secret=s3cret",
    ],
    ids=["a slash", "an at", "a slash after a number", "no host", "a percent sign", "an unknown word"],
)
def test_an_address_that_cannot_be_read_is_told_without_its_password(address):
    assert refused(address, UsageError) == (
        f"the book: this address of a PostgreSQL database cannot be read\n  hint: {ESCAPES}"
    )


def test_a_server_that_is_not_there_is_told_without_its_password():
    told = refused("postgresql://u:s3cret@127.0.0.1:1/db")
    assert told.startswith("postgresql://u@127.0.0.1:1/db: cannot be reached: ")
    assert told.endswith("hint: is the server running, and may it be reached from here?")
    assert "s3cret" not in told


def test_a_password_in_the_words_of_a_library_is_left_out(monkeypatch):
    def connect(**_):
        raise psycopg.OperationalError("cannot use s3cret\nwith anything")

    monkeypatch.setattr(psycopg, "connect", connect)
    with pytest.raises(BookError) as caught, book.opened("postgresql://u:s3cret@127.0.0.1/db"):
        pass
    assert "cannot use …; with anything" in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("place", ["", "a\0b", "postgresql://u@127.0.0.1/db\n"])
def test_what_cannot_be_a_place_is_refused(place):
    assert refused(place, UsageError) == (
        "the book: its place is not given, or has a character that cannot be shown\n"
        "  hint: give a path, or `postgresql://user@host/database`"
    )


def test_a_folder_is_no_book(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in (".", tmp_path):
        assert "cannot be opened or written: unable to open database file" in refused(folder)


@pytest.mark.parametrize("scheme", ["mysql://", "postgresql+psycopg://", "sqlite:///", "postgresql:"])
def test_the_address_of_something_else_is_refused_without_showing_it(scheme):
    told = refused(f"{scheme}u:s3cret@127.0.0.1/db", UsageError)
    assert told == (
        f"the book: `{scheme.rstrip('/') + '//' * ('/' in scheme)}…` is no address of a book of budgets\n"
        "  hint: give a path, or `postgresql://user@host/database`"
    )


def test_without_psycopg_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "greengate.ledger.postgres_server", None)
    assert refused("postgresql://127.0.0.1/db", MissingExtra) == (
        "the book: a book of budgets in PostgreSQL needs the package psycopg\n"
        "  hint: pip install 'greengate-ci[postgres]'"
    )


def test_a_book_in_a_file_needs_no_psycopg():
    code = "import sys; from greengate.ledger import book; print('psycopg' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, BookAccess()),
        ({"PGPASSWORD": "a", "PGPASSFILE": "f"}, BookAccess("a", "f")),
        ({"PGPASSWORD": "a", "GREENGATE_BOOK_PASSWORD": "b"}, BookAccess("b")),
    ],
    ids=["nothing", "PostgreSQL's own", "both"],
)
def test_the_password_may_stand_in_the_environment_and_is_not_shown(given, expected):
    assert book_access(given) == expected
    assert "password" not in repr(expected)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_takes_no_files_is_told(tmp_path):
    tmp_path.chmod(0o500)
    assert "cannot be opened or written" in refused(tmp_path / "book.db")
