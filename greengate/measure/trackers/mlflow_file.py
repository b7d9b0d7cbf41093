"""A run of MLflow as its server tells it: the answer of `runs/get`, or of `runs/search` with several runs.

Layout as MLflow 3.17 answers; `data.metrics` has the last value logged of each key. MLflow gives metrics no unit, and
its own system metrics hold power and no energy. Who logs energy beside it does so under many names, and of the plain
ones `emissions` is kilograms with CodeCarbon and grams with mlflow-emissions-sdk: so a key counts only if it carries
its unit, or if a tag of the run says what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from greengate.errors import ModelError, Place
from greengate.measure.trackers import mlflow_keys
from greengate.measure.trackers.tracker_file import (
    JOULES_A_KWH,
    MOST_INTENSE,
    Entry,
    Record,
    require,
    shown,
    text_of,
)
from greengate.measure.trackers.tracker_json import json_object, text_cell
from greengate.quantities import Emissions, Energy

ENERGY_TAG, EMISSIONS_TAG = "greengate.energy", "greengate.emissions"
_HINT = "save what the server answers to `runs/get` or `runs/search`"
_OPEN = ("RUNNING", "SCHEDULED")
_MOST_J = 1e17  # 100 MW for thirty years; databases keep infinity as 1.8e308
_NAMED = 5


class MlflowRun:
    """Reads what MLflow's server answers of one run or of several."""

    name = "MLflow"
    each = "run"

    def entries(self, data: bytes, file: str) -> list[Entry]:
        """Split the answer into its runs."""
        content = json_object(text_of(data, file, self.name), Place(file), self.name, _HINT)
        if "error_code" in content:
            said = shown(text_cell(content.get("message", "")))
            raise ModelError(file, f"the MLflow file is an error that the server told: {said}", _HINT)
        if "runs" not in content:
            require(list(content), ("run",), Place(file), self.name, _HINT)
            return [_entry(content["run"], Place(file, path="run"), whole=True)]
        runs = content["runs"]
        if not isinstance(runs, list):
            raise ModelError(Place(file, path="runs"), "found no list, expected the runs of an MLflow file")
        whole = not content.get("next_page_token")
        return [_entry(run, Place(file, path=f"runs[{index}]"), whole=whole) for index, run in enumerate(runs)]

    def refuse_overlap(self, entries: Sequence[Entry]) -> None:
        """Refuse a run that stands twice or inside another, and a part of an answer."""
        runs = [entry.run for entry in entries]
        for index, entry in enumerate(entries):
            if entry.run in runs[:index]:
                raise ModelError(entry.where, f"the run `{shown(entry.run)}` stands twice", "keep one of the two")
            parent = entry.cells.get("tags.mlflow.parentRunId", "")
            if parent in runs:
                found = f"the run `{shown(entry.run)}` lies inside the run `{shown(parent)}`: a sum may count it twice"
                raise ModelError(entry.where, found, "choose the outer one with `run: RUN_ID`")
            if not entry.cells["whole"]:
                found = "the answer is one page of several (`next_page_token`), so that its runs are not all"
                raise ModelError(entry.where.file, found, "ask for more at once with `max_results`")

    def record(self, entry: Entry) -> Record:
        """Read one run."""
        if entry.text("info.status") in _OPEN:
            found = f"the run is {entry.text('info.status')}: what it has logged is not its total yet"
            raise ModelError(entry.at("info.status"), found, "save the answer again when it has ended")
        energy_key, joules_a = _energy(entry)
        energy_j = entry.positive(f"metrics.{energy_key}", "energy") * joules_a
        if energy_j > _MOST_J:
            found = f"found `{entry.text(f'metrics.{energy_key}')}`, which is {energy_j:.3g} J; expected at most 1e17 J"
            raise ModelError(entry.at(f"metrics.{energy_key}"), found, "databases keep infinity as 1.8e308")
        emissions_g, why = _emissions(entry, energy_j)
        status = entry.text("info.status")
        remarks = (
            f"`{shown(energy_key)}`",
            f"run name `{entry.text('info.run_name')}`",
            f"status {status or 'not told'}",
        )
        return Record(
            energy_j=energy_j,
            emissions_g=emissions_g,
            no_emissions=why,
            duration_s=None,  # A run may be opened after the training, only to log it.
            tracker="MLflow",
            scope="",
            boundary=f"what was logged as `{shown(energy_key)}`; of what, and by whom, MLflow does not tell",
            remarks=remarks,
            net_of_idle=None,
        )


def _entry(run: Any, where: Place, *, whole: bool) -> Entry:
    if not isinstance(run, dict) or not all(isinstance(run.get(name, {}), dict) for name in ("info", "data")):
        raise ModelError(where, "found no run, expected `{info: …, data: …}`", _HINT)
    info, data = run.get("info", {}), run.get("data", {})
    require(list(info), ("run_id",), Place(where.file, path=f"{where.path}.info"), MlflowRun.name, _HINT)
    cells = {f"info.{name}": text_cell(value) for name, value in info.items()}
    for part in ("metrics", "tags"):
        cells |= _pairs(data.get(part, []), part, Place(where.file, path=f"{where.path}.data.{part}"))
    return Entry(where, cells["info.run_id"], {**cells, "whole": "yes" if whole else ""})


