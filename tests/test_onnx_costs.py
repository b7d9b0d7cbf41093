from collections import ChainMap
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper, parser

from greengate.errors import ModelError
from greengate.models import onnx_costs, onnx_order, onnx_scan, onnx_sizes, onnx_twins
from greengate.models.onnx_sizes import Sizes
from greengate.ports import ModelSpec


def count_model(model, shapes, batch):
    return onnx_costs.count_model(model, Sizes(shapes, batch=batch))


LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"


def graph(
    body, inputs, outputs="float[] y", opset=17, functions="", extra='"com.microsoft":1, "ai.onnx.ml":3, "odd":1'
):
    head = f'<ir_version: 8, opset_import: ["":{opset}, {extra}]>'
    model = parser.parse_model(f"{head} g ({inputs}) => ({outputs}) {{ {body} }} {functions}")
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    return model


def count(body, inputs, batch=1, shapes=None, **more):
    return count_model(graph(body, inputs, **more), shapes or {}, batch)


def zeros(name, kind, dims):
    width = helper.tensor_dtype_to_np_dtype(kind).itemsize
    return helper.make_tensor(name, kind, dims, bytes(width * prod(dims)), raw=True)


def weighted(nodes, weights, inputs, opset=17):
    tensors = [zeros(*weight) for weight in weights]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in inputs],
        [helper.make_empty_tensor_value_info(nodes[-1].output[0])],
        tensors,
    )
    made.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(made, opset_imports=imports, ir_version=8)


FORMULAS = {
    "convolution": ("y = Conv(x, w)", "float[2,3,8,8] x, float[4,3,3,3] w", 2 * 4 * 6 * 6 * 3 * 9),
    "grouped": ("y = Conv<group=2>(x, w)", "float[1,4,5,5] x, float[6,2,1,1] w", 6 * 25 * 2),
    "depthwise": ("y = Conv<group=4>(x, w)", "float[1,4,5,5] x, float[4,1,3,3] w", 4 * 9 * 9),
    "strided and padded": (
        "y = Conv<strides=[2,2], pads=[1,1,1,1]>(x, w)",
        "float[1,3,8,8] x, float[4,3,3,3] w",
        4 * 4 * 4 * 27,
    ),
    "dilated": ("y = Conv<dilations=[2,2]>(x, w)", "float[1,1,7,7] x, float[1,1,3,3] w", 3 * 3 * 9),
    "padded to the same size": (
        'y = Conv<auto_pad="SAME_UPPER", strides=[2,2]>(x, w)',
        "float[1,1,7,7] x, float[1,1,3,3] w",
        4 * 4 * 9,
    ),
    "one-dimensional": ("y = Conv(x, w)", "float[1,2,10] x, float[3,2,4] w", 3 * 7 * 2 * 4),
    "transposed convolution": (
        "y = ConvTranspose<strides=[2,2], group=2>(x, w)",
        "float[1,4,5,5] x, float[4,3,2,2] w",
        4 * 25 * 3 * 4,
    ),
    "integer convolution": ("y = ConvInteger(x, w)", "uint8[1,3,4,4] x, uint8[2,3,1,1] w", 2 * 16 * 3),
    "quantised convolution": (
        "y = QLinearConv(x, s, z, w, s, z, s, z)",
        "uint8[1,3,4,4] x, uint8[2,3,1,1] w, float s, uint8 z",
        2 * 16 * 3,
    ),
    "Gemm": ("y = Gemm<transA=1, transB=1>(a, b, c)", "float[5,2] a, float[3,5] b, float[3] c", 2 * 5 * 3),
    "MatMul": ("y = MatMul(a, b)", "float[4,5] a, float[5,6] b", 120),
    "MatMul with broadcast batches": ("y = MatMul(a, b)", "float[2,1,4,5] a, float[3,5,6] b", 2 * 3 * 120),
    "MatMul of vectors": ("y = MatMul(a, b)", "float[5] a, float[5] b", 5),
    "MatMul of a vector by matrices": ("y = MatMul(a, b)", "float[5] a, float[2,5,6] b", 2 * 30),
    "MatMulInteger": ("y = MatMulInteger(a, b)", "uint8[4,5] a, int8[5,6] b", 120),
    "QLinearMatMul": (
        "y = QLinearMatMul(a, s, z, b, s, z, s, z)",
        "uint8[4,5] a, uint8[5,6] b, float s, uint8 z",
        120,
    ),
    "Einsum of batches": ('y = Einsum<equation="bij,bjk->bik">(a, b)', "float[2,3,4] a, float[2,4,5] b", 2 * 3 * 4 * 5),
    "implicit Einsum": ('y = Einsum<equation="ij, jk">(a, b)', "float[3,4] a, float[4,5] b", 60),
    "Einsum of attention": (
        'y = Einsum<equation="bqhd,bkhd->bhqk">(a, b)',
        "float[2,3,4,8] a, float[2,5,4,8] b",
        2 * 4 * 3 * 5 * 8,
    ),
    "Einsum under an ellipsis": (
        'y = Einsum<equation="...ij,...jk->...ik">(a, b)',
        "float[2,3,4] a, float[2,4,5] b",
        120,
    ),
    "Einsum that sums one side first": ('y = Einsum<equation="ij,jk->k">(a, b)', "float[3,4] a, float[4,5] b", 20),
    "Einsum of one operand": ('y = Einsum<equation="ij->ji">(a)', "float[3,4] a", 0),
    "LSTM both ways": (
        'y = LSTM<hidden_size=6, direction="bidirectional">(x, w, r)',
        "float[7,2,5] x, float[2,24,5] w, float[2,24,6] r",
        7 * 2 * 2 * 24 * (5 + 6),
    ),
    "GRU": ("y = GRU<hidden_size=6>(x, w, r)", "float[7,2,5] x, float[1,18,5] w, float[1,18,6] r", 7 * 2 * 18 * 11),
    "RNN": ("y = RNN<hidden_size=6>(x, w, r)", "float[7,2,5] x, float[1,6,5] w, float[1,6,6] r", 7 * 2 * 6 * 11),
    "fused MatMul": (
        "y = com.microsoft.FusedMatMul<transB=1>(a, b)",
        "float[2,4,5] a, float[2,6,5] b",
        2 * 4 * 5 * 6,
    ),
    "MatMulNBits": (
        "y = com.microsoft.MatMulNBits<K=32, N=7, bits=4, block_size=32>(a, b, s)",
        "float[2,3,32] a, uint8[7,1,16] b, float[7] s",
        2 * 3 * 32 * 7,
    ),
    "QGemm": (
        "y = com.microsoft.QGemm<transB=1>(a, s, z, b, s, z)",
        "uint8[4,5] a, float s, uint8 z, uint8[6,5] b",
        120,
    ),
    "joint Attention": (
        "y = com.microsoft.Attention<num_heads=2>(x, w, b)",
        "float[2,3,8] x, float[8,24] w, float[24] b",
        2 * 3 * 8 * 24 + 2 * 3 * 3 * 16,
    ),
    "MultiHeadAttention": (
        "y = com.microsoft.MultiHeadAttention<num_heads=2>(q, k, v)",
        "float[2,3,8] q, float[2,5,8] k, float[2,5,8] v",
        2 * 3 * 5 * 16,
    ),
    "GroupQueryAttention": (
        "y, pk, pv = com.microsoft.GroupQueryAttention<num_heads=4, kv_num_heads=2>(q, k, v, , , l, t)",
        "float[2,3,8] q, float[2,3,4] k, float[2,3,4] v, int32[2] l, int32 t",
        2 * 3 * 3 * 16,
    ),
    "LinearClassifier": (
        "y, p = ai.onnx.ml.LinearClassifier<coefficients=[1.0,2.0,3.0,4.0], intercepts=[0.0,0.0]>(x)",
        "float[5,2] x",
        5 * 2 * 2,
    ),
    "element-wise, pooling and movement": (
        "a = Relu(x) b = GlobalAveragePool(a) c = com.microsoft.Gelu(b) y = Transpose(c)",
        "float[1,2,4,4] x",
        0,
    ),
}


