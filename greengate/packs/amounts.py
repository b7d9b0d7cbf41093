"""Amounts as written in a policy, read as quantities of their metric's dimension."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from greengate.errors import nearest
from greengate.evidence import QualityScale
from greengate.metrics import KNOWN_SCALES, METRICS, QUALITY, Metric, lookup
from greengate.packs.sources import Source
from greengate.packs.yaml_text import KeyPath
from greengate.quantities import Count, NotAQuantity, Quantity, Share

Kind = TypeVar("Kind", bound=Quantity)
Scales = dict[str, QualityScale] | None


class _Flops(Count):
    """A count that says that it is one of FLOPs."""

    dimension, example = "a number of FLOPs", "4 GFLOP"
    units: ClassVar = {unit: factor for unit, factor in Count.units.items() if unit.endswith("FLOP")}


class _Macs(Count):
    """A count that says that it is one of MACs."""

    dimension, example = "a number of MACs", "4 GMAC"
    units: ClassVar = {unit: factor for unit, factor in Count.units.items() if unit.endswith("MAC")}


# `4 G` would be twice the work in one of these as in the other, and `4` for `4 GFLOP` a limit that nothing stays under.
_COUNTED = {"flops_per_inference": _Flops, "macs_per_inference": _Macs}


def metric(source: Source, path: KeyPath, name: str, scales: Scales, amounts: list[object]) -> Metric | None:
    """Find a metric by its name, or complain.

    Args:
        source: Where complaints go.
        path: Where the name is written.
        name: The metric's name.
        scales: The project's quality figures; None if there is no project to ask.
        amounts: What is written as amounts of it. Without a project, they say how an unknown quality figure is read.
    """
    figure = name.removeprefix(QUALITY) if name.startswith(QUALITY) else ""
    if not figure:
        try:
            return lookup(name)
        except KeyError as unknown:
            source.complain(path, f"`{name}` is no metric", str(unknown.args[0]))
            return None
    if figure in KNOWN_SCALES or figure in (scales or {}):
        return lookup(name, scales)
    if scales is not None:
        known = [f"{QUALITY}{own}" for own in scales] or [f"{QUALITY}{known}" for known in KNOWN_SCALES]
        source.complain(path, f"the project declares no quality figure `{figure}`", nearest(name, known))
        return None
    written = [str(amount).strip() for amount in amounts]
    score = any(not text.endswith(("%", "pp")) for text in written)
    return lookup(name, {figure: QualityScale(unit="score" if score else "ratio")})


def direction_known(of: Metric, scales: Scales) -> bool:
    """Tell whether it is known which way a metric is better; of a quality figure only the project can say."""
    return of.name in METRICS or of.name.removeprefix(QUALITY) in {**KNOWN_SCALES, **(scales or {})}


def units(of: Metric) -> list[str]:
    """List the units in which an amount of a metric may be written; the empty one stands for a bare number."""
    things = [unit for counted in _COUNTED.values() for unit in counted.units]
    return [unit for unit in _written_as(of, of.kind).units if of.name in _COUNTED or unit not in things]


def limit(source: Source, path: KeyPath, of: Metric, written: object) -> Quantity | None:
    """Read a `max` or a `min`, or complain."""
    if not _same_thing(source, path, of, written):
        return None
    found = amount(source, path, _written_as(of, of.kind), written)
    if found is None:
        return None
    if str(written).strip().startswith("-") and _never_negative(of):
        source.complain(path, f"`{written}` is below zero, where {of.name} never is")
        return None
    if of.kind is Share and found.amount > 1:
        source.complain(path, f"`{written}` is more than the whole; {of.name} is at most 100%")
        return None
    return of.kind(found.amount)


def difference(source: Source, path: KeyPath, of: Metric, written: object, *, falls: bool) -> Quantity | None:
    """Read how far a metric may lie from its baseline: a share such as `5%`, or a difference in its own unit.

    Args:
        source: Where complaints go.
        path: Where it is written.
        of: The metric.
        written: What is written.
        falls: Whether it bounds how far the metric falls, which can be no more than the whole.
    """
    kind: type[Quantity] = Share if str(written).strip().endswith("%") else of.difference or of.kind
    if not _same_thing(source, path, of, written):
        return None
    try:
        found = kind(_written_as(of, kind).parse(written).amount)
    except NotAQuantity as refused:
        near = refused.hint if refused.hint.startswith("did you mean") else ""
        source.complain(path, str(refused), near or _both_ways(of))
        return None
    if kind is Count and of.name in METRICS and str(written).strip()[-1:] in "0123456789.":
        source.complain(path, f"`{written}` has no unit", _both_ways(of))
        return None
    if str(written).strip().startswith("-"):
        source.complain(path, f"`{written}` is negative; a change is written without its sign")
        return None
    if falls and kind is Share and found.amount >= 1 and _never_negative(of):
        source.complain(path, f"`{written}` bounds nothing: {of.name} cannot fall by more than the whole")
        return None
    return found


def amount(source: Source, path: KeyPath, kind: type[Kind], written: object) -> Kind | None:
    """Read an amount of one dimension, or complain."""
    try:
        return kind.parse(written)
    except NotAQuantity as refused:
        source.complain(path, str(refused), refused.hint)
        return None


def _both_ways(of: Metric) -> str:
    kind = _written_as(of, of.difference or of.kind)
    return f"write a share such as `5%`, or a difference such as `{kind.example}`"


def _written_as(of: Metric, kind: type[Quantity]) -> type[Quantity]:
    """Return the kind that reads an amount of a metric: a count of FLOPs or MACs must say that it is one."""
    return _COUNTED.get(of.name, kind) if kind is Count else kind


def _never_negative(of: Metric) -> bool:
    return of.name in METRICS or of.kind is Share


def _same_thing(source: Source, path: KeyPath, of: Metric, written: object) -> bool:
    """Tell whether what is written counts what the metric counts, or complain."""
    text, own = str(written).rstrip(), _COUNTED.get(of.name)
    named = next((thing for thing in ("FLOP", "MAC") if text.endswith(thing)), "")
    if of.kind is not Count or not named or (own and own.example.endswith(named)):
        return True
    like = own.example if own else "4 M"
    source.complain(path, f"`{written}` counts {named}s, which is not what {of.name} counts", f"write it like `{like}`")
    return False
