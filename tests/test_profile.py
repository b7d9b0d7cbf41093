"""Profiles: what ONNX Runtime's profiler says, whose work it was, and what is printed of it."""

import json
import tempfile

import models_made
import numpy as np
import pytest
from onnx import TensorProto, helper, parser

from greengate import profiling
from greengate.cli import run
from greengate.errors import MeasurementError, ModelError
from greengate.models import onnx_profile, onnx_profiling
from greengate.models.onnx import OnnxLoader
from greengate.models.onnx_names import Names
from greengate.ports import ModelSpec, NodeTime, Profile

TEXT = """<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3,8,8] x, float[4,3,3,3] w) => (float[n,s] z)
{ a = Conv(x, w) b = Relu(a) c = Softmax(b) z = Flatten(c) }"""


def named():
    """Conv and Relu with names, a Softmax and a Flatten without; what they write is a, b, c and z."""
    model = parser.parse_model(TEXT)
    for node, name in zip(model.graph.node, ("conv1", "relu1", "", ""), strict=True):
        node.name = name
    return model


@pytest.mark.parametrize(
    ("ran", "op", "node"),
    [
        ("conv1", "Conv", "conv1"),
        ("fused conv1", "FusedConv", "conv1"),
        ("conv1/ConvAddFusion/_token_3", "Conv", "conv1"),
        ("relu1/GeluFusion//MatMulScaleFusion/", "Gelu", "relu1"),
        ("a_nchwc", "Conv", "conv1"),
        ("b_nchwc", "Conv", "conv1"),
        ("b_nhwc", "QLinearConv", "conv1"),
        ("Softmax_2", "Softmax", "c"),
        ("Flatten_3_token_5", "Flatten", "z"),
        ("ReorderOutput", "ReorderOutput", ""),
        ("", "Conv", ""),
    ],
)
def test_what_ran_is_known_by_the_names_that_the_runtime_gives(ran, op, node):
    assert Names(named()).node(ran, op) == node


def test_what_was_fused_of_other_operators_is_named_by_the_part_that_it_is_called_by():
    names = [f"r{at}" for at in range(12)]
    nodes = [helper.make_node("Tanh", [f"t{at}"], [f"t{at + 1}"], name=name) for at, name in enumerate(names)]
    nodes.append(helper.make_node("Mul", ["t12", "t12"], ["y"], name="mul_out"))
    nodes.append(helper.make_node("MatMul", ["y", "y"], ["z"], name="mat"))
    model = helper.make_model(helper.make_graph(nodes, "g", [], []))
    assert Names(model).node("mul_out/GeluFusion/", "Gelu") == "mul_out"
    assert Names(model).node("z", "FusedMatMul") == "mat"
    assert Names(model).node("mul_out/MatMulScaleFusion/", "FusedMatMul") == "mul_out"


