"""Which constants of an ONNX graph are weights, and what they take up.

A weight is a constant (initializer, Constant node, ConstantOfShape of a constant) of floating or quantised type that
reaches an input meant for weights or data. Apart from them stand: running statistics of batch normalisations, scales
and zero points, initial states, masks, limits and sizes, integers, and scalars of rank 0, which exporters write for
the literals of the source code. Importing this module does not import onnx.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from greengate.models.onnx_view import Graph, Node, Tensor

BITS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("INT2", "UINT2"), 2),
    **dict.fromkeys(("INT4", "UINT4", "FLOAT4E2M1", "FLOAT6E2M3", "FLOAT6E3M2"), 4),
    **dict.fromkeys(("BOOL", "INT8", "UINT8"), 8),
    **dict.fromkeys(("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT8E8M0"), 8),
    **dict.fromkeys(("INT16", "UINT16", "FLOAT16", "BFLOAT16"), 16),
    **dict.fromkeys(("INT32", "UINT32", "FLOAT"), 32),
    **dict.fromkeys(("INT64", "UINT64", "DOUBLE", "COMPLEX64"), 64),
    "COMPLEX128": 128,
}
_NO_WEIGHT: Final = frozenset({"", "STRING", "BOOL", "INT32", "UINT32", "INT64", "UINT64"})

# Inputs, by slot, that are no weights even where a floating constant feeds them.
_APART: Final[Mapping[str, frozenset[int]]] = {
    name: frozenset(slots)
    for name, slots in {
        "Attention": (3, 4, 5, 6),
        "BatchNormalization": (3, 4),
        "Clip": (1, 2),
        "ConstantOfShape": (0,),
        "ConvInteger": (2, 3),
        "DequantizeLinear": (1, 2),
        "Dropout": (1, 2),
        "DynamicQuantizeLSTM": (4, 5, 6, 8, 9, 10, 11),
        "DynamicQuantizeMatMul": (2, 3),
        "GRU": (4, 5),
        "GatherBlockQuantized": (1, 2, 3),
        "GroupQueryAttention": (3, 4, 5, 6, 7, 8),
        "LSTM": (4, 5, 6),
        "MatMulBnb4": (2,),
        "MatMulInteger": (2, 3),
        "MatMulIntegerToFloat": (2, 3, 4, 5),
        "MatMulNBits": (2, 3, 4),
        "MultiHeadAttention": (4, 5, 6, 7, 8, 9),
        "NonMaxSuppression": (2, 3, 4),
        "OneHot": (1, 2),
        "Pad": (1, 2, 3),
        "QAttention": (3, 4, 5, 6, 7, 8),
        "QGemm": (1, 2, 4, 5, 7, 8),
        "QLinearAdd": (1, 2, 4, 5, 6, 7),
        "QLinearConv": (1, 2, 4, 5, 6, 7),
        "QLinearMatMul": (1, 2, 4, 5, 6, 7),
        "QLinearMul": (1, 2, 4, 5, 6, 7),
        "QuantizeLinear": (1, 2),
        "RNN": (4, 5),
        "Range": (0, 1, 2),
        "Resize": (1, 2, 3),
        "RotaryEmbedding": (1, 2, 3),
        "Shape": (0,),
        "Size": (0,),
        "Trilu": (0, 1),
        "Upsample": (1,),
    }.items()
}
# Inputs whose 32-bit integers are the quantised form of a floating bias.
_BIAS: Final[Mapping[str, int]] = {"DequantizeLinear": 0, "QLinearConv": 8, "QGemm": 6, "QAttention": 2}
_PASSING_NAMES: Final = """
    Cast CastLike DequantizeLinear Expand Flatten Identity QuantizeLinear Reshape Squeeze Transpose Unsqueeze"""
PASSING: Final = frozenset(_PASSING_NAMES.split())


def size_bytes(elements: int, dtype: str) -> int | None:
    """Return the bytes of packed elements, or None for types without a fixed size."""
    bits = BITS.get(dtype)
    return None if bits is None else -(-elements * bits // 8)


@dataclass(slots=True)
class Weights:
    """What weights take up, and what stands apart from them.

    Attributes:
        elements: Elements of each weight by its key.
        stored: Bytes of each.
        dtypes: Element type of each, as ONNX calls it.
        statistics: Elements of the running statistics of batch normalisations.
        constants: Elements of all other constants: integers, scales, sizes.
        unknown: Whether some could not be told.
    """

    elements: dict[str, int] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)
    statistics: int = 0
    constants: int = 0
    unknown: bool = False

    @property
    def by_dtype(self) -> dict[str, int]:
        """Elements of the weights of each type."""
        sums: dict[str, int] = {}
        for key, count in self.elements.items():
            sums[self.dtypes[key]] = sums.get(self.dtypes[key], 0) + count
        return sums


def weigh(graph: Graph) -> Weights:
    """Return all weights of a graph and of the bodies of its nodes, each once."""
    weights = Weights()
    _gather(graph, weights, ChainMap())
    return weights


@dataclass(slots=True)
class _Uses:
    """Names that are used as weights, those whose 32-bit integers are, and elements that a packing hides.

    `statistics` are names that hold running statistics.
    """

    weights: set[str]
    biases: set[str]
    packed: dict[str, int]
    statistics: set[str]


def _gather(graph: Graph, weights: Weights, constants: ChainMap[str, str]) -> _Uses:
    """Walk the nodes backwards, so that what a node's outputs are used for is known when its inputs are looked at."""
    uses = _Uses(set(graph.outputs), set(), {}, set())
    visible = constants.new_child(dict(graph.constants))
    for node in reversed(graph.nodes):
        for body in node.bodies.values():
            inner = _gather(body, weights, visible)
            uses.weights |= inner.weights
            uses.biases |= inner.biases
            uses.packed |= inner.packed
            uses.statistics |= inner.statistics
        _follow(node, uses)
        _add_attributes(node, weights)
        if node.op == "ConstantOfShape" and node.inputs and node.inputs[0] in visible and node.outputs:
            _add(node.key, node.outputs[0], graph.tensors.get(node.outputs[0]), uses, weights)
    for name, key in graph.constants.items():
        _add(key, name, graph.tensors.get(name), uses, weights)
    weights.unknown = weights.unknown or bool(graph.sparse)
    own = set(graph.inputs) | set(graph.constants) | {name for node in graph.nodes for name in node.outputs}
    packed = {name: count for name, count in uses.packed.items() if name not in own}
    return _Uses(uses.weights - own, uses.biases - own, packed, uses.statistics - own)


