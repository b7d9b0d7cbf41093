"""Shorter and shorter excerpts of a document, for places that do not take it whole."""

from __future__ import annotations

from collections.abc import Iterator

from greengate.report.document import Document
from greengate.verdict import Outcome

_MOST_FINDINGS = 20


def excerpts(whole: Document) -> Iterator[Document]:
    """Yield the whole document, then ever shorter ones that say in `left_out` how much is missing.

    First go the findings that passed, then the evidence, then the models that passed and what is more than twenty
    findings on one model, then the other models from the lightest to the gravest.
    """
    models = whole["models"]
    total = sum(len(model["findings"]) for model in models)

    def told(kept: list[Document], *, details: bool) -> Document:
        rows = total - sum(len(model["findings"]) for model in kept)
        left_out = {"findings": rows, "models": len(models) - len(kept), "details": not details}
        return {**whole, "models": [{**model, "details": details} for model in kept], "left_out": left_out}

    yield told(models, details=True)
    brief = [_brief(model) for model in models]
    yield told(brief, details=True)
    yield told(brief, details=False)
    grave = [_capped(model) for model in brief if model["outcome"] != Outcome.PASSED]
    grave.sort(key=_gravity)
    kept = len(grave)
    while True:
        yield told(grave[:kept], details=False)
        if not kept:
            return
        kept = kept * 3 // 4


def _brief(model: Document) -> Document:
    return {**model, "findings": [item for item in model["findings"] if item["outcome"] != Outcome.PASSED]}


def _capped(model: Document) -> Document:
    return {**model, "findings": sorted(model["findings"], key=_gravity)[:_MOST_FINDINGS]}


def _gravity(told: Document) -> int:
    return -Outcome(told["outcome"]).gravity
