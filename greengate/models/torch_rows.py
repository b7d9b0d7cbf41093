"""What the steps of an exported program cost one by one, and which of its tensors are needed at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from greengate.models import onnx_kinds, torch_operators
from greengate.models.costs_answer import NAME
from greengate.models.torch_graph import Step, Steps, Tensor
from greengate.models.torch_operators import MATMUL
from greengate.models.torch_trace import Traced
from greengate.models.torch_weights import Weights
from greengate.ports import NodeCost

# Operands of a product come after what it is added to.
_ADDING: Final = frozenset({"addbmm", "addmm", "addmv", "baddbmm", "_addmm_activation"})
_FLOATS: Final = ("float", "bfloat", "complex")


def rows(steps: Sequence[Step], symbols: Mapping[str, int], weights: Weights, traced: Traced | None) -> list[NodeCost]:
    """Return a row for each step; where there is no count of a matmul-like one, its multiply-accumulates are None."""
    names = names_of(steps)
    return [_row(step, names[step.path], symbols, weights, traced) for step in steps]


def names_of(steps: Sequence[Step]) -> dict[str, str]:
    """Name each step by its module; by its operator too where the module has several steps, and numbered if need be.

    So names stay as they are when another part of the model changes.
    """
    modules = {step.path: _module(step) for step in steps}
    many = {module for module, count in Counter(modules.values()).items() if count > 1}
    names: dict[str, str] = {}
    taken: set[str] = set()
    used: Counter[str] = Counter()
    for step in steps:
        module, op = modules[step.path], _split(step)[1]
        name = first = _cut(module if module and module not in many else f"{module}/{op}" if module else op)
        while name in taken:
            used[first] += 1
            name = f"{first}_{used[first]}"
        taken.add(name)
        names[step.path] = name
    return names


def _cut(name: str) -> str:
    """Leave room for a number within what travels."""
    most = NAME - 10
    return name if len(name) <= most else f"…{name[1 - most :]}"


def merged(found: Sequence[NodeCost], most: int) -> list[NodeCost]:
    """Return no more rows than that: the last ones are summed up, by operator."""
    if len(found) <= most:
        return list(found)
    groups: dict[tuple[str, str, str, bool], list[NodeCost]] = defaultdict(list)
    kinds = {(row.op, row.domain, row.kind, row.integer) for row in found}
    kept = max(0, most - len(kinds))
    for row in found[kept:]:
        groups[row.op, row.domain, row.kind, row.integer].append(row)
    return [*found[:kept], *map(_merged, groups.values())]


def peak_bytes(graph: Steps, own: Iterable[Tensor], symbols: Mapping[str, int]) -> int | None:
    """Return the bytes of inputs, intermediate tensors and outputs that are live at once, each in memory of its own.

    Inputs are live until they have been read for the last time, outputs until the end.

    Args:
        graph: The steps in their order.
        own: The tensors that the program holds, which are none of these.
        symbols: What its sizes stand for.
    """
    held, kept = set(own), set(graph.outputs)
    fed = [tensor for tensor in graph.inputs if tensor is not None and tensor not in held]
    last: dict[Tensor, int] = {}
    for index, step in enumerate(graph.steps):
        last.update(dict.fromkeys((*step.writes, *step.reads), index))
    freed: dict[int, list[Tensor]] = defaultdict(list)
    for tensor, index in last.items():
        if tensor not in held and tensor not in kept:
            freed[index].append(tensor)
    sizes = {tensor: tensor.size_bytes(symbols) for tensor in {*fed, *last} - held}
    if None in sizes.values():
        return None
    known = {tensor: size or 0 for tensor, size in sizes.items()}
    live = peak = sum(known[tensor] for tensor in fed)
    for index, step in enumerate(graph.steps):
        live += sum(known[tensor] for tensor in step.writes)
        peak = max(peak, live)
        live -= sum(known[tensor] for tensor in freed[index])
    return peak


def total(parts: Iterable[int | None]) -> int | None:
    """Add up, or return None where a part is not known."""
    known = list(parts)
    return None if None in known else sum(part for part in known if part is not None)


def _row(step: Step, name: str, symbols: Mapping[str, int], weights: Weights, traced: Traced | None) -> NodeCost:
    domain, op = _split(step)
    kind = torch_operators.kind_of(step.name)
    return NodeCost(
        name=name,
        op=op,
        domain=domain,
        kind=kind or "unknown",
        macs=_macs(step, kind, traced),
        integer=kind == MATMUL and _is_integer(step, op, weights),
        operations=_operations(step, kind, symbols),
        read_bytes=total(tensor.size_bytes(symbols) for tensor in step.reads),
        written_bytes=total(tensor.size_bytes(symbols) for tensor in step.writes),
        parameters=weights.elements.get(step.path, 0),
        weight_bytes=weights.stored.get(step.path, 0),
    )


def _macs(step: Step, kind: str | None, traced: Traced | None) -> int | None:
    if traced is None or step.nested:
        return 0 if kind not in {None, MATMUL} else None
    return None if step.path in traced.incomplete else traced.by_module.get(step.path, 0)


def _operations(step: Step, kind: str | None, symbols: Mapping[str, int]) -> int | None:
    """Count one operation for each element of what is larger, the first input or the first output."""
    if kind is None:
        return None
    if not onnx_kinds.has_operations(kind):
        return 0
    sizes = [tensors[0].elements(symbols) for tensors in (step.reads, step.writes) if tensors]
    return max((size for size in sizes if size is not None), default=None) if None not in sizes else None


def _is_integer(step: Step, op: str, weights: Weights) -> bool:
    operands = step.reads[1:3] if op in _ADDING else step.reads[:2]
    integers = [not str(tensor.dtype).removeprefix("torch.").startswith(_FLOATS) for tensor in operands]
    return len(operands) == 2 and (all(integers) or weights.dequantised.issuperset(operands))


def _split(step: Step) -> tuple[str, str]:
    domain, _, op = step.name.rpartition("::")
    return "" if domain == "aten" else domain, op


def _module(step: Step) -> str:
    """Return the path of the module that a step belongs to in the source; empty for the model itself."""
    stack = step.node.meta.get("nn_module_stack") or {}
    path = next((str(entry[0]) for entry in reversed(stack.values())), "")
    if path.startswith("_empty"):  # torch's word for none
        return ""
    return path.removeprefix("L['self']").removeprefix("L__self__").removeprefix(".")


def _merged(group: Sequence[NodeCost]) -> NodeCost:
    return replace(
        group[0],
        name=f"and {len(group)} more",
        macs=total(row.macs for row in group),
        operations=total(row.operations for row in group),
        read_bytes=total(row.read_bytes for row in group),
        written_bytes=total(row.written_bytes for row in group),
        parameters=sum(row.parameters for row in group),
        weight_bytes=sum(row.weight_bytes for row in group),
        times=len(group),
    )
