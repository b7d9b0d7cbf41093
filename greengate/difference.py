"""Which operators a candidate's costs grew by: its nodes beside those of the baseline, matched by name and structure.

Nodes of the same name and operator are the same node. What is left between two of them, in the order in which the
graphs run, is aligned by operator, as two texts are aligned by their words: exporters rename, and a layer that was put
in shifts all numbers after it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Final

from greengate.ports import NodeCost

_GREATEST: Final = ("macs", "parameters", "written_bytes")
_ALIGNED: Final = 4_000_000  # pairs of nodes that are compared in one stretch, and ten times as many in all


@dataclass(frozen=True, slots=True)
class Change:
    """One node on both sides, or on one of them alone."""

    baseline: NodeCost | None
    candidate: NodeCost | None

    @property
    def node(self) -> NodeCost:
        """The node as the candidate has it, or as the baseline had it."""
        found = self.candidate or self.baseline
        assert found is not None
        return found

    @property
    def word(self) -> str:
        """What happened to it: "new", "gone", "changed" or "same"."""
        if self.baseline is None or self.candidate is None:
            return "new" if self.baseline is None else "gone"
        return "same" if _costs(self.baseline) == _costs(self.candidate) else "changed"

    def grown(self, column: str) -> int | None:
        """Tell by how much a column of `NodeCost` grew, or None where it is not known on a side."""
        before, after = (0 if side is None else getattr(side, column) for side in (self.baseline, self.candidate))
        return None if before is None or after is None else after - before


def changes(baseline: Sequence[NodeCost], candidate: Sequence[NodeCost]) -> list[Change]:
    """Match the nodes of two models; each node is in one change, in the candidate's order."""
    return [
        Change(None if old is None else baseline[old], None if new is None else candidate[new])
        for old, new in _matched(baseline, candidate)
    ]


def greatest(found: Sequence[Change]) -> list[Change]:
    """Keep what is not the same: first what changed the MACs most, then the parameters, then the bytes written."""
    moved = [change for change in found if change.word != "same"]
    return sorted(moved, key=lambda change: tuple(-abs(change.grown(column) or 0) for column in _GREATEST))


def _costs(node: NodeCost) -> tuple[object, ...]:
    return node.op, node.domain, node.macs, node.operations, node.read_bytes, node.written_bytes, node.parameters


def _matched(baseline: Sequence[NodeCost], candidate: Sequence[NodeCost]) -> Iterator[tuple[int | None, int | None]]:
    stretches = _Stretches(baseline, candidate)
    old = new = 0
    for stop_old, stop_new in [*_anchors(baseline, candidate), (len(baseline), len(candidate))]:
        yield from stretches.aligned(range(old, stop_old), range(new, stop_new))
        if stop_old < len(baseline) and stop_new < len(candidate):
            yield stop_old, stop_new
        old, new = stop_old + 1, stop_new + 1


def _anchors(baseline: Sequence[NodeCost], candidate: Sequence[NodeCost]) -> list[tuple[int, int]]:
    """Find nodes of the same name and operator that come in the same order on both sides, as many as there are."""
    places = {_key(node): index for index, node in enumerate(baseline)}
    if len(places) < len(baseline):  # names that stand for several nodes name none of them
        doubled = {key for index, node in enumerate(baseline) if places[key := _key(node)] != index}
        places = {key: index for key, index in places.items() if key not in doubled}
    found = [(places[key], index) for index, node in enumerate(candidate) if (key := _key(node)) in places]
    return _rising(found)


def _key(node: NodeCost) -> tuple[str, str, str]:
    return node.name, node.op, node.domain


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Keep the longest run of pairs that rises on both sides (patience sorting)."""
    tops: list[int] = []
    before: list[int | None] = []
    ends: list[int] = []
    for index, (old, _) in enumerate(pairs):
        pile = bisect_left(tops, old)
        before.append(ends[pile - 1] if pile else None)
        tops[pile : pile + 1] = [old]
        ends[pile : pile + 1] = [index]
    found, at = [], ends[-1] if ends else None
    while at is not None:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]


class _Stretches:
    """Stretches of nodes without anchors, which are aligned by their operators."""

    def __init__(self, baseline: Sequence[NodeCost], candidate: Sequence[NodeCost]) -> None:
        self._old, self._new = ([f"{node.domain}.{node.op}" for node in side] for side in (baseline, candidate))
        self._left = 10 * _ALIGNED

    def aligned(self, olds: range, news: range) -> Iterator[tuple[int | None, int | None]]:
        """Align a stretch of either side: what is alike at both ends first, then what is between."""
        head = self._alike(zip(olds, news, strict=False))
        tail = self._alike(zip(reversed(olds[head:]), reversed(news[head:]), strict=False))
        yield from zip(olds[:head], news[:head], strict=True)
        yield from self._between(olds[head : len(olds) - tail], news[head : len(news) - tail])
        yield from zip(olds[len(olds) - tail :], news[len(news) - tail :], strict=True)

    def _alike(self, pairs: Iterable[tuple[int, int]]) -> int:
        return sum(1 for _ in takewhile(lambda pair: self._old[pair[0]] == self._new[pair[1]], pairs))

    def _between(self, olds: range, news: range) -> Iterator[tuple[int | None, int | None]]:
        pairs = len(olds) * len(news)
        if not pairs or pairs > min(_ALIGNED, self._left):
            yield from ((old, None) for old in olds)
            yield from ((None, new) for new in news)
            return
        self._left -= pairs
        words = [self._old[old] for old in olds], [self._new[new] for new in news]
        for tag, old, old_end, new, new_end in SequenceMatcher(None, *words, autojunk=False).get_opcodes():
            if tag == "equal":
                yield from zip(olds[old:old_end], news[new:new_end], strict=True)
            else:
                yield from ((each, None) for each in olds[old:old_end])
                yield from ((None, each) for each in news[new:new_end])
