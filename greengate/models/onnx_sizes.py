"""Sizes for the axes that an ONNX model leaves open; importing this module does not import onnx."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from greengate.errors import ModelError, nearest

if TYPE_CHECKING:
    from onnx import GraphProto, TensorShapeProto, TypeProto

BATCH: Final = "batch"
OPEN: Final = -1  # what some exporters write for an open axis


@dataclass(frozen=True, slots=True)
class Sizes:
    """What fills the axes that a model leaves open.

    Attributes:
        shapes: Whole shapes by input.
        symbols: Sizes by the name that the model gives to an axis, or by `input.axis`.
        batch: Size of leading axes that nothing else fills; among the symbols, `BATCH` may stand for it.
    """

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    symbols: Mapping[str, int] = field(default_factory=dict)
    batch: int = 1


def symbols(graph: GraphProto) -> list[str]:
    """Name every size that the inputs leave open, by its symbol or as `input.axis`."""
    return list(dict.fromkeys(name for _, _, dim, name in _axes(graph) if not _fixed(dim)))


def _axes(graph: GraphProto) -> Iterator[tuple[str, int, TensorShapeProto.Dimension, str]]:
    """Go through the axes of all inputs that are no constants: input, axis, dimension, and what it is called."""
    for name, kind in _inputs(graph).items():
        for axis, dim in enumerate(kind.tensor_type.shape.dim):
            yield name, axis, dim, dim.dim_param or f"{name}.{axis}"


def _inputs(graph: GraphProto) -> dict[str, TypeProto]:
    constants = {tensor.name for tensor in graph.initializer}
    constants |= {tensor.values.name for tensor in graph.sparse_initializer}
    return {each.name: each.type for each in graph.input if each.name not in constants}


def _fixed(dim: TensorShapeProto.Dimension) -> bool:
    return dim.HasField("dim_value") and dim.dim_value >= 0


def fill(graph: GraphProto, sizes: Sizes, where: str) -> dict[str, None]:
    """Fill the open axes of the inputs, and name those that stay open.

    Raises:
        ModelError: A size is negative, or what is given does not fit.
    """
    inputs = _inputs(graph)
    _refuse_negative(graph, where)
    for name in sizes.shapes:
        if name not in inputs:
            raise ModelError(
                where, f"a shape is declared for `{name}`, but the model has no such input", nearest(name, inputs)
            )
    known = symbols(graph)
    for name in sizes.symbols:
        if name not in known and name != BATCH:
            hint = nearest(name, [*known, BATCH]) if known else "all its sizes are fixed"
            raise ModelError(where, f"a size is given for `{name}`, which no input leaves open", hint)
    for name, shape in sizes.shapes.items():
        _declare(name, inputs[name], shape, where)
    open_sizes: dict[str, None] = {}
    for _, axis, dim, name in _axes(graph):
        if _fixed(dim):
            continue
        size = sizes.symbols.get(name, sizes.batch if axis == 0 else None)
        if size is not None:
            dim.dim_value = size
        else:
            dim.ClearField("dim_value")
            open_sizes[name] = None
    return open_sizes


def _refuse_negative(graph: GraphProto, where: str) -> None:
    for name, axis, dim, _ in _axes(graph):
        if dim.HasField("dim_value") and dim.dim_value < OPEN:
            raise ModelError(where, f"dimension {axis} of input `{name}` is negative: {dim.dim_value}")


def _declare(name: str, kind: TypeProto, shape: tuple[int, ...], where: str) -> None:
    """Fill the open axes of one input from its declared shape."""
    if not kind.HasField("tensor_type"):
        return
    tensor = kind.tensor_type
    if not tensor.HasField("shape"):
        for _ in shape:
            tensor.shape.dim.add()
    if len(shape) != len(tensor.shape.dim):
        problem = f"input `{name}` has {len(tensor.shape.dim)} dimensions, but its declared shape has {len(shape)}"
        raise ModelError(where, problem)
    for axis, (dim, size) in enumerate(zip(tensor.shape.dim, shape, strict=True)):
        if _fixed(dim) and size != dim.dim_value:
            problem = f"dimension {axis} of input `{name}` is {dim.dim_value} in the model, but declared as {size}"
            raise ModelError(where, problem)
        if not _fixed(dim):
            dim.dim_value = size
