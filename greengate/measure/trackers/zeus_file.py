"""Zeus's log of measurement windows: the CSV that `ZeusMonitor(log_file=…)` writes, joules by GPU.

Columns and units as Zeus 0.16.0 writes them (zeus/monitor/energy.py). Zeus writes no other file of energy: the samples
of its PowerMonitor stay in memory, and the CPU and DRAM energy of a window is in the returned object only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from greengate.errors import ModelError, Place
from greengate.measure.trackers.tracker_file import Entry, Record, require, shown, table

_HEAD = ("start_time", "window_name", "elapsed_time")
_GPU = re.compile(r"gpu(\d+)_energy")
_CLOCK_S = 1e-3


class Zeus:
    """Reads a `ZeusMonitor`'s log file."""

    name = "Zeus"
    each = "window"

    def entries(self, data: bytes, file: str) -> list[Entry]:
        """Split the log into its windows."""
        hint = "Zeus does not quote: a comma in a window's name splits it"
        columns, rows = table(data, file, self.name, hint)
        where = Place(file, 1, 1)
        require(columns, _HEAD, where, self.name, "only the CSV of `ZeusMonitor(log_file=…)` is read")
        strange = [name for name in columns if name not in _HEAD and not _GPU.fullmatch(name)]
        if strange or len(columns) == len(_HEAD):
            found = f"found the column `{shown(strange[0])}`" if strange else "found no column of energy"
            raise ModelError(where, f"{found}, expected columns such as `gpu0_energy`, in joules")
        return [Entry(Place(file, line, 1), row["window_name"].strip(), row) for line, row in rows]

    def refuse_overlap(self, entries: Sequence[Entry]) -> None:
        """Refuse windows that run at the same time: they hold the same joules of the same GPUs."""
        windows = sorted(entries, key=_start_s)
        for first, second in pairwise(windows):
            if _start_s(second) < _start_s(first) + first.positive("elapsed_time", "seconds") - _CLOCK_S:
                names = f"`{first.text('window_name')}` and `{second.text('window_name')}`"
                found = f"the windows {names} overlap: their sum would count energy twice"
                raise ModelError(second.where, found, "choose the outer one with `run: NAME`")

    def record(self, entry: Entry) -> Record:
        """Read one window."""
        gpus = [name for name in entry.cells if _GPU.fullmatch(name)]
        numbers = ", ".join(name.removeprefix("gpu").removesuffix("_energy") for name in gpus)
        return Record(
            energy_j=sum(entry.positive(name, "joules") for name in gpus),
            emissions_g=None,
            no_emissions="Zeus writes no emissions",
            duration_s=entry.positive("elapsed_time", "seconds"),
            tracker="Zeus (its log does not tell the version)",
            scope="device",
            boundary=f"GPU {numbers}, the whole board by NVML or its like; CPU, DRAM and the rest are not in the log",
        )


def _start_s(entry: Entry) -> float:
    return entry.number("start_time", "seconds")
