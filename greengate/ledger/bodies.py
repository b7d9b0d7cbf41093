"""The evidence beside the entries of a ledger, held against what they refer to."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from greengate.ledger import statements as sql
from greengate.ledger.canonical import digest
from greengate.ledger.forms import as_bytes
from greengate.ledger.keeping import MOST, Keeper
from greengate.ledger.references import likely, mentioned, referred

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
        for name, body in self._kept():
            if digest(body) != name.decode():
                yield f"the evidence {name.decode()} is damaged: its bytes have another digest"
            if not _tick(there, wanted, name):
                orphans.add(name)
        missing = {bytes(one).ljust(32, b"\0").hex().encode() for one in wanted[~there]}
        if missing or orphans:
            yield from self._placed(missing, orphans)

    def _kept(self) -> Iterator[tuple[bytes, bytes]]:
        after = ""
        while rows := self._keeper.ask(sql.BODIES, after):
            yield from ((as_bytes(name), as_bytes(body)) for name, body in rows)
            after = rows[-1][0]

    def _placed(self, missing: set[bytes], orphans: set[bytes]) -> Iterator[str]:
        """Read the entries again, with those that came meanwhile, for what only they can tell."""
        at = 0
        while rows := self._keeper.ask(sql.ENTRIES, at, MOST):
            for index, _, leaf in rows:
                orphans -= set(mentioned(as_bytes(leaf)))
                if missing.intersection(likely(as_bytes(leaf))):
                    for field, name in referred(as_bytes(leaf)):
                        if name.encode() in missing:
                            yield f"entry {index} refers to the {field} {name}, which is missing"
            at = rows[-1][0] + 1
        yield from (f"no entry refers to the evidence {name.decode()}" for name in sorted(orphans))


def _tick(there: NDArray[np.bool_], wanted: NDArray[np.bytes_], name: bytes) -> bool:
    """Mark a digest as found; tell whether it was wanted at all."""
    try:
        raw = binascii.unhexlify(name).rstrip(b"\0")  # as NumPy gives bytes out
    except ValueError:
        return False
    at = int(np.searchsorted(wanted, np.bytes_(raw)))
    found = at < len(wanted) and bytes(wanted[at]) == raw
    if found:
        there[at] = True
    return found
