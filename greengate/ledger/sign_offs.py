"""What a person signs who stands for a report, and what is wrong with a signature that a ledger has.

A signature is a DSSE envelope (`application/vnd.in-toto+json`) around an in-toto Statement of a type that no entry has.
It binds the report by its digest, the period, view, size and root that it rests on, the ledger's name, the role, the
words and the time. A person is in it as in the record, by a pseudonym, so that it can be checked when nobody knows any
more whom that stands for.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from greengate.ledger import notes, signing
from greengate.ledger.canonical import encode
from greengate.ledger.notes import Signer, Verifier
from greengate.ledger.reigns import Reigns
from greengate.ledger.signing import IN_TOTO, Refused
from greengate.records import STATEMENT, Delivered, Kind, SignedOff, predicate_type

TYPE = "urn:greengate:signed-report:v1"
SIGN_OFF, REPORT = predicate_type(Kind.SIGN_OFF), predicate_type(Kind.REPORT)


class Foreign(Refused):
    """It was signed for another ledger, from which the entry was brought here."""


def payload(said: SignedOff, report: Delivered, origin: str) -> bytes:
    """Write what is signed.

    Args:
        said: The sign-off, with a pseudonym in the place of a person.
        report: What it is of.
        origin: The ledger's name; "" of one that has none yet.
    """
    predicate: dict[str, object] = {
        name: getattr(said, name) for name in ("at", "by", "level", "period", "role", "words")
    }
    predicate |= {"origin": origin, "root": report.root, "size": report.size, "view": report.view}
    return encode({
        "_type": STATEMENT,
        "subject": [{"name": f"period/{said.period}", "digest": {"sha256": said.report}}],
        "predicateType": TYPE,
        "predicate": predicate,
    })  # fmt: skip


def signed(said: SignedOff, report: Delivered, origin: str, signer: Signer) -> SignedOff:
    """Sign a sign-off: the record with the key and its signature."""
    key = public(signer.verifier)
    sealed = encode(signing.envelope(payload(said, report, origin), IN_TOTO, key, signer.sign))
    return said.model_copy(update={"key": key, "signature": notes.encoded(sealed)})


def public(key: Verifier) -> str:
    """Write a key as records do: without its name, which may be a person's."""
    return signing.public(key.key)


class SignOffs:
    """The sign-offs of a ledger, one after the other, each held against the report that it is of."""

    def __init__(self) -> None:
        self._reports: dict[str, Delivered] = {}
        self._roles: dict[tuple[str, str], str] = {}

    def deliver(self, report: Delivered) -> None:
        """Take a report into account; of the same one twice the first counts."""
        self._reports.setdefault(report.sha256, report)

    def refuse_wrong(self, said: SignedOff, origin: str, own: Collection[str]) -> None:
        """Refuse a signature that does not stand for its record; one without any is none that is wrong.

        Args:
            said: The sign-off.
            origin: The ledger's name.
            own: Public keys of the ledger itself.

        Raises:
            Foreign: It was signed for another ledger.
            Refused: Something else is wrong.
        """
        if not said.signature and not said.key:
            return
        if not (said.signature and said.key):
            raise Refused("it has no key" if said.signature else "it has a key and no signature")
        report = self._reports.get(said.report)
        if report is None or report.period != said.period:
            raise Refused(f"no such report on {said.period} was delivered before it")
        told = _opened(notes.decoded(said.signature, "its signature"), said.key)
        _refuse_other(told, said, report, origin)
        if said.key in own:
            raise Refused("its key is the ledger's own, which is nobody's")
        if (role := self._roles.setdefault((said.report, said.key), said.role)) != said.role:
            raise Refused(f"the same key has {role} this report")

    def take(self, index: int, word: str, leaf: bytes, reigns: Reigns) -> tuple[list[str], list[str]]:
        """Take a leaf of some type of predicate into account: what is wrong with its signature, and what is told."""
        if word not in {SIGN_OFF, REPORT}:
            return [], []
        try:
            told = json.loads(leaf)["predicate"]
            if word == REPORT:
                self.deliver(Delivered.model_validate(told))
                return [], []
            said = SignedOff.model_validate(told)
        except (ValueError, LookupError, TypeError, RecursionError):
            return [], [f"entry {index} is of the kind {word}, and cannot be read by this greengate"]
        try:
            self.refuse_wrong(said, reigns.origin, {public(reign.key) for reign in reigns.all})
        except Foreign as foreign:
            return [], [f"entry {index} is a sign-off from elsewhere: {foreign}"]
        except Refused as refused:
            return [f"entry {index}, the sign-off of {said.period} ({said.role}), has a wrong signature: {refused}"], []
        return [], []


def _opened(sealed: bytes, key: str) -> bytes:
    """Return what a key signed; an envelope is taken in its one form alone, so that no byte of it can be another."""
    told, _ = signing.unseal(sealed, IN_TOTO, key)
    signature = notes.decoded(str(json.loads(sealed)["signatures"][0]["sig"]), "its signature")
    if encode(signing.envelope(told, IN_TOTO, key, lambda _: signature)) != sealed:
        raise Refused("its envelope is written otherwise, or has more in it than one signature")
    return told


def _refuse_other(told: bytes, said: SignedOff, report: Delivered, origin: str) -> None:
    """Refuse bytes that are not what the record says; a ledger may have got its name since."""
    if told in {payload(said, report, name) for name in (origin, "")}:
        return
    expected, found = _facts(payload(said, report, origin)), _facts(told)
    other = [name for name in sorted(expected) if expected[name] != found.get(name)]
    if other == ["origin"]:
        raise Foreign(f"it was signed for the ledger {found['origin']!r}")
    if not other:
        raise Refused("what was signed is written otherwise than the record, or has more in it")
    name = other[0]
    raise Refused(f"what was signed says {name} {found.get(name)!r}, and the record {expected[name]!r}")


def _facts(told: bytes) -> dict[str, Any]:
    """Read what a payload says; of what is no such statement nothing."""
    try:
        whole = json.loads(told)
        if whole["predicateType"] != TYPE:
            return {}
        return {**whole["predicate"], "report": whole["subject"][0]["digest"]["sha256"]}
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
