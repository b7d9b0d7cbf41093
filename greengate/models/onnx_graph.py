"""An ONNX file as a plain graph with shapes: parsed, its functions expanded, put in order, its shapes inferred.

Weights are never read: external data stays where it is, and large tensors are emptied before shapes are inferred.
Importing this module imports onnx.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Final

import onnx
from google.protobuf.message import DecodeError, EncodeError  # its stubs are not ours to ship
from onnx import FunctionProto, GraphProto, ModelProto, TensorProto

from greengate.errors import ModelError
from greengate.models import onnx_functions, onnx_order, onnx_scan, onnx_sizes, onnx_twins
from greengate.models.onnx_sizes import Sizes
from greengate.models.onnx_view import Graph, View, dims_of, domain_of, in_words, refuse_rank

_DEPTH: Final = 32
_KEPT_ELEMENTS: Final = 1024  # small constants steer shapes: axes, sizes, scales
_PAYLOADS: Final = ("raw_data", "float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


@dataclass(frozen=True, slots=True)
class Reading:
    """A model's graph, and what hindered reading it whole.

    Attributes:
        opset: Version of the default domain.
        future: In words, if that version is newer than onnx knows.
        hindrance: In words, if shapes could not be inferred.
        leftover: Domain and name of functions that could not be expanded.
        open_sizes: Names of the inputs' sizes that are still open: their symbols, or `input.axis`.
        remarks: Outputs that come out in another shape than the model declares, in words.
    """

    graph: Graph
    opset: int
    future: str
    hindrance: str
    leftover: frozenset[tuple[str, str]]
    open_sizes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read(model: ModelProto, sizes: Sizes, where: str) -> Reading:
    """Return the model's graph at these sizes. The model is changed on the way; hand over a copy to keep it."""
    try:
        graphs = list(_graphs(model, where))
        for graph in graphs:
            _strip(graph, where)
        has_functions = bool(model.functions)
        if has_functions:
            model = onnx_functions.expand(model, where)
            graphs = list(_graphs(model, where))
        open_sizes = onnx_sizes.fill(model.graph, sizes, where)
        declared = {each.name: dims_of(each.type) for each in model.graph.output}
        for graph in graphs:
            _forget(graph)
        onnx_order.sort(model.graph, where)
        inferred, hindrance = _infer(model, {domain_of(node.domain) for graph in graphs for node in graph.node})
    except (EncodeError, DecodeError, UnicodeDecodeError, onnx.checker.ValidationError) as error:
        raise ModelError(where, f"the model contradicts the ONNX format: {error}") from error
    versions = {domain_of(entry.domain): entry.version for entry in model.opset_import}
    opset, newest = versions.get("", 0), onnx.defs.onnx_opset_version()
    found = View(where, marked=has_functions).of_graph(model.graph, inferred, "")
    return Reading(
        graph=found,
        opset=opset,
        future=f"opset {opset} is newer than the newest that is known here, {newest}" if opset > newest else "",
        hindrance=hindrance,
        leftover=frozenset((domain_of(each.domain), each.name) for each in model.functions),
        open_sizes=tuple(open_sizes),
        remarks=tuple(_contradicted(found, declared)),
    )


def _contradicted(graph: Graph, declared: Mapping[str, tuple[int | None, ...] | None]) -> Iterator[str]:
    """Tell which outputs come out in another shape than was declared."""
    for name, claimed in declared.items():
        tensor = graph.tensors.get(name)
        if claimed is None or tensor is None or tensor.shape is None:
            continue
        pairs = itertools.zip_longest(claimed, tensor.shape, fillvalue=-1)
        if any(one is not None and other is not None and one != other for one, other in pairs):
            yield f"output `{name}` is declared as {in_words(claimed)} and comes out as {in_words(tensor.shape)}"


