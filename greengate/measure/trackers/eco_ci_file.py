"""Eco-CI's JSON: joules of the steps of a job, modelled from CPU utilisation.

Two layouts are known from the sources of green-coding-solutions/eco-ci-energy-estimation: since `scripts/json.sh`,
lap-data.json with a list of `steps`; before that, lap-data.json and total-data.json with the keys of one step at the
top. Numbers may stand in quotes. Neither holds emissions, nor the version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from greengate.errors import ModelError, Place
from greengate.measure.trackers.tracker_file import Entry, Record, require, text_of
from greengate.measure.trackers.tracker_json import json_object, text_cell

_KEYS = ("label", "energy_joules")
_HINT = "lap-data.json of `json-output: true` is one"


class EcoCi:
    """Reads Eco-CI's lap-data.json and total-data.json."""

    name = "Eco-CI"
    each = "step"

    def entries(self, data: bytes, file: str) -> list[Entry]:
        """Split the file into its steps."""
        content = json_object(text_of(data, file, self.name), Place(file), self.name, _HINT)
        steps = content.get("steps")
        if steps is None:
            return [_entry(content, Place(file))]
        if not isinstance(steps, list):
            raise ModelError(Place(file, path="steps"), "found no list, expected the steps of an Eco-CI file")
        return [_entry(step, Place(file, path=f"steps[{index}]")) for index, step in enumerate(steps)]

    def refuse_overlap(self, entries: Sequence[Entry]) -> None:
        """Refuse nothing: each step begins where the one before it was measured."""

    def record(self, entry: Entry) -> Record:
        """Read one step."""
        return Record(
            energy_j=entry.positive("energy_joules", "joules"),
            emissions_g=None,
            no_emissions="Eco-CI writes no emissions into its JSON",
            duration_s=entry.positive("time", "seconds") if entry.text("time") else None,
            tracker="Eco-CI (its JSON does not tell the version)",
            scope="host",
            boundary=(
                "the CI machine's share of a server, modelled from CPU utilisation by a table of its kind; "
                "everything that ran on it meanwhile; no GPU"
            ),
        )


def _entry(step: Any, where: Place) -> Entry:
    if not isinstance(step, dict):
        raise ModelError(where, "found no object, expected a step such as `{label: …, energy_joules: …}`")
    require(list(step), _KEYS, where, EcoCi.name)
    cells = {key: text_cell(value) for key, value in step.items()}
    return Entry(where, cells["label"], cells)
