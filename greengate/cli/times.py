"""Profiles on a terminal: what the operators of a model took, and what changed between two models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from greengate import registry
from greengate.cli import amounts, sheet
from greengate.errors import UsageError
from greengate.ports import Profiler
from greengate.quantities import Count, Duration, Energy
from greengate.report.escaping import plain

if TYPE_CHECKING:
    from rich.table import Table

    from greengate.costing import Costed
    from greengate.difference import Change
    from greengate.ports import NodeCost
    from greengate.profiling import Profiled

_FASTER = 1.5  # a run under the profiler that takes this much longer distorts what it shows


def refuse_unable(*paths: Path) -> None:
    """Make sure that models can be profiled, before anything is done for it.

    Raises:
        UsageError: A runtime has no profiler that is known here.
    """
    for path in paths:
        if path.suffix in registry.MODELS and not isinstance(registry.loader_of(path), Profiler):
            raise UsageError(
                "--profile", f"{path.name} cannot be profiled, only ONNX models can", "export it to ONNX too"
            )


def profiled(path: Path, one: Costed) -> Profiled:
    """Profile a model at the sizes at which it was counted.

    Raises:
        UsageError: Some of its sizes are open.
        ModelError: It cannot be run.
    """
    from greengate import profiling  # noqa: PLC0415 - brings what a count does not need

    if names := one.costs.open_sizes:
        wanted = ",".join(f"{name}=…" for name in names)
        problem = f"{path.name} cannot be run while sizes are open: {', '.join(names)}"
        raise UsageError("--profile", plain(problem), plain(f"give them with `--at {wanted}`"))
    operators = sum(1 if node.times is None else node.times for node in one.costs.nodes)
    return profiling.profiled(path, one.sizes, operators)


def tell(one: Profiled, side: str = "") -> None:
    """Say how the profile was made, and what a run takes."""
    profile = one.profile
    runtime = ", ".join(f"{name} {version}" for name, version in profile.runtime.items() if name == "onnxruntime")
    runs = f"{profile.runs} runs under the profiler of {runtime}, on one thread"
    whole = f"{_time(profile.run_s)} a run without it, {_time(profile.watched_s)} with it"
    sheet.say(
        f"{f'{side}: ' if side else ''}{runs}: {whole}. Names are those of what ran: it fuses and adds operators."
    )
    for words in profile.degraded:
        sheet.say(f"note: {words}")
    _warn(one, side)
    if one.joules is None:
        sheet.say(f"There is no energy: {one.source}.")
    else:
        energy = Energy(1000 * one.joules).in_words()
        sheet.say(f"A thousand runs take {energy} ({one.source}); an operator's share of it is that of the time.")


def _warn(one: Profiled, side: str = "") -> None:
    """Say so where the profiler distorts what it shows."""
    if one.profile.watched_s > _FASTER * one.profile.run_s:
        of = f" of the {side}" if side else ""
        sheet.say(
            f"The profiler takes time itself, for small operators{of} more than they do: their shares are too large."
        )


def operators(one: Profiled, top: int) -> Table:
    """Lay out what ran, the slowest first."""
    table = amounts.table("operator as run", "nodes", "time", "share", "energy/1k")
    found = one.by_operator()
    for each in found[:top]:
        table.add_row(plain(each.op), str(each.nodes), *_cells(one, each.seconds))
    amounts.tell_more(table, len(found) - top)
    return table


def nodes(one: Profiled, costs: Sequence[NodeCost], top: int) -> Table:
    """Lay out the graph's nodes, the slowest first."""
    table = amounts.table("node", "operator", "time", "share", "energy/1k", "MACs", "MACs/s")
    known = {node.name: node for node in costs}
    found = sorted(one.by_node().items(), key=lambda each: -each[1])
    for name, seconds in found[:top]:
        node = known.get(name)
        macs = node.macs if node else None
        words = plain(name, 60) or "of none"
        speed = Count(macs / seconds).in_words() if macs and seconds else ""
        cells = (*_cells(one, seconds), amounts.count(macs) if macs else "", speed)
        table.add_row(words, plain(node.op) if node else "", *cells)
    amounts.tell_more(table, len(found) - top)
    return table


