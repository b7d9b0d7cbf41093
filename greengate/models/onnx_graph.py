"""An ONNX file as a plain graph with shapes: parsed, its functions expanded, put in order, its shapes inferred.

Weights are never read: external data stays where it is, and large tensors are emptied before shapes are inferred.
Importing this module imports onnx.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Final

import onnx
from google.protobuf.message import DecodeError, EncodeError  # its stubs are not ours to ship
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    TensorShapeProto,
    TypeProto,
)

from greengate.errors import ModelError, nearest
from greengate.models import onnx_functions, onnx_order, onnx_twins

LARGEST: Final = 2**63
BATCH: Final = "batch"
_DEPTH: Final = 32
_KEPT_ELEMENTS: Final = 1024  # small constants steer shapes: axes, sizes, scales
_READ_ELEMENTS: Final = 16
_PAYLOADS: Final = ("raw_data", "float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


@dataclass(frozen=True, slots=True)
class Tensor:
    """Element type (ONNX's name, empty if unknown or no tensor) and shape, as far as it is known."""

    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Node:
    """One operator. `key` is the same for all expansions of one node of a function."""

    domain: str
    op: str
    name: str
    key: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, object]
    bodies: Mapping[str, Graph]


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph or the body of a node, in topological order.

    Attributes:
        constants: Key of each initializer and Constant node's output by its name.
        integers: Values of the small integer ones among them.
        tensors: Type and shape by name, for the names of this graph only.
        sparse: Names of sparse constants.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    constants: Mapping[str, str]
    integers: Mapping[str, tuple[int, ...]]
    tensors: Mapping[str, Tensor]
    sparse: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """A model's graph, and what hindered reading it whole.

    Attributes:
        opset: Version of the default domain.
        future: In words, if that version is newer than onnx knows.
        hindrance: In words, if shapes could not be inferred.
        leftover: Domain and name of functions that could not be expanded.
        open_sizes: Names of the inputs' sizes that are still open: their symbols, or `input.axis`.
    """

    graph: Graph
    opset: int
    future: str
    hindrance: str
    leftover: frozenset[tuple[str, str]]
    open_sizes: tuple[str, ...] = ()


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


def read(model: ModelProto, sizes: Sizes, where: str) -> Reading:
    """Return the model's graph at these sizes. The model is changed on the way; hand over a copy to keep it."""
    try:
        for graph in _graphs(model, where):
            _strip(graph, where)
        model = onnx_functions.expand(model, where)
        open_sizes = _fill(model.graph, sizes, where)
        for graph in _graphs(model, where):
            _forget(graph)
        onnx_order.sort(model.graph, where)
        inferred, hindrance = _infer(model)
    except (EncodeError, DecodeError, UnicodeDecodeError, onnx.checker.ValidationError) as error:
        raise ModelError(where, f"the model contradicts the ONNX format: {error}") from error
    versions = {domain_of(entry.domain): entry.version for entry in model.opset_import}
    opset, newest = versions.get("", 0), onnx.defs.onnx_opset_version()
    return Reading(
        graph=_view(model.graph, inferred, "", where),
        opset=opset,
        future=f"opset {opset} is newer than the newest that is known here, {newest}" if opset > newest else "",
        hindrance=hindrance,
        leftover=frozenset((domain_of(each.domain), each.name) for each in model.functions),
        open_sizes=tuple(open_sizes),
    )


def domain_of(domain: str) -> str:
    """Return a domain with the default one's long name cut to the empty string."""
    return "" if domain == "ai.onnx" else domain