@pytest.mark.parametrize(("body", "inputs", "macs"), FORMULAS.values(), ids=FORMULAS)
def test_each_operator_costs_what_is_computed_by_hand(body, inputs, macs):
    costs = count(body, inputs)
    assert (costs.macs, costs.uncovered, costs.convention) == (macs, (), "macs-matmul-v1")


@pytest.mark.parametrize(
    ("inputs", "attributes", "macs"),
    [
        ("float[2,3,8] q, float[2,5,4] k, float[2,5,4] v", "q_num_heads=4, kv_num_heads=2", 2 * 4 * 3 * 5 * 4),
        ("float[2,4,3,8] q, float[2,2,5,8] k, float[2,2,5,6] v", "is_causal=1", 2 * 4 * 3 * 5 * 14),
    ],
    ids=["packed heads", "separate heads, causal"],
)
def test_attention_counts_the_whole_score_matrix(inputs, attributes, macs):
    assert count(f"y = Attention<{attributes}>(q, k, v)", inputs, opset=23).macs == macs


# Published: torchvision (ResNet-50, VGG-19, SqueezeNet 1.1, DenseNet-121) and Caffe's model zoo (AlexNet with two
# groups, GoogLeNet). DenseNet-121 of Caffe scales after every batch normalisation once more: 83,648 parameters extra.
LIGHTS = {
    "bvlc_alexnet": (654_560_384, 60_965_224),
    "densenet121": (2_834_161_664, 7_978_856 + 83_648),
    "inception_v1": (1_431_556_352, 6_998_552),
    "inception_v2": (2_018_851_840, 11_214_888),
    "resnet50": (4_089_184_256, 25_557_032),
    "shufflenet": (124_664_528, 1_393_320),
    "squeezenet": (349_151_936, 1_235_496),
    "vgg19": (19_632_062_464, 143_667_240),
    "zfnet512": (1_481_727_008, 87_250_536),
}


@pytest.mark.parametrize("name", LIGHTS)
def test_known_architectures_cost_what_is_published(name):
    costs = onnx_costs.count(ModelSpec(LIGHT / f"light_{name}.onnx", LIGHT))
    assert (costs.macs, costs.parameters, costs.uncovered) == (*LIGHTS[name], ())
    assert costs.weight_bytes == 4 * costs.parameters
    assert costs.activation_bytes > 0


@pytest.mark.parametrize("name", LIGHTS)
def test_the_nodes_of_an_architecture_add_up_to_its_costs(name):
    costs = onnx_costs.count(ModelSpec(LIGHT / f"light_{name}.onnx", LIGHT))
    sums = [sum(getattr(node, part) for node in costs.nodes) for part in ("macs", "parameters", "weight_bytes")]
    assert sums == [costs.macs, costs.parameters, costs.weight_bytes]
    assert sum(node.written_bytes for node in costs.nodes) == costs.activation_bytes
    assert max(node.written_bytes for node in costs.nodes) < costs.peak_bytes < costs.activation_bytes
    assert {node.kind for node in costs.nodes if node.macs} == {"matmul"}


