"""What a company says of itself in its report.yaml: its boundary, its calendar, and how its reports look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from greengate.esg.document import Company
from greengate.periods import CIVIL, Calendar


@dataclass(frozen=True, slots=True)
class Known:
    """A model that the company knows to be in production; "" is any project."""

    model: str
    project: str = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What the report leaves out, why, and which share of the whole it is thought to be (a percentage), or ""."""

    what: str
    why: str
    share: str = ""


@dataclass(frozen=True, slots=True)
class Assurer:
    """Who assures the report, and how far: "limited" or "reasonable"."""

    name: str
    level: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a company says.

    Attributes:
        consolidation: "operational control", "financial control" or "equity share"; "" where it is not said.
        base_year: Name of the year that others are compared with; "" for none.
        revenue: Net revenue by the names of periods, decimal strings in `currency`.
        threshold: From which share of the total on a restatement is material.
        training: Whose machines trainings run on: "own" or "cloud"; "" where it is not said.
        edge: Whose the devices are: "sold" by the company, or "others"; "" where it is not said.
        omitted: Sections that are left out, and why.
        signers: Public keys (`ed25519:…`) that sign for somebody, by who they are: `@olga`, a role, or a pseudonym.
        templates: Folder of the company's own templates, or "".
        digest: SHA-256 of the file; "" where there is none.
    """

    entity: str = ""
    consolidation: str = ""
    calendar: Calendar = CIVIL
    zone: str = "UTC"
    base_year: str = ""
    currency: str = "EUR"
    revenue: Mapping[str, str] = field(default_factory=dict)
    models: tuple[Known, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    threshold: Fraction = Fraction(5, 100)
    training: str = ""
    edge: str = ""
    omitted: Mapping[str, str] = field(default_factory=dict)
    assurer: Assurer | None = None
    signers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    templates: str = ""
    look: Company = field(default_factory=lambda: Company(name=""))
    digest: str = ""


NOBODY = Said()
"""Nothing is said, as without a report.yaml."""
