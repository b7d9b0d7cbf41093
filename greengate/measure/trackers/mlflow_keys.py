"""Which keys of MLflow's metrics say by themselves that they are the energy or the emissions of a whole run.

Names as they are logged in public code: `energy_kwh`, `energy_consumed_total_kWh`, `emissions_kg_co2`, `co2_kg`,
`carbon_footprint_gco2` and their like. A key with any other word in it is a part (`cpu_energy_kwh`), a rate or a
difference, and does not count.
"""

from __future__ import annotations

import re

from greengate.measure.trackers.tracker_file import JOULES_A_KWH

_JOULES = {"j": 1.0, "joule": 1.0, "joules": 1.0, "kj": 1e3, "wh": 3600.0, "kwh": JOULES_A_KWH}
_LARGE_JOULES = {"MJ": 1e6, "MWh": 3.6e9}  # in small letters they could be thousandths
_ENERGY_WORDS = {"energy", "electricity", "consumed", "consumption", "used", "usage", "total", "training", "train"}
_UNIT = re.compile(r"(?:(?P<g>g|grams?)|(?P<kg>kg|kilograms?)|(?P<t>tonnes?|t(?=co2)))(?:co2(?:e|eq)?)?")
_GRAMS = {"g": 1.0, "kg": 1e3, "t": 1e6}
_EMISSIONS_WORDS = {
    "emissions", "emission", "carbon", "co2", "co2e", "co2eq", "footprint", "total", "training", "train",
}  # fmt: skip


def about_energy(key: str) -> bool:
    """Whether a key speaks of energy at all."""
    return bool({"energy", "electricity", *_JOULES} & {word.lower() for word in _words(key)})


def joules(key: str) -> float | None:
    """Tell the joules of a unit in a key that is clearly the energy of a whole run."""
    words = [word for word in _words(key) if word.lower() not in _ENERGY_WORDS]
    if len(words) != 1 or not {"energy", "electricity"} & {word.lower() for word in _words(key)}:
        return None
    return _LARGE_JOULES.get(words[0]) or _JOULES.get(words[0].lower())


def grams(key: str) -> float | None:
    """Tell the grams of a unit in a key that is clearly the emissions of a whole run."""
    words = [word.lower() for word in _words(key)]
    units = [found for word in words if word not in _EMISSIONS_WORDS for found in [_UNIT.fullmatch(word)]]
    told = "co2" in key.lower() or bool({"emissions", "emission", "footprint"} & set(words))
    if len(units) != 1 or units[0] is None or not told:
        return None
    return _GRAMS[str(units[0].lastgroup)]


def _words(key: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9]+", key)
