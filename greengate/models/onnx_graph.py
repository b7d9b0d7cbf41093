"""An ONNX file as a plain graph with shapes: parsed, its functions expanded, put in order, its shapes inferred.

Weights are never read: external data stays where it is, and large tensors are emptied before shapes are inferred.
Importing this module imports onnx.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    TypeProto,
)

from greengate.errors import ModelError
from greengate.models import onnx_functions, onnx_inference, onnx_order, onnx_scan, onnx_sizes, onnx_twins, onnx_weights
from greengate.models.onnx_sizes import Sizes

LARGEST: Final = 2**63
_DEPTH: Final = 32
_KEPT_ELEMENTS: Final = 1024  # small constants steer shapes: axes, sizes, scales
_READ_ELEMENTS: Final = 16
_PAYLOADS: Final = ("raw_data", "float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a name stands for, as far as it is known.

    Attributes:
        dtype: Element type by ONNX's name; empty if unknown or no tensor.
        shape: Its dimensions; None where one is open.
        elements: How many elements it has.
        size_bytes: What they take up.
    """

    dtype: str
    shape: tuple[int | None, ...] | None
    elements: int | None
    size_bytes: int | None


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
        remarks: Outputs that come out in another shape than the model declares, in words.
    """

    graph: Graph
    opset: int
    future: str
    hindrance: str
    leftover: frozenset[tuple[str, str]]
    open_sizes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read(model: ModelProto, sizes: Sizes, where: str) -> Reading:
    """Return the model's graph at these sizes. The model is changed on the way; hand over a copy to keep it."""
    try:
        graphs = list(_graphs(model, where))
        for graph in graphs:
            _strip(graph, where)
        has_functions = bool(model.functions)
        if has_functions:
            model = onnx_functions.expand(model, where)
            graphs = list(_graphs(model, where))
        open_sizes = onnx_sizes.fill(model.graph, sizes, where)
        declared = {each.name: _dims(each.type) for each in model.graph.output}
        for graph in graphs:
            _forget(graph)
        onnx_order.sort(model.graph, where)
        inferred, hindrance = _infer(model, {domain_of(node.domain) for graph in graphs for node in graph.node})
    except (EncodeError, DecodeError, UnicodeDecodeError, onnx.checker.ValidationError) as error:
        raise ModelError(where, f"the model contradicts the ONNX format: {error}") from error
    versions = {domain_of(entry.domain): entry.version for entry in model.opset_import}
    opset, newest = versions.get("", 0), onnx.defs.onnx_opset_version()
    found = _View(where, marked=has_functions).of_graph(model.graph, inferred, "")
    return Reading(
        graph=found,
        opset=opset,
        future=f"opset {opset} is newer than the newest that is known here, {newest}" if opset > newest else "",
        hindrance=hindrance,
        leftover=frozenset((domain_of(each.domain), each.name) for each in model.functions),
        open_sizes=tuple(open_sizes),
        remarks=tuple(_contradicted(found, declared)),
    )


def _contradicted(graph: Graph, declared: Mapping[str, tuple[int | None, ...] | None]) -> Iterator[str]:
    """Tell which outputs come out in another shape than was declared."""
    for name, claimed in declared.items():
        tensor = graph.tensors.get(name)
        if claimed is None or tensor is None or tensor.shape is None:
            continue
        pairs = itertools.zip_longest(claimed, tensor.shape, fillvalue=-1)
        if any(one is not None and other is not None and one != other for one, other in pairs):
            yield f"output `{name}` is declared as {_in_words(claimed)} and comes out as {_in_words(tensor.shape)}"


