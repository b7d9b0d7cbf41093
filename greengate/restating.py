"""What entries of the history would say if another factor set had been pinned; nothing in them is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from greengate.carbon.factors import FactorSet, Found
from greengate.conversion import Conversion, Factor
from greengate.deployments import factor_of
from greengate.evidence import Figure
from greengate.history import Record
from greengate.projection import INTENSITY, MADE, projected


@dataclass(frozen=True, slots=True)
class Restated:
    """One figure of one entry: as it stands, and as it would be by another factor set; None where it could not be."""

    entry: str
    model: str
    metric: str
    before: float
    after: float | None

    @property
    def change(self) -> float | None:
        """The relative change, or None."""
        return None if self.after is None or self.before == 0 else self.after / self.before - 1


def entries(records: Iterable[Record], before: str, after: FactorSet) -> list[Restated]:
    """List what would move in the newest entries made by a factor set, if another had been pinned."""
    told = [one for record in newest_by(records, before) for one in restated(record, after)]
    return [one for one in told if one.after != one.before]


def newest_by(records: Iterable[Record], name: str) -> Iterator[Record]:
    """Go through the newest entry of each model, of those that were made by a factor set of this name.

    Args:
        records: The entries, the newest first.
        name: The factor set's name.
    """
    seen: set[str] = set()
    for record in records:
        evidence = record.decision.evidence
        pinned = evidence.conversion.factor_set if evidence and evidence.conversion else ""
        if record.decision.model not in seen and pinned == name:
            yield record
        seen.add(record.decision.model)


def restated(record: Record, found: FactorSet) -> list[Restated]:
    """Work out the projected figures of an entry's candidate by another factor set."""
    evidence = record.decision.evidence
    if evidence is None or evidence.conversion is None:
        return []
    made = projected(evidence.candidate.figures, evidence.candidate.missing, converted(evidence.conversion, found))
    own = evidence.candidate.figures
    told = [(name, own[name].amount, _amount(made.figures, name)) for name in MADE if name in own and name != INTENSITY]
    return [Restated(record.entry_id, record.decision.model, *one) for one in told]


def converted(said: Conversion, found: FactorSet) -> Conversion:
    """Put the factors of another set in the place of those that stood in a set; what was declared stays."""
    held = said.embodied
    host = held and _other(held.host, found)
    parts = [part.model_copy(update={"factor": _other(part.factor, found)}) for part in said.market]
    return said.model_copy(
        update={
            "factor_set": found.name,
            "factor_set_sha256": found.sha256,
            "pue": said.pue and _other(said.pue, found),
            "intensity": said.intensity and _other(said.intensity, found),
            "market": tuple(part for part in parts if part.factor) if all(part.factor for part in parts) else (),
            "price": said.price and _other(said.price, found),
            "embodied": held.model_copy(update={"host": host}) if held and host else None,
        }
    )


def _other(factor: Factor, found: FactorSet) -> Factor | None:
    """Find the newest row of the same thing on the same basis, or None where the set has none."""
    if not factor.set:
        return factor
    rows = [row for member in found.lineage for row in member.rows() if _same(row, factor)]
    newest = max(rows, key=lambda row: row.row.year, default=None)
    return factor_of(newest) if newest else None


def _same(row: Found, factor: Factor) -> bool:
    alike = (row.series.kind, row.row.id) == (factor.kind, factor.id)
    return alike and factor_of(row).boundary == factor.boundary


def _amount(figures: Mapping[str, Figure], name: str) -> float | None:
    return figures[name].amount if name in figures else None
