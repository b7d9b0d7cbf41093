"""What a verdict rests on, in lines of a few words: where the energy comes from, costs, quality, runner, entry."""

from __future__ import annotations

from collections.abc import Iterator

from greengate.evidence import Evidence, Provenance
from greengate.quantities import Share
from greengate.report.account import Account, Entry
from greengate.report.comparison import Compared, Comparison, compared
from greengate.report.escaping import plain

ENERGY = "energy_per_1k_inferences"
YEARLY = {"deployment_energy": "energy", "deployment_carbon": "carbon", "deployment_cost": "cost"}
_SHARED = ("method", "runner")
_COSTS = {"macs_per_inference": "MACs", "parameters": "parameters", "model_size": ""}


def footing(entry: Entry) -> Iterator[tuple[str, str]]:
    """Name and text of each line that there is something to say on."""
    comparison = compared(entry)
    lines = _measured(comparison) if comparison else iter(())
    yield from ((name, text) for name, text in lines if text)
    if entry.id:
        yield "entry", plain(entry.id)


def shared(account: Account) -> list[tuple[str, str]]:
    """The lines on method and runner that are the same for every measured model, to be told once."""
    told = [list(footing(entry)) for entry in account.entries if entry.evidence]
    first = told[0] if told else []
    return [line for line in first if line[0] in _SHARED and all(line in lines for lines in told)]


def _measured(comparison: Comparison) -> Iterator[tuple[str, str]]:
    evidence = comparison.evidence
    energy = comparison.of(ENERGY)
    yield "energy", _energy(energy, evidence) if energy else ""
    yield "a year", _listed(comparison, YEARLY, before=True)
    yield "costs", _listed(comparison, _COSTS)
    qualities = {found.name: found.name.removeprefix("quality.") for found in comparison.all("quality.")}
    yield "quality", _listed(comparison, qualities, before=True)
    yield "method", _method(energy.candidate.provenance) if energy else ""
    yield "runner", plain(", ".join((evidence.runner.description, *_versions(evidence))))
    for note in evidence.notes:
        yield "note", plain(note)


def _energy(energy: Compared, evidence: Evidence) -> str:
    provenance, interval = energy.candidate.provenance, energy.candidate.interval
    parts = [f"{energy.span} with {Share(interval.confidence)} confidence" if energy.span else "exact", provenance.kind]
    if evidence.pairs:
        parts.append(f"{len(evidence.pairs)} pairs")
    if evidence.discarded_pairs:
        parts.append(f"{evidence.discarded_pairs} discarded")
    return ", ".join(parts)


def _method(provenance: Provenance) -> str:
    """Say how the energy was found, with its source and what takes away from it."""
    source = f" ({provenance.source})" if provenance.source else ""
    return "; ".join(plain(part) for part in (f"{provenance.method}{source}", *provenance.degraded))


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
