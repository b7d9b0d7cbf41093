"""What exported programs cost: by hand, by fvcore, by torch's own counter and as ONNX alike, and without running."""

import io
import json
import warnings

import numpy as np
import pytest
from onnx import numpy_helper, parser

from greengate.costing import by_operator
from greengate.errors import ModelError
from greengate.models import costs_answer
from greengate.models.onnx_costs import count_model
from greengate.models.onnx_sizes import Sizes

with warnings.catch_warnings(action="ignore"):  # the child in which torch runs leaves all of them unheard too
    torch = pytest.importorskip("torch")
    pytest.importorskip("fvcore.nn")
    from networks_made import Decoder, Idle, Kept, Quantised, Steered
    from programs_made import Of
    from torch import nn
    from torch.ao.quantization.fx import _decomposed  # noqa: F401 - it brings the operators of quantised programs
    from torch.export import Dim
    from torch.nn import functional

    from greengate.models import torch_crosscheck, torch_rows, torch_session, torch_trace
    from greengate.models.torch_cuda import OnCpu

pytestmark = pytest.mark.filterwarnings("ignore")
ATEN = torch.ops.aten
OPTIONS = {"npz": None, "shapes": {}, "sizes": {}, "ranges": {}, "seed": 0, "batch": 1}
LLAMA = 128 * (8192 * (2 * 8192 + 2 * 1024) + 3 * 8192 * 28672) + 64 * 128 * 128 * 2 * 128
HEAD = 128 * 8192 * 128256


