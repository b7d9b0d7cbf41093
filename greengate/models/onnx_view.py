"""An ONNX graph as the counter sees it: nodes as written, and the shapes that were inferred for what they write.

Importing this module imports onnx.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

import onnx
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, TypeProto

from greengate.errors import ModelError
from greengate.models import onnx_functions, onnx_order, onnx_weights

LARGEST: Final = 2**63
_MOST_DIMENSIONS: Final = 64
_READ_ELEMENTS: Final = 16


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


class View:
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
                attribute.name: self.of_graph(body, next(twins, body), f"{place}/{attribute.name}")
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
        return self._tensor(name, number, dims_of(kind))

    def _tensor(self, name: str, number: int, shape: tuple[int | None, ...] | None) -> Tensor:
        """Make each kind of tensor once: many have the same type and shape."""
        found = self._tensors.get((number, shape))
        if found is None:
            refuse_rank(len(shape or ()), name, self._where)
            known = [size for size in shape or () if size is not None]
            if prod(size for size in known if size) >= LARGEST:
                raise ModelError(self._where, f"`{name}` would have more than 2^63 elements: {in_words(shape or ())}")
            dtype, elements = _dtype(number), prod(known) if shape is not None and len(known) == len(shape) else None
            size_bytes = None if elements is None else onnx_weights.size_bytes(elements, dtype)
            found = self._tensors[number, shape] = Tensor(dtype, shape, elements, size_bytes)
        return found


def refuse_rank(rank: int, name: str, where: str) -> None:
    """Raise ModelError for a tensor of more dimensions than any has."""
    if rank > _MOST_DIMENSIONS:
        raise ModelError(where, f"`{name}` has {rank:,} dimensions, and at most {_MOST_DIMENSIONS} are counted")


def domain_of(domain: str) -> str:
    """Return a domain with the default one's long name cut to the empty string."""
    return "" if domain == "ai.onnx" else domain


def in_words(shape: Sequence[int | None]) -> str:
    """Write a shape: [1, ?, 8]."""
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def dims_of(kind: TypeProto) -> tuple[int | None, ...] | None:
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
