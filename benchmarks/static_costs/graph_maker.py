"""ONNX graphs written node by node, whose weights are random numbers, holes in a file, or not there at all.

No weight is ever in memory. A file of holes takes a moment and no room on the disk whatever its size, and reads as
zeros; a tool that looks at weights may behave differently on zeros, and gets random numbers for a fair comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO, Final, Literal

import onnx
from onnx import TensorProto, helper

Placed = Literal["inline", "external", "absent"]
Content = Literal["random", "zeros"]
WIDTHS: Final = {TensorProto.FLOAT: 4, TensorProto.FLOAT16: 2}
_CHUNK: Final = 2**20  # as long as this, the random numbers begin again
# Field numbers of onnx.proto.
_MODEL_GRAPH, _GRAPH_TENSOR, _TENSOR_RAW = 7, 5, 9


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor without its content."""

    name: str
    dims: tuple[int, ...]
    dtype: int

    @property
    def stored(self) -> int:
        """Bytes of its content."""
        return prod(self.dims) * WIDTHS[self.dtype]


class Maker:
    """A graph in the making; its methods return the names of values.

    Args:
        name: The graph's name.
        opset: Version of the default domain.
        dtype: Element type of weights and scalars, FLOAT or FLOAT16.
    """

    def __init__(self, name: str, opset: int = 17, dtype: int = TensorProto.FLOAT) -> None:
        self.dtype = dtype
        self._name, self._opset = name, opset
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, TensorProto] = {}
        self._weights: list[Weight] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dims: Sequence[int | str], dtype: int = TensorProto.FLOAT) -> str:
        """Add an input; an axis that is a word stays open."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, dims))
        return name

    def output(self, name: str, rank: int) -> None:
        """Make a value an output whose sizes are open."""
        axes = [f"{name}_{axis}" for axis in range(rank)]
        self._outputs.append(helper.make_tensor_value_info(name, self.dtype, axes))

    def node(self, op: str, *inputs: str, **attributes: object) -> str:
        """Add a node with one output."""
        return self.nodes(op, 1, *inputs, **attributes)[0]

    def nodes(self, op: str, outputs: int, *inputs: str, **attributes: object) -> list[str]:
        """Add a node with so many outputs."""
        name = f"/{op}_{len(self._nodes)}"
        made = [f"{name}_output_{slot}" for slot in range(outputs)]
        self._nodes.append(helper.make_node(op, inputs, made, name=name, **attributes))
        return made

    def weight(self, *dims: int, name: str = "") -> str:
        """Add a weight."""
        weight = Weight(name or f"weight_{len(self._weights)}", dims, self.dtype)
        self._weights.append(weight)
        return weight.name

    def ints(self, *values: int) -> str:
        """Add a vector of integers."""
        return self._constant(f"ints_{'_'.join(map(str, values))}", TensorProto.INT64, [len(values)], values)

    def single(self, value: int) -> str:
        """Add an integer scalar."""
        return self._constant(f"single_{value}", TensorProto.INT64, [], [value])

    def scalar(self, value: float) -> str:
        """Add a floating scalar."""
        return self._constant(f"scalar_{value}", self.dtype, [], [value])

    def linear(self, value: str, inputs: int, outputs: int, *, bias: bool = True) -> str:
        """Multiply the last axis with a matrix, as exporters write a dense layer of more than two axes."""
        product = self.node("MatMul", value, self.weight(inputs, outputs))
        return self.node("Add", product, self.weight(outputs)) if bias else product

    def save(self, path: Path, placed: Placed, content: Content = "zeros") -> None:
        """Write the graph with its weights in the same file, in `weights.bin` beside it, or only promised there."""
        chunk = _chunk(self.dtype) if content == "random" else b""
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, [*self._constants.values()])
        opsets = [helper.make_opsetid("", self._opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="static_costs")
        if placed == "inline":
            _write_inline(path, model, self._weights, chunk)
            return
        beside = path.with_name("weights.bin")
        at = 0
        for weight in self._weights:
            model.graph.initializer.append(_promised(weight, beside.name, at))
            at += weight.stored
        path.write_bytes(model.SerializeToString())
        if placed == "external":
            with beside.open("wb") as file:
                _fill(file, at, chunk)

    def _constant(self, name: str, dtype: int, dims: Sequence[int], values: Sequence[float]) -> str:
        self._constants.setdefault(name, helper.make_tensor(name, dtype, dims, values))
        return name


def _promised(weight: Weight, location: str, at: int) -> TensorProto:
    tensor = TensorProto(name=weight.name, dims=weight.dims, data_type=weight.dtype)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", at), ("length", weight.stored)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def _chunk(dtype: int) -> bytes:
    import numpy as np  # noqa: PLC0415 - only random weights need it

    numbers = np.random.default_rng(0).standard_normal(_CHUNK // WIDTHS[dtype], np.float32)
    return numbers.astype(helper.tensor_dtype_to_np_dtype(dtype)).tobytes()


def _write_inline(path: Path, model: onnx.ModelProto, weights: Sequence[Weight], chunk: bytes) -> None:
    """Write the message by hand: protobuf itself writes at most 2 GiB."""
    graph = model.graph.SerializeToString()
    heads = [TensorProto(name=each.name, dims=each.dims, data_type=each.dtype).SerializeToString() for each in weights]
    sizes = [
        len(head) + len(_field(_TENSOR_RAW, weight.stored)) + weight.stored
        for head, weight in zip(heads, weights, strict=True)
    ]
    whole = len(graph) + sum(len(_field(_GRAPH_TENSOR, size)) + size for size in sizes)
    model.ClearField("graph")
    with path.open("wb") as file:
        file.write(model.SerializeToString() + _field(_MODEL_GRAPH, whole) + graph)
        for weight, head, size in zip(weights, heads, sizes, strict=True):
            file.write(_field(_GRAPH_TENSOR, size) + head + _field(_TENSOR_RAW, weight.stored))
            _fill(file, weight.stored, chunk)


def _fill(file: BinaryIO, size: int, chunk: bytes) -> None:
    """Append so many bytes: the chunk again and again, or a hole."""
    if not chunk:
        file.truncate(file.seek(size, 1))
        return
    file.writelines(chunk for _ in range(size // len(chunk)))
    file.write(chunk[: size % len(chunk)])


def _field(number: int, length: int) -> bytes:
    """Return what stands before the content of a field that has a length."""
    return _varint(number << 3 | 2) + _varint(length)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