CHAIN = "a = Conv<pads=[1,1,1,1]>(x, w) b = Relu(a) c = Flatten(b) y = MatMul(c, v)"
CHAIN_INPUTS = "float[N,3,4,4] x, float[2,3,3,3] w, float[32,5] v"


@settings(max_examples=15, deadline=None)
@given(batch=st.integers(1, 1000))
def test_doubling_the_batch_doubles_the_costs(batch):
    model = graph(CHAIN, CHAIN_INPUTS)
    once, twice = count_model(model, {}, batch), count_model(model, {}, 2 * batch)
    assert (twice.macs, twice.activation_bytes) == (2 * once.macs, 2 * once.activation_bytes)
    assert once.macs == batch * (2 * 16 * 27 + 32 * 5)


def nameless(costs):
    return replace(costs, nodes=tuple(replace(node, name="") for node in costs.nodes))


def test_names_and_order_of_nodes_change_nothing():
    model = graph(CHAIN, CHAIN_INPUTS)
    other = graph("q = Conv<pads=[1,1,1,1]>(x, w) r = Relu(q) s = Flatten(r) y = MatMul(s, v)", CHAIN_INPUTS)
    nodes = list(reversed(other.graph.node))
    del other.graph.node[:]
    other.graph.node.extend(nodes)
    assert nameless(count_model(other, {}, 3)) == nameless(count_model(model, {}, 3))


def test_counting_leaves_the_model_as_it_is():
    model = graph(CHAIN, CHAIN_INPUTS)
    before = model.SerializeToString()
    count_model(model, {}, 3)
    assert model.SerializeToString() == before


def test_activation_bytes_are_those_of_all_outputs_of_nodes():
    assert count("a = Relu(x) b = Cast<to=10>(a) y = Transpose(b)", "float[2,3] x").activation_bytes == 24 + 12 + 12


UNCOVERED = {
    "an unknown domain": (
        "y = odd.Fold(x)",
        "float[2,3] x",
        "Fold `y` (odd): no formula is known for this operator",
    ),
    "an unknown operator": (
        "y = com.microsoft.Guess(x)",
        "float[2,3] x",
        "Guess `y` (com.microsoft): no formula is known for this operator",
    ),
    "an open dimension": ("y = MatMul(x, x)", "float[2,K] x", "MatMul `y` (ai.onnx): dimension 1 of `x` is open"),
    "what follows the unknown": (
        "a = odd.Fold(x) y = MatMul(a, x)",
        "float[2,2] x",
        "MatMul `y` (ai.onnx): the shape of `a` is unknown",
    ),
    "contradictory shapes": (
        "y = MatMul(x, x)",
        "float[2,3] x",
        (
            "MatMul `y` (ai.onnx): its shapes contradict each other: "
            "the inner dimension is 3 on one side and 2 on the other"
        ),
    ),
    "trees": (
        "y = ai.onnx.ml.TreeEnsembleRegressor(x)",
        "float[2,3] x",
        (
            "TreeEnsembleRegressor `y` (ai.onnx.ml): "
            "decision trees compare and do not multiply, so this convention has no figure for them"
        ),
    ),
    "Einsum of three": (
        'y = Einsum<equation="ij,jk,kl->il">(x, x, x)',
        "float[2,2] x",
        "Einsum `y` (ai.onnx): an Einsum of 3 operands costs what the order of its products decides",
    ),
}


@pytest.mark.parametrize(("body", "inputs", "words"), UNCOVERED.values(), ids=UNCOVERED)
def test_what_cannot_be_counted_is_named_and_never_a_small_number(body, inputs, words):
    costs = count(body, inputs)
    assert costs.macs is None
    assert costs.uncovered[-1] == words


def test_open_dimensions_do_not_matter_where_nothing_is_multiplied():
    costs = count("y = Relu(x)", "float[N,K] x", batch=2)
    assert (costs.macs, costs.activation_bytes, costs.uncovered) == (0, None, ())


def test_an_equation_that_cannot_be_read_is_named_and_does_not_hang():
    model = graph('y = Einsum<equation="ij,jk->ik">(x, x)', "float[2,2] x")
    model.graph.node[0].attribute[0].s = b"ij,\x80jk"
    assert count_model(model, {}, 1).uncovered == ("Einsum `y` (ai.onnx): its equation `ij,\ufffdjk` cannot be read",)


def test_a_long_list_of_gaps_is_cut_and_counted():
    body = " ".join(f"y{index} = odd.Fold(x)" for index in range(14))
    costs = count(body, "float[2] x", outputs="float[] y3")
    assert len(costs.uncovered) == 11
    assert costs.uncovered[-1] == "and 4 more"


def test_an_opset_from_the_future_is_not_counted():
    costs = count("y = MatMul(x, x)", "float[2,2] x", opset=999)
    assert costs.macs is None
    assert costs.uncovered[0].startswith("opset 999 is newer")


def test_shapes_that_the_model_claims_are_not_believed():
    model = graph("a = odd.Fold(x) y = MatMul(a, a)", "float[2,2] x")
    model.graph.value_info.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, [1, 1]))
    assert count_model(model, {}, 1).macs is None


