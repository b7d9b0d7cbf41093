"""Shape twins: standard ONNX nodes that yield the same shapes as operators for which onnx infers none.

They are those of the `com.microsoft` domain and some classic ones. For inference alone, each such node is replaced by
standard ones whose outputs have the same shapes and types; what they compute does not matter. Importing this
module imports onnx. Source: ContribOperators.md of ONNX Runtime.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper

from greengate.models import onnx_order

Ranks = Mapping[str, tuple[int, ...]]
_EQUATION: Final = re.compile(rb"(?: |[A-Za-z,]|\.\.\.)*(?:->(?: |[A-Za-z]|\.\.\.)*)?")
_BOOLEAN_MASK: Final = 10  # since this opset, Dropout's mask is boolean and has a shape

Twin = Callable[[NodeProto, Ranks], list[NodeProto]]


def replace(model: ModelProto) -> None:
    """Put the twins in place of their originals, in the graph and in all its bodies."""
    _replace(model.graph, ChainMap(), next((each.version for each in model.opset_import if not each.domain), 1))


def _replace(graph: GraphProto, outer: ChainMap[str, tuple[int, ...]], opset: int) -> None:
    weights = outer.new_child({tensor.name: tuple(tensor.dims) for tensor in graph.initializer})
    nodes: list[NodeProto] = []
    changed = False
    for node in graph.node:
        twins = _twins(node, weights, opset)
        changed = changed or twins is not None
        nodes.extend([node] if twins is None else twins)
        for body in onnx_order.bodies(node):
            _replace(body, weights, opset)
    if changed:
        nodes = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:]
        graph.node.extend(nodes)


def _twins(node: NodeProto, weights: Ranks, opset: int) -> list[NodeProto] | None:
    if node.domain == "" and node.op_type == "SimplifiedLayerNormalization":
        return _like(node, weights)
    if node.domain == "" and node.op_type == "Dropout" and opset < _BOOLEAN_MASK:
        return _like(node, weights, outputs=(0, 1))  # onnx knows no shape for the mask of these
    if node.domain == "" and node.op_type == "Einsum" and not all(map(_readable, node.attribute)):
        return []  # onnx 1.23 never returns from an equation with other characters than these
    twin = {"com.microsoft": _TWINS, "ai.onnx.ml": _CLASSIC_TWINS}.get(node.domain, {}).get(node.op_type)
    if twin is None or not node.output or any(len(node.input) <= slot for slot in _NEEDED.get(node.op_type, (0,))):
        return None
    return twin(node, weights)


def _readable(attribute: AttributeProto) -> bool:
    return attribute.name != "equation" or bool(_EQUATION.fullmatch(attribute.s))


def _attribute(node: NodeProto, name: str, default: int = 0) -> int:
    return next((each.i for each in node.attribute if each.name == name), default)


def _like(node: NodeProto, _: Ranks, slot: int = 0, outputs: tuple[int, ...] = (0,)) -> list[NodeProto]:
    names = [node.output[index] for index in outputs if index < len(node.output) and node.output[index]]
    return [helper.make_node("Identity", [node.input[slot]], [name]) for name in names]


def _like_float(node: NodeProto, _: Ranks) -> list[NodeProto]:
    return [helper.make_node("Cast", [node.input[0]], [node.output[0]], to=TensorProto.FLOAT)]


def _linear_regressor(node: NodeProto, _: Ranks) -> list[NodeProto]:
    coefficients = next((len(each.floats) for each in node.attribute if each.name == "coefficients"), 0)
    targets = max(_attribute(node, "targets", 1), 1)
    cast = f"{node.output[0]}/input"
    twin = helper.make_node("LinearRegressor", [cast], [node.output[0]])
    return [
        helper.make_node("Cast", [node.input[0]], [cast], to=TensorProto.FLOAT),
        *_times(twin, (coefficients // targets, targets)),
    ]


def _extractor(node: NodeProto, weights: Ranks) -> list[NodeProto]:
    """Columns of a constant row, such as class labels, which come out as one row."""
    if len(weights.get(node.input[0], ())) != 1:
        return []
    gathered, sizes = f"{node.output[0]}/gathered", f"{node.output[0]}/row"
    row = helper.make_tensor("", TensorProto.INT64, [2], [1, -1])
    return [
        helper.make_node("Gather", node.input[:2], [gathered]),
        helper.make_node("Constant", [], [sizes], value=row),
        helper.make_node("Reshape", [gathered, sizes], [node.output[0]]),
    ]


def _as(node: NodeProto, _: Ranks, op: str, slots: tuple[int, ...]) -> list[NodeProto]:
    """The standard operator of the same attributes, fed from these input slots."""
    twin = helper.make_node(op, [node.input[slot] for slot in slots if slot < len(node.input)], [node.output[0]])
    twin.attribute.extend(node.attribute)
    return [twin]


def _channels_first(node: NodeProto, weights: Ranks, op: str, slots: tuple[int, ...]) -> list[NodeProto]:
    """As `_as`, unless the channels come last, for which there is no standard operator."""
    return [] if _attribute(node, "channels_last") else _as(node, weights, op, slots)


def _concat(node: NodeProto, _: Ranks) -> list[NodeProto]:
    """Scale and zero point of the output, then for each input the same after it."""
    twin = helper.make_node("Concat", node.input[2::3], node.output[:1])
    twin.attribute.extend(node.attribute)
    return [twin]


def _lstm(node: NodeProto, _: Ranks) -> list[NodeProto]:
    """Its weights lie otherwise than LSTM's, which tells all shapes by the sequence and the attributes."""
    twin = helper.make_node("LSTM", node.input[:1], node.output)
    twin.attribute.extend(node.attribute)
    return [twin]


