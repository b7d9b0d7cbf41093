"""Ed25519 keys, and DSSE envelopes around the bytes that they sign.

Source: DSSE 1.0.2 (github.com/secure-systems-lab/dsse): the signature is over PAE(type, payload), so that bytes signed
as one thing are never taken for another; RFC 8032 for Ed25519; keys are kept as PKCS #8 in PEM (RFC 8410).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # heavy, and most commands sign nothing
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

IN_TOTO = "application/vnd.in-toto+json"
PUBLIC = r"^ed25519:[A-Za-z0-9+/]{43}=$"
MOST_BYTES = 2**20
_PREFIX = "ed25519:"
_PRIME = 2**255 - 19
_OF_ORDER_EIGHT = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
_WEAK = {0, 1, int.from_bytes(bytes.fromhex(_OF_ORDER_EIGHT), "little")}  # y of each, or -y: RFC 8032, 5.1
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"


class Refused(ValueError):
    """A key or an envelope is not right; the message says in what, and whoever knows where it lies adds that."""


class SigningKey:
    """An Ed25519 private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def make(cls) -> SigningKey:
        """Make a new one."""
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - heavy

        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, pem: bytes, ask: Callable[[], str] | None = None) -> SigningKey:
        """Read one from PEM: PKCS #8, or as OpenSSH writes it.

        Args:
            pem: The file.
            ask: Asks for the password of one that is locked; None where nobody can be asked.

        Raises:
            Refused: It is no PEM of a private key, is locked by a password that nobody tells, or is of another kind.
        """
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - heavy
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - heavy
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - heavy

        openssh = _OPENSSH in pem
        load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
        try:
            key = _unlocked(load, pem, None if openssh else ask)
        except TypeError as error:
            raise Refused(_LOCKED[openssh]) from error
        except Refused:
            raise
        except (ValueError, UnsupportedAlgorithm) as error:
            raise Refused("it is no private key in PEM") from error
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise Refused("it is a private key of another kind than Ed25519")
        return cls(key)

    @property
    def public(self) -> str:
        """The public key in one line: `ed25519:` and its 32 bytes in base64."""
        return public(self.raw)

    @property
    def raw(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._key.public_key().public_bytes_raw()

    def pem(self) -> bytes:
        """Write the key as PKCS #8 in PEM, without a password."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - heavy

        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the signature over some bytes."""
        return self._key.sign(data)

    def seal(self, payload: bytes, kind: str) -> bytes:
        """Sign a payload of a media type and put both into an envelope, as JSON that ends in a line break."""
        return f"{json.dumps(envelope(payload, kind, self.public, self.sign), indent=2)}\n".encode()


_LOCKED = (
    "it is locked by a password, and greengate cannot ask for one",
    "it is locked in the way of OpenSSH, which cannot be undone here: take one in PKCS #8, `openssl pkcs8 -topk8`",
)


def _unlocked(load: Callable[[bytes, bytes | None], Any], pem: bytes, ask: Callable[[], str] | None) -> Any:
    """Read a key, asking for its password where it has one and somebody can be asked."""
    try:
        return load(pem, None)
    except TypeError:
        if ask is None:
            raise
    try:
        return load(pem, ask().encode())
    except ValueError as error:
        raise Refused("it is locked by another password than the one that was given") from error


def public(raw: bytes) -> str:
    """Write a public key of 32 bytes in one line."""
    return _PREFIX + base64.b64encode(raw).decode()


def envelope(payload: bytes, kind: str, key: str, sign: Callable[[bytes], bytes]) -> dict[str, Any]:
    """Put a payload of a media type, and what signs it by the name of a key, into an envelope."""
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [{"keyid": key, "sig": base64.b64encode(sign(_pae(kind, payload))).decode()}],
    }


def keep(key: SigningKey, path: Path) -> None:
    """Write a private key into a new file that only its owner may read.

    Raises:
        OSError: It cannot be written, or there is such a file already.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(key.pem())


def unseal(data: bytes, kind: str, public: str = "") -> tuple[bytes, str]:
    """Check an envelope's signature and return its payload and the public key that signed it.

    Args:
        data: The envelope.
        kind: The media type that its payload must be of.
        public: The only key that may have signed it. Without one, the envelope's own word for its key is taken, which
            shows that nothing was changed since and not who signed.

    Raises:
        Refused: It is no such envelope, nobody or another key has signed it, or something in it was changed.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - heavy

    envelope = _envelope(data, kind)
    payload = _bytes(envelope.get("payload"), "its payload")
    signers = []
    for signature in envelope["signatures"]:
        signer = str(signature.get("keyid", ""))
        signers.append(signer if re.fullmatch(PUBLIC, signer) else "a key without a name")
        signed = _bytes(signature.get("sig"), "its signature")
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(_raw(public or signer)).verify(signed, _pae(kind, payload))
        except InvalidSignature:
            continue
        return payload, public or signer
    if public and public not in signers:
        raise Refused(f"it is signed by {' and '.join(signers)}, not by {public}")
    raise Refused("its signature does not fit: something in it was changed after it was signed")


def _envelope(data: bytes, kind: str) -> Mapping[str, Any]:
    if len(data) > MOST_BYTES:
        raise Refused(f"it is {len(data):,} bytes long, and at most {MOST_BYTES:,} are read")
    try:
        envelope = json.loads(data)
    except (ValueError, RecursionError) as error:  # a byte that is no UTF-8 is a ValueError too
        raise Refused("it is no JSON") from error
    if not isinstance(envelope, dict) or "payloadType" not in envelope:
        raise Refused("it is no signed envelope (DSSE): it has no `payloadType`")
    if envelope["payloadType"] != kind:
        raise Refused(f"it holds {envelope['payloadType']!r}, expected {kind!r}")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or not signatures or not all(isinstance(one, dict) for one in signatures):
        raise Refused("nobody has signed it")
    return envelope


def _bytes(written: Any, what: str) -> bytes:
    try:
        return base64.b64decode(written, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise Refused(f"{what} is no base64") from error


def _raw(public: str) -> bytes:
    raw = _bytes(public.removeprefix(_PREFIX), "its key") if public.startswith(_PREFIX) else b""
    if len(raw) != 32 or f"{_PREFIX}{base64.b64encode(raw).decode()}" != public:  # base64 has four forms of one key
        raise Refused(f"{public!r} is no public key, which is written as `{_PREFIX}` and 44 characters")
    refuse_weak(raw)
    return raw


def refuse_weak(raw: bytes) -> None:
    """Refuse a public key of low order: signatures in its name fit without any private key.

    Raises:
        Refused: It is one of those eight points, in any of their encodings.
    """
    y = (int.from_bytes(raw, "little") & ~(1 << 255)) % _PRIME
    if min(y, _PRIME - y) in _WEAK:
        raise Refused("its key is of low order: anybody can sign in its name")


def _pae(kind: str, payload: bytes) -> bytes:
    """Encode before authentication: lengths first, so that type and payload cannot flow into one another."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)
