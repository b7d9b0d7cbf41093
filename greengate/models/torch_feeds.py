"""What an exported program is run with to be counted: a value for each placeholder of its graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from greengate.models import torch_weights
from greengate.models.torch_graph import Tensor
from greengate.models.torch_run import SMALL, Run, tensors_of
from greengate.models.torch_trace import META
from greengate.models.torch_walk import Walk


class Fed(Walk):
    """A whole program as tracing wants it: tensors in, a tuple of tensors out.

    Args:
        program: The exported program.
        run: What its graphs share.
        values: A value for each placeholder; those that are tensors are given anew in every run.
    """

    def __init__(self, program: Any, run: Run, values: Sequence[Any]) -> None:
        super().__init__(program.graph_module, run)
        self._slots = [None if isinstance(value, torch.Tensor) else (value,) for value in values]

    def forward(self, *tensors: torch.Tensor) -> Any:
        """Run it."""
        self._running.loose.clear()
        rest = iter(tensors)
        result = super().forward(*(next(rest) if slot is None else slot[0] for slot in self._slots))
        return (*tensors_of(result), *self._running.loose)


def without_data(program: Any, symbols: Mapping[str, int]) -> list[Any]:
    """Return tensors without data, save for constants that are small enough to steer shapes; those are copies."""
    return [
        _stood_for(node, spec, torch_weights.stored(program, spec), symbols)
        for node, spec in zip(_placeholders(program), program.graph_signature.input_specs, strict=True)
    ]


def with_data(program: Any, inputs: Sequence[torch.Tensor]) -> list[Any]:
    """Return what the program holds, and its inputs; a run may write into buffers, so those are copies."""
    kinds = torch.export.graph_signature.InputKind
    rest = iter(inputs)
    values: list[Any] = []
    for spec in program.graph_signature.input_specs:
        held = torch_weights.stored(program, spec)
        if isinstance(held, torch.Tensor):
            values.append(held.detach() if spec.kind is kinds.PARAMETER else held.detach().clone())
        elif isinstance(spec.arg, torch.export.graph_signature.TensorArgument):
            values.append(next(rest))
        else:
            values.append(held if held is not None else getattr(spec.arg, "value", None))
    return values


def _placeholders(program: Any) -> list[Any]:
    return [node for node in program.graph.nodes if node.op == "placeholder"]


def _stood_for(node: Any, spec: Any, held: Any, symbols: Mapping[str, int]) -> Any:
    expected = node.meta.get("val")
    if not isinstance(expected, torch.Tensor):
        return held if held is not None else getattr(spec.arg, "value", None)
    parameter = spec.kind is torch.export.graph_signature.InputKind.PARAMETER
    if held is not None and not parameter and held.numel() <= SMALL and not held.is_meta:
        return held.detach().cpu().clone()
    dims = Tensor.of(expected).dims(symbols)
    if dims is None:
        raise ValueError(f"a size of {node.name} is open")
    return torch.empty(dims, dtype=expected.dtype, device=META)
