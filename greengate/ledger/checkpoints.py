"""Checkpoints: how many entries a ledger has and the root of its tree, as a signed note.

Source: C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint)::

    example.com/greengate
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/greengate Az3grlgt…

The first line is the origin, which is the ledger's name and that of its key; then the size and the root. Lines after
them are kept as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from greengate.ledger import notes
from greengate.ledger.notes import Note, Signer, Verifier
from greengate.ledger.signing import Refused

NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a ledger: its name, how many entries it has, and the root of the tree over them."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text as a checkpoint.

        Raises:
            Refused: It is none.
        """
        lines = text.split("\n")[:-1]
        if len(lines) < 3 or not all(lines) or not lines[0].isprintable() or not NUMBER.fullmatch(lines[1]):
            raise Refused("it is no checkpoint: an origin, a size and a root, a line each")
        return cls(lines[0], int(lines[1]), hash_of(lines[2], "its root"), tuple(lines[3:]))

    def __str__(self) -> str:
        lines = (self.origin, str(self.size), notes.encoded(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @property
    def words(self) -> str:
        """Size and root, to be told."""
        return f"{self.size} {'entry' if self.size == 1 else 'entries'}, root {notes.encoded(self.root)}"


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint, the note that it is, and the known keys that have signed it in the ledger's own name."""

    checkpoint: Checkpoint
    note: bytes
    by: tuple[Verifier, ...]


def signed(checkpoint: Checkpoint, signer: Signer) -> Signed:
    """Sign a checkpoint in the ledger's name."""
    return Signed(checkpoint, notes.signed(str(checkpoint), [signer]), (signer.verifier,))


def read(data: bytes) -> tuple[Checkpoint, Note]:
    """Read a checkpoint without believing it.

    Raises:
        Refused: It is none.
    """
    note = notes.parse(data)
    return Checkpoint.parse(note.text), note


def opened(data: bytes, known: Iterable[Verifier]) -> Signed:
    """Read a checkpoint that a known key has signed in the ledger's own name.

    Raises:
        Refused: It is none, or nobody who is known stands for it.
    """
    checkpoint, note = read(data)
    by = tuple(key for key in note.signers(known) if key.name == checkpoint.origin)
    if not by:
        raise Refused(f"it is of {checkpoint.origin}, and signed in other names alone")
    return Signed(checkpoint, data, by)


def hash_of(text: str, what: str) -> bytes:
    """Read a SHA-256 in base64.

    Raises:
        Refused: It is none.
    """
    found = notes.decoded(text, what)
    if len(found) != _HASH_BYTES:
        raise Refused(f"{what} is no SHA-256 in base64")
    return found
