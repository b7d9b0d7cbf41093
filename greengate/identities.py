"""Persons in a ledger: pseudonyms where it is written, their handles again where it is read, until they are forgotten.

A pseudonym is random and stands for one handle of one ledger; whom it stands for is kept beside the ledger, and never
hashed. A person is written with an `@` and no slash (`@olga`), as an address (`olga@acme.com`) or as a name with
capitals (`Olga Smith`); reviews on a forge are always a person's. Teams (`@acme/green`) and roles (`ci`) stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Mapping
from secrets import token_hex
from typing import Any, Protocol

from greengate.changes import FORGOTTEN

_PSEUDONYM = "person:[0-9a-f]{32}"
_WHOLE = re.compile(f"^(@?)({_PSEUDONYM})$")
_IN_TEXT = re.compile(f"(@|^)({_PSEUDONYM})")  # a record has no `@` at the beginning of a text
_FOREIGN = re.compile(_PSEUDONYM)
_IN_BYTES = re.compile(rb"(@?)(person:[0-9a-f]{32})")
_MENTION = re.compile(r"(?<![\w@/.])@([A-Za-z0-9](?:[\w.-]*\w)?(?:\[bot\])?)(?![\w/-]|\.\w)")
_ROLE = re.compile(r"@[^/\s]+/\S+|[a-z0-9][a-z0-9_.:/-]*|greengate [a-z ]+")
_NAMED = frozenset({"by", "granted_by", "reviewed_by", "asked_by", "approved_by", "owners"})
_REVIEWS = frozenset({"approvals", "grants"})
_TEXTS = frozenset({"reason", "counterfactual", "notes", "words", "problem", "preview", "why"})
_LONGEST = 200


class Register(Protocol):
    """Where it is kept whom a pseudonym stands for."""

    def remember(self, pseudonym: str, handle: str) -> str:
        """Remember who is meant by a pseudonym, and return the one that stands for the handle: an earlier one stays."""

    def handle(self, pseudonym: str) -> str | None:
        """Tell who is meant by a pseudonym; None where nobody is known, or where that was forgotten."""

    def adopt(self, pseudonym: str, handle: str) -> None:
        """Remember who is meant by a pseudonym of another ledger; whom it stands for already stays."""

    def pseudonyms(self, handle: str) -> list[str]:
        """Name the pseudonyms that stand for a handle, this ledger's own first."""

    def forget(self, handle: str) -> int:
        """Forget whom the pseudonyms of a handle stand for; tell how many there were."""


