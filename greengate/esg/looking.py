"""Entries that are looked up by their ids, as much of each as is needed; what is alike is kept once.

Most conversions of a ledger say the same of a deployment in the same bytes, so these are read once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from pydantic import ValidationError

from greengate.conversion import Conversion
from greengate.esg.instants import instant
from greengate.esg.leaves import NotALeaf, training, whole
from greengate.esg.story import Kept
from greengate.projection import ENERGY
from greengate.records import Amount, Converted, Measurement, Read, Year

Wanted = tuple[str, int]
"""The id of an entry, and an index right before which it likely stands."""
Find = Callable[[Sequence[Wanted]], Iterator[tuple[int, bytes] | None]]
"""Finds entries in the order in which they are asked for: index and bytes of each, None where there is none."""
_FEW = 256
_FIELDS = {
    "energy": "energy_mj",
    "location": "location_ugco2e",
    "market": "market_ugco2e",
    "cost": "cost_ueur",
    "embodied": "embodied_ugco2e",
}
AMOUNTS = tuple(_FIELDS)
_CANDIDATE, _CONVERSION, _DIFFERENCE = b',"candidate":{', b',"conversion":{', b',"difference":'


class Span(NamedTuple):
    """A whole amount with the ends of its interval; `confidence` is 1 of what is exact, 0 where nothing is known."""

    amount: int
    low: int
    high: int
    confidence: float = 1.0


class Meaning(NamedTuple):
    """A conversion: what a year of the candidate is, and by what deployment; None where none is declared."""

    idx: int
    entry_id: str
    said: Conversion | None
    year: dict[str, Span | None]
    missing: dict[str, str]


class Figures(NamedTuple):
    """What a report tells of a measurement: how its energy came to be, and how large and how good the model is."""

    kind: str
    method: str
    source: str
    boundary: str
    runner: str
    energy: float | None
    flops: float | None
    parameters: float | None
    quality: tuple[tuple[str, float, float, float], ...]


class _Amount(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An `Amount` as it is written."""

    amount: str | int
    low: str | int
    high: str | int
    confidence: str | float = 1.0


class _Year(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A `Year` as it is written."""

    energy_mj: _Amount | None = None
    location_ugco2e: _Amount | None = None
    market_ugco2e: _Amount | None = None
    embodied_ugco2e: _Amount | None = None
    cost_ueur: _Amount | None = None
    missing: dict[str, str] = {}


_year = msgspec.json.Decoder(_Year).decode


class Looking:
    """Looks entries up.

    Every method raises `NotALeaf` where an entry does not hold what its kind has.
    """

    def __init__(self, find: Find) -> None:
        self._find = find
        self._deployments: dict[bytes, Conversion] = {}
        self._texts: dict[str, str] = {}
        self.record = lru_cache(_FEW)(self._record)

    def _record(self, entry_id: str, near: int) -> Kept | None:
        """Find a record, whole; None where there is none."""
        found = next(self._find([(entry_id, near)]))
        if found is None:
            return None
        record: Any = whole(found[1])
        return Kept(found[0], entry_id, instant(record.at), record)

    def meanings(self, wanted: Sequence[Wanted]) -> Iterator[Meaning | None]:
        """Find what conversions say of their candidates; None where there is none."""
        for (entry_id, _), found in zip(wanted, self._find(wanted), strict=True):
            yield self._meaning(entry_id, *found) if found else None

    def trainings(self, wanted: Sequence[Wanted], size: int) -> Iterator[str]:
        """Tell which trainings measurements among the first entries have figures of, by their digests; "" of none."""
        for found in self._find(wanted):
            yield self._kept(training(found[1])) if found and found[0] < size else ""

    def _meaning(self, entry_id: str, index: int, leaf: bytes) -> Meaning:
        year, said = self._parts(leaf)
        spans = {name: _span(getattr(year, field)) for name, field in _FIELDS.items()}
        missing = {name: self._kept(year.missing[field]) for name, field in _FIELDS.items() if field in year.missing}
        return Meaning(index, entry_id, said, spans, missing)

    def figures(self, entry_id: str, near: int) -> Figures | None:
        """Find what a measurement says of its candidate; None where there is none."""
        kept = self.record(entry_id, near)
        if kept is None or not isinstance(kept.record, Measurement):
            return None
        read = kept.record.candidate.figures
        energy = read.get(ENERGY) or Read(amount=0, low=0, high=0, confidence=1, kind="unknown", unit="")
        flops, parameters = (read.get(name) for name in ("flops_per_inference", "parameters"))
        quality = [(name, one.amount, one.low, one.high) for name, one in read.items() if name.startswith("quality.")]
        return Figures(
            kind=self._kept(energy.kind),
            method=self._kept(energy.method),
            source=self._kept(energy.source),
            boundary=self._kept(energy.boundary),
            runner=self._kept(kept.record.runner),
            energy=energy.amount if ENERGY in read else None,
            flops=flops.amount if flops else None,
            parameters=parameters.amount if parameters else None,
            quality=tuple((self._kept(name), amount, low, high) for name, amount, low, high in sorted(quality)),
        )

    def _parts(self, leaf: bytes) -> tuple[Year | _Year, Conversion | None]:
        """Read a conversion's year and deployment from where they stand in its bytes."""
        first, end = leaf.find(_CANDIDATE), leaf.rfind(_DIFFERENCE)
        second = leaf.find(_CONVERSION, first)
        if not 0 < first < second < end:
            said = whole(leaf)
            if not isinstance(said, Converted):
                raise NotALeaf("it is no conversion")
            return said.candidate, said.conversion
        try:
            text = leaf[second + len(_CONVERSION) - 1 : end]
            if text not in self._deployments:
                self._deployments[text] = Conversion.model_validate_json(text)
            return _year(leaf[first + len(_CANDIDATE) - 1 : second]), self._deployments[text]
        except ValidationError as bad:
            raise NotALeaf(f"{bad.error_count()} of its fields cannot be read") from bad
        except ValueError as bad:  # as msgspec's own errors are
            raise NotALeaf(str(bad)) from bad

    def _kept(self, text: str) -> str:
        return self._texts.setdefault(text, text)


def _span(amount: Amount | _Amount | None) -> Span | None:
    """Read an amount with its ends.

    Raises:
        NotALeaf: One of them is no number.
    """
    if amount is None:
        return None
    try:
        span = Span(int(amount.amount), int(amount.low), int(amount.high), float(amount.confidence))
    except ValueError as bad:
        raise NotALeaf(str(bad)) from bad
    if not isfinite(span.confidence):
        raise NotALeaf(f"a confidence of {span.confidence}")
    return span
