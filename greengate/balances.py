"""The arithmetic of an account in the book of budgets: what its events add up to, and what a claim would leave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from greengate.accounts import Account, Kind
from greengate.errors import UsageError

_HOLDS = 2**63 - 1  # what a column of a database holds


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an account, as it stays for ever.

    Attributes:
        seq: Its number in the account, from 1 without gaps.
        amount: What was booked, asked, used in the end, or let go.
        max_amount: Of a reservation, the maximum that it was granted under.
        previous: Id of the line before it, "" of the first.
        event_id: SHA-256 of all the rest as canonical JSON.
    """

    account: Account
    seq: int
    kind: Kind
    amount: int
    change: str
    model: str
    source: str
    max_amount: int | None
    by: str
    at: datetime
    why: str
    previous: str
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """An open reservation: what a change holds of an account for one model, and since when without a break."""

    account: Account
    change: str
    model: str
    amount: int
    max_amount: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """The sums of an account after so many events, the last of which has the id `head`.

    Attributes:
        opened: What models merged earlier are forecast to use.
        consumed: What merged changes use.
        once: What was spent once.
        adjusted: True-ups.
        reserved: What open changes hold.
        max_amount: The maximum that the latest reservation was granted under, None before the first.
    """

    opened: int = 0
    consumed: int = 0
    once: int = 0
    adjusted: int = 0
    reserved: int = 0
    max_amount: int | None = None
    events: int = 0
    head: str = ""

    @property
    def spent(self) -> int:
        """All that is used up, open changes apart."""
        return self.opened + self.consumed + self.once + self.adjusted

    def after(self, event: Event, held: int) -> Balance:
        """Tell the sums after one more event.

        Args:
            event: What happened.
            held: What its change held for its model before.

        Raises:
            UsageError: A sum is too large to be kept.
        """

        def of(kind: Kind) -> int:
            return event.amount if event.kind is kind else 0

        after = Balance(
            opened=self.opened + of(Kind.OPEN),
            consumed=self.consumed + of(Kind.CONSUME),
            once=self.once + of(Kind.SPEND),
            adjusted=self.adjusted + of(Kind.ADJUST),
            reserved=self.reserved - held + of(Kind.RESERVE),
            max_amount=event.max_amount if event.kind is Kind.RESERVE else self.max_amount,
            events=event.seq,
            head=event.event_id,
        )
        if max(map(abs, (after.opened, after.consumed, after.once, after.adjusted, after.reserved))) > _HOLDS:
            raise UsageError(str(event.account), "its sum would be too large to be kept", "use a larger unit")
        return after


@dataclass(frozen=True, slots=True)
class Status:
    """An account at one moment: its sums, and who holds what, the oldest reservation first."""

    account: Account
    balance: Balance
    held: tuple[Held, ...]

    @property
    def left(self) -> int | None:
        """What is neither used up nor reserved, by the maximum last granted under; None where there was none yet."""
        most = self.balance.max_amount
        return None if most is None else most - self.balance.spent - self.balance.reserved


@dataclass(frozen=True, slots=True)
class Figures:
    """What was asked of an account, and what it had at that moment.

    Attributes:
        spent: All that is used up.
        reserved: What others hold: other changes, and other models of this one.
        asked: What this change asks for all the models that it asked for.
        holders: Of a claim that does not fit, the others with the largest reservations, at most 100 of them.
    """

    account: Account
    max_amount: int
    spent: int
    reserved: int
    asked: int
    holders: tuple[Held, ...] = ()

    @property
    def left(self) -> int:
        """What the account had left for this change; below 0 where it is overdrawn."""
        return self.max_amount - self.spent - self.reserved

    @property
    def fits(self) -> bool:
        """Whether it can be granted; who asks for nothing takes nothing, from an overdrawn account too."""
        return self.asked == 0 or self.asked <= self.left

    @property
    def short_by(self) -> int:
        """What is missing, 0 where it fits."""
        return 0 if self.fits else self.asked - self.left


@dataclass(frozen=True, slots=True)
class Granted:
    """All that was asked is held now; one entry an account."""

    figures: tuple[Figures, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing of what was asked is held, nor what the change held for it before; one entry an account."""

    figures: tuple[Figures, ...]

    @property
    def short(self) -> tuple[Figures, ...]:
        """The accounts that have too little left."""
        return tuple(one for one in self.figures if not one.fits)


@dataclass(frozen=True, slots=True)
class Merged:
    """The change was merged already for one of the models: it asks for nothing any more."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a closed or merged change leaves in the book.

    Attributes:
        booked: What was written now.
        merged: What was written when it was merged earlier; then nothing more is written for that.
    """

    booked: tuple[Event, ...]
    merged: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry as it stands in the book; not `fresh` if its source was booked earlier, and then that amount stays."""

    event: Event
    fresh: bool


def folded(events: Iterable[Event]) -> Status | None:
    """Work out the state of an account from all of its events, in their order; None of none."""
    balance, held, account = Balance(), dict[tuple[str, str], Held](), None
    for event in events:
        account, key = event.account, (event.change, event.model)
        earlier = held.pop(key, None) if event.change else None
        balance = balance.after(event, earlier.amount if earlier else 0)
        if event.kind is Kind.RESERVE:
            held[key] = hold(event, earlier)
    return None if account is None else Status(account, balance, oldest_first(held.values()))


def hold(event: Event, earlier: Held | None) -> Held:
    """Tell what is held after a reservation, and since when."""
    since = earlier.since if earlier else event.at
    return Held(event.account, event.change, event.model, event.amount, event.max_amount or 0, since)


def oldest_first(held: Iterable[Held]) -> tuple[Held, ...]:
    """Put reservations in order: by time, change and model."""
    return tuple(sorted(held, key=lambda one: (one.since, one.change, one.model)))
