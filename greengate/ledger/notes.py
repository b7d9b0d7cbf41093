"""Signed notes: a text, and under it a line for each key that stands for it.

Source: C2SP signed-note (c2sp.org/signed-note), with Ed25519 signatures (type 0x01, RFC 8032)::

    text that ends in a line break

    — example.com/greengate base64(4 bytes of key id || 64 bytes of signature)

    key id       = SHA-256(name || 0x0A || 0x01 || public key)[:4]
    verifier key = name + "+" + hex(key id) + "+" + base64(0x01 || public key)

Signatures of keys that are not known are ignored; one of a known key that does not fit refuses the whole note, and so
does a note that no known key has signed. Base64 is taken in its one canonical form alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from greengate.ledger.signing import Refused, refuse_weak

MOST_BYTES, MOST_SIGNATURES = 2**20, 100
_ED25519 = b"\x01"
_MARK = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public Ed25519 key, and the name that its signatures go by."""

    name: str
    key: bytes

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read a verifier key.

        Raises:
            Refused: It is none, of another kind than Ed25519, or its id is not that of its name and key.
        """
        name, _, rest = text.partition("+")
        told, _, written = rest.partition("+")
        refuse_name(name)
        if not re.fullmatch(r"[0-9a-f]{8}", told) or not written:
            raise Refused(f"`{text}` is no verifier key, which is written `name+id+key`")
        raw = decoded(written, "the key")
        if raw[:1] != _ED25519 or len(raw) != 33:
            raise Refused(f"`{text}` is no key for Ed25519")
        refuse_weak(raw[1:])
        made = cls(name, raw[1:])
        if made.id.hex() != told:
            raise Refused(f"`{text}` is damaged: by its name and key, its id is {made.id.hex()}")
        return made

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encoded(_ED25519 + self.key)}"

    def stands_for(self, signature: bytes, data: bytes) -> bool:
        """Whether a signature over some bytes is of this key."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - heavy
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - heavy

        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, data)
        except InvalidSignature:
            return False
        return True


class Signer(Protocol):
    """Something that signs in the name of a key: a file, or a command."""

    @property
    def verifier(self) -> Verifier:
        """The public key, with its name."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature."""
        ...


@dataclass(frozen=True, slots=True)
class Signature:
    """One line of a note: a name, a key id, and what was signed by them."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_MARK}{self.name} {encoded(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures; nothing of it is to be believed before `signers` has told whose they are."""

    text: str
    signatures: tuple[Signature, ...]

    def __bytes__(self) -> bytes:
        return f"{self.text}\n{''.join(map(str, self.signatures))}".encode()

    def signers(self, known: Iterable[Verifier]) -> tuple[Verifier, ...]:
        """Name the known keys that have signed it.

        Raises:
            Refused: A signature by a known key does not fit, or no known key has signed.
        """
        keys = {(key.name, key.id): key for key in known}
        found: dict[Verifier, None] = {}
        for one in self.signatures:
            key = keys.get((one.name, one.key_id))
            if key is None:
                continue
            if not key.stands_for(one.signature, self.text.encode()):
                raise Refused(f"the signature of {one.name} does not fit: something in it was changed")
            found[key] = None
        if not found:
            raise Refused(f"it is signed by {' and '.join(map(_named, self.signatures))}, and by no key that is known")
        return tuple(found)


def signed(text: str, signers: Sequence[Signer]) -> bytes:
    """Sign a text that ends in a line break, and write both down as a note."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise ValueError("a note's text ends in a line break and has no other control character")
    data, lines = text.encode(), []
    for signer in signers:
        key = signer.verifier
        lines.append(Signature(key.name, key.id, signer.sign(data)))
    return bytes(Note(text, tuple(lines)))


def parse(data: bytes) -> Note:
    """Read a note without believing it.

    Raises:
        Refused: It is none.
    """
    if len(data) > MOST_BYTES:
        raise Refused(f"it is {len(data):,} bytes long, and a note has at most {MOST_BYTES:,}")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise Refused("it is no UTF-8") from error
    if _CONTROL.search(whole):
        raise Refused("there is a control character in it")
    text, parted, rest = whole.rpartition("\n\n")
    if not parted or not rest.endswith("\n"):
        raise Refused("it is no signed note: a text, a blank line, and lines of signatures that end in a line break")
    lines = rest[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise Refused(f"it has more than {MOST_SIGNATURES} signatures")
    return Note(f"{text}\n", tuple(map(_signature, lines)))


def refuse_name(name: str) -> None:
    """Refuse what cannot be the name of a key.

    Raises:
        Refused: It is empty, or has a space, a plus or a control character in it.
    """
    if not name or "+" in name or any(sign.isspace() or not sign.isprintable() for sign in name):
        raise Refused(f"{name!r} cannot be a key's name: it has no spaces and no plus, as `example.com/greengate`")


def encoded(data: bytes) -> str:
    """Write bytes in base64."""
    return base64.b64encode(data).decode()


def decoded(text: str, what: str) -> bytes:
    """Read base64 in its canonical form.

    Raises:
        Refused: It is in no such form.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Refused(f"{what} is no base64") from error
    if encoded(data) != text:
        raise Refused(f"{what} is no base64 in its usual form")
    return data


def _signature(line: str) -> Signature:
    name, parted, written = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not parted:
        raise Refused("a line under the blank one is no signature")
    refuse_name(name)
    raw = decoded(written, f"the signature of {name}")
    if len(raw) < 5:
        raise Refused(f"the signature of {name} is too short")
    return Signature(name, raw[:4], raw[4:])


def _named(one: Signature) -> str:
    return f"{one.name}+{one.key_id.hex()}"
