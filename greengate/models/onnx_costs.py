"""Exact static costs of an ONNX graph, counted without running it and without reading its weights.

Convention `macs-matmul-v1`: the headline is the multiply-accumulates of matmul-like operators (convolutions, matrix
products, Einsum, recurrent cells, attention) for one run at the declared sizes; FLOPs are twice that. Element-wise
work, normalisations, activations, pooling, reductions and data movement have none, so that folding a batch
normalisation does not move the figure. In it:

* attention is counted as its whole score matrix; masks, causal or windowed, do not make it smaller;
* a recurrent operator runs all its steps, and a convolution's padding is multiplied like data;
* quantising and dequantising are type annotations: a quantised model counts as its floating original;
* what depends on constants alone is folded when the model is loaded, so that it costs nothing in a run;
* of a branch whose condition is not constant, both sides must cost the same, and a loop must have a constant number of
  trips, unless there is nothing to count inside.

Nothing is guessed: an operator without a formula or a dimension left open makes `macs` None and is named.
Weights are as in `onnx_weights`. Activation bytes are those of every output of every node that is not constant.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Final

from greengate.errors import ModelError
from greengate.models import onnx_file, onnx_formulas, onnx_weights
from greengate.models.onnx_formulas import Operator, Uncountable
from greengate.ports import ModelSpec, StaticCosts

if TYPE_CHECKING:
    import onnx

    from greengate.models.onnx_graph import Graph, Node, Reading, Tensor

CONVENTION: Final = "macs-matmul-v1"
_SHOWN: Final = 10
_LARGEST: Final = 2**63
_CONTROL: Final = frozenset({"If", "Loop", "Scan", "SequenceMap"})
_RANDOM: Final = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)


def count(spec: ModelSpec) -> StaticCosts:
    """Return the costs of one run of the model file at the spec's sizes; raises ModelError for a file that is none."""
    from greengate.models import onnx_graph  # noqa: PLC0415 - imports onnx, which only models of this kind need

    model = onnx_file.graph_of(spec.path)
    return _costs(onnx_graph.read(model, spec.shapes, spec.batch, str(spec.path)), str(spec.path))


def count_model(model: onnx.ModelProto, shapes: Mapping[str, tuple[int, ...]], batch: int) -> StaticCosts:
    """Return the costs of one run of a model in memory, which is left as it is."""
    from greengate.models import onnx_graph  # noqa: PLC0415 - as in count

    copy = type(model)()
    copy.CopyFrom(model)
    return _costs(onnx_graph.read(copy, shapes, batch, "model"), "model")


def _costs(reading: Reading, where: str) -> StaticCosts:
    counter = _Counter(reading)
    macs, activation_bytes = counter.of_graph(reading.graph, _Scope())
    weights = onnx_weights.weigh(reading.graph)
    hindrances = list(filter(None, (reading.future, reading.hindrance)))
    gaps = [*hindrances, *counter.gaps] if macs is None or reading.future else []
    if len(gaps) > _SHOWN:
        gaps = [*gaps[:_SHOWN], f"and {len(gaps) - _SHOWN} more"]
    figures = (
        None if gaps else macs,
        None if weights.unknown else sum(weights.elements.values()),
        None if weights.unknown else sum(weights.stored.values()),
        activation_bytes,
    )
    if any(figure is not None and figure >= _LARGEST for figure in figures):
        raise ModelError(where, "its costs at these sizes are beyond 2^63", "check the declared shapes and the batch")
    return StaticCosts(*figures, convention=CONVENTION, uncovered=tuple(gaps))


class _Scope:
    """What names stand for, from the inside out: shapes, constant values, and which of them are constant."""

    def __init__(self, outer: _Scope | None = None, graph: Graph | None = None) -> None:
        self.tensors: ChainMap[str, Tensor] = outer.tensors.new_child() if outer else ChainMap()
        self.integers: ChainMap[str, tuple[int, ...]] = outer.integers.new_child() if outer else ChainMap()
        self.constants: set[str] = set(outer.constants) if outer else set()
        if graph:
            self.tensors.update(graph.tensors)
            self.integers.update(graph.integers)
            self.constants |= set(graph.constants)

    def flag(self, name: str) -> bool | None:
        values = self.integers.get(name)
        return bool(values[0]) if values else None


Cost = tuple[int | None, int | None]
_NOTHING: Final[Cost] = (0, 0)


