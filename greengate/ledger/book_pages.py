"""Pages of the book of budgets, one an account, as they are read and written inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from greengate.accounts import Account, Entry, Kind, Note, in_utc
from greengate.balances import Balance, Event, Held, hold
from greengate.errors import PolicyError
from greengate.ledger import book_tables as sql
from greengate.ledger.canonical import digest, encode

_TYPE = "urn:greengate:budget-event:v1"
_MOST_HOLDERS = 100


class Execute(Protocol):
    """Runs a statement with its values, `?` in their places, and gives all rows."""

    def __call__(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run it."""


class Keeper(Protocol):
    """Where the tables lie; it translates what goes wrong there into `BookError`.

    Attributes:
        where: Its path or address, without a password.
        for_update: What a SELECT ends with that locks its row until the transaction ends.
    """

    where: str
    for_update: str

    def writing(self, change: str = "") -> AbstractContextManager[Execute]:
        """Write in one transaction, alone with all that the change holds."""

    def reading(self) -> AbstractContextManager[Execute]:
        """Read what there is at one moment."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(slots=True)
class Page:
    """An account that is locked until the transaction ends, and its sums so far."""

    execute: Execute
    account: Account
    balance: Balance

    def reserve(self, change: str, amounts: tuple[str, int, int], note: Note, earlier: Held | None) -> None:
        """Hold so much (model, amount, maximum) instead of what was held; the same again leaves all as it is."""
        model, amount, most = amounts
        if earlier is None or (earlier.amount, earlier.max_amount) != (amount, most):
            line = self._line(Kind.RESERVE, amount, note, change=change, model=model, max_amount=most)
            insert_held(self.execute, hold(self._write(line, earlier), earlier))

    def release(self, held: Held, note: Note, why: str = "") -> Event:
        """Let a reservation go."""
        line = self._line(Kind.RELEASE, held.amount, note, change=held.change, model=held.model)
        return self._write(replace(line, why=why or note.why), held)

    def consume(self, change: str, model: str, amount: int, note: Note, held: Held | None) -> Event:
        """Turn a reservation into what is used in the end."""
        return self._write(self._line(Kind.CONSUME, amount, note, change=change, model=model), held)

    def book(self, entry: Entry, note: Note) -> Event:
        """Book an entry."""
        return self._write(self._line(entry.kind, entry.amount, note, model=entry.model, source=entry.source), None)

    def _line(  # noqa: PLR0913 - a line has its columns
        self, kind: Kind, amount: int, note: Note, *, change: str = "", model: str = "", source: str = "",
        max_amount: int | None = None,
    ) -> Event:  # fmt: skip
        return Event(
            account=self.account,
            seq=self.balance.events + 1,
            kind=kind,
            amount=amount,
            change=change,
            model=model,
            source=source,
            max_amount=max_amount,
            by=note.by,
            at=note.at,
            why=note.why,
            previous=self.balance.head,
        )

    def _write(self, line: Event, earlier: Held | None) -> Event:
        event = replace(line, event_id=content_id(line))
        self.balance = self.balance.after(event, earlier.amount if earlier else 0)
        account_id = id_of(self.account)
        if earlier is not None:
            self.execute(sql.NO_LONGER_HELD, earlier.change, earlier.model, account_id)
        values = (event.change, event.model, event.source, event.max_amount, event.by, in_utc(event.at), event.why)
        self.execute(
            sql.NEW_EVENT, account_id, event.seq, str(event.kind), event.amount, *values, event.previous, event.event_id
        )
        self.execute(sql.NEW_BALANCE, *astuple(self.balance), account_id)
        return event


def locked(execute: Execute, accounts: Iterable[Account], for_update: str) -> dict[Account, Page]:
    """Lock accounts and open their pages, new ones if need be; always in one order, so that none waits in a circle."""
    pages = {}
    for account in sorted(set(accounts), key=id_of):
        balance = balance_of(execute, account, for_update)
        if balance is None:
            execute(sql.NEW_ACCOUNT, id_of(account), account.budget, account.scope, account.period, account.unit)
            balance = balance_of(execute, account, for_update)
        assert balance is not None
        pages[account] = Page(execute, account, balance)
    return pages


def balance_of(execute: Execute, account: Account, for_update: str = "") -> Balance | None:
    """Read the sums of an account, None where there is none.

    Raises:
        PolicyError: It is kept in another unit.
    """
    rows = execute(sql.BALANCE + for_update, id_of(account))
    if not rows:
        return None
    unit, *sums = rows[0]
    if unit != account.unit:
        problem = f"this account is kept in {unit}, and {account.unit} was asked for"
        raise PolicyError(str(account), problem, "give a budget of another quantity a name of its own")
    return Balance(*sums)


def held(execute: Execute, statement: str, *values: object) -> list[Held]:
    """Read reservations by one of the statements for them."""
    return [
        Held(Account(budget, scope, period, unit), change, model, amount, most, datetime.fromisoformat(since))
        for budget, scope, period, unit, change, model, amount, most, since in execute(statement, *values)
    ]


def largest_others(execute: Execute, account: Account, own: Iterable[Held]) -> tuple[Held, ...]:
    """Read the largest reservations of an account that are not one's own."""
    mine = {(one.change, one.model) for one in own}
    found = held(execute, sql.LARGEST_OF, id_of(account), _MOST_HOLDERS + len(mine))
    return tuple(one for one in found if (one.change, one.model) not in mine)[:_MOST_HOLDERS]


def insert_held(execute: Execute, one: Held) -> None:
    """Write an open reservation."""
    execute(
        sql.NEW_HELD, one.change, one.model, id_of(one.account), one.amount, one.max_amount, in_utc(one.since)
    )  # fmt: skip


def events(execute: Execute, statement: str, *values: object) -> list[Event]:
    """Read lines by one of the statements for them."""
    found = []
    for budget, scope, period, unit, seq, kind, amount, *rest in execute(statement, *values):
        change, model, source, most, by, at, why, previous, event_id = rest
        account, instant = Account(budget, scope, period, unit), datetime.fromisoformat(at)
        line = Event(account, seq, Kind(kind), amount, change, model, source, most, by, instant, why, previous)
        found.append(replace(line, event_id=event_id))
    return found


def id_of(account: Account) -> str:
    """Tell the key under which an account is kept: the SHA-256 of its budget, scope and period."""
    return digest(encode([account.budget, account.scope, account.period]))


def content_id(event: Event) -> str:
    """Tell the SHA-256 of a line, its own id apart, as canonical JSON; amounts are decimal strings in it."""
    account = event.account
    return digest(
        encode(
            {
                "_type": _TYPE,
                "account": [account.budget, account.scope, account.period, account.unit],
                "seq": event.seq,
                "kind": str(event.kind),
                "amount": str(event.amount),
                "change": event.change,
                "model": event.model,
                "source": event.source,
                "max": None if event.max_amount is None else str(event.max_amount),
                "by": event.by,
                "at": in_utc(event.at),
                "why": event.why,
                "previous": event.previous,
            }
        )
    )
