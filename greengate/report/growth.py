"""Operators that cost more or less than in the baseline, in words."""

from __future__ import annotations

from greengate.evidence import Evidence, Grown
from greengate.quantities import Count


def listed(evidence: Evidence, most: int) -> str:
    """Name those that changed most: `fc1 (MatMul) +139264 MACs, +139264 parameters; and 4 more operators`."""
    told = [words(one) for one in evidence.grown[:most]]
    left = evidence.changed_operators - len(told)
    return "; ".join([*told, *([f"and {left} more operators"] if told and left else [])])


def words(one: Grown) -> str:
    """Say of one operator by how much it grew, and whether it is new or gone."""
    changes = [_signed(one.macs_before, one.macs, "MACs"), _signed(one.parameters_before, one.parameters, "parameters")]
    about = one.op if one.change == "changed" else f"{one.op}, {one.change}"
    return f"{one.name} ({about}) {', '.join(filter(None, changes)) or 'moves other bytes'}"


def macs(one: Grown) -> str:
    """Say by how many multiply-accumulates an operator grew: `+139264`, `same`, or that they are not counted."""
    return _change(one.macs_before, one.macs)


def parameters(one: Grown) -> str:
    """Say by how many parameters an operator grew."""
    return _change(one.parameters_before, one.parameters)


def _change(before: float | None, after: float | None) -> str:
    return "not counted" if before is None or after is None else _signed(before, after, "").strip() or "same"


def _signed(before: float | None, after: float | None, what: str) -> str:
    if before is None or after is None:
        return f"{what} not counted"
    return f"{'+' if after > before else '-'}{Count(abs(after - before)).in_words()} {what}" if after != before else ""
