"""What each matmul-like ONNX operator costs: multiply-accumulates from shapes.

`FORMULAS` holds these operators, `UNCOUNTED` those that are known and left out on purpose; `onnx_kinds` knows those
without any multiply-accumulate. An operator in none of them is unknown. Sources: the operator pages of ONNX (opset 27)
and ContribOperators.md of ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Final

Dims = tuple[int, ...]
OpenDims = tuple[int | None, ...]


class Uncountable(Exception):
    """A node whose cost cannot be told, with the reason in words."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One node as its formula sees it: shapes are None where unknown, a dimension is None where open.

    Attributes:
        inputs: Name and shape by slot; the name is empty where an optional input is left out.
        outputs: Likewise.
        integers: Values of small constant integer inputs by slot.
    """

    attributes: Mapping[str, object]
    inputs: tuple[tuple[str, OpenDims | None], ...]
    outputs: tuple[tuple[str, OpenDims | None], ...]
    integers: Mapping[int, tuple[int, ...]]

    def has(self, slot: int) -> bool:
        """Tell whether an optional input is given."""
        return slot < len(self.inputs) and bool(self.inputs[slot][0])

    def dims(self, slot: int, *ranks: int) -> Dims:
        """Return an input's shape; if ranks are given, it must have one of them."""
        if not self.has(slot):
            raise Uncountable(f"input {slot} is missing")
        return _closed(*self.inputs[slot], ranks)

    def result(self) -> Dims:
        """Return the first output's shape."""
        if not self.outputs:
            raise Uncountable("it has no output")
        return _closed(*self.outputs[0], ())

    def integer(self, name: str, default: int | None = None) -> int:
        """Return an integer attribute."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise Uncountable(f"attribute `{name}` is missing or no integer")
        return value


def _closed(name: str, shape: OpenDims | None, ranks: tuple[int, ...]) -> Dims:
    if shape is None:
        raise Uncountable(f"the shape of `{name}` is unknown")
    dims = []
    for axis, size in enumerate(shape):
        if size is None:
            raise Uncountable(f"dimension {axis} of `{name}` is open")
        dims.append(size)
    if ranks and len(dims) not in ranks:
        raise Uncountable(f"`{name}` has {len(dims)} dimensions, expected {' or '.join(map(str, ranks))}")
    return tuple(dims)


def _same(first: int, second: int, what: str) -> int:
    if first != second:
        raise Uncountable(f"its shapes contradict each other: {what} is {first} on one side and {second} on the other")
    return first


def _broadcast(first: int, second: int) -> int:
    if 1 in {first, second}:
        return first * second
    return _same(first, second, "a broadcast dimension")


def _product(first: Dims, second: Dims) -> int:
    """NumPy's matmul, vectors and broadcast batches included."""
    if not first or not second:
        raise Uncountable("a matrix product of a scalar")
    rows, columns = (1, *first)[-2:], (second if len(second) > 1 else (*second, 1))[-2:]
    inner = _same(rows[1], columns[0], "the inner dimension")
    left, right = first[:-2], second[:-2]
    width = max(len(left), len(right))
    batches = zip((1,) * (width - len(left)) + left, (1,) * (width - len(right)) + right, strict=True)
    return prod(_broadcast(*pair) for pair in batches) * rows[0] * inner * columns[1]


def _matmul(op: Operator, first: int = 0, second: int = 1) -> int:
    return _product(op.dims(first), op.dims(second))


def _turned(dims: Dims, transposed: int, batch_transposed: int) -> Dims:
    if len(dims) < 2:
        return dims
    if batch_transposed:
        dims = (*dims[1:-1], dims[0], dims[-1])
    return (*dims[:-2], dims[-1], dims[-2]) if transposed else dims


def _fused_matmul(op: Operator) -> int:
    first = _turned(op.dims(0), op.integer("transA", 0), op.integer("transBatchA", 0))
    second = _turned(op.dims(1), op.integer("transB", 0), op.integer("transBatchB", 0))
    return _product(first, second)


def _gemm(op: Operator, second: int = 1) -> int:
    first, other = op.dims(0, 2), op.dims(second, 2)
    return _product(_turned(first, op.integer("transA", 0), 0), _turned(other, op.integer("transB", 0), 0))


def _packed_matmul(op: Operator) -> int:
    """A product with a weight whose packing hides its shape; its sizes are attributes."""
    dims = op.dims(0)
    if not dims:
        raise Uncountable("a matrix product of a scalar")
    return prod(dims[:-1]) * _same(dims[-1], op.integer("K"), "K") * op.integer("N")


