"""What a verdict rests on, in lines of a few words: energy, how it was measured, costs, quality, runner, entry."""

from __future__ import annotations

from collections.abc import Iterator

from greengate.evidence import Evidence
from greengate.quantities import Share
from greengate.report import course, growth, origin, yearly
from greengate.report.account import Account, Entry
from greengate.report.comparison import Compared, Comparison, compared, metric_of
from greengate.report.escaping import plain

ENERGY = "energy_per_1k_inferences"
_SHARED = ("covers", "method", "source", "factors", "market", "runner")
_COSTS = {"macs_per_inference": "MACs", "parameters": "parameters", "model_size": ""}
_MOST_EVENTS = 6
_MOST_GROWN = 3


def footing(entry: Entry) -> Iterator[tuple[str, str]]:
    """Name and text of each line that there is something to say on."""
    comparison = compared(entry)
    lines = _measured(entry, comparison) if comparison else iter(())
    yield from ((name, text) for name, text in lines if text)
    if entry.id:
        yield "entry", plain(entry.id)


def shared(account: Account) -> list[tuple[str, str]]:
    """The lines on boundary, method and runner that are the same wherever there is one, to be told once."""
    told: dict[str, dict[str, None]] = {name: {} for name in _SHARED}
    for entry in account.entries:
        for name, text in footing(entry):
            told.get(name, {})[text] = None
    return [(name, next(iter(texts))) for name, texts in told.items() if len(texts) == 1]


def _measured(entry: Entry, comparison: Comparison) -> Iterator[tuple[str, str]]:
    evidence = comparison.evidence
    if not evidence.voided:
        yield from _energy(comparison)
        for line in yearly.lines(comparison):
            yield "a year", plain(line)
        yield from _factors(evidence)
    yield from _course(entry, evidence)
    yield "costs", _listed(comparison, _COSTS)
    yield "grew by", plain(growth.listed(evidence, _MOST_GROWN))
    qualities = {found.name: found.name.removeprefix("quality.") for found in comparison.all("quality.")}
    yield "quality", _listed(comparison, qualities, before=True)
    yield "runner", plain(runner(evidence))
    for note in evidence.notes:
        yield "note", plain(note)


def _energy(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Say how well the energy is known, what is in it, how it was found, and what other meters say."""
    energy = comparison.of(ENERGY)
    if energy is None:
        return
    provenance, interval = energy.candidate.provenance, energy.candidate.interval
    parts = [f"{energy.span} with {Share(interval.confidence)} confidence" if energy.span else "exact", provenance.kind]
    known = origin.sureness(provenance)
    yield "energy", plain(", ".join(parts) + (f" ({known})" if known else ""))
    yield "covers", plain(origin.covers(provenance))
    yield "method", "; ".join(plain(part) for part in (provenance.method, *provenance.degraded))
    yield "source", plain(provenance.source)
    yield "checks", plain("; ".join(crosschecks(comparison)))


def _factors(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Say by which factors a year was made."""
    said = evidence.conversion
    if said is None:
        return
    traffic = f"{said.inferences_per_year:,.0f} inferences" if said.inferences_per_year is not None else ""
    factors = [f"PUE {said.pue}" if said.pue else "", str(said.intensity or ""), str(said.price or "")]
    pinned = f"{said.factor_set} {said.factor_set_sha256[:12]}" if said.factor_set else ""
    yield "factors", plain("; ".join(part for part in (traffic, *factors, pinned) if part))
    parts = [f"{part.share * 100:.4g}% at {part.factor}" for part in said.market if part.factor != said.intensity]
    yield "market", plain("; ".join((*parts, said.statement) if said.statement else parts))


def _course(entry: Entry, evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Say how the measuring went; what is usual stays out."""
    yield "measured", plain(course.measured(evidence))
    load = course.load(evidence)
    yield "load", str(load) if load and load.unusual else ""
    for finding in entry.verdict.findings:
        started = origin.since(finding, evidence)
        yield "drift", plain(f"{finding.metric} {started}") if started else ""
    told = list(course.events(evidence))
    for words in told[:_MOST_EVENTS]:
        yield "event", plain(words)
    if len(told) > _MOST_EVENTS:
        yield "event", f"{len(told) - _MOST_EVENTS} more, which the JSON report tells"


def crosschecks(comparison: Comparison) -> Iterator[str]:
    """Say what further meters read: `rapl-powercap 1.2 J (1.1 J to 1.3 J, package, counter)`."""
    for meter, figure in comparison.evidence.candidate.crosschecks.items():
        read = Compared(ENERGY, metric_of(ENERGY, comparison.evidence), figure)
        provenance = figure.provenance
        about = ", ".join(part for part in (read.span, provenance.scope, provenance.kind) if part)
        yield f"{meter} {read.figure} ({about})"


def runner(evidence: Evidence) -> str:
    """Name the machine, what its calibration says it can tell apart, and what ran the models."""
    known = [evidence.runner.calibrated] if evidence.runner.calibrated else []
    return ", ".join((evidence.runner.description, *known, *_versions(evidence)))


def _listed(comparison: Comparison, names: dict[str, str], *, before: bool = False) -> str:
    told = []
    for name, word in names.items():
        found = comparison.of(name)
        if found:
            change = f" ({found.change.words})" if found.change else ""
            figure = (plain(word), found.figure) if before else (found.figure, plain(word))
            told.append(" ".join(part for part in figure if part) + change)
    return ", ".join(told)


def _versions(evidence: Evidence) -> Iterator[str]:
    return (f"{name} {version}" for name, version in evidence.runner.runtime.items())
