"""What an intensity of electricity is an intensity of; intensities of different bases are never mixed.

The words are those of the GHG Protocol Scope 2 Guidance (2015) and of ISO/IEC 21031:2024 (SCI).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Signal(StrEnum):
    """Whether it is of all electricity, or of the next kilowatt-hour."""

    AVERAGE = "average"
    MARGINAL = "marginal"
    UNKNOWN = "unknown"


class Boundary(StrEnum):
    """Whether fuel, plants and their building are in it, or only what leaves the stack."""

    LIFECYCLE = "lifecycle"
    OPERATIONAL = "operational"
    UNKNOWN = "unknown"


class Mix(StrEnum):
    """Of which electricity: what the zone makes, what it uses with imports and exports, or what a contract names."""

    PRODUCTION = "production"
    CONSUMPTION = "consumption"
    CONTRACT = "contract"
    UNKNOWN = "unknown"


class Gases(StrEnum):
    """Which gases are counted."""

    CO2E = "CO2e"
    CO2 = "CO2"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Basis:
    """What an intensity is an intensity of."""

    signal: Signal
    boundary: Boundary
    mix: Mix
    gases: Gases = Gases.CO2E

    def __str__(self) -> str:
        gases = {Gases.CO2E: "", Gases.CO2: ", CO2 only", Gases.UNKNOWN: ", gases unknown"}[self.gases]
        return f"{self.signal}, {self.boundary}, {self.mix}{gases}"

    def unfit(self) -> str:
        """Say why emissions cannot be accounted for by it, or nothing (Scope 2 Guidance, 2015, 6.10 and 6.11)."""
        if self.signal is not Signal.AVERAGE:
            return f"a signal that is {self.signal} cannot be accounted by: only averages can"
        if self.gases is Gases.UNKNOWN:
            return "its gases are not known: CO2e, or CO2 alone"
        return "" if self.boundary is not Boundary.UNKNOWN else "its boundary is not known: lifecycle or operational"

    def unlike(self, other: Basis) -> str:
        """Say why emissions by the one cannot be added to emissions by the other, or nothing; mixes may differ."""
        for what in ("signal", "boundary", "gases"):
            mine, theirs = getattr(self, what), getattr(other, what)
            if mine != theirs:
                return f"{what} {mine} beside {theirs}"
        return ""