def _graphs(model: ModelProto, where: str) -> Iterator[GraphProto | FunctionProto]:
    """Every graph of a model, bodies and functions included."""
    waiting: list[tuple[GraphProto | FunctionProto, int]] = [(model.graph, 0)]
    waiting += [(function, 0) for function in model.functions]
    nodes = parts = 0
    while waiting:
        graph, depth = waiting.pop()
        nodes += len(graph.node)
        parts += 1 + sum(len(node.input) + len(node.output) + len(node.attribute) for node in graph.node)
        if parts > onnx_scan.MOST_FIELDS:
            what = f"{onnx_scan.MOST_FIELDS:,} inputs, outputs, attributes and bodies"
            raise ModelError(where, f"its operators have more than {what}, the most that are counted")
        if nodes > onnx_scan.MOST_NODES:
            problem = f"it has more than {onnx_scan.MOST_NODES:,} operators, the most that are counted"
            raise ModelError(where, problem, "export it with its loops instead of unrolling them")
        if depth > _DEPTH:
            raise ModelError(where, f"graphs are nested more than {_DEPTH} deep", "flatten its loops and branches")
        yield graph
        waiting += [(body, depth + 1) for node in graph.node for body in onnx_order.bodies(node)]


def _strip(graph: GraphProto | FunctionProto, where: str) -> None:
    tensors = list(graph.initializer) if isinstance(graph, GraphProto) else []
    if isinstance(graph, GraphProto):
        _refuse_odd_names(graph, where)
    for node in graph.node:
        try:
            "".join((node.op_type, node.domain, node.name, *node.input, *node.output))
        except TypeError:  # what is no UTF-8 comes as bytes
            problem = f"a node has a name that is not UTF-8: {node.op_type!r} {node.name!r}"
            raise ModelError(where, problem) from None
        for attribute in node.attribute:
            if attribute.HasField("t"):
                tensors.append(attribute.t)
            tensors.extend(attribute.tensors)
    for tensor in tensors:
        refuse_rank(len(tensor.dims), tensor.name, where)
        if any(size < 0 for size in tensor.dims):
            raise ModelError(where, f"tensor `{tensor.name}` has a negative dimension")
        if prod(tensor.dims) > _KEPT_ELEMENTS:
            for payload in _PAYLOADS:
                tensor.ClearField(payload)
            tensor.data_location = TensorProto.EXTERNAL


def _refuse_odd_names(graph: GraphProto, where: str) -> None:
    names = [each.name for each in (*graph.input, *graph.output, *graph.initializer)]
    names += [dim.dim_param for each in graph.input for dim in each.type.tensor_type.shape.dim]
    if any(isinstance(name, bytes) for name in names):  # as what is no UTF-8 comes
        raise ModelError(where, "an input, output, weight or axis has a name that is not UTF-8")


def _forget(graph: GraphProto | FunctionProto) -> None:
    """Drop the types and shapes a model claims for what it computes: they are inferred, not believed."""
    graph.ClearField("value_info")
    if isinstance(graph, GraphProto):
        for output in graph.output:
            output.ClearField("type")


def _infer(model: ModelProto, domains: set[str]) -> tuple[GraphProto, str]:
    twin = ModelProto()
    twin.CopyFrom(model)
    for domain in domains - {domain_of(entry.domain) for entry in twin.opset_import}:
        twin.opset_import.add(domain=domain, version=1)  # onnx gives up on the whole graph otherwise
    onnx_twins.replace(twin)
    # Before version 4, inference overlooks initializers that are no graph inputs; ONNX Runtime does not.
    twin.ir_version = max(twin.ir_version, 4)
    written = twin.SerializeToString()
    del twin  # the graph is in memory once less while it is inferred
    hindrance = ""
    for follow in (True, False):
        try:
            return onnx.shape_inference.infer_shapes(written, data_prop=follow).graph, hindrance
        except (onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
            hindrance = f"shapes could not be inferred: {' '.join(str(error).split())[:300]}"
            break
        except MemoryError:
            # In onnx 1.23, following what shapes say of shapes writes out each vector that is added to something.
            hindrance = "what its shapes say of other shapes could not be followed: it takes too much memory"
    return ModelProto.FromString(written).graph, hindrance