def _graphs(model: ModelProto, where: str) -> Iterator[GraphProto | FunctionProto]:
    """Every graph of a model, bodies and functions included."""
    waiting: list[tuple[GraphProto | FunctionProto, int]] = [(model.graph, 0)]
    waiting += [(function, 0) for function in model.functions]
    nodes = 0
    while waiting:
        graph, depth = waiting.pop()
        nodes += len(graph.node)
        if nodes > onnx_functions.MOST_NODES:
            problem = f"it has more than {onnx_functions.MOST_NODES:,} operators, the most that are counted"
            raise ModelError(where, problem, "export it with its loops instead of unrolling them")
        if depth > _DEPTH:
            raise ModelError(where, f"graphs are nested more than {_DEPTH} deep", "flatten its loops and branches")
        yield graph
        for node in graph.node:
            waiting += [(body, depth + 1) for body in onnx_order.bodies(node)]


def _strip(graph: GraphProto | FunctionProto, where: str) -> None:
    tensors = list(graph.initializer) if isinstance(graph, GraphProto) else []
    for node in graph.node:
        if any(isinstance(text, bytes) for text in (node.op_type, node.domain, node.name, *node.input, *node.output)):
            raise ModelError(where, f"a node has a name that is not UTF-8: {node.op_type!r} {node.name!r}")
        for attribute in node.attribute:
            if attribute.HasField("t"):
                tensors.append(attribute.t)
            tensors.extend(attribute.tensors)
    for tensor in tensors:
        if any(size < 0 for size in tensor.dims):
            raise ModelError(where, f"tensor `{tensor.name}` has a negative dimension")
        if prod(tensor.dims) > _KEPT_ELEMENTS:
            for payload in _PAYLOADS:
                tensor.ClearField(payload)
            tensor.data_location = TensorProto.EXTERNAL


def _forget(graph: GraphProto | FunctionProto) -> None:
    """Drop the types and shapes a model claims for what it computes: they are inferred, not believed."""
    graph.ClearField("value_info")
    if isinstance(graph, GraphProto):
        for output in graph.output:
            output.ClearField("type")


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


def _fill(graph: GraphProto, sizes: Sizes, where: str) -> dict[str, None]:
    """Fill the open axes of the inputs, and name those that stay open."""
    inputs = _inputs(graph)
    for name in sizes.shapes:
        if name not in inputs:
            raise ModelError(where, f"a shape is declared for `{name}`, which is no input", nearest(name, inputs))
    known = symbols(graph)
    for name in sizes.symbols:
        if name not in known and name != BATCH:
            hint = nearest(name, known) if known else "all its sizes are fixed"
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


def _infer(model: ModelProto) -> tuple[GraphProto, str]:
    twin = ModelProto()
    twin.CopyFrom(model)
    known = {domain_of(entry.domain) for entry in twin.opset_import}
    for domain in {domain_of(node.domain) for graph in _graphs(twin, "") for node in graph.node} - known:
        twin.opset_import.add(domain=domain, version=1)  # onnx gives up on the whole graph otherwise
    onnx_twins.replace(twin)
    try:
        # Before version 4, inference overlooks initializers that are no graph inputs; ONNX Runtime does not.
        twin.ir_version = max(twin.ir_version, 4)
        return onnx.shape_inference.infer_shapes(twin, data_prop=True).graph, ""
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
        return twin.graph, f"shapes could not be inferred: {' '.join(str(error).split())[:300]}"


def _tensor(kind: TypeProto, name: str, where: str) -> Tensor:
    if not kind.HasField("tensor_type"):
        return Tensor("", None)
    tensor = kind.tensor_type
    dtype = _dtype(tensor.elem_type)
    if not tensor.HasField("shape"):
        return Tensor(dtype, None)
    shape = tuple(
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else None for dim in tensor.shape.dim
    )
    return Tensor(dtype, _bounded(shape, name, where))


def _bounded(shape: tuple[int | None, ...], name: str, where: str) -> tuple[int | None, ...]:
    if prod(size for size in shape if size) >= LARGEST:
        raise ModelError(where, f"`{name}` would have more than 2^63 elements: {list(shape)}")
    return shape


def _dtype(number: int) -> str:
    with contextlib.suppress(ValueError):  # a type this onnx does not know has no name and no size
        name: str = TensorProto.DataType.Name(number)
        return name if number else ""
    return ""


