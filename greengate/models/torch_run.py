"""What the graphs of one run share, and how tensors without data stand for what is not to be computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import torch
from torch.utils import _pytree as pytree

from greengate.models import torch_sizes
from greengate.models.torch_graph import Tensor, filled_in
from greengate.models.torch_trace import META

# Tensors no larger than this are computed where all that they depend on is constant: they may steer shapes.
SMALL: Final = 1024


@dataclass(slots=True)
class Run:
    """What the graphs of one run share.

    Attributes:
        symbols: Size by symbol. Those that only a run tells are added.
        real: Whether everything is computed. Otherwise tensors without data stand for all that is not small and
            constant.
        target: The operator that runs now.
        expected: What the graph knows of what that returns.
        loose: Tensors that nothing may use any more; a trace forgets what led to them unless they are returned.
    """

    symbols: dict[str, int]
    real: bool
    target: Any = None
    expected: Any = None
    loose: list[torch.Tensor] = field(default_factory=list)

    def stand_in(self, func: Any) -> Any:
        """Return tensors without data for what the operator that runs now returns, as the graph knows it.

        Raises:
            NotImplementedError: It is a part of that operator, or its sizes are not known.
        """
        if self.target is not func:
            raise NotImplementedError(f"{func} has no kernel for tensors without data")
        return self.empty()

    def empty(self) -> Any:
        """Do the same, whatever operator asks."""
        return pytree.tree_map_only(Tensor, self._empty, self.expected)

    def _empty(self, expected: Tensor) -> torch.Tensor:
        dims = expected.dims(self.symbols)
        if dims is None:
            raise NotImplementedError(f"the sizes of what {self.target} returns are known in a run alone")
        return torch.empty(dims, dtype=expected.dtype, device=META)

    def attended(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, turned: bool) -> Any:
        """Do attention in the one form that every trace takes, and stand in for what else a kernel returns.

        Args:
            query: Queries, by batch, heads, length and width.
            key: Keys likewise, for as many heads or fewer.
            value: Values likewise.
            turned: Whether the length comes before the heads.
        """
        heads, length = (-2, -3) if turned else (-3, -2)
        grouped = query.size(heads) != key.size(heads)
        parts = [part.transpose(heads, length) if turned else part for part in (query, key, value)]
        result = torch.ops.aten.scaled_dot_product_attention.default(*parts, enable_gqa=bool(grouped))
        result = result.transpose(heads, length) if turned else result
        expected = self.empty()
        return result if isinstance(expected, torch.Tensor) else (result, *expected[1:])

    def prepared(self, node: Any, found: dict[Any, Any]) -> tuple[Any, Any]:
        """Return the arguments of an operator, such that what is not small and constant is not computed."""
        arguments = filled_in((node.args, node.kwargs), found)
        computed = self._is_small() and all(_has_data(arguments))
        device = torch.device("cpu" if computed else META)
        if not computed and any(_has_data(arguments)):
            for used in node.all_input_nodes:
                found[used] = pytree.tree_map_only(torch.Tensor, _emptied, found[used])
            arguments = filled_in((node.args, node.kwargs), found)
        args, options = pytree.tree_map_only(torch.device, lambda _: device, arguments)
        given = {"device": device} if not _has_data(arguments) and _takes_device(node.target) else {}
        return args, {**options, **given}

    def _is_small(self) -> bool:
        tensors = [leaf for leaf in pytree.tree_leaves(self.expected) if isinstance(leaf, Tensor)]
        elements = [tensor.elements(self.symbols) for tensor in tensors]
        return all(count is not None and count <= SMALL for count in elements)

    def learn(self, result: Any) -> None:
        """Remember sizes that the graph has symbols for and that only a run tells."""
        for before, after in zip(pytree.tree_leaves(self.expected), pytree.tree_leaves(result), strict=False):
            if isinstance(before, torch.SymInt):
                self._note(before, partial(int, after))
            elif isinstance(before, Tensor):
                for axis, size in enumerate(before.shape):
                    self._note(size, partial(after.size, axis))

    def _note(self, size: Any, found: Callable[[], Any]) -> None:
        # Under a trace, to ask for a size is traced; it is asked for only where it is not known.
        if isinstance(size, torch.SymInt) and torch_sizes.closed(size, self.symbols) is None:
            expression = size.node.expr
            if expression.is_Symbol:
                self.symbols[expression.name] = int(found())


def tensors_of(value: Any) -> list[torch.Tensor]:
    """Return the tensors that are in a value of lists, tuples and mappings."""
    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, torch.Tensor)]


def _has_data(arguments: Any) -> list[bool]:
    return [not tensor.is_meta for tensor in tensors_of(arguments)]


def _emptied(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.is_meta else torch.empty_like(tensor, device=META)


def _takes_device(target: Any) -> bool:
    schema = getattr(target, "_schema", None)
    return schema is not None and any(argument.name == "device" for argument in schema.arguments)
