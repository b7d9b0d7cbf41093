"""An exported program's graph as a row of steps and the tensors between them."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import torch
from torch.fx.node import map_arg
from torch.utils import _pytree as pytree

from greengate.models import torch_sizes

# These run a part of the graph once and as it stands; other nested graphs may run any number of times.
_PLAIN: Final = frozenset({"wrap_with_set_grad_enabled", "wrap_with_autocast"})


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """One tensor of a graph; its shape may have symbols for sizes."""

    shape: tuple[Any, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Tensor:
        """Return what is known of a tensor without its data."""
        return cls(tuple(tensor.shape), tensor.dtype)

    def dims(self, symbols: Mapping[str, int]) -> tuple[int, ...] | None:
        """Return the shape, or None while a size is open."""
        sizes = [torch_sizes.closed(size, symbols) for size in self.shape]
        known = tuple(size for size in sizes if size is not None)
        return known if len(known) == len(sizes) else None

    def elements(self, symbols: Mapping[str, int]) -> int | None:
        """Return how many elements it has, or None while a size is open."""
        dims = self.dims(symbols)
        return None if dims is None else prod(dims)

    def size_bytes(self, symbols: Mapping[str, int]) -> int | None:
        """Return how large it is, or None while a size is open."""
        elements = self.elements(symbols)
        return None if elements is None else elements * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class Step:
    """One operator.

    Attributes:
        path: The path of its module in a `torch_walk.Walk`.
        node: Its node.
        reads: The tensors that it reads, each once.
        writes: Those that it returns.
        named: Those of the tensors it reads that are arguments on their own, by the argument's name.
    """

    path: str
    node: Any
    reads: tuple[Tensor, ...]
    writes: tuple[Tensor, ...]
    named: Mapping[str, Tensor]

    @property
    def nested(self) -> bool:
        """Whether it is a graph of its own, of which it is not known how often it runs."""
        return is_nested(self.node)

    @property
    def name(self) -> str:
        """The operator with its namespace, such as "aten::relu"."""
        packet = getattr(self.node.target, "_overloadpacket", None)
        if packet is not None:
            return str(packet._qualified_op_name)  # noqa: SLF001 - it has no public name
        return (
            f"{'higher_order' if self.nested else 'python'}::{getattr(self.node.target, '__name__', self.node.target)}"
        )


@dataclass(frozen=True, slots=True)
class Steps:
    """A whole graph.

    Attributes:
        inputs: For each placeholder its tensor, or None if it is no tensor.
        steps: In the order in which they run; those that compute no tensor are left out.
        outputs: The tensors that are returned.
    """

    inputs: tuple[Tensor | None, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Tensor, ...]


def steps_of(graph_module: Any) -> Steps:
    """Return a graph as a row of steps, those of the plain graphs inside it among them."""
    inputs = [_tensors(node.meta.get("val")) for node in graph_module.graph.nodes if node.op == "placeholder"]
    steps: list[Step] = []
    outputs = _follow(graph_module, inputs, "", steps)
    return Steps(tuple(map(_alone, inputs)), tuple(steps), tuple(_leaves(outputs)))


def is_nested(node: Any) -> bool:
    """Tell whether a node runs graphs of its own, other than once and as they stand."""
    return _is_higher(node) and str(node.target) not in _PLAIN


def is_plain(node: Any) -> bool:
    """Tell whether a node runs a graph of its own once and as it stands."""
    return _is_higher(node) and str(node.target) in _PLAIN


def inner(graph_module: Any, node: Any) -> tuple[Any, Sequence[Any]]:
    """Return the graph that a node runs, and what it is run with."""
    for place, argument in enumerate(node.args):
        if isinstance(argument, torch.fx.Node) and argument.op == "get_attr":
            return attribute(graph_module, str(argument.target)), node.args[place + 1 :]
    raise ValueError(f"{node.target} has no graph")


def attribute(graph_module: Any, target: str) -> Any:
    """Return a graph or a tensor that a graph holds."""
    return operator.attrgetter(target)(graph_module)


def filled_in(arguments: Any, found: Mapping[Any, Any]) -> Any:
    """Return a node's arguments with what was found in place of other nodes."""
    return map_arg(arguments, lambda node: found[node])


def _is_higher(node: Any) -> bool:
    return isinstance(node.target, torch._ops.HigherOrderOperator)  # noqa: SLF001 - it has no public name


def _follow(graph_module: Any, given: Sequence[Any], path: str, steps: list[Step]) -> Any:
    found: dict[Any, Any] = {}
    rest = iter(given)
    for index, node in enumerate(graph_module.graph.nodes):
        if node.op == "placeholder":
            found[node] = next(rest)
        elif node.op == "get_attr":
            found[node] = _tensors(attribute(graph_module, node.target))
        elif node.op == "output":
            return filled_in(node.args[0], found)
        elif node.target is operator.getitem:
            source, key = found[node.args[0]], node.args[1]
            found[node] = source[key] if isinstance(source, list | tuple) else _tensors(node.meta.get("val"))
        elif is_plain(node):
            below, operands = inner(graph_module, node)
            found[node] = _follow(below, filled_in(operands, found), f"{path}n{index}.", steps)
        else:
            found[node] = _tensors(node.meta.get("val"))
            writes = tuple(_leaves(found[node]))
            if writes or is_nested(node):
                reads = dict.fromkeys(_leaves(filled_in((node.args, node.kwargs), found)))
                steps.append(Step(f"{path}n{index}", node, tuple(reads), writes, _named(node, found)))
    return ()


def _named(node: Any, found: Mapping[Any, Any]) -> dict[str, Tensor]:
    schema = getattr(node.target, "_schema", None)
    names = [argument.name for argument in schema.arguments] if schema is not None else []
    given = {**dict(zip(names, node.args, strict=False)), **node.kwargs}
    values = {name: found[value] for name, value in given.items() if isinstance(value, torch.fx.Node)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def described(value: Any) -> Any:
    """Return what a graph knows of what a node returns, with a `Tensor` in place of each of torch's.

    Those have symbols in their shapes, and torch does not let them be read while it traces.
    """
    return pytree.tree_map(lambda leaf: Tensor.of(leaf) if isinstance(leaf, torch.Tensor) else leaf, value)


def _tensors(value: Any) -> Any:
    return pytree.tree_map(lambda leaf: Tensor.of(leaf) if isinstance(leaf, torch.Tensor) else None, value)


def _leaves(value: Any) -> Iterator[Tensor]:
    return (leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor))


def _alone(value: Any) -> Tensor | None:
    return value if isinstance(value, Tensor) else None