def _float(node: NodeProto, weights: Ranks, op: str, slots: tuple[int, ...]) -> list[NodeProto]:
    """As `_as`, but with an output of floats whatever the inputs are."""
    (twin,) = _as(node, weights, op, slots)
    inner = f"{node.output[0]}/float"
    twin.output[0] = inner
    return [twin, helper.make_node("Cast", [inner], [node.output[0]], to=TensorProto.FLOAT)]


def _qgemm(node: NodeProto, weights: Ranks) -> list[NodeProto]:
    quantised = len(node.input) > 8 and node.input[8]
    return _as(node, weights, "Gemm", (0, 3)) if quantised else _float(node, weights, "Gemm", (0, 3))


def _placeholder(node: NodeProto, dims: tuple[int, ...]) -> tuple[str, NodeProto]:
    """A weight of the given shape without any content."""
    name = f"{node.output[0]}/placeholder"
    sizes = helper.make_tensor("", TensorProto.INT64, [len(dims)], dims)
    return name, helper.make_node("Constant", [], [f"{name}/shape"], value=sizes)


def _times(node: NodeProto, dims: tuple[int, ...]) -> list[NodeProto]:
    """The first input, matrix-multiplied by a weight of the given shape."""
    name, sizes = _placeholder(node, dims)
    weight = helper.make_node("ConstantOfShape", list(sizes.output), [name])
    cast = helper.make_node("CastLike", [name, node.input[0]], [f"{name}/cast"])
    return [sizes, weight, cast, helper.make_node("MatMul", [node.input[0], f"{name}/cast"], [node.output[0]])]


def _packed(node: NodeProto, _: Ranks) -> list[NodeProto]:
    return _times(node, (_attribute(node, "K"), _attribute(node, "N")))


def _fused_matmul(node: NodeProto, weights: Ranks) -> list[NodeProto]:
    if _attribute(node, "transBatchA") or _attribute(node, "transBatchB"):
        return []
    turned = _attribute(node, "transA"), _attribute(node, "transB")
    if turned == (0, 0):
        return _as(node, weights, "MatMul", (0, 1))
    weight = weights.get(node.input[1], ())
    if turned == (0, 1) and len(weight) == 2:
        return _times(node, (weight[1], weight[0]))
    equation = f"...{'ji' if turned[0] else 'ij'},...{'kj' if turned[1] else 'jk'}->...ik"
    return [helper.make_node("Einsum", node.input[:2], [node.output[0]], equation=equation)]