def r(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def empty(*shape):
    return torch.empty(shape, device="meta")


def program(module, *inputs, dynamic=None):
    with torch.no_grad():
        exported = torch.export.export(module.eval(), inputs, dynamic_shapes=dynamic and (dynamic,))
    archive = io.BytesIO()
    torch.export.save(exported, archive)
    return archive


def counted(archive, **options):
    archive.seek(0)
    answer = torch_session._counted(archive, {**OPTIONS, **options}, OnCpu())
    costs = costs_answer.read(json.loads(json.dumps(answer)))
    assert sum(node.parameters for node in costs.nodes) == costs.parameters
    if costs.macs is not None:
        assert sum(node.macs for node in costs.nodes) == costs.macs
        assert sum(node.written_bytes for node in costs.nodes) == costs.activation_bytes
    return costs


def costs_of(module, *inputs, dynamic=None, **options):
    return counted(program(module, *inputs, dynamic=dynamic), **options)


TWINS = {
    "convolutions": (
        Of(
            lambda conv, norm, dense, x: dense(functional.max_pool2d(norm(conv(x)).relu(), 2).flatten(1)),
            nn.Conv2d(4, 6, 3, padding=1, groups=2),
            nn.BatchNorm2d(6),
            nn.Linear(96, 5),
        ),
        (2, 4, 8, 8),
        """a = Conv<pads = [1, 1, 1, 1], group = 2>(x, w1, b1) b = BatchNormalization(a, w2, b2, mean, var) c = Relu(b)
        d = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(c) e = Flatten(d) y = Gemm<transB = 1>(e, w3, b3)""",
        {"w1": (6, 2, 3, 3), "b1": (6,), "w2": (6,), "b2": (6,), "mean": (6,), "var": (6,), "w3": (5, 96), "b3": (5,)},
    ),
    "encoder layer": (
        nn.TransformerEncoderLayer(12, 3, 20, batch_first=True),
        (2, 5, 12),
        """p = MatMul(x, w1) p1 = Add(p, b1) q, k, v = Split<axis = -1, num_outputs = 3>(p1)
        h = Attention<q_num_heads = 3, kv_num_heads = 3>(q, k, v) o = MatMul(h, w2) o1 = Add(o, b2) s = Add(x, o1)
        n = LayerNormalization(s, g1, c1) i = MatMul(n, w3) i1 = Add(i, b3) i2 = Relu(i1) j = MatMul(i2, w4)
        j1 = Add(j, b4) t = Add(n, j1) y = LayerNormalization(t, g2, c2)""",
        {"w1": (12, 36), "b1": (36,), "w2": (12, 12), "w3": (12, 20), "b3": (20,), "w4": (20, 12)}
        | dict.fromkeys(("b2", "b4", "g1", "c1", "g2", "c2"), (12,)),
    ),
    "LSTM": (
        Of(lambda lstm, x: lstm(x)[0], nn.LSTM(6, 7)),
        (4, 2, 6),
        "y, = LSTM<hidden_size = 7>(x, w, r, b)",
        {"w": (1, 28, 6), "r": (1, 28, 7), "b": (1, 56)},
    ),
    "GRU in both directions": (
        Of(lambda gru, x: gru(x)[0], nn.GRU(6, 7, bidirectional=True)),
        (4, 2, 6),
        'y, = GRU<hidden_size = 7, direction = "bidirectional", linear_before_reset = 1>(x, w, r, b)',
        {"w": (2, 21, 6), "r": (2, 21, 7), "b": (2, 42)},
    ),
}


def twin(shape, text, weights):
    declared = ", ".join(map(str, shape))
    model = parser.parse_model(
        f'<ir_version: 10, opset_import: ["" : 23]> m (float[{declared}] x) => (float[] y) {{ {text} }}'
    )
    model.graph.initializer.extend(
        numpy_helper.from_array(np.ones(size, "float32"), name) for name, size in weights.items()
    )
    return count_model(model, Sizes())


@pytest.mark.parametrize(("module", "shape", "text", "weights"), TWINS.values(), ids=TWINS)
def test_a_program_and_its_onnx_twin_have_the_same_figures(module, shape, text, weights):
    torch_costs, onnx_costs = costs_of(module, r(*shape)), twin(shape, text, weights)
    for figure in ("macs", "parameters", "weight_bytes", "by_dtype", "statistics", "convention", "uncovered"):
        assert getattr(torch_costs, figure) == getattr(onnx_costs, figure), figure
    assert torch_costs.remarks == ()


@pytest.mark.parametrize("batch", [1, 3, 6])
def test_a_batch_that_is_open_is_counted_at_any_size_as_in_onnx(batch):
    layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    weights = {"w": (4, 8), "v": (8, 2), "b": (8,), "c": (2,)}
    text = "a = MatMul(x, w) b1 = Add(a, b) d = Relu(b1) e = MatMul(d, v) y = Add(e, c)"
    costs = costs_of(layers, r(5, 4), dynamic={0: Dim("n")}, batch=batch)
    other = twin((batch, 4), text, weights)
    assert (costs.macs, costs.parameters) == (other.macs, other.parameters) == (batch * 48, 58)


def test_every_operator_has_a_row_and_weights_are_with_their_first_user():
    layers = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3, bias=False))
    costs = costs_of(layers, r(1, 1, 4, 4))
    rows = [
        (n.name, n.op, n.kind, n.macs, n.operations, n.read_bytes, n.written_bytes, n.parameters) for n in costs.nodes
    ]
    assert rows == [
        ("0", "conv2d", "matmul", 72, 0, 4 * (16 + 20), 32, 20),
        ("1", "batch_norm", "normalisation", 0, 8, 4 * (8 + 8), 32, 4),
        ("2", "relu", "activation", 0, 8, 32, 32, 0),
        ("3", "flatten", "movement", 0, 0, 32, 32, 0),
        ("4", "linear", "matmul", 24, 0, 4 * (8 + 24), 12, 24),
    ]
    assert (costs.by_dtype, costs.statistics, costs.constants) == ({"FLOAT": 48}, 4, 1)
    assert (costs.weight_bytes, costs.activation_bytes, costs.peak_bytes) == (192, 140, 96)


def test_operators_of_one_module_are_numbered_so_that_names_are_unique():
    block = Of(lambda layer, x: layer(x).relu() + layer(x).relu(), nn.Linear(4, 4))
    names = [node.name for node in costs_of(block, r(2, 4)).nodes]
    assert names == ["layers.0/linear", "relu", "layers.0/linear_1", "relu_1", "add"]


