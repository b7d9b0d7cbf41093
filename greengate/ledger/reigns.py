"""Which key stands for a ledger from which entry on, by the key records in it.

The first key introduces itself: whoever checks a ledger pins it, or trusts it on first use. Every later one is named by
the key before it, which signs that; or that one was lost, which is then said and signed by nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from greengate.ledger import notes
from greengate.ledger.canonical import digest, encode
from greengate.ledger.notes import Signer, Verifier
from greengate.ledger.signing import Refused
from greengate.records import KeyChange, Kind, mark, predicate_type, statement, type_of

KEY = predicate_type(Kind.KEY)
_MARK = mark(KEY)


@dataclass(frozen=True, slots=True)
class Reign:
    """The key that stands for a ledger from the entry after `index` on.

    Attributes:
        how: "first", "signed" by the key before it, or "lost": the key before it could not sign.
    """

    index: int
    key: Verifier
    how: Literal["first", "signed", "lost"]
    at: str = ""
    why: str = ""


class Reigns:
    """The keys of a ledger, one after the other, read from its leaves in their order."""

    def __init__(self, known: Iterable[Reign] = ()) -> None:
        self.all = list(known)

    @property
    def newest(self) -> Verifier | None:
        """The key that stands for the ledger now."""
        return self.all[-1].key if self.all else None

    @property
    def origin(self) -> str:
        """The ledger's name; "" before its first key."""
        return self.all[0].key.name if self.all else ""

    def over(self, size: int) -> Verifier | None:
        """The key that stands for the first `size` entries."""
        found = [reign.key for reign in self.all if reign.index < size]
        return found[-1] if found else None

    def followed_from(self, pinned: Verifier) -> tuple[Verifier, ...]:
        """The keys that a pinned key stands for, by signatures alone: itself and those named after it."""
        found: list[Verifier] = []
        for reign in self.all:
            if reign.key == pinned or (found and reign.how == "signed"):
                found.append(reign.key)
            elif found:
                break
        return tuple(found)

    def take(self, index: int, leaf: bytes) -> Iterator[str]:
        """Take a leaf into account, and say what is wrong with it if it is a key record that does not follow."""
        if not is_key(leaf):
            return
        try:
            change = KeyChange.model_validate(json.loads(leaf)["predicate"])
            key = Verifier.parse(change.new)
        except (ValueError, LookupError, TypeError, ValidationError):
            yield f"entry {index} is a key record that cannot be read"
            return
        try:
            self.all.append(Reign(index, key, self._how(change, key), change.at, change.why))
        except Refused as refused:
            yield f"entry {index} is a key record that does not count: {refused}"

    def _how(self, change: KeyChange, key: Verifier) -> Literal["first", "signed", "lost"]:
        newest = self.newest
        if newest is None:
            if change.old or change.signature:
                raise Refused("it names an older key, and the ledger had none before")
            return "first"
        if change.old != str(newest):
            raise Refused(f"it does not follow {newest}, which stands for the ledger")
        if key.name != newest.name:
            raise Refused(f"it is a key of {key.name}, and the ledger is {newest.name}")
        if not change.signature and change.why:
            return "lost"
        signature = notes.decoded(change.signature, "its signature")
        if not newest.stands_for(signature, signed_bytes(change)):
            raise Refused("the key before it has not signed it")
        return "signed"


def is_key(leaf: bytes) -> bool:
    """Tell whether a leaf is a key record."""
    return _MARK in leaf and type_of(leaf) == KEY


def signed_bytes(change: KeyChange) -> bytes:
    """Return what the old key signs; no note and no envelope begins like this."""
    return f"greengate key\n{change.old}\n{change.new}\n{change.at}\n".encode()


def first(key: Verifier, at: str) -> bytes:
    """Write the record of a ledger's first key, as a leaf."""
    return _leaf(KeyChange(at=at, new=str(key)), key)


def changed(old: Signer, new: Verifier, at: str, why: str = "") -> bytes:
    """Write the record of a new key that the old one names, as a leaf."""
    change = KeyChange(at=at, old=str(old.verifier), new=str(new), why=why)
    return _leaf(change.model_copy(update={"signature": notes.encoded(old.sign(signed_bytes(change)))}), new)


def lost(old: Verifier, new: Verifier, at: str, why: str) -> bytes:
    """Write the record of a new key after one that was lost, as a leaf."""
    return _leaf(KeyChange(at=at, old=str(old), new=str(new), why=why), new)


def _leaf(change: KeyChange, key: Verifier) -> bytes:
    return encode(statement(change, key.name, digest(str(key).encode())))
