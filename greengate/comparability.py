"""What makes the figures of two models comparable, and what a reader should know where they are not quite alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from greengate.evidence import Subject
from greengate.measure.protocol import BASELINE, CANDIDATE
from greengate.ports import Examination, ModelSpec, Port

_OTHER_WIDTH = 1.2


def incomparable(seen: Mapping[str, Examination], other: str) -> list[str]:
    """Say in what the candidate and another model differ so that their figures cannot be compared."""
    if other not in seen:
        return []
    candidate, baseline = seen[CANDIDATE], seen[other]
    differing = []
    if candidate.inputs != baseline.inputs:
        words = f"inputs: the candidate takes {_ports(candidate.inputs)}, the {other} {_ports(baseline.inputs)}"
        differing.append(words)
    if candidate.runtime != baseline.runtime:
        differing.append(f"runtime: {_words(candidate.runtime)} against {_words(baseline.runtime)}")
    return differing


def terms(spec: ModelSpec, examination: Examination) -> str:
    """Tell apart what a run is: two ratios that were measured with different inputs are not of one kind."""
    file = hashlib.sha256(spec.inputs.read_bytes()).hexdigest() if spec.inputs else ""
    said = (_ports(examination.inputs), sorted(spec.ranges.items()), spec.batch, file)
    return hashlib.sha256(repr(said).encode()).hexdigest()


def same_file(seen: Mapping[str, Examination]) -> list[str]:
    """Say so where nothing has changed."""
    if BASELINE not in seen or seen[CANDIDATE].digest != seen[BASELINE].digest:
        return []
    return [
        f"candidate and baseline are the same file (SHA-256 {seen[CANDIDATE].digest[:12]}…): nothing could get worse"
    ]


def other_batch(spec: ModelSpec, examination: Examination) -> list[str]:
    """Say so where every input has the same leading size and it is not the declared batch: one of them may be wrong."""
    sizes = {port.shape[0] if port.shape else 1 for port in examination.inputs}
    if len(sizes) != 1 or sizes == {spec.batch}:
        return []
    return [f"every input has a leading size of {sizes.pop()}, and one run counts as {spec.batch} inferences (`batch`)"]


def other_kernels(judged: Mapping[str, Subject]) -> list[str]:
    """Say so where weights differ in width: other instructions draw another power than CPU seconds can tell."""
    widths = {name: width for name, subject in judged.items() if (width := _bytes_a_weight(subject))}
    if len(widths) < 2 or max(widths.values()) < _OTHER_WIDTH * min(widths.values()):
        return []
    told = ", ".join(f"{width:.1f} bytes in the {name}" for name, width in widths.items())
    assumed = "the ratio of CPU seconds stands for that of energy only to some 10%, by assumption"
    return [f"a weight takes {told}: their kernels differ, so that {assumed}"]


def _bytes_a_weight(subject: Subject) -> float:
    sizes, counts = (subject.figures.get(name) for name in ("weight_bytes", "parameters"))
    return sizes.amount / counts.amount if sizes and counts and counts.amount else 0.0


def _ports(ports: Sequence[Port]) -> str:
    return ", ".join(f"{port.name} {port.dtype}{list(port.shape)}" for port in ports)


def _words(runtime: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(runtime.items()))
