"""greengate's own records of trainings, as `greengate track` appends them: two lines of JSON a run."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any, Self

from pydantic import ValidationError

from greengate.errors import ModelError, Place
from greengate.measure.trackers.tracker_file import (
    JOULES_A_KWH,
    LEAST_W,
    MOST_W,
    Entry,
    Record,
    require,
    shown,
    text_of,
)
from greengate.measure.trackers.tracker_json import json_object, text_cell
from greengate.measure.trackers.training_record import FORMAT, TrainingRecord, digest

_HINT = "`greengate track -- COMMAND` writes such a file"
_KEEP_ONE = "keep one of the two"
_AS_IT_WAS = "take the line as greengate wrote it"
_SAME = 1e-5  # meters are told to six digits
_PROCESS = "process"


class Greengate:
    """Reads what `greengate track` wrote."""

    name = "greengate"
    each = "run"

    def entries(self, data: bytes, file: str) -> list[Entry]:
        """Split the file into its runs: those that have ended, and those of which only the beginning is there."""
        text = text_of(data, file, self.name)
        lines = [
            _entry(line, Place(file, number, 1)) for number, line in enumerate(text.split("\n"), 1) if line.strip()
        ]
        ended = {entry.run for entry in lines if entry.cells["state"] == "ended"}
        return [entry for entry in lines if entry.cells["state"] == "ended" or entry.run not in ended]

    def refuse_overlap(self, entries: Sequence[Entry]) -> None:
        """Refuse runs whose joules are the same: one inside the other, or two at a time under one machine's meters."""
        for entry in entries:
            if entry.cells["state"] != "ended":
                self.record(entry)
        for one, other in combinations([_Span.of(entry) for entry in entries], 2):
            names = f"`{shown(one.entry.run)}` and `{shown(other.entry.run)}`"
            if one.entry.run == other.entry.run:
                raise ModelError(other.entry.where, f"the run `{shown(one.entry.run)}` stands twice", _KEEP_ONE)
            if one.entry.run == other.inside or other.entry.run == one.inside:
                found = f"of the runs {names} one is inside the other: their sum counts its energy twice"
                raise ModelError(other.entry.where, found, "choose the outer one with `run: NAME`")
            if one.shares(other):
                found = f"the runs {names} were metered at the same time on one machine: their sum counts energy twice"
                raise ModelError(other.entry.where, found, "choose one, or measure them one after the other")

    def record(self, entry: Entry) -> Record:
        """Read one run."""
        if entry.cells["state"] != "ended":
            found = (
                f"the run `{shown(entry.run)}` has begun and not ended: it still runs, or was killed with its tracker"
            )
            raise ModelError(entry.where, found, "wait for it, or remove its line if it does not count")
        told = _record(entry)
        energy = told.energy
        if energy is None:
            where = entry.at("energy")
            raise ModelError(where, f"the run `{shown(entry.run)}` has no energy: {told.missing}", "measure it again")
        _refuse_impossible(entry, told)
        emitted = told.emissions
        return Record(
            energy_j=energy.joules,
            emissions_g=None if emitted is None else emitted.grams,
            no_emissions="no intensity was declared when the run was tracked",
            duration_s=told.duration_s,
            tracker=f"greengate {told.run.greengate}",
            scope=energy.scope,
            boundary=_boundary(told),
            remarks=tuple(_remarks(told)),
            interval_j=(energy.low, energy.high),
            net_of_idle=energy.net_of_idle,
            phase=told.run.phase,
        )


@dataclass(frozen=True, slots=True)
class _Span:
    """When a run was metered, by what, on which machine, and inside which other run."""

    entry: Entry
    inside: str
    boot: str
    scope: str
    started_s: float
    ended_s: float

    @classmethod
    def of(cls, entry: Entry) -> Self:
        told = _record(entry)
        scope = told.energy.scope if told.energy is not None else _PROCESS
        span = _moment(told.run.started_at), _moment(told.ended_at)
        return cls(entry, told.run.inside, told.run.machine.boot, scope, *span)

    def shares(self, other: Self) -> bool:
        """Whether meters of one machine saw both at a time; CPU seconds are each process's own."""
        if not self.boot or self.boot != other.boot or {self.scope, other.scope} == {_PROCESS}:
            return False
        return self.started_s < other.ended_s and other.started_s < self.ended_s


