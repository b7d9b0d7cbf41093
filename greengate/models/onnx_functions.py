"""Model-local ONNX functions, expanded within bounds; importing this module imports onnx."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from onnx import FunctionProto, ModelProto, NodeProto, inliner

from greengate.errors import ModelError
from greengate.models import onnx_order
from greengate.models.onnx_scan import MOST_NODES

_DEPTH: Final = 64
_BYTES: Final = 2**27
_MARK: Final = "function node "

Key = tuple[str, str, str]
Size = tuple[int, int]


def expand(model: ModelProto, where: str) -> ModelProto:
    """Return the model with its functions written out; raises ModelError if they recur or grow without measure.

    Functions of another opset than the model's stay as they are.
    """
    _mark(model)
    nodes, size = _Sizes(model, where).of_nodes(model.graph.node, 0)
    if nodes > MOST_NODES or size > _BYTES:
        found, most = (nodes, MOST_NODES) if nodes > MOST_NODES else (size, _BYTES)
        what = "nodes" if nodes > MOST_NODES else "bytes"
        problem = f"its functions expand to {found:,} {what}, more than the {most:,} that are counted"
        raise ModelError(where, problem, "nested functions that multiply are not found in real models; export it again")
    expanded: ModelProto = inliner.inline_local_functions(model)
    return expanded


def mark_of(node: NodeProto) -> str:
    """Return what a node of a function shares with all its expansions, or nothing for others of an expanded model."""
    return node.doc_string


def _mark(model: ModelProto) -> None:
    """Use the doc strings, which the expansion copies, to tell one node's copies from other nodes."""
    waiting: list[tuple[Iterable[NodeProto], bool]] = [(model.graph.node, False)]
    waiting += [(function.node, True) for function in model.functions]
    count = 0
    while waiting:
        nodes, marked = waiting.pop()
        for node in nodes:
            count += 1
            node.doc_string = f"{_MARK}{count}" if marked else ""
            waiting += [(body.node, marked) for body in onnx_order.bodies(node)]


def _domain(domain: str) -> str:
    """Return a domain as onnx looks functions up: both names of the default one are the same."""
    return "" if domain == "ai.onnx" else domain


class _Sizes:
    """Nodes and bytes that functions expand to, each function looked at once."""

    def __init__(self, model: ModelProto, where: str) -> None:
        self._functions: dict[Key, FunctionProto] = {
            (_domain(function.domain), function.name, function.overload): function for function in model.functions
        }
        self._sizes: dict[Key, Size] = {}
        self._open: set[Key] = set()
        self._where = where

    def of_nodes(self, nodes: Iterable[NodeProto], depth: int) -> Size:
        count = size = 0
        for node in nodes:
            key = (_domain(node.domain), node.op_type, node.overload)
            inner = self._of_function(key, depth + 1) if key in self._functions else (1, node.ByteSize())
            count, size = count + inner[0], size + inner[1]
            for body in onnx_order.bodies(node):
                inner = self.of_nodes(body.node, depth)
                count, size = count + inner[0], size + inner[1]
        return count, size

    def _of_function(self, key: Key, depth: int) -> Size:
        name = ".".join(filter(None, key))
        if key in self._open:
            raise ModelError(self._where, f"the function `{name}` calls itself", "ONNX functions cannot recur")
        if depth > _DEPTH:
            raise ModelError(self._where, f"functions are nested more than {_DEPTH} deep, down to `{name}`")
        if key not in self._sizes:
            self._open.add(key)
            self._sizes[key] = self.of_nodes(self._functions[key].node, depth)
            self._open.discard(key)
        return self._sizes[key]
