"""Agreement with published multiply-accumulates: greengate on ONNX and on torch, and three other counters.

    python benchmarks/static_costs/published.py --setup     # once: the other tools in an environment of their own
    python benchmarks/static_costs/published.py [NAME ...]  # names of graphs; without any, all, and the result is kept

Every architecture of the onnx package's `light` folder, and those that are written by hand here. Each tool runs in a
fresh process; its seconds are those of the whole process, its memory is the peak of what was resident. torch's and
fvcore's modules have random weights made in that process; greengate's programs and onnx-tool's graphs have theirs in
the file. Writes RESULT-published.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import children
import figures
import scratch
import sheets
from children import Ran
from figures import Architecture

HERE = Path(__file__).parent
TOOLS = ("greengate (ONNX)", "greengate (torch)", "onnx-tool", "fvcore", "torch.utils.flop_counter")
_EXACT = TOOLS[:2]
_NEAR = 0.001


@dataclass(frozen=True, slots=True)
class Counted:
    """What one tool said: None if it failed."""

    macs: int | None
    parameters: int | None
    ran: Ran


def by_every_tool(one: Architecture, folder: Path) -> dict[str, Counted]:
    """Count one architecture by all tools that can."""
    at = ["--at", ",".join(f"{name}={size}" for name, size in one.sizes.items())] if one.sizes else []
    greengate = (sys.executable, "-m", "greengate", "cost", "--json")
    graph = figures.light_file(one.graph)
    if not one.graph.startswith("light_"):
        graph = folder / f"{one.graph}.onnx"
        children.made(sys.executable, HERE / "graphs.py", one.graph, graph)
    found = {
        TOOLS[0]: _of_greengate(children.run(*greengate, graph, *at)),
        TOOLS[2]: _of_other(children.run(scratch.PYTHON, HERE / "probe_onnx_tool.py", graph, *one.inputs)),
    }
    if one.module:
        program, tools = folder / f"{one.module}.pt2", HERE / "torch_tools.py"
        children.made(scratch.PYTHON, tools, "export", one.module, program)
        found[TOOLS[1]] = _of_greengate(children.run(*greengate, program, "--trust"))
        program.unlink()
        found[TOOLS[3]] = _of_other(children.run(scratch.PYTHON, tools, "fvcore", one.module))
        found[TOOLS[4]] = _of_other(children.run(scratch.PYTHON, tools, "flop_counter", one.module))
    return found


def _of_greengate(ran: Ran) -> Counted:
    told = ran.told()["at"][0] if not ran.code else {}
    return Counted(told.get("macs"), told.get("parameters"), ran)


def _of_other(ran: Ran) -> Counted:
    told = ran.told()
    return Counted(told.get("macs"), told.get("parameters"), ran)


def _macs(found: Counted | None, tool: str, one: Architecture) -> str:
    if found is None:
        return "-"
    if found.macs is None:
        return "fails"
    off = found.macs / one.published - 1
    if found.macs == one.published:
        return f"{found.macs:,}"
    if tool in _EXACT and abs(off) <= _NEAR:
        return f"{found.macs:,} ({off:+.2%})".replace("-0.00%", "+0.00%")
    return f"{found.macs / 1e6:,.1f} M ({off:+.1%})".replace("-0.0%", "+0.0%")


def _published(one: Architecture) -> str:
    return f"{one.published / 1e6:,.0f} M" if one.source and one.published % 1e6 == 0 else f"{one.published:,.0f}"


def _costs(found: Counted | None) -> str:
    if found is None:
        return "-"
    return f"{found.ran.seconds:.1f} s ({found.ran.cpu_s:.1f}), {children.size(found.ran.peak_bytes)}"


def _parameters(one: Architecture, found: dict[str, Counted]) -> list[str]:
    figures_ = [one.parameters, *(found[tool].parameters if tool in found else None for tool in TOOLS[:3])]
    return [one.name, *("-" if figure is None else f"{figure:,}" for figure in figures_)]


def _near(one: Architecture, found: Counted) -> bool:
    return found.macs is not None and abs(found.macs / one.published - 1) <= _NEAR


def _agreement(said: Sequence[tuple[Architecture, dict[str, Counted]]]) -> str:
    lines = []
    for tool in TOOLS:
        tried = [(one, found[tool]) for one, found in said if tool in found]
        near = sum(_near(*each) for each in tried)
        lines.append(f"{tool}: {near} of {len(tried)}")
    both = [found for _, found in said if set(_EXACT) <= set(found)]
    same = sum(found[TOOLS[0]].macs == found[TOOLS[1]].macs for found in both)
    return f"""Within 0.1% of the published or derived figure: {"; ".join(lines)}.
