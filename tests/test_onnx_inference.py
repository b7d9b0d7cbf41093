"""Shape inference in a child: what takes too much, crashes or never ends there is told, and nothing happens here."""

import faulthandler
import os
import signal
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from greengate.models import onnx_costs, onnx_inference
from greengate.models.onnx_sizes import Sizes


def added(size):
    """Two vectors of that many numbers, added: the file has some hundred bytes."""
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [size]) for name in "xwy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", ports[:2], ports[2:])
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])


def children():
    """Process ids of this process's children that have not been waited for."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()


@pytest.fixture(autouse=True)
def nobody_stays():
    before = children()
    yield
    assert children() == before


def instead(monkeypatch, act):
    monkeypatch.setattr(onnx.shape_inference, "infer_shapes", act)


def test_a_vector_that_onnx_would_write_out_is_counted_all_the_same(monkeypatch):
    model = added(30_000_000)  # in onnx 1.23 some 2 GB
    monkeypatch.setattr(onnx_inference, "ROOM_BYTES", 2**27)
    costs = onnx_costs.count_model(model, Sizes())
    assert (costs.macs, costs.activation_bytes, costs.uncovered) == (0, 120_000_000, ())


def test_what_shapes_say_of_shapes_is_left_out_only_where_it_takes_too_much(monkeypatch):
    asked, infer = [], onnx.shape_inference.infer_shapes
    reading, writing = os.pipe()

    def act(written, *, data_prop):
        os.write(writing, b"1" if data_prop else b"0")
        if data_prop and asked:
            raise MemoryError
        return infer(written, data_prop=data_prop)

    instead(monkeypatch, act)
    onnx_inference.inferred(added(4).SerializeToString())
    asked.append("now")
    graph, hindrance = onnx_inference.inferred(added(4).SerializeToString())
    assert (hindrance, os.read(reading, 9)) == ("", b"110")
    assert graph.output[0].type.tensor_type.shape.dim[0].dim_value == 4
    os.close(reading)
    os.close(writing)


def spin(*_, **__):
    while True:
        pass


def crash(*_, **__):
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)


def refuse(*_, **__):
    raise onnx.shape_inference.InferenceError("the rank\n is odd")


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (spin, "shapes could not be inferred: that would take more than 1 s or 1 GiB of memory"),
        (crash, "shapes could not be inferred: onnx crashed over them (SIGSEGV)"),
        (refuse, "shapes could not be inferred: the rank is odd"),
    ],
)
def test_a_child_that_does_not_come_back_is_told(monkeypatch, act, words):
    monkeypatch.setattr(onnx_inference, "CPU_S", 1)
    instead(monkeypatch, act)
    graph, hindrance = onnx_inference.inferred(added(4).SerializeToString())
    assert (graph, hindrance) == (added(4).graph, words)


def test_a_child_that_sleeps_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(onnx_inference, "_WALL_S", 0.2)
    instead(monkeypatch, lambda *_, **__: signal.pause())
    assert "would take more than" in onnx_inference.inferred(added(4).SerializeToString())[1]


def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(onnx_inference, "_LARGEST_ANSWER", 2**16)
    large = added(4)
    large.doc_string = "x" * 2**22
    instead(monkeypatch, lambda *_, **__: large)
    assert "would take more than" in onnx_inference.inferred(added(4).SerializeToString())[1]


def test_without_shapes_the_count_is_incomplete_and_says_why(monkeypatch):
    instead(monkeypatch, refuse)
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 4]) for name in "xy"]
    nodes = [helper.make_node("MatMul", ["x", "x"], ["a"]), helper.make_node("MatMul", ["a", "x"], ["y"])]
    model = helper.make_model(helper.make_graph(nodes, "g", ports[:1], ports[1:]), ir_version=10)
    costs = onnx_costs.count_model(model, Sizes())
    assert costs.macs is None
    assert costs.uncovered[0] == "shapes could not be inferred: the rank is odd"