def test_declared_shapes_fill_open_axes_and_the_batch_fills_the_first():
    assert count("y = MatMul(x, w)", "float[N,S,4] x, float[4,5] w", 3, {"x": (2, 7, 4)}).macs == 2 * 7 * 20
    assert count("y = MatMul(x, w)", "float[N,4] x, float[4,5] w", 3).macs == 3 * 20


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"x": (2, 9)}, "dimension 1 of input `x` is 4 in the model, but declared as 9"),
        ({"x": (2,)}, "input `x` has 2 dimensions, but its declared shape has 1"),
        ({"z": (2,)}, "a shape is declared for `z`, but the model has no such input"),
    ],
    ids=["other size", "other rank", "no such input"],
)
def test_declared_shapes_that_do_not_fit_are_refused(shapes, words):
    with pytest.raises(ModelError, match=words):
        count("y = Relu(x)", "float[N,4] x", 1, shapes)


def test_shape_arithmetic_is_followed():
    body = """s = Shape(x) i = Constant<value_ints=[0]>() n = Gather(s, i) m = Constant<value_ints=[-1]>()
        t = Concat<axis=0>(n, m) r = Reshape(x, t) y = MatMul(r, w)"""
    assert count(body, "float[N,3,4] x, float[12,5] w", 2).macs == 2 * 12 * 5


def test_a_contributed_operator_does_not_hide_the_shapes_behind_it():
    body = """a = com.microsoft.MatMulNBits<K=32, N=8, bits=4, block_size=32>(x, b, s) c = com.microsoft.FastGelu(a)
        d = com.microsoft.SkipLayerNormalization(c, c, g) e = com.microsoft.FusedMatMul<transB=1>(d, v)
        f = com.microsoft.QLinearAdd(e, q, z, e, q, z, q, z) y = MatMul(f, w)"""
    inputs = """float[2,3,32] x, uint8[8,1,16] b, float[8] s, float[8] g, float[2,5,8] v, float q, uint8 z,
        float[5,6] w"""
    assert count(body, inputs).macs == 6 * (32 * 8 + 8 * 5 + 5 * 6)


CONTROL = {
    "equal branches": (
        "y = If (c) <then_branch = t () => (a) { a = MatMul(x, x) }, else_branch = e () => (b) { b = MatMul(x, x) }>",
        8,
    ),
    "a constant condition": (
        """k = Constant<value = bool {1}>() y = If (k) <then_branch = t () => (a) { a = MatMul(x, x) },
        else_branch = e () => (b) { b = odd.Fold(x) }>""",
        8,
    ),
    "a Scan": (
        "y = Scan<num_scan_inputs=1, body = s (r) => (o) { o = MatMul(r, x) }>(z)",
        5 * 4,
    ),
    "a Loop of constant trips": (
        """m = Constant<value_int=3>()
        y = Loop(m, , x)<body = l (i, k, v) => (kk, vv) { kk = Identity(k) a = MatMul(x, x) vv = Add(v, a) }>""",
        3 * 8,
    ),
    "a Loop that goes on while a constant says so": (
        """m = Constant<value_int=3>() k0 = Constant<value = bool {1}>()
        y = Loop(m, k0, x)<body = l (i, k, v) => (k0, vv) { a = MatMul(x, x) vv = Add(v, a) }>""",
        3 * 8,
    ),
    "a Loop that stops after one trip": (
        """m = Constant<value_int=3>() no = Constant<value = bool {0}>()
        y = Loop(m, , x)<body = l (i, k, v) => (kk, vv) { kk = Identity(no) a = MatMul(x, x) vv = Add(v, a) }>""",
        8,
    ),
    "a Loop of unknown trips without products": (
        "y = Loop(n, , x)<body = l (i, k, v) => (kk, vv) { kk = Identity(k) vv = Add(v, v) }>",
        0,
    ),
}
CONTROL_INPUTS = "float[2,2] x, bool c, int64 n, float[5,2] z"


@pytest.mark.parametrize(("body", "macs"), CONTROL.values(), ids=CONTROL)
def test_control_flow_is_exact_where_it_is_constant(body, macs):
    costs = count(body, CONTROL_INPUTS)
    assert (costs.macs, costs.uncovered) == (macs, ())


OPEN_CONTROL = {
    "unequal branches": (
        "y = If (c) <then_branch = t () => (a) { a = MatMul(x, x) }, else_branch = e () => (b) { b = Relu(x) }>",
        "If `y` (ai.onnx): its branches cost 8 and 0 MACs",
    ),
    "unknown trips": (
        """y = Loop(n, , x)<body = l (i, k, v) => (kk, vv) { kk = Identity(k) a = MatMul(x, x) vv = Add(v, a) }>""",
        "Loop `y` (ai.onnx): its body costs 8 MACs, and how often it runs is not constant",
    ),
    "a computed condition": (
        """m = Constant<value_int=3>() y = Loop(m, , x)
        <body = l (i, k, v) => (kk, vv) { kk = Not(k) a = MatMul(x, x) vv = Add(v, a) }>""",
        "Loop `y` (ai.onnx): its body costs 8 MACs, and how often it runs is not constant",
    ),
}


@pytest.mark.parametrize(("body", "words"), OPEN_CONTROL.values(), ids=OPEN_CONTROL)
def test_control_flow_that_depends_on_data_is_named(body, words):
    costs = count(body, CONTROL_INPUTS)
    assert (costs.macs, costs.uncovered) == (None, (words,))


