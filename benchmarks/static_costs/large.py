"""Decoders of any size, beside onnx-tool: seconds and memory.

    python benchmarks/static_costs/large.py --setup       # once: the other tools in an environment of their own
    python benchmarks/static_costs/large.py [--times 5] [--only CASE]

A command is timed from its start to its end, Python and imports included: `greengate cost MODEL --at ...` beside
`python -m onnx_tool -i MODEL -d ...`, both with their tables written to a file. The count alone is timed inside a
process that has imported everything: `costing.costed` beside onnx-tool's Model, shape_infer and profile. Seconds are
the median of several runs by turns, memory is the highest peak. Files were written just before: they lie in memory.
Writes RESULT-large.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import re
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
from decoder_sizes import LIKE

HERE = Path(__file__).parent
_LIGHT = "light_squeezenet"
_GREENGATE = (sys.executable, "-m", "greengate")
_SEQ = 128


@dataclass(frozen=True, slots=True)
class Case:
    """One file, and what is aimed at: times faster and times less memory than onnx-tool, or seconds and bytes.

    Attributes:
        name: As in the table.
        like: A decoder of `decoder_sizes`, or nothing for SqueezeNet as the onnx package has it.
        weights: Where they are.
        content: What they are.
        times: How often faster and less than onnx-tool's command.
        limits: Seconds and bytes of greengate's command.
    """

    name: str
    like: str
    weights: str = "inline"
    content: str = "random"
    times: tuple[float, float] | None = None
    limits: tuple[float, float] | None = None


CASES = {
    "squeezenet": Case("SqueezeNet of the onnx package", ""),
    "tiny": Case("decoder of 1 layer", "tiny"),
    "small": Case("decoder of 74 layers, 3 MB of weights", "small", times=(20, 4)),
    "medium": Case("the same, 150 MB of weights", "medium"),
    "gigabyte": Case("the same, 1.1 GB of external weights", "gigabyte", "external", times=(100, 40)),
    "zeros": Case("the same, all of them zero", "gigabyte", "external", "zeros"),
    "inline": Case("one file of 2.3 GB", "inline", "inline", "zeros", limits=(1, 150e6)),
    "70b": Case("Llama 70B, weights absent", "70b", "absent", "zeros", limits=(1, 150e6)),
}


@dataclass(frozen=True, slots=True)
class Compared:
    """What both tools made of one file, as commands and as libraries."""

    case: Case
    file_bytes: int
    ours: Ran
    ours_alone: Ran
    others: Ran
    others_alone: Ran


def compared(case: Case, folder: Path, times: int) -> Compared:
    """Make the file and let both tools count it, by turns."""
    path, at, feeds, zeros = figures.light_file(_LIGHT), [], [], []
    if case.like:
        path = folder / "decoder.onnx"
        options = ["--like", case.like, "--weights", case.weights, "--content", case.content]
        children.made(sys.executable, HERE / "decoder.py", path, *options)
        names = ("input_ids", "position_ids")
        at = [f"batch=1,seq={_SEQ}"]
        feeds = ["-d", *(f"{name}:int32:1x{_SEQ}" for name in names)]
        zeros = [f"{name}=int64:1x{_SEQ}" for name in names]
    commands = (
        (*_GREENGATE, "cost", path, *(part for one in at for part in ("--at", one))),
        (sys.executable, HERE / "probe_greengate.py", path, *at),
        (scratch.PYTHON, "-m", "onnx_tool", "-i", path, *feeds),
        (scratch.PYTHON, HERE / "probe_onnx_tool.py", path, *zeros),
    )
    ran = children.by_turns(times, commands)
    size = sum(file.stat().st_size for file in (folder.iterdir() if case.like else [path]))
    for file in folder.iterdir():
        file.unlink()
    return Compared(case, size, *ran)


def _row(one: Compared) -> list[str]:
    ours, others = one.ours_alone.told(), one.others_alone.told()
    return [
        one.case.name,
        f"{ours['operators']:,}",
        children.size(one.file_bytes),
        f"{ours['macs']:,}" if ours["macs"] is not None else "incomplete",
        f"{others['macs']:,}" if others else "fails",
    ]


def _speed(one: Compared) -> list[str]:
    ours, others = one.ours_alone.told()["seconds"], one.others_alone.told().get("seconds")
    failed = bool(one.others.code)
    return [
        one.case.name,
        f"{one.ours.seconds:.2f} s ({one.ours.cpu_s:.2f})",
        "fails" if failed else f"{one.others.seconds:.2f} s ({one.others.cpu_s:.2f})",
        "-" if failed else f"x{one.others.seconds / one.ours.seconds:.1f}",
        f"{ours:.3f} s",
        "-" if others is None else f"{others:.3f} s",
        "-" if others is None else f"x{others / ours:.1f}",
        children.size(one.ours.peak_bytes),
        "-" if failed else children.size(one.others.peak_bytes),
        "-" if failed else f"x{one.others.peak_bytes / one.ours.peak_bytes:.1f}",
    ]


def _aims(said: Sequence[Compared]) -> str:
    lines = []
    for one in said:
        if one.case.times and not one.others.code:
            found = one.others.seconds / one.ours.seconds, one.others.peak_bytes / one.ours.peak_bytes
            for what, aim, ratio in zip(("faster", "less memory"), one.case.times, found, strict=True):
                met = "met" if ratio >= aim else "not met"
                lines.append(f"- {one.case.name}: {aim:.0f} times {what}: {met} ({ratio:.1f}).")
        if one.case.limits:
            seconds, room = one.case.limits
            met = "met" if one.ours.seconds < seconds and one.ours.peak_bytes < room else "not met"
            told = f"{one.ours.seconds:.2f} s, {children.size(one.ours.peak_bytes)}"
            lines.append(f"- {one.case.name}: under {seconds:.0f} s and {children.size(int(room))}: {met} ({told}).")
        if one.case.like and (macs := one.ours_alone.told()["macs"]) != LIKE[one.case.like].macs(1, _SEQ):
            lines.append(f"- {one.case.name}: {macs:,} is not {LIKE[one.case.like].macs(1, _SEQ):,}!")
    return "\n".join(["Aims, for whole commands:", "", *lines])


def starts(times: int) -> str:
    """Tell what the start of Python and the imports take, nothing counted."""
    rows = []
    for name, command in (
        ("an empty Python", (sys.executable, "-c", "pass")),
        ("`greengate --help`", (*_GREENGATE, "--help")),
        ("import numpy", (sys.executable, "-c", "import numpy")),
        ("import onnx", (sys.executable, "-c", "import onnx")),
        ("import what `greengate cost` needs", (sys.executable, "-c", "import probe_greengate")),
        ("import onnx_tool", (scratch.PYTHON, "-c", "import onnx_tool")),
    ):
        ran = children.again(times, *command, folder=HERE)
        rows.append((name, f"{ran.seconds:.2f} s ({ran.cpu_s:.2f})", children.size(ran.peak_bytes)))
    return sheets.table(("nothing counted", "whole process (processor)", "peak memory"), rows)


def seventy_by_torch(folder: Path) -> str:
    """Let the counters of torch modules count the 70B shape, without weights: on the device `meta`."""
    program, tools = folder / "decoder.pt2", HERE / "torch_tools.py"
    exported = children.run(scratch.PYTHON, tools, "export", "decoder-70b", program)
    commands = {
        "greengate, exported program": (*_GREENGATE, "cost", program, "--trust", "--json"),
        "torch.utils.flop_counter": (scratch.PYTHON, tools, "flop_counter", "decoder-70b"),
        "fvcore": (scratch.PYTHON, tools, "fvcore", "decoder-70b"),
    }
    rows = []
    for name, command in commands.items():
        ran = children.run(*command)
        told = ran.told()
        told = told["at"][0] if "at" in told else told
        macs = f"{told['macs']:,}" if told.get("macs") is not None else f"fails: {ran.problem}"
        parameters = f"{told['parameters']:,}" if told.get("parameters") is not None else "-"
        rows.append((name, macs, parameters, f"{ran.seconds:.1f} s ({ran.cpu_s:.1f})", children.size(ran.peak_bytes)))
    heads = ("Llama 70B from torch", "MACs", "parameters", "whole process (processor)", "peak memory")
    size = children.size(program.stat().st_size) if program.exists() else "not written"
    about = f"Exporting it took {exported.seconds:.0f} s and {children.size(exported.peak_bytes)}; the file has {size}."
    return f"{sheets.table(heads, rows)}\n{about}"


def main() -> None:
    """Compare and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup", action="store_true", help="make the scratch environment and end")
    parser.add_argument("--times", type=int, default=5, help="runs of each command")
    parser.add_argument("--only", choices=[*CASES, "torch"], help="one case, printed and not kept")
    asked = parser.parse_args()
    if asked.setup:
        scratch.set_up()
        return
    scratch.required()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if asked.only == "torch":
            print(seventy_by_torch(folder))
            return
        said, load_before = [], os.getloadavg()[0]
        for word, case in CASES.items():
            if asked.only in {None, word}:
                said.append(compared(case, folder, asked.times))
                print(*_speed(said[-1]), sep=" | ", flush=True)
        if asked.only:
            return
        by_torch = seventy_by_torch(folder)
    first = ("file", "operators", "size", "greengate's MACs", "onnx-tool's")
    second = ("file", "greengate cost", "onnx_tool", "faster", "its count alone", "onnx-tool's", "faster")
    sheets.write(
        HERE,
        "large",
        "Large decoders, beside onnx-tool",
        f"{sheets.runner()}; load {load_before:.1f} before, {os.getloadavg()[0]:.1f} after",
        scratch.versions(),
        f"Batch 1, sequence length {_SEQ}; median of {asked.times} runs by turns, in brackets of processor seconds.",
        _ABOUT,
        sheets.table(first, [_row(one) for one in said]),
        sheets.table((*second, "greengate's memory", "onnx_tool's", "less"), [_speed(one) for one in said]),
        _aims(said),
        _failures(said),
        "## Where the time of a command goes",
        starts(asked.times),
        "## The 70B shape from torch",
        by_torch,
    )


def _failures(said: Sequence[Compared]) -> str:
    failed = [(one.case.name, re.sub(r"/\S*/", "", one.others.problem)) for one in said if one.others.code]
    lines = [f"- {name}: {problem}" for name, problem in failed]
    return "\n".join(["Where onnx-tool fails:", "", *lines]) if lines else "onnx-tool fails nowhere."


_ABOUT = """Weights are random numbers where onnx-tool can read them: it looks for blocks of zeros in them, and takes
far longer when all are zero. onnx-tool's MACs hold element-wise work too. It reads all weights and greengate none. On
tiny graphs, and by memory on graphs with few weights, onnx-tool is the better one: it starts in less time and room.
Memory is the highest peak of the process; a child's cannot be told below that of the measuring script, about 25 MB."""

if __name__ == "__main__":
    main()
