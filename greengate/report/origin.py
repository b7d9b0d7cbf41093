"""Where a figure comes from and how well it is known, in words for people who do not measure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from greengate.evidence import Earlier, Evidence, Provenance
from greengate.report.comparison import metric_of
from greengate.verdict import Finding

_COVERAGE = 2.0  # standard uncertainties; about 95% (GUM, 6.3.3)


def covers(provenance: Provenance) -> str:
    """Say what is in the figure: `process, net of idle: the processor's share; without memory`."""
    net = {True: "net of idle", False: "idle power included", None: ""}[provenance.net_of_idle]
    head = ", ".join(part for part in (provenance.scope, net) if part)
    return ": ".join(part for part in (head, provenance.boundary) if part)


def sureness(provenance: Provenance) -> str:
    """Say how well the figure is known by itself, in short: `scatter 1.5%, scale x/2`."""
    parts = (("scatter", _scatter(provenance)), ("scale", _scale(provenance, "x/")))
    return ", ".join(f"{name} {told}" for name, told in parts if told)


def uncertainty(provenance: Provenance) -> str:
    """Say the same at length, with the names that standards have for it (JCGM 100:2008)."""
    scatter, scale = _scatter(provenance), _scale(provenance, "a factor of ")
    count = f" of {provenance.blocks} readings" if provenance.blocks else ""
    parts = [f"{scatter} from the scatter{count} (type A)"] if scatter else []
    parts += [f"{scale} from the scale (type B)"] if scale else []
    return f"{', '.join(parts)}, either way, at two standard uncertainties each" if parts else ""


def _scatter(provenance: Provenance) -> str:
    return "" if provenance.type_a is None else _percent(_COVERAGE * provenance.type_a)


def _scale(provenance: Provenance, factor: str) -> str:
    """Write type B; that of a coefficient is the standard deviation of its logarithm."""
    if provenance.type_b is None:
        return ""
    spread = _COVERAGE * provenance.type_b
    return f"{factor}{math.exp(spread):.2g}" if provenance.kind.estimated else _percent(spread)


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"


@dataclass(frozen=True, slots=True)
class Since:
    """What a drift finding starts from: its label, the figure it had in the metric's base unit, and words to print."""

    since: str
    label: str
    origin: str
    changes: int
    amount: float | None
    figure: str
    change: str

    def __str__(self) -> str:
        then = f", then {self.figure}" if self.figure else ""
        how = "measured beside it in the same run"
        if self.origin == "chain":
            how = f"chained over {self.changes} accepted change{'' if self.changes == 1 else 's'} and this one"
        return f"{self.change} since {self.label}{then}; {how}"


def since(finding: Finding, evidence: Evidence | None) -> Since | None:
    """Tell what a drift finding starts from, where it could be compared."""
    if evidence is None or finding.kind != "drift" or finding.amount is None:
        return None
    earlier = next((one for one in evidence.earlier if finding.limit.endswith(f" since {one.since}")), None)
    if earlier is None:
        return None
    metric = metric_of(finding.metric, evidence)
    amount = _then(finding, earlier, evidence)
    return Since(
        since=earlier.since,
        label=earlier.label or earlier.since,
        origin=earlier.origin,
        changes=len(earlier.links),
        amount=amount,
        figure="" if amount is None or metric is None else metric.in_words(amount),
        change=finding.figure.rpartition("(")[2].rstrip(")"),  # "2.34 mJ (+21.9%)", or the change alone
    )


def _then(finding: Finding, earlier: Earlier, evidence: Evidence) -> float | None:
    """Find the earlier model's figure: an exact one as it is, else what the ratio leaves of the candidate's."""
    if earlier.subject and finding.metric in earlier.subject.figures:
        return earlier.subject.figures[finding.metric].amount
    metric, candidate = metric_of(finding.metric, evidence), evidence.candidate.figures.get(finding.metric)
    if metric is None or not metric.paired or candidate is None or not finding.amount:
        return None
    return candidate.amount / finding.amount
