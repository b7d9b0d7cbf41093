"""Which node of an ONNX graph an operator stands for that ONNX Runtime ran: it fuses, renames and adds operators.

Names follow its sources (onnxruntime/core/optimizer): a node without a name is called by its operator and place; a
fused one by the name of a part, with the fusion's name behind it or "fused" before it; one in blocked layout by what it
writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

_ADDED: Final = (re.compile(r"^fused "), re.compile(r"_token_\d+$"), re.compile(r"/\w+Fusion/?$"))
_LAYOUT: Final = re.compile(r"_n(?:chw|hw)c$")
_STEPS: Final = 8
_DEPTH: Final = 32


class Names:
    """The nodes of a model by all that they may be called.

    Args:
        model: A model as it was read, its nodes in the order of the file.
    """

    def __init__(self, model: ModelProto) -> None:
        self._nodes: dict[str, NodeProto | None] = {}
        self._makers: dict[str, NodeProto | None] = {}
        self._gather(model.graph, 0)

    def node(self, name: str, op: str) -> str:
        """Return what a node is called in static costs that ran under a name and as an operator, or nothing."""
        last = found = self._found(name)
        for _ in range(_STEPS):
            if found is None or _same(found.op_type, op):
                break
            # The fused operator is called by the last of its parts; what it does is one before.
            found = self._makers.get(found.input[0]) if found.input else None
        node = last if found is None or not _same(found.op_type, op) else found
        return "" if node is None else node.name or next(iter(node.output), "")

    def _found(self, name: str) -> NodeProto | None:
        for candidate in _stems(name):
            if (found := self._nodes.get(candidate)) is not None:
                return found
            if (found := self._makers.get(_LAYOUT.sub("", candidate))) is not None:
                return found
        return None

    def _gather(self, graph: GraphProto, depth: int) -> None:
        place = 0
        for node in graph.node:
            _once(self._nodes, node.name or f"{node.op_type}_{place}", node)
            place += node.op_type != "Constant" or bool(node.domain)  # these are weights before nodes get their numbers
            for output in filter(None, node.output):
                _once(self._makers, output, node)
            if depth < _DEPTH:
                for attribute in node.attribute:
                    for body in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                        self._gather(body, depth + 1)


def _same(op: str, ran: str) -> bool:
    """Tell whether an operator is what ran, but for what a fusion or a quantisation put before its name."""
    return re.fullmatch(f"(?:Fused|QLinear|DynamicQuantize|Q|Bias)?{re.escape(op)}(?:NBits|Integer)?", ran) is not None


def _once(known: dict[str, NodeProto | None], name: str, node: NodeProto) -> None:
    """Remember a node by a name; what two share tells nothing."""
    known[name] = None if name in known else node


def _stems(name: str) -> Iterator[str]:
    """Go from a name to what is left of it without what ONNX Runtime added."""
    yield name
    shorter = True
    while shorter:
        before = name
        for added in _ADDED:
            name = added.sub("", name)
        shorter = name != before
        if shorter:
            yield name
