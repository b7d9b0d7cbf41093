"""A file of intensities, for tests and for machines without a network.

Written like this, amounts as decimal strings, times with their zone::

    {"signal": "average", "boundary": "lifecycle", "mix": "consumption", "gases": "CO2e",
     "updated_at": "2026-11-21T12:00:00Z",
     "points": [{"zone": "DE", "start": "2026-11-21T12:00:00Z", "minutes": 60, "g_per_kwh": "142.5"}]}

A point may say `forecast` (true unless it says otherwise) and `estimated`, and be of another basis than the file, by
the same four keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from greengate.bases import Basis, Boundary, Gases, Mix, Signal
from greengate.carbon.live.reading import Odd, entry, moment, number, rows, yes_or_no
from greengate.errors import SourceError, UsageError, nearest
from greengate.ports import Point
from greengate.settings import LiveAccess

NAME = "file"
_MOST_BYTES = 2**24
_Word = TypeVar("_Word", bound=StrEnum)


class StaticFile:
    """Reads the file of `--address`, or of `GREENGATE_FILE_URL`."""

    def __init__(self, access: LiveAccess) -> None:
        if not access.address:
            raise UsageError(NAME, "which file is not said", "name it: --address intensities.json")
        self._path = Path(access.address)
        if not self._path.is_file():
            raise UsageError(str(self._path), "there is no such file")

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell the file's points that are forecast."""
        return self._points(zone, start, end, ahead=True)

    def actual(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell the file's points that are not."""
        return self._points(zone, start, end, ahead=False)

    def close(self) -> None:
        """Nothing is held."""

    def _points(self, zone: str, start: datetime, end: datetime, *, ahead: bool) -> Sequence[Point]:
        del start, end
        try:
            return [point for point in self._read(zone) if point.forecast is ahead]
        except OSError as error:
            raise SourceError(str(self._path), f"it cannot be read: {error.strerror}") from error
        except Odd as odd:
            raise SourceError(str(self._path), odd.told(), "docs/window.md shows how it is written") from None

    def _read(self, zone: str) -> list[Point]:
        with self._path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise Odd("it has more than 16 MiB")
        try:
            told = json.loads(data, parse_float=Decimal, parse_constant=Decimal)
        except (ValueError, ArithmeticError, RecursionError):
            raise Odd("it is no JSON") from None
        found = rows(entry(told, "points"), "points")
        zones = {row["zone"] for row in found if isinstance(row.get("zone"), str)}
        if zones and zone not in zones:
            raise SourceError(str(self._path), f"it knows no zone `{zone}`", nearest(zone.upper(), zones))
        sha256 = hashlib.sha256(data).hexdigest()
        return [_point(told, row, sha256) for row in found if entry(row, "zone") == zone]


def _point(whole: Mapping[str, Any], row: Mapping[str, Any], sha256: str) -> Point:
    minutes = number(entry(row, "minutes"), "minutes")
    if minutes is None or not 0 < minutes <= 527040:
        raise Odd("its `minutes` are {}", minutes)
    ahead = yes_or_no(row.get("forecast", True), "forecast")
    return Point(
        zone=row["zone"],
        start=moment(entry(row, "start"), "start"),
        lasts=timedelta(minutes=float(minutes)),
        g_per_kwh=_grams(entry(row, "g_per_kwh")),
        basis=_basis({**whole, **row}),
        source=NAME,
        forecast=ahead is not False,
        estimated=yes_or_no(row.get("estimated"), "estimated"),
        updated_at=moment(entry({**whole, **row}, "updated_at"), "updated_at"),
        sha256=sha256,
    )


def _grams(written: object) -> Decimal:
    try:
        return Decimal(written if isinstance(written, str) else "")
    except ArithmeticError:
        raise Odd("its `g_per_kwh` is no decimal string: {}", written) from None


def _basis(told: Mapping[str, Any]) -> Basis:
    signal = _word(told, "signal", Signal)
    if signal is Signal.UNKNOWN:
        raise Odd("its `signal` is unknown, and has to be said: `average` or `marginal`")
    return Basis(signal, _word(told, "boundary", Boundary), _word(told, "mix", Mix), _word(told, "gases", Gases))


def _word(told: Mapping[str, Any], key: str, words: type[_Word]) -> _Word:
    written = entry(told, key)
    try:
        return words(written)
    except ValueError:
        raise Odd(f"its `{key}` is {{}}, expected one of {', '.join(words)}", written) from None
