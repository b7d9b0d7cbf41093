"""A ledger under many processes, and under processes that are killed: on SQLite and on PostgreSQL."""

import random
import time

import pytest
from book_made import together
from ledgers_made import append_many, killed, root_of
from postgres_made import Server

from greengate.ledger.soundness import sound


def test_four_processes_write_one_ledger_without_gap_loss_or_twin(place, opened):
    told = together(append_many, place, 4, 24)
    found = list(opened(place).entries())
    assert [entry.index for entry in found] == list(range(4 * 24 + 8))
    assert sorted({name for worker in told for name in worker}) == sorted(entry.entry_id for entry in found)
    assert [len(worker) for worker in told] == [32] * 4
    assert opened(place).head().root == root_of([entry.leaf for entry in found])
    assert list(sound(opened(place))) == []


@pytest.mark.parametrize("isolation", ["repeatable%5C%20read", "serializable"])
def test_whatever_isolation_a_role_has_nobody_who_appends_is_turned_away(postgres, opened, isolation):
    place = postgres.schema()
    store = opened(place)
    told = together(append_many, f"{place}%20-cdefault_transaction_isolation%3D{isolation}", 4, 24)
    assert sorted(one.entry_id for one in store.entries()) == sorted({name for worker in told for name in worker})
    assert (store.size(), list(sound(store))) == (4 * 24 + 8, [])


def test_processes_that_open_a_new_place_at_once_make_one_ledger(place, opened):
    together(append_many, place, 4, 1)
    assert (opened(place).size(), list(sound(opened(place)))) == (5, [])


def test_what_was_acknowledged_before_processes_were_killed_stays(place, opened):
    chance, acknowledged = random.Random(5), []
    for round_ in range(10):
        seeds = range(3 * round_, 3 * round_ + 3)
        acknowledged += killed(place, seeds, after(chance.randrange(1, 6), chance.uniform(0, 0.01)))
    store = opened(place)
    found = [entry.entry_id for entry in store.entries()]
    assert len(acknowledged) == len(set(acknowledged))
    assert set(acknowledged) <= set(found)
    assert len(found) - len(acknowledged) <= 30 * 4
    assert list(sound(store)) == []


def test_what_was_acknowledged_before_a_server_was_killed_stays(opened):
    server, acknowledged = Server(), []
    try:
        place = server.schema()
        opened(place).close()
        for round_ in range(3):
            seeds = range(3 * round_, 3 * round_ + 3)
            acknowledged += killed(place, seeds, after(10, 0.01), server.crash)
        store = opened(place)
        found = {entry.entry_id for entry in store.entries()}
        assert (len(acknowledged) >= 90, set(acknowledged) - found, list(sound(store))) == (True, set(), [])
        store.close()
    finally:
        server.stop()


def after(count, wait_s):
    """Wait for some acknowledgements, and then a little longer."""

    def wait(listening):
        told = [listening.recv() for _ in range(count)]
        time.sleep(wait_s)
        return told

    return wait