def test_a_module_that_is_called_like_an_operator_keeps_names_apart():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.Linear(4, 4)

        def forward(self, x):
            return self.relu(x).relu().relu()

    assert [node.name for node in costs_of(Net(), r(2, 4)).nodes] == ["relu", "relu_1", "relu_2"]


def test_a_quantised_program_says_which_products_are_of_integers():
    costs = costs_of(Quantised(), r(3, 8))
    assert [(node.op, node.macs, node.integer) for node in costs.nodes if node.macs] == [
        ("linear", 120, True),
        ("linear", 30, False),
    ]
    assert costs.by_dtype == {"INT8": 40, "INT32": 5, "FLOAT": 12}
    assert costs.constants == 10


def test_what_nothing_uses_and_scalars_are_no_parameters():
    costs = costs_of(Idle(), r(2, 4))
    assert (costs.parameters, costs.constants) == (20, 57)
    assert costs.remarks == ("56 elements of parameters are used by no operator and not counted",)


def heads(*, turned=False, keys=4):
    query, key, value = empty(2, 4, 8, 16), empty(2, keys, 6, 16), empty(2, keys, 6, 12)
    return [part.transpose(1, 2) for part in (query, key, value)] if turned else [query, key, value]


ATTENTIONS = {
    "scaled_dot_product_attention": (functional.scaled_dot_product_attention, {}),
    "grouped": (lambda q, k, v: ATEN.scaled_dot_product_attention(q, k, v, enable_gqa=True), {"keys": 2}),
    "causal": (lambda q, k, v: ATEN.scaled_dot_product_attention(q, k, v, is_causal=True), {}),
    "math": (lambda q, k, v: ATEN._scaled_dot_product_attention_math(q, k, v)[0], {}),
    "math on a Mac": (lambda q, k, v: ATEN._scaled_dot_product_attention_math_for_mps(q, k, v)[0], {}),
    "flash on the CPU": (lambda q, k, v: ATEN._scaled_dot_product_flash_attention_for_cpu(q, k, v)[0], {}),
    "flash": (lambda q, k, v: ATEN._scaled_dot_product_flash_attention(q, k, v)[0], {}),
    "efficient": (lambda q, k, v: ATEN._scaled_dot_product_efficient_attention(q, k, v, None, False)[0], {}),
    "cuDNN": (lambda q, k, v: ATEN._scaled_dot_product_cudnn_attention(q, k, v, None, False)[0], {}),
    "inner flash": (
        lambda q, k, v: ATEN._flash_attention_forward(q, k, v, None, None, 8, 6, 0.0, False, False)[0],
        {"turned": True},
    ),
    "inner efficient": (
        lambda q, k, v: ATEN._efficient_attention_forward(q, k, v, None, None, None, None, None, 0.0, 0)[0],
        {"turned": True},
    ),
}


@pytest.mark.parametrize(("attention", "options"), ATTENTIONS.values(), ids=ATTENTIONS)
def test_attention_is_its_whole_score_matrix_by_whatever_kernel(attention, options):
    costs = costs_of(Of(attention), *heads(**options))
    assert (costs.macs, costs.remarks, costs.uncovered) == (2 * 4 * 8 * 6 * (16 + 12), (), ())


def test_packed_sequences_are_named_and_not_guessed():
    lengths = torch.tensor([0, 3, 8], dtype=torch.int32, device="meta")
    attention = Of(lambda q, k, v, n: ATEN._flash_attention_forward(q, k, v, n, n, 5, 5, 0.0, False, False)[0])
    costs = costs_of(attention, empty(8, 4, 16), empty(8, 4, 16), empty(8, 4, 16), lengths)
    why = "aten::_flash_attention_forward: shapes do not tell how long its packed sequences are"
    assert (costs.macs, costs.uncovered, costs.nodes[0].macs) == (None, (why,), None)


def attention(keys):
    return Of(lambda mha, x: mha(x, x[:, :keys], x[:, :keys])[0], nn.MultiheadAttention(16, 4, batch_first=True))


