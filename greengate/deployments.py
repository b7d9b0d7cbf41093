"""From what the project says of a deployment to the factors by which its energy is converted, each with its source."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from greengate.bases import Basis, Boundary, Gases, Mix, Signal
from greengate.carbon import factors as tables
from greengate.carbon import soundness
from greengate.carbon.factors import FactorSet, Found
from greengate.conversion import Conversion, Embodied, Factor, Part
from greengate.errors import FactorError, GreengateError, Place, Problems, ProjectError
from greengate.packs.project import FactorsEntry, Project
from greengate.packs.project_entry import Deployment, EmbodiedEntry, GivenFactor, Instrument, ModelEntry
from greengate.trees import read_source

_OLD_YEARS = 3
_WHOLE = 1e-9

T = TypeVar("T")


def pinned(root: Path, project: Project, base: str = "") -> FactorSet | None:
    """Load the factor set that a project pins, if it pins one.

    Args:
        root: The project's folder.
        project: The project file.
        base: The commit where a file is read, or "" for the working tree.

    Raises:
        ProjectError: It is not there, or another one than was pinned.
        FactorError: It is no factor set.
    """
    said = project.factors
    if said is None:
        return None
    if said.name:
        return _of_project(said.place, lambda: tables.load_shipped(said.name))
    return _own(root, said, base)


def problems(root: Path, project: Project, taken_at: str) -> list[GreengateError]:
    """List what is wrong with the factor set and the deployments of a project in the working tree."""
    try:
        found = pinned(root, project)
    except GreengateError as error:
        return [error]
    told: list[GreengateError] = []
    for entry in project.models:
        try:
            conversion(entry, found, taken_at)
        except ProjectError as error:
            told.append(error)
    return told


def _own(root: Path, said: FactorsEntry, base: str) -> FactorSet:
    data = read_source(root, said.file, base)
    if data is None:
        hint = "`greengate factors import` makes one"
        raise ProjectError(said.place, f"the factor set `{said.file}` is not there", hint)
    found = tables.parse(data, said.file)
    if found.sha256 != said.sha256.lower():
        problem = f"the factor set `{said.file}` has the digest {found.sha256}, and {said.sha256} is pinned"
        raise ProjectError(said.place, problem, "a set never changes: pin the one that is meant")
    if wrong := [ProjectError(said.place, f"{said.file}: {one}") for one in soundness.doubts(found) if one.wrong]:
        raise Problems(wrong)
    return found


def conversion(entry: ModelEntry, found: FactorSet | None, taken_at: str) -> Conversion | None:
    """Look up all factors of a model's deployment; None where the project declares none.

    Args:
        entry: The model as it is judged.
        found: The factor set that is pinned, if one is.
        taken_at: When the check was begun, ISO 8601.

    Raises:
        ProjectError: The set does not know what the deployment names, or its bases do not go together.
    """
    said = entry.deployment
    return None if said is None else _Lookup(said, found, taken_at).conversion()


def factor_of(found: Found) -> Factor:
    """Write a row of a factor set down as it is used, with its source."""
    row, series = found.row, found.series
    return Factor(
        kind=series.kind,
        id=row.id,
        value=row.value,
        unit=series.unit,
        year=row.year,
        basis=str(series.basis or ""),
        source=series.attribution,
        licence=series.licence,
        set=found.set_name,
        note="; ".join(part for part in (row.note, series.note) if part),
    )


class _Lookup:
    """One deployment while its factors are looked up."""

    def __init__(self, said: Deployment, found: FactorSet | None, taken_at: str) -> None:
        self._said = said
        self._set = found
        self._year = int(taken_at[:4])
        self._remarks: list[str] = []

    def conversion(self) -> Conversion:
        said = self._said
        if self._set is None and said.looked_up:
            hint = "pin it on the base branch first: `factors: …` in greengate.yaml"
            raise ProjectError(said.place, f"`{said.looked_up}` stands in a factor set, and none is pinned", hint)
        zone, around, pue = self._place()
        intensity = _given("intensity", said.intensity, "gCO2e/kWh") if said.intensity else self._grid(zone)
        market, statement = self._market((zone, *around), intensity)
        pinned_price = self._set.price((zone, *around)) if self._set and zone else None
        return Conversion(
            kind=said.kind,
            factor_set=self._set.name if self._set else "",
            factor_set_sha256=self._set.sha256 if self._set else "",
            region=said.region,
            inferences_per_year=said.inferences_per_year,
            pue=_given("pue", said.pue, "") if said.pue else pue and factor_of(pue),
            intensity=intensity,
            market=market,
            statement=statement,
            price=_given("price", said.price, "EUR/kWh") if said.price else pinned_price and factor_of(pinned_price),
            embodied=self._embodied(said.embodied) if said.embodied else None,
            remarks=tuple(self._remarks),
        )

    def _place(self) -> tuple[str, tuple[str, ...], Found | None]:
        """Find the zone whose electricity it uses, the zones around it, and the PUE of its cloud."""
        said, found = self._said, self._set
        if found is None or not said.region:
            country = said.zone.partition("-")[0]
            return said.zone, (country,) if country != said.zone else (), None
        cloud, _, name = said.region.partition("/")
        region = _of_project(said.place, lambda: found.region(cloud, name))
        if region.note:
            self._remarks.append(f"the intensity of {said.region} is {region.note}")
        around = tuple(zone for zone in (region.zone.partition("-")[0], region.within) if zone and zone != region.zone)
        boundary = Boundary(said.basis) if said.basis else None
        fits = boundary is None or found.has_intensity(region.zone, boundary)
        if not fits and region.within:
            told = f"of all of {region.within}, as there is no {boundary} one of {region.zone}"
            self._remarks.append(f"the intensity of {said.region} is {told}")
        return (region.zone if fits or not region.within else region.within), around, found.pue(cloud, name)

    def _grid(self, zone: str) -> Factor | None:
        found = self._set
        if found is None or not zone:
            return None
        boundary = Boundary(self._said.basis) if self._said.basis else None
        row = _of_project(self._said.place, lambda: found.intensity(zone, boundary))
        if self._year - row.row.year > _OLD_YEARS:
            self._remarks.append(f"the newest intensity of {zone} in {found.name} is of {row.row.year}")
        if row.series.gases is Gases.CO2:
            self._remarks.append(f"the intensity of {zone} counts CO2 alone, no other gases")
        if "lower bound" in row.series.note:
            self._remarks.append(f"the intensity of {zone} is a lower bound: it {row.row.note}; {row.series.note}")
        return factor_of(row)

    def _market(self, zones: tuple[str, ...], grid: Factor | None) -> tuple[tuple[Part, ...], str]:
        """Find what each part of the electricity is of: contracts first, then the residual mix, then the grid's."""
        if grid is None:
            return (), ""
        parts = [Part(share=one.share, factor=self._contract(one, grid)) for one in self._said.market]
        left = 1 - sum(part.share for part in parts)
        if left <= _WHOLE:
            return tuple(parts), ""
        residual = self._set.residual(filter(None, zones), grid.boundary) if self._set and grid.boundary else None
        rest = factor_of(residual) if residual else grid
        if residual:
            words = f"the residual mix of {rest.id} stands in its place"
        else:
            words = f"the grid's average stands in its place, as no {grid.boundary} residual mix is known".replace(
                "  ", " "
            )
        covered = f"{left * 100:.4g}% of the electricity" if parts else "the electricity"
        statement = f"no contract or certificate applies to {covered}: {words}"
        return (*parts, Part(share=left, factor=rest)), statement

    def _contract(self, one: Instrument, grid: Factor) -> Factor:
        found = self._set
        if one.factor is not None:
            factor = _given(one.kind, one.factor, "gCO2e/kWh")
        else:
            assert found is not None
            factor = factor_of(_of_project(one.place, lambda: found.contract(one.contract, grid.boundary)))
        if factor.boundary != grid.boundary:
            bases = f"{factor.boundary or 'not told'}, the grid's intensity is {grid.boundary or 'not told'}"
            problem = f"the contract is on the basis {bases}"
            hint = "emissions of different bases are never added up: take both `lifecycle`, or both `operational`"
            raise ProjectError(one.place, problem, hint)
        if factor.year is not None and not 0 <= self._year - factor.year <= 1:
            name = factor.id or factor.source
            self._remarks.append(f"the contract {name} is of {factor.year}, and this check of {self._year}")
        return factor

    def _embodied(self, said: EmbodiedEntry) -> Embodied:
        found = self._set
        if said.total is not None:
            host = _given("embodied", said.total, "kgCO2e")
        else:
            assert found is not None
            host = factor_of(_of_project(said.place, lambda: found.embodied(said.machine)))
        return Embodied(host=host, resources=said.resources, lifetime_years=said.lifetime_years, machines=said.machines)


def _given(kind: str, said: GivenFactor, unit: str) -> Factor:
    mix = Mix.UNKNOWN if kind == "intensity" else Mix.CONTRACT
    basis = str(Basis(Signal.AVERAGE, Boundary(said.basis), mix)) if said.basis else ""
    value = format(Decimal(said.value), "f")
    return Factor(kind=kind, value=value, unit=unit, year=said.year, basis=basis, source=said.source)


def _of_project(place: Place, look: Callable[[], T]) -> T:
    """Say in the project file's words that a factor set does not know what is named there."""
    try:
        return look()
    except FactorError as error:
        raise ProjectError(place, error.problem, error.hint) from error
