import hashlib
import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greengate.errors import HistoryError
from greengate.ledger.canonical import digest, encode
from greengate.ledger.store import Store

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
    max_leaves=20,
)


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "deep" / "history.db")
    yield opened
    opened.close()


def append_many(path, worker, count):
    store = Store(path)
    for number in range(count):
        store.append(encode({"worker": worker, "number": number}))
    store.close()


def test_entries_come_back_newest_first_with_the_bytes_that_were_hashed(store):
    ids = [store.append(leaf).entry_id for leaf in (b"one", b"two")]
    assert [(entry.index, entry.leaf) for entry in store.newest_first()] == [(1, b"two"), (0, b"one")]
    assert ids == [hashlib.sha256(leaf).hexdigest() for leaf in (b"one", b"two")]


def test_the_same_leaf_again_returns_the_old_entry(store):
    assert store.append(b"one") == store.append(b"one")
    assert len(list(store.newest_first())) == 1


def test_an_entry_is_found_by_the_beginning_of_its_id(store):
    entry = store.append(b"one")
    assert store.find(entry.entry_id[:8]) == [entry]
    assert store.find("zz") == store.find("") == store.find("*") == []


def test_a_body_is_kept_by_its_digest(store):
    store.append(b"leaf", {digest(b"body"): b"body"})
    assert store.body(digest(b"body")) == b"body"


@pytest.mark.parametrize("statement", ["UPDATE ledger_entry SET leaf = x'00'", "DELETE FROM ledger_entry"])
def test_the_database_itself_refuses_to_change_an_entry(store, statement):
    store.append(b"one")
    with sqlite3.connect(store.place) as connection, pytest.raises(sqlite3.IntegrityError, match="entries never"):
        connection.execute(statement)
    connection.close()


def test_a_body_that_is_missing_is_named(store):
    with pytest.raises(HistoryError, match="the evidence 000000000000… is missing or damaged"):
        store.body("0" * 64)


def test_four_processes_write_one_history_without_gap_or_loss(tmp_path):
    path = tmp_path / "history.db"
    crowd = multiprocessing.get_context("spawn")
    workers = [crowd.Process(target=append_many, args=(path, worker, 25)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    store = Store(path)
    assert [entry.index for entry in store.newest_first()] == list(range(99, -1, -1))
    store.close()


def test_a_file_that_is_no_history_is_refused(tmp_path):
    (tmp_path / "text.db").write_text("not a database, but long enough to be taken for one by its size" * 20)
    with pytest.raises(HistoryError, match="the history is damaged: file is not a database"):
        Store(tmp_path / "text.db")


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(HistoryError, match="an SQLite database, but no history of greengate"):
        Store(tmp_path / "other.db")


def test_a_history_of_a_newer_format_is_refused(store):
    with sqlite3.connect(store.place) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(HistoryError, match="this history has format 9, this greengate reads format 2"):
        Store(store.place)


def test_somebody_elses_database_is_refused_whatever_its_format(tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(HistoryError, match="an SQLite database, but no history of greengate"):
        Store(tmp_path / "other.db")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="cannot be opened or written: File exists"):
        Store(tmp_path / "file" / "history.db")


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


def test_a_write_that_fails_loses_nothing(tmp_path):
    path = tmp_path / "history.db"
    told = subprocess.run([sys.executable, "-c", SMALL_DISK, path], capture_output=True, text=True, check=True)
    assert "disk" in told.stdout
    store = Store(path)
    assert [entry.leaf for entry in store.newest_first()] == [b"kept"]
    store.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_told_before_anything_is_measured(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(HistoryError, match="cannot be opened or written"):
        Store(tmp_path / "history.db")


def test_a_read_only_history_is_found_out_before_anything_is_measured(store):
    store.keeper._file.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(HistoryError, match="cannot be opened or written"):
        store.check_writable()


@given(plain)
def test_canonical_json_reads_back_and_is_the_same_for_any_order_of_keys(value):
    data = encode(value)
    assert json.loads(data) == value
    if isinstance(value, dict):
        assert encode(dict(reversed(value.items()))) == data


def test_canonical_json_refuses_floats_wherever_they_are():
    with pytest.raises(TypeError, match="write it as a decimal string"):
        encode({"a": [1, {"b": 0.5}]})
