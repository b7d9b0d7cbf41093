"""What may be asked of the book of budgets: accounts, claims on them, entries, and who writes.

An account belongs to one budget, one scope of it and one period. Its amounts are whole numbers of one small unit.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from greengate.errors import UsageError

MOST = 10**18  # of any one amount: a million tonnes in micrograms
_LONGEST = 500
_CHANGE = re.compile(r"[^\s#!/]+(?:/[^\s#!/]+)+[#!][1-9][0-9]*")


class Kind(StrEnum):
    """What happened to an account."""

    OPEN = "open"  # what a model merged earlier is forecast to use in this period
    RESERVE = "reserve"  # a change asks for it
    RELEASE = "release"  # the change was closed, or asks for something else
    CONSUME = "consume"  # the change was merged
    SPEND = "spend"  # used once, such as by a training
    ADJUST = "adjust"  # a true-up


@dataclass(frozen=True, slots=True)
class Account:
    """One budget in one period for one scope.

    Attributes:
        budget: Key of the budget, such as `prod-nlp/quarter-carbon`.
        scope: What of it, such as `team=nlp`; "" for everything.
        period: Name of the period, such as `2026-Q4`.
        unit: What its amounts count, such as `ugCO2e`; an account keeps the unit that it began with.

    Raises:
        UsageError: One of them cannot be written down.
    """

    budget: str
    scope: str
    period: str
    unit: str

    def __post_init__(self) -> None:
        for what in ("budget", "scope", "period", "unit"):
            written = getattr(self, what)
            refuse_unwritable(written, f"the {what} of an account")
            if not written and what != "scope":
                raise UsageError("the book", f"an account without a {what} was asked for", "name it")

    def __str__(self) -> str:
        return " ".join(filter(None, (self.budget, self.scope, self.period)))


@dataclass(frozen=True, slots=True)
class Note:
    """Who wrote something into the book, when and why.

    Attributes:
        by: Who or what did it, such as `ci` or `@acme/green`; it stays for ever, so name no person who may ask to go.
        at: When, with a time zone.
        why: Why, in words.
    """

    by: str
    at: datetime
    why: str = ""

    def __post_init__(self) -> None:
        refuse_unwritable(self.by, "who writes")
        refuse_unwritable(self.why, "the reason")
        if not self.by:
            raise UsageError("the book", "nobody is named who writes", "say who does")
        if self.at.utcoffset() is None:
            raise UsageError("the book", f"the time {self.at.isoformat()} has no time zone", "give it in UTC")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a change asks of an account for one model, 0 or more, and the most that the account may hold."""

    account: Account
    model: str
    amount: int
    max_amount: int

    def __post_init__(self) -> None:
        refuse_unwritable(self.model, "the name of a model")
        refuse_uncountable(self.amount, f"what is asked of {self.account}", least=0)
        refuse_uncountable(self.max_amount, f"the maximum of {self.account}", least=0)


@dataclass(frozen=True, slots=True)
class Final:
    """What a merged change uses of an account for one model in the end; below 0 for a saving."""

    account: Account
    model: str
    amount: int

    def __post_init__(self) -> None:
        refuse_unwritable(self.model, "the name of a model")
        refuse_uncountable(self.amount, f"what is used of {self.account}")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is booked without a reservation, once for its account, kind and source.

    Attributes:
        kind: `open`, `spend` or `adjust`.
        amount: 0 or more; for `adjust` below 0 too.
        source: What it comes from, such as the SHA-256 of a tracker's record.
        model: The model that it is about, or "".
    """

    kind: Kind
    account: Account
    amount: int
    source: str
    model: str = ""

    def __post_init__(self) -> None:
        refuse_unwritable(self.model, "the name of a model")
        refuse_unwritable(self.source, "the source of an entry")
        if self.kind not in {Kind.OPEN, Kind.SPEND, Kind.ADJUST} or not self.source:
            raise UsageError("the book", f"`{self.kind}` of `{self.source}` is no entry", "name its kind and source")
        least = -MOST if self.kind is Kind.ADJUST else 0
        refuse_uncountable(self.amount, f"what is booked to {self.account}", least=least)


def refuse_unknown_form(change: str) -> None:
    """Refuse what is no id of a change: `owner/repo#12` of a pull request, `group/project!12` of a merge request.

    Raises:
        UsageError: It is none.
    """
    refuse_unwritable(change, "the id of a change")
    if not _CHANGE.fullmatch(change):
        raise UsageError(
            "the change", f"`{change}` is no id of one", "it is written like `owner/repo#12` or `group/project!12`"
        )


def in_utc(instant: datetime) -> str:
    """Write an instant as it stands in the book."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def refuse_unwritable(text: str, what: str) -> None:
    """Refuse a text that a database cannot keep as it is, or a terminal cannot show.

    Raises:
        UsageError: It has control characters, or is too long.
    """
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in text):
        raise UsageError("the book", f"{what} has a control character: {text!a}", "leave it out")
    if len(text) > _LONGEST:
        raise UsageError("the book", f"{what} has {len(text)} characters", f"at most {_LONGEST} are kept")


def refuse_uncountable(amount: int, what: str, least: int = -MOST) -> None:
    """Refuse an amount that is too small or too large to be kept.

    Raises:
        UsageError: It is.
    """
    if not least <= amount <= MOST:
        raise UsageError("the book", f"{what} is {amount:,}", f"it may be {least:,} to {MOST:,}")
