"""`greengate cost`: what a model costs by its graph alone, at the sizes that are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from greengate import costing
from greengate.cli import amounts, reports, sheet, times
from greengate.costing import Costed, OperatorCosts
from greengate.report import picture as pictures
from greengate.report.escaping import plain

if TYPE_CHECKING:
    from rich.table import Table

    from greengate.profiling import Profiled

_TOP = 12


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--at",
    "at",
    multiple=True,
    metavar="NAME=SIZE,…",
    help="Sizes of open axes, such as batch=1,seq=512. Again for another column.",
)
@click.option("--nodes", is_flag=True, help="List the operators one by one too.")
@click.option("--top", type=click.IntRange(min=1), default=_TOP, show_default=True, help="At most so many lines.")
@click.option(
    "--profile", is_flag=True, help="Run it too, a second under ONNX Runtime's profiler: where its time goes."
)
@click.option("--trust", is_flag=True, help="Load an exported program (.pt2), which can run code of its author's.")
@click.option(
    "--picture", type=click.Path(path_type=Path), metavar="FILE", help="Draw the dearest operators: .svg or .png."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, all nodes included.")
def cost(  # noqa: PLR0913 - one argument an option
    *,
    model: Path,
    at: tuple[str, ...],
    nodes: bool,
    top: int,
    profile: bool,
    trust: bool,
    picture: Path | None,
    as_json: bool,
) -> int:
    """Count what MODEL costs without running it: MACs, parameters, bytes, operator by operator.

    The weights of an ONNX file are never read, and external data need not be there; those of an exported program (.pt2)
    are loaded by torch and not computed with.

    With --profile the model is run, at the first of the sizes, in the confined process of the gate: see docs/costs.md.

    Exit code 0 when everything was counted; 2: the call is wrong; 3: something could not be counted; 4: MODEL is no
    model that greengate can read.
    """
    if picture is not None:
        pictures.refuse_unable(picture)
        reports.refuse_unwritable(str(picture))
    if profile:
        times.refuse_unable(model)
    found = [costing.costed(model, amounts.sizes(written), trusted=trust) for written in at or ("",)]
    timed = times.profiled(model, found[0]) if profile else None
    if as_json:
        click.echo(json.dumps(_values(model, found, timed), indent=2, ensure_ascii=False))
    else:
        _print(model, found, top, nodes=nodes)
        if timed is not None:
            _print_profile(timed, found[0], top, nodes=nodes)
    if picture is not None:
        reports.write(picture, _drawn(model, found[0], top, picture.suffix))
    return 3 if any(one.costs.macs is None for one in found) else 0


def _print_profile(timed: Profiled, one: Costed, top: int, *, nodes: bool) -> None:
    click.echo("")
    times.tell(timed)
    click.echo("")
    amounts.show(times.operators(timed, top))
    if nodes:
        click.echo("")
        amounts.show(times.nodes(timed, one.costs.nodes, top))


def _drawn(model: Path, one: Costed, top: int, suffix: str) -> bytes:
    """Draw the nodes that cost most."""
    nodes = sorted((node for node in one.costs.nodes if node.macs), key=lambda node: -(node.macs or 0))
    bars = [pictures.Bar(f"{node.name} ({node.op})", "", node.macs or 0) for node in nodes[:top]]
    at = f" at {amounts.at(one.sizes)}" if one.sizes else ""
    sums = f"{amounts.count(one.costs.macs)} MACs, {amounts.count(one.costs.parameters)} parameters"
    return pictures.draw(bars, suffix, title=f"{model.name}{at}", subtitle=sums, axis="MACs of its dearest operators")


def _print(model: Path, found: Sequence[Costed], top: int, *, nodes: bool) -> None:
    click.echo(f"{plain(model.name)}, {found[0].costs.convention}: FLOPs are twice the MACs\n")
    amounts.show(_whole(found))
    first = found[0]
    click.echo("")
    amounts.show(_operators(first, top))
    if nodes:
        click.echo("")
        amounts.show(_nodes(first, top))
    for one in found:
        if one.costs.macs is None:
            click.echo("")
            _tell_gaps(one)
    for words in dict.fromkeys(words for one in found for words in one.costs.remarks):
        click.echo("")
        sheet.say(f"note: {words}")


def _tell_gaps(one: Costed) -> None:
    at = f" at {amounts.at(one.sizes)}" if one.sizes else ""
    rows = [("why", "\n".join(one.costs.uncovered))] if len(one.costs.uncovered) == 1 else []
    rows = rows or [(str(number), words) for number, words in enumerate(one.costs.uncovered, 1)]
    if one.costs.open_sizes:
        wanted = ",".join(f"{name}=…" for name in one.costs.open_sizes)
        rows.append(("open sizes", f"{', '.join(one.costs.open_sizes)}: give them with `--at {wanted}`"))
    sheet.echo(f"not all of it could be counted{at}, so that there is no sum", rows)


def _whole(found: Sequence[Costed]) -> Table:
    table = amounts.table("", *(amounts.at(one.sizes) or "batch=1" for one in found))
    for name, cells in _lines(found):
        table.add_row(name, *cells)
    return table


def _lines(found: Sequence[Costed]) -> Iterator[tuple[str, list[str]]]:
    costs = [one.costs for one in found]
    yield "MACs", [amounts.count(one.macs) for one in costs]
    yield "FLOPs", [amounts.count(None if one.macs is None else 2 * one.macs) for one in costs]
    if any(one.integer_macs for one in found):
        yield "MACs of integers", [amounts.count(one.integer_macs) for one in found]
    yield "other operations", [amounts.count(one.operations) for one in found]
    yield "parameters", [_parameters(one.costs.parameters, one.costs.by_dtype) for one in found]
    yield "weights", [amounts.size(one.weight_bytes) for one in costs]
    yield "activations written", [amounts.size(one.activation_bytes) for one in costs]
    yield "live at once", [amounts.size(one.peak_bytes) for one in costs]
    yield "FLOPs a byte moved", ["" if one.intensity is None else f"{one.intensity:.3g}" for one in found]
    yield "operators counted", [f"{one.covered} of {len(one.costs.nodes)}" for one in found]


def _parameters(count: int | None, by_dtype: Mapping[str, int]) -> str:
    if count is None or len(by_dtype) < 2:
        return amounts.count(count)
    parts = [f"{amounts.count(part)} {dtype}" for dtype, part in sorted(by_dtype.items())]
    return f"{amounts.count(count)} ({', '.join(parts)})"


def _operators(one: Costed, top: int) -> Table:
    table = amounts.table("operator", "nodes", "MACs", "share", "operations", "parameters", "moved")
    operators = costing.by_operator(one.costs.nodes)
    for each in operators[:top]:
        table.add_row(
            plain(each.op),
            str(each.nodes),
            amounts.count(each.macs),
            amounts.share(each.macs, one.costs.macs),
            amounts.count(each.operations),
            amounts.count(each.parameters),
            _moved(each),
        )
    amounts.tell_more(table, len(operators) - top)
    return table


def _nodes(one: Costed, top: int) -> Table:
    table = amounts.table("node", "operator", "MACs", "share", "parameters", "written")
    nodes = sorted(one.costs.nodes, key=lambda node: -(node.macs or 0))
    for node in nodes[:top]:
        macs = f"{amounts.count(node.macs)}{' int' if node.integer else ''}"
        times = f" x {node.times}" if node.times != 1 else ""
        share = amounts.share(node.macs, one.costs.macs)
        written = amounts.size(node.written_bytes)
        table.add_row(
            plain(node.name, 60), plain(f"{node.op}{times}"), macs, share, amounts.count(node.parameters), written
        )
    amounts.tell_more(table, len(nodes) - top)
    return table


def _moved(each: OperatorCosts) -> str:
    return amounts.size(costing.total((each.read_bytes, each.written_bytes)))


def _values(model: Path, found: Sequence[Costed], timed: Profiled | None) -> dict[str, Any]:
    whole = {"model": str(model), "convention": found[0].costs.convention, "at": [_value(one) for one in found]}
    return whole if timed is None else {**whole, "profile": times.values(timed)}


def _value(one: Costed) -> dict[str, Any]:
    costs = one.costs
    return {
        "sizes": dict(one.sizes),
        "macs": costs.macs,
        "flops": None if costs.macs is None else 2 * costs.macs,
        "integer_macs": one.integer_macs,
        "operations": one.operations,
        "parameters": costs.parameters,
        "parameters_by_dtype": dict(costs.by_dtype),
        "statistics": costs.statistics,
        "constants": costs.constants,
        "weight_bytes": costs.weight_bytes,
        "activation_bytes": costs.activation_bytes,
        "peak_bytes": costs.peak_bytes,
        "flops_a_byte": one.intensity,
        "nodes_counted": one.covered,
        "uncovered": list(costs.uncovered),
        "remarks": list(costs.remarks),
        "open_sizes": list(costs.open_sizes),
        "operators": [asdict(each) for each in costing.by_operator(costs.nodes)],
        "nodes": [asdict(node) for node in costs.nodes],
    }