The same integer from greengate for graph and module: {same} of {len(both)}."""


def _failures(said: Sequence[tuple[Architecture, dict[str, Counted]]]) -> str:
    tried = [(one, tool, each.ran) for one, found in said for tool, each in found.items()]
    failed = [f"- {tool} on {one.name}: {ran.problem}" for one, tool, ran in tried if ran.code]
    return "\n".join(["Where a tool fails:", "", *failed]) if failed else "No tool fails."


def _sources() -> str:
    published = {one.source: one.name for one in reversed(figures.ALL) if one.source}
    lines = [f"- {name}: {source}." for source, name in reversed(published.items())]
    lines += [
        f"- {name}: none published for this graph; {(of.__doc__ or '').rstrip('.')}."
        for name, of in figures.DERIVED.items()
    ]
    return "## Sources\n\n" + "\n".join(lines)


def main() -> None:
    """Count everything and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--setup", action="store_true", help="make the scratch environment and end")
    asked = parser.parse_args()
    if asked.setup:
        scratch.set_up()
        return
    scratch.required()
    said, load_before = [], os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        for one in figures.ALL:
            if asked.names and one.graph not in asked.names:
                continue
            found = by_every_tool(one, Path(folder))
            said.append((one, found))
            print(one.name, {tool: each.macs or each.ran.problem for tool, each in found.items()}, flush=True)
    if asked.names:
        return
    macs = [(one.name, _published(one), *(_macs(found.get(tool), tool, one) for tool in TOOLS)) for one, found in said]
    costs = [(one.name, *(_costs(found.get(tool)) for tool in TOOLS)) for one, found in said]
    sheets.write(
        HERE,
        "published",
        "Multiply-accumulates beside published figures",
        f"{sheets.runner()}; load {load_before:.1f} before, {os.getloadavg()[0]:.1f} after",
        scratch.versions(),
        _ABOUT,
        sheets.table(("architecture", "published or derived", *TOOLS), macs),
        _agreement(said),
        _failures(said),
        "## Parameters",
        sheets.table(
            ("architecture", "published", *TOOLS[:3]),
            [_parameters(*each) for each in said if "no_grad" not in each[0].module],
        ),
        _PARAMETERS,
        "## Seconds (processor seconds) and peak memory of the whole process",
        _TIMES,
        sheets.table(("architecture", *TOOLS), costs),
        _sources(),
    )
    if not all(_near(one, found[tool]) for one, found in said for tool in _EXACT if tool in found):
        raise SystemExit("greengate is more than 0.1% from a published figure")


_ABOUT = """Batch 1, images of 224 by 224. Percentages are the distance from the published figure, which is rounded to
its last digit. The tools differ by convention and by gaps: onnx-tool adds element-wise work and normalisations to its
MACs; fvcore adds normalisations, and leaves out attention and LSTM without saying so in its figure; torch's counter
leaves out both on a CPU. Under `torch.no_grad()`, `nn.MultiheadAttention` takes a path that both know nothing of.
Nothing was registered with any tool. Half of what torch's counter says is shown: it counts two FLOPs for each."""
_PARAMETERS = """DenseNet-121 of the onnx package has each normalisation's scale and shift twice, as weights of the
normalisation and as operators of their own. Running statistics are apart in greengate and weights in onnx-tool, which
does not see weights that are ConstantOfShape."""

_TIMES = """Once each. On files without weights, or with few, onnx-tool is quicker and smaller, since it starts in less
time; greengate's time and memory do not grow with the weights of a graph."""

if __name__ == "__main__":
    main()
