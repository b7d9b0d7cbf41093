"""The evidence of one model as plain values: all that was found and how the measuring went, without the blocks.

The blocks themselves are in the history, which `greengate judge` reads; what verdicts rest on, the ratio of each round,
is here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from greengate.conversion import Conversion
from greengate.evidence import Earlier, Evidence, Figure, Grown, Interval, Provenance, Subject
from greengate.paired import log_ratios
from greengate.report import course, growth, origin, yearly
from greengate.report.comparison import Compared, base_unit, metric_of
from greengate.report.footing import ENERGY

_COLUMNS = ("cpu", "wall", "run")

Particulars = dict[str, Any]


def particulars(evidence: Evidence) -> Particulars:
    """Lay the evidence out."""
    load = course.load(evidence)
    return {
        "taken_at": evidence.taken_at,
        "branch": evidence.branch,
        "team": evidence.model.team,
        "labels": dict(evidence.model.labels),
        "candidate": _subject(evidence.candidate, evidence),
        "baseline": _subject(evidence.baseline, evidence) if evidence.baseline else None,
        "earlier": [_earlier(earlier, evidence) for earlier in evidence.earlier],
        "runner": evidence.runner.model_dump(),
        "device": evidence.device,
        "conversion": _conversion(evidence.conversion),
        "project": evidence.project,
        "change": evidence.change,
        "approvals": [one.model_dump(exclude={"rules"}) for one in evidence.approvals],
        "grants": [one.model_dump() for one in evidence.grants],
        "budgets": [one.model_dump(mode="json") for one in evidence.budgets],
        "terms": evidence.terms,
        "measured": course.measured(evidence),
        "measured_s": evidence.measured_s,
        "pairs": len(evidence.pairs),
        "rounds": course.rounds(evidence),
        "fixed_rounds": evidence.fixed_rounds,
        "discarded_pairs": evidence.discarded_pairs,
        "ratios": {column: [_six_digits(x) for x in log_ratios(column, evidence.pairs)] for column in _COLUMNS},
        "load": _load(load) if load else None,
        "control_s": list(evidence.control_s),
        "voided": evidence.voided,
        "events": [{"name": event.name, "words": event.words, "text": course.said(event)} for event in evidence.events],
        "seed": evidence.seed,
        "incomparable": list(evidence.incomparable),
        "grown": [_grown(one) for one in evidence.grown],
        "changed_operators": evidence.changed_operators,
        "notes": list(evidence.notes),
    }


def _grown(one: Grown) -> Particulars:
    words = {"text": growth.words(one), "more_macs": growth.macs(one), "more_parameters": growth.parameters(one)}
    return {**one.model_dump(), **words}


def _conversion(said: Conversion | None) -> Particulars | None:
    """Lay traffic and factors out as they are written down, with words that are ready to print."""
    if said is None:
        return None
    words = [{"name": name, "text": text} for name, text in yearly.factors(said)]
    return {**said.model_dump(), "scope": said.scope, "market_intensity": said.market_intensity, "words": words}


def figure(found: Compared, told: Figure) -> Particulars:
    """Lay one figure out, with words that are ready to print."""
    interval = told.interval
    return {
        "amount": told.amount,
        **bounds(interval),
        "provenance": provenance(told.provenance),
        "text": found.in_words(told.amount),
        "span": "" if interval.exact else f"{found.in_words(interval.low)} to {found.in_words(interval.high)}",
    }


def bounds(interval: Interval | None) -> Particulars:
    """Lay an interval out."""
    if interval is None:
        return {"low": None, "high": None, "confidence": None}
    return {"low": interval.low, "high": interval.high, "confidence": interval.confidence}


def provenance(told: Provenance | None) -> Particulars | None:
    """Lay a figure's origin out, with words on how well it is known."""
    if told is None:
        return None
    return {
        **told.model_dump(),
        "kind": str(told.kind),
        "degraded": list(told.degraded),
        "covers": origin.covers(told),
        "uncertainty": origin.uncertainty(told),
    }


def _subject(subject: Subject, evidence: Evidence) -> Particulars:
    missing: Mapping[str, str] = subject.missing
    return {
        "path": subject.path,
        "sha256": subject.sha256,
        "missing": dict(missing),
        "crosschecks": {meter: _named(ENERGY, told, evidence) for meter, told in subject.crosschecks.items()},
    }


def _named(name: str, told: Figure, evidence: Evidence) -> Particulars:
    metric = metric_of(name, evidence)
    return {"unit": base_unit(metric.kind) if metric else "", **figure(Compared(name, metric, told), told)}


def _earlier(earlier: Earlier, evidence: Evidence) -> Particulars:
    subject = earlier.subject
    return {
        "since": earlier.since,
        "label": earlier.label,
        "origin": earlier.origin,
        "missing": earlier.missing,
        "path": subject.path if subject else "",
        "sha256": subject.sha256 if subject else "",
        "figures": {name: _named(name, told, evidence) for name, told in (subject.figures if subject else {}).items()},
        "pairs": len(earlier.pairs),
        "ratios": {column: [_six_digits(x) for x in log_ratios(column, earlier.pairs)] for column in _COLUMNS},
        "links": [
            {
                "entry": link.entry,
                "candidate": link.candidate,
                "baseline": link.baseline,
                "ratios": {column: [_six_digits(x) for x in rounds] for column, rounds in link.rounds.items()},
            }
            for link in earlier.links
        ],
    }


def _load(load: course.Load) -> Particulars:
    return {
        "foreign": load.foreign,
        "steal": load.steal,
        "preempted": load.preempted,
        "yielded": load.yielded,
        "text": str(load),
    }


def _six_digits(log_ratio: float) -> float:
    return float(f"{math.exp(log_ratio):.6g}")
