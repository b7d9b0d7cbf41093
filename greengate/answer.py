"""An outlook as plain values: amounts as decimal strings, times in UTC, every point with where it is from."""

from __future__ import annotations

from typing import Any

from greengate.bases import Basis, Gases
from greengate.outlook import Ask, Outlook, Place
from greengate.ports import Point
from greengate.window import Go, Inconclusive, NoWindow, Span, WaitUntil, plain

WORDS = {Go: "go", WaitUntil: "wait-until", NoWindow: "no-window", Inconclusive: "inconclusive"}
_UNITS = {Gases.CO2E: "gCO2e/kWh", Gases.CO2: "gCO2/kWh", Gases.UNKNOWN: "g/kWh"}


def values(outlook: Outlook, ask: Ask, *, late: bool, on_failure: str) -> dict[str, Any]:
    """Return everything: the answer, what was asked, and each zone with its points."""
    wanted, below = ask.wanted, ask.wanted.below
    return {
        **place_values(outlook.best),
        "asked_at": outlook.now.isoformat(),
        "source": ask.source,
        "below": None if below is None else f"{below.amount:.15g} gCO2e/kWh",
        "within_s": round(wanted.within.total_seconds()),
        "for_s": round(wanted.lasting.total_seconds()),
        "on_failure": on_failure,
        "waited_in_vain": late,
        "places": [
            {**place_values(place), "points": [_point(point) for point in place.points]} for place in outlook.places
        ],
    }


def place_values(place: Place) -> dict[str, Any]:
    """Return what was found of one zone, without its points."""
    decision = place.decision
    unknown = decision if isinstance(decision, Inconclusive) else None
    return {
        "answer": WORDS[type(decision)],
        "zone": place.zone,
        **_span(decision.span if isinstance(decision, Go | WaitUntil) else None),
        "unit": unit(place) or None,
        "lowest": None if isinstance(decision, Inconclusive) else _span(decision.lowest),
        "basis": _basis(place.points[0].basis) if place.points else None,
        "why": unknown.why if unknown else None,
        "hint": unknown.hint or None if unknown else None,
    }


def unit(place: Place) -> str:
    """Return the unit of its intensities; "" where nothing was told."""
    return _UNITS[place.points[0].basis.gases] if place.points else ""


def _span(span: Span | None) -> dict[str, Any]:
    if span is None:
        return {"start": None, "end": None, "intensity": None}
    return {"start": span.start.isoformat(), "end": span.end.isoformat(), "intensity": plain(span.g_per_kwh)}


def _point(point: Point) -> dict[str, Any]:
    return {
        "zone": point.zone,
        "start": point.start.isoformat(),
        "seconds": round(point.lasts.total_seconds()),
        "g_per_kwh": str(point.g_per_kwh),
        "forecast": point.forecast,
        "estimated": point.estimated,
        "updated_at": point.updated_at.isoformat() if point.updated_at else None,
        "sha256": point.sha256,
        "basis": _basis(point.basis),
        "unfit_for_accounts": point.unfit(),
    }


def _basis(basis: Basis) -> dict[str, str]:
    return {name: str(getattr(basis, name)) for name in ("signal", "boundary", "mix", "gases")}
