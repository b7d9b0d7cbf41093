"""RAPL, the energy counters of Intel and AMD processors: what both ways of reading them share.

The counters cover whole processor packages, so everything that ran on them, not one process.

Sources:
    Intel SDM vol. 3B, section 16.10: domains, energy unit, renewal about every millisecond.
    Hähnel et al., Measuring energy consumption for short code paths using RAPL, 2012: the ends of short windows.
    Hackenberg et al., An energy efficiency feature survey of the Intel Haswell processor, 2015: measured from then on.
    Khan et al., RAPL in action: experiences in using RAPL for power measurements, 2018: against wall power.
    Schöne et al., Energy efficiency aspects of the AMD Zen 2 architecture, 2021: modelled there, not measured.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from greengate.evidence import Class
from greengate.measure.modelled import Processor
from greengate.ports import Fault, MeterFacts, NotHere

INTEL = "GenuineIntel"
# Relative standard uncertainty. Neither vendor states one: an assumption in view of the studies above.
GAIN = {INTEL: 0.05, "AuthenticAMD": 0.10, "HygonGenuine": 0.10}
PERIOD_S = 0.001
# A thousand renewals: the ends of a window, each off by one renewal at most, then cost 0.2%.
SHORTEST_WINDOW_S = 1.0
SOURCE = (
    "renewal and unit: Intel SDM vol. 3B 16.10; window: Hähnel et al. 2012; "
    "gain: assumed in view of Khan et al. 2018 (Intel), Schöne et al. 2021 (AMD)"
)
OUTSIDE = (
    "measure on bare metal, or name a meter outside the machine in the project file "
    "(Redfish, IPMI, a smart plug, or a Prometheus query to the host)"
)
_CONTAINER_MARKS = (".dockerenv", "run/.containerenv", "var/run/secrets/kubernetes.io")
_UNREADABLE = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.EBADF)

Read = Callable[[Path], bytes]


@dataclass(frozen=True, slots=True)
class Machine:
    """What decides whether RAPL can be there: the vendor as CPUID names it, and what is between it and this process."""

    vendor: str
    guest: bool = False
    container: bool = False
    sgx: bool = False

    @classmethod
    def look(cls, system: Path) -> Self:
        """Look at `proc/cpuinfo` and at the marks of containers below the root of a file system."""
        try:
            cpuinfo = (system / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            cpuinfo = ""
        flags = next((line.split() for line in cpuinfo.splitlines() if line.startswith("flags")), [])
        return cls(
            vendor=Processor.parse(cpuinfo).vendor,
            guest="hypervisor" in flags,
            container=any((system / mark).exists() for mark in _CONTAINER_MARKS),
            sgx="sgx" in flags,
        )

    @property
    def counts_by_die(self) -> bool:
        """Whether each die of a package has counters of its own; on AMD all dies show those of the package."""
        return self.vendor == INTEL

    def without(self, what: str, mount: str, module: str) -> NotHere:
        """Tell why `what` is not there; `mount` would bring it into a container, `module` into the kernel."""
        if self.vendor not in GAIN:
            named = "/proc/cpuinfo names neither vendor"
            return NotHere(f"{what}: RAPL is a counter of Intel and AMD processors under Linux, and {named}", OUTSIDE)
        if self.guest:
            guest = "this is a virtual machine, as hosted runners are (flag `hypervisor` in /proc/cpuinfo)"
            return NotHere(f"{what}: {guest}, and hypervisors do not pass RAPL on", OUTSIDE)
        load = f"sudo modprobe {module} (it serves AMD, too; a processor newer than the kernel needs a newer kernel)"
        if self.container:
            why = f"{what}: the container does not show it, or the host has none"
            return NotHere(why, f"mount the host's {mount} read-only; if the host has none either, there: {load}")
        return NotHere(f"{what}: the kernel's driver of RAPL is not loaded, or was not built", load)


def facts(  # noqa: PLR0913 - what the two ways of reading differ in
    name: str,
    domains: Iterable[str],
    machine: Machine,
    *,
    resolution: float,
    wraps_j: Mapping[str, float],
    degraded: tuple[str, ...] = (),
) -> MeterFacts:
    """Describe a way to read RAPL; `resolution` in J, `domains` named package-<socket> or dram-<socket>."""
    within = {domain: _contents(domain) for domain in domains}
    memory = "" if any(domain.startswith("dram") for domain in within) else "memory, "
    return MeterFacts(
        id=name,
        kind=Class.COUNTER,
        scope="package",
        domains=within,
        excludes=f"{memory}accelerators, disks, network, mainboard, fans, losses of the power supply",
        reading="energy",
        resolution=resolution,
        period_s=PERIOD_S,
        shortest_window_s=SHORTEST_WINDOW_S,
        gain=GAIN.get(machine.vendor, max(GAIN.values())),
        source=SOURCE,
        wraps_j=wraps_j,
        degraded=(*degraded, *_doubts(machine)),
    )


def number(raw: bytes) -> int | None:
    """Read a count as sysfs writes it, or return None where it is not one."""
    text = raw.decode("ascii", "replace").strip()
    return int(text) if text.isascii() and text.isdecimal() else None


def fault(error: OSError, what: str, at_s: float) -> Fault:
    """Give a failed look at a counter its name."""
    name = "timeout" if isinstance(error, TimeoutError) else "device-error"
    if error.errno in _UNREADABLE:
        name = "unreadable"
    return Fault(name, f"{what}: {error.strerror or error}", at_s)


def _contents(domain: str) -> str:
    if domain.startswith("dram"):
        return "the memory modules of that package"
    return "all of the processor package: cores, caches, memory controller, integrated graphics"


def _doubts(machine: Machine) -> tuple[str, ...]:
    doubts = {
        "SGX is on: the processor then blurs its RAPL readings against side channels (INTEL-SA-00389)": machine.sgx,
        "in a virtual machine the hypervisor makes these readings up from its own": machine.guest,
    }
    return tuple(words for words, applies in doubts.items() if applies)
