"""Static costs as the child process tells them that counted a model: plain values, and how they are believed.

The child may have been taken over by the model that it read, so that its answer can be anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from operator import attrgetter
from typing import Any, Final

from greengate.models.deaths import plain
from greengate.ports import CONVENTION, NodeCost, StaticCosts

MOST_NODES: Final = 10_000
NAME: Final = 160
_MOST_WORDS: Final = 256
_KINDS: Final = frozenset(
    {"matmul", "element-wise", "activation", "normalisation", "reduction", "movement", "text", "unknown"}
)
_PLAIN: Final = tuple(each.name for each in fields_of(StaticCosts) if each.name not in {"convention", "nodes"})
_ROW: Final = attrgetter(*(each.name for each in fields_of(NodeCost)))


def told(costs: StaticCosts, most: int) -> dict[str, Any]:
    """Return static costs as plain values, with the first so many of open sizes."""
    fields = {name: getattr(costs, name) for name in _PLAIN}
    nodes = list(map(_ROW, costs.nodes[:most]))
    return {**fields, "open_sizes": fields["open_sizes"][:_MOST_WORDS], "nodes": nodes}


def read(fields: Mapping[str, Any], most: int = MOST_NODES) -> StaticCosts:
    """Return what the child counted, of at most so many nodes.

    Raises:
        KeyError: A field is missing.
        TypeError: One is of another type.
        ValueError: One cannot be what it stands for.
    """
    nodes = _listed(fields["nodes"], most)
    return StaticCosts(
        macs=_whole(fields["macs"]),
        parameters=_whole(fields["parameters"]),
        weight_bytes=_whole(fields["weight_bytes"]),
        activation_bytes=_whole(fields["activation_bytes"]),
        convention=CONVENTION,
        uncovered=_words(fields["uncovered"]),
        by_dtype=_by_dtype(fields["by_dtype"]),
        statistics=_known(fields["statistics"]),
        constants=_known(fields["constants"]),
        open_sizes=_words(fields["open_sizes"]),
        peak_bytes=_whole(fields["peak_bytes"]),
        nodes=tuple(map(_node, nodes)),
        remarks=_words(fields["remarks"]),
    )


def _by_dtype(values: Any) -> dict[str, int]:
    if not isinstance(values, dict) or len(values) > _MOST_WORDS:
        raise ValueError(f"a mapping of at most {_MOST_WORDS} was expected")
    return {plain(name, NAME): _known(count) for name, count in values.items()}


def _node(row: Any) -> NodeCost:
    """Read a row: the fields of `NodeCost` in their order."""
    name, op, domain, kind, macs, integer, operations, read_bytes, written_bytes, parameters, weight_bytes, times = row
    if kind not in _KINDS or not isinstance(integer, bool):
        raise ValueError(f"there is no kind of work {plain(kind, 40)}, or it is not told whether of integers")
    return NodeCost(
        name=plain(name, NAME),
        op=plain(op, NAME),
        domain=plain(domain, NAME),
        kind=kind,
        macs=_whole(macs),
        integer=integer,
        operations=_whole(operations),
        read_bytes=_whole(read_bytes),
        written_bytes=_whole(written_bytes),
        parameters=_known(parameters),
        weight_bytes=_known(weight_bytes),
        times=_whole(times),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else _known(value)


def _known(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{plain(value, 40)} is no count")
    return value


def _listed(values: Any, most: int) -> list[Any]:
    if not isinstance(values, list) or len(values) > most:
        raise ValueError(f"a list of at most {most} was expected")
    return values


def _words(values: Any) -> tuple[str, ...]:
    return tuple(plain(words) for words in _listed(values, _MOST_WORDS))