def test_nodes_without_names_are_numbered_as_the_runtime_does(tmp_path):
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[200,500] x) => (float[200,500] y) {
        k = Constant<value_float=2.0>() a = Sigmoid(x) m = Mul(a, k) c = Sigmoid(m) y = Tanh(c) }"""
    path = tmp_path / "m.onnx"
    path.write_bytes(parser.parse_model(text).SerializeToString())
    found = {node.name: node.node for node in OnnxLoader().profile(spec(path), 4).nodes}
    assert found == {"Sigmoid_0": "a", "Mul_1": "m", "Sigmoid_2": "c", "Tanh_3": "y"}


def test_a_name_that_two_nodes_share_tells_nothing():
    model = named()
    model.graph.node[1].name = "conv1"
    assert Names(model).node("conv1", "Conv") == ""


def test_nodes_in_branches_are_known():
    model, inner = named(), named()
    inner.graph.node[0].name = "inside"
    chosen = helper.make_node("If", ["c"], ["o"], name="choice", then_branch=inner.graph, else_branch=inner.graph)
    del chosen.attribute[1]
    model.graph.node.append(chosen)
    assert [Names(model).node(name, "Conv") for name in ("inside", "choice")] == ["inside", "choice"]


def event(name, ts, dur, op=None, cat="Node"):
    return {"cat": cat, "name": name, "ts": ts, "dur": dur, "args": {"op_name": op} if op else {}}


def test_only_the_runs_that_were_asked_for_are_summed():
    events = [event("session_initialization", 0, 50, cat="Session")]
    for start in (100, 200, 300):
        events += [
            event("model_run", start, 40, cat="Session"),
            event("a_kernel_time", start + 5, start // 100, "Relu"),
        ]
        events += [event("a_fence_before", start + 5, 9, "Relu"), event("b_kernel_time", start + 20, 2, "Conv")]
    told = onnx_profile.summed(events, 2)
    assert told["run_s"] == pytest.approx(80e-6)
    assert told["rows"] == [["a", "Relu", 2, pytest.approx(5e-6)], ["b", "Conv", 2, pytest.approx(4e-6)]]


def test_a_loop_takes_what_its_body_leaves_of_it():
    events = [event("model_run", 0, 100, cat="Session"), event("loop_kernel_time", 10, 60, "Loop")]
    events += [event("if_kernel_time", 12, 30, "If"), event("add_kernel_time", 15, 20, "Add")]
    events += [event("add_kernel_time", 45, 8, "Add"), event("after_kernel_time", 70, 5, "Add")]
    rows = {name: (calls, seconds) for name, _, calls, seconds in onnx_profile.summed(events, 1)["rows"]}
    expected = {"loop": (1, 60 - 30 - 8), "if": (1, 30 - 20), "add": (2, 28), "after": (1, 5)}
    assert rows == {name: (calls, pytest.approx(micros / 1e6)) for name, (calls, micros) in expected.items()}


def test_more_operators_than_can_be_told_are_told_together(monkeypatch):
    monkeypatch.setattr(onnx_profile, "_MOST_ROWS", 3)
    events = []
    for start in (0, 100):
        events.append(event("model_run", start, 90, cat="Session"))
        events += [event(f"n{at}_kernel_time", start + at, 1, "Add") for at in range(9)]
    rows = onnx_profile.summed(events, 2)["rows"]
    assert [(name, calls) for name, _, calls, _ in rows] == [("n0", 2), ("n1", 2), ("n2", 2), ("", 12)]


def spec(path, **options):
    return ModelSpec(path, path.parent, **options)


@pytest.fixture
def convolved(tmp_path):
    """A convolution of some weight, and little beside it."""
    shapes = {"x": ("n", 8, "side", "side"), "y": ("n", 32, "side", "side")}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"], name="relu1"),
        helper.make_node("Softmax", ["b"], ["y"], name="softmax1", axis=1),
    ]
    ports = {name: models_made.value(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()}
    path = tmp_path / "m.onnx"
    weight = 0.01 * (np.arange(32 * 8 * 9, dtype=np.float32) % 7).reshape(32, 8, 3, 3)
    models_made.written(path, nodes, [ports["x"]], [ports["y"]], [("w", weight)])
    return path


def test_a_model_is_profiled_by_its_own_nodes_and_leaves_nothing_behind(convolved, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    found = OnnxLoader().profile(spec(convolved, sizes={"side": 48}), 3)
    assert list(temporary.iterdir()) == []
    by_node = {node.node: node for node in found.nodes}
    assert {"conv1", "softmax1"} <= set(by_node)
    assert by_node["conv1"].calls == 1
    assert 2 <= found.runs <= 200
    assert sum(node.seconds for node in found.nodes) <= found.watched_s
    assert found.runtime["onnxruntime"]


def test_sizes_are_those_that_were_asked_for(convolved):
    def convolution_s(side):
        found = OnnxLoader().profile(spec(convolved, sizes={"side": side}), 3)
        return next(node.seconds for node in found.nodes if node.node == "conv1")

    assert convolution_s(96) > 3 * convolution_s(12)  # 64 times the work


def test_runs_are_as_many_as_their_time_and_their_operators_allow():
    assert [onnx_profiling._runs(*case) for case in ((0.1, 3), (1e-9, 3), (30.0, 3), (1e-9, 10**9), (0.01, 4000))] == [
        10, 200, 2, 2, 10,
    ]  # fmt: skip


def test_a_profile_that_is_too_large_is_told(convolved, monkeypatch):
    monkeypatch.setattr(onnx_profiling, "_FILE_BYTES", 4096)
    with pytest.raises(ModelError, match="its profile is larger than may be written"):
        OnnxLoader().profile(spec(convolved, sizes={"side": 8}), 3)


@pytest.mark.parametrize(
    "fields",
    [{"rows": [["a", "b", 1]], "run_s": 1.0}, {"rows": [[1, "b", 1, 1]], "run_s": 1.0}, {"rows": []}, {"rows": 3}],
)
def test_what_the_child_says_is_checked(convolved, monkeypatch, fields):
    asked = onnx_profiling.Hosted.ask

    def ask(self, command, *words, **more):
        return fields if command == "profile" else asked(self, command, *words, **more)

    monkeypatch.setattr(onnx_profiling.Hosted, "ask", ask)
    with pytest.raises(ModelError, match="profiling the model"):
        OnnxLoader().profile(spec(convolved, sizes={"side": 8}), 3)


@pytest.mark.parametrize("answer", [{}, {"nodes": []}, {"nodes": 3}, []])
def test_what_the_child_says_that_names_operators_is_checked(convolved, monkeypatch, answer):
    monkeypatch.setattr(onnx_profiling, "limited", lambda *_, **__: answer)
    with pytest.raises(ModelError, match="answered garbage while profiling the model"):
        OnnxLoader().profile(spec(convolved, sizes={"side": 8}), 3)


def profile(*nodes, **more):
    times = tuple(NodeTime(name, op, name, 1.0, seconds) for name, op, seconds in nodes)
    return Profile(**{"runs": 9, "run_s": 0.004, "cpu_s": 0.004, "watched_s": 0.005, "nodes": times, **more})


def test_shares_are_of_the_operators_time_and_so_is_the_energy():
    one = profiling.Profiled(profile(("a", "Conv", 0.003), ("b", "Relu", 0.001)), 0.02, "watts")
    assert [(each.op, each.nodes, each.seconds) for each in one.by_operator()] == [
        ("Conv", 1, 0.003),
        ("Relu", 1, 0.001),
    ]
    assert one.share(0.003) == pytest.approx(0.75)
    assert one.joules_of(0.003) == pytest.approx(0.015)
    assert one.by_node() == {"a": 0.003, "b": 0.001}


def test_where_no_watts_are_known_there_is_no_energy_and_it_says_why(convolved, monkeypatch, capsys):
    def unknown(_):
        raise MeasurementError("runner", "no watts are known for this one", "declare them")

    monkeypatch.setattr(profiling, "watts_of", unknown)
    assert run(["cost", str(convolved), "--at", "side=8", "--profile"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "There is no energy: no watts are known for this one." in told


def test_cost_lays_time_and_energy_beside_the_counts(convolved, monkeypatch, capsys):
    took = profile(("conv1", "FusedConv", 0.003), ("softmax1", "Softmax", 0.001), runtime={"onnxruntime": "1.30"})
    monkeypatch.setattr(profiling, "profiled", lambda *_: profiling.Profiled(took, 0.01, "W"))
    assert run(["cost", str(convolved), "--at", "side=8", "--profile", "--nodes"]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()]
    assert ["FusedConv", "1", "3", "ms", "75.0%", "7.5", "J"] in rows
    macs = 32 * 8 * 8 * 8 * 9
    assert ["conv1", "Conv", "3", "ms", "75.0%", "7.5", "J", str(macs), f"{macs / 0.003 / 1e6:.4g}", "M"] in rows
    assert (
        "9 runs under the profiler of onnxruntime 1.30, on one thread: 4 ms a run without it, 5 ms with it"
        in " ".join(out.split())
    )
    assert "shares are too large" not in out


def test_a_profiler_that_distorts_what_it_shows_says_so(convolved, monkeypatch, capsys):
    slow = profile(("conv1", "FusedConv", 0.003), watched_s=0.009)
    monkeypatch.setattr(profiling, "profiled", lambda *_: profiling.Profiled(slow, None, "?"))
    assert run(["cost", str(convolved), "--at", "side=8", "--profile"]) == 0
    assert "their shares are too large" in " ".join(capsys.readouterr().out.split())


def test_diff_lays_the_times_of_both_beside_one_another(convolved, monkeypatch, capsys):
    sides = [
        profile(("conv1", "FusedConv", 0.003), ("softmax1", "Softmax", 0.001)),
        profile(("conv1", "FusedConv", 0.005), run_s=0.006),
    ]
    waiting = iter(sides)
    monkeypatch.setattr(profiling, "profiled", lambda *_: profiling.Profiled(next(waiting), 0.01, "W"))
    assert run(["diff", str(convolved), str(convolved), "--at", "side=8", "--profile"]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()]
    assert "a run without the profiler: 4 ms -> 6 ms (+50.0%), measured once" in out
    assert ["FusedConv", "1", "3", "ms", "5", "ms", "+2", "ms", "100.0%", "10", "J"] in rows
    assert ["Softmax", "1", "->", "0", "1", "ms", "-1", "ms", "0.0%", "0", "J"] in rows
    assert ["conv1", "Conv", "5", "ms", "+2", "ms", "100.0%", "10", "J"] in rows


def test_profiles_are_in_the_json(convolved, capsys):
    assert run(["cost", str(convolved), "--at", "side=24", "--profile", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["profile"]
    assert sum(node["share"] for node in told["nodes"]) == pytest.approx(1)
    assert "conv1" in [node["node"] for node in told["nodes"]]
    assert run(["diff", str(convolved), str(convolved), "--at", "side=24", "--profile", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["profiles"]) == {"baseline", "candidate"}


def test_a_loop_is_profiled_by_as_many_runs_as_its_trips_allow(tmp_path, monkeypatch, capsys):
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[2] x) => (float[2] y) {
        t = Constant<value_int=3000>()
        y = Loop(t, , x) <body = b (int64 i, bool k, float[2] v) => (bool kk, float[2] w) {
            kk = Identity(k) w = Tanh(v) }> }"""
    path = tmp_path / "m.onnx"
    path.write_bytes(parser.parse_model(text).SerializeToString())
    monkeypatch.setattr(onnx_profiling, "_FILE_BYTES", 2**25)
    assert run(["cost", str(path), "--profile"]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("Tanh")] == ["1", "1"]


