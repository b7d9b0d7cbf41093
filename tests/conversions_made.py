"""Conversions made by hand, with every factor declared."""

from greengate.conversion import Conversion, Embodied, Factor, Part

PUE = Factor(kind="pue", value="1.2", source="the project")
GRID = Factor(
    kind="intensity",
    id="DE",
    value="350",
    unit="gCO2e/kWh",
    year=2024,
    basis="average, lifecycle, production",
    source="Ember",
    licence="CC-BY-4.0",
    set="acme-1",
)
GREEN = Factor(
    kind="supplier", id="green-1", value="20", unit="gCO2e/kWh", basis="average, lifecycle, contract", source="Contract"
)
PRICE = Factor(kind="price", value="0.25", unit="EUR/kWh", source="Contract")
HOST = Factor(kind="embodied", id="aws/m5.large", value="1200", unit="kgCO2e", source="CCF", set="acme-1")
EMBODIED = Embodied(host=HOST, resources=0.25, lifetime_years=4, machines=2)
MARKET = (Part(share=0.6, factor=GREEN), Part(share=0.4, factor=GRID))


def conversion(**more):
    """A whole one: 2 billion inferences a year on two quarters of a host."""
    usual = {
        "kind": "cloud",
        "factor_set": "acme-1",
        "factor_set_sha256": "f" * 64,
        "inferences_per_year": 2e9,
        "pue": PUE,
        "intensity": GRID,
        "market": MARKET,
        "statement": "no contract or certificate applies to 40% of the electricity",
        "price": PRICE,
        "embodied": EMBODIED,
    }
    return Conversion(**{**usual, **more})
