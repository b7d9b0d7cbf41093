"""The power meters of the project file: their shape is right already; here kinds, addresses and amounts are checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from greengate import registry
from greengate.errors import Place, nearest
from greengate.packs import project_file
from greengate.packs.mistakes import fitting
from greengate.packs.project_sheet import Bounds, Sheet
from greengate.packs.yaml_text import KeyPath
from greengate.quantities import Duration

# What each kind needs, and may have, beside `what` and `interval`.
_NEEDS: dict[str, tuple[str, ...]] = {"redfish": ("chassis",), "prometheus": ("query", "unit")}
_MAY_HAVE: dict[str, tuple[str, ...]] = {"shelly": ("switch",), "prometheus": ("sum",)}
KINDS = tuple(registry.WALL_METERS)
_OWN = ("switch", "chassis", "query", "unit", "sum")
_CHASSIS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_INTERVAL = Bounds(Duration(0.1), Duration(300.0), "plugs and controllers have a new reading about once a second")
_CREDENTIALS = "put them into GREENGATE_METER_USER and GREENGATE_METER_PASSWORD, and change them: they were in a file"


@dataclass(frozen=True, slots=True)
class MeterEntry:
    """A power meter that the project names.

    Attributes:
        kind: A word of `registry.WALL_METERS`.
        address: Where it is asked: a URL, or `local`.
        options: What else is said of it, as the constructor takes it: `switch`, `chassis`, `query`, `unit`, `sum`,
            `what` and `interval_s` (seconds), each only where it is written.
        place: Where the entry begins.
    """

    kind: str
    address: str
    options: Mapping[str, Any] = field(default_factory=dict)
    place: Place = field(default_factory=Place, compare=False)


def read(sheet: Sheet, path: KeyPath, written: Sequence[object]) -> tuple[MeterEntry, ...]:
    """Read the meters, and complain of whatever cannot be meant."""
    entries: list[MeterEntry] = []
    for index, value in enumerate(written):
        shape = fitting(project_file.Meter, value)
        entry = _entry(sheet, (*path, index), shape) if shape else None
        if entry is None:
            continue
        if entry in entries:
            first = entries[entries.index(entry)].place
            sheet.complain((*path, index), f"the same meter stands in line {first.line}", "keep one of the two")
        entries.append(entry)
    return tuple(entries)


def _entry(sheet: Sheet, path: KeyPath, shape: project_file.Meter) -> MeterEntry | None:
    named = [kind for kind in KINDS if getattr(shape, kind) is not None]
    if not named:
        sheet.complain(path, "the entry says no kind of meter", nearest("", KINDS))
        return None
    for second in named[1:]:
        hint = "write an entry for each meter"
        sheet.complain((*path, second), f"there is a `{named[0]}` and a `{second}` in one entry", hint, key=True)
    kind = named[0]
    address = getattr(shape, kind)
    if kind != "ipmi":
        _check_address(sheet, (*path, kind), address)
    if not named[1:]:
        _check_options(sheet, path, kind, shape)
    return MeterEntry(kind, address, _options(sheet, path, shape), sheet.place(path))


def _check_options(sheet: Sheet, path: KeyPath, kind: str, shape: project_file.Meter) -> None:
    needs = _NEEDS.get(kind, ())
    for key in needs:
        if getattr(shape, key) is None:
            hint = project_file.Meter.model_fields[key].description or ""
            sheet.complain(path, f"`{key}` is missing: `{kind}` needs it", hint)
    for key in _OWN:
        if getattr(shape, key) is not None and key not in (*needs, *_MAY_HAVE.get(kind, ())):
            sheet.complain((*path, key), f"`{key}` does not go with `{kind}`", "leave it out", key=True)
    if kind == "redfish" and shape.chassis is not None and not _CHASSIS.fullmatch(shape.chassis):
        hint = "give its identifier under /redfish/v1/Chassis, such as `1` in quotes"
        sheet.complain((*path, "chassis"), f"`{shape.chassis}` is no chassis", hint)


def _options(sheet: Sheet, path: KeyPath, shape: project_file.Meter) -> dict[str, Any]:
    options = {key: getattr(shape, key) for key in (*_OWN, "what") if getattr(shape, key) is not None}
    interval = sheet.quantity((*path, "interval"), shape.interval, _INTERVAL)
    return {**options, "interval_s": interval.amount} if interval else options


def _check_address(sheet: Sheet, path: KeyPath, written: str) -> None:
    """Check that an address is a plain one; one that may hold a password is never repeated in a message."""
    if "@" in written:
        sheet.complain(path, "the address holds a user or a password", _CREDENTIALS)
        return
    if "?" in written or "#" in written:
        sheet.complain(path, "the address goes on after its path, with `?` or `#`", "end it before that")
        return
    try:
        parts = urlsplit(written)
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or re.search(r"[\s\\]", written):
        hint = "write it like `http://192.0.2.7` or `https://bmc.lab`"
        sheet.complain(path, f"`{written}` is no address that begins with `http://` or `https://`", hint)
