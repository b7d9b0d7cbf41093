"""From a company's own figures in a CSV file to a factor set that extends a shipped one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_args

from greengate.bases import Boundary, Gases, Mix, Signal
from greengate.carbon.factor_file import CARBON, UNITS, Kind
from greengate.carbon.factors import FactorSet
from greengate.errors import FactorError, GreengateError, Place, Problems, nearest

COLUMNS = ("kind", "id", "year", "value", "unit", "source", "licence")
MORE_COLUMNS = ("boundary", "mix", "signal", "gases", "zone", "within", "name", "note")
KINDS = tuple(get_args(Kind))
_MAX_BYTES = 2**22
_YEAR = re.compile(r"[0-9]{4}")
_VALUE = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,10})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PER_KWH = {
    "gCO2e/kWh": Decimal(1),
    "kgCO2e/kWh": Decimal(1000),
    "kgCO2e/MWh": Decimal(1),
    "tCO2e/MWh": Decimal(1000),
    "tCO2e/GWh": Decimal(1),
    "lbCO2e/MWh": Decimal("0.45359237"),
}
_UNITS: Mapping[str, Mapping[str, Decimal]] = {
    **dict.fromkeys(CARBON, _PER_KWH),
    "pue": {"": Decimal(1)},
    "embodied": {"kgCO2e": Decimal(1), "tCO2e": Decimal(1000)},
    "price": {"EUR/kWh": Decimal(1), "EUR/MWh": Decimal("0.001"), "ct/kWh": Decimal("0.01")},
    "region": {"": Decimal(1)},
}


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the file, and where it stands."""

    place: Place
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def wrong(self, column: str, problem: str, hint: str = "") -> FactorError:
        return FactorError(Place(self.place.file, self.place.line, 1, column), problem, hint)


def content(data: bytes, where: str, name: str, released: str, parent: FactorSet | None) -> dict[str, Any]:
    """Make the content of a factor set from a CSV file.

    Args:
        data: The file: columns `COLUMNS`, and of `MORE_COLUMNS` those that its rows need.
        where: What messages call the file.
        name: Name of the set.
        released: Day of its release, YYYY-MM-DD.
        parent: The set that it extends, or None.

    Raises:
        FactorError: It is no such file.
        Problems: Rows in it say what cannot be; all of them are told.
    """
    series: dict[str, dict[str, Any]] = {}
    rows: list[dict[str, Any]] = []
    regions: list[dict[str, Any]] = []
    zones: dict[str, str] = {}
    problems: list[GreengateError] = []
    for line in _lines(data, where):
        try:
            made = _series(line)
            key = next((known for known, told in series.items() if told == made), f"{name}-{len(series) + 1}")
            series[key] = made
            _place_row(line, key, rows, regions)
        except FactorError as error:
            problems.append(error)
        if line["name"] and line["kind"] == "intensity":
            zones[line["id"]] = line["name"]
    if problems:
        raise Problems(problems)
    if not rows and not regions:
        raise FactorError(where, "has no row but the one of its columns")
    extends = {"extends": {"name": parent.name, "sha256": parent.sha256}} if parent else {}
    return {
        "apiVersion": "greengate/v1", "kind": "FactorSet", "name": name, "released": released, **extends,
        "series": series, "zones": zones, "rows": rows, "regions": regions,
    }  # fmt: skip