FAST = {
    "attention": (lambda: attention(5), 11840),
    "attention to fewer": (lambda: attention(3), 2 * (5 * 512 + 3 * 512) + 2 * 5 * 3 * 32),
    "encoder layer": (lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 11840 + 10 * 2 * 16 * 32),
}
RECURRENT = {
    "LSTM": (lambda: nn.LSTM(6, 7, 2, bidirectional=True), 4 * 2 * 2 * (28 * (6 + 7) + 28 * (14 + 7))),
    "projected": (lambda: nn.LSTM(6, 7, proj_size=3), 4 * 2 * (28 * (6 + 3) + 7 * 3)),
    "GRU": (lambda: nn.GRU(6, 7), 4 * 2 * 21 * (6 + 7)),
    "RNN": (lambda: nn.RNN(6, 7, nonlinearity="relu"), 4 * 2 * 7 * (6 + 7)),
}


def both_counts(module, inputs):
    with torch.no_grad():
        traced, checked = torch_trace.traced(module, [inputs]), torch_crosscheck.counted(module, [inputs])
    return traced.macs, checked.macs, traced.gaps


@pytest.mark.parametrize(("made", "macs"), FAST.values(), ids=FAST)
def test_the_fast_path_of_attention_costs_what_its_parts_do(made, macs):
    assert both_counts(made().eval(), r(2, 5, 16)) == (macs, macs, ())
    assert both_counts(made().eval().to("meta"), empty(2, 5, 16)) == (macs, macs, ())


@pytest.mark.parametrize(("made", "macs"), RECURRENT.values(), ids=RECURRENT)
def test_a_recurrent_layer_runs_all_its_steps_in_a_program_and_in_a_module(made, macs):
    module = Of(lambda layer, x: layer(x)[0], made())
    assert costs_of(module, r(4, 2, 6)).macs == macs
    assert both_counts(module, r(4, 2, 6)) == (macs, macs, ())
    assert both_counts(module.to("meta"), empty(4, 2, 6)) == (macs, macs, ())


def test_cells_cost_one_step():
    cells = Of(lambda a, b, c, x: c(b(a(x)[0])), nn.LSTMCell(4, 5), nn.GRUCell(5, 6), nn.RNNCell(6, 3))
    assert costs_of(cells, r(2, 4)).macs == 2 * (20 * (4 + 5) + 18 * (5 + 6) + 3 * (6 + 3))


def test_nothing_is_run_to_be_counted():
    module = Of(lambda conv, lstm, x: lstm(conv(x).flatten(2))[0], nn.Conv2d(3, 4, 3), nn.LSTM(36, 5))
    costs = costs_of(module.to("meta"), empty(2, 3, 8, 8))
    assert (costs.macs, costs.remarks) == (2 * 4 * 36 * 27 + 2 * 4 * 20 * (36 + 5), ())


def test_a_buffer_that_steers_shapes_is_read():
    costs = costs_of(Steered(), r(5, 4))
    assert (costs.macs, costs.remarks) == (3 * 4 * 5, ())


def test_what_is_computed_for_a_buffer_alone_is_counted():
    assert costs_of(Kept(), r(2, 4)).macs == 2 * 4 * 4