def _pairs(listed: Any, part: str, where: Place) -> dict[str, str]:
    """Read a list of keys and values: values by `metrics.KEY`, and the steps of metrics by `steps.KEY`."""
    cells: dict[str, str] = {}
    if not isinstance(listed, list) or not all(isinstance(one, dict) and "key" in one for one in listed):
        raise ModelError(where, f"found no list of {part}, expected `[{{key: …, value: …}}]`", _HINT)
    for one in listed:
        name = f"{part}.{text_cell(one['key'])}"
        if name in cells:
            raise ModelError(where, f"`{shown(text_cell(one['key']))}` is given twice", "take the answer as it came")
        cells[name] = text_cell(one.get("value", ""))
        if part == "metrics":
            cells[f"steps.{text_cell(one['key'])}"] = text_cell(one.get("step", "0"))
    return cells


def _metrics(entry: Entry) -> list[str]:
    return [name.removeprefix("metrics.") for name in entry.cells if name.startswith("metrics.")]


def _energy(entry: Entry) -> tuple[str, float]:
    """Find the metric that is the energy of the run, and its joules."""
    declared = _declared(entry, ENERGY_TAG, Energy.units, "energy_consumed kWh")
    if declared is not None:
        return declared
    found = {key: joules for key in _metrics(entry) if (joules := mlflow_keys.joules(key)) is not None}
    where = Place(entry.where.file, path=f"{entry.where.path}.data.metrics")
    if not found:
        near = [key for key in _metrics(entry) if mlflow_keys.about_energy(key)]
        told = f"; found {_named(near)}" if near else ""
        hint = (
            f"log it under a key with its unit, such as `energy_kwh`, or set the run's tag `{ENERGY_TAG}` to a key and "
            "its unit, such as `energy_consumed kWh`"
        )
        raise ModelError(where, f"no metric of the run is clearly the energy of all of it{told}", hint)
    _refuse_several(found, where, "energy", ENERGY_TAG, "kWh")
    key, joules = found.popitem()
    _refuse_step(entry, key, ENERGY_TAG)
    return key, joules


def _emissions(entry: Entry, energy_j: float) -> tuple[float | None, str]:
    declared = _declared(entry, EMISSIONS_TAG, Emissions.units, "emissions kgCO2e")
    found = {key: grams for key in _metrics(entry) if (grams := mlflow_keys.grams(key)) is not None}
    if declared is None and not found:
        return None, f"the MLflow run gives no emissions under a key with its unit, and no tag `{EMISSIONS_TAG}`"
    if declared is None:
        where = Place(entry.where.file, path=f"{entry.where.path}.data.metrics")
        _refuse_several(found, where, "emissions", EMISSIONS_TAG, "kgCO2e")
        declared = found.popitem()
        _refuse_step(entry, declared[0], EMISSIONS_TAG)
    key, grams_a = declared
    grams = entry.number(f"metrics.{key}", "emissions") * grams_a
    if grams == 0:
        return None, f"the MLflow run says 0 for `{shown(key)}`: whoever logged it knew no grid"
    if (intensity := grams / (energy_j / JOULES_A_KWH)) > MOST_INTENSE:
        told = f"found {grams / 1000:g} kg for {energy_j / JOULES_A_KWH:g} kWh, which is {intensity:,.0f} gCO2e/kWh"
        raise ModelError(
            entry.at(f"metrics.{key}"), f"{told}; expected at most 2,000", "is one of the two in another unit?"
        )
    return grams, ""


def _declared(entry: Entry, tag: str, units: dict[str, float], example: str) -> tuple[str, float] | None:
    """Read a tag of the run that says which metric it is, and in which unit."""
    said = entry.cells.get(f"tags.{tag}", "").strip()
    if not said:
        return None
    key, _, unit = said.rpartition(" ")
    if unit not in units or not key:
        problem = f"found `{shown(said)}`, expected a metric of the run and its unit"
        raise ModelError(entry.at(f"tags.{tag}"), problem, f"such as `{example}`; units are {', '.join(units)}")
    if f"metrics.{key}" not in entry.cells:
        problem = f"found `{shown(said)}`, but the run has no metric `{shown(key)}`"
        raise ModelError(entry.at(f"tags.{tag}"), problem, f"it has {_named(_metrics(entry)) or 'none'}")
    return key, units[unit]


def _refuse_several(found: Iterable[str], where: Place, what: str, tag: str, unit: str) -> None:
    keys = list(found)
    if len(keys) > 1:
        problem = f"each of {_named(keys)} could be the {what} of the run, and nothing says which counts"
        raise ModelError(
            where, problem, f"set the tag `{tag}` of the run to one and its unit, such as `{keys[0]} {unit}`"
        )


def _refuse_step(entry: Entry, key: str, tag: str) -> None:
    """Refuse what was logged step by step: the answer has the last value, the sum so far or one step's part."""
    step = entry.text(f"steps.{key}")  # left out of the answer where it is 0
    if step not in {"", "0"} and "total" not in key.lower():
        found = f"`{shown(key)}` was last logged at step {step}: that value may be the total or one step's part"
        hint = f"log the total once without a step, or under a key with `total`, or name it in the tag `{tag}`"
        raise ModelError(entry.at(f"metrics.{key}"), found, hint)


def _named(keys: Sequence[str]) -> str:
    known = [f"`{shown(key)}`" for key in keys]
    return ", ".join(known[:_NAMED]) + (f" and {len(known) - _NAMED} more" if len(known) > _NAMED else "")