def _convolution(op: Operator, weight: int = 1) -> int:
    """Every output element sums over its group's input channels and the kernel."""
    return prod(op.result()) * prod(op.dims(weight, *range(2, 9))[1:])


def _transposed_convolution(op: Operator) -> int:
    """Every input element is spread over its group's output channels and the kernel."""
    return prod(op.dims(0)) * prod(op.dims(1, *range(2, 9))[1:])


def _causal_convolution(op: Operator) -> int:
    return prod(op.dims(0, 3)) * op.dims(1, 3)[2]


def _recurrent(op: Operator) -> int:
    """Each step multiplies the gates' input and recurrent matrices; padded steps are counted."""
    steps = op.dims(0, 3)
    return steps[0] * steps[1] * (prod(op.dims(1, 3)) + prod(op.dims(2, 3)))


def _labels(term: str, rank: int) -> list[str]:
    """One label for every axis; those under an ellipsis are numbered from the right."""
    head, dots, tail = term.partition("...")
    hidden = rank - len(head) - len(tail)
    if hidden < 0 or (hidden and not dots):
        raise Uncountable(f"its equation's `{term}` does not fit {rank} dimensions")
    return [*head, *(f"...{hidden - axis}" for axis in range(hidden)), *tail]


def _einsum(op: Operator) -> int:
    """Two operands: the product of all labels, save those that one operand can sum away beforehand."""
    equation = op.attributes.get("equation")
    if not isinstance(equation, str):
        raise Uncountable("attribute `equation` is missing")
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    _same(len(terms), len(op.inputs), "the number of operands")
    if len(terms) == 1:
        return 0
    if len(terms) > 2:
        raise Uncountable(f"an Einsum of {len(terms)} operands costs what the order of its products decides")
    letters = (left + right).replace(",", "").replace("...", "")
    if letters and not (letters.isascii() and letters.isalpha()):
        raise Uncountable(f"its equation `{equation}` cannot be read")
    operands = [_labels(term, len(op.dims(slot))) for slot, term in enumerate(terms)]
    sizes: dict[str, int] = {}
    for slot, labels in enumerate(operands):
        for label, size in zip(labels, op.dims(slot), strict=True):
            sizes[label] = _broadcast(sizes.get(label, 1), size)
    flat = left.replace(",", "").replace("...", "")
    result = right.replace("...", "") if arrow else [label for label in flat if flat.count(label) == 1]
    shared = set(operands[0]) & set(operands[1])
    return prod(size for label, size in sizes.items() if label in shared or label in result or label[0] == ".")


def _split(op: Operator, size: int, heads: str) -> int:
    count = op.integer(heads)
    if count <= 0 or size % count:
        raise Uncountable(f"{size} does not divide into `{heads}` = {count}")
    return size // count


def _attention(op: Operator) -> int:
    """The whole score matrix and its product with the values: masks, causal or windowed, do not make it smaller."""
    query, key, value = op.dims(0, 3, 4), op.dims(1, 3, 4), op.dims(2, 3, 4)
    length = key[-2] + (op.dims(4, 4)[2] if op.has(4) else 0)
    query_heads = query[1] if len(query) == 4 else op.integer("q_num_heads")
    width = query[3] if len(query) == 4 else _split(op, query[2], "q_num_heads")
    value_width = value[3] if len(value) == 4 else _split(op, value[2], "kv_num_heads")
    return query[0] * query_heads * query[-2] * length * (width + value_width)


