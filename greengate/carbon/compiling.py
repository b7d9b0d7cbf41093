"""Compiles a factor set from publications as they lie in a folder: `python -m greengate.carbon.compiling --help`.

Every figure is taken over digit by digit; the one conversion, of pounds a megawatt-hour, is exact. What is left out is
named in the set, with the reason.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

G_A_LB = Decimal("453.59237")  # exact: international avoirdupois pound, 1959
_SINCE = 2019
_APACHE, _MIT = "Apache-2.0", "MIT"
_GCP_SINCE = 2021  # before, Google's figures are of another basis
_KINDS = {"lifecycle": {"signal": "average", "boundary": "lifecycle", "gases": "CO2e"}}
_OWID = "owid/carbon-intensity-electricity.csv"
_OWID_VALUE = "Carbon intensity of electricity - gCO2/kWh"
_STATES = "codecarbon/usa_emissions.json"
_PROVINCES = "codecarbon/china_provincial_emissions.json"
_NORDICS = "codecarbon/nordic_emissions.json"
_GRID = {"kind": "intensity", "unit": "gCO2e/kWh", "signal": "average"}


@dataclass(slots=True)
class _Set:
    """What has been compiled so far."""

    raw: Path
    series: dict[str, dict[str, Any]] = field(default_factory=dict)
    zones: dict[str, str] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    regions: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def read(self, path: str) -> bytes:
        return (self.raw / path).read_bytes()

    def add(self, name: str, zone: str, year: int, value: str, note: str = "") -> None:
        row = {"id": zone, "year": year, "value": value, "series": name}
        self.rows.append({**row, "note": note} if note else row)


def compiled(raw: Path, name: str, released: str) -> dict[str, Any]:
    """Compile a factor set from a folder of publications.

    Args:
        raw: Folder with `owid/`, `gcp-region-carbon-info/`, `ccf-coefficients/` and `codecarbon/`.
        name: Name of the set, such as greengate-2026.11.
        released: Day of its release, YYYY-MM-DD.
    """
    made = _Set(raw)
    for part in (_countries, _states, _provinces, _nordics, _google, _hosts, _efficiencies, _regions):
        part(made)
    made.left_out.append("Canadian provinces: only mixes without a year are published there, no intensities")
    return {
        "apiVersion": "greengate/v1",
        "kind": "FactorSet",
        "name": name,
        "released": released,
        "series": made.series,
        "zones": dict(sorted(made.zones.items())),
        "rows": sorted(made.rows, key=lambda row: (row["series"], row["id"], row["year"])),
        "regions": made.regions,
        "left_out": made.left_out,
    }


def _countries(made: _Set) -> None:
    data = made.read(_OWID)
    made.series["ember"] = {
        **_GRID,
        **_KINDS["lifecycle"],
        "mix": "production",
        "title": "Carbon intensity of electricity generation, Our World in Data, export of 2025",
        "attribution": "Ember, via Our World in Data, CC BY 4.0",
        "licence": "CC-BY-4.0",
        "sha256": _sha256(data),
    }
    codes, zeros, areas = _alpha_2(), [], set()
    for row in _table(data):
        code, year, value = row["Code"], int(row["Year"]), row[_OWID_VALUE]
        if code not in codes:
            areas.add(row["Entity"])
            continue
        if year < _SINCE:
            continue
        made.zones[codes[code]] = row["Entity"]
        if Decimal(value) == 0:
            zeros.append(f"{row['Entity']} {year}")
            continue
        made.add("ember", codes[code], year, value)
    made.left_out.append(f"averages of the world and of groups of countries: {', '.join(sorted(areas))}")
    made.left_out.append(f"figures of zero, which no grid has over its life cycle: {', '.join(zeros)}")
    made.left_out.append(f"years before {_SINCE}")


def _states(made: _Set) -> None:
    data = made.read(_STATES)
    made.series["egrid"] = {
        **_GRID,
        "boundary": "operational",
        "mix": "production",
        "gases": "CO2e",
        "title": "US EPA eGRID2023, annual CO2 equivalent total output emission rate of states (STC2ERTA)",
        "attribution": "US EPA eGRID2023 (public domain), via CodeCarbon",
        "licence": "public domain",
        "sha256": _sha256(data),
        "published_as": "lb/MWh, x 0.45359237",
    }
    for name, told in json.loads(data, parse_float=str).items():
        if name.startswith("_"):
            continue
        zone = "US" if name == "usa" else f"US-{told['regionCode']}"
        made.zones.setdefault(zone, name.title())
        made.add("egrid", zone, 2023, _plain(Decimal(told["emissions"]) * G_A_LB / 1000), f"{told['emissions']} lb/MWh")


def _provinces(made: _Set) -> None:
    data = made.read(_PROVINCES)
    made.series["mee"] = {
        **_GRID,
        "boundary": "operational",
        "mix": "consumption",
        "gases": "CO2",
        "title": "Ministry of Ecology and Environment of China, Announcement 2025 No. 47, Table 3",
        "attribution": "MEE and NBS of China, via CodeCarbon, MIT",
        "licence": _MIT,
        "sha256": _sha256(data),
        "note": "CO2 alone",
    }
    for zone, told in json.loads(data, parse_float=str)["data"].items():
        _expect(told["unit"], "gCO2/kWh", zone)
        made.zones[zone] = told["description"]
        made.add("mee", zone, int(told["year"]), told["emission_factor"])


def _nordics(made: _Set) -> None:
    data = made.read(_NORDICS)
    made.series["entsoe"] = {
        **_GRID,
        **_KINDS["lifecycle"],
        "mix": "production",
        "title": "Bidding zones of Norway and Sweden: ENTSO-E's generation by type, CodeCarbon's factor of each",
        "attribution": "CodeCarbon, MIT",
        "licence": _MIT,
        "sha256": _sha256(data),
        "note": "what a zone makes of sources without a factor counts as zero: a lower bound",
    }
    for zone, told in json.loads(data, parse_float=str)["data"].items():
        if zone[:2] not in {"SE", "NO"}:
            made.left_out.append(f"{zone} of the Nordic table: an older figure, carried forward")
            continue
        _expect(told["unit"], "gCO2eq/kWh", zone)
        full = f"{zone[:2]}-{zone}"
        made.zones[full] = told["description"]
        made.add("entsoe", full, int(told["year"]), told["emission_factor"], f"covers {told['coverage']}")


def _google(made: _Set) -> None:
    years = sorted(int(path.stem) for path in (made.raw / "gcp-region-carbon-info").glob("*.csv"))
    kept = [year for year in years if year >= _GCP_SINCE]
    made.series["google"] = {
        **_GRID,
        "boundary": "operational",
        "mix": "unknown",
        "gases": "CO2e",
        "title": f"Google Cloud, carbon data of its regions, {kept[0]} to {kept[-1]}",
        "attribution": "Google Cloud region carbon data, Apache-2.0",
        "licence": _APACHE,
        "sha256": _sha256(b"".join(made.read(f"gcp-region-carbon-info/{year}.csv") for year in kept)),
        "note": "of the grid around the region, hour by hour; not of the electricity that Google buys",
    }
    for year in kept:
        for row in _table(made.read(f"gcp-region-carbon-info/{year}.csv")):
            zone = f"gcp/{row['Google Cloud Region']}"
            made.zones[zone] = row["Location"]
            value = row["Grid carbon intensity (gCO2eq / kWh)"]
            if value and Decimal(value) == 0:
                made.left_out.append(f"{zone} {year}: published as 0, which is rounded")
            elif value:
                made.add("google", zone, year, value)
    made.left_out.append(f"Google's regions before {_GCP_SINCE}: of the life cycle, a break in the series")


def _hosts(made: _Set) -> None:
    for cloud, file, column in (
        ("aws", "coefficients-aws-embodied", "total"),
        ("azure", "coefficients-azure-embodied", "total"),
        ("gcp", "coefficients-gcp-embodied-mean", "total_mean"),
    ):
        data = made.read(f"ccf-coefficients/{file}.csv")
        made.series[f"ccf-{cloud}"] = {
            "kind": "embodied",
            "unit": "kgCO2e",
            "title": f"Cloud Carbon Footprint, {file}.csv",
            "attribution": "Cloud Carbon Footprint coefficients, Apache-2.0",
            "licence": _APACHE,
            "sha256": _sha256(data),
            "note": "of the whole host: 1,000 kg, and what it has more of memory, disks, processors and GPUs",
        }
        _machines(made, cloud, _table(data), column)


def _machines(made: _Set, cloud: str, table: Iterator[dict[str, str]], column: str) -> None:
    """Take machines whose host is told in one way; Azure has the same type on several processors."""
    hosts: dict[str, set[str]] = {}
    for row in table:
        hosts.setdefault(row["type"], set()).add(row[column])
    several = sorted(name for name, totals in hosts.items() if len(totals) > 1)
    for name, totals in hosts.items():
        if len(totals) == 1:
            made.add(f"ccf-{cloud}", f"{cloud}/{name}", 2023, next(iter(totals)))
    if several:
        made.left_out.append(f"machines of {cloud} whose hosts differ by processor: {', '.join(several)}")


def _efficiencies(made: _Set) -> None:
    for row in _own("pue"):
        name = f"pue-{row['provider']}"
        made.series[name] = {
            "kind": "pue",
            "title": row["title"],
            "attribution": row["title"].partition(":")[0],
            "licence": "a figure that the company states of itself",
            "note": "a mean of all its data centers; that of a region may differ",
        }
        made.add(name, row["provider"], int(row["year"]), row["value"])


def _regions(made: _Set) -> None:
    made.series["regions"] = {
        "kind": "region",
        "title": "Where the regions of clouds are, by what their providers say",
        "attribution": "greengate",
        "licence": _APACHE,
    }
    known = {row["id"] for row in made.rows}
    for row in _own("regions"):
        for zone in (row["zone"], row["within"]):
            if zone not in known:
                raise click.ClickException(f"the region {row['region']} is in {zone}, of which there is no figure")
        region = {"id": row["region"], "zone": row["zone"], "within": row["within"], "location": row["location"]}
        made.regions.append({**region, "series": "regions", **({"note": row["note"]} if row["note"] else {})})


def _own(name: str) -> Iterator[dict[str, str]]:
    return _table(files("greengate.carbon").joinpath("tables", f"{name}.csv").read_bytes())


def _table(data: bytes) -> Iterator[dict[str, str]]:
    return iter(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def _alpha_2() -> Mapping[str, str]:
    import pycountry  # noqa: PLC0415 - only whoever compiles a set needs it

    return {**{one.alpha_3: one.alpha_2 for one in pycountry.countries}, "OWID_KOS": "XK"}


def _expect(found: str, wanted: str, where: str) -> None:
    if found != wanted:
        raise click.ClickException(f"{where}: found the unit `{found}`, expected `{wanted}`")


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def written(content: Mapping[str, Any]) -> str:
    """Lay a set out with a row a line, so that two of them can be compared by eye; its digest does not depend on it."""
    parts = []
    for key, value in content.items():
        if isinstance(value, list) and value:
            rows = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in value)
            parts.append(f" {json.dumps(key)}: [\n{rows}\n ]")
        elif isinstance(value, dict) and value:
            rows = ",\n".join(
                f"  {json.dumps(name)}: {json.dumps(row, ensure_ascii=False)}" for name, row in value.items()
            )
            parts.append(f" {json.dumps(key)}: {{\n{rows}\n }}")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


@click.command()
@click.argument("raw", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="Name of the set, such as greengate-2026.11.")
@click.option("--released", required=True, help="Day of its release, YYYY-MM-DD.")
def main(raw: Path, out: Path, name: str, released: str) -> None:
    """Compile the publications in the folder RAW to the factor set OUT."""
    out.write_text(written(compiled(raw, name, released)), encoding="utf-8")


if __name__ == "__main__":
    main()
