"""From the energy of 1,000 inferences to emissions, and to a year's energy, emissions and money.

    carbon_per_1k_inferences         = energy_per_1k_inferences / 3.6e6 x PUE x intensity
    carbon_per_1k_inferences_market  = the same with the intensity of the contracts
    embodied_per_1k_inferences       = host x 1000 g x resources x machines / lifetime / (inferences_per_year / 1000)
                                    or host x 1000 g x resources x (1000 / throughput / 3600) / (lifetime x 8760)
    sci_per_1k_inferences            = carbon_per_1k_inferences + embodied_per_1k_inferences
    deployment_energy                = energy_per_1k_inferences x PUE x inferences_per_year / 1000
    deployment_carbon (and _market)  = carbon_per_1k_inferences (and _market) x inferences_per_year / 1000
    deployment_cost                  = deployment_energy / 3.6e6 x price

SCI is ISO/IEC 21031:2024: ((E x I) + M) / R with R = 1,000 inferences and I location-based. Both ends of an interval
are converted like the figure; factors and traffic count as exact, as they are declared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from greengate.conversion import HOURS_A_YEAR, Conversion, Embodied
from greengate.evidence import Class, Figure, Interval, Provenance

ENERGY, THROUGHPUT = "energy_per_1k_inferences", "throughput"
CARBON, CARBON_MARKET = "carbon_per_1k_inferences", "carbon_per_1k_inferences_market"
EMBODIED, SCI, INTENSITY = "embodied_per_1k_inferences", "sci_per_1k_inferences", "grid_intensity"
YEAR_ENERGY, YEAR_COST = "deployment_energy", "deployment_cost"
YEAR_CARBON, YEAR_CARBON_MARKET = "deployment_carbon", "deployment_carbon_market"
MADE = (
    CARBON, CARBON_MARKET, EMBODIED, SCI, INTENSITY, YEAR_ENERGY, YEAR_CARBON, YEAR_CARBON_MARKET, YEAR_COST,
)  # fmt: skip
JOULES_A_KWH = 3.6e6
_DIGITS = 12
_UNDECLARED = "greengate.yaml declares no deployment of this model"


@dataclass(slots=True)
class Projected:
    """Figures by metric, and why others are missing."""

    figures: dict[str, Figure] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def projected(found: Mapping[str, Figure], missing: Mapping[str, str], conversion: Conversion | None) -> Projected:
    """Make all that follows from the energy of 1,000 inferences; what is not declared is missing, never defaulted.

    Args:
        found: The figures of one model: energy in J, throughput in 1/s.
        missing: Why others are missing.
        conversion: Traffic and factors, or None where nothing is declared.
    """
    if conversion is None:
        return Projected(missing=dict.fromkeys(MADE, _UNDECLARED))
    return _Projection(found, missing, conversion).all()


class _Projection:
    """One model's figures while they are made, each from those before it."""

    def __init__(self, found: Mapping[str, Figure], missing: Mapping[str, str], conversion: Conversion) -> None:
        self._found = found
        self._missing = missing
        self._said = conversion
        self._made = Projected()

    def all(self) -> Projected:
        said = self._said
        pue = said.pue.amount if said.pue else None
        grid = said.intensity.amount if said.intensity else None
        price = said.price.amount if said.price else None
        thousands = None if said.inferences_per_year is None else said.inferences_per_year / 1000
        traffic = f"{said.inferences_per_year:g} inferences a year" if said.inferences_per_year is not None else ""
        if said.intensity is not None:
            origin = Provenance(
                kind=Class.DECLARED, method="pinned" if said.intensity.set else "declared by the project"
            )
            told = origin.model_copy(update={"source": str(said.intensity)})
            self._made.figures[INTENSITY] = Figure.exact(said.intensity.amount, told)
        else:
            self._lacks(INTENSITY, ("intensity",))
        by_pue, by_grid = f"PUE {said.pue}", f"{said.intensity}"
        self._scale(CARBON, ENERGY, {"pue": pue, "intensity": grid}, f"{by_pue} x {by_grid}", 1 / JOULES_A_KWH)
        market = {"pue": pue, "intensity": said.market_intensity}
        self._scale(CARBON_MARKET, ENERGY, market, f"{by_pue} x {_contracts(said)}", 1 / JOULES_A_KWH)
        self._embodied(thousands)
        self._sum(SCI, CARBON, EMBODIED)
        years = {"pue": pue, "inferences_per_year": thousands}
        self._scale(YEAR_ENERGY, ENERGY, years, f"{by_pue} x {traffic}")
        self._scale(YEAR_CARBON, CARBON, {"inferences_per_year": thousands}, traffic)
        self._scale(YEAR_CARBON_MARKET, CARBON_MARKET, {"inferences_per_year": thousands}, traffic)
        self._scale(YEAR_COST, YEAR_ENERGY, {"price": price}, f"{said.price}", 1 / JOULES_A_KWH)
        return self._made

    def _scale(self, onto: str, name: str, factors: Mapping[str, float | None], words: str, unit: float = 1.0) -> None:
        """Multiply a figure by factors; one that is None is named as what the deployment does not say."""
        if lacking := tuple(what for what, factor in factors.items() if factor is None):
            self._lacks(onto, lacking)
            return
        figure = self._figure(name)
        if isinstance(figure, str):
            self._made.missing[onto] = figure
            return
        factor = unit
        for told in factors.values():
            factor *= told or 0.0
        self._made.figures[onto] = _converted(figure, lambda amount: amount * factor, f"{name} x {words}")

    def _embodied(self, thousands: float | None) -> None:
        said = self._said.embodied
        if said is None:
            self._lacks(EMBODIED, ("embodied",))
        elif said.machines is not None and thousands is None:
            self._lacks(EMBODIED, ("inferences_per_year",))
        elif said.machines is not None and thousands is not None:
            amount = said.host.amount * 1000 * said.resources * said.machines / said.lifetime_years / thousands
            words = f"{_share(said)} x {said.machines} all year / {thousands * 1000:g} inferences"
            origin = Provenance(kind=Class.DECLARED, method=words, source=str(said.host))
            self._made.figures[EMBODIED] = Figure.exact(amount, origin)
        else:
            self._while_running(said)

    def _while_running(self, said: Embodied) -> None:
        speed = self._figure(THROUGHPUT)
        if isinstance(speed, str):
            self._made.missing[EMBODIED] = speed
            return
        grams_an_hour = said.host.amount * 1000 * said.resources / (said.lifetime_years * HOURS_A_YEAR)
        words = f"{_share(said)} x hours of 1,000 inferences at the throughput measured"
        interval = speed.interval
        turned = Interval(low=1 / interval.high, high=1 / interval.low, confidence=interval.confidence)
        figure = speed.model_copy(update={"amount": 1 / speed.amount, "interval": turned})
        found = _converted(figure, lambda seconds: grams_an_hour * 1000 * seconds / 3600, words)
        update = {"source": str(said.host), "method": words, "kind": Class.MODELLED}
        provenance = found.provenance.model_copy(update=update)
        self._made.figures[EMBODIED] = found.model_copy(update={"provenance": provenance})

    def _sum(self, onto: str, *names: str) -> None:
        figures = [self._figure(name) for name in names]
        lacking = [figure for figure in figures if isinstance(figure, str)]
        parts = [figure for figure in figures if isinstance(figure, Figure)]
        if lacking:
            self._made.missing[onto] = lacking[0]
            return
        # Each interval may miss on its own: the sum is as sure as both together are in any case.
        confidence = 1 - sum(1 - part.interval.confidence for part in parts if not part.interval.exact)
        low, high = (sum(getattr(part.interval, end) for part in parts) for end in ("low", "high"))
        provenance = parts[0].provenance.model_copy(update={"method": " + ".join(names)})
        interval = Interval(low=low, high=high, confidence=round(confidence, _DIGITS))
        self._made.figures[onto] = Figure(
            amount=sum(part.amount for part in parts), interval=interval, provenance=provenance
        )

    def _figure(self, name: str) -> Figure | str:
        # What is made here is never taken from figures that were made by other factors.
        found = self._made.figures.get(name) if name in MADE else self._found.get(name)
        return found or self._made.missing.get(name) or self._missing.get(name) or f"there is no figure for {name}"

    def _lacks(self, onto: str, what: tuple[str, ...]) -> None:
        self._made.missing[onto] = f"the deployment in greengate.yaml does not say its {', '.join(what)}"


def _converted(figure: Figure, convert: Callable[[float], float], words: str) -> Figure:
    provenance = figure.provenance.model_copy(update={"method": words})
    ends = {"low": convert(figure.interval.low), "high": convert(figure.interval.high)}
    interval = Interval(**ends, confidence=figure.interval.confidence)
    return Figure(amount=convert(figure.amount), interval=interval, provenance=provenance)


def _share(said: Embodied) -> str:
    return f"{said.host} x {said.resources:g} of the host / {said.lifetime_years:g} years"


def _contracts(said: Conversion) -> str:
    return " + ".join(f"{part.share:.4g} x {part.factor}" for part in said.market)
