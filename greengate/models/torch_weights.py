"""Which tensors of an exported program are weights, and which of its steps is the first to use each.

Weights are the parameters that some step reads, each once; and of buffers and constants those of a quantised type that
are dequantised, or multiplied as they are. Apart from them, as in `onnx_weights`, stand running statistics, integers,
scalars of rank 0, buffers, and what nothing reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch

from greengate.models import torch_operators
from greengate.models.torch_graph import Step, Steps, Tensor

# torch's element types by ONNX's names for them.
DTYPES: Final[Mapping[str, str]] = {
    "float64": "DOUBLE",
    "float32": "FLOAT",
    "float16": "FLOAT16",
    "bfloat16": "BFLOAT16",
    "float8_e4m3fn": "FLOAT8E4M3FN",
    "float8_e4m3fnuz": "FLOAT8E4M3FNUZ",
    "float8_e5m2": "FLOAT8E5M2",
    "float8_e5m2fnuz": "FLOAT8E5M2FNUZ",
    "float8_e8m0fnu": "FLOAT8E8M0",
    "complex64": "COMPLEX64",
    "complex128": "COMPLEX128",
}
_NO_WEIGHT: Final = frozenset({"bool", "int32", "uint32", "int64", "uint64"})
_QUANTISED: Final = ("int8", "uint8", "int4", "uint4", "int2", "uint2", "float8")
_FORMS: Final = """
    alias clone contiguous detach expand flatten permute reshape squeeze t to _to_copy transpose unsqueeze view"""
_PASSING: Final = frozenset(f"aten::{name}" for name in _FORMS.split())
_DEQUANTISES: Final = "quantized_decomposed::dequantize_"
_STATISTICS: Final = frozenset({"running_mean", "running_var"})


@dataclass(slots=True)
class Weights:
    """What weights take up, and what stands apart from them.

    Attributes:
        elements: Elements of the weights that each step is the first to use, by the step's path.
        stored: Bytes of those.
        by_dtype: Elements of each type, as ONNX calls it.
        statistics: Elements of the running statistics of batch normalisations.
        constants: Elements of all other tensors that the program holds.
        idle: Elements of parameters that nothing reads; they are among the constants.
        dequantised: Tensors that are a dequantised form of integers.
    """

    elements: dict[str, int] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)
    by_dtype: dict[str, int] = field(default_factory=dict)
    statistics: int = 0
    constants: int = 0
    idle: int = 0
    dequantised: set[Tensor] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor that a program holds: as its graph knows it, what it is, and what is the same for all names of it."""

    tensor: Tensor
    is_parameter: bool
    key: Any


def held(program: Any, inputs: Sequence[Tensor | None]) -> Iterator[Held]:
    """Go through the tensors that a program holds.

    Args:
        program: The exported program.
        inputs: The tensors of its placeholders.
    """
    parameter = torch.export.graph_signature.InputKind.PARAMETER
    for spec, tensor in zip(program.graph_signature.input_specs, inputs, strict=True):
        value = stored(program, spec)
        if tensor is not None and isinstance(value, torch.Tensor):
            # Without data, nothing tells that two names are of one tensor.
            yield Held(tensor, spec.kind is parameter, spec.target if value.is_meta else _key(value))


def stored(program: Any, spec: Any) -> Any:
    """Return what a program holds for one of its placeholders, or None."""
    return program.state_dict.get(spec.target, program.constants.get(spec.target)) if spec.target else None


def weigh(tensors: Iterable[Held], graph: Steps) -> Weights:
    """Return all weights, and the steps that use them first."""
    uses = _uses(graph.steps)
    weights = Weights(dequantised=uses.dequantised)
    same: dict[Any, list[Held]] = {}
    for each in tensors:
        same.setdefault(each.key, []).append(each)
    for names in same.values():
        # One tensor may have several names, of which the graph reads one.
        read = [each for each in names if each.tensor in uses.first]
        _add(min(read or names, key=lambda each: uses.first.get(each.tensor, (0, ""))), uses, weights)
    return weights


def _add(each: Held, uses: _Uses, weights: Weights) -> None:
    elements = each.tensor.elements({}) or 0
    _, user = uses.first.get(each.tensor, (0, ""))
    if user and _is_weight(each, uses):
        dtype = _dtype(each.tensor)
        weights.elements[user] = weights.elements.get(user, 0) + elements
        weights.stored[user] = weights.stored.get(user, 0) + (each.tensor.size_bytes({}) or 0)
        weights.by_dtype[dtype] = weights.by_dtype.get(dtype, 0) + elements
    elif each.tensor in uses.statistics:
        weights.statistics += elements
    else:
        weights.constants += elements
        weights.idle += elements if each.is_parameter and not user else 0


@dataclass(slots=True)
class _Uses:
    """What tensors are used for.

    Attributes:
        first: Place and path of the first step that does more with a tensor than to pass it on in another form.
        multiplied: Those that a dequantising step or a matmul-like one reads.
        dequantised: Those that a dequantising step wrote, whatever form they take.
    """

    first: dict[Tensor, tuple[int, str]] = field(default_factory=dict)
    multiplied: set[Tensor] = field(default_factory=set)
    statistics: set[Tensor] = field(default_factory=set)
    dequantised: set[Tensor] = field(default_factory=set)


def _uses(steps: Sequence[Step]) -> _Uses:
    uses, sources, passing = _Uses(), dict[Tensor, Tensor](), dict[Tensor, tuple[int, str]]()
    for place, step in enumerate(steps):
        reads = [sources.get(tensor, tensor) for tensor in step.reads]
        dequantises = step.name.startswith(_DEQUANTISES)
        passes = dequantises or (len(reads) == 1 and step.name in _PASSING)
        if dequantises or torch_operators.kind_of(step.name) == torch_operators.MATMUL:
            uses.multiplied.update(reads[:1] if dequantises else reads)
        if dequantises or (passes and step.reads[0] in uses.dequantised):
            uses.dequantised.update(step.writes)
        if passes:
            sources.update(dict.fromkeys(step.writes, reads[0]))
            passing.setdefault(reads[0], (place, step.path))
        uses.statistics.update(step.named[name] for name in _STATISTICS if name in step.named)
        for tensor in reads[1 if passes else 0 :]:
            uses.first.setdefault(tensor, (place, step.path))
    uses.first = {**passing, **uses.first}
    return uses


def _is_weight(each: Held, uses: _Uses) -> bool:
    name = _name(each.tensor)
    if not each.tensor.shape or each.tensor in uses.statistics:
        return False
    if each.tensor in uses.multiplied and (name.startswith(_QUANTISED) or name == "int32"):
        return True
    return each.is_parameter and name not in _NO_WEIGHT


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _dtype(tensor: Tensor) -> str:
    return DTYPES.get(_name(tensor), _name(tensor).upper())


def _key(value: torch.Tensor) -> Any:
    return value.data_ptr(), value.dtype, tuple(value.shape), value.stride()
