"""Small factor sets, and a company's tables."""

from greengate.carbon import factors, importing
from greengate.carbon.compiling import written

HEADER = "kind,id,year,value,unit,source,licence,boundary"
CONTRACT = "supplier,green-1,2025,12.5,gCO2e/kWh,Contract 4711,internal,lifecycle"


def a_table(rows, header=HEADER, name="acme-2026.1"):
    data = f"{header}\n{rows}\n".encode()
    parent = factors.load_shipped("greengate-2026.11")
    return written(importing.content(data, "acme.csv", name, "2026-11-21", parent)).encode()


def imported(rows, header=HEADER, name="acme-2026.1"):
    return factors.parse(a_table(rows, header, name), "acme.json")


def a_set(rows=(("DE", 2024, "344"),)):
    """The content of a set of intensities that extends none."""
    grid = {
        "kind": "intensity", "unit": "gCO2e/kWh", "signal": "average", "boundary": "lifecycle", "mix": "production",
        "gases": "CO2e", "title": "A table", "attribution": "Somebody", "licence": "CC0",
    }  # fmt: skip
    told = [{"id": zone, "year": year, "value": value, "series": "grid"} for zone, year, value in rows]
    return {
        "apiVersion": "greengate/v1", "kind": "FactorSet", "name": "acme-1", "released": "2026-11-21",
        "series": {"grid": grid}, "zones": {}, "rows": told, "regions": [],
    }  # fmt: skip
