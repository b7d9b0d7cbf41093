"""`max_drift` as written in a rule: where counting starts, and how far the figure may go since then."""

from __future__ import annotations

import re

from greengate.metrics import Metric
from greengate.packs import amounts, documents
from greengate.packs.sources import Source
from greengate.packs.yaml_text import KeyPath
from greengate.policy import Drift
from greengate.quantities import Share

MOVING = r"^(last-pass|merge-base|last)$|^(HEAD|@)($|[~^@{])"
_STARTS = "write `last-release`, a git ref such as `v1.2`, or the beginning of an entry's id in the history"
_NO_NAME = re.compile(r"^-|\.\.|[\s:*?\[\\\x00-\x1f\x7f]")
_EXACT = ("graph", "files")


def drifting(metric: Metric) -> bool:
    """Tell whether a metric can be followed over many changes: it is measured in pairs, or counted from the file."""
    return bool(metric.paired) or metric.boundary in _EXACT


def read(source: Source, path: KeyPath, shape: documents.Drift, metric: Metric) -> Drift | None:
    """Read a drift limit, or complain.

    Args:
        source: Where complaints go.
        path: Where `max_drift` is written.
        shape: What is written there.
        metric: The metric of its rule.
    """
    before = len(source.problems)
    _check_metric(source, path, metric)
    _check_start(source, (*path, "since"), shape.since)
    side, delta = _delta(source, path, shape)
    if delta is None or len(source.problems) > before:
        return None
    return Drift(side, delta, shape.since)


def _check_metric(source: Source, path: KeyPath, metric: Metric) -> None:
    if not drifting(metric):
        problem = f"{metric.name} is neither counted nor measured in pairs, so that no drift of it can be told"
        source.complain(path, problem, "limit it with `max` or `min`", key=True)


def _check_start(source: Source, path: KeyPath, since: str) -> None:
    if re.search(MOVING, since):
        source.complain(path, f"`{since}` moves with every change, so that the count would begin anew", _STARTS)
    elif _NO_NAME.search(since):
        source.complain(path, f"`{since}` is no git ref, and no entry's id", _STARTS)


def _delta(source: Source, path: KeyPath, shape: documents.Drift) -> tuple[str, Share | None]:
    given = {side: written for side in ("increase", "decrease") if (written := getattr(shape, side)) is not None}
    if len(given) != 1:
        source.complain(path, "a drift is limited by either `increase` or `decrease`", "give one of the two")
        return "", None
    ((side, written),) = given.items()
    delta = amounts.amount(source, (*path, side), Share, written)
    if delta is not None and delta.amount <= 0:
        source.complain((*path, side), f"`{written}` leaves no room for any change", "write a share such as `10%`")
        return side, None
    if delta is not None and side == "decrease" and delta.amount >= 1:
        source.complain((*path, side), f"`{written}` bounds nothing: no figure falls by more than the whole")
        return side, None
    return f"max_{side}", delta