def _lines(data: bytes, where: str) -> list[_Line]:
    if len(data) > _MAX_BYTES:
        raise FactorError(where, f"has {len(data):,} bytes; at most {_MAX_BYTES:,} are read")
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), strict=True)
        columns = reader.fieldnames or []
        _check_columns(columns, where)
        return [_line(reader.line_num, row, where) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FactorError(where, f"is no CSV in UTF-8: {error}", "save it as CSV, UTF-8, with commas") from error


def _check_columns(columns: list[str] | Any, where: str) -> None:
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        if len(columns) == 1 and ";" in columns[0]:
            raise FactorError(Place(where, 1, 1), "has semicolons between its cells", "save it with commas")
        hint = f"the first line names them: {', '.join(COLUMNS)}; where needed {', '.join(MORE_COLUMNS)}"
        raise FactorError(Place(where, 1, 1), f"has no column `{missing[0]}`", hint)
    for column in columns:
        if column not in (*COLUMNS, *MORE_COLUMNS):
            raise FactorError(
                Place(where, 1, 1), f"has a column `{column}`", nearest(column, (*COLUMNS, *MORE_COLUMNS))
            )
        if columns.count(column) > 1:
            raise FactorError(Place(where, 1, 1), f"has two columns `{column}`")


def _line(number: int, row: Mapping[str | None, Any], where: str) -> _Line:
    if None in row or None in row.values():
        raise FactorError(Place(where, number, 1), "has more or fewer cells than the first line")
    return _Line(Place(where, number, 1), {str(column): str(cell).strip() for column, cell in row.items()})


def _series(line: _Line) -> dict[str, Any]:
    """Say of what kind a row is, on what basis, and whose word it is."""
    kind = line["kind"]
    if kind not in KINDS:
        raise line.wrong("kind", f"found `{kind}`", nearest(kind, KINDS))
    for column in ("id", "source", "licence"):
        if not line[column]:
            raise line.wrong(column, "is empty", "who says so, and on what terms, goes with every figure")
    for column, cell in line.cells.items():
        if _CONTROL.search(cell):
            raise line.wrong(column, f"has a control character: {cell!a}")
    made: dict[str, Any] = {
        "kind": kind,
        "unit": UNITS[kind],
        "title": line["source"],
        "attribution": line["source"],
        "licence": line["licence"],
    }
    return {**made, **_basis(line)} if kind in CARBON else made


def _basis(line: _Line) -> dict[str, str]:
    signal = _word(line, "signal", Signal) or Signal.AVERAGE.value
    if signal != Signal.AVERAGE.value:
        hint = "take an average over the year; a marginal signal is for `greengate window`"
        raise line.wrong("signal", f"a signal that is {signal} cannot be accounted by", hint)
    boundary = _word(line, "boundary", Boundary)
    if boundary not in {"lifecycle", "operational"}:
        raise line.wrong("boundary", f"found `{line['boundary']}`", "say `lifecycle` or `operational`")
    mix = _word(line, "mix", Mix) or {"intensity": "unknown", "residual-mix": "production"}.get(
        line["kind"], "contract"
    )
    if line["kind"] in {"intensity", "residual-mix"} and mix == Mix.CONTRACT.value:
        raise line.wrong("mix", "is of no contract", "say `production` or `consumption`, or leave it empty")
    gases = _word(line, "gases", Gases) or Gases.CO2E.value
    if gases == Gases.UNKNOWN.value:
        raise line.wrong("gases", "found `unknown`", "say `CO2e`, or `CO2` for CO2 alone")
    return {"signal": signal, "boundary": boundary, "mix": mix, "gases": gases}


def _word(line: _Line, column: str, words: type[Signal | Boundary | Mix | Gases]) -> str:
    found = line[column]
    if found and found not in [str(word) for word in words]:
        raise line.wrong(column, f"found `{found}`", nearest(found, [str(word) for word in words]))
    return found


def _place_row(line: _Line, series: str, rows: list[dict[str, Any]], regions: list[dict[str, Any]]) -> None:
    note = {"note": line["note"]} if line["note"] else {}
    if line["kind"] == "region":
        for column in ("year", "value"):
            if line[column]:
                raise line.wrong(column, f"found `{line[column]}`, and a region has none", "leave it empty")
        if not line["zone"]:
            raise line.wrong("zone", "is empty", "say the zone whose electricity the region uses")
        region = {"id": line["id"], "zone": line["zone"], "within": line["within"], "location": line["name"]}
        regions.append({**region, "series": series, **note})
        return
    rows.append({"id": line["id"], "year": _year(line), "value": _value(line), "series": series, **note})


def _year(line: _Line) -> int:
    if not _YEAR.fullmatch(line["year"]) or not 1990 <= int(line["year"]) <= 2100:
        raise line.wrong("year", f"found `{line['year']}`, expected a year such as 2025")
    return int(line["year"])


def _value(line: _Line) -> str:
    known = _UNITS[line["kind"]]
    if line["unit"] not in known:
        units = ", ".join(f"`{unit}`" for unit in known if unit) or "no unit"
        near = "did you mean `lbCO2e/MWh`?" if line["unit"].casefold().startswith("lb") else f"known here: {units}"
        raise line.wrong("unit", f"found `{line['unit']}`, which is no unit of {line['kind']}", near)
    if not _VALUE.fullmatch(line["value"]):
        hint = "write a point, not a comma" if "," in line["value"] else "plain digits, such as 344.14"
        raise line.wrong("value", f"found `{line['value']}`, expected a number", hint)
    value = Decimal(line["value"])
    factor = known[line["unit"]]
    return format(value, "f") if factor == 1 else format((value * factor).normalize(), "f")