def differences(before: Profiled, after: Profiled, top: int) -> Table:
    """Lay out which operators take longer or shorter than they did, the greatest difference first."""
    table = amounts.table("operator as run", "nodes", "baseline", "candidate", "grown by", "share", "energy/1k")
    sides = [{each.op: each for each in side.by_operator()} for side in (before, after)]
    rows = []
    for op in {**sides[1], **sides[0]}:
        old, new = (side.get(op) for side in sides)
        counts = [each.nodes if each else 0 for each in (old, new)]
        seconds = [each.seconds if each else 0.0 for each in (old, new)]
        rows.append((op, counts, seconds))
    rows.sort(key=lambda row: (-abs(row[2][1] - row[2][0]), row[0]))
    for op, counts, seconds in rows[:top]:
        number = str(counts[1]) if counts[0] == counts[1] else f"{counts[0]} -> {counts[1]}"
        table.add_row(plain(op), number, *_changed(after, *seconds))
    amounts.tell_more(table, len(rows) - top)
    return table


def changed_nodes(found: Sequence[Change], before: Profiled, after: Profiled, top: int) -> Table:
    """Lay out which nodes take longer or shorter than they did, the greatest difference first."""
    table = amounts.table("node", "", "operator", "time", "grown by", "share", "energy/1k")
    rows: list[tuple[Change, float, float]] = []
    old, new = before.by_node(), after.by_node()
    for change in found:
        took = old.get(change.baseline.name, 0.0) if change.baseline else 0.0
        takes = new.get(change.candidate.name, 0.0) if change.candidate else 0.0
        if took or takes:
            rows.append((change, took, takes))
    rows.sort(key=lambda row: (-abs(row[2] - row[1]), row[0].node.name))
    for change, took, takes in rows[:top]:
        words = change.word if change.word != "same" else ""
        cells = list(_changed(after, took, takes))[1:]
        table.add_row(plain(change.node.name, 40), words, plain(change.node.op), *cells)
    amounts.tell_more(table, len(rows) - top)
    return table


def _changed(after: Profiled, old: float, new: float) -> Iterator[str]:
    yield _time(old) if old else ""
    yield _time(new) if new else ""
    yield f"{'+' if new >= old else '-'}{_time(abs(new - old))}"
    yield from list(_cells(after, new))[1:]


def _cells(one: Profiled, seconds: float) -> Iterator[str]:
    joules = one.joules_of(seconds)
    yield _time(seconds)
    yield f"{one.share(seconds):.1%}"
    yield amounts.UNKNOWN if joules is None else Energy(1000 * joules).in_words()


def _time(seconds: float) -> str:
    return Duration(seconds).in_words()


def between(before: Profiled, after: Profiled) -> None:
    """Say how long a run takes on both sides."""
    _warn(before, "baseline")
    old, new = before.profile.run_s, after.profile.run_s
    click.echo(f"a run without the profiler: {_time(old)} -> {_time(new)} ({new / old - 1:+.1%}), measured once")


def values(one: Profiled) -> Mapping[str, Any]:
    """Return a profile for JSON; seconds and joules are of one run."""
    profile = one.profile
    return {
        "runs": profile.runs,
        "run_s": profile.run_s,
        "cpu_s": profile.cpu_s,
        "watched_s": profile.watched_s,
        "operators_s": one.operators_s,
        "joules": one.joules,
        "energy_source": one.source,
        "runtime": dict(profile.runtime),
        "degraded": list(profile.degraded),
        "nodes": [
            {**asdict(node), "share": one.share(node.seconds), "joules": one.joules_of(node.seconds)}
            for node in profile.nodes
        ],
    }
