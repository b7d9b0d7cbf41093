"""Receipts: a proof that an entry is in a ledger, and one that a ledger was only appended to, as files.

Source of the first: C2SP tlog-proof (c2sp.org/tlog-proof), with the suffix `.tlog-proof`::

    c2sp.org/tlog-proof@v1
    index 73894
    <base64 of a hash, from the leaf's sibling up>

    <checkpoint>

Of the second: the body of `add-checkpoint` in C2SP tlog-witness (c2sp.org/tlog-witness), which public witnesses take::

    old 20852014
    <base64 of a hash>

    <checkpoint>
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from greengate.ledger import checkpoints, merkle, notes
from greengate.ledger.checkpoints import NUMBER, Checkpoint, Signed
from greengate.ledger.notes import Verifier
from greengate.ledger.signing import Refused

HEAD = "c2sp.org/tlog-proof@v1"
_MOST_HASHES = 63


@dataclass(frozen=True, slots=True)
class Receipt:
    """That an entry stands at an index of the ledger that a checkpoint is of.

    Attributes:
        proof: Hashes from the leaf's sibling up.
        checkpoint: The note.
        extra: What else was put beside it; nobody stands for that.
    """

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Receipt:
        """Read one without believing it.

        Raises:
            Refused: It is none.
        """
        (head, *lines), note = _parts(data)
        extra = lines.pop(0).removeprefix("extra ") if lines and lines[0].startswith("extra ") else ""
        if head != HEAD or not lines:
            raise Refused(f"it is no receipt, which begins with `{HEAD}`")
        index = _number(lines.pop(0), "index")
        return cls(index, _hashes(lines), note, notes.decoded(extra, "its extra data"))

    def __bytes__(self) -> bytes:
        extra = (f"extra {notes.encoded(self.extra)}",) if self.extra else ()
        return _written((HEAD, *extra, f"index {self.index}", *map(notes.encoded, self.proof)), self.checkpoint)

    def proves(self, leaf: bytes, known: Iterable[Verifier]) -> Signed:
        """Return the checkpoint of a ledger in which the bytes of a leaf stand, as this receipt shows.

        Raises:
            Refused: The checkpoint is none, or nobody who is known stands for it.
            NotProven: The leaf is not shown to be there.
        """
        found = checkpoints.opened(self.checkpoint, known)
        self.fits(leaf, found.checkpoint)
        return found

    def fits(self, leaf: bytes, checkpoint: Checkpoint) -> None:
        """Check that the leaf stands in the tree of a checkpoint.

        Raises:
            NotProven: That is not shown.
        """
        merkle.prove_inclusion(merkle.leaf_hash(leaf), self.index, checkpoint.size, self.proof, checkpoint.root)


@dataclass(frozen=True, slots=True)
class Growth:
    """That the ledger which a checkpoint is of begins with the first `old` entries of an earlier one."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    @classmethod
    def parse(cls, data: bytes) -> Growth:
        """Read one without believing it.

        Raises:
            Refused: It is none.
        """
        lines, note = _parts(data)
        return cls(_number(lines[0], "old"), _hashes(lines[1:]), note)

    def __bytes__(self) -> bytes:
        return _written((f"old {self.old}", *map(notes.encoded, self.proof)), self.checkpoint)

    def proves(self, earlier: Checkpoint, known: Iterable[Verifier]) -> Signed:
        """Return the later checkpoint, whose ledger begins with that of the earlier one.

        Raises:
            Refused: The later checkpoint is none, of another ledger, or nobody who is known stands for it.
            NotProven: It is not shown to begin so.
        """
        later = checkpoints.opened(self.checkpoint, known)
        if later.checkpoint.origin != earlier.origin:
            raise Refused(f"it is of {later.checkpoint.origin}, and not of {earlier.origin}")
        if self.old != earlier.size:
            raise Refused(f"it tells what follows {self.old} entries, and not what follows {earlier.size}")
        merkle.prove_consistency(self.old, earlier.root, later.checkpoint.size, later.checkpoint.root, self.proof)
        return later


def _parts(data: bytes) -> tuple[list[str], bytes]:
    """Part the lines of a proof from the checkpoint that follows them."""
    head, parted, note = data.partition(b"\n\n")
    if len(data) > notes.MOST_BYTES or not parted:
        raise Refused("it is no proof: lines, a blank line, and a checkpoint")
    try:
        return head.decode("ascii").split("\n"), note
    except UnicodeDecodeError as error:
        raise Refused("it is no proof: there is more than ASCII above its checkpoint") from error


def _written(lines: Iterable[str], note: bytes) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + note


def _number(line: str, word: str) -> int:
    told, _, number = line.partition(" ")
    if told != word or not NUMBER.fullmatch(number):
        raise Refused(f"it is no proof: found {line[:40]!r}, expected `{word}` and a number")
    return int(number)


def _hashes(lines: list[str]) -> tuple[bytes, ...]:
    if len(lines) > _MOST_HASHES:
        raise Refused(f"it has more than {_MOST_HASHES} hashes")
    return tuple(checkpoints.hash_of(line, "a line of it") for line in lines)