class People:
    """The persons of one ledger."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._known: dict[str, str] = {}

    def pseudonym(self, handle: str) -> str:
        """Return the pseudonym of a person, a new one where there is none yet."""
        key = key_of(handle)
        if key not in self._known:
            known = self._register.pseudonyms(key)
            self._known[key] = known[0] if known else self._register.remember(f"person:{token_hex(16)}", key)
        return self._known[key]

    def hidden(self, value: Any, key: str = "", *, review: bool = False) -> Any:
        """Return plain data with pseudonyms in the place of persons; `review` tells that it is a review on a forge."""
        if isinstance(value, dict):
            inside = review or key in _REVIEWS
            return {name: self.hidden(one, name, review=inside) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.hidden(one, key, review=review) for one in value]
        if not isinstance(value, str) or not value:
            return value
        if key in _NAMED:
            return self.named(value, review=key == "reviewed_by" or (review and key == "by"))
        return _MENTION.sub(self._mentioned, _FOREIGN.sub("person …", value)) if key in _TEXTS else value

    def named(self, who: str, *, review: bool = False) -> str:
        """Return the pseudonym of a person; a role or a team as it is."""
        if not (review or is_person(who)) or re.fullmatch(_PSEUDONYM, who):
            return who
        return f"{'@' if who.startswith('@') else ''}{self.pseudonym(who)}"

    def shown(self, data: bytes) -> bytes:
        """Return JSON with handles in the place of pseudonyms; who was forgotten is called so."""
        return shown(data, self._register.handle)

    def who(self, name: str) -> str:
        """Return the handle of a pseudonym, or what it is; anything else as it is."""
        told: dict[str, str] = json.loads(self.shown(json.dumps({"by": name}).encode()))
        return told["by"]

    def of(self, *parts: bytes) -> dict[str, str]:
        """Tell whom the pseudonyms in some bytes stand for, as far as that is known."""
        found = {match[2].decode() for part in parts for match in _IN_BYTES.finditer(part)}
        told = {one: self._register.handle(one) for one in sorted(found)}
        return {one: handle for one, handle in told.items() if handle is not None}

    def learn(self, people: Mapping[str, str], gone: Container[str] = ()) -> None:
        """Take over whom pseudonyms stand for, as another ledger tells it; what is known or forgotten here stays so.

        Args:
            people: Handles by their pseudonyms.
            gone: Pseudonyms that were forgotten here.
        """
        for pseudonym, handle in people.items():
            if pseudonym not in gone:
                self._register.adopt(pseudonym, key_of(handle))

    def all_of(self, handle: str) -> list[str]:
        """Name the pseudonyms that stand for a person: this ledger's, and others' that were taken over."""
        return self._register.pseudonyms(key_of(handle))

    def forget(self, handle: str) -> None:
        """Forget whom the pseudonyms of a person stand for."""
        self._register.forget(key_of(handle))
        self._known.pop(key_of(handle), None)

    def _mentioned(self, found: re.Match[str]) -> str:
        return f"@{self.pseudonym(found[1])}"


def shown(data: bytes, handle: Callable[[str], str | None]) -> bytes:
    """Return JSON with handles in the place of pseudonyms; whom `handle` does not know is called a forgotten person.

    A pseudonym that stands where no person can be named, such as in a label, is left alone: somebody wrote it there, to
    be told who it is. What is no JSON is left as it is.
    """
    if b"person:" not in data:
        return data

    def told(found: re.Match[str]) -> str:
        known = handle(found[2])
        return f"{FORGOTTEN} ({found[2][:15]}…)" if known is None else f"{found[1]}{known}"

    try:
        return json.dumps(_resolved(json.loads(data), "", told), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return data


def _resolved(value: Any, key: str, told: Callable[[re.Match[str]], str]) -> Any:
    if isinstance(value, dict):
        return {name: _resolved(one, name, told) for name, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, key, told) for one in value]
    if not isinstance(value, str) or key not in _NAMED | _TEXTS:
        return value
    return (_WHOLE if key in _NAMED else _IN_TEXT).sub(told, value)


def is_person(who: str) -> bool:
    """Tell whether a name is a person's, rather than a team's or a role's."""
    return not _ROLE.fullmatch(who) and not who.startswith(FORGOTTEN)


def key_of(handle: str) -> str:
    """Return a handle as it is kept: without its `@`, a forge's in small letters, since those do not differ."""
    bare = handle.strip().removeprefix("@")
    return bare if " " in bare else bare.casefold()


def believable(people: object, *parts: bytes) -> dict[str, str]:
    """Take from what another place tells of pseudonyms that which is about some bytes, and can be shown.

    Raises:
        ValueError: It is no such map.
    """
    if not isinstance(people, dict):
        raise ValueError("its people are no map")  # noqa: TRY004 - as all that is wrong with a line
    inside = {match[2].decode() for part in parts for match in _IN_BYTES.finditer(part)}
    for pseudonym, handle in people.items():
        if not isinstance(handle, str) or not handle.isprintable() or not 0 < len(handle) <= _LONGEST:
            raise ValueError(f"it tells of {str(pseudonym)[:50]!r} what is no handle")
    return {pseudonym: handle for pseudonym, handle in people.items() if pseudonym in inside}
