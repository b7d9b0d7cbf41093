"""`greengate cost`: what it prints, at which sizes, and what it says of what cannot be counted."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from greengate import registry
from greengate.cli import run
from greengate.models.onnx import OnnxLoader

TEXT = """<ir_version: 8, opset_import: ["" : 17, "odd" : 1]>
tiny (float[batch,seq,16] x) => (float[batch,seq,16] y)
{{ a = MatMul(x, w) b = {middle}(a) c = MatMul(b, v) y = Add(c, x) }}"""


def saved(path, middle="Relu"):
    model = parser.parse_model(TEXT.format(middle=middle))
    weights = {"w": (16, 64), "v": (64, 16)}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in weights.items()
    )
    onnx.save(model, path)
    return str(path)


def cost(capsys, *words):
    code = run(["cost", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def lines(out, *names):
    found = {line[:20].strip(): line[20:].split() for line in out.splitlines()}
    return [found[name] for name in names]


def test_a_model_is_counted_at_each_of_the_sizes_that_are_asked_for(tmp_path, capsys):
    code, out, _ = cost(capsys, saved(tmp_path / "m.onnx"), "--at", "seq=8", "--at", "batch=4,seq=8")
    assert code == 0
    assert out.startswith("m.onnx, macs-matmul-v1: FLOPs are twice the MACs\n")
    assert lines(out, "MACs", "FLOPs", "parameters", "weights", "operators counted") == [
        ["16384", "65536"],
        ["32768", "131072"],
        ["2048", "2048"],
        ["8", "KiB", "8", "KiB"],
        ["4", "of", "4", "4", "of", "4"],
    ]
    assert lines(out, "MatMul", "Relu") == [
        ["2", "16384", "100.0%", "0", "2048", "13", "KiB"],
        ["1", "0", "512", "0", "4", "KiB"],
    ]


def test_sizes_that_are_open_are_asked_for(tmp_path, capsys):
    code, out, _ = cost(capsys, saved(tmp_path / "m.onnx"))
    assert code == 3
    assert lines(out, "MACs", "operators counted") == [["?"], ["2", "of", "4"]]
    assert "not all of it could be counted, so that there is no sum\n" in out
    assert "open sizes   seq: give them with `--at seq=…`" in out


def test_an_operator_without_a_formula_is_named_and_there_is_no_sum(tmp_path, capsys):
    code, out, _ = cost(capsys, saved(tmp_path / "m.onnx", "odd.Twist"), "--at", "seq=8")
    assert code == 3
    assert "Twist `b` (odd): no formula is known for this operator" in out
    assert lines(out, "MACs") == [["?"]]


def test_nodes_are_listed_one_by_one_the_dearest_first(tmp_path, capsys):
    _, out, _ = cost(capsys, saved(tmp_path / "m.onnx"), "--at", "seq=8", "--nodes", "--top", "2")
    assert lines(out.partition("\nnode ")[2], "a", "c", "and 2 more") == [
        ["MatMul", "8192", "50.0%", "1024", "2", "KiB"],
        ["MatMul", "8192", "50.0%", "1024", "512", "B"],
        [],
    ]


def test_json_holds_every_node_and_what_stands_apart(tmp_path, capsys):
    _, out, _ = cost(capsys, saved(tmp_path / "m.onnx"), "--at", "batch=2,seq=8", "--json")
    told = json.loads(out)
    (one,) = told["at"]
    assert (told["convention"], one["sizes"]) == ("macs-matmul-v1", {"batch": 2, "seq": 8})
    assert {name: one[name] for name in ("macs", "flops", "parameters_by_dtype", "statistics", "open_sizes")} == {
        "macs": 32768, "flops": 65536, "parameters_by_dtype": {"FLOAT": 2048}, "statistics": 0, "open_sizes": [],
    }  # fmt: skip
    assert [(node["name"], node["op"], node["macs"]) for node in one["nodes"]] == [
        ("a", "MatMul", 16384), ("b", "Relu", 0), ("c", "MatMul", 16384), ("y", "Add", 0),
    ]  # fmt: skip


def test_weights_that_are_not_there_are_counted(tmp_path, capsys):
    weight = TensorProto(name="w", data_type=1, dims=[4096, 8192], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="nowhere.bin")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    ports = [helper.make_tensor_value_info(name, 1, ["n", size]) for name, size in (("x", 4096), ("y", 8192))]
    graph = helper.make_graph([node], "g", ports[:1], ports[1:], [weight])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    code, out, _ = cost(capsys, str(tmp_path / "m.onnx"), "--at", "n=1")
    assert (code, lines(out, "MACs", "weights")) == (0, [["33.55", "M"], ["128", "MiB"]])


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--at", "sek=8"), 4, "a size is given for `sek`, which no input leaves open\n  hint: did you mean `seq`?\n"),
        (("--at", "seq"), 2, "error: --at: `seq` is no size\n  hint: write batch=1 or seq=512"),
        (("--at", f"seq={10**18}"), 2, "is no size\n"),
        (("--at", "seq=0"), 2, "error: --at: `seq=0` is no size\n"),
        (("--at", "seq=1,seq=2"), 2, "error: --at: `seq` is given twice\n  hint: write `--at` again for another"),
    ],
)
def test_sizes_that_cannot_be_meant_are_refused(tmp_path, capsys, words, code, told):
    found, out, err = cost(capsys, saved(tmp_path / "m.onnx"), *words)
    assert (found, out) == (code, "")
    assert told in err


def test_an_adapter_of_another_package_is_taken_for_a_kind_that_has_none_here(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "_known", lambda own, _: {".pt": "greengate.models.onnx:OnnxLoader", **own})
    assert isinstance(registry.loader_of(tmp_path / "m.pt"), OnnxLoader)
    assert not isinstance(registry.loader_of(tmp_path / "m.pth"), OnnxLoader)


@pytest.mark.parametrize(("name", "told"), [("m.onnx", "there is no such file"), ("m.txt", "`.txt` is no kind of")])
def test_what_is_no_model_is_told(tmp_path, capsys, name, told):
    code, out, err = cost(capsys, str(tmp_path / name))
    assert (code, out) == (4, "")
    assert told in err
