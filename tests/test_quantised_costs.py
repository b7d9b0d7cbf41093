"""Models that ONNX Runtime's own tools quantised: as many multiply-accumulates as their originals, of integers."""

import logging

import numpy as np
import onnx
import pytest
from models_made import value
from onnx import TensorProto, helper, numpy_helper

from greengate.models import onnx_costs, onnx_graph
from greengate.models.onnx_sizes import Sizes
from greengate.ports import ModelSpec

quantization = pytest.importorskip("onnxruntime.quantization")


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def saved(path, nodes, inputs, outputs, **weights):
    random = np.random.default_rng(0)
    made = [
        numpy_helper.from_array(random.normal(size=dims).astype(np.float32), name) for name, dims in weights.items()
    ]
    ports = [[value(name, TensorProto.FLOAT, dims) for name, dims in side.items()] for side in (inputs, outputs)]
    graph = helper.make_graph(nodes, "g", *ports, made)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def convolutional(path):
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], name="conv"),
        node("Relu", ["a"], ["b"], name="relu"),
        node("AveragePool", ["b"], ["p"], kernel_shape=[2, 2], strides=[2, 2], name="pool"),
        node("Conv", ["p", "v"], ["c"], pads=[1, 1, 1, 1], name="conv2"),
        node("Add", ["p", "c"], ["d"], name="add"),
        node("Concat", ["c", "d"], ["e"], axis=1, name="concat"),
        node("GlobalAveragePool", ["e"], ["f"], name="mean"),
        node("Flatten", ["f"], ["h"], name="flat"),
        node("MatMul", ["h", "u"], ["y"], name="head"),
    ]
    weights = {"w": (8, 3, 3, 3), "v": (8, 8, 3, 3), "u": (16, 10)}
    return saved(path, nodes, {"x": (1, 3, 16, 16)}, {"y": (1, 10)}, **weights)


def recurrent(path):
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r"], ["a"], hidden_size=16, name="lstm"),
        helper.make_node("Squeeze", ["a", "one"], ["b"], name="squeeze"),
        helper.make_node("MatMul", ["b", "u"], ["y"], name="head"),
    ]
    weights = {"w": (1, 64, 8), "r": (1, 64, 16), "u": (16, 4)}
    path = saved(path, nodes, {"x": (5, 1, 8)}, {"y": (5, 1, 4)}, **weights)
    model = onnx.load(path)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1]), "one"))
    onnx.save(model, path)
    return path


class Calibration(quantization.CalibrationDataReader):
    def __init__(self):
        self._waiting = iter([{"x": np.ones((1, 3, 16, 16), np.float32)}])

    def get_next(self):
        return next(self._waiting, None)


def statically(kind):
    return lambda old, new: quantization.quantize_static(old, new, Calibration(), quant_format=kind)


@pytest.mark.parametrize(
    ("made", "quantise", "integer"),
    [
        (convolutional, statically(quantization.QuantFormat.QDQ), 1.0),
        (convolutional, statically(quantization.QuantFormat.QOperator), 1.0),
        (convolutional, quantization.quantize_dynamic, 1.0),
        (recurrent, quantization.quantize_dynamic, 1.0),
    ],
    ids=["QDQ", "QOperator", "dynamic", "dynamic, recurrent"],
)
def test_a_model_quantised_by_the_runtime_s_tools_costs_what_its_original_does(tmp_path, made, quantise, integer):
    original, quantised = made(tmp_path / "float.onnx"), tmp_path / "integer.onnx"
    quantise(original, quantised)
    before, after = (onnx_costs.count(ModelSpec(path, tmp_path)) for path in (original, quantised))
    assert after.uncovered == ()
    assert (after.macs, after.parameters) == (before.macs, before.parameters)
    assert sum(node.macs for node in after.nodes if node.integer) == integer * before.macs
    assert not any(node.integer for node in before.nodes)
    assert after.weight_bytes < before.weight_bytes / 3


SCALES = {"s": (TensorProto.FLOAT, ()), "z": (TensorProto.UINT8, ()), "c": (TensorProto.BOOL, (2, 3, 8, 8))}


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "shape"),
    [
        ("QLinearGlobalAveragePool", "xszsz", {"channels_last": 0}, (2, 3, 1, 1)),
        ("QLinearGlobalAveragePool", "xszsz", {"channels_last": 1}, None),
        ("QLinearAveragePool", "xszsz", {"kernel_shape": [2, 2], "strides": [2, 2]}, (2, 3, 4, 4)),
        ("QLinearConcat", "szxszxsz", {"axis": 1}, (2, 6, 8, 8)),
        ("QLinearWhere", "cxszxszsz", {}, (2, 3, 8, 8)),
        ("QLinearConcat", "sz", {"axis": 1}, None),
        ("Trilu", "x", {}, (2, 3, 8, 8)),
    ],
)
def test_quantised_operators_of_the_runtime_s_have_shapes(op, inputs, attributes, shape):
    node = helper.make_node(op, list(inputs), ["y"], domain="com.microsoft", **attributes)
    ports = [value(name, *SCALES.get(name, (TensorProto.UINT8, (2, 3, 8, 8)))) for name in dict.fromkeys(inputs)]
    graph = helper.make_graph([node], "g", ports, [value("y", TensorProto.UINT8, None)])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    found = onnx_graph.read(helper.make_model(graph, ir_version=8, opset_imports=opsets), Sizes(), "m").graph.tensors
    assert (found["y"].shape if "y" in found else None) == shape