FUNCTION = '<domain: "odd", opset_import: ["":17, "odd":1]> F (v) => (o) { o = MatMul(v, v) }'


def test_functions_of_the_model_are_expanded():
    assert count("a = odd.F(x) y = odd.F(a)", "float[2,2] x", functions=FUNCTION).macs == 16


def test_a_function_of_another_opset_is_named():
    costs = count("y = odd.F(x)", "float[2,2] x", functions=FUNCTION.replace("17", "16"))
    assert costs.uncovered == ("F `y` (odd): it is a function written for another opset than the model's",)


def test_a_weight_inside_a_function_is_counted_once_however_often_it_is_called():
    function = FUNCTION.replace("o = MatMul(v, v)", "k = Constant<value = float[2] {1.0, 2.0}>() o = Mul(v, k)")
    assert count("a = odd.F(x) y = odd.F(a)", "float[2,2] x", functions=function).parameters == 2


def nested(depth, calls):
    inner = " ".join(
        f'<domain: "odd", opset_import: ["":17, "odd":1]> F{level} (v0) => (v{calls}) {{ '
        + " ".join(f"v{call + 1} = odd.F{level + 1}(v{call})" for call in range(calls))
        + " }"
        for level in range(depth)
    )
    return f'{inner} <domain: "odd", opset_import: ["":17]> F{depth} (v) => (o) {{ o = MatMul(v, v) }}'


def test_nested_functions_are_counted():
    assert count("y = odd.F0(x)", "float[2,2] x", functions=nested(5, 2)).macs == 2**5 * 8


@pytest.mark.parametrize(
    ("functions", "words"),
    [
        (nested(30, 4), r"its functions expand to .* nodes"),
        (nested(70, 1), "functions are nested more than 64 deep"),
        (nested(2, 1).replace("odd.F2", "odd.F0"), r"the function `odd\.F0` calls itself"),
    ],
    ids=["explosion", "depth", "recursion"],
)
def test_functions_without_measure_are_refused(functions, words):
    with pytest.raises(ModelError, match=words):
        count("y = odd.F0(x)", "float[2,2] x", functions=functions)


def test_a_cycle_is_refused_with_its_ring():
    with pytest.raises(ModelError, match=r"goes round in a circle: Relu `[ab]` -> "):
        count("a = Relu(b) b = Relu(a) y = Relu(x)", "float[2] x")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("y = Relu(z)", "Relu `y` reads `z`, which nothing produces"),
        ("a = Relu(x) a = Abs(x) y = Relu(a)", "two nodes write the same tensor `a`"),
        ("a = Relu(x)", "the output `y` is produced by nothing"),
    ],
    ids=["dangling", "doubled", "no output"],
)
def test_malformed_graphs_are_refused(body, words):
    with pytest.raises(ModelError, match=words):
        count(body, "float[2] x")


def test_hostile_sizes_are_refused():
    with pytest.raises(ModelError, match=r"more than 2\^63 elements"):
        count("y = Relu(x)", f"float[{2**62},4] x")
    with pytest.raises(ModelError, match=r"beyond 2\^63"):
        count("y = MatMul(x, w)", f"float[{2**40},1] x, float[1,{2**22}] w")
    body = """y = Loop(m, , x)<body = l (i, k, v) => (kk, vv) { kk = Identity(k) a = MatMul(x, x) vv = Add(v, a) }>"""
    with pytest.raises(ModelError, match=r"beyond 2\^63"):
        count(f"m = Constant<value_int={2**60}>() {body}", "float[2,2] x")


def test_negative_sizes_of_weights_are_refused_and_of_inputs_are_open():
    model = weighted([helper.make_node("Relu", ["x"], ["y"])], [], [("x", [-1, 4])])
    assert count_model(model, {}, 2).activation_bytes == 32
    model.graph.initializer.add(name="w", data_type=1, dims=[-4])
    with pytest.raises(ModelError, match="`w` has a negative dimension"):
        count_model(model, {}, 2)


def test_a_size_that_is_more_than_open_is_refused():
    model = weighted([helper.make_node("Relu", ["x"], ["y"])], [], [("x", [3, -2])])
    with pytest.raises(ModelError, match="dimension 1 of input `x` is negative: -2"):
        count_model(model, {}, 2)


@pytest.mark.parametrize(
    ("claimed", "told"),
    [
        (["n", 8], []),
        ([4, "m"], []),
        ([4, 8], []),
        ([4, 3], ["output `y` is declared as [4, 3] and comes out as [4, 8]"]),
        (["n", 8, 1], ["output `y` is declared as [?, 8, 1] and comes out as [4, 8]"]),
    ],
)
def test_an_output_that_comes_out_otherwise_than_declared_is_told(claimed, told):
    model = weighted([helper.make_node("Relu", ["x"], ["y"])], [], [("x", [4, 8])])
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, claimed))
    assert list(count_model(model, {}, 1).remarks) == told


def test_names_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(graph("y = Relu(x)", "float[2] x").SerializeToString().replace(b"Relu", b"Re\xffu"))
    with pytest.raises(ModelError, match="a node has a name that is not UTF-8"):
        onnx_costs.count(ModelSpec(path, tmp_path))


