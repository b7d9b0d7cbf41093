"""What the formats say of a model's figures beside its baseline's."""

from __future__ import annotations

from greengate.comparison import Change, Compared, Comparison, base_unit, metric_of, percent
from greengate.report.account import Entry

__all__ = ["Change", "Compared", "Comparison", "base_unit", "compared", "metric_of", "percent"]


def compared(entry: Entry) -> Comparison | None:
    """Compare the figures of a judged model, if it could be evaluated."""
    return Comparison(entry.evidence, entry.verdict.findings) if entry.evidence else None
