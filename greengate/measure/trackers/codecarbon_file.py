"""CodeCarbon's emissions.csv: one row a run, energy in kWh, emissions in kg, PUE already in both.

Columns and units as CodeCarbon 3.3.2 writes them (`EmissionsData` in codecarbon/output_methods/emissions_data.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from greengate.errors import ModelError, Place
from greengate.measure.trackers.tracker_file import (
    JOULES_A_KWH,
    LEAST_W,
    MOST_INTENSE,
    MOST_W,
    Entry,
    Record,
    require,
    table,
)

_PARTS = ("cpu_energy", "gpu_energy", "ram_energy")
_SLACK = 0.02
_SCOPES = {"machine": "host", "process": "process"}


class CodeCarbon:
    """Reads what CodeCarbon's `FileOutput` writes, of a run or of its tasks."""

    name = "CodeCarbon"
    each = "run"

    def entries(self, data: bytes, file: str) -> list[Entry]:
        """Split the file into its rows."""
        columns, rows = table(data, file, self.name)
        require(columns, ("run_id", "project_name", "duration", "energy_consumed"), Place(file, 1, 1), self.name)
        return [
            Entry(Place(file, line, 1), row["run_id"].strip(), row, row["project_name"].strip()) for line, row in rows
        ]

    def refuse_overlap(self, entries: Sequence[Entry]) -> None:
        """Refuse several rows of one run: `flush()` writes the run's total so far, so that a sum counts it twice."""
        times = Counter((entry.run, entry.cells.get("task_name", "")) for entry in entries)
        for entry in entries:
            if (rows := times[entry.run, entry.cells.get("task_name", "")]) > 1:
                found = f"the run `{entry.text('run_id')}` stands in {rows} rows, each its total so far"
                hint = 'keep its last row only; `on_csv_write="update"` makes CodeCarbon do so'
                raise ModelError(entry.where, found, hint)

    def record(self, entry: Entry) -> Record:
        """Read one row."""
        kwh = entry.positive("energy_consumed", "kWh")
        _refuse_other_sum(entry, kwh)
        emissions_g, why = _emissions(entry, kwh)
        duration_s = entry.positive("duration", "seconds")
        _refuse_other_power(entry, kwh, duration_s)
        mode = entry.text("tracking_mode")
        if mode and mode not in _SCOPES:
            raise ModelError(entry.at("tracking_mode"), f"found `{mode}`, expected `machine` or `process`")
        return Record(
            energy_j=kwh * JOULES_A_KWH,
            emissions_g=emissions_g,
            no_emissions=why,
            duration_s=duration_s,
            tracker=f"CodeCarbon {entry.text('codecarbon_version') or 'of a version that the file does not tell'}",
            scope=_SCOPES.get(mode, ""),
            boundary=_boundary(entry, mode),
            remarks=(
                f"tracking mode {mode or 'not in the file'}",
                _place(entry),
                f"PUE {_pue(entry):g} in it" if entry.text("pue") else "PUE not in the file",
            ),
        )


def _refuse_other_sum(entry: Entry, kwh: float) -> None:
    """Refuse energy that is not the sum of its parts: an edited row, or another unit."""
    if not all(entry.text(part) for part in _PARTS):
        return
    parts = sum(entry.number(part, "kWh") for part in _PARTS)
    if abs(parts - kwh) > _SLACK * kwh:
        found = f"found {kwh:g} kWh, but {' + '.join(_PARTS)} are {parts:g} kWh"
        raise ModelError(entry.at("energy_consumed"), found, "take the row as CodeCarbon wrote it")


def _refuse_other_power(entry: Entry, kwh: float, duration_s: float) -> None:
    """Refuse energy that nothing could have taken in that time: an edited row, or another unit."""
    watts = kwh * JOULES_A_KWH / duration_s
    if not LEAST_W <= watts <= MOST_W:
        found = f"found {kwh:g} kWh in {duration_s:g} s, which is {watts:.3g} W; expected 1 mW to 100 MW"
        raise ModelError(entry.at("energy_consumed"), found, "CodeCarbon writes kWh and seconds: is it another unit?")


def _pue(entry: Entry) -> float:
    pue = entry.positive("pue", "PUE")
    if pue < 1:
        found = f"found `{entry.text('pue')}`, expected a PUE of 1 or more"
        raise ModelError(entry.at("pue"), found, "a data centre takes at least what its machines take")
    return pue


def _emissions(entry: Entry, kwh: float) -> tuple[float | None, str]:
    if not entry.text("emissions"):
        return None, "the CodeCarbon file gives no emissions"
    kilograms = entry.number("emissions", "kg")
    if kilograms == 0:
        return None, f"the CodeCarbon file says 0 kg for {kwh:g} kWh: it knew no grid"
    if (intensity := kilograms * 1000 / kwh) > MOST_INTENSE:
        found = f"found {kilograms:g} kg for {kwh:g} kWh, which is {intensity:,.0f} gCO2e/kWh; expected at most 2,000"
        raise ModelError(entry.at("emissions"), found, "CodeCarbon writes kg and kWh: is it another unit?")
    return kilograms * 1000, ""


def _boundary(entry: Entry, mode: str) -> str:
    whose = {"machine": "the whole machine", "process": "the tracked process, by its share"}.get(mode, "the machine")
    watts = [
        f"{part} {entry.number(f'{part.lower()}_power', 'W'):.4g} W"
        for part in ("CPU", "GPU", "RAM")
        if entry.text(f"{part.lower()}_power")
    ]
    means = f", {', '.join(watts)} on average" if watts else ""
    return (
        f"CPU, GPU and RAM of {whose}{means}; a counter where CodeCarbon found one, "
        "else watts it assumes (`cpu_power`, `ram_power`) x wall-clock time: the file does not say which"
    )


def _place(entry: Entry) -> str:
    names = [entry.text(column) for column in ("country_name", "country_iso_code", "region")]
    if entry.text("on_cloud") == "Y":
        names += [entry.text("cloud_provider"), entry.text("cloud_region")]
    return ", ".join(name for name in names if name) or "place not in the file"
