"""Factor sets: pinned tables of intensities, PUE, embodied emissions and prices, looked up without ever guessing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from pydantic import ValidationError

from greengate.bases import Boundary, Gases
from greengate.carbon.factor_file import CONTRACTS, FactorFile, Region, Row, Series
from greengate.errors import FactorError, Place, nearest
from greengate.ledger.canonical import digest, encode

_MAX_BYTES = 2**24
_ALSO_CALLED = (("GB", "UK"), ("GR", "EL"))


@dataclass(frozen=True, slots=True)
class Found:
    """One row with its series, and the set that it stands in."""

    row: Row
    series: Series
    set_name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FactorSet:
    """A factor set and, where it extends one, its parent.

    Attributes:
        sha256: Digest of its canonical form (RFC 8785), which holds its parent's.
    """

    file: FactorFile
    sha256: str
    parent: FactorSet | None = None

    @property
    def name(self) -> str:
        """Its name, which has a date in it."""
        return self.file.name

    @property
    def lineage(self) -> Sequence[FactorSet]:
        """Itself, then what it extends."""
        return (self, *(self.parent.lineage if self.parent else ()))

    def intensity(self, zone: str, boundary: Boundary | None = None) -> Found:
        """Find the newest location-based intensity of a zone.

        Raises:
            FactorError: No such zone; or it has several of different bases, and nothing says which is meant.
        """
        every = self._all("intensity", zone)
        if not every:
            raise FactorError(self.name, f"the factor set knows no zone `{zone}`", self._near(zone))
        fit = [one for one in every if boundary in (None, one.series.boundary)]
        words = sorted({_basis(one) for one in every})
        if not fit:
            hint = f"it has {' and '.join(words)} ones: `basis: {every[0].series.boundary}`"
            raise FactorError(self.name, f"the factor set has no {boundary} intensity of `{zone}`", hint)
        if len({_basis(one) for one in fit}) > 1:
            hint = f"say which: `basis: {'` or `basis: '.join(sorted({str(one.series.boundary) for one in fit}))}`"
            raise FactorError(self.name, f"the factor set has several intensities of `{zone}`", hint)
        found = _newest(fit)
        assert found is not None
        return found

    def has_intensity(self, zone: str, boundary: Boundary) -> bool:
        """Tell whether a zone has an intensity on a boundary."""
        return any(one.series.boundary is boundary for one in self._all("intensity", zone))

    def residual(self, zones: Iterable[str], basis: str) -> Found | None:
        """Find the newest residual mix of the first of some zones that has one on a basis (see `Factor.boundary`)."""
        for zone in zones:
            if fit := [one for one in self._all("residual-mix", zone) if _basis(one) == basis]:
                return _newest(fit)
        return None

    def contract(self, name: str, basis: str) -> Found:
        """Find a supplier's contract, a power purchase agreement or a certificate by its name.

        Args:
            name: Its name.
            basis: The basis that it should be on; where it is on none but another, that one is found.

        Raises:
            FactorError: There is none.
        """
        found = [one for kind in CONTRACTS for one in self._all(kind, name)]
        fit = _newest([one for one in found if _basis(one) == basis] or found)
        if fit is None:
            known = {name for kind in CONTRACTS for name in self.ids(kind)}
            hint = nearest(name, known) or "`greengate factors import` adds contracts of your own"
            raise FactorError(self.name, f"the factor set knows no contract `{name}`", hint)
        return fit

    def region(self, provider: str, region: str) -> Region:
        """Find where a cloud's region is.

        Raises:
            FactorError: No such region.
        """
        wanted = f"{provider}/{region}"
        regions = {one.id: one for told in reversed(self.lineage) for one in told.file.regions}
        if wanted not in regions:
            near = nearest(wanted, regions)
            hint = (
                near
                if near.startswith("did")
                else f"`greengate factors show --region {provider}/` lists them; or name the `zone`"
            )
            raise FactorError(self.name, f"the factor set knows no region `{wanted}`", hint)
        return regions[wanted]

    def pue(self, provider: str, region: str = "") -> Found | None:
        """Find the newest PUE of a cloud's region, else of the cloud, if the set has one."""
        return _newest(self._all("pue", f"{provider}/{region}")) or _newest(self._all("pue", provider))

    def embodied(self, machine: str) -> Found:
        """Find the embodied emissions of the host of a machine type, such as `aws/m5.large`.

        Raises:
            FactorError: There is none.
        """
        found = _newest(self._all("embodied", machine))
        if found is None:
            near = nearest(machine, self.ids("embodied"))
            hint = near if near.startswith("did") else "declare it: `embodied: {total: 1255 kgCO2e, source: …}`"
            raise FactorError(self.name, f"the factor set knows no machine `{machine}`", hint)
        return found

    def price(self, zones: Iterable[str]) -> Found | None:
        """Find the newest price of energy of the first of some zones that has one."""
        return next((found for zone in zones if (found := _newest(self._all("price", zone)))), None)

    def ids(self, kind: str) -> set[str]:
        """Name all that the set has figures of a kind for."""
        return {row.id for one in self.lineage for row in one.file.rows if one.file.series[row.series].kind == kind}

    def rows(self) -> Iterator[Found]:
        """Go through the rows of this set alone."""
        return (Found(row, self.file.series[row.series], self.name, self.sha256) for row in self.file.rows)

    def names(self) -> dict[str, str]:
        """Name the zones: their ids, and what they are called."""
        return {zone: name for one in reversed(self.lineage) for zone, name in one.file.zones.items()}

    def _all(self, kind: str, name: str) -> list[Found]:
        """Find the rows of one thing; of each basis those of the first set of the lineage that has any."""
        told: list[Found] = []
        for member in self.lineage:
            known = {_basis(one) for one in told}
            rows = (one for one in member.rows() if one.row.id == name and one.series.kind == kind)
            told += [one for one in rows if _basis(one) not in known]
        return told

    def _near(self, zone: str) -> str:
        """Name the zone that may be meant, by its id or by what it is called; never a larger one in its stead."""
        zones = self.ids("intensity")
        called = {name.casefold(): one for one, name in (*self.names().items(), *_ALSO_CALLED) if one in zones}
        if zone.casefold() in called:
            one = called[zone.casefold()]
            return f"did you mean `{one}` ({self.names().get(one, one)})?"
        near = nearest(zone.upper(), zones)
        if near.startswith("did"):
            return near
        near = nearest(zone.casefold(), called)
        if near.startswith("did"):
            one = called[near.removeprefix("did you mean `").removesuffix("`?")]
            return f"did you mean `{one}` ({self.names().get(one, one)})?"
        return "`greengate factors show --zone ALL` lists them; `greengate factors import` adds zones of your own"


