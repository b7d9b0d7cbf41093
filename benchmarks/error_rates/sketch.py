"""A pen for small ONNX graphs with random weights: each stroke adds a node and returns the name of its output."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Sketch:
    """A graph in the making; weights are normal, scaled so that activations neither vanish nor explode."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def weight(self, *shape: int, fan_in: int = 1) -> str:
        """Add a random tensor whose sum over `fan_in` elements has a variance of about two, and name it."""
        values = self._random.standard_normal(shape, np.float32) * np.float32((2 / fan_in) ** 0.5)
        return self.constant(values)

    def constant(self, values: np.ndarray) -> str:
        """Add a tensor and name it."""
        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(values, name))
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        """Add a node with one output and name that."""
        name = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], domain=domain, **attributes))
        return name

    def dense(self, last: str, inner: int, outer: int) -> str:
        """Multiply by a random matrix."""
        return self.node("MatMul", last, self.weight(inner, outer, fan_in=inner))

    def conv(self, last: str, inner: int, outer: int, kernel: int = 1, stride: int = 1) -> str:
        """Convolve, of the same size but for the stride, and rectify."""
        weight = self.weight(outer, inner, kernel, kernel, fan_in=inner * kernel**2)
        edge = kernel // 2
        last = self.node("Conv", last, weight, strides=[stride] * 2, pads=[edge] * 4, kernel_shape=[kernel] * 2)
        return self.node("Relu", last)

    def bottleneck(self, last: str, width: int, inner: int) -> str:
        """Go through a layer of another width and back, both rectified; an inner width of zero adds nothing."""
        if not inner:
            return last
        last = self.node("Relu", self.dense(last, width, inner))
        return self.node("Relu", self.dense(last, inner, width))

    def model(self, shape: list[int], last: str) -> onnx.ModelProto:
        """Finish: one float input `x` of a shape, and one output."""
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
        outputs = [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)]
        graph = helper.make_graph(self._nodes, "sketch", inputs, outputs, self._weights)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)