def _view(proto: GraphProto, inferred: GraphProto, path: str, where: str) -> Graph:
    """Join the nodes as written with the shapes inferred on their twin."""
    twins = [body for node in inferred.node for body in onnx_order.bodies(node)]
    tensors = {
        each.name: _tensor(each.type, each.name, where)
        for group in (inferred.value_info, inferred.input, inferred.output)
        for each in group
    }
    constants: dict[str, str] = {}
    integers: dict[str, tuple[int, ...]] = {}
    for tensor in proto.initializer:
        constants[tensor.name] = f"{path}/{tensor.name}"
        tensors[tensor.name] = Tensor(_dtype(tensor.data_type), _bounded(tuple(tensor.dims), tensor.name, where))
        integers |= _integers(tensor.name, tensor)
    sparse = {each.values.name for each in proto.sparse_initializer}
    nodes = []
    for index, node in enumerate(proto.node):
        place = f"{path}/{index}"
        bodies = {
            attribute.name: _view(body, twins.pop(0), f"{place}/{attribute.name}", where)
            for attribute in node.attribute
            for body in onnx_order.attribute_bodies(attribute)
        }
        nodes.append(_node(node, place, bodies))
        if node.op_type == "Constant" and not domain_of(node.domain) and node.output:
            constants[node.output[0]] = nodes[-1].key
            for attribute in node.attribute:
                integers |= _constant_integers(node.output[0], attribute)
                sparse |= {node.output[0]} if attribute.name == "sparse_value" else set()
    return Graph(
        inputs=tuple(each.name for each in proto.input),
        outputs=tuple(each.name for each in proto.output),
        nodes=tuple(nodes),
        constants=constants,
        integers=integers,
        tensors=tensors,
        sparse=frozenset(sparse),
    )


def _node(node: NodeProto, place: str, bodies: Mapping[str, Graph]) -> Node:
    return Node(
        domain=domain_of(node.domain),
        op=node.op_type,
        name=node.name,
        key=onnx_functions.mark_of(node) or place,
        inputs=tuple(node.input),
        outputs=tuple(node.output),
        attributes={attribute.name: _value(attribute) for attribute in node.attribute},
        bodies=bodies,
    )


def _value(attribute: AttributeProto) -> object:
    """A scalar or a tuple; old files leave the type out, so presence decides there."""
    kind = attribute.type
    if kind == AttributeProto.INT or (not kind and attribute.HasField("i")):
        return attribute.i
    if kind == AttributeProto.FLOAT or (not kind and attribute.HasField("f")):
        return attribute.f
    if kind == AttributeProto.STRING or (not kind and attribute.HasField("s")):
        return attribute.s.decode("utf-8", "replace")
    if kind == AttributeProto.STRINGS:
        return tuple(text.decode("utf-8", "replace") for text in attribute.strings)
    return tuple(attribute.ints or attribute.floats)


def _constant_integers(name: str, attribute: AttributeProto) -> dict[str, tuple[int, ...]]:
    if attribute.name == "value" and attribute.HasField("t"):
        return _integers(name, attribute.t)
    if attribute.name == "value_int":
        return {name: (attribute.i,)}
    if attribute.name == "value_ints" and len(attribute.ints) <= _READ_ELEMENTS:
        return {name: tuple(attribute.ints)}
    return {}


def _integers(name: str, tensor: TensorProto) -> dict[str, tuple[int, ...]]:
    if tensor.data_type not in {TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL}:
        return {}
    if tensor.data_location == TensorProto.EXTERNAL or prod(tensor.dims) > _READ_ELEMENTS:
        return {}
    with contextlib.suppress(ValueError):  # fewer bytes than its dimensions promise: ONNX Runtime refuses it by name
        return {name: tuple(int(value) for value in onnx.numpy_helper.to_array(tensor).ravel())}
    return {}
