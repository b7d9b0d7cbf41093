"""What names stand for at one place of an ONNX graph, from the inside out."""

from __future__ import annotations

from greengate.models import onnx_formulas
from greengate.models.onnx_formulas import Operator
from greengate.models.onnx_view import Graph, Node, Tensor


class Scope:
    """The names of one graph, and behind them those of the graphs around it: an inner name hides an outer one.

    Args:
        graph: The graph.
        outer: Where it stands, if it is the body of a node.
    """

    def __init__(self, graph: Graph, outer: Scope | None = None) -> None:
        self._graph = graph
        self._outer = outer
        self._own = {*graph.inputs, *graph.constants, *(name for node in graph.nodes for name in node.outputs)}
        self._constants = set(graph.constants)
        self._integers = dict(graph.integers)
        self._sources = dict(graph.constants)
        self._dequantised: set[str] = set()

    def _of(self, name: str) -> Scope:
        """Find the graph that a name belongs to."""
        scope = self
        while scope._outer is not None and name not in scope._own:
            scope = scope._outer
        return scope

    def fold(self, node: Node, source: str | None) -> None:
        """Take the outputs of a node for constants; the first may be another form of the constant of some key."""
        self._constants.update(node.outputs)
        if source is not None and node.outputs:
            self._sources[node.outputs[0]] = source
        if node.op == "Identity" and node.inputs and node.outputs and (values := self.integers(node.inputs[0])):
            self._integers[node.outputs[0]] = values

    def dequantise(self, node: Node) -> None:
        """Remember what DequantizeLinear writes."""
        self._dequantised.update(node.outputs)

    def is_constant(self, name: str) -> bool:
        """Tell whether a name depends on constants alone."""
        return name in self._of(name)._constants  # noqa: SLF001

    def is_dequantised(self, name: str) -> bool:
        """Tell whether DequantizeLinear writes a name."""
        return name in self._of(name)._dequantised  # noqa: SLF001

    def source(self, name: str) -> str | None:
        """Return the key of the constant that a name is, or is another form of."""
        return self._of(name)._sources.get(name)  # noqa: SLF001

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return the values of a small integer constant."""
        return self._of(name)._integers.get(name)  # noqa: SLF001

    def flag(self, name: str) -> bool | None:
        """Return the truth of a constant, or None where it is not known."""
        values = self.integers(name)
        return bool(values[0]) if values else None

    def tensor(self, name: str) -> Tensor | None:
        """Return type and shape of a name."""
        return self._of(name)._graph.tensors.get(name)  # noqa: SLF001

    def elements(self, name: str) -> int | None:
        """Return how many elements a tensor has, or None where that is not known."""
        tensor = self.tensor(name)
        return None if tensor is None else tensor.elements

    def size_bytes(self, name: str) -> int | None:
        """Return how large a tensor is, or None where that is not known."""
        tensor = self.tensor(name)
        return None if tensor is None else tensor.size_bytes

    def operator(self, node: Node) -> Operator:
        """Return a node as its formula sees it."""

        def shaped(names: tuple[str, ...]) -> tuple[tuple[str, onnx_formulas.OpenDims | None], ...]:
            tensors = [self.tensor(name) for name in names]
            return tuple((name, tensor.shape if tensor else None) for name, tensor in zip(names, tensors, strict=True))

        known = {slot: self.integers(name) for slot, name in enumerate(node.inputs)}
        integers = {slot: values for slot, values in known.items() if values is not None}
        return Operator(node.attributes, shaped(node.inputs), shaped(node.outputs), integers)