def _plus(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


def _times(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first * second


class _Counter:
    """Adds up multiply-accumulates and activation bytes, and collects what it could not count."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.gaps: list[str] = []

    def of_graph(self, graph: Graph, outer: _Scope) -> Cost:
        scope = _Scope(outer, graph)
        macs, written = _NOTHING
        for node in graph.nodes:
            if self._folded(node, scope):
                scope.constants.update(node.outputs)
                continue
            cost = self._of_node(node, scope)
            macs, written = _plus(macs, cost[0]), _plus(written, cost[1])
        return macs, written

    def _folded(self, node: Node, scope: _Scope) -> bool:
        if node.op == "Identity" and node.outputs and node.inputs and node.inputs[0] in scope.integers:
            scope.integers[node.outputs[0]] = scope.integers[node.inputs[0]]
        known = node.op in onnx_formulas.ZERO.get(node.domain, ()) or node.op in onnx_formulas.FORMULAS.get(
            node.domain, ()
        )
        if node.op in _RANDOM or not known or (node.domain, node.op) in self._reading.leftover:
            return False
        return all(name in scope.constants for name in node.inputs if name)

    def _of_node(self, node: Node, scope: _Scope) -> Cost:
        sizes = [_bytes(scope.tensors.get(name)) for name in node.outputs if name]
        written = None if None in sizes else sum(size for size in sizes if size is not None)
        if node.domain or node.op not in _CONTROL:
            return self._macs(node, scope), written
        macs, inside = self._branches(node, scope) if node.op == "If" else self._repeated(node, scope)
        return macs, _plus(inside, written)

    def _macs(self, node: Node, scope: _Scope) -> int | None:
        if (node.domain, node.op) in self._reading.leftover:
            return self._gap(node, "it is a function written for another opset than the model's")
        formula = onnx_formulas.FORMULAS.get(node.domain, {}).get(node.op)
        if formula is None:
            if node.op in onnx_formulas.ZERO.get(node.domain, ()):
                return 0
            unknown = "no formula is known for this operator"
            return self._gap(node, onnx_formulas.UNCOUNTED.get((node.domain, node.op), unknown))
        try:
            return formula(_operator(node, scope))
        except Uncountable as reason:
            return self._gap(node, str(reason))

    def _gap(self, node: Node, reason: str) -> int | None:
        name = node.name or next(iter(node.outputs), "")
        self.gaps.append(f"{node.op} `{name}` ({node.domain or 'ai.onnx'}): {reason}")
        return None

    def _branches(self, node: Node, scope: _Scope) -> Cost:
        sides = [node.bodies.get("then_branch"), node.bodies.get("else_branch")]
        condition = scope.flag(node.inputs[0]) if node.inputs else None
        if condition is not None:
            sides = sides[:1] if condition else sides[1:]
        costs = [self.of_graph(side, scope) for side in sides if side is not None]
        if len(costs) != len(sides):
            return self._gap(node, "it lacks a branch"), None
        macs, written = ({cost[part] for cost in costs} for part in (0, 1))
        inside = written.pop() if len(written) == 1 else None
        if None in macs or len(macs) == 1:
            return (None if None in macs else macs.pop()), inside
        return self._gap(node, f"its branches cost {costs[0][0]:,} and {costs[1][0]:,} MACs"), inside

    def _repeated(self, node: Node, scope: _Scope) -> Cost:
        body = node.bodies.get("body")
        if body is None:
            return self._gap(node, "it lacks a body"), None
        trips = {"Loop": _loop_trips, "Scan": self._scan_trips}.get(node.op, _unknown_trips)(node, body, scope)
        if trips == 0:
            return _NOTHING
        macs, written = self.of_graph(body, scope)
        if trips is None and macs:
            macs = self._gap(node, f"its body costs {macs:,} MACs, and how often it runs is not constant")
        return (macs if not macs else _times(trips, macs)), _times(trips, written)

    def _scan_trips(self, node: Node, _: Graph, scope: _Scope) -> int | None:
        count = node.attributes.get("num_scan_inputs")
        axes = node.attributes.get("scan_input_axes") or (0,)
        if self._reading.opset < 9 or not isinstance(count, int) or not isinstance(axes, tuple):
            return None  # opset 8 has another Scan, with a batch axis
        tensor = scope.tensors.get(node.inputs[-count]) if 0 < count <= len(node.inputs) else None
        if tensor is None or tensor.shape is None or not -len(tensor.shape) <= axes[0] < len(tensor.shape):
            return None
        return tensor.shape[axes[0]]


def _unknown_trips(_node: Node, _body: Graph, _scope: _Scope) -> None:
    return None


def _loop_trips(node: Node, body: Graph, scope: _Scope) -> int | None:
    limit = scope.integers.get(node.inputs[0]) if node.inputs else None
    most = max(limit[0], 0) if limit else None
    starts = scope.flag(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] else True
    if starts is False or most == 0:
        return 0
    goes_on = _goes_on(body, scope)
    if not starts or most is None or goes_on is None:
        return None
    return most if goes_on else 1


def _goes_on(body: Graph, scope: _Scope) -> bool | None:
    """Tell whether the body's condition always holds, never holds, or depends on what is computed."""
    if len(body.inputs) < 2 or not body.outputs:
        return None
    sources = {
        node.outputs[0]: node.inputs[0] for node in body.nodes if node.op == "Identity" and node.inputs and node.outputs
    }
    name = body.outputs[0]
    while name in sources:
        name = sources[name]
    if name == body.inputs[1]:  # handed on as it came in
        return True
    made = name in body.inputs or any(name in node.outputs for node in body.nodes)
    values = body.integers.get(name) if made or name in body.integers else scope.integers.get(name)
    return bool(values[0]) if values else None


def _operator(node: Node, scope: _Scope) -> Operator:
    def shaped(names: tuple[str, ...]) -> tuple[tuple[str, onnx_formulas.OpenDims | None], ...]:
        tensors = [scope.tensors.get(name) for name in names]
        return tuple((name, tensor.shape if tensor else None) for name, tensor in zip(names, tensors, strict=True))

    integers = {slot: scope.integers[name] for slot, name in enumerate(node.inputs) if name in scope.integers}
    return Operator(node.attributes, shaped(node.inputs), shaped(node.outputs), integers)


def _bytes(tensor: Tensor | None) -> int | None:
    if tensor is None or tensor.shape is None:
        return None
    dims = [size for size in tensor.shape if size is not None]
    return onnx_weights.size_bytes(prod(dims), tensor.dtype) if len(dims) == len(tensor.shape) else None