def _joint_attention(node: NodeProto, weights: Ranks) -> list[NodeProto]:
    dims = weights.get(node.input[1], ())
    if len(dims) != 2:
        return []
    sizes: tuple[int, ...] = next((tuple(each.ints) for each in node.attribute if each.name == "qkv_hidden_sizes"), ())
    shape = (dims[0], sizes[2] if len(sizes) == 3 else dims[1] // 3)
    if node.op_type == "Attention":
        return _times(node, shape)
    *products, last = _times(node, shape)
    inner = f"{node.output[0]}/float"
    last.output[0] = inner
    return [*products, last, helper.make_node("Cast", [inner], [node.output[0]], to=TensorProto.FLOAT)]


def _multi_head_attention(node: NodeProto, _: Ranks) -> list[NodeProto]:
    return [helper.make_node("Einsum", [node.input[0], node.input[2]], [node.output[0]], equation="bsh,blv->bsv")]


def _grouped_query_attention(node: NodeProto, weights: Ranks) -> list[NodeProto]:
    if node.input[1]:
        return _like(node, weights)
    heads = _attribute(node, "num_heads")
    stem = node.output[0]
    lists = {"shape": [0, 0, heads + 2 * _attribute(node, "kv_num_heads"), -1], "from": [0], "to": [heads], "axis": [2]}
    lists["back"] = [0, 0, -1]
    constants = [
        helper.make_node(
            "Constant", [], [f"{stem}/{name}"], value=helper.make_tensor("", TensorProto.INT64, [len(v)], v)
        )
        for name, v in lists.items()
    ]
    return [
        *constants,
        helper.make_node("Reshape", [node.input[0], f"{stem}/shape"], [f"{stem}/heads"]),
        helper.make_node("Slice", [f"{stem}/heads", f"{stem}/from", f"{stem}/to", f"{stem}/axis"], [f"{stem}/queries"]),
        helper.make_node("Reshape", [f"{stem}/queries", f"{stem}/back"], [stem]),
    ]


_LIKE: Final = """
    BiasAdd BiasDropout BiasGelu BiasSoftmax BitmaskBiasDropout BitmaskDropout FastGelu Gelu GemmaRotaryEmbedding
    GroupNorm LayerNormalization MRotaryEmbedding QLinearLeakyRelu QLinearSigmoid QLinearSoftmax QuickGelu
    RotaryEmbedding ScaledSiLU"""

_TWINS: Final[Mapping[str, Twin]] = {
    **dict.fromkeys(_LIKE.split(), _like),
    "Attention": _joint_attention,
    "DequantizeLinear": partial(_as, op="DequantizeLinear", slots=(0, 1, 2)),
    "DynamicQuantizeLSTM": _lstm,
    "DynamicQuantizeMatMul": partial(_as, op="MatMul", slots=(0, 1)),
    "EmbedLayerNormalization": partial(_as, op="Gather", slots=(2, 0)),
    "FusedConv": partial(_as, op="Conv", slots=(0, 1)),
    "FusedGemm": partial(_as, op="Gemm", slots=(0, 1)),
    "FusedMatMul": _fused_matmul,
    "FusedMatMulActivation": _fused_matmul,
    "GemmFastGelu": partial(_as, op="MatMul", slots=(0, 1)),
    "GatherND": partial(_as, op="GatherND", slots=(0, 1)),
    "GridSample": partial(_as, op="GridSample", slots=(0, 1)),
    "GroupQueryAttention": _grouped_query_attention,
    "MatMulBnb4": _packed,
    "MatMulInteger16": partial(_as, op="MatMul", slots=(0, 1)),
    "MatMulIntegerToFloat": partial(_float, op="MatMul", slots=(0, 1)),
    "MatMulNBits": _packed,
    "MultiHeadAttention": _multi_head_attention,
    "Pad": partial(_as, op="Pad", slots=(0, 1, 2)),
    "QAttention": _joint_attention,
    "QEmbedLayerNormalization": partial(_float, op="Gather", slots=(2, 0)),
    "QGemm": _qgemm,
    "QLinearAdd": partial(_as, op="Add", slots=(0, 3)),
    "QLinearAveragePool": partial(_channels_first, op="AveragePool", slots=(0,)),
    "QLinearConcat": _concat,
    "QLinearConv": partial(_channels_first, op="QLinearConv", slots=tuple(range(9))),
    "QLinearGlobalAveragePool": partial(_channels_first, op="GlobalAveragePool", slots=(0,)),
    "QLinearMul": partial(_as, op="Mul", slots=(0, 3)),
    "QLinearWhere": partial(_as, op="Where", slots=(0, 1, 4)),
    "QuantizeLinear": partial(_as, op="QuantizeLinear", slots=(0, 1, 2)),
    "SkipGroupNorm": _like,
    "SkipLayerNormalization": partial(_like, outputs=(0, 3)),
    "SkipSimplifiedLayerNormalization": partial(_like, outputs=(0, 3)),
    "TransposeMatMul": _fused_matmul,
    "Trilu": partial(_as, op="Trilu", slots=(0, 1)),
}

_CLASSIC_TWINS: Final[Mapping[str, Twin]] = {
    "ArrayFeatureExtractor": _extractor,
    "Binarizer": _like,
    "Imputer": _like,
    "LinearRegressor": _linear_regressor,
    "Normalizer": _like_float,
    "Scaler": _like_float,
}

_NEEDED: Final[Mapping[str, tuple[int, ...]]] = {
    "ArrayFeatureExtractor": (0, 1),
    "Attention": (0, 1),
    "DynamicQuantizeMatMul": (0, 1),
    "EmbedLayerNormalization": (0, 2),
    "FusedConv": (0, 1),
    "FusedGemm": (0, 1),
    "FusedMatMul": (0, 1),
    "FusedMatMulActivation": (0, 1),
    "GemmFastGelu": (0, 1),
    "GatherND": (0, 1),
    "GridSample": (0, 1),
    "GroupQueryAttention": (0, 1),
    "MatMulInteger16": (0, 1),
    "MatMulIntegerToFloat": (0, 1),
    "MultiHeadAttention": (0, 2),
    "Pad": (0, 1),
    "QAttention": (0, 1),
    "QEmbedLayerNormalization": (0, 2),
    "QGemm": (0, 3),
    "QLinearAdd": (0, 3),
    "QLinearConcat": (2,),
    "QLinearConv": tuple(range(8)),
    "QLinearMul": (0, 3),
    "QLinearWhere": (0, 1, 4),
    "TransposeMatMul": (0, 1),
}
