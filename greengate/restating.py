"""What entries of the history would say if another factor set had been pinned; nothing in them is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from greengate.carbon.factor_file import CONTRACTS
from greengate.carbon.factors import FactorSet, Found
from greengate.conversion import Conversion, Factor, Part
from greengate.deployments import factor_of
from greengate.errors import FactorError
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
    zones = _zones(said, found)
    intensity = said.intensity and _intensity(said.intensity, zones, found)
    parts = [part.model_copy(update={"factor": _part(part, intensity, zones, found)}) for part in said.market]
    return said.model_copy(
        update={
            "factor_set": found.name,
            "factor_set_sha256": found.sha256,
            "pue": said.pue and _pue(said, said.pue, found),
            "intensity": intensity,
            "market": tuple(part for part in parts if part.factor) if all(part.factor for part in parts) else (),
            "price": said.price and _price(said.price, zones, found),
            "embodied": held.model_copy(update={"host": host}) if held and host else None,
        }
    )


def _zones(said: Conversion, found: FactorSet) -> tuple[str, ...]:
    """Name a deployment's zone by another set, and those around it; none where that set does not know its region."""
    zone, within = (said.intensity.id, "") if said.intensity and said.intensity.set else ("", "")
    if said.region:
        cloud, _, name = said.region.partition("/")
        try:
            place = found.region(cloud, name)
        except FactorError:
            return ()
        zone = zone if zone in {"", place.zone, place.within} else place.zone
        within = place.within
    return tuple(dict.fromkeys(one for one in (zone, zone.partition("-")[0], within) if one))


def _intensity(factor: Factor, zones: Sequence[str], found: FactorSet) -> Factor | None:
    if not factor.set:
        return factor
    return _other(factor.model_copy(update={"id": zones[0]}), found) if zones else None


def _part(part: Part, intensity: Factor | None, zones: Sequence[str], found: FactorSet) -> Factor | None:
    """Put a contract in the place of a contract, and of what no contract covers the residual mix or the grid's."""
    if part.factor.kind in CONTRACTS:
        return _other(part.factor, found)
    residual = found.residual(zones, intensity.boundary) if intensity and intensity.boundary else None
    return factor_of(residual) if residual else intensity


def _pue(said: Conversion, factor: Factor, found: FactorSet) -> Factor | None:
    if not factor.set or not said.region:
        return _other(factor, found)
    cloud, _, name = said.region.partition("/")
    other = found.pue(cloud, name)
    return factor_of(other) if other else None


def _price(factor: Factor, zones: Sequence[str], found: FactorSet) -> Factor | None:
    if not factor.set:
        return factor
    other = found.price(zones)
    return factor_of(other) if other else None


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