def _in_words(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def domain_of(domain: str) -> str:
    """Return a domain with the default one's long name cut to the empty string."""
    return "" if domain == "ai.onnx" else domain


def _graphs(model: ModelProto, where: str) -> Iterator[GraphProto | FunctionProto]:
    """Every graph of a model, bodies and functions included."""
    waiting: list[tuple[GraphProto | FunctionProto, int]] = [(model.graph, 0)]
    waiting += [(function, 0) for function in model.functions]
    nodes = parts = 0
    while waiting:
        graph, depth = waiting.pop()
        nodes += len(graph.node)
        parts += sum(len(node.input) + len(node.output) + len(node.attribute) for node in graph.node)
        if parts > onnx_scan.MOST_FIELDS:
            what = f"{onnx_scan.MOST_FIELDS:,} inputs, outputs and attributes"
            raise ModelError(where, f"its operators have more than {what}, the most that are counted")
        if nodes > onnx_scan.MOST_NODES:
            problem = f"it has more than {onnx_scan.MOST_NODES:,} operators, the most that are counted"
            raise ModelError(where, problem, "export it with its loops instead of unrolling them")
        if depth > _DEPTH:
            raise ModelError(where, f"graphs are nested more than {_DEPTH} deep", "flatten its loops and branches")
        yield graph
        waiting += [(body, depth + 1) for node in graph.node for body in onnx_order.bodies(node)]


def _strip(graph: GraphProto | FunctionProto, where: str) -> None:
    tensors = list(graph.initializer) if isinstance(graph, GraphProto) else []
    for node in graph.node:
        try:
            "".join((node.op_type, node.domain, node.name, *node.input, *node.output))
        except TypeError:  # what is no UTF-8 comes as bytes
            problem = f"a node has a name that is not UTF-8: {node.op_type!r} {node.name!r}"
            raise ModelError(where, problem) from None
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


def _infer(model: ModelProto, domains: set[str]) -> tuple[GraphProto, str]:
    twin = ModelProto()
    twin.CopyFrom(model)
    for domain in domains - {domain_of(entry.domain) for entry in twin.opset_import}:
        twin.opset_import.add(domain=domain, version=1)  # onnx gives up on the whole graph otherwise
    onnx_twins.replace(twin)
    # Before version 4, inference overlooks initializers that are no graph inputs; ONNX Runtime does not.
    twin.ir_version = max(twin.ir_version, 4)
    written = twin.SerializeToString()
    del twin  # the graph is in memory once less while it is inferred
    return onnx_inference.inferred(written)


class _View:
    """Nodes as written joined with the shapes that were inferred on their twins.

    Args:
        where: The model, for errors.
        marked: Whether functions were expanded in it, whose nodes are marked then.
    """

    def __init__(self, where: str, *, marked: bool) -> None:
        self._where = where
        self._marked = marked
        self._tensors: dict[tuple[int, tuple[int | None, ...] | None], Tensor] = {}

    def of_graph(self, proto: GraphProto, inferred: GraphProto, path: str) -> Graph:
        """Join a graph and its twin, and the bodies of their nodes."""
        twins = (body for node in inferred.node for body in onnx_order.bodies(node))
        tensors = {
            each.name: self._typed(each.name, each.type)
            for group in (inferred.value_info, inferred.input, inferred.output)
            for each in group
        }
        constants: dict[str, str] = {}
        integers: dict[str, tuple[int, ...]] = {}
        for tensor in proto.initializer:
            constants[tensor.name] = f"{path}/{tensor.name}"
            tensors[tensor.name] = self._tensor(tensor.name, tensor.data_type, tuple(tensor.dims))
            integers |= _integers(tensor.name, tensor)
        sparse = {each.values.name for each in proto.sparse_initializer}
        nodes = []
        for index, node in enumerate(proto.node):
            place = f"{path}/{index}"
            bodies = {
                attribute.name: self.of_graph(body, next(twins), f"{place}/{attribute.name}")
                for attribute in node.attribute
                for body in onnx_order.attribute_bodies(attribute)
            }
            key = (onnx_functions.mark_of(node) if self._marked else "") or place
            nodes.append(_node(node, key, bodies))
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

    def _typed(self, name: str, kind: TypeProto) -> Tensor:
        number = kind.tensor_type.elem_type if kind.HasField("tensor_type") else TensorProto.UNDEFINED
        return self._tensor(name, number, _dims(kind))

    def _tensor(self, name: str, number: int, shape: tuple[int | None, ...] | None) -> Tensor:
        """Make each kind of tensor once: many have the same type and shape."""
        found = self._tensors.get((number, shape))
        if found is None:
            known = [size for size in shape or () if size is not None]
            if prod(size for size in known if size) >= LARGEST:
                raise ModelError(self._where, f"`{name}` would have more than 2^63 elements: {list(shape or ())}")
            dtype, elements = _dtype(number), prod(known) if shape is not None and len(known) == len(shape) else None
            size_bytes = None if elements is None else onnx_weights.size_bytes(elements, dtype)
            found = self._tensors[number, shape] = Tensor(dtype, shape, elements, size_bytes)
        return found


def _dims(kind: TypeProto) -> tuple[int | None, ...] | None:
    """Return the shape of a tensor's type, or None where it has none."""
    if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else None for dim in dims)


def _dtype(number: int) -> str:
    with contextlib.suppress(ValueError):  # a type this onnx does not know has no name and no size
        name: str = TensorProto.DataType.Name(number)
        return name if number else ""
    return ""


def _node(node: NodeProto, key: str, bodies: Mapping[str, Graph]) -> Node:
    return Node(
        domain=domain_of(node.domain),
        op=node.op_type,
        name=node.name,
        key=key,
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