def test_what_the_machine_cannot_keep_a_model_from_is_told(convolved, monkeypatch, capsys):
    free = profile(("conv1", "Conv", 0.003), degraded=("no Landlock on this kernel",))
    monkeypatch.setattr(profiling, "profiled", lambda *_: profiling.Profiled(free, None, "?"))
    assert run(["cost", str(convolved), "--at", "side=8", "--profile"]) == 0
    assert "note: no Landlock on this kernel" in capsys.readouterr().out


def test_without_a_temporary_folder_there_is_no_profile(convolved, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert run(["cost", str(convolved), "--at", "side=8", "--profile"]) == 4
    assert "there is no temporary folder to write a profile to" in capsys.readouterr().err


def test_open_sizes_are_asked_for_before_anything_runs(convolved, capsys):
    assert run(["cost", str(convolved), "--profile"]) == 2
    told = capsys.readouterr().err
    assert "m.onnx cannot be run while sizes are open: side" in told
    assert "give them with `--at side=…`" in told


def test_weights_that_are_not_there_cannot_be_run(tmp_path, capsys):
    path = models_made.dense_with_external_data(tmp_path / "m.onnx")
    for file in tmp_path.iterdir():
        if file != path:
            file.unlink()
    assert run(["cost", str(path), "--profile"]) == 4
    assert "is missing" in capsys.readouterr().err


def test_programs_are_not_profiled_and_are_not_even_loaded_for_it(tmp_path, capsys):
    (tmp_path / "m.pt2").write_bytes(b"no program")
    assert run(["cost", str(tmp_path / "m.pt2"), "--trust", "--profile"]) == 2
    assert "m.pt2 cannot be profiled, only ONNX models can" in capsys.readouterr().err


def test_a_loader_without_a_profiler_is_refused_by_the_library_too(tmp_path):
    with pytest.raises(ModelError, match="its runtime has no profiler"):
        profiling.profiled(tmp_path / "m.pt2", {}, 1)
