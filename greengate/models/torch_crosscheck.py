"""torch's own count beside fvcore's: `FlopCounterMode` under the same convention, and what the two differ in, in words.

torch counts what operators come to, one layer below fvcore: attention as two products, a recurrent layer step by step.
It counts nothing for products with vectors, for attention and recurrent layers by the fused kernels of the CPU, and for
the fused forms of whole attentions and encoder layers. Formulas for these are added here, written apart from fvcore's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import torch
from torch.utils.flop_counter import FlopCounterMode

from greengate.models.torch_trace import StandIn, Traced, standing_in

_SHOWN: Final = 3
Shape = Sequence[int]


@dataclass(frozen=True, slots=True)
class Checked:
    """What torch counts: multiply-accumulates in all, and those of each module by its path."""

    macs: int
    by_module: dict[str, int]


def counted(module: torch.nn.Module, tensors: Sequence[torch.Tensor], stand_in: StandIn | None = None) -> Checked:
    """Count the multiply-accumulates of one run of a module, as `torch_trace.traced` does."""
    if not any(tensor.is_meta for tensor in tensors):
        return _counted(module, tensors)
    with torch.inference_mode(mode=False), torch.no_grad(), standing_in(stand_in):
        return _counted(module, tensors)


def difference(traced: Traced, checked: Checked, names: Mapping[str, str]) -> str:
    """Say in words how two counts differ, or return nothing where they agree.

    Args:
        traced: fvcore's.
        checked: torch's own.
        names: What the modules are called that are compared one by one, by path.
    """
    if traced.macs == checked.macs:
        return ""
    pairs = {name: (traced.by_module.get(path, 0), checked.by_module.get(path, 0)) for path, name in names.items()}
    apart = [f"`{name}` ({one:,} and {other:,})" for name, (one, other) in pairs.items() if one != other]
    left = f" and {len(apart) - _SHOWN} more" if len(apart) > _SHOWN else ""
    where = f": they differ at {', '.join(apart[:_SHOWN])}{left}" if apart else ""
    return f"fvcore counts {traced.macs:,} MACs and torch's own counter {checked.macs:,}{where}"


def _counted(module: torch.nn.Module, tensors: Sequence[torch.Tensor]) -> Checked:
    with FlopCounterMode(display=False, custom_mapping=_added()) as counter:
        module(*tensors)
    flops = {path: sum(counts.values()) for path, counts in counter.get_flop_counts().items()}
    root = f"{type(module).__name__}."
    by_module = {path.removeprefix(root): count // 2 for path, count in flops.items() if path.startswith(root)}
    return Checked(counter.get_total_flops() // 2, by_module)


def _added() -> dict[Any, Callable[..., int]]:
    """Return the formulas by operator, those that this torch has."""
    packets = ((getattr(torch.ops.aten, name, None), formula) for name, formula in _FORMULAS.items())
    return {packet: _flops(formula) for packet, formula in packets if packet is not None}


def _flops(formula: Callable[..., int]) -> Callable[..., int]:
    def flops(*shapes: Any, out_shape: Any = None, **options: Any) -> int:  # noqa: ARG001 - torch gives it by name
        return 2 * formula(*shapes, **options)

    return flops


def _vector(first: Shape, second: Shape, *_: Any, **__: Any) -> int:
    return prod(first) * (second[-1] if len(second) > 1 else 1)


def _added_to(_: Shape, first: Shape, second: Shape, *__: Any, **___: Any) -> int:
    return _vector(first, second)


def _transposed(rows: Shape, weight: Shape, *_: Any, **__: Any) -> int:
    return prod(rows) * weight[0]


def _attention(query: Shape, key: Shape, value: Shape, *_: Any, **__: Any) -> int:
    """Queries are batch, heads, length, width."""
    scores = prod(query[:-1]) * key[-2]
    return scores * query[-1] + scores * value[-1]


def _multi_head(query: Shape, key: Shape, value: Shape, width: int, *_: Any, **__: Any) -> int:
    """Four projections of the same width; queries are batch, length, width."""
    projections = (2 * prod(query) + prod(key) + prod(value)) * width
    return projections + query[0] * query[1] * key[1] * 2 * width


def _encoder_layer(rows: Shape, width: int, *arguments: Any, **_: Any) -> int:
    """Self-attention, and two linear layers of which `arguments[12]` is the first one's weight."""
    inner: int = arguments[12][0]
    return _multi_head(rows, rows, rows, width) + 2 * prod(rows) * inner


def _recurrent(rows: Shape, weight: Shape, recurrent: Shape, *_: Any, **__: Any) -> int:
    """One layer in one direction: all gates by its inputs and by its state."""
    return prod(rows[:-1]) * weight[0] * (rows[-1] + recurrent[-1])


def _recurrent_on_gpu(rows: Shape, weights: Sequence[Shape], *_: Any, **__: Any) -> int:
    """The matrices of all layers and directions, among which the biases are vectors."""
    return prod(rows[:-1]) * sum(prod(weight) for weight in weights if len(weight) == 2)


_FORMULAS: Final[Mapping[str, Callable[..., int]]] = {
    "mv": _vector,
    "dot": _vector,
    "vdot": _vector,
    "addmv": _added_to,
    "addbmm": _added_to,
    "_addmm_activation": _added_to,
    "_int_mm": _vector,
    "_weight_int8pack_mm": _transposed,
    "_scaled_dot_product_attention_math_for_mps": _attention,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_native_multi_head_attention": _multi_head,
    "_triton_multi_head_attention": _multi_head,
    "_transformer_encoder_layer_fwd": _encoder_layer,
    "mkldnn_rnn_layer": _recurrent,
    "_cudnn_rnn": _recurrent_on_gpu,
}
