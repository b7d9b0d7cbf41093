"""Static costs of an exported program, counted by fvcore on a trace of one run, and by torch itself beside it.

The convention is that of `onnx_costs`: multiply-accumulates of matmul-like operators at the sizes of the inputs, an
operator that is not known makes `macs` None and is named. One thing differs: torch folds nothing, so what depends on
constants alone is run, and counted, every time.

Nothing is computed: the program runs on tensors without data (torch's "meta" device). Only what is small and depends
on constants alone is computed, since it may steer shapes. A program whose shapes depend on its inputs' values is run as
it is, on its inputs or such as are made for it, and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import torch

from greengate.errors import ModelError
from greengate.models import (
    costs_answer,
    torch_crosscheck,
    torch_feeds,
    torch_graph,
    torch_rows,
    torch_trace,
    torch_weights,
)
from greengate.models.torch_feeds import Fed
from greengate.models.torch_graph import Step
from greengate.models.torch_run import Run, tensors_of
from greengate.models.torch_sizes import Filled
from greengate.models.torch_trace import Traced
from greengate.models.torch_walk import is_packed

_SHOWN: Final = 10
_LARGEST: Final = 2**63
_NESTED: Final = "which of its inner graphs run, and how often, is decided in the run"
_PACKED: Final = "shapes do not tell how long its packed sequences are"
# What torch raises where it cannot run something; MemoryError is none of these.
_REFUSALS: Final = (RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError)
Feeds = Callable[[], Sequence[torch.Tensor]]


def count(program: Any, filled: Filled, feeds: Feeds) -> dict[str, Any]:
    """Return the fields of `ports.StaticCosts` as plain values.

    Args:
        program: The exported program.
        filled: What its symbols stand for, and which axes of its inputs are open.
        feeds: Makes its inputs, for a program that cannot be counted without.

    Raises:
        ModelError: Its costs at these sizes cannot be held by any machine.
    """
    graph = torch_graph.steps_of(program.graph_module)
    held = list(torch_weights.held(program, graph.inputs))
    symbols, remarks = dict(filled.symbols), list[str]()
    _check(torch_rows.peak_bytes(graph, (each.tensor for each in held), symbols))
    gaps = [f"dimension {axis.axis} of `{axis.input}` is open" for axis in filled.left]
    packed = sorted({f"{step.name}: {_PACKED}" for step in graph.steps if is_packed(step.node)})
    traced = None if gaps or packed else _traced(program, graph.steps, symbols, feeds, remarks)
    gaps += packed
    gaps += sorted({f"{step.node.target}: {_NESTED}" for step in graph.steps if step.nested})
    gaps += dict.fromkeys(traced.gaps if traced else ())
    weights = torch_weights.weigh(held, graph)
    if weights.idle:
        remarks.append(f"{weights.idle:,} elements of parameters are used by no operator and not counted")
    rows = torch_rows.rows(graph.steps, symbols, weights, traced)
    figures = {
        "macs": None if gaps or traced is None else traced.macs,
        "parameters": sum(weights.elements.values()),
        "weight_bytes": sum(weights.stored.values()),
        "activation_bytes": torch_rows.total(row.written_bytes for row in rows),
        "peak_bytes": torch_rows.peak_bytes(graph, (each.tensor for each in held), symbols),
    }
    _check(*figures.values())
    return {
        **figures,
        "by_dtype": weights.by_dtype,
        "statistics": weights.statistics,
        "constants": weights.constants,
        "uncovered": gaps if len(gaps) <= _SHOWN else [*gaps[:_SHOWN], f"and {len(gaps) - _SHOWN} more"],
        "open_sizes": list(filled.names),
        "remarks": remarks,
        "nodes": [list(asdict(row).values()) for row in torch_rows.merged(rows, costs_answer.MOST_NODES)],
    }


def _check(*figures: int | None) -> None:
    if any(figure is not None and figure >= _LARGEST for figure in figures):
        raise ModelError("", "its costs at these sizes are beyond 2^63", "check the declared shapes and the batch")


def _traced(
    program: Any, steps: Sequence[Step], symbols: dict[str, int], feeds: Feeds, remarks: list[str]
) -> Traced | None:
    """Count by both counters, without data if that goes; the symbols that only a run tells are added."""
    names = torch_rows.names_of(steps)
    known = dict(symbols)
    try:
        with torch.inference_mode(mode=False), torch.no_grad():
            run = Run(symbols, real=False)
            return _counted(program, run, lambda: torch_feeds.without_data(program, known), names, remarks)
    except _REFUSALS as reason:
        if any(step.nested for step in steps):
            return None
        remarks.append(f"counted in a run, since shapes alone do not tell what it costs: {_first(reason)}")
    inputs = feeds()
    run = Run(symbols, real=True)
    return _counted(program, run, lambda: torch_feeds.with_data(program, inputs), names, remarks)


def _counted(
    program: Any, run: Run, values: Callable[[], list[Any]], names: Mapping[str, str], remarks: list[str]
) -> Traced:
    given = values()
    module = Fed(program, run, given)
    stand_in = None if run.real else run.stand_in
    traced = torch_trace.traced(module, tensors_of(given), stand_in)
    if traced.gaps:
        return traced
    try:
        checked = torch_crosscheck.counted(module, tensors_of(values()), stand_in)
    except _REFUSALS as reason:
        remarks.append(f"torch's own counter could not check this count: {_first(reason)}")
        return traced
    remarks += filter(None, [torch_crosscheck.difference(traced, checked, names)])
    return traced


def _first(reason: Exception) -> str:
    words = str(reason) or type(reason).__name__
    return next((line for line in words.splitlines() if line.strip()), words)
