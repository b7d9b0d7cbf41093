"""Eco-CI's JSON: joules of the steps of a job, modelled from CPU utilisation.

Two layouts are known from the sources of green-coding-solutions/eco-ci-energy-estimation: since `scripts/json.sh`,
lap-data.json with a list of `steps`; before that, lap-data.json and total-data.json with the keys of one step at the
top. Numbers may stand in quotes. Neither holds emissions, nor the version.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from greengate.errors import ModelError, Place
from greengate.measure.trackers.tracker_file import Entry, Record, require, shown, text_of

_KEYS = ("label", "energy_joules")


class EcoCi:
    """Reads Eco-CI's lap-data.json and total-data.json."""

    name = "Eco-CI"
    each = "step"

    def entries(self, data: bytes, file: str) -> list[Entry]:
        """Split the file into its steps."""
        content = _object(text_of(data, file, self.name), file)
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


def _object(text: str, file: str) -> dict[str, Any]:
    try:
        content = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_pairs)
    except json.JSONDecodeError as bad:
        raise ModelError(Place(file, bad.lineno, bad.colno), f"the Eco-CI file is no JSON: {bad.msg}") from bad
    except RecursionError as bad:
        raise ModelError(file, "the Eco-CI file is nested too deeply") from bad
    except _TwiceError as bad:
        raise ModelError(file, f"in the Eco-CI file, `{shown(str(bad))}` is given twice") from bad
    if not isinstance(content, dict):
        raise ModelError(file, "the Eco-CI file is no JSON object", "lap-data.json of `json-output: true` is one")
    return content


class _TwiceError(Exception):
    """A key that stands twice in one object."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise _TwiceError(key)
        content[key] = value
    return content


def _entry(step: Any, where: Place) -> Entry:
    if not isinstance(step, dict):
        raise ModelError(where, "found no object, expected a step such as `{label: …, energy_joules: …}`")
    require(list(step), _KEYS, where, EcoCi.name)
    cells = {key: value if isinstance(value, str) else json.dumps(value) for key, value in step.items()}
    return Entry(where, cells["label"], cells)
