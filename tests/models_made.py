"""Tiny ONNX models, each made for one question, written to a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def written(path, nodes, inputs, outputs, weights=(), opset=17, ir=8, domains=(), **options):
    graph = helper.make_graph(nodes, "g", inputs, outputs, [numpy_helper.from_array(w, n) for n, w in weights])
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(name, 1) for name in domains)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=ir), path, **options)
    return path


def dense(path: Path, *, rows: int | str = "N", scale: float = 1.0, **options) -> Path:
    """y[rows, 3] = x[rows, 4] @ w."""
    weights = (np.arange(12, dtype="float32").reshape(4, 3) + 1) * np.float32(scale)
    return written(
        path,
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [value("x", T.FLOAT, [rows, 4])],
        [value("y", T.FLOAT, [rows, 3])],
        [("w", weights)],
        **options,
    )


def dense_with_external_data(path: Path) -> Path:
    """Like `dense`, its weights in weights.bin beside it."""
    return dense(path, save_as_external_data=True, location="weights.bin", size_threshold=0)


def relocated(path: Path, **entries: str) -> Path:
    """Rewrite where the first weight of a model with external data says it lies."""
    model = onnx.load(path, load_external_data=False)
    tensor = model.graph.initializer[0]
    merged = {entry.key: entry.value for entry in tensor.external_data} | entries
    del tensor.external_data[:]
    for key, text in merged.items():
        tensor.external_data.add(key=key, value=text)
    path.write_bytes(model.SerializeToString())
    return path


def identity(path: Path, kind: int, shape, name: str = "x") -> Path:
    """y = x, of any element type."""
    nodes = [helper.make_node("Identity", [name], ["y"])]
    return written(path, nodes, [value(name, kind, shape)], [value("y", kind, shape)], opset=21, ir=10)


def mean(path: Path) -> Path:
    """The mean of all elements, which has no rows any more."""
    nodes = [helper.make_node("ReduceMean", ["x"], ["y"], keepdims=0)]
    return written(path, nodes, [value("x", T.FLOAT, ["N"])], [value("y", T.FLOAT, [])])


def two_by_two(path: Path) -> Path:
    """Two inputs (tokens and a mask that share an axis), two outputs, one of them a scalar."""
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["rows"]),
        helper.make_node("Cast", ["mask"], ["weights"], to=T.FLOAT),
        helper.make_node("Unsqueeze", ["weights", "last"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], ["vectors"]),
        helper.make_node("ReduceMean", ["vectors"], ["mean"], keepdims=0),
    ]
    inputs = [value("tokens", T.INT64, ["batch", "length"]), value("mask", T.BOOL, ["batch", "length"])]
    outputs = [value("vectors", T.FLOAT, None), value("mean", T.FLOAT, [])]
    weights = [("table", np.ones((10, 4), "float32")), ("last", np.array([-1]))]
    return written(path, nodes, inputs, outputs, weights)


def quantised(path: Path) -> Path:
    """A QDQ product and a dynamic integer one."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
        helper.make_node("DequantizeLinear", ["wq", "s", "z"], ["wd"]),
        helper.make_node("MatMul", ["xd", "wd"], ["y"]),
        helper.make_node("DynamicQuantizeLinear", ["x"], ["a", "as", "az"]),
        helper.make_node("MatMulInteger", ["a", "wq", "az", "z"], ["i"]),
    ]
    weights = [
        ("s", np.array(0.1, "float32")),
        ("z", np.array(128, "uint8")),
        ("wq", np.arange(12, dtype="uint8").reshape(4, 3)),
    ]
    outputs = [value("y", T.FLOAT, [2, 3]), value("i", T.INT32, [2, 3])]
    return written(path, nodes, [value("x", T.FLOAT, [2, 4])], outputs, weights)


def cast(path: Path, kind: int) -> Path:
    """y = float32(x), x of any element type."""
    nodes = [helper.make_node("Cast", ["x"], ["y"], to=T.FLOAT)]
    return written(path, nodes, [value("x", kind, [4])], [value("y", T.FLOAT, [4])], opset=21, ir=10)


def endless(path: Path) -> Path:
    """A loop of 2**40 trips."""
    body = helper.make_graph(
        [helper.make_node("Add", ["a", "a"], ["b"]), helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [value("trip", T.INT64, []), value("go", T.BOOL, []), value("a", T.FLOAT, [1])],
        [value("on", T.BOOL, []), value("b", T.FLOAT, [1])],
    )
    nodes = [helper.make_node("Loop", ["trips", "", "x"], ["y"], body=body)]
    return written(path, nodes, [value("x", T.FLOAT, [1])], [value("y", T.FLOAT, [1])], [("trips", np.array(2**40))])


def enormous(path: Path) -> Path:
    """An intermediate tensor of 100 GB, its size computed at run time."""
    nodes = [
        helper.make_node("Shape", ["x"], ["one"]),
        helper.make_node("Mul", ["one", "count"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["big"]),
        helper.make_node("ReduceMean", ["big"], ["y"], keepdims=0),
    ]
    outputs = [value("y", T.FLOAT, [])]
    return written(path, nodes, [value("x", T.FLOAT, ["N"])], outputs, [("count", np.array([25 * 10**9]))])


def not_a_number(path: Path) -> Path:
    """log(-|x|), which is NaN throughout."""
    nodes = [
        helper.make_node("Abs", ["x"], ["a"]),
        helper.make_node("Neg", ["a"], ["b"]),
        helper.make_node("Log", ["b"], ["y"]),
    ]
    return written(path, nodes, [value("x", T.FLOAT, [2, 3])], [value("y", T.FLOAT, [2, 3])])


def classifier(path: Path) -> Path:
    """Labels, and probabilities as a sequence of maps, as scikit-learn's converter writes them."""
    nodes = [
        helper.make_node("Softmax", ["x"], ["p"]),
        helper.make_node("ArgMax", ["p"], ["label"], axis=1, keepdims=0),
        helper.make_node("ZipMap", ["p"], ["probabilities"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2]),
    ]
    maps = helper.make_sequence_type_proto(
        onnx.TypeProto(map_type=onnx.TypeProto.Map(key_type=T.INT64, value_type=helper.make_tensor_type_proto(1, None)))
    )
    outputs = [value("label", T.INT64, ["N"]), helper.make_value_info("probabilities", maps)]
    return written(path, nodes, [value("x", T.FLOAT, ["N", 3])], outputs, domains=["ai.onnx.ml"])


def with_sequence_input(path: Path) -> Path:
    """The length of a sequence of tensors."""
    nodes = [helper.make_node("SequenceLength", ["x"], ["y"])]
    inputs = [helper.make_tensor_sequence_value_info("x", T.FLOAT, None)]
    return written(path, nodes, inputs, [value("y", T.INT64, [])])


def with_sequence_output(path: Path) -> Path:
    """A sequence of two tensors."""
    nodes = [helper.make_node("SequenceConstruct", ["x", "x"], ["y"])]
    outputs = [helper.make_tensor_sequence_value_info("y", T.FLOAT, None)]
    return written(path, nodes, [value("x", T.FLOAT, [2, 3])], outputs)


def with_operator(path: Path, operator: str, domain: str = "", domains=(), opset: int = 17, ir: int = 8) -> Path:
    """y = operator(x), whether there is such an operator or not."""
    nodes = [helper.make_node(operator, ["x"], ["y"], domain=domain)]
    inputs, outputs = [value("x", T.FLOAT, [2, 3])], [value("y", T.FLOAT, [2, 3])]
    return written(path, nodes, inputs, outputs, domains=domains, opset=opset, ir=ir)
