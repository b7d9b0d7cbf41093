"""The book of budgets under many processes, and under processes that are killed: on SQLite and on PostgreSQL."""

from itertools import accumulate

import pytest
from book_made import ALL, CROWD, NLP, NOTE, claim, die, grab, grab_two, hammer, rerun, together

from greengate.balances import Granted
from greengate.ledger import book


def test_eight_processes_never_take_a_unit_more_than_there_is_and_lose_none(place):
    most = 8_000
    told = [one for worker in together(grab, place, 8, 500, most) for one in worker]
    granted = {change: amount for change, amount, was in told if was}
    with book.opened(place) as kept:
        history, status, faults = kept.history(NLP), kept.status(NLP), kept.verify()
    assert len(told) == 4000
    assert {event.change: event.amount for event in history} == granted
    assert len(history) == len(granted) < 4000
    assert sum(granted.values()) == status.balance.reserved == most - status.left
    assert max(accumulate(event.amount for event in history)) <= most
    assert 0 <= status.left < min(amount for _, amount, was in told if not was)
    assert faults == ()


def test_accounts_named_in_either_order_neither_block_one_another_nor_are_held_in_part(place):
    granted = {change for worker in together(grab_two, place, 4, 40, 60) for change in worker}
    with book.opened(place) as kept:
        held = {account: {one.change for one in kept.status(account).held} for account in (NLP, ALL)}
        assert held == {NLP: granted, ALL: granted}
        assert kept.verify() == ()


def test_runs_of_one_change_at_once_leave_what_one_of_them_asked_for(place):
    last = together(rerun, place, 4, 40)
    with book.opened(place) as kept:
        held = {one.account: one.amount for one in kept.held()}
        assert held[NLP] == held[ALL]
        assert held[NLP] in last
        assert kept.verify() == ()


@pytest.mark.parametrize("writes", [2, 3, 5, 7], ids=["an event", "its sums", "another event", "all but the end"])
def test_a_process_that_is_killed_while_it_writes_leaves_nothing(place, writes):
    with book.opened(place) as kept:
        kept.reserve("acme/x#1", [claim(7)], NOTE)
    killed = CROWD.Process(target=die, args=(place, writes))
    killed.start()
    killed.join()
    with book.opened(place) as kept:
        assert killed.exitcode == -9
        assert [one.change for one in kept.held()] == ["acme/x#1"]
        assert kept.verify() == ()
        assert isinstance(kept.reserve("acme/x#9", [claim(93), claim(5, ALL)], NOTE), Granted)


def test_what_was_acknowledged_before_a_process_was_killed_stays(place):
    acknowledged = set()
    for count in (1, 20, 50):
        listening, told = CROWD.Pipe(duplex=False)
        killed = CROWD.Process(target=hammer, args=(place, told))
        killed.start()
        told.close()
        acknowledged |= {listening.recv() for _ in range(count)}
        killed.kill()
        killed.join()
        acknowledged |= rest(listening)
    with book.opened(place) as kept:
        held = {one.change for one in kept.held()}
        assert acknowledged <= held
        assert len(held - acknowledged) <= 3
        assert kept.verify() == ()


def rest(listening):
    """What a killed process had told still."""
    found = set()
    try:
        while True:
            found.add(listening.recv())
    except EOFError:
        return found