def test_graphs_nested_too_deep_are_refused():
    model = graph("y = Relu(x)", "float[2] x")
    inner = model.graph
    for _ in range(40):
        attribute = inner.node[0].attribute.add(name="body", type=onnx.AttributeProto.GRAPH)
        inner = attribute.g
        inner.node.add(op_type="Relu")
    with pytest.raises(ModelError, match="nested more than 32 deep"):
        count_model(model, {}, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "it is a damaged Git LFS pointer"),
        (b"\x0b\x0c", "it is no ONNX file, or is cut short: at byte 0 there is a kind of field"),
        (b"\x08\x01", "it is no ONNX file: there is no graph"),
        (b"", "the file is empty"),
        (None, "No such file"),
    ],
    ids=["a pointer", "no protobuf", "no graph", "empty", "missing"],
)
def test_files_that_are_no_models_are_refused(tmp_path, content, words):
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=words):
        onnx_costs.count(ModelSpec(path, tmp_path))


def test_external_weights_are_counted_without_being_there(tmp_path):
    model = weighted([helper.make_node("MatMul", ["x", "w"], ["y"])], [("w", 1, [300, 70])], [("x", ["N", 300])])
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="gone.bin", size_threshold=0)
    (tmp_path / "gone.bin").unlink()
    costs = onnx_costs.count(ModelSpec(path, tmp_path, batch=2))
    assert (costs.macs, costs.parameters, costs.weight_bytes) == (2 * 21000, 21000, 84000)


def test_a_shared_weight_is_one_weight():
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("MatMul", ["a", "w"], ["y"])]
    costs = count_model(weighted(nodes, [("w", 1, [40, 40])], [("x", [1, 40])]), {}, 1)
    assert (costs.macs, costs.parameters) == (3200, 1600)


def test_running_statistics_stand_apart_even_behind_an_identity():
    nodes = [
        helper.make_node("Identity", ["m"], ["mm"]),
        helper.make_node("BatchNormalization", ["x", "s", "b", "mm", "v"], ["y"]),
    ]
    weights = [(name, 1, [3]) for name in "sbmv"]
    assert count_model(weighted(nodes, weights, [("x", [1, 3, 4])]), {}, 1).parameters == 6


def test_literals_sizes_and_initial_states_are_no_weights():
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r", "", "", "h", "h"], ["a"], hidden_size=2),
        helper.make_node("Mul", ["a", "half"], ["b"]),
        helper.make_node("Reshape", ["b", "sizes"], ["y"]),
    ]
    weights = [("w", 1, [1, 8, 3]), ("r", 1, [1, 8, 2]), ("h", 1, [1, 1, 2]), ("half", 1, []), ("sizes", 7, [1])]
    assert count_model(weighted(nodes, weights, [("x", [5, 1, 3])]), {}, 1).parameters == 24 + 16


def test_old_files_that_list_weights_as_inputs_keep_them_weights():
    model = weighted([helper.make_node("MatMul", ["x", "w"], ["y"])], [("w", 1, [4, 5])], [("x", ["N", 4])])
    model.ir_version = 3
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 5]))
    costs = count_model(model, {}, 2)
    assert (costs.macs, costs.parameters, costs.activation_bytes) == (40, 20, 40)


def test_weights_filled_by_a_constant_shape_are_weights():
    body = "s = Constant<value_ints=[4,5]>() w = ConstantOfShape(s) y = MatMul(x, w)"
    costs = count(body, "float[2,4] x")
    assert (costs.macs, costs.parameters, costs.weight_bytes, costs.activation_bytes) == (40, 20, 80, 40)


def test_a_quantised_model_counts_as_its_floating_original():
    def layer(*names):
        return helper.make_node("Gemm", names, ["y"])

    plain = count_model(weighted([layer("x", "w", "b")], [("w", 1, [4, 5]), ("b", 1, [5])], [("x", [2, 4])]), {}, 1)
    annotated = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        *(
            helper.make_node("DequantizeLinear", [f"{n}q", "s", *z], [n])
            for n, z in (("xd", "z"), ("w", "z"), ("b", ""))
        ),
        layer("xd", "w", "b"),
    ]
    annotated[0].output[0] = "xdq"
    types = [("wq", 3, [4, 5]), ("bq", 6, [5]), ("s", 1, [1]), ("z", 3, [1])]
    quantised = count_model(weighted(annotated, types, [("x", [2, 4])]), {}, 1)
    assert (quantised.macs, quantised.parameters) == (plain.macs, plain.parameters) == (40, 25)
    assert (quantised.weight_bytes, plain.weight_bytes) == (20 + 20, 100)


def test_packed_weights_count_their_elements_and_their_stored_bytes():
    node = helper.make_node(
        "MatMulNBits", ["x", "b", "s"], ["y"], domain="com.microsoft", K=64, N=8, bits=4, block_size=32
    )
    model = weighted([node], [("b", 2, [8, 2, 16]), ("s", 1, [16])], [("x", [1, 64])])
    costs = count_model(model, {}, 1)
    assert (costs.macs, costs.parameters, costs.weight_bytes) == (512, 512, 256)


def test_four_bit_weights_are_stored_packed():
    nodes = [helper.make_node("DequantizeLinear", ["q", "s"], ["w"]), helper.make_node("MatMul", ["x", "w"], ["y"])]
    model = weighted(nodes, [("s", 1, [])], [("x", [1, 3])], opset=21)
    model.graph.initializer.append(helper.make_tensor("q", TensorProto.INT4, [3, 5], [0] * 15))
    costs = count_model(model, {}, 1)
    assert (costs.parameters, costs.weight_bytes) == (15, 8)


