"""A ledger, or an export of one, held against itself and against what was signed of it. Pure.

Everything is hashed again from the bytes of the leaves. What only stands in the ledger itself can be made up by whoever
can write it: what is kept elsewhere, a verifier key and older checkpoints, is what shows a change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from greengate.ledger import checkpoints, merkle, notes
from greengate.ledger.canonical import digest
from greengate.ledger.checkpoints import Checkpoint
from greengate.ledger.notes import Note, Verifier
from greengate.ledger.receipts import HEAD, Receipt
from greengate.ledger.reigns import Reigns
from greengate.ledger.sign_offs import SignOffs
from greengate.ledger.signing import Refused
from greengate.ledger.store import Stored
from greengate.ledger.survey import Survey

_MOST_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Given:
    """A checkpoint that was signed, or a receipt with one.

    Attributes:
        where: Where it is from, for people.
        trusted: Whether it is from outside the ledger, so that whoever writes the ledger could not make it up.
    """

    where: str
    checkpoint: Checkpoint
    note: Note
    receipt: Receipt | None = None
    trusted: bool = True

    @classmethod
    def read(cls, where: str, data: bytes, *, trusted: bool = True) -> Given:
        """Read either.

        Raises:
            Refused: It is neither.
        """
        receipt = Receipt.parse(data) if data.startswith(f"{HEAD}\n".encode()) else None
        return cls(where, *checkpoints.read(receipt.checkpoint if receipt else data), receipt, trusted)


@dataclass(slots=True)
class Audit:
    """What was found.

    Attributes:
        faults: What is wrong, each with its place; the first hundred.
        more: How many faults there are beyond those.
        held: (where, size) of every checkpoint that the ledger follows from.
    """

    size: int = 0
    root: bytes = merkle.EMPTY
    reigns: Reigns = field(default_factory=Reigns)
    survey: Survey = field(default_factory=Survey)
    sign_offs: SignOffs = field(default_factory=SignOffs)
    faults: list[str] = field(default_factory=list)
    more: int = 0
    held: list[tuple[str, int]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def blame(self, faults: Iterable[str]) -> None:
        """Add what is wrong."""
        for fault in faults:
            if len(self.faults) < _MOST_FAULTS:
                self.faults.append(fault)
            else:
                self.more += 1


def audit(entries: Iterable[Stored], given: Sequence[Given], pinned: Sequence[Verifier] = ()) -> Audit:
    """Hash all entries again in their order, and hold them against checkpoints and receipts.

    Args:
        entries: All of them.
        given: What was signed of the ledger, from wherever.
        pinned: The keys that are trusted; without any, the ledger's own word is taken.
    """
    found = Audit()
    seen = _seen(entries, found, {one.checkpoint.size for one in given}, _indices(given))
    known = _known(found, pinned)
    for one in given:
        wrong = list(_wrong(one, found, seen, known))
        found.blame(f"{one.where}: {words}" for words in wrong)
        if not wrong:
            found.held.append((one.where, one.checkpoint.size))
    found.remarks += [*_remarks(found, given, pinned), *found.survey.remarks]
    return found


@dataclass(slots=True)
class _Seen:
    roots: dict[int, bytes] = field(default_factory=dict)
    leaves: dict[int, bytes] = field(default_factory=dict)


def _seen(entries: Iterable[Stored], found: Audit, sizes: Collection[int], indices: Collection[int]) -> _Seen:
    frontier, seen = merkle.Frontier(), _Seen()
    if 0 in sizes:
        seen.roots[0] = merkle.EMPTY
    for stored in entries:
        number = frontier.size
        found.blame(_misplaced(stored, number))
        found.blame(found.reigns.take(number, stored.leaf))
        _stood_for(found, number, stored.leaf, found.survey.take(number, stored.leaf))
        if number in indices:
            seen.leaves[number] = stored.leaf
        for _ in frontier.append(merkle.leaf_hash(stored.leaf)):
            pass
        if frontier.size in sizes:
            seen.roots[frontier.size] = frontier.root
    found.size, found.root = frontier.size, frontier.root
    return seen


def _stood_for(found: Audit, number: int, leaf: bytes, word: str) -> None:
    """Look at what persons signed of reports; what was brought from another ledger is told and no fault of this one."""
    faults, remarks = found.sign_offs.take(number, word, leaf, found.reigns)
    found.blame(faults)
    found.remarks += remarks


def _misplaced(stored: Stored, number: int) -> Iterator[str]:
    if stored.index != number:
        yield f"entry {number} is not there: in its place stands entry {stored.index}"
    own = digest(stored.leaf)
    if stored.entry_id != own:
        yield f"entry {stored.index} was changed: its id is {stored.entry_id}, and its bytes have the digest {own}"


def _indices(given: Iterable[Given]) -> set[int]:
    return {one.receipt.index for one in given if one.receipt}


def _known(found: Audit, pinned: Sequence[Verifier]) -> tuple[Verifier, ...]:
    if not pinned:
        return tuple(reign.key for reign in found.reigns.all)
    return tuple(dict.fromkeys(key for one in pinned for key in (one, *found.reigns.followed_from(one))))


def _wrong(one: Given, found: Audit, seen: _Seen, known: Sequence[Verifier]) -> Iterator[str]:
    """Say how a checkpoint is not one of this ledger."""
    said, origin = one.checkpoint, found.reigns.origin
    if said.origin != (origin or said.origin):
        yield f"it is of {said.origin}, and this ledger is {origin}"
        return
    yield from _unsigned(one, found, known)
    if said.size > found.size:
        yield f"{said.words}, were signed, and there are {found.size}: entries were taken away, or a backup restored"
        return
    root = seen.roots[said.size]
    if root != said.root:
        words = f"the first {said.size} entries have the root {notes.encoded(root)}"
        yield f"{said.words}, were signed, and {words}: entries were changed, or this is another ledger"
    if one.receipt is not None:
        yield from _unproven(one.receipt, said, seen)


def _unsigned(one: Given, found: Audit, known: Sequence[Verifier]) -> Iterator[str]:
    try:
        signers = [key for key in one.note.signers(known) if key.name == one.checkpoint.origin]
    except Refused as refused:
        yield str(refused) if known else f"{refused}: there is no key record in the ledger, and no key is pinned"
        return
    over = found.reigns.over(one.checkpoint.size)
    if over is not None and over not in signers:
        told = " and ".join(map(str, signers)) or "nobody in the ledger's own name"
        yield f"it is signed by {told}, and at {one.checkpoint.size} entries the ledger's key was {over}"


def _unproven(receipt: Receipt, said: Checkpoint, seen: _Seen) -> Iterator[str]:
    if receipt.index not in seen.leaves:
        yield f"it is of entry {receipt.index}, which is not there"
        return
    try:
        receipt.fits(seen.leaves[receipt.index], said)
    except merkle.NotProven as error:
        yield str(error)


def _remarks(found: Audit, given: Sequence[Given], pinned: Sequence[Verifier]) -> Iterator[str]:
    for reign in found.reigns.all[1:]:
        if reign.how == "lost":
            old = f"from entry {reign.index} on the key is {reign.key}, which the one before it did not sign"
            yield f"{old}; it is said to be lost: {reign.why}"
    outside = [one.checkpoint.size for one in given if one.trusted]
    if not outside:
        yield "no checkpoint from outside the ledger was given: entries cut from its end would not show"
    elif max(outside) < found.size:
        yield f"{found.size - max(outside)} entries came after the newest checkpoint that was given"
    if not pinned:
        newest = found.reigns.newest
        yield f"the key is the ledger's own word: pin it, --verifier {newest}" if newest else "no key has signed it yet"
