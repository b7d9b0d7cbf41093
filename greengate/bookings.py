"""What the book of budgets says, as records of a history: each event once, by its id."""

from __future__ import annotations

from collections.abc import Iterable

from greengate.accounts import Account, in_utc
from greengate.balances import Event
from greengate.history import History
from greengate.ports import Book
from greengate.records import BudgetEvent, Kind


def write(history: History, events: Iterable[Event]) -> int:
    """Write the events that the history has not yet, and tell how many those were."""
    known = {said["event"] for _, said in history.records(Kind.BUDGET)}
    fresh = {event.event_id: event for event in events if event.event_id not in known}
    if fresh:
        history.write([(_record(one), str(one.account), one.event_id) for one in fresh.values()])
    return len(fresh)


def of_change(book: Book, accounts: Iterable[Account], change: str) -> list[Event]:
    """List what a change did to some accounts, and what stood in them before any change."""
    told = [event for account in dict.fromkeys(accounts) for event in book.history(account)]
    return [event for event in told if event.change in {change, ""}]


def everything(book: Book) -> list[Event]:
    """List all events of a book, account by account."""
    return [event for account in book.accounts() for event in book.history(account)]


def _record(event: Event) -> BudgetEvent:
    return BudgetEvent(
        at=in_utc(event.at),
        event=event.event_id,
        budget=event.account.budget,
        scope=event.account.scope,
        period=event.account.period,
        unit=event.account.unit,
        seq=event.seq,
        what=str(event.kind),
        amount=event.amount,
        change=event.change,
        model=event.model,
        source=event.source,
        maximum=event.max_amount,
        by=event.by,
        why=event.why,
        previous=event.previous,
    )