def test_what_depends_on_constants_alone_costs_nothing_in_a_run():
    body = "s = Constant<value_ints=[4,4]>() w = ConstantOfShape(s) v = MatMul(w, w) y = MatMul(x, v)"
    costs = count(body, "float[2,4] x")
    assert (costs.macs, costs.parameters, costs.activation_bytes) == (32, 16, 32)


def test_classic_linear_models_keep_their_weights_in_attributes():
    costs = count(FORMULAS["LinearClassifier"][0], "float[5,2] x")
    assert (costs.parameters, costs.weight_bytes) == (6, 24)
    assert count("y = ai.onnx.ml.TreeEnsembleRegressor(x)", "float[5,2] x").parameters is None


def test_classic_operators_do_not_hide_the_shapes_behind_them():
    body = """a = ai.onnx.ml.Scaler<offset=[0.0], scale=[1.0]>(x) b = ai.onnx.ml.Normalizer(a)
        c = ai.onnx.ml.LinearRegressor<coefficients=[1.0,2.0,3.0,4.0,5.0,6.0], targets=3>(b) y = MatMul(c, w)"""
    costs = count(body, "int64[N,2] x, float[3,4] w", 5)
    assert (costs.macs, costs.activation_bytes) == (5 * 6 + 5 * 12, 4 * 5 * (2 + 2 + 3 + 4))


def test_an_old_model_whose_weights_are_no_graph_inputs_is_counted():
    weights = numpy_helper.from_array(np.ones((4, 3), "float32"), "w")
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])]
    outputs = [helper.make_tensor_value_info("z", TensorProto.FLOAT, [2, 3])]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Relu", ["y"], ["z"])]
    graph = helper.make_graph([*nodes, helper.make_node("MatMul", ["z", "v"], ["u"])], "g", inputs, outputs, [weights])
    graph.initializer.append(numpy_helper.from_array(np.ones((3, 5), "float32"), "v"))
    model = helper.make_model(graph, ir_version=3, opset_imports=[helper.make_opsetid("", 8)])
    assert count_model(model, {}, 1).macs == 2 * 4 * 3 + 2 * 3 * 5


# Node by node

ROW = ("name", "op", "kind", "macs", "operations", "read_bytes", "written_bytes", "times")


def rows(model, batch=1):
    return [tuple(getattr(node, part) for part in ROW) for node in count_model(model, {}, batch).nodes]


def test_each_kind_of_work_has_a_column_of_its_own():
    model = graph(
        """a = Conv<pads=[1,1,1,1]>(x, w) b = BatchNormalization(a, s, s, s, s) c = Relu(b)
           d = GlobalAveragePool(c) y = Flatten(d)""",
        "float[N,3,4,4] x, float[2,3,3,3] w, float[2] s",
    )
    assert rows(model) == [
        ("a", "Conv", "matmul", 2 * 16 * 27, 0, 4 * (48 + 54), 128, 1),
        ("b", "BatchNormalization", "normalisation", 0, 32, 128 + 8, 128, 1),
        ("c", "Relu", "activation", 0, 32, 128, 128, 1),
        ("d", "GlobalAveragePool", "reduction", 0, 32, 128, 8, 1),
        ("y", "Flatten", "movement", 0, 0, 8, 8, 1),
    ]


@pytest.mark.parametrize(
    ("body", "peak"),
    [
        ("a = Relu(x) b = Relu(a) y = Relu(b)", 2),
        ("a = Relu(x) b = Relu(a) y = Add(a, b)", 3),
        ("a = Relu(x) b = Relu(a) c = Relu(b) d = Relu(c) y = Add(x, d)", 3),
        ("a = Relu(x) y = Relu(x)", 2),
        ("y = Concat<axis=0>(x, x)", 3),
    ],
    ids=["a chain", "a short cut", "a long one", "a result that nobody reads", "a larger output"],
)
def test_what_is_live_at_once_is_counted_along_the_way(body, peak):
    assert count_model(graph(body, "float[5,5] x"), {}, 1).peak_bytes == 100 * peak


def test_the_memory_of_an_unknown_shape_is_unknown():
    costs = count_model(graph("a = NonZero(x) y = Cast<to=1>(a)", "float[5,5] x"), {}, 1)
    assert (costs.macs, costs.peak_bytes, costs.activation_bytes) == (0, None, None)


def test_a_weight_belongs_to_the_first_node_that_uses_it_through_whatever_is_folded():
    weight = numpy_helper.from_array(np.ones((4, 4), np.float32), "w")
    model = graph("t = Transpose(w) a = MatMul(x, t) b = MatMul(a, w) y = Add(b, k)", "float[2,4] x")
    model.graph.initializer.extend([weight, numpy_helper.from_array(np.ones(4, np.float32), "k")])
    costs = count_model(model, {}, 1)
    assert [(node.name, node.parameters, node.weight_bytes) for node in costs.nodes] == [
        ("a", 16, 64),
        ("b", 0, 0),
        ("y", 4, 16),
    ]
    assert (costs.parameters, costs.weight_bytes) == (20, 80)


