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
_ALIGNED: Final = 2_000  # nodes on either side; aligning takes the square of it


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
    old = new = 0
    for stop_old, stop_new in [*_anchors(baseline, candidate), (len(baseline), len(candidate))]:
        yield from _aligned(baseline, range(old, stop_old), candidate, range(new, stop_new))
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


def _aligned(
    baseline: Sequence[NodeCost], olds: range, candidate: Sequence[NodeCost], news: range
) -> Iterator[tuple[int | None, int | None]]:
    """Align two stretches without anchors: what is alike at both ends first, then what is between."""
    words = [[f"{node.domain}.{node.op}" for node in side] for side in (baseline, candidate)]
    head = _alike(zip(olds, news, strict=False), words)
    tail = _alike(zip(reversed(olds[head:]), reversed(news[head:]), strict=False), words)
    yield from zip(olds[:head], news[:head], strict=True)
    yield from _between(words, olds[head : len(olds) - tail], news[head : len(news) - tail])
    yield from zip(olds[len(olds) - tail :], news[len(news) - tail :], strict=True)


def _alike(pairs: Iterable[tuple[int, int]], words: Sequence[Sequence[str]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: words[0][pair[0]] == words[1][pair[1]], pairs))


def _between(words: Sequence[Sequence[str]], olds: range, news: range) -> Iterator[tuple[int | None, int | None]]:
    if not olds or not news or max(len(olds), len(news)) > _ALIGNED:
        yield from ((old, None) for old in olds)
        yield from ((None, new) for new in news)
        return
    matcher = SequenceMatcher(None, [words[0][old] for old in olds], [words[1][new] for new in news], autojunk=False)
    for tag, old, old_end, new, new_end in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(olds[old:old_end], news[new:new_end], strict=True)
        else:
            yield from ((each, None) for each in olds[old:old_end])
            yield from ((None, each) for each in news[new:new_end])
