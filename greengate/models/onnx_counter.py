"""A walk over an ONNX graph that adds up what its nodes cost, and names what it could not count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from greengate.models import onnx_formulas, onnx_kinds, onnx_loops
from greengate.models.onnx_formulas import Uncountable
from greengate.models.onnx_graph import Reading
from greengate.models.onnx_memory import Live
from greengate.models.onnx_scope import Scope
from greengate.models.onnx_view import Graph, Node
from greengate.models.onnx_weights import PASSING, Weights
from greengate.ports import NodeCost

MATMUL: Final = "matmul"
_CONTROL: Final = frozenset({"If", "Loop", "Scan", "SequenceMap"})
_RANDOM: Final = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)


@dataclass(slots=True)
class Tally:
    """Sums over a graph or a part of it; None where a part of a sum is not known.

    Attributes:
        macs: Multiply-accumulates.
        written: Bytes of all that was computed.
        peak: Bytes of it that are live at once.
        rows: The nodes one by one.
    """

    macs: int | None = 0
    written: int | None = 0
    peak: int | None = 0
    rows: list[NodeCost] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add what comes after; its peak is for whoever knows what else is live then."""
        self.macs, self.written = plus(self.macs, other.macs), plus(self.written, other.written)
        self.rows += other.rows

    def turned(self, turns: int | None) -> Tally:
        """Return the sums of so many turns, or of an unknown number of them."""
        if turns == 0:
            return Tally()
        macs, written = times(self.macs, turns), times(self.written, turns)
        return Tally(macs, written, self.peak, [_turned(row, turns) for row in self.rows])


def plus(first: int | None, second: int | None) -> int | None:
    """Add what may be unknown."""
    return None if first is None or second is None else first + second


def times(first: int | None, second: int | None) -> int | None:
    """Multiply what may be unknown; nothing at all stays that however often it is done."""
    if first == 0:
        return 0
    return None if first is None or second is None else first * second


def _turned(row: NodeCost, turns: int | None) -> NodeCost:
    return replace(
        row,
        times=times(row.times, turns),
        macs=times(row.macs, turns),
        operations=times(row.operations, turns),
        read_bytes=times(row.read_bytes, turns),
        written_bytes=times(row.written_bytes, turns),
    )


