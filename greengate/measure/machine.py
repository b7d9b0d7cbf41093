"""Which machine this is: what tells its kind from others, and what else is worth saying of it.

The kind is what decides how fast a processor runs and what it draws: the processor as CPUID (or the ARM identification
registers) tells it, how many threads, how much memory, which graphics cards, and whether a hypervisor lies in between.
Kernel and runtime are no part of it: they change every week on the same machine, and evidence carries them beside it.
Two machines that are bought or rented alike are of one kind, so that a fleet of equal runners shares a profile.
"""

from __future__ import annotations

import math
import os
import platform
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Self

from greengate.evidence import Runner
from greengate.ledger import canonical
from greengate.measure.modelled import Processor

_GIB = 2**30
_ARM = ("CPU implementer", "CPU part", "CPU variant", "CPU revision")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a machine is known by.

    Attributes:
        vendor: CPUID's vendor; "unknown" where the processor has no CPUID.
        family: Family, model and stepping by CPUID; -1 where it has none.
        parts: ARM processors by implementer, part, variant and revision; empty for others.
        threads: Hardware threads that the system sees.
        memory_gib: Memory, rounded up to what was bought (see `bought_gib`).
        accelerators: Names of NVIDIA's graphics cards that the driver shows here, one each.
    """

    architecture: str
    vendor: str
    family: int
    model: int
    stepping: int
    parts: tuple[str, ...]
    threads: int
    memory_gib: int
    virtual: bool
    accelerators: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over its canonical JSON."""
        return canonical.digest(canonical.encode(asdict(self)))

    def differing(self, other: Kind) -> list[str]:
        """Say in what this one differs from another: `threads 4, not 2`."""
        values = [
            (one.name.replace("_gib", ""), getattr(self, one.name), getattr(other, one.name)) for one in fields(self)
        ]
        return [f"{name} {_told(mine)}, not {_told(theirs)}" for name, mine, theirs in values if mine != theirs]


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine: its kind, its processor by name, and its system and kernel."""

    kind: Kind
    processor: Processor
    system: str

    @classmethod
    def here(cls, proc: Path = Path("/proc")) -> Self:
        """Look at this machine; what it does not tell is "unknown", -1 or 0."""
        text = _text(proc / "cpuinfo")
        processor = Processor.parse(text)
        rows = [(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in text.splitlines())]
        kind = Kind(
            architecture=platform.machine(),
            vendor=processor.vendor,
            family=processor.family,
            model=processor.model,
            stepping=processor.stepping,
            parts=_parts(rows),
            threads=processor.threads if "processor" in dict(rows) else os.cpu_count() or 1,
            memory_gib=bought_gib(_memory_bytes(_text(proc / "meminfo"))),
            virtual=any(key == "flags" and "hypervisor" in value.split() for key, value in rows),
            accelerators=_accelerators(proc / "driver/nvidia/gpus"),
        )
        return cls(kind, processor, f"{platform.system()} {platform.machine()}")

    def __str__(self) -> str:
        return f"{self.processor}, {self.system}"

    @property
    def runner(self) -> Runner:
        """What evidence says of this machine, before anybody has calibrated it."""
        return Runner(fingerprint=self.kind.fingerprint, description=str(self))


@cache
def here() -> Machine:
    """Return this machine; it is looked at once."""
    return Machine.here()


def bought_gib(size_bytes: int) -> int:
    """Round the memory that a kernel has left for itself and others up to what the machine was sold with.

    Firmware and kernel keep one or two percent, more or less from version to version; steps of a sixteenth to a
    thirty-second of the whole are wider than that and narrower than what machines are sold with.
    """
    if size_bytes <= 0:
        return 0
    step: int = max(1, 2 ** (math.floor(math.log2(max(size_bytes / _GIB, 1))) - 4))
    return math.ceil(size_bytes / _GIB / step) * step


def _parts(rows: list[tuple[str, str]]) -> tuple[str, ...]:
    cores: list[list[str]] = []
    for key, value in rows:
        if key == _ARM[0]:
            cores.append([])
        if key in _ARM and cores:
            cores[-1].append(value)
    return tuple(sorted({"/".join(core) for core in cores}))


def _accelerators(folder: Path) -> tuple[str, ...]:
    told = [_text(file) for file in sorted(folder.glob("*/information"))]
    lines = [line.partition(":") for text in told for line in text.splitlines()]
    return tuple(sorted(value.strip() for key, _, value in lines if key.strip() == "Model"))


def _memory_bytes(meminfo: str) -> int:
    words = next((line.split() for line in meminfo.splitlines() if line.startswith("MemTotal:")), [])
    return int(words[1]) * 1024 if len(words) > 1 and words[1].isdecimal() else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return " and ".join(value) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
