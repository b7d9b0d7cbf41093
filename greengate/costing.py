"""What a model costs by its graph alone, at one or several sizes, and which of its operators cost it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greengate.ports import ModelSpec, NodeCost, StaticCosts
from greengate.registry import loader_of

BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Costed:
    """The static costs of a model at some sizes, by the names of its open axes, and "batch" for the leading one."""

    sizes: Mapping[str, int]
    costs: StaticCosts

    @property
    def intensity(self) -> float | None:
        """Arithmetic intensity: FLOPs (twice the MACs) a byte that its operators read and write."""
        moved = total(part for node in self.costs.nodes for part in (node.read_bytes, node.written_bytes))
        return 2 * self.costs.macs / moved if self.costs.macs is not None and moved else None

    @property
    def operations(self) -> int | None:
        """Elements that element-wise operators, activations, normalisations and reductions work on."""
        return total(node.operations for node in self.costs.nodes)

    @property
    def integer_macs(self) -> int | None:
        """Those of the MACs that multiply integers."""
        return total(node.macs for node in self.costs.nodes if node.integer)

    @property
    def covered(self) -> int:
        """How many of its operators could be counted."""
        return sum(node.macs is not None for node in self.costs.nodes)


@dataclass(frozen=True, slots=True)
class OperatorCosts:
    """All nodes of one operator together; None where one of them could not be counted."""

    op: str
    domain: str
    kind: str
    nodes: int
    macs: int | None
    integer_macs: int | None
    operations: int | None
    read_bytes: int | None
    written_bytes: int | None
    parameters: int
    weight_bytes: int


def costed(path: Path, sizes: Mapping[str, int], *, trusted: bool = False) -> Costed:
    """Count a model file without running it; its weights need not be there.

    Args:
        path: The file.
        sizes: Sizes of its open axes, by the names that it gives to them or as `input.axis`; "batch" is that of all
            leading axes that have no size yet.
        trusted: Whether it may be loaded by a runtime that can run code.

    Raises:
        ModelError: It is no model, or the sizes do not fit it.
    """
    spec = ModelSpec(path, path.parent, sizes=sizes, batch=sizes.get(BATCH, 1), trusted=trusted)
    return Costed(sizes, loader_of(path).count(spec))


def by_operator(nodes: Sequence[NodeCost]) -> list[OperatorCosts]:
    """Sum up the nodes of each operator; what costs most comes first."""
    groups: dict[tuple[str, str, str], list[NodeCost]] = {}
    for node in nodes:
        groups.setdefault((node.op, node.domain, node.kind), []).append(node)
    found = [_summed(*key, group) for key, group in groups.items()]
    return sorted(found, key=lambda one: (-(one.macs or 0), -(one.operations or 0), one.op))


def _summed(op: str, domain: str, kind: str, nodes: Sequence[NodeCost]) -> OperatorCosts:
    return OperatorCosts(
        op=op,
        domain=domain,
        kind=kind,
        nodes=len(nodes),
        macs=total(node.macs for node in nodes),
        integer_macs=total(node.macs for node in nodes if node.integer),
        operations=total(node.operations for node in nodes),
        read_bytes=total(node.read_bytes for node in nodes),
        written_bytes=total(node.written_bytes for node in nodes),
        parameters=sum(node.parameters for node in nodes),
        weight_bytes=sum(node.weight_bytes for node in nodes),
    )


def total(parts: Iterable[int | None]) -> int | None:
    """Add up, or return None where a part is not known."""
    known = 0
    for part in parts:
        if part is None:
            return None
        known += part
    return known
