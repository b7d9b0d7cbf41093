"""The evidence beside the entries of a ledger, held against what they refer to."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from greengate.ledger import statements as sql
from greengate.ledger.canonical import digest
from greengate.ledger.forms import as_bytes, shown
from greengate.ledger.keeping import MOST, Keeper, Rows
from greengate.ledger.references import likely, mentioned, referred
from greengate.records import type_of

_BYTES = "S32"


class Bodies:
    """What entries refer to, collected while they are read, and then looked for."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._digests = bytearray()

    def mention(self, digests: Iterable[bytes]) -> None:
        """Add digests, in hexadecimal, that an entry may refer to."""
        for one in digests:
            self._digests += binascii.unhexlify(one)

    def faults(self) -> Iterator[str]:
        """Tell what is damaged, what is missing and which entries refer to it, and what no entry refers to."""
        wanted = np.unique(np.frombuffer(self._digests, _BYTES))
        there = np.zeros(len(wanted), bool)
        orphans: set[bytes] = set()
        for rows in self._kept():
            names = [as_bytes(name) for name, _ in rows]
            for name, (_, body) in zip(names, rows, strict=True):
                if digest(as_bytes(body)).encode() != name:
                    yield f"the evidence {shown(name)} is damaged: its bytes have another digest"
            orphans.update(_unwanted(names, wanted, there))
        missing = {bytes(one).ljust(32, b"\0").hex().encode() for one in wanted[~there]}
        if missing or orphans:
            yield from self._placed(missing, orphans)

    def _kept(self) -> Iterator[Rows]:
        after = ""
        while rows := self._keeper.ask(sql.BODIES, after):
            yield rows
            after = rows[-1][0]

    def _placed(self, missing: set[bytes], orphans: set[bytes]) -> Iterator[str]:
        """Read the entries again, with those that came meanwhile, for what only they can tell."""
        at = 0
        while rows := self._keeper.ask(sql.ENTRIES, at, MOST):
            for index, _, leaf in rows:
                orphans -= set(mentioned(as_bytes(leaf)))
                if missing.intersection(likely(type_of(as_bytes(leaf)), as_bytes(leaf))):
                    for field, name in referred(as_bytes(leaf)):
                        if name.encode() in missing:
                            yield f"entry {index} refers to the {field} {name}, which is missing"
            at = rows[-1][0] + 1
        yield from (f"no entry refers to the evidence {shown(name)}" for name in sorted(orphans))


def _unwanted(names: list[bytes], wanted: NDArray[np.bytes_], there: NDArray[np.bool_]) -> Iterator[bytes]:
    """Mark the digests that are wanted as found, and tell the others."""
    places = np.searchsorted(wanted, np.array([_raw(name) for name in names], _BYTES))
    for name, at in zip(names, places.tolist(), strict=True):
        if at < len(wanted) and bytes(wanted[at]) == _raw(name):
            there[at] = True
        else:
            yield name


def _raw(name: bytes) -> bytes:
    """Tell the bytes of a digest, as NumPy gives bytes out: without zeros at the end."""
    try:
        return binascii.unhexlify(name).rstrip(b"\0")
    except ValueError:
        return b""