def test_a_quantised_model_multiplies_as_often_and_says_which_are_integer():
    quantised = graph(
        """i = QuantizeLinear(x, s, z) j = DequantizeLinear(i, s, z) k = DequantizeLinear(w, s, z)
           a = MatMul(j, k) y = MatMul(a, v)""",
        "float[2,4] x, float s, uint8 z, uint8[4,4] w, float[4,3] v",
    )
    plain = graph("a = MatMul(x, w) y = MatMul(a, v)", "float[2,4] x, float[4,4] w, float[4,3] v")
    ours, theirs = count_model(quantised, {}, 1), count_model(plain, {}, 1)
    assert ours.macs == theirs.macs == 2 * 4 * 4 + 2 * 4 * 3
    assert {node.name: node.integer for node in ours.nodes if node.macs} == {"a": True, "y": False}


# Sizes that the model leaves open

OPEN = "y = MatMul(a, b)", "float[N,seq,4] a, float[4,wide] b"


def at(batch=1, **sizes):
    return onnx_costs.count_model(graph(*OPEN), Sizes(symbols=sizes, batch=batch))


def test_a_symbol_is_filled_wherever_it_stands_and_the_batch_where_nothing_else_does():
    assert (at(2, seq=3, wide=5).macs, at(2, N=7, seq=3, wide=5).macs) == (2 * 3 * 4 * 5, 7 * 3 * 4 * 5)


def test_sizes_that_stay_open_are_named():
    costs = at(seq=3)
    assert (costs.macs, costs.open_sizes) == (None, ("wide",))
    assert at(seq=3, wide=1).open_sizes == ()


def test_an_axis_without_a_name_is_named_by_its_input():
    model = graph("y = Relu(x)", "float[N,?,4] x")
    assert onnx_sizes.symbols(model.graph) == ["N", "x.1"]
    found = onnx_costs.count_model(model, Sizes(symbols={"x.1": 9}))
    assert (found.activation_bytes, found.open_sizes) == (4 * 9 * 4, ())


def test_a_size_that_nothing_leaves_open_is_refused():
    with pytest.raises(ModelError, match=r"a size is given for `sek`, which no input leaves open\n.*`seq`"):
        at(sek=3)


def test_a_name_of_a_body_hides_the_constant_around_it():
    model = graph(
        """trips = Constant<value_int=3>() go = Constant<value=bool {1}>()
           y = Loop(trips, go, x) <body = inner (int64 i, bool c, float[4,4] w) => (bool d, float[4,4] out) {
             d = Identity(c) out = MatMul(w, w)
           }>""",
        "float[4,4] x",
    )
    model.graph.initializer.append(numpy_helper.from_array(np.ones((4, 4), np.float32), "w"))
    costs = count_model(model, {}, 1)
    assert (costs.macs, [(node.op, node.times) for node in costs.nodes if node.macs]) == (3 * 64, [("MatMul", 3)])


@pytest.mark.parametrize(
    ("body", "remarked"),
    [
        ("r = RandomUniform<shape=[1]>() c = Greater(r, t) {}", True),
        ("c = Greater(s, t) {}", False),
        ("r = RandomUniform<shape=[1]>() y = Add(x, r)", False),
    ],
    ids=["drawn", "by the input", "nothing hangs on it"],
)
def test_a_model_whose_cost_is_drawn_by_lot_is_remarked(body, remarked):
    choice = """y = If(c) <then_branch = a () => (float[2] p) { p = Relu(x) },
                           else_branch = b () => (float[2] q) { q = Tanh(x) }>"""
    costs = count_model(graph(body.format(choice), "float[2] x, float[1] s, float[1] t"), {}, 1)
    words = "it draws random numbers (`r`), and what runs in `y` is decided in the run: runs may cost more or less"
    assert [remark.partition(" than ")[0] for remark in costs.remarks] == [words] * remarked


def test_more_operators_than_any_real_model_has_are_refused(monkeypatch):
    monkeypatch.setattr(onnx_scan, "MOST_NODES", 3)
    with pytest.raises(ModelError, match="it has more than 3 operators, the most that are counted"):
        count_model(graph("a = Relu(x) b = Relu(a) c = Relu(b) y = Relu(c)", "float[2] x"), {}, 1)


class OnlyAsked(dict):
    """Names that may be looked up and not gone through: a copy for each body would take the square of the time."""

    def __iter__(self):
        raise AssertionError("gone through")

    keys = items = values = __iter__


def test_what_a_graph_knows_is_not_copied_for_its_bodies():
    choice = "y = If(c) <then_branch = a () => (p) { p = Relu(x) }, else_branch = b () => (q) { q = FusedConv(x, w) }>"
    inner = graph(choice, "float[2] x, bool c, float[2] w").graph
    for _ in range(2):
        del inner.input[0]
    onnx_order.sort(inner, "m", (OnlyAsked(x=1), OnlyAsked(c=1)))
    onnx_twins._replace(inner, ChainMap(OnlyAsked(w=(2,))), 17)


def test_more_inputs_than_any_real_model_has_are_refused(monkeypatch):
    monkeypatch.setattr(onnx_scan, "MOST_FIELDS", 6)
    told = "its operators have more than 6 inputs, outputs, attributes and bodies, the most that are counted"
    with pytest.raises(ModelError, match=told):
        count_model(graph("a = Sum(x, x, x) y = Sum(a, x)", "float[2] x"), {}, 1)


@pytest.mark.parametrize("opset", [13, 15, 18, 21, 24])
def test_the_opset_that_an_exporter_chose_changes_nothing(opset):
    usual = graph(CHAIN, "float[2,3,4,4] x, float[2,3,3,3] w, float[32,5] v", opset=11)
    other = onnx.version_converter.convert_version(usual, opset)
    assert nameless(count_model(other, {}, 1)) == nameless(count_model(usual, {}, 1))
