"""A perceptron with two hidden layers, as small a model as one may want to gate."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

EDGE = 256  # width of its input and output


def perceptron(width: int, seed: int, rows: int) -> onnx.ModelProto:
    """Make a perceptron with two hidden layers of a width, 256 wide in and out, with random weights."""
    scatter, nodes, weights, last = np.random.default_rng(seed), [], [], "x"
    for index, (inner, outer) in enumerate(((EDGE, width), (width, width), (width, EDGE))):
        matrix = scatter.normal(size=(inner, outer), scale=inner**-0.5).astype(np.float32)
        weights.append(numpy_helper.from_array(matrix, f"w{index}"))
        nodes += [
            helper.make_node("MatMul", [last, f"w{index}"], [f"m{index}"]),
            helper.make_node("Relu", [f"m{index}"], [f"r{index}"]),
        ]
        last = f"r{index}"
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, EDGE])]
    outputs = [helper.make_tensor_value_info(last, TensorProto.FLOAT, [rows, EDGE])]
    graph = helper.make_graph(nodes, "perceptron", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