def _entry(text: str, where: Place) -> Entry:
    values = json_object(text, where, Greengate.name, _HINT)
    require(list(values), ("format", "state", "run"), where, Greengate.name, _HINT)
    if values["format"] != FORMAT:
        found = f"found `{shown(text_cell(values['format']))}`, expected `{FORMAT}`"
        raise ModelError(Place(where.file, where.line, 1, "format"), found, "another version of greengate wrote it")
    run = values["run"]
    if not isinstance(run, dict) or not isinstance(run.get("name"), str):
        raise ModelError(Place(where.file, where.line, 1, "run"), "found no run, expected one with a `name`", _HINT)
    cells = {"state": text_cell(values["state"]), "line": text}
    return Entry(where, run["name"], cells, text_cell(run.get("project", "")))


def _record(entry: Entry) -> TrainingRecord:
    """Read the line of a run that has ended, and hold it against its digest and its shape."""
    values: dict[str, Any] = json.loads(entry.cells["line"])
    try:
        changed = values.pop("sha256", None) != digest(values)
    except TypeError:  # a number that is no decimal string is no line of ours
        changed = True
    if changed:
        raise ModelError(entry.where, f"the run `{shown(entry.run)}` was changed after it was written", _AS_IT_WAS)
    try:
        return TrainingRecord.model_validate(values)
    except ValidationError as bad:
        first = bad.errors(include_url=False)[0]
        where = entry.at(".".join(str(step) for step in first["loc"]))
        raise ModelError(where, f"the record is not as greengate writes it: {first['msg']}", _AS_IT_WAS) from bad


def _refuse_impossible(entry: Entry, told: TrainingRecord) -> None:
    """Refuse figures that do not go together: the digest keeps out accidents, not whoever makes a new one."""
    energy, emitted = told.energy, told.emissions
    assert energy is not None
    watts = energy.joules / told.duration_s
    parts = sum(one.joules or 0.0 for one in told.meters if one.id in energy.meters)
    if not energy.low <= energy.joules <= energy.high:
        raise _impossible(entry, "energy", f"found {energy.joules:g} J outside of {energy.low:g} to {energy.high:g} J")
    if not math.isclose(parts, energy.joules, rel_tol=_SAME):
        raise _impossible(entry, "energy.joules", f"found {energy.joules:g} J, but its meters told {parts:g} J")
    if not LEAST_W <= watts <= MOST_W:
        found = f"found {energy.joules:g} J in {told.duration_s:g} s, which is {watts:.3g} W; expected 1 mW to 100 MW"
        raise ModelError(entry.at("energy.joules"), found, "a run that only waited has no energy that counts")
    if emitted is not None:
        grams = energy.joules / JOULES_A_KWH * emitted.intensity
        if not math.isclose(emitted.grams, grams, rel_tol=_SAME):
            raise _impossible(
                entry, "emissions.grams", f"found {emitted.grams:g} g, but energy x intensity are {grams:g} g"
            )
    if not _moment(told.run.started_at) <= _moment(told.ended_at):
        raise _impossible(entry, "ended_at", f"found `{shown(told.ended_at)}`, which is not after `started_at`")


def _impossible(entry: Entry, path: str, found: str) -> ModelError:
    return ModelError(entry.at(path), found, _AS_IT_WAS)


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return math.nan


def _boundary(told: TrainingRecord) -> str:
    assert told.energy is not None
    inside = "; ".join(f"{one.id}: {one.boundary}" for one in told.meters if one.id in told.energy.meters)
    return f"{inside}; without {told.energy.without}"


def _remarks(told: TrainingRecord) -> list[str]:
    assert told.energy is not None
    remarks = [f"{told.energy.kind} by {' and '.join(told.energy.meters)}", f"`{shown(told.run.command)}`"]
    if told.run.phase:
        remarks.append(f"phase {told.run.phase}")
    if told.exit_code:
        remarks.append(f"ended with {told.exit_code}")
    if told.emissions is not None:
        remarks.append(f"{told.emissions.intensity:g} gCO2e/kWh ({shown(told.emissions.source)}), no PUE in it")
    return [*remarks, *(f"{shown(event.name)}: {shown(event.words)}" for event in told.events)]
