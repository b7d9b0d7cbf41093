"""Whether the book of budgets is sound, and its sums worked out again from its events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any

from greengate.accounts import Account
from greengate.balances import Balance, Event, Status, folded, oldest_first
from greengate.errors import BookError, GreengateError
from greengate.ledger import book_pages
from greengate.ledger import book_tables as sql
from greengate.ledger.book_pages import Execute, Keeper, content_id, id_of


def faults(execute: Execute) -> Iterator[str]:
    """Tell what is wrong with the book, account by account."""
    for account_id, *key in execute(sql.ALL_ACCOUNTS):
        name = " ".join(filter(None, map(str, key[:3])))
        try:
            yield from (f"{name}: {fault}" for fault in _faults(execute, account_id, key))
        except (GreengateError, ValueError, TypeError) as error:
            yield f"{name}: it cannot be read: {error}"
    for (account_id,) in execute(sql.ORPHANS):
        yield f"an account is missing whose events or reservations are there: {account_id}"


def rebuild(execute: Execute, account_id: str, keeper: Keeper) -> None:
    """Write the sums and reservations of an account that follow from its events.

    Raises:
        BookError: The events are not sound.
    """
    execute(sql.BALANCE + keeper.for_update, account_id)
    events = book_pages.events(execute, sql.EVENTS, account_id)
    broken = next(_broken(events), None)
    if broken is not None:
        raise BookError(keeper.where, f"{events[0].account}: {broken}", "restore a backup")
    status = folded(events)
    execute(sql.NONE_HELD_OF, account_id)
    for one in status.held if status else ():
        book_pages.insert_held(execute, one)
    execute(sql.NEW_BALANCE, *astuple(status.balance if status else Balance()), account_id)


def _faults(execute: Execute, account_id: str, key: Sequence[Any]) -> Iterator[str]:
    account = Account(*key)
    if id_of(account) != account_id:
        yield "its key does not belong to its name"
        return
    events = book_pages.events(execute, sql.EVENTS, account_id)
    yield from _broken(events)
    told = folded(events) or Status(account, Balance(), ())
    balance = book_pages.balance_of(execute, account)
    if balance != told.balance:
        yield f"its sums are {_words(balance)}, and its events add up to {_words(told.balance)}"
    if oldest_first(book_pages.held(execute, sql.HELD_OF, account_id)) != told.held:
        yield "its open reservations do not follow from its events"


def _broken(events: Sequence[Event]) -> Iterator[str]:
    """Tell the first place where the chain of events is broken."""
    previous = ""
    for seq, event in enumerate(events, 1):
        if event.seq != seq:
            yield f"event {seq} is missing"
            return
        if event.event_id != content_id(event):
            yield f"event {seq} was changed after it was written"
            return
        if event.previous != previous:
            yield f"event {seq} does not follow the one before it"
            return
        previous = event.event_id


def _words(balance: Balance | None) -> str:
    if balance is None:
        return "missing"
    told = f"{balance.spent:,} spent and {balance.reserved:,} reserved after {balance.events} events"
    return f"{told}, the last {balance.head[:12] or 'none'}"