def _follow(node: Node, uses: _Uses) -> None:
    apart = _APART.get(node.op, frozenset())
    if node.op in PASSING:
        if not uses.weights.isdisjoint(node.outputs):
            uses.weights.update(node.inputs[:1])
    else:
        uses.weights.update(name for slot, name in enumerate(node.inputs) if slot not in apart)
    if node.op == "BatchNormalization":
        uses.statistics.update(node.inputs[3:5])
    bias = _BIAS.get(node.op)
    if bias is not None and bias < len(node.inputs):
        uses.biases.add(node.inputs[bias])
    if node.op in {"MatMulNBits", "MatMulBnb4"} and len(node.inputs) > 1:
        rows, columns = node.attributes.get("K"), node.attributes.get("N")
        if isinstance(rows, int) and isinstance(columns, int):
            uses.packed[node.inputs[1]] = rows * columns


def _add_attributes(node: Node, weights: Weights) -> None:
    """Weights that classic models keep in attributes, as 32-bit floats."""
    if node.domain != "ai.onnx.ml":
        return
    if node.op.startswith("Linear"):
        lists = [node.attributes.get(name, ()) for name in ("coefficients", "intercepts")]
        weights.elements[node.key] = sum(len(each) for each in lists if isinstance(each, tuple))
        weights.stored[node.key] = 4 * weights.elements[node.key]
        weights.dtypes[node.key] = "FLOAT"
    weights.unknown = weights.unknown or node.op.startswith(("Tree", "SVM"))


def _add(key: str, name: str, tensor: Tensor | None, uses: _Uses, weights: Weights) -> None:
    if tensor is None:
        weights.unknown = weights.unknown or name in uses.weights
        return
    dims = [size for size in tensor.shape or () if size is not None]
    closed = tensor.shape is not None and len(dims) == len(tensor.shape)
    if not _is_weight(name, tensor, uses):
        _set_apart(name, prod(dims) if closed else 0, uses, weights)
    elif not closed:
        weights.unknown = True
    elif dims:
        stored = size_bytes(prod(dims), tensor.dtype)
        weights.unknown = weights.unknown or stored is None
        weights.elements[key] = uses.packed.get(name, prod(dims))
        weights.stored[key] = stored or 0
        weights.dtypes[key] = tensor.dtype


def _is_weight(name: str, tensor: Tensor, uses: _Uses) -> bool:
    quantised_bias = tensor.dtype == "INT32" and name in uses.biases
    return name in uses.weights and (tensor.dtype not in _NO_WEIGHT or quantised_bias)


def _set_apart(name: str, elements: int, uses: _Uses, weights: Weights) -> None:
    if name in uses.statistics:
        weights.statistics += elements
    else:
        weights.constants += elements
