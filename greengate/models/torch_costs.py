"""Static costs of an exported program, counted by fvcore on a trace of one run.

The convention is that of `onnx_costs`: multiply-accumulates of matmul-like operators at the sizes of the inputs, an
operator that is not known makes `macs` None and is named. One thing differs: torch folds nothing, so what depends on
constants alone is run, and counted, every time. Parameters are the program's parameters, each once, without buffers.
Activation bytes are those of every output of every operator of the graph, views included.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import torch
from fvcore.nn import FlopCountAnalysis
from torch.utils import _pytree as pytree

from greengate.models.onnx_formulas import Uncountable
from greengate.models.torch_operators import HANDLES, ZERO, Formula, Values

_SHOWN: Final = 10
# These run a part of the graph once and as it stands, so that a trace sees into them; other nested graphs it cannot.
_PLAIN: Final = frozenset({"wrap_with_set_grad_enabled", "wrap_with_autocast"})


def count(program: Any, module: Any, tensors: Sequence[torch.Tensor], sizes: Mapping[str, int]) -> dict[str, Any]:
    """Return the fields of `ports.StaticCosts` as plain numbers.

    Args:
        program: The exported program.
        module: The same, to be called with tensors alone.
        tensors: Its inputs.
        sizes: What its open axes' symbols stand for.
    """
    nested = {str(node.target) for node in _calls(program) if _is_nested(node)} - _PLAIN
    gaps = [f"{name}: which of its inner graphs run, and how often, is decided in the run" for name in sorted(nested)]
    macs = 0 if gaps else _macs(module, tensors, gaps)
    if len(gaps) > _SHOWN:
        gaps = [*gaps[:_SHOWN], f"and {len(gaps) - _SHOWN} more"]
    weights = _weights(program)
    return {
        "macs": None if gaps else macs,
        "parameters": sum(weight.numel() for weight in weights),
        "weight_bytes": sum(weight.numel() * weight.element_size() for weight in weights),
        "activation_bytes": None if nested else _activation_bytes(program, sizes),
        "uncovered": gaps,
    }


def _macs(module: Any, tensors: Sequence[torch.Tensor], gaps: list[str]) -> int:
    """Return the multiply-accumulates of one run, and add what could not be counted to the gaps."""
    analysis = FlopCountAnalysis(module, tuple(tensors)).clear_op_handles()
    analysis.set_op_handle(**{name: _Handle(name, formula, gaps) for name, formula in HANDLES.items()})
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    macs = int(analysis.total())
    for name, times in sorted(analysis.unsupported_ops().items()):
        if not _is_zero(name):
            gaps.append(f"{name} ({times:,} times): no formula is known for this operator")
    return macs


class _Handle:
    """A formula as fvcore calls it."""

    def __init__(self, name: str, formula: Formula, gaps: list[str]) -> None:
        self._name, self._formula, self._gaps = name, formula, gaps

    def __call__(self, inputs: Values, outputs: Values) -> int:
        try:
            return self._formula(inputs, outputs)
        except Uncountable as reason:
            self._gaps.append(f"{self._name}: {reason}")
            return 0


def _is_zero(name: str) -> bool:
    space, _, word = name.partition("::")
    if space == "quantized_decomposed":
        return word.startswith(("quantize_", "dequantize_"))
    return space == "aten" and (word in ZERO or word.removesuffix("_") in ZERO)


def _calls(program: Any) -> Iterator[Any]:
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            yield from (node for node in module.graph.nodes if node.op == "call_function")


def _is_nested(node: Any) -> bool:
    return isinstance(node.target, torch._ops.HigherOrderOperator)  # noqa: SLF001 - it has no public name


def _weights(program: Any) -> list[torch.Tensor]:
    unique = {}
    for name in program.graph_signature.parameters:
        weight = program.state_dict[name]
        unique[weight.data_ptr(), weight.dtype, tuple(weight.shape), weight.stride()] = weight
    return list(unique.values())


def _activation_bytes(program: Any, sizes: Mapping[str, int]) -> int | None:
    written = 0
    for node in _calls(program):
        if node.target is operator.getitem or _is_nested(node):
            continue
        for value in pytree.tree_leaves(node.meta.get("val")):
            if isinstance(value, torch.Tensor):
                dims = [_size(dim, sizes) for dim in value.shape]
                if None in dims:
                    return None
                elements = 1
                for dim in dims:
                    elements *= dim or 0
                written += elements * value.dtype.itemsize
    return written


def _size(dim: Any, sizes: Mapping[str, int]) -> int | None:
    if isinstance(dim, int):
        return dim
    expression = dim.node.expr
    known = {symbol: sizes[symbol.name] for symbol in expression.free_symbols if symbol.name in sizes}
    closed = expression.subs(known)
    return int(closed) if closed.is_Integer else None
