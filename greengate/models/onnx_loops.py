"""How often the bodies of an ONNX graph run, where constants decide it."""

from __future__ import annotations

from greengate.models.onnx_scope import Scope
from greengate.models.onnx_view import Graph, Node


def trips(node: Node, body: Graph, scope: Scope, opset: int) -> int | None:
    """Tell how often a node runs its body, or None where that is decided in the run."""
    if node.op == "Loop":
        return _loop_trips(node, body, scope)
    return _scan_trips(node, scope, opset) if node.op == "Scan" else None


def _scan_trips(node: Node, scope: Scope, opset: int) -> int | None:
    count = node.attributes.get("num_scan_inputs")
    axes = node.attributes.get("scan_input_axes") or (0,)
    if opset < 9 or not isinstance(count, int) or not isinstance(axes, tuple):
        return None  # opset 8 has another Scan, with a batch axis
    tensor = scope.tensor(node.inputs[-count]) if 0 < count <= len(node.inputs) else None
    if tensor is None or tensor.shape is None or not -len(tensor.shape) <= axes[0] < len(tensor.shape):
        return None
    return tensor.shape[axes[0]]


def _loop_trips(node: Node, body: Graph, scope: Scope) -> int | None:
    limit = scope.integers(node.inputs[0]) if node.inputs else None
    most = max(limit[0], 0) if limit else None
    starts = scope.flag(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] else True
    if starts is False or most == 0:
        return 0
    goes_on = _goes_on(body, scope)
    if not starts or most is None or goes_on is None:
        return None
    return most if goes_on else 1


def _goes_on(body: Graph, scope: Scope) -> bool | None:
    """Tell whether the body's condition always holds, never holds, or depends on what is computed."""
    if len(body.inputs) < 2 or not body.outputs:
        return None
    sources = {
        node.outputs[0]: node.inputs[0]
        for node in body.nodes
        if node.op == "Identity" and node.inputs and node.outputs and node.outputs[0]
    }
    name = body.outputs[0]
    while name in sources:
        name = sources[name]
    if name == body.inputs[1]:  # handed on as it came in
        return True
    made = name in body.inputs or any(name in node.outputs for node in body.nodes)
    values = body.integers.get(name) if made or name in body.integers else scope.integers(name)
    return bool(values[0]) if values else None
