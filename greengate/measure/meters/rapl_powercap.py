"""RAPL by the kernel's powercap tree: joules by package and, where there is a zone for it, of its memory.

Source: Linux, Documentation/power/powercap/powercap.rst and drivers/powercap/intel_rapl_common.c; AMD's counters appear
under the same names. A zone's `enabled` tells whether its power is limited, not whether it counts; it is not looked at.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from greengate.measure.meters.rapl import OUTSIDE, Machine, Read, facts, fault, number
from greengate.ports import Fault, MeterFacts, NotHere, Sample

POWERCAP = Path("/sys/class/powercap")
_COUNTER_STEPS = 2**32 - 1  # `max_energy_range_uj` is that many energy units: the counter has 32 bits
_RULE = (
    'in /etc/udev/rules.d/70-rapl.rules, `SUBSYSTEM=="powercap", KERNEL=="intel-rapl*:*", '
    'RUN+="/bin/chgrp GROUP /sys%p/energy_uj", RUN+="/bin/chmod 0440 /sys%p/energy_uj"`, then '
    "`sudo udevadm control --reload; sudo udevadm trigger --subsystem-match=powercap` (not 0444: it is a side channel)"
)
_GRANT = (
    "run as root, or give the runner's service CAP_DAC_READ_SEARCH, or let the runner's group read the counters: "
    f"{_RULE}"
)
_GRANT_INSIDE = (
    "run the container as root (user 0; a rootless one cannot), or start it with --group-add and the number of a group "
    f"that the host lets read the counters: {_RULE}"
)
_UNMASK = (
    "docker run --security-opt systempaths=unconfined, podman run --security-opt unmask=/sys/devices/virtual/powercap, "
    "or a privileged pod; a mount onto the masked path is masked as well"
)


@dataclass(frozen=True, slots=True)
class _Zone:
    domain: str
    energy_uj: Path
    range_uj: int


class PowercapMeter:
    """RAPL by powercap; a `ports.Meter`.

    Args:
        root: The folder with the zones, flat as in /sys/class/powercap or nested as in /sys/devices/virtual/powercap.
        system: The root of the file system that /proc/cpuinfo and the marks of a container are looked for in.
        read: Reads a file; raises OSError.
    """

    def __init__(self, root: Path | str = POWERCAP, system: Path = Path("/"), read: Read = Path.read_bytes) -> None:
        self._root = Path(root)
        self._system = system
        self._read = read
        self._zones: tuple[_Zone, ...] = ()

    def probe(self) -> MeterFacts | NotHere:
        """Look for zones that can be read here; memory whose zone cannot be is left out, and said to be."""
        self._zones = ()
        machine = Machine.look(self._system)
        names = self._names(machine)
        if isinstance(names, NotHere):
            return names
        folders = _domains(names, machine)
        if not folders:
            seen = ", ".join(sorted({name for _, name in names.values()}))
            return NotHere(f"none of the zones in {self._root} is a package, only: {seen}", OUTSIDE)
        zones, left_out = [], []
        for domain, folder in folders.items():
            zone = self._zone(domain, folder, machine)
            if isinstance(zone, _Zone):
                zones.append(zone)
            elif domain.startswith("dram"):
                left_out.append(f"{domain} is left out: {zone.why}")
            else:
                return zone
        self._zones = tuple(zones)
        return facts(
            "rapl-powercap",
            [zone.domain for zone in zones],
            machine,
            resolution=max(zone.range_uj for zone in zones) / _COUNTER_STEPS / 1e6,
            wraps_j={zone.domain: zone.range_uj / 1e6 for zone in zones},
            degraded=tuple(left_out),
        )

    def sample(self) -> Sample | Fault:
        """Read every counter once."""
        at_s = time.monotonic()
        if not self._zones:
            return Fault("unreadable", "no zone of RAPL was found when it was probed", at_s)
        values = {}
        for zone in self._zones:
            try:
                raw = self._read(zone.energy_uj)
            except OSError as error:
                return fault(error, str(zone.energy_uj), at_s)
            count = number(raw)
            if count is None:
                return Fault("malformed", _not_a_count(zone.energy_uj, raw), at_s)
            values[zone.domain] = count / 1e6
        return Sample(at_s, values)

    def close(self) -> None:
        """Nothing is held between two looks."""

    def _names(self, machine: Machine) -> dict[str, tuple[Path, str]] | NotHere:
        """Find the zones by the name of their folder, such as intel-rapl:0:2, with their own, such as dram."""
        mount = "/sys/class/powercap and /sys/devices/virtual/powercap"
        try:
            folders = _zone_folders(self._root)
        except FileNotFoundError:
            return machine.without(f"{self._root} does not exist", mount, "intel_rapl_msr")
        except OSError as error:
            return NotHere(f"{self._root} cannot be listed: {error.strerror}", _grant(machine))
        if not folders:
            return machine.without(f"{self._root} holds no intel-rapl zone", mount, "intel_rapl_msr")
        names = {}
        for zone, folder in folders.items():
            try:
                names[zone] = folder, self._read(folder / "name").decode("ascii", "replace").strip()
            except FileNotFoundError:
                why = f"{folder} leads nowhere: the container's runtime masks /sys/devices/virtual/powercap"
                return NotHere(why, _UNMASK)
            except OSError as error:
                return NotHere(f"{folder / 'name'} cannot be read: {error.strerror}", _grant(machine))
        return names

    def _zone(self, domain: str, folder: Path, machine: Machine) -> _Zone | NotHere:
        counts = {}
        for path in (folder / "energy_uj", folder / "max_energy_range_uj"):
            try:
                raw = self._read(path)
            except PermissionError:
                why = f"{path} may be read by root only, as Linux has it since CVE-2020-8694"
                return NotHere(why, _grant(machine))
            except OSError as error:
                return NotHere(f"{path} cannot be read: {error.strerror}", OUTSIDE)
            count = number(raw)
            if count is None:
                return NotHere(_not_a_count(path, raw), OUTSIDE)
            if count == 0:
                return NotHere(f"{path} says 0: firmware or hypervisor do not run this counter", OUTSIDE)
            counts[path.name] = count
        return _Zone(domain, folder / "energy_uj", counts["max_energy_range_uj"])


def _zone_folders(folder: Path) -> dict[str, Path]:
    found = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("intel-rapl"):
            if ":" in entry.name:
                found[entry.name] = entry
            if entry.is_dir():
                found.update({zone: path for zone, path in _zone_folders(entry).items() if zone not in found})
    return found


def _domains(names: Mapping[str, tuple[Path, str]], machine: Machine) -> dict[str, Path]:
    """Choose each package once, and its memory.

    Cores and uncore are inside the package, and psys is around it. The registers come before the same package by MMIO.
    Linux 6.10 and 6.11 list every die of an AMD package although all show the package's counter.
    """
    found: dict[str, Path] = {}
    for zone in sorted(names, key=lambda zone: (not zone.startswith("intel-rapl:"), zone)):
        folder, name = names[zone]
        _, parent = names.get(zone.rpartition(":")[0], (folder, ""))
        if name == "dram" and parent.startswith("package-"):
            domain = parent.replace("package", "dram", 1)
        elif name.startswith("package-"):
            domain = name
        else:
            continue
        found.setdefault(domain if machine.counts_by_die else domain.partition("-die-")[0], folder)
    return found


def _grant(machine: Machine) -> str:
    return _GRANT_INSIDE if machine.container else _GRANT


def _not_a_count(path: Path, raw: bytes) -> str:
    return f"{path} says {raw[:40].decode('ascii', 'backslashreplace').strip()!r}, not a count of microjoules"
