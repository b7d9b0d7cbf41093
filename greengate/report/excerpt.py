"""Shorter and shorter excerpts of a document, for places that do not take it whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greengate.report.document import Document
from greengate.verdict import Outcome

_MOST_FINDINGS = 20
_FEW_FINDINGS = 5
_FEW = 10  # budgets, notes, and what a preview says of one model


@dataclass(frozen=True, slots=True)
class _Depth:
    """How much is told of a model: the evidence, how to go on (what grew, how to ask for a waiver), its findings."""

    details: bool = True
    advice: bool = True
    findings: int | None = None


def excerpts(whole: Document) -> Iterator[Document]:
    """Yield the whole document, the gravest first, then ever shorter ones that still have a part for each model.

    First go the findings that passed, then the evidence of all models, then what grew and how to ask for waivers; each
    says in `left_out` how much is missing.
    """
    models = sorted(whole["models"], key=_gravity)
    brief = [_brief(model) for model in models]
    yield _told(whole, [_cut(model, _Depth()) for model in models])
    for depth in (_Depth(), _Depth(details=False), _Depth(details=False, advice=False)):
        yield _told(whole, [_cut(model, depth) for model in brief])


def outline(whole: Document, rows: int, parts: int) -> Document:
    """Keep a row for each of the gravest models, and a part with findings for the very gravest.

    Args:
        whole: The document.
        rows: How many models there may be.
        parts: How many of them tell their findings, if they did not pass.
    """
    models = sorted(whole["models"], key=_gravity)[:rows]
    depth = _Depth(details=False, advice=False, findings=_MOST_FINDINGS if len(whole["models"]) == 1 else _FEW_FINDINGS)
    told = [_cut(_brief(model), depth) for model in models[:parts]]
    bare = [_cut({**model, "findings": []}, depth) for model in models[parts:]]
    return _told(whole, [*told, *bare], _FEW)


def beginning(told: Document, count: int) -> Document:
    """Keep only the first models: what is too long with them is too long with all."""
    return {**told, "models": told["models"][:count]}


def _told(whole: Document, kept: Sequence[Document], most: int | None = None) -> Document:
    findings = sum(len(model["findings"]) for model in whole["models"]) - sum(len(model["findings"]) for model in kept)
    left_out = {
        "findings": findings,
        "models": len(whole["models"]) - len(kept),
        "budgets": len(whole["budgets"][most:]) if most is not None else 0,
        "notes": len(whole["notes"][most:]) if most is not None else 0,
        "details": not all(model["details"] for model in kept),
        "advice": not all(model["advice"] for model in kept),
    }
    budgets = sorted(whole["budgets"], key=lambda one: not one["overdrawn"])[:most]
    return {**whole, "models": list(kept), "budgets": budgets, "notes": whole["notes"][:most], "left_out": left_out}


def _cut(model: Document, depth: _Depth) -> Document:
    findings = sorted(model["findings"], key=_gravity)[: depth.findings]
    preview = model["preview"][: None if depth.findings is None else _FEW if findings else 0]
    cut = {"findings": findings, "preview": preview, "details": depth.details, "advice": depth.advice}
    return {**model, **cut}


def _brief(model: Document) -> Document:
    return {**model, "findings": [item for item in model["findings"] if item["outcome"] != Outcome.PASSED]}


def _gravity(told: Document) -> int:
    return -Outcome(told["outcome"]).gravity
