"""The root of a tree from the hashes of its leaves, by pieces that can be hashed beside one another. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256

from greengate.ledger.merkle import Frontier, folded

CHUNK = 256
"""Leaves that are hashed into one subtree before it goes into the frontier."""


def subtrees(hashes: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Hash leaves into the roots of their chunks, the first of which begins with them; the last ones are left over."""
    whole = len(hashes) - len(hashes) % CHUNK
    level, width = list(hashes[:whole]), CHUNK
    while width > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        width //= 2
    return level, list(hashes[whole:])


class Root:
    """The root of the tree of pieces that follow one another, all of whole chunks but for the last."""

    def __init__(self) -> None:
        self._whole = Frontier()
        self._rest: list[bytes] = []

    def add(self, chunks: Iterable[bytes], rest: list[bytes]) -> None:
        """Take in the next piece, as `subtrees` tells it."""
        _append(self._whole, chunks)
        self._rest = rest

    def told(self) -> str:
        """Tell the root so far, in base64 as checkpoints write it."""
        tail = Frontier()
        _append(tail, self._rest)
        return b64encode(folded([*self._whole.nodes, *tail.nodes])).decode()


def _append(frontier: Frontier, hashes: Iterable[bytes]) -> None:
    for one in hashes:
        for _ in frontier.append(one):
            pass
