"""The nodes of an ONNX graph in topological order; importing this module imports onnx."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter
from itertools import chain

from onnx import AttributeProto, GraphProto, NodeProto

from greengate.errors import ModelError


def attribute_bodies(attribute: AttributeProto) -> Sequence[GraphProto]:
    """Return the graphs an attribute holds."""
    return [attribute.g] if attribute.HasField("g") else list(attribute.graphs)


def bodies(node: NodeProto) -> Sequence[GraphProto]:
    """Return the graphs a node holds: branches, loop bodies."""
    return [body for attribute in node.attribute for body in attribute_bodies(attribute)]


def sort(graph: GraphProto, where: str, outer: Sequence[AbstractSet[str]] = ()) -> None:
    """Put the nodes of a graph and of its bodies in order.

    Args:
        graph: The graph.
        where: The model, for errors.
        outer: For a body, the names that each graph around it knows.

    Raises:
        ModelError: It goes in a circle, reads what nothing produces, or writes something twice.
    """
    if any(not each.name for each in graph.output):
        raise ModelError(where, f"an output of the graph `{graph.name}` has no name", "export the model again")
    own = {each.name for each in graph.input} | {each.name for each in graph.initializer}
    own |= {each.values.name for each in graph.sparse_initializer}
    known = (*outer, own)
    inner = [bodies(node) for node in graph.node]
    reads = [_reads(node, within) for node, within in zip(graph.node, inner, strict=True)]
    makers = _makers(graph, where)
    for node, names in zip(graph.node, reads, strict=True):
        for name in names:
            if name not in makers and not any(name in each for each in known):
                raise ModelError(where, f"{described(node)} reads `{name}`, which nothing produces")
    order = _order([{makers[name] for name in names if name in makers} for names in reads], graph, where)
    if order != list(range(len(order))):
        nodes = [NodeProto.FromString(graph.node[index].SerializeToString()) for index in order]
        del graph.node[:]
        graph.node.extend(nodes)
        inner = [bodies(node) for node in graph.node]
    for each in graph.output:
        if each.name not in makers and not any(each.name in names for names in known):
            raise ModelError(where, f"the output `{each.name}` is produced by nothing")
    own.update(makers)
    for body in chain.from_iterable(inner):
        sort(body, where, known)


def _makers(graph: GraphProto, where: str) -> dict[str, int]:
    makers: dict[str, int] = {}
    for index, node in enumerate(graph.node):
        for name in filter(None, node.output):
            if name in makers:
                raise ModelError(where, f"two nodes write the same tensor `{name}`", "export the model again")
            makers[name] = index
    return makers


def described(node: NodeProto) -> str:
    """Return a node in words: its operator and name."""
    return f"{node.op_type} `{node.name or next(iter(node.output), '')}`"


def _order(needs: list[set[int]], graph: GraphProto, where: str) -> list[int]:
    if all(not need or max(need) < index for index, need in enumerate(needs)):
        return list(range(len(needs)))
    try:
        return list(TopologicalSorter(dict(enumerate(needs))).static_order())
    except CycleError as error:
        ring = " -> ".join(described(graph.node[index]) for index in error.args[1][:8])
        raise ModelError(where, f"the graph goes round in a circle: {ring}", "export the model again") from error


def _reads(node: NodeProto, within: Iterable[GraphProto]) -> set[str]:
    names = set(filter(None, node.input))
    for body in within:
        made = {each.name for each in body.input} | {each.name for each in body.initializer}
        made |= {each.values.name for each in body.sparse_initializer}
        inner = {each.name for each in body.output}
        for each in body.node:
            inner |= _reads(each, bodies(each))
            made |= set(each.output)
        names |= inner - made
    return names
