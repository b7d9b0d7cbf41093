"""Energy and emissions of training, as another tracker wrote them down: imported, not checked by measuring."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from greengate.errors import ModelError, nearest
from greengate.evidence import Class, Figure, Interval, Provenance
from greengate.measure.figures import Figures
from greengate.measure.trackers.codecarbon_file import CodeCarbon
from greengate.measure.trackers.eco_ci_file import EcoCi
from greengate.measure.trackers.greengate_file import Greengate
from greengate.measure.trackers.mlflow_file import MlflowRun
from greengate.measure.trackers.tracker_file import Entry, Format, Record, shown
from greengate.measure.trackers.zeus_file import Zeus

ENERGY, CARBON = "training_energy", "training_carbon"
FORMATS: dict[str, Format] = {
    "codecarbon": CodeCarbon(),
    "zeus": Zeus(),
    "eco-ci": EcoCi(),
    "mlflow": MlflowRun(),
    "greengate": Greengate(),
}
_CONFIDENCE = 0.95
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """Which entries of a file count: those of a run, of a project, or `every` one that is left, added up."""

    run: str | None = None
    project: str | None = None
    every: bool = False


def from_file(data: bytes, file: str, tracker: str, choice: Choice) -> Figures:
    """Read the energy (J) and emissions (gCO2e) of a training from a tracker's file.

    Only the chosen entries are looked into. Where a file has no interval, its figures count as exact as they are
    written: how far the tracker is from the truth is not in it.

    Args:
        data: The file's bytes.
        file: What messages call it.
        tracker: One of `FORMATS`.
        choice: Which of several entries count; without one, the file must hold a single entry.

    Raises:
        ModelError: It is not such a file, no entry or no single one is chosen, or a number in it cannot be meant.
    """
    form, entries, records = _read(data, file, tracker, choice)
    provenance = _provenance(form, entries, records, f"{file} sha256:{hashlib.sha256(data).hexdigest()[:12]}")
    energy_j = sum(sorted(record.energy_j for record in records))  # fsum raises where it overflows
    if not math.isfinite(energy_j):
        raise ModelError(file, f"the {form.each}s add up to more than a number can hold")
    interval = _interval(records)
    found = Figures({ENERGY: Figure(amount=energy_j, interval=interval, provenance=provenance)})
    grams = [record.emissions_g for record in records if record.emissions_g is not None]
    if len(grams) == len(records):
        found.figures[CARBON] = _emitted(records, grams, interval, provenance)
    else:
        found.missing[CARBON] = next(record.no_emissions for record in records if record.emissions_g is None)
    return found


def phases(data: bytes, file: str, tracker: str, choice: Choice) -> set[str]:
    """Tell what the chosen entries of a tracker's file were trained for, as they say; "" stands for those that do not.

    Raises:
        ModelError: As of `from_file`.
    """
    _, _, records = _read(data, file, tracker, choice)
    return {record.phase for record in records}


def _read(data: bytes, file: str, tracker: str, choice: Choice) -> tuple[Format, Sequence[Entry], list[Record]]:
    form = FORMATS[tracker]
    entries = _chosen(form, form.entries(data, file), choice, file)
    return form, entries, [form.record(entry) for entry in entries]


def _interval(records: Sequence[Record]) -> Interval:
    """Add intervals up end by end: what one meter is wrong by, it is wrong by in every run."""
    ends = [record.interval_j or (record.energy_j, record.energy_j) for record in records]
    told = any(record.interval_j for record in records)
    low, high = (math.fsum(end[side] for end in ends) for side in (0, 1))
    return Interval(low=low, high=high, confidence=_CONFIDENCE if told else 1.0)


def _emitted(records: Sequence[Record], grams: Sequence[float], energy: Interval, provenance: Provenance) -> Figure:
    """Make the figure of emissions: the interval of the energy, run by run at its own intensity."""
    ends = [
        tuple(emitted * end / record.energy_j for end in record.interval_j or (record.energy_j, record.energy_j))
        for record, emitted in zip(records, grams, strict=True)
    ]
    amount = math.fsum(grams)
    low, high = (math.fsum(end[side] for end in ends) for side in (0, 1))
    interval = Interval(low=min(low, amount), high=max(high, amount), confidence=energy.confidence)
    return Figure(amount=amount, interval=interval, provenance=provenance)


def _chosen(form: Format, entries: Sequence[Entry], choice: Choice, file: str) -> Sequence[Entry]:
    if not entries:
        raise ModelError(file, f"the {form.name} file holds no {form.each}", "the tracker was not stopped, or not run")
    for what, wanted, own in (("project", choice.project, _project), (form.each, choice.run, _run)):
        found = [entry for entry in entries if wanted in {None, own(entry)}]
        if not found:
            near = nearest(str(wanted), {shown(own(entry)) for entry in entries})
            hint = near if near.startswith("did") else f"it holds {_names({own(entry): None for entry in entries})}"
            raise ModelError(file, f"the {form.name} file has no {what} `{wanted}`", hint)
        entries = found
    if len(entries) == 1:
        return entries
    if choice.every or len({entry.run for entry in entries}) == 1:
        form.refuse_overlap(entries)
    if not choice.every:
        names = _names({entry.run: None for entry in entries})
        problem = (
            f"{len(entries)} {form.each}s of the {form.name} file are meant, and nothing says which counts: {names}"
        )
        raise ModelError(file, problem, "choose one with `training: {run: …}`, or add them up with `rows: all`")
    return entries


def _run(entry: Entry) -> str:
    return entry.run


def _project(entry: Entry) -> str:
    return entry.project


def _provenance(form: Format, entries: Sequence[Entry], records: Sequence[Record], source: str) -> Provenance:
    trackers = "; ".join(_distinct(record.tracker for record in records))
    remarks = _distinct(", ".join(record.remarks) for record in records if record.remarks)
    runs = f"{form.each} {_names({entry.run: None for entry in entries})}"
    projects = _distinct(f"project `{shown(entry.project)}`" for entry in entries if entry.project)
    durations = [record.duration_s for record in records if record.duration_s is not None]
    scopes = _distinct(record.scope for record in records)
    nets = {record.net_of_idle for record in records}
    return Provenance(
        kind=Class.DECLARED,
        method=f"imported from {trackers}: {', '.join((runs, *projects))}{''.join(f'; {words}' for words in remarks)}",
        source=source,
        meter=trackers,
        scope=scopes[0] if len(scopes) == 1 else "",
        boundary="; ".join(_distinct(record.boundary for record in records)),
        net_of_idle=nets.pop() if len(nets) == 1 else None,
        blocks=len(records),
        window_s=math.fsum(durations) if len(durations) == len(records) else None,
    )


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _names(names: Iterable[str]) -> str:
    known = [f"`{shown(name)}`" for name in names]
    return ", ".join(known[:_NAMED]) + (f" and {len(known) - _NAMED} more" if len(known) > _NAMED else "")
