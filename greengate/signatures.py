"""Whose key signed a sign-off: each is held against its record, and against the keys that report.yaml names.

The names of report.yaml are looked up as the ledger's records have them. Once a person was forgotten, `@olga` leads to
nobody: a key under it is then one that report.yaml names, for somebody who is not known any more.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence

from greengate.errors import UsageError
from greengate.esg.company import Said
from greengate.esg.signed import UNSIGNED, Signature
from greengate.identities import People, is_person, key_of
from greengate.ledger import merkle
from greengate.ledger.notary import of_store
from greengate.ledger.sign_offs import SignOffs, public
from greengate.ledger.signing import Refused
from greengate.ledger.store import Store
from greengate.records import PERSON, Delivered, SignedOff

_NAMED = Signature("named", "by a key that report.yaml names")
_UNKNOWN = Signature("unknown", "by a key that report.yaml does not name")


class Pins:
    """The keys that report.yaml names, by the names that the records of a ledger have."""

    def __init__(self, store: Store, said: Said) -> None:
        people = People(store)
        self._store = store
        self._keys: dict[str, set[str]] = {}
        self._holders: dict[str, tuple[str, bool]] = {}
        for name, keys in said.signers.items():
            known = people.all_of(name) if is_person(name) else [name]
            for one in known:
                self._keys.setdefault(one, set()).update(keys)
            self._holders |= dict.fromkeys(keys, (name, bool(known)))

    def of(self, by: str) -> set[str]:
        """Tell the keys of somebody."""
        return self._keys.get(by, set())

    def holder(self, key: str) -> str:
        """Tell whose key it is, as report.yaml writes it; "" of one that it does not name."""
        return self._holders.get(key, ("", False))[0]

    def is_of_another(self, by: str, key: str) -> bool:
        """Tell whether report.yaml names a key for somebody else than a record; both may have been forgotten."""
        name, known = self._holders.get(key, ("", False))
        if not name or key in self.of(by):
            return False
        forgotten = re.fullmatch(PERSON, by) is not None and self._store.handle(by) is None
        return known or bool(self.of(by)) or not forgotten


def told(store: Store, said: Said, reports: Iterable[Delivered], signed: Sequence[SignedOff]) -> list[Signature]:
    """Tell of each sign-off whether it is signed, by whose key, and whether that holds."""
    if not any(one.signature or one.key for one in signed):
        return [UNSIGNED] * len(signed)
    pins, reigns, seen, roots = Pins(store, said), of_store(store), SignOffs(), dict[str, str]()
    own = {public(reign.key) for reign in reigns.all}
    for report in reports:
        seen.deliver(report)
        roots.setdefault(report.sha256, unlike(store, report))
    found, roles = [], dict[tuple[str, str], str]()
    for one in signed:
        try:
            seen.refuse_wrong(one, reigns.origin, own)
            held = _by(pins, one, roots.get(one.report, ""))
        except Refused as refused:
            held = _wrong(str(refused))
        if held == _NAMED and (role := roles.setdefault((one.report, one.by), one.role)) != one.role:
            held = _wrong(f"the same person has {role} this report")
        found.append(held)
    return found


def _by(pins: Pins, one: SignedOff, otherwise: str) -> Signature:
    if not one.signature:
        return UNSIGNED
    if otherwise:
        return _wrong(otherwise)
    if pins.is_of_another(one.by, one.key):
        return _wrong("report.yaml names its key for somebody else")
    return _NAMED if pins.holder(one.key) else _UNKNOWN


def _wrong(why: str) -> Signature:
    return Signature("wrong", f"WRONG: {why}")


def unlike(store: Store, report: Delivered) -> str:
    """Say that a report does not rest on the entries that the ledger has; "" where it does."""
    if report.size > store.size():
        return f"the report rests on {report.size} entries, and the ledger has {store.size()}"
    if (root := b64encode(merkle.root(report.size, store.node)).decode()) != report.root:
        return f"the first {report.size} entries have the root {root}, and the report has {report.root}"
    return ""


def refuse_key(store: Store, said: Said, asked: str, by: str, key: str) -> None:
    """Refuse what somebody may not sign with: another one's key, or none where report.yaml names theirs.

    Args:
        store: The ledger.
        said: What the company says.
        asked: Who signs, as they wrote it.
        by: The same, as the record has it.
        key: Their public key; "" for none.

    Raises:
        UsageError: It is not theirs.
    """
    pins = Pins(store, said)
    alike = [name for name in said.signers if key_of(name) == key_of(asked)]  # nobody gets around it without an `@`
    theirs = pins.of(by).union(*(said.signers[name] for name in alike))
    if not key and theirs:
        hint = "sign with it: `--key FILE`, or GREENGATE_SIGN_OFF_KEY_FILE"
        raise UsageError("--key", f"report.yaml names a key for `{[*alike, asked][0]}`, and nothing is signed", hint)
    if key not in pins.of(by) and pins.holder(key):
        hint = "sign with a key of one's own"
        raise UsageError("--key", f"report.yaml names this key for `{pins.holder(key)}`, and not for `{asked}`", hint)
    if key and theirs and key not in theirs:
        hint = "sign with that one; `signers` in report.yaml takes a list of keys"
        raise UsageError("--key", f"report.yaml names another key for `{[*alike, asked][0]}`", hint)
    if key in {public(reign.key) for reign in of_store(store).all}:
        hint = "a person signs with a key of their own: `greengate ledger key new FILE --origin NAME` makes one"
        raise UsageError("--key", "this is the key of the ledger itself, by which nobody stands for a report", hint)
