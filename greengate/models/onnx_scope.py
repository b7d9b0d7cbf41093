"""What names stand for at one place of an ONNX graph, from the inside out."""

from __future__ import annotations

from collections import ChainMap
from math import prod

from greengate.models import onnx_formulas, onnx_weights
from greengate.models.onnx_formulas import Operator
from greengate.models.onnx_graph import Graph, Node, Tensor


class Scope:
    """Types and shapes, values of small constants, which names are constant, and which constant they come from.

    Attributes:
        tensors: Type and shape by name.
        integers: Values of small integer constants by name.
        constants: Names that depend on constants alone.
        sources: Key of the constant that a name is, or is only another form of.
        dequantised: Names that DequantizeLinear writes.
    """

    def __init__(self, outer: Scope | None = None, graph: Graph | None = None) -> None:
        self.tensors: ChainMap[str, Tensor] = outer.tensors.new_child() if outer else ChainMap()
        self.integers: ChainMap[str, tuple[int, ...]] = outer.integers.new_child() if outer else ChainMap()
        self.sources: ChainMap[str, str] = outer.sources.new_child() if outer else ChainMap()
        self.constants: set[str] = set(outer.constants) if outer else set()
        self.dequantised: set[str] = set(outer.dequantised) if outer else set()
        if graph:
            self.tensors.update(graph.tensors)
            self.integers.update(graph.integers)
            self.sources.update(graph.constants)
            self.constants |= set(graph.constants)

    def flag(self, name: str) -> bool | None:
        """Return the truth of a constant, or None where it is not known."""
        values = self.integers.get(name)
        return bool(values[0]) if values else None

    def size_bytes(self, name: str) -> int | None:
        """Return how large a tensor is, or None where that is not known."""
        tensor = self.tensors.get(name)
        if tensor is None:
            return None
        elements = self.elements(name)
        return None if elements is None else onnx_weights.size_bytes(elements, tensor.dtype)

    def elements(self, name: str) -> int | None:
        """Return how many elements a tensor has, or None where that is not known."""
        tensor = self.tensors.get(name)
        if tensor is None or tensor.shape is None:
            return None
        dims = [size for size in tensor.shape if size is not None]
        return prod(dims) if len(dims) == len(tensor.shape) else None

    def operator(self, node: Node) -> Operator:
        """Return a node as its formula sees it."""

        def shaped(names: tuple[str, ...]) -> tuple[tuple[str, onnx_formulas.OpenDims | None], ...]:
            tensors = [self.tensors.get(name) for name in names]
            return tuple((name, tensor.shape if tensor else None) for name, tensor in zip(names, tensors, strict=True))

        integers = {slot: self.integers[name] for slot, name in enumerate(node.inputs) if name in self.integers}
        return Operator(node.attributes, shaped(node.inputs), shaped(node.outputs), integers)
