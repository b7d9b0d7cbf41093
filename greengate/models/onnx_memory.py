"""Which intermediate tensors of an ONNX graph are needed at once, in the order in which its nodes stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from greengate.models.onnx_scope import Scope
from greengate.models.onnx_view import Graph, Node


class Live:
    """Bytes that are live while the nodes of one graph run one after the other.

    Inputs are live until they have been read for the last time, outputs of the graph until its end. Each tensor has
    memory of its own, as if nothing were computed in place.
    """

    def __init__(self, graph: Graph, scope: Scope) -> None:
        self._scope = scope
        self._freed: defaultdict[int, list[str]] = defaultdict(list)
        self._bytes: int | None = 0
        self.peak: int | None = 0
        kept = set(graph.outputs)
        last: dict[str, int] = {}
        for index, node in enumerate(graph.nodes):
            last.update(dict.fromkeys((*node.outputs, *_reads(node)), index))
        for name, index in last.items():
            if name not in kept:
                self._freed[index].append(name)
        self._held: dict[str, int] = {}
        self._hold(name for name in graph.inputs if not scope.is_constant(name))
        self._rise(0)

    def run(self, index: int, node: Node, inside: int | None) -> None:
        """Let a node run that needs so many bytes inside of it."""
        self._hold(name for name in node.outputs if name)
        self._rise(inside)
        for name in self._freed.pop(index, ()):
            if self._bytes is not None:
                self._bytes -= self._held.pop(name, 0)

    def _hold(self, names: Iterable[str]) -> None:
        for name in names:
            size = self._scope.size_bytes(name)
            self._bytes = None if size is None or self._bytes is None else self._bytes + size
            self._held[name] = size or 0

    def _rise(self, inside: int | None) -> None:
        now = None if self._bytes is None or inside is None else self._bytes + inside
        self.peak = None if now is None or self.peak is None else max(self.peak, now)


def _reads(node: Node) -> set[str]:
    """Return what a node reads, its bodies included."""
    names = set(node.inputs)
    for body in node.bodies.values():
        own = {*body.inputs, *body.constants, *(name for each in body.nodes for name in each.outputs)}
        inner = set(body.outputs).union(*(_reads(each) for each in body.nodes))
        names |= inner - own
    return names
