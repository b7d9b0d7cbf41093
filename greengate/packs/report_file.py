"""The shape of `report.yaml`: whose report it is, its boundary, and how it looks.

Only shapes; what periods, shares and files mean is checked by `greengate.packs.company`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from greengate.packs.documents import API_VERSION, Amount, Shape, Text

SECTIONS = "ABCDEFGHIJKLMN"
ACCENT = r"^#[0-9a-fA-F]{6}$"
CURRENCY = r"^[A-Z]{3}$"


def _year(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("no year")  # noqa: TRY004 - pydantic tells only these
    return str(value)


Year = Annotated[Any, AfterValidator(_year), WithJsonSchema({"type": ["string", "integer"]})]


class Calendar(Shape):
    """When months and years begin."""

    zone: Text | None = Field(None, description="Time zone of midnight, such as Europe/Berlin. Default: UTC.")
    first_month: int | None = Field(None, ge=1, le=12, description="Month with which a year begins. Default: 1.")


class KnownModel(Shape):
    """A model that the company knows to be in production."""

    model: Text = Field(description="Its name in its project file.")
    project: Text | None = Field(None, description="Its project. Default: any.")


class Excluded(Shape):
    """What the report leaves out."""

    what: Text = Field(description="What is left out.")
    why: Text = Field(description="Why.")
    share: Amount | None = Field(None, description="The share of the whole that it is thought to be, such as 2%.")


class Assurer(Shape):
    """Who assures the report."""

    name: Text = Field(description="Who assures.")
    level: Literal["limited", "reasonable"] = Field(description="How far: limited or reasonable.")


class Look(Shape):
    """How the report looks."""

    locale: Text | None = Field(None, description="How numbers and dates are written, such as de_DE. Default: en.")
    words: list[Text] | None = Field(None, min_length=1, description="Paragraphs of the company's own, put first.")
    logo: Text | None = Field(None, description="A PNG or SVG file.")
    accent: str | None = Field(None, pattern=ACCENT, description="Colour, as in #1a7f4b.")
    templates: Text | None = Field(None, description="Folder of templates in the place of those that ship.")


class Report(Shape):
    """A company, as its reports tell it."""

    apiVersion: Literal["greengate/v1"] = Field(description=f"Always {API_VERSION}.")  # noqa: N815 - as it is written
    kind: Literal["Report"] = Field(description="Always Report.")
    entity: Text = Field(description="The reporting entity's name.")
    consolidation: Literal["operational-control", "financial-control", "equity-share"] | None = Field(
        None, description="Consolidation approach: operational-control, financial-control or equity-share."
    )
    calendar: Calendar | None = Field(None, description="When periods begin. Default: the calendar in UTC.")
    base_year: Year | None = Field(None, description="The year that others are compared with, such as 2025.")
    currency: str | None = Field(None, pattern=CURRENCY, description="Currency of the revenue. Default: EUR.")
    revenue: dict[str, Amount] | None = Field(
        None, min_length=1, description="Net revenue by period: {2026-Q3: 12500000}."
    )
    models: list[KnownModel] | None = Field(None, min_length=1, description="Models in production, for the coverage.")
    exclusions: list[Excluded] | None = Field(None, min_length=1, description="What is left out, and why.")
    threshold: Amount | None = Field(
        None, description="Share of the total from which a restatement is material. Default: 5%."
    )
    training: Literal["own", "cloud"] | None = Field(None, description="Whose machines trainings run on: own, cloud.")
    edge: Literal["sold", "others"] | None = Field(
        None, description="Whose edge devices are: sold by the company, or others'."
    )
    omitted: dict[str, Text] | None = Field(
        None, min_length=1, description="Sections that are left out, and why: {N: no model is placed on the market}."
    )
    assurer: Assurer | None = Field(None, description="Who assures the report.")
    signers: dict[str, Annotated[list[Text], Field(min_length=1)]] | None = Field(
        None, min_length=1, description="Who signs with which verifier keys: {'@olga': [acme.com/olga+1a2b3c4d+AYq…]}."
    )
    look: Look | None = Field(None, description="How the report looks.")