def _basis(one: Found) -> str:
    """Name what figures of one thing are told apart by: boundary and gases, not the mix; as `Factor.boundary` does."""
    gases = "" if one.series.gases in {None, Gases.CO2E} else f" {one.series.gases} only"
    return f"{one.series.boundary or ''}{gases}"


def _newest(found: Iterable[Found]) -> Found | None:
    return max(found, key=lambda one: one.row.year, default=None)


def shipped() -> list[str]:
    """Name the factor sets that come with greengate, the oldest first."""
    names = (entry.name for entry in files("greengate.carbon").joinpath("sets").iterdir())
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def load_shipped(name: str) -> FactorSet:
    """Load a factor set that comes with greengate.

    Raises:
        FactorError: There is none of that name.
    """
    if name not in shipped():
        raise FactorError("", f"there is no factor set `{name}`", nearest(name, shipped()))
    data = files("greengate.carbon").joinpath("sets", f"{name}.json").read_bytes()
    return _parsed(data, f"{name}.json")


def parse(data: bytes, where: str) -> FactorSet:
    """Read a factor set; what it extends must come with greengate, and be the one that it was made for.

    Raises:
        FactorError: It is no factor set, it bears the name of another one, or what it extends is not there or another.
    """
    found = _parsed(data, where)
    if found.name in shipped() and found.sha256 != load_shipped(found.name).sha256:
        problem = f"it calls itself `{found.name}`, as a set that comes with greengate, and is another one"
        raise FactorError(where, problem, "a set never changes: give yours a name of its own")
    return found


def _parsed(data: bytes, where: str) -> FactorSet:
    content = _content(data, where)
    try:
        file = FactorFile.model_validate(content)
    except ValidationError as error:
        raise _invalid(error, where) from error
    named = [(row.id, row.series, False) for row in file.rows]
    for name, series, is_region in (*named, *((one.id, one.series, True) for one in file.regions)):
        if series not in file.series:
            raise FactorError(where, f"`{name}` names the series `{series}`", nearest(series, file.series))
        if (file.series[series].kind == "region") is not is_region:
            raise FactorError(where, f"`{name}` names the series `{series}`, which is of {file.series[series].kind}")
    return FactorSet(file, digest(encode(content)), _parent(file, where))


def _parent(file: FactorFile, where: str) -> FactorSet | None:
    if file.extends is None:
        return None
    parent = load_shipped(file.extends.name)
    if parent.sha256 != file.extends.sha256:
        digests = f"{file.extends.sha256[:12]}…, and this one's is {parent.sha256[:12]}…"
        found = f"it extends `{parent.name}` with digest {digests}"
        raise FactorError(where, found, "the set was made for another one of that name: import it again")
    return parent


def _content(data: bytes, where: str) -> Any:
    if len(data) > _MAX_BYTES:
        raise FactorError(where, f"has {len(data):,} bytes; a factor set has at most {_MAX_BYTES:,}")
    try:
        content = json.loads(data, object_pairs_hook=_once, parse_float=_no_float, parse_constant=_no_float)
        encode(content)  # as it will be hashed
    except (ValueError, RecursionError, TypeError) as error:
        hint = "numbers with a point stand in quotes there" if "decimal string" in str(error) else ""
        raise FactorError(where, f"is no factor set: {error}", hint) from error
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1)
        raise ValueError(f"the key `{twice}` stands twice")
    return found


def _no_float(text: str) -> None:
    raise ValueError(f"found the number {text}, expected a decimal string")


def _invalid(error: ValidationError, where: str) -> FactorError:
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return FactorError(Place(where, path=path), f"{first['msg']}{more}")
