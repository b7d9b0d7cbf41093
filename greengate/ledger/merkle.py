"""The Merkle tree of RFC 6962 over the leaves of a ledger: roots, proofs, and what checks them. Pure.

    hash of a leaf  = SHA-256(0x00 || bytes)
    hash of a node  = SHA-256(0x01 || left || right)

A node (level, index) is the root of the complete subtree of 2^level leaves that begins at leaf index x 2^level. All
proofs are made of such nodes, so that whatever can tell them can prove: a database, a file, or a list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

Node = Callable[[int, int], bytes]
"""Tells the hash of a complete subtree by its level and index."""

EMPTY = hashlib.sha256(b"").digest()


class NotProven(ValueError):
    """A proof does not show what it is said to show."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hash the bytes of a leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees that stand side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The complete subtrees that make up a tree, the largest first: all that appending needs."""

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.nodes = list(nodes)
        if len(self.nodes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} complete subtrees, not {len(self.nodes)}")

    def append(self, node: bytes, level: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Append the hash of a leaf, or of a subtree of 2^level leaves where so many begin.

        Returns:
            (level, index, hash) of every subtree that it completes, itself first.
        """
        index = self.size >> level
        self.size += 1 << level
        yield level, index, node
        while index & 1:
            node, level, index = node_hash(self.nodes.pop(), node), level + 1, index >> 1
            yield level, index, node
        self.nodes.append(node)

    @property
    def root(self) -> bytes:
        """The root of the whole tree."""
        return folded(self.nodes)


def folded(nodes: Sequence[bytes]) -> bytes:
    """Hash the complete subtrees of a tree, the largest first, into its root."""
    if not nodes:
        return EMPTY
    found = nodes[-1]
    for node in reversed(nodes[:-1]):
        found = node_hash(node, found)
    return found


def root(size: int, node: Node) -> bytes:
    """Tell the root of the tree of the first `size` leaves."""
    return _subtree(0, size, node)


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """Prove that a leaf is in the tree of the first `size` leaves (RFC 6962, 2.1.1).

    Raises:
        ValueError: There is no such leaf in it.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not among the first {size}")
    start, stop, path = 0, size, []
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(_subtree(middle, stop, node))
            stop = middle
        else:
            path.append(_subtree(start, middle, node))
            start = middle
    return path[::-1]


def consistency(old: int, size: int, node: Node) -> list[bytes]:
    """Prove that the tree of the first `size` leaves begins with that of the first `old` (RFC 6962, 2.1.2).

    Raises:
        ValueError: The old tree is empty or the larger one.
    """
    if not 0 < old <= size:
        raise ValueError(f"a tree of {old} leaves is no beginning of one of {size}")
    start, stop, path, whole = 0, size, [], True
    while old < stop:
        middle = start + _split(stop - start)
        if old <= middle:
            path.append(_subtree(middle, stop, node))
            stop = middle
        else:
            path.append(_subtree(start, middle, node))
            start, whole = middle, False
    if not whole:
        path.append(_subtree(start, stop, node))
    return path[::-1]


def prove_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> None:
    """Check that a leaf's hash stands at an index of the tree with this size and root (RFC 9162, 2.1.3.2).

    Raises:
        NotProven: It is not shown.
    """
    if not 0 <= index < size:
        raise NotProven(f"entry {index} is not in a tree of {size}")
    number, last, found, rest = index, size - 1, leaf, list(proof)
    while last:
        if not rest:
            raise NotProven("the proof is too short")
        if number & 1 or number == last:
            found = node_hash(rest.pop(0), found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, rest.pop(0))
        number, last = number >> 1, last >> 1
    if rest:
        raise NotProven("the proof is too long")
    if found != expected:
        raise NotProven(f"entry {index} is not the one that the root stands for")


def prove_consistency(old: int, old_root: bytes, size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that a tree was only appended to: that the new one begins with the old one (RFC 9162, 2.1.4.2).

    Raises:
        NotProven: It is not shown.
    """
    if not 0 <= old <= size:
        raise NotProven(f"a tree of {size} does not begin with one of {old}")
    if 0 < old < size:
        before, after = _both(old, size, list(proof) if old & (old - 1) else [old_root, *proof])
    elif proof:
        raise NotProven("the proof is too long")
    else:
        before, after = (new_root, new_root) if old else (EMPTY, new_root)
    if before != old_root or after != new_root:
        raise NotProven(f"the first {old} entries of the tree of {size} are not those of the tree of {old}")


def _both(old: int, size: int, nodes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Work out the roots of the old and of the new tree that a proof of consistency makes."""
    number, last = old - 1, size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    if not nodes:
        raise NotProven("the proof is too short")
    before = after = nodes[0]
    for node in nodes[1:]:
        if not last:
            raise NotProven("the proof is too long")
        if number & 1 or number == last:
            before, after = node_hash(node, before), node_hash(node, after)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            after = node_hash(after, node)
        number, last = number >> 1, last >> 1
    if last:
        raise NotProven("the proof is too short")
    return before, after


def _split(size: int) -> int:
    """Tell the largest power of two below a size."""
    return 1 << (size - 1).bit_length() - 1


def _subtree(start: int, stop: int, node: Node) -> bytes:
    """Hash the leaves of a range that begins where a complete subtree of its size may begin."""
    nodes = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        nodes.append(node(level, start >> level))
        start += 1 << level
    return folded(nodes)
