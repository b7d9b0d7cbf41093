"""The deployment of a model in the project file: its shape is right already; here its amounts and words are checked."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from greengate.packs import project_file
from greengate.packs.project_entry import Deployment, EmbodiedEntry, GivenFactor, Instrument
from greengate.packs.project_sheet import Bounds, Sheet
from greengate.packs.yaml_text import KeyPath
from greengate.quantities import Count, Duration, Emissions, EnergyPrice, Intensity, Share

_INFERENCES = Bounds(Count(1.0), Count(1e18))
_PUE = Bounds(
    Count(1.0), Count(3.0), "a facility uses at least what its computers use (1); above 3 it is more likely a slip"
)
_INTENSITY = Bounds(Intensity(0.0), Intensity(2000.0), "the dirtiest grids are below 1500 gCO2e/kWh")
_PRICE = Bounds(EnergyPrice(0.001), EnergyPrice(5.0), "a kilowatt-hour costs some cents")
_HOST = Bounds(Emissions(1e3), Emissions(1e9), "a server is made for some hundred to some thousand kgCO2e")
_LIFE = Bounds(Duration(365 * 86400.0), Duration(20 * 365 * 86400.0), "such as `4 years`, of 8,760 hours each")
_YEAR_S = 365 * 86400.0
_PART = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) of ([0-9]{1,6}(?:\.[0-9]{1,3})?)")
_CLOUDS = ("aws", "azure", "gcp")


def read(sheet: Sheet, path: KeyPath, shape: project_file.Deployment | None) -> Deployment | None:
    """Read where a model runs, and complain of whatever cannot be meant."""
    if shape is None:
        return None
    _one_place(sheet, path, shape)
    expected = sheet.quantity((*path, "inferences_per_year"), shape.inferences_per_year, _INFERENCES)
    return Deployment(
        kind=shape.kind,
        inferences_per_year=expected.amount if expected else None,
        pue=_pue(sheet, path, shape),
        intensity=_intensity(sheet, (*path, "intensity"), shape.intensity),
        region=shape.region or "",
        zone=shape.zone or "",
        basis=shape.basis or "",
        market=_market(sheet, (*path, "market"), shape.market or []),
        price=_price(sheet, (*path, "price"), shape.price),
        embodied=_embodied(sheet, (*path, "embodied"), shape.embodied),
        place=sheet.place(path),
    )


def _one_place(sheet: Sheet, path: KeyPath, shape: project_file.Deployment) -> None:
    """Refuse two answers to the question whose electricity it is."""
    said = [key for key in ("region", "zone", "intensity") if getattr(shape, key) is not None]
    for key in said[1:]:
        found = f"both `{said[0]}` and `{key}` say whose electricity it is"
        sheet.complain((*path, key), found, "keep one of them", key=True)
    if not said:
        for key in ("basis", "market"):
            if getattr(shape, key) is not None:
                found = f"`{key}` is of electricity, and nothing says whose that is"
                sheet.complain((*path, key), found, "give a `region`, a `zone` or an `intensity`", key=True)
    if shape.kind in {"own", "edge"} and (shape.region or "").partition("/")[0] in _CLOUDS:
        found = f"`{shape.region}` is a cloud's, and the hardware is `{shape.kind}`"
        sheet.complain((*path, "region"), found, "write `kind: cloud`, or name the `zone`")
    if shape.basis and shape.intensity is not None:
        found = "`basis` chooses among a factor set's figures, and the intensity is declared"
        sheet.complain((*path, "basis"), found, "say it in `intensity: {basis: …}`", key=True)
    if shape.region and ("/" not in shape.region or shape.region.count("/") > 1):
        hint = "name the cloud first: `aws/eu-central-1`"
        sheet.complain((*path, "region"), f"`{shape.region}` is no region of a cloud", hint)


def _pue(sheet: Sheet, path: KeyPath, shape: project_file.Deployment) -> GivenFactor | None:
    value = sheet.quantity((*path, "pue"), shape.pue, _PUE)
    return GivenFactor(_digits(value.amount), "the project", sheet.place((*path, "pue"))) if value else None


def _intensity(sheet: Sheet, path: KeyPath, shape: project_file.Intensity | None) -> GivenFactor | None:
    if shape is None:
        return None
    value = sheet.quantity((*path, "value"), shape.value, _INTENSITY)
    if value is None:
        return None
    return GivenFactor(_digits(value.amount), shape.source, sheet.place(path), shape.year, shape.basis or "")


def _market(sheet: Sheet, path: KeyPath, shapes: list[project_file.Instrument]) -> tuple[Instrument, ...]:
    found = [_instrument(sheet, (*path, index), shape) for index, shape in enumerate(shapes)]
    whole = sum(one.share for one in found if one)
    if whole > 1 + 1e-9:
        sheet.complain(path, f"the shares add up to {whole:.4g}, expected 1 at most", "no kWh counts twice")
    return tuple(one for one in found if one)


def _instrument(sheet: Sheet, path: KeyPath, shape: project_file.Instrument) -> Instrument | None:
    share = sheet.quantity((*path, "share"), shape.share, Bounds(Share(1e-4), Share(1.0)))
    given = shape.contract is None
    if given == (shape.value is None):
        hint = "name a contract of the factor set, or give its `type`, `value`, `source`, `year` and `basis`"
        sheet.complain(path, "an instrument is either a `contract` or a `value`", hint)
        return None
    others = ("type", "source", "year", "basis")
    for key in others:
        if (getattr(shape, key) is None) == given:
            problem = f"`{key}` is missing" if given else f"`{key}` does not go with a `contract`"
            sheet.complain(path if given else (*path, key), problem, "the factor set says it" if not given else "")
    if share is None:
        return None
    if not given:
        return Instrument(share.amount, sheet.place(path), contract=shape.contract or "")
    value = sheet.quantity((*path, "value"), shape.value, _INTENSITY)
    if value is None or shape.source is None:
        return None
    factor = GivenFactor(_digits(value.amount), shape.source, sheet.place(path), shape.year, shape.basis or "")
    return Instrument(share.amount, sheet.place(path), kind=shape.type or "", factor=factor)


def _price(sheet: Sheet, path: KeyPath, shape: project_file.Price | None) -> GivenFactor | None:
    if shape is None:
        return None
    value = sheet.quantity((*path, "value"), shape.value, _PRICE)
    return GivenFactor(_digits(value.amount), shape.source, sheet.place(path)) if value else None


def _embodied(sheet: Sheet, path: KeyPath, shape: project_file.Embodied | None) -> EmbodiedEntry | None:
    if shape is None:
        return None
    if (shape.machine is None) == (shape.total is None):
        hint = "name a machine of the factor set, or give the host's `total` and its `source`"
        sheet.complain(path, "the host is either a `machine` or a `total`", hint)
    if (shape.total is None) != (shape.source is None):
        sheet.complain(path, "`total` and `source` go together", "say who says so")
    if (shape.machines is None) == (shape.reserved is None):
        hint = "`machines: 2` are reserved all year; `reserved: while-running` only while they infer"
        sheet.complain(path, "say how long the hardware is reserved: `machines` or `reserved`", hint)
    total = sheet.quantity((*path, "total"), shape.total, _HOST)
    lifetime = sheet.quantity((*path, "lifetime"), shape.lifetime, _LIFE)
    resources = _resources(sheet, (*path, "resources"), shape.resources)
    if lifetime is None or resources is None:
        return None
    given = GivenFactor(_digits(total.amount / 1e3), shape.source or "", sheet.place(path)) if total else None
    return EmbodiedEntry(
        resources=resources,
        lifetime_years=lifetime.amount / _YEAR_S,
        place=sheet.place(path),
        machine=shape.machine or "",
        total=given,
        machines=shape.machines,
    )


def _resources(sheet: Sheet, path: KeyPath, written: str) -> float | None:
    """Read the part of the host that is reserved, as in `4 of 96`."""
    found = _PART.fullmatch(written.strip())
    share = Fraction(found[1]) / Fraction(found[2]) if found and Fraction(found[2]) else Fraction(0)
    if not 0 < share <= 1:
        sheet.complain(path, f"found `{written}`, expected such as `4 of 96`", "the vCPUs of yours, and of the host")
        return None
    return float(share)


def _digits(amount: float) -> str:
    """Write a number as a decimal string that reads back to it."""
    return format(Decimal(repr(amount)), "f").removesuffix(".0")