def test_autocast_and_switched_off_gradients_are_seen_through():
    def work(first, second, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return second(first(x).relu())

    costs = costs_of(Of(work, nn.Linear(8, 8), nn.Linear(8, 4)), r(3, 8))
    assert (costs.macs, costs.remarks) == (3 * (64 + 32), ())
    assert [node.name for node in costs.nodes][-1] == "layers.1"


def test_a_program_whose_shapes_depend_on_its_inputs_is_run_and_that_is_said():
    costs = costs_of(Of(lambda layer, x: layer(x[x[:, 0] > -99]), nn.Linear(4, 3)), r(5, 4))
    (remark,) = costs.remarks
    assert (costs.macs, costs.activation_bytes) == (5 * 4 * 3, 4 * 5 + 5 + 4 * 5 * 4 + 4 * 5 * 3)
    assert remark == (
        "counted in a run, since shapes alone do not tell what it costs: "
        "the sizes of what aten.index.Tensor returns are known in a run alone"
    )


def test_two_counters_that_disagree_are_both_shown_and_fvcore_has_the_say(monkeypatch):
    monkeypatch.setitem(torch_crosscheck._FORMULAS, "mv", lambda *_: 7)
    costs = costs_of(Of(lambda x, y: x @ y), r(3, 5), r(5))
    told = "fvcore counts 15 MACs and torch's own counter 7: they differ at `matmul` (15 and 7)"
    assert (costs.macs, costs.remarks) == (15, (told,))


def test_a_counter_that_fails_is_shown(monkeypatch):
    def broken(*_):
        raise AssertionError("no such shapes\nand more")

    monkeypatch.setitem(torch_crosscheck._FORMULAS, "mv", broken)
    costs = costs_of(Of(lambda x, y: x @ y), r(3, 5), r(5))
    assert (costs.macs, costs.remarks) == (15, ("torch's own counter could not check this count: no such shapes",))


@pytest.fixture(scope="module")
def text():
    """Two inputs with one open size for the second axis; the leading one of the second is twice that of the first."""
    rows = Dim("rows", max=64)
    dynamic = ({0: rows, 1: Dim("length")}, {0: 2 * rows, 1: Dim("length")})
    work = Of(lambda layer, x, y: layer(torch.cat([x, y])), nn.Linear(3, 5, bias=False))
    return program(work, r(4, 6, 3), r(8, 6, 3), dynamic=dynamic)


def test_open_axes_are_filled_by_their_names_and_leading_ones_by_the_batch(text):
    assert counted(text, sizes={"tensors_0.1": 7}).macs == 3 * 7 * 15
    assert counted(text, sizes={"tensors_1.1": 7, "batch": 2}, batch=2).macs == 6 * 7 * 15
    assert counted(text, sizes={"tensors_0.1": 7, "tensors_1.0": 10}).macs == 15 * 7 * 15
    assert counted(text, shapes={"tensors_1": (6, 2, 3)}).macs == 9 * 2 * 15


def test_an_axis_that_stays_open_is_asked_for(text):
    costs = counted(text)
    assert (costs.macs, costs.parameters, costs.open_sizes) == (None, 15, ("tensors_0.1",))
    assert costs.uncovered == ("dimension 1 of `tensors_0` is open", "dimension 1 of `tensors_1` is open")
    assert [(node.op, node.macs) for node in costs.nodes] == [("cat", 0), ("linear", None)]


def test_the_names_of_torch_itself_fill_sizes_too(text):
    text.seek(0)
    symbols = {str(symbol) for symbol in torch.export.load(text).range_constraints if symbol.is_Symbol}
    assert len(symbols) == 2
    assert counted(text, sizes=dict.fromkeys(symbols, 4)).macs == 12 * 4 * 15


WRONG = {
    "unknown": ({"sizes": {"tensors_0.7": 1}}, "a size is given for `tensors_0.7`, which no input leaves open"),
    "no input": ({"shapes": {"x": (1, 2)}}, "a shape is declared for `x`, but the model has no such input"),
    "another rank": (
        {"shapes": {"tensors_0": (1, 2)}},
        "input `tensors_0` has 3 dimensions, but its declared shape has 2",
    ),
    "fixed": (
        {"shapes": {"tensors_0": (1, 2, 4)}},
        "dimension 2 of input `tensors_0` is 3 in the model, but declared as 4",
    ),
    "too large": (
        {"sizes": {"tensors_0.1": 2}, "batch": 65},
        "dimension 0 of input `tensors_0` is 65, and the model was exported for 0 to 64",
    ),
    "odd": ({"sizes": {"tensors_1.0": 5}}, "dimension 0 of input `tensors_1` is 2*"),
    "beyond all machines": ({"sizes": {"tensors_0.1": 2**61}}, "its costs at these sizes are beyond 2^63"),
}


@pytest.mark.parametrize(("options", "told"), WRONG.values(), ids=WRONG)
def test_sizes_that_do_not_fit_are_refused(options, told, text):
    with pytest.raises(ModelError) as caught:
        counted(text, **options)
    assert caught.value.problem.startswith(told)


def test_a_decoder_of_70_billion_parameters_is_counted_to_the_digit():
    with torch.device("meta"):
        decoder, tokens = Decoder(80), torch.zeros(1, 128, dtype=torch.long)
    traced, checked = torch_trace.traced(decoder, [tokens]), torch_crosscheck.counted(decoder, [tokens])
    assert (traced.macs, traced.gaps) == (80 * LLAMA + HEAD, ()) == (8_917_694_283_776, ())
    assert checked.macs == traced.macs


def test_a_program_of_that_shape_with_fewer_layers_is_counted_alike():
    with torch.device("meta"):
        decoder, tokens = Decoder(2), torch.zeros(1, 128, dtype=torch.long)
    costs = costs_of(decoder, tokens)
    assert (costs.macs, costs.remarks) == (2 * LLAMA + HEAD, ())
    layer = 8192 * (2 * 8192 + 2 * 1024) + 3 * 8192 * 28672 + 2 * 8192
    assert costs.parameters == 2 * layer + 8192 + 2 * 8192 * 128256
    assert [(each.op, each.nodes) for each in by_operator(costs.nodes)[:2]] == [
        ("linear", 15),
        ("scaled_dot_product_attention", 2),
    ]


def test_more_rows_than_travel_are_summed_up_by_operator():
    work = Of(lambda first, second, x: (second(first(x).relu()).relu() + 1).relu(), nn.Linear(4, 4), nn.Linear(4, 4))
    whole = costs_of(work, r(2, 4))
    few = torch_rows.merged(whole.nodes, 4)
    assert [(row.name, row.op, row.macs, row.times) for row in few] == [
        ("layers.0", "linear", 32, 1),
        ("and 3 more", "relu", 0, 3),
        ("and 1 more", "linear", 32, 1),
        ("and 1 more", "add", 0, 1),
    ]
    for figure in ("written_bytes", "parameters", "operations"):
        assert sum(getattr(row, figure) for row in few) == sum(getattr(row, figure) for row in whole.nodes)


ROW = ["conv", "conv2d", "", "matmul", 1, False, 0, 2, 3, 4, 16, 1]
FIGURES = ("macs", "parameters", "weight_bytes", "activation_bytes", "peak_bytes", "statistics", "constants")
WORDS = ("uncovered", "open_sizes", "remarks")
ANSWER = dict.fromkeys(FIGURES, 1) | {word: [] for word in WORDS} | {"by_dtype": {"FLOAT": 4}, "nodes": [ROW]}
HOSTILE = {
    "a field is missing": {"macs": ...},
    "negative": {"parameters": -1},
    "a fraction": {"weight_bytes": 1.5},
    "beyond 2^63": {"macs": 10**400},
    "a truth": {"statistics": True},
    "no list": {"remarks": "x"},
    "too many words": {"uncovered": ["x"] * 1000},
    "too many rows": {"nodes": [ROW] * 10_001},
    "a short row": {"nodes": [ROW[:-1]]},
    "a kind of its own": {"nodes": [[*ROW[:3], "magic", *ROW[4:]]]},
    "a kind that is a list": {"nodes": [[*ROW[:3], [], *ROW[4:]]]},
    "an unknown weight": {"nodes": [[*ROW[:9], None, 16, 1]]},
    "types that are a list": {"by_dtype": ["FLOAT"]},
    "a count that is a word": {"by_dtype": {"FLOAT": "4"}},
}


def test_an_answer_is_read_as_it_is_meant():
    costs = costs_answer.read(ANSWER)
    assert (costs.macs, costs.nodes[0].name, costs.nodes[0].macs, costs.nodes[0].times) == (1, "conv", 1, 1)
    name = costs_answer.read({**ANSWER, "nodes": [["\x1b[31m" + "x" * 9999, *ROW[1:]]]}).nodes[0].name
    assert name.isprintable()
    assert len(name) <= costs_answer.NAME + 1


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_an_answer_that_cannot_be_is_refused(change):
    answer = {name: value for name, value in {**ANSWER, **change}.items() if value is not ...}
    with pytest.raises((KeyError, TypeError, ValueError)):
        costs_answer.read(answer)
