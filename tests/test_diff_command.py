"""`greengate diff`: which operators grew, as a table and as JSON."""

import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from greengate.cli import run


def saved(path, *widths, prefix="fc", twist=False):
    """A chain of matrix products and Relus from 8 inputs over these widths."""
    nodes, weights, name, rows = [], [], "x", 8
    for at, width in enumerate(widths):
        weights.append(numpy_helper.from_array(np.ones((rows, width), np.float32), f"w{at}"))
        nodes.append(helper.make_node("MatMul", [name, f"w{at}"], [f"{prefix}{at}"], name=f"{prefix}{at}"))
        nodes.append(helper.make_node("Relu", [f"{prefix}{at}"], [f"r{at}"], name=f"{prefix}{at}/relu"))
        name, rows = f"r{at}", width
    last = helper.make_node("Twist" if twist else "Identity", [name], ["y"], domain="odd" if twist else "")
    ports = [helper.make_tensor_value_info(name, 1, ["n", size]) for name, size in (("x", 8), ("y", rows))]
    graph = helper.make_graph([*nodes, last], "g", ports[:1], ports[1:], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("odd", 1)]
    onnx.save(helper.make_model(graph, ir_version=10, opset_imports=opsets), path)
    return str(path)


def diff(capsys, *words):
    code = run(["diff", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def cells(out, name):
    return next(line.split() for line in out.splitlines() if line.startswith(name))


def test_what_grew_is_told_as_a_whole_by_operator_and_by_node(tmp_path, capsys):
    old, new = saved(tmp_path / "old.onnx", 16, 4), saved(tmp_path / "new.onnx", 32, 4)
    code, out, _ = diff(capsys, old, new)
    assert code == 0
    assert cells(out, "MACs") == ["MACs", "192", "384", "+100.0%"]
    assert cells(out, "parameters") == ["parameters", "192", "384", "+100.0%"]
    assert cells(out, "MatMul") == ["MatMul", "2", "384", "+192", "384", "+192"]
    assert cells(out, "fc0 ") == ["fc0", "changed", "MatMul", "256", "+128", "+128", "+64", "B"]
    assert not [line for line in out.splitlines() if line.startswith(("Identity", "fc1/relu"))]


def test_a_layer_put_into_the_middle_is_found_though_everything_has_other_names(tmp_path, capsys):
    old, new = saved(tmp_path / "old.onnx", 8, 4), saved(tmp_path / "new.onnx", 8, 8, 4, prefix="dense")
    _, out, _ = diff(capsys, old, new, "--json")
    changes = [(node["change"], (node["candidate"] or node["baseline"])["name"]) for node in json.loads(out)["nodes"]]
    assert [change for change in changes if change[0] != "same"] == [
        ("changed", "dense1"), ("changed", "dense1/relu"), ("new", "dense2"), ("new", "dense2/relu"),
    ]  # fmt: skip


def test_identical_models_say_so(tmp_path, capsys):
    code, out, _ = diff(capsys, saved(tmp_path / "a.onnx", 4), saved(tmp_path / "b.onnx", 4), "--at", "n=3")
    assert code == 0
    assert f"{tmp_path}/a.onnx -> {tmp_path}/b.onnx at n=3, macs-matmul-v1\n" in out
    assert cells(out, "MACs") == ["MACs", "96", "96", "the", "same"]
    assert out.endswith("every operator costs what it did\n")


def test_what_cannot_be_counted_is_told_and_ends_with_3(tmp_path, capsys):
    old, new = saved(tmp_path / "old.onnx", 4), saved(tmp_path / "new.onnx", 4, twist=True)
    code, out, _ = diff(capsys, old, new)
    assert code == 3
    assert cells(out, "MACs") == ["MACs", "32", "?", "?"]
    assert "not all of new.onnx could be counted\n" in out
    assert "Twist `y` (odd): no formula is known for this operator" in " ".join(out.split())


@pytest.mark.parametrize("missing", ["old.onnx", "new.onnx"])
def test_a_file_that_is_not_there_is_told(tmp_path, capsys, missing):
    for name in {"old.onnx", "new.onnx"} - {missing}:
        saved(tmp_path / name, 4)
    code, _, err = diff(capsys, str(tmp_path / "old.onnx"), str(tmp_path / "new.onnx"))
    assert code == 4
    assert f"{missing}: there is no such file" in err
