"""`greengate diff`: which operators a candidate costs more by than its baseline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from greengate import costing, difference
from greengate.cli import amounts, reports, sheet, times
from greengate.costing import Costed
from greengate.difference import Change
from greengate.report import picture as pictures
from greengate.report.escaping import plain

if TYPE_CHECKING:
    from rich.table import Table

    from greengate.profiling import Profiled

_TOP = 12
_SUMS = ("macs", "parameters", "weight_bytes", "activation_bytes", "peak_bytes")
_WORDS = ("MACs", "parameters", "weights", "activations written", "live at once")


@click.command()
@click.argument("baseline", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option("--at", "at", default="", metavar="NAME=SIZE,…", help="Sizes of open axes, such as batch=1,seq=512.")
@click.option("--top", type=click.IntRange(min=1), default=_TOP, show_default=True, help="At most so many lines.")
@click.option("--profile", is_flag=True, help="Run both too, a second each under ONNX Runtime's profiler.")
@click.option("--trust", is_flag=True, help="Load exported programs (.pt2), which can run code of their authors'.")
@click.option("--picture", type=click.Path(path_type=Path), metavar="FILE", help="Draw what grew: .svg or .png.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, all nodes included.")
def diff(  # noqa: PLR0913 - one argument an option
    *,
    baseline: Path,
    candidate: Path,
    at: str,
    top: int,
    profile: bool,
    trust: bool,
    picture: Path | None,
    as_json: bool,
) -> int:
    """Tell which operators CANDIDATE costs more by than BASELINE, without running either unless asked to.

    Nodes are matched by name, and where exporters renamed them by the order of their operators.

    Exit code 0, whatever grew; 2: the call is wrong; 3: something could not be counted; 4: a file is no model that
    greengate can read.
    """
    if picture is not None:
        pictures.refuse_unable(picture)
        reports.refuse_unwritable(str(picture))
    sizes = amounts.sizes(at)
    if profile:
        times.refuse_unable(baseline, candidate)
    sides = [costing.costed(path, sizes, trusted=trust) for path in (baseline, candidate)]
    found = difference.changes(sides[0].costs.nodes, sides[1].costs.nodes)
    timed = _profiled((baseline, candidate), sides) if profile else []
    if as_json:
        click.echo(json.dumps(_values((baseline, candidate), sides, found, timed), indent=2, ensure_ascii=False))
    else:
        _print((baseline, candidate), sides, found, top)
        if timed:
            _print_profiles(timed, found, top)
    if picture is not None:
        reports.write(picture, _drawn((baseline, candidate), sides, found, top, picture.suffix))
    return 3 if any(side.costs.macs is None for side in sides) else 0


def _profiled(paths: Sequence[Path], sides: Sequence[Costed]) -> list[Profiled]:
    return [times.profiled(path, side) for path, side in zip(paths, sides, strict=True)]


def _print_profiles(timed: Sequence[Profiled], found: Sequence[Change], top: int) -> None:
    click.echo("")
    times.tell(timed[1], "candidate")
    times.between(timed[0], timed[1])
    click.echo("")
    amounts.show(times.differences(timed[0], timed[1], top))
    click.echo("")
    amounts.show(times.changed_nodes(found, timed[0], timed[1], top))


def _drawn(paths: Sequence[Path], sides: Sequence[Costed], found: Sequence[Change], top: int, suffix: str) -> bytes:
    """Draw the nodes that grew most on both sides."""
    grown = [change for change in difference.greatest(found) if change.grown("macs")]
    bars = [
        pictures.Bar(f"{change.node.name} ({change.node.op})", word, (side.macs or 0) if side else 0)
        for change in grown[:top]
        for word, side in (("baseline", change.baseline), ("candidate", change.candidate))
    ]
    macs = [side.costs.macs for side in sides]
    sums = f"{amounts.count(macs[0])} -> {amounts.count(macs[1])} MACs ({_change(*macs)})"
    title = f"{paths[0].name} -> {paths[1].name}"
    return pictures.draw(bars, suffix, title=title, subtitle=sums, axis="MACs of the operators that changed most")


def _print(paths: Sequence[Path], sides: Sequence[Costed], found: Sequence[Change], top: int) -> None:
    at = f" at {amounts.at(sides[0].sizes)}" if sides[0].sizes else ""
    click.echo(f"{plain(str(paths[0]))} -> {plain(str(paths[1]))}{at}, {sides[0].costs.convention}\n")
    amounts.show(_whole(sides))
    click.echo("")
    moved = difference.greatest(found)
    if moved:
        amounts.show(_operators(sides, top))
        click.echo("")
        amounts.show(_nodes(moved, top))
    else:
        click.echo("every operator costs what it did")
    for path, side in zip(paths, sides, strict=True):
        if side.costs.macs is None:
            click.echo("")
            sheet.echo(f"not all of {plain(path.name)} could be counted", [("why", "; ".join(side.costs.uncovered))])
        for words in side.costs.remarks:
            click.echo("")
            sheet.say(f"{path.name}: {words}")


def _whole(sides: Sequence[Costed]) -> Table:
    table = amounts.table("", "baseline", "candidate", "change")
    for name, word in zip(_SUMS, _WORDS, strict=True):
        before, after = (getattr(side.costs, name) for side in sides)
        write = amounts.size if name.endswith("bytes") else amounts.count
        table.add_row(word, write(before), write(after), _change(before, after))
    return table


def _change(before: int | None, after: int | None) -> str:
    if before is None or after is None:
        return amounts.UNKNOWN
    if before == after:
        return "the same"
    return f"{after / before - 1:+.1%}" if before else "from nothing"


def _operators(sides: Sequence[Costed], top: int) -> Table:
    table = amounts.table("operator", "nodes", "MACs", "grown by", "parameters", "grown by")
    sums = [{(one.op, one.domain): one for one in costing.by_operator(side.costs.nodes)} for side in sides]
    rows = []
    for key in {**sums[1], **sums[0]}:
        before, after = (side.get(key) for side in sums)
        counts = [0 if one is None else one.nodes for one in (before, after)]
        macs = [0 if one is None else one.macs for one in (before, after)]
        parameters = [0 if one is None else one.parameters for one in (before, after)]
        grown = _grown(*macs), _grown(*parameters)
        if grown != (0, 0) or counts[0] != counts[1]:
            rows.append((*grown, key[0], counts, macs, parameters))
    rows.sort(key=lambda row: (-abs(row[0] or 0), -abs(row[1] or 0), -(row[4][1] or 0), row[2]))
    for more, heavier, op, counts, macs, parameters in rows[:top]:
        table.add_row(
            plain(op),
            str(counts[1]) if counts[0] == counts[1] else f"{counts[0]} -> {counts[1]}",
            amounts.count(macs[1]),
            _signed(more),
            amounts.count(parameters[1]),
            _signed(heavier),
        )
    amounts.tell_more(table, len(rows) - top)
    return table


def _nodes(moved: Sequence[Change], top: int) -> Table:
    table = amounts.table("node", "", "operator", "MACs", "grown by", "parameters", "written")
    for change in moved[:top]:
        table.add_row(
            plain(change.node.name, 60),
            change.word,
            plain(change.node.op),
            amounts.count(change.candidate.macs if change.candidate else 0),
            _signed(change.grown("macs")),
            _signed(change.grown("parameters")),
            _signed(change.grown("written_bytes"), in_bytes=True),
        )
    amounts.tell_more(table, len(moved) - top)
    return table


def _grown(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _signed(amount: int | None, *, in_bytes: bool = False) -> str:
    if not amount:
        return amounts.UNKNOWN if amount is None else ""
    words = amounts.size(abs(amount)) if in_bytes else amounts.count(abs(amount))
    return f"{'+' if amount > 0 else '-'}{words}"


def _values(
    paths: Sequence[Path], sides: Sequence[Costed], found: Sequence[Change], timed: Sequence[Profiled]
) -> dict[str, Any]:
    profiles = (
        {"profiles": dict(zip(("baseline", "candidate"), map(times.values, timed), strict=True))} if timed else {}
    )
    return {
        **profiles,
        "convention": sides[0].costs.convention,
        "sizes": dict(sides[0].sizes),
        **{
            word: {"model": str(path), **{name: getattr(side.costs, name) for name in (*_SUMS, "uncovered")}}
            for word, path, side in zip(("baseline", "candidate"), paths, sides, strict=True)
        },
        "nodes": [
            {
                "change": change.word,
                "baseline": None if change.baseline is None else asdict(change.baseline),
                "candidate": None if change.candidate is None else asdict(change.candidate),
            }
            for change in found
        ],
    }
