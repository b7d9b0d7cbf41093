"""Exact static costs of an ONNX graph, counted without running it and without reading its weights.

Convention `macs-matmul-v1`: the headline is the multiply-accumulates of matmul-like operators (convolutions, matrix
products, Einsum, recurrent cells, attention) for one run at the declared sizes; FLOPs are twice that. Element-wise
work, normalisations, activations, pooling, reductions and data movement have none, so that folding a batch
normalisation does not move the figure. In it:

* attention is counted as its whole score matrix; masks, causal or windowed, do not make it smaller;
* a recurrent operator runs all its steps, and a convolution's padding is multiplied like data;
* quantising and dequantising are type annotations: a quantised model counts as its floating original;
* what depends on constants alone is folded when the model is loaded, so that it costs nothing in a run;
* of a branch whose condition is not constant, both sides must cost the same, and a loop must have a constant number of
  trips, unless there is nothing to count inside.

Nothing is guessed: an operator without a formula or a dimension left open makes `macs` None and is named.
Weights are as in `onnx_weights`. Activation bytes are those of every output of every node that is not constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from greengate.errors import ModelError
from greengate.models import costs_answer, deaths, onnx_file, onnx_scan, onnx_weights
from greengate.models.limited import limited
from greengate.models.onnx_sizes import Sizes
from greengate.ports import CONVENTION, ModelSpec, StaticCosts

if TYPE_CHECKING:
    import onnx

    from greengate.models.onnx_graph import Reading

_SHOWN: Final = 10
_LARGEST: Final = 2**63


def count(spec: ModelSpec) -> StaticCosts:
    """Return the costs of one run of the model file at the spec's sizes, counted in a child process with limits.

    Raises:
        ModelError: The file is no model, takes too much, or the sizes do not fit it.
    """
    from greengate.models import onnx_counter, onnx_graph  # noqa: F401, PLC0415 - they import onnx: before the child does

    where, doing = str(spec.path), "counting the model"
    sizes = Sizes(spec.shapes, spec.sizes, spec.batch)

    def work() -> Mapping[str, Any]:
        costs = _costs(onnx_graph.read(onnx_file.graph_of(spec.path), sizes, where), where)
        return costs_answer.told(costs, onnx_scan.MOST_NODES)

    fields = limited(work, where=where, doing=doing, reads=[spec.path.resolve()])
    try:
        return costs_answer.read(fields, onnx_scan.MOST_NODES)
    except (KeyError, TypeError, ValueError) as error:
        raise deaths.garbage(where, doing, str(error)) from error


def count_model(model: onnx.ModelProto, sizes: Sizes, where: str = "model") -> StaticCosts:
    """Return the costs of one run of a model in memory, which is left as it is."""
    from greengate.models import onnx_graph  # noqa: PLC0415 - as in count

    copy = type(model)()
    copy.CopyFrom(model)
    return _costs(onnx_graph.read(copy, sizes, where), where)


def _costs(reading: Reading, where: str) -> StaticCosts:
    from greengate.models.onnx_counter import Counter  # noqa: PLC0415 - as in count

    weights = onnx_weights.weigh(reading.graph)
    counter = Counter(reading, weights)
    tally = counter.of_graph(reading.graph)
    hindrances = list(filter(None, (reading.future, reading.hindrance)))
    gaps = _first([*hindrances, *counter.gaps] if tally.macs is None or reading.future else [])
    figures = (
        None if gaps else tally.macs,
        None if weights.unknown else sum(weights.elements.values()),
        None if weights.unknown else sum(weights.stored.values()),
        tally.written,
    )
    if any(figure is not None and figure >= _LARGEST for figure in figures):
        raise ModelError(where, "its costs at these sizes are beyond 2^63", "check the declared shapes and the batch")
    return StaticCosts(
        *figures,
        convention=CONVENTION,
        uncovered=tuple(gaps),
        by_dtype=weights.by_dtype,
        statistics=weights.statistics,
        constants=weights.constants,
        open_sizes=reading.open_sizes,
        remarks=tuple(_first([*counter.remarks, *reading.remarks])),
        peak_bytes=tally.peak,
        nodes=tuple(tally.rows),
    )


def _first(words: list[str]) -> list[str]:
    """Keep as many as are read, and say how many there are besides."""
    return words if len(words) <= _SHOWN else [*words[:_SHOWN], f"and {len(words) - _SHOWN} more"]