def _joint_attention(op: Operator, past: int = 4) -> int:
    """com.microsoft Attention: one product for queries, keys and values, then the attention itself."""
    rows, weights = op.dims(0, 3), op.dims(1, 2)
    _same(rows[2], weights[0], "the hidden size")
    if op.integer("past_present_share_buffer", 0):
        raise Uncountable("its past shares a buffer, so that shapes do not tell the past's length")
    sizes = op.attributes.get("qkv_hidden_sizes") or (weights[1] // 3,) * 3
    if not isinstance(sizes, tuple) or len(sizes) != 3 or sum(sizes) != weights[1]:
        raise Uncountable("attribute `qkv_hidden_sizes` does not fit its weights")
    length = rows[1] + (op.dims(past, 5)[3] if op.has(past) else 0)
    attended: int = rows[0] * rows[1] * length * (sizes[0] + sizes[2])
    return prod(rows) * weights[1] + attended


def _multi_head_attention(op: Operator) -> int:
    if op.has(8):
        raise Uncountable("its past shares a buffer, so that shapes do not tell the past's length")
    query = op.dims(0, 3, 5)
    past = op.dims(6, 4)[2] if op.has(6) else 0
    if len(query) == 5:  # queries, keys and values packed: batch, length, heads, 3, width
        return query[0] * query[1] * (query[1] + past) * query[2] * query[4] * 2
    key = op.dims(1, 3, 4, 5)
    if len(key) == 5:  # keys and values packed: batch, length, heads, 2, width
        return prod(query[:2]) * (key[1] + past) * 2 * query[2]
    if len(key) == 4:  # an encoder's keys, computed once: batch, heads, length, width
        value = op.dims(2, 4)
        return prod(query[:2]) * (key[2] + past) * (query[2] + value[1] * value[3])
    return prod(query[:2]) * (key[1] + past) * (query[2] + op.dims(2, 3)[2])


def _grouped_query_attention(op: Operator) -> int:
    query, heads = op.dims(0, 3), op.integer("num_heads")
    width = query[2]
    if not op.has(1):  # packed: the heads of the queries, then of the keys and of the values
        shares = heads + 2 * op.integer("kv_num_heads")
        if shares <= 0 or width % shares:
            raise Uncountable(f"its packed width {width} does not divide into {shares} heads")
        width = width // shares * heads
    total = op.integers.get(6)
    if op.has(3) and op.dims(3, 4)[2] and not total:
        raise Uncountable("its past may be longer than what it holds, and `total_sequence_length` is not constant")
    return query[0] * query[1] * (total[0] if total else query[1]) * width * 2


def _linear_model(op: Operator) -> int:
    """ai.onnx.ml LinearClassifier and LinearRegressor: every row times every coefficient."""
    coefficients, dims = op.attributes.get("coefficients"), op.dims(0, 1, 2)
    if not isinstance(coefficients, tuple) or (dims[-1] and len(coefficients) % dims[-1]):
        raise Uncountable("attribute `coefficients` does not fit its input")
    return (dims[0] if len(dims) == 2 else 1) * len(coefficients)


Formula = Callable[[Operator], int]

FORMULAS: Final[Mapping[str, Mapping[str, Formula]]] = {
    "": {
        "Attention": _attention,
        "CausalConvWithState": _causal_convolution,
        "Conv": _convolution,
        "ConvInteger": _convolution,
        "ConvTranspose": _transposed_convolution,
        "DeformConv": _convolution,
        "Einsum": _einsum,
        "GRU": _recurrent,
        "Gemm": _gemm,
        "LSTM": _recurrent,
        "MatMul": _matmul,
        "MatMulInteger": _matmul,
        "QLinearConv": partial(_convolution, weight=3),
        "QLinearMatMul": partial(_matmul, second=3),
        "RNN": _recurrent,
    },
    "ai.onnx.ml": {"LinearClassifier": _linear_model, "LinearRegressor": _linear_model},
    "com.microsoft": {
        "Attention": _joint_attention,
        "DynamicQuantizeLSTM": _recurrent,
        "DynamicQuantizeMatMul": _matmul,
        "FusedConv": _convolution,
        "FusedGemm": _gemm,
        "FusedMatMul": _fused_matmul,
        "FusedMatMulActivation": _fused_matmul,
        "GemmFastGelu": _matmul,
        "GroupQueryAttention": _grouped_query_attention,
        "MatMulBnb4": _packed_matmul,
        "MatMulInteger16": _matmul,
        "MatMulIntegerToFloat": _matmul,
        "MatMulNBits": _packed_matmul,
        "MultiHeadAttention": _multi_head_attention,
        "QAttention": partial(_joint_attention, past=8),
        "QGemm": partial(_gemm, second=3),
        "QLinearConv": partial(_convolution, weight=3),
        "TransposeMatMul": _fused_matmul,
    },
}

_TREES = "decision trees compare and do not multiply, so this convention has no figure for them"
_KERNELS = "the kernel evaluations of support-vector machines have no figure in this convention"
UNCOUNTED: Final[Mapping[tuple[str, str], str]] = {
    ("ai.onnx.ml", "TreeEnsemble"): _TREES,
    ("ai.onnx.ml", "TreeEnsembleClassifier"): _TREES,
    ("ai.onnx.ml", "TreeEnsembleRegressor"): _TREES,
    ("ai.onnx.ml", "SVMClassifier"): _KERNELS,
    ("ai.onnx.ml", "SVMRegressor"): _KERNELS,
}