class Counter:
    """Adds up what the nodes of a graph cost, and collects in words what it could not count (`gaps`)."""

    def __init__(self, reading: Reading, weights: Weights) -> None:
        self._reading = reading
        self._weights = weights
        self._owned: set[str] = set()
        self._random = ""
        self._undecided = ""
        self.gaps: list[str] = []

    @property
    def remarks(self) -> list[str]:
        """What a reader should know: that a model may cost something else in each run."""
        if not (self._random and self._undecided):
            return []
        drawn, decided = f"it draws random numbers (`{self._random}`)", f"`{self._undecided}` is decided in the run"
        return [f"{drawn}, and what runs in {decided}: runs may cost more or less than those that were measured"]

    def of_graph(self, graph: Graph, outer: Scope | None = None) -> Tally:
        """Count a graph, or a body in its surroundings."""
        scope = Scope(graph, outer)
        tally, live = Tally(), Live(graph, scope)
        for index, node in enumerate(graph.nodes):
            if self._folded(node, scope):
                self._fold(node, scope)
                continue
            part = self._of_node(node, scope)
            tally.add(part)
            live.run(index, node, part.peak)
        tally.peak = live.peak
        return tally

    def _folded(self, node: Node, scope: Scope) -> bool:
        known = _kind(node.domain, node.op) is not None
        if node.op in _RANDOM or not known or (node.domain, node.op) in self._reading.leftover:
            return False
        return all(scope.is_constant(name) for name in node.inputs if name)

    def _fold(self, node: Node, scope: Scope) -> None:
        if node.op == "DequantizeLinear":
            scope.dequantise(node)
        source = scope.source(node.inputs[0]) if node.op in PASSING and node.inputs else None
        scope.fold(node, node.key if node.key in self._weights.elements else source)

    def _of_node(self, node: Node, scope: Scope) -> Tally:
        self._random = self._random or (_name(node) if not node.domain and node.op in _RANDOM else "")
        written = _total(scope.size_bytes(name) for name in node.outputs if name)
        if node.domain or node.op not in _CONTROL:
            if node.op == "DequantizeLinear":
                scope.dequantise(node)
            row = self._row(node, scope, written)
            return Tally(row.macs, written, 0, [row])
        part = self._branches(node, scope) if node.op == "If" else self._repeated(node, scope)
        part.written = plus(part.written, written)
        return part

    def _row(self, node: Node, scope: Scope, written: int | None) -> NodeCost:
        kind = _kind(node.domain, node.op)
        elements, stored = self._weights_of(node, scope)
        return NodeCost(
            name=_name(node),
            op=node.op,
            domain=node.domain,
            kind=kind or "unknown",
            macs=self._macs(node, scope),
            integer=_integer(node, scope) and kind == MATMUL,
            operations=_operations(node, kind, scope),
            read_bytes=_total(scope.size_bytes(name) for name in dict.fromkeys(node.inputs) if name),
            written_bytes=written,
            parameters=elements,
            weight_bytes=stored,
        )

    def _weights_of(self, node: Node, scope: Scope) -> tuple[int, int]:
        """Give each weight to the node that is the first to use it."""
        elements = stored = 0
        for key in (node.key, *map(scope.source, node.inputs)):
            if key in self._weights.elements and key not in self._owned:
                self._owned.add(key)
                elements, stored = elements + self._weights.elements[key], stored + self._weights.stored[key]
        return elements, stored

    def _macs(self, node: Node, scope: Scope) -> int | None:
        if (node.domain, node.op) in self._reading.leftover:
            return self._gap(node, "it is a function written for another opset than the model's")
        formula = onnx_formulas.FORMULAS.get(node.domain, {}).get(node.op)
        if formula is None:
            if _kind(node.domain, node.op) is not None:
                return 0
            unknown = "no formula is known for this operator"
            return self._gap(node, onnx_formulas.UNCOUNTED.get((node.domain, node.op), unknown))
        try:
            return formula(scope.operator(node))
        except Uncountable as reason:
            return self._gap(node, str(reason))

    def _gap(self, node: Node, reason: str) -> int | None:
        self.gaps.append(f"{node.op} `{_name(node)}` ({node.domain or 'ai.onnx'}): {reason}")
        return None

    def _branches(self, node: Node, scope: Scope) -> Tally:
        sides = [node.bodies.get("then_branch"), node.bodies.get("else_branch")]
        condition = scope.flag(node.inputs[0]) if node.inputs else None
        if condition is not None:
            sides = sides[:1] if condition else sides[1:]
        else:
            self._undecided = self._undecided or _name(node)
        found = [self.of_graph(side, scope) for side in sides if side is not None]
        if len(found) != len(sides):
            self._gap(node, "it lacks a branch")
            return Tally(None, None, None)
        macs, written = {one.macs for one in found}, {one.written for one in found}
        known = macs.pop() if len(macs) == 1 else None
        if known is None and None not in macs:
            self._gap(node, f"its branches cost {found[0].macs:,} and {found[1].macs:,} MACs")
        peaks = [one.peak for one in found if one.peak is not None]
        return Tally(
            macs=known,
            written=written.pop() if len(written) == 1 else None,
            peak=max(peaks) if len(peaks) == len(found) else None,
            rows=max(found, key=lambda one: one.macs or 0).rows,
        )

    def _repeated(self, node: Node, scope: Scope) -> Tally:
        body = node.bodies.get("body")
        if body is None:
            self._gap(node, "it lacks a body")
            return Tally(None, None, None)
        turns = onnx_loops.trips(node, body, scope, self._reading.opset)
        if turns == 0:
            return Tally()
        if turns is None:
            self._undecided = self._undecided or _name(node)
        inside = self.of_graph(body, scope)
        if turns is None and inside.macs:
            self._gap(node, f"its body costs {inside.macs:,} MACs, and how often it runs is not constant")
        return inside.turned(turns)


@lru_cache(maxsize=4096)
def _kind(domain: str, op: str) -> str | None:
    """Tell what kind of work an operator does, or None for one that is not known."""
    return MATMUL if op in onnx_formulas.FORMULAS.get(domain, ()) else onnx_kinds.KINDS.get(domain, {}).get(op)


def _name(node: Node) -> str:
    return node.name or next(iter(node.outputs), "")


def _total(sizes: Iterable[int | None]) -> int | None:
    known = 0
    for size in sizes:
        if size is None:
            return None
        known += size
    return known


def _operations(node: Node, kind: str | None, scope: Scope) -> int | None:
    """Count one operation for each element of what is larger, the first input or the first output."""
    if kind is None:
        return None
    if not onnx_kinds.has_operations(kind):
        return 0
    sizes = [scope.elements(names[0]) for names in (node.inputs, node.outputs) if names and names[0]]
    return max((size for size in sizes if size is not None), default=None) if None not in sizes else None


def _integer(node: Node, scope: Scope) -> bool:
    operands = node.inputs[:2]
    return node.op in onnx_kinds.INTEGER or (len(operands) == 2 and all(map(scope.is_dequantised, operands)))
