"""What turns the energy of a model into a year's energy, emissions and money: declared traffic and pinned factors.

Every factor stands here as it stands in its set, so that each figure can be worked out again by hand.
"""

from __future__ import annotations

from pydantic import Field

from greengate.values import Real, Value

HOURS_A_YEAR = 8760


class Factor(Value):
    """One factor as it was used.

    Attributes:
        kind: "intensity", "residual-mix", "supplier", "power-purchase", "certificate", "pue", "embodied" or "price".
        id: The zone, cloud, machine or contract that it is of; "" where the project file declares it.
        value: A decimal string, in `unit`.
        year: The year that it is about, or None.
        basis: Of an intensity: signal, boundary, mix and gases in words; "" of others, and where nobody says it.
        source: Who says so.
        set: The factor set that it stands in; "" where the project file declares it.
    """

    kind: str
    id: str = ""
    value: str
    unit: str = ""
    year: int | None = None
    basis: str = ""
    source: str
    licence: str = ""
    set: str = ""
    note: str = ""

    @property
    def amount(self) -> float:
        """The value as a number."""
        return float(self.value)

    @property
    def boundary(self) -> str:
        """Of an intensity: "lifecycle" or "operational", and the gases if not all; "" where nobody says."""
        words = self.basis.split(", ")
        return " ".join([words[1], *words[3:]]) if len(words) > 1 else ""

    def __str__(self) -> str:
        about = [part for part in (self.id, str(self.year or ""), self.basis) if part]
        told = f"{self.source}: {', '.join(about)}" if about else self.source
        return f"{self.value} {self.unit}".rstrip() + f" ({told})"


class Part(Value):
    """A share of the electricity, and the instrument or the mix that it is of."""

    share: Real = Field(ge=0, le=1)
    factor: Factor


class Embodied(Value):
    """The emissions of making the hardware, and the share of them that is the model's (ISO/IEC 21031:2024, 7.3).

    Attributes:
        host: Emissions of the whole host, in kgCO2e (TE).
        resources: The part of the host that is reserved (RR / ToR).
        lifetime_years: Expected life of the hardware (EL), in years of 8,760 hours.
        machines: How many such parts are reserved all year round; None where one is reserved only while it infers.
    """

    host: Factor
    resources: Real = Field(gt=0, le=1)
    lifetime_years: Real = Field(gt=0)
    machines: int | None = None


class Conversion(Value):
    """Where a model runs in production, how often, and by which factors its energy is converted.

    Attributes:
        kind: "own" (scope 2), "cloud" or "api" (scope 3, category 1) or "edge", as the project says.
        factor_set: Name of the factor set that is pinned, or "".
        factor_set_sha256: Its digest.
        region: The cloud's region, as in `aws/eu-central-1`, or "".
        market: The parts of the electricity for market-based emissions; their shares add up to 1.
        statement: What is to be said about the market-based figure, such as that no instrument applies.
        remarks: What a reader should know of the factors.
    """

    kind: str
    factor_set: str = ""
    factor_set_sha256: str = ""
    region: str = ""
    inferences_per_year: Real | None = None
    pue: Factor | None = None
    intensity: Factor | None = None
    market: tuple[Part, ...] = ()
    statement: str = ""
    price: Factor | None = None
    embodied: Embodied | None = None
    remarks: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        """Where an inventory books the electricity (GHG Protocol): of an edge device by whose it is."""
        cloud = "scope 3, category 1 (purchased services)"
        sold = "scope 2 of whoever runs the device; of devices that are sold, scope 3, category 11"
        return {"own": "scope 2", "cloud": cloud, "api": cloud, "edge": sold}.get(self.kind, "")

    @property
    def market_intensity(self) -> float | None:
        """The intensity of the electricity by its contracts, in gCO2e/kWh."""
        return sum(part.share * part.factor.amount for part in self.market) if self.market else None
