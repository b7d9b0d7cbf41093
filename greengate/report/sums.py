"""What all models of a check cost a year more together, from what is told of each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from greengate.metrics import METRICS
from greengate.report import yearly
from greengate.report.comparison import percent
from greengate.years import signed

_RATIOS = {"energy": "energy_per_1k_inferences", "carbon": "carbon_per_1k_inferences"}
_YEARS = {"energy": "deployment_energy", "carbon": "deployment_carbon"}

Model = Mapping[str, Any]


def together(models: Sequence[Model]) -> dict[str, Any] | None:
    """Add up what the models cost a year more than their baselines; None where it is known of none.

    `models` says how many are in the sum. The sums have no interval, since nobody knows how errors of several models
    hang together; each model's own has one.
    """
    if len(models) == 1:
        year = models[0]["year"]
        return {"text": year["text"], "models": 1, "rows": _rows(models)} if year and year["text"] else None
    rows = _rows(models)
    told = yearly.sum_in_words({name: row["amount"] for name, row in rows.items()})
    return {"text": told, "models": max(row["models"] for row in rows.values()), "rows": rows} if told else None


def change(models: Sequence[Model], what: str) -> str:
    """Say by how much the energy or the carbon of all models changes: `+77.6%`; nothing where that is not known.

    Of one model, by its inferences; of several, by what they take a year, of which all must be known.
    """
    name = _RATIOS[what] if len(models) == 1 else _YEARS[what]
    found = [_pair(model, name) for model in models]
    known = [pair for pair in found if pair is not None]
    before, after = sum(pair[0] for pair in known), sum(pair[1] for pair in known)
    return percent(after / before) if len(known) == len(found) and before > 0 else ""


def _pair(model: Model, name: str) -> tuple[float, float] | None:
    """Tell what a figure was and, by the ratio that the pairs tell, what it is."""
    figure = model["figures"].get(name)
    if not figure or not figure["baseline"] or not figure["change"] or figure["change"]["ratio"] is None:
        return None
    before = figure["baseline"]["amount"]
    return before, before * figure["change"]["ratio"]


def _rows(models: Sequence[Model]) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for name, word in yearly.WORDS.items():
        known = [row["amount"] for row in _each(models, name) if row["amount"] is not None]
        if known:
            words = signed(METRICS[name], sum(known))
            unit = next(row["unit"] for row in _each(models, name))
            rows[name] = {"word": word, "unit": unit, "amount": sum(known), "text": words, "models": len(known)}
    return rows


def _each(models: Sequence[Model], name: str) -> list[Mapping[str, Any]]:
    return [model["year"]["rows"][name] for model in models if model["year"] and name in model["year"]["rows"]]
