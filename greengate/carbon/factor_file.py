"""The shape of a factor set: a JSON file whose figures are decimal strings, so that its bytes can be hashed.

A set never changes: another vintage is another set. Every row names a series, and the series says unit, basis, source
and licence. A set of a company's own may extend another one, by its digest, and its rows come first.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from greengate.bases import Basis, Boundary, Gases, Mix, Signal

Kind: TypeAlias = Literal[
    "intensity", "residual-mix", "supplier", "power-purchase", "certificate", "pue", "embodied", "price", "region"
]
CONTRACTS = ("supplier", "power-purchase", "certificate")
CARBON = ("intensity", "residual-mix", *CONTRACTS)
UNITS: dict[str, str] = {
    **dict.fromkeys(CARBON, "gCO2e/kWh"),
    "pue": "",
    "embodied": "kgCO2e",
    "price": "EUR/kWh",
    "region": "",
}


def _decimal(text: str) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"found `{text}`, expected a decimal number") from error
    if not value.is_finite():
        raise ValueError(f"found `{text}`, expected a finite number")
    return text


Number = Annotated[str, Field(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,20})?$"), AfterValidator(_decimal)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=64)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Day = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(lambda day: date.fromisoformat(day).isoformat())
]


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Series(_Shape):
    """Rows of one kind from one publication.

    Attributes:
        attribution: Who is to be named, in the words that the licence asks for.
        sha256: Digest of the publication as it was read, or "" where it was typed in.
        published_as: The unit that it was published in, where that is another one, and how it was converted.
    """

    kind: Kind
    unit: str = ""
    signal: Signal | None = None
    boundary: Boundary | None = None
    mix: Mix | None = None
    gases: Gases | None = None
    title: Text
    attribution: Text
    licence: Text
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    published_as: str = ""
    note: str = ""

    @property
    def basis(self) -> Basis | None:
        """What its figures are intensities of, or None where they are none."""
        if self.signal is None or self.boundary is None or self.mix is None or self.gases is None:
            return None
        return Basis(self.signal, self.boundary, self.mix, self.gases)


class Row(_Shape):
    """One figure: of a zone, a provider or `provider/region`, a machine or a contract, by the kind of its series."""

    id: Text
    year: int = Field(ge=1990, le=2100)
    value: Number
    series: str
    note: str = ""


class Region(_Shape):
    """A cloud's region, the zone whose electricity it uses and, where that is the cloud's own, the zone around it."""

    id: Text
    zone: Text
    within: str = ""
    location: str = ""
    series: str
    note: str = ""


class Extended(_Shape):
    """The set that another one adds to."""

    name: Name
    sha256: Digest


class FactorFile(_Shape):
    """A whole factor set as it is written."""

    apiVersion: Literal["greengate/v1"]  # noqa: N815 - as it is written
    kind: Literal["FactorSet"]
    name: Name
    released: Day
    extends: Extended | None = None
    series: dict[str, Series]
    zones: dict[str, str] = {}
    rows: list[Row]
    regions: list[Region] = []
    left_out: list[str] = []
