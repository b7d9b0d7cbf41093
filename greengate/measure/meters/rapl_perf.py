"""RAPL by perf events: joules by package and, where the processor counts it, of its memory.

The kernel adds up the 32-bit counters by a timer of its own, so that what is read here has 64 bits and never wraps.

Source: Linux, arch/x86/events/rapl.c; perf_event_open(2); Documentation/admin-guide/perf-security.rst.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from greengate.measure.meters.rapl import OUTSIDE, Machine, Read, facts, fault
from greengate.ports import Fault, MeterFacts, NotHere, Sample

DEVICES = Path("/sys/bus/event_source/devices")
_EVENTS = {"energy-pkg": "package", "energy-ram": "dram"}
# 2^-14 J, the coarsest unit the SDM gives; perf counts in finer steps, and does not tell the processor's own.
_RESOLUTION_J = 2**-14
_SYSCALLS = {"x86_64": 298}
_CLOSE_ON_EXEC = 8
_ATTR_SIZE = 64  # PERF_ATTR_SIZE_VER0

Open = Callable[[bytes, int], int]


@dataclass(frozen=True, slots=True)
class _Event:
    config: int
    scale: float


@dataclass(frozen=True, slots=True)
class _Counter:
    domain: str
    descriptor: int
    scale: float


def open_event(attributes: bytes, cpu: int) -> int:
    """Open a counter for all that runs on one CPU, and return its descriptor.

    Args:
        attributes: A `struct perf_event_attr`.
        cpu: Number of the CPU.

    Raises:
        OSError: The kernel refuses, or the call is not known for this architecture.
    """
    import ctypes  # noqa: PLC0415 - only where there is something to open
    import platform  # noqa: PLC0415 - likewise

    call = _SYSCALLS.get(platform.machine())
    if call is None or sys.platform != "linux" or sys.maxsize < 2**32:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    kernel = ctypes.CDLL(None, use_errno=True).syscall
    kernel.restype = ctypes.c_long
    any_process, no_group = ctypes.c_long(-1), ctypes.c_long(-1)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    flags = ctypes.c_ulong(_CLOSE_ON_EXEC)
    descriptor = int(kernel(ctypes.c_long(call), buffer, any_process, ctypes.c_long(cpu), no_group, flags))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return descriptor


class PerfMeter:
    """RAPL by perf events; a `ports.Meter`.

    Args:
        root: The folder with the kernel's event sources.
        system: The root of the file system with /proc, /sys/devices/system and the marks of a container.
        opener: Opens a counter on a CPU, as `open_event` does.
        read: Reads a file; raises OSError.
    """

    def __init__(
        self,
        root: Path | str = DEVICES,
        system: Path = Path("/"),
        opener: Open = open_event,
        read: Read = Path.read_bytes,
    ) -> None:
        self._device = Path(root) / "power"
        self._system = system
        self._open = opener
        self._files = _Files(read)
        self._counters: tuple[_Counter, ...] = ()

    def probe(self) -> MeterFacts | NotHere:
        """Open a counter for each package, and keep them open until `close`."""
        self.close()
        machine = Machine.look(self._system)
        try:
            if not self._device.exists():
                return machine.without(f"{self._device} does not exist", "/sys", "rapl")
            kind = self._files.number(self._device / "type")
            events = _events(self._files, self._device)
            places = _places(self._files, self._device / "cpumask", self._system, machine)
        except OSError as error:
            return NotHere(f"{error.filename or self._device} cannot be read: {error.strerror}", OUTSIDE)
        except ValueError as error:
            return NotHere(str(error), OUTSIDE)
        if "energy-pkg" not in events:
            return NotHere(f"{self._device} is there, but has no event energy-pkg", OUTSIDE)
        try:
            for name, event in events.items():
                for place, cpu in places.items():
                    descriptor = self._open(_attributes(kind, event.config), cpu)
                    self._counters += (_Counter(_EVENTS[name] + place, descriptor, event.scale),)
        except OSError as error:
            self.close()
            return _refused(error, machine, self._paranoia())
        domains = [counter.domain for counter in self._counters]
        return facts("rapl-perf", domains, machine, resolution=_RESOLUTION_J, wraps_j={})

    def sample(self) -> Sample | Fault:
        """Read every counter once; they count from when they were opened."""
        at_s = time.monotonic()
        if not self._counters:
            return Fault(
                "unreadable", "no counter of RAPL is open: not found when it was probed, or closed since", at_s
            )
        values = {}
        for counter in self._counters:
            try:
                raw = os.read(counter.descriptor, 8)
            except OSError as error:
                return fault(error, f"perf event of {counter.domain}", at_s)
            if not raw:
                return Fault("device-error", f"perf event of {counter.domain}: the kernel has switched it off", at_s)
            if len(raw) < 8:
                return Fault("malformed", f"perf event of {counter.domain}: {len(raw)} bytes instead of 8", at_s)
            values[counter.domain] = int.from_bytes(raw, sys.byteorder) * counter.scale
        return Sample(at_s, values)

    def close(self) -> None:
        """Close every counter."""
        for counter in self._counters:
            with contextlib.suppress(OSError):
                os.close(counter.descriptor)
        self._counters = ()

    def _paranoia(self) -> str:
        try:
            return self._files.text(self._system / "proc/sys/kernel/perf_event_paranoid")
        except OSError:
            return "not readable"


@dataclass(frozen=True, slots=True)
class _Files:
    """Small files of sysfs, checked; raises OSError, and ValueError with words where one says something unexpected."""

    read: Read

    def text(self, path: Path) -> str:
        return self.read(path).decode("ascii", "backslashreplace").strip()

    def number(self, path: Path) -> int:
        return int(self.matched(path, "[0-9]+", "a number"))

    def matched(self, path: Path, pattern: str, wanted: str) -> str:
        text = self.text(path)
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{path} says {text[:40]!r}, not {wanted}")
        return text


def _events(files: _Files, device: Path) -> dict[str, _Event]:
    return {name: _event(files, device / "events" / name) for name in _EVENTS if (device / "events" / name).exists()}


def _event(files: _Files, path: Path) -> _Event:
    files.matched(path.with_name(f"{path.name}.unit"), "Joules", "Joules")
    scale = path.with_name(f"{path.name}.scale")
    return _Event(
        config=int(files.matched(path, "event=0x[0-9a-fA-F]{1,2}", "event=0x and a number").removeprefix("event="), 16),
        scale=float(files.matched(scale, r"[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", "the joules of one count")),
    )


def _places(files: _Files, cpumask: Path, system: Path, machine: Machine) -> dict[str, int]:
    """Find one CPU for each counter, by its place, such as -0 for socket 0, or -0-die-1 where dies count apart.

    Linux 6.10 and 6.11 name a CPU of every die of an AMD package, although all show the package's counter.
    """
    span = "[0-9]+(-[0-9]+)?"
    cpus = _cpus(files.matched(cpumask, f"{span}(,{span})*", "a list of CPUs"))
    topology = {cpu: system / f"sys/devices/system/cpu/cpu{cpu}/topology" for cpu in cpus}
    sockets = {cpu: files.number(folder / "physical_package_id") for cpu, folder in topology.items()}
    places: dict[str, int] = {}
    for cpu, socket in sockets.items():
        alone = list(sockets.values()).count(socket) == 1 or not machine.counts_by_die
        place = f"-{socket}" if alone else f"-{socket}-die-{files.number(topology[cpu] / 'die_id')}"
        places.setdefault(place, cpu)
    return places


def _cpus(text: str) -> list[int]:
    spans = [span.partition("-") for span in text.split(",")]
    return [cpu for low, _, high in spans for cpu in range(int(low), int(high or low) + 1)]


def _attributes(kind: int, config: int) -> bytes:
    """Make a `struct perf_event_attr`: count from the start on, in every mode, since RAPL knows no modes."""
    return struct.pack("=IIQ48x", kind, _ATTR_SIZE, config)


def _refused(error: OSError, machine: Machine, paranoia: str) -> NotHere:
    said = f"the kernel refused to open the counters ({error.strerror})"
    if error.errno == errno.ENOSYS:
        why = f"{said}: this kernel or sandbox has no perf_event_open, or a seccomp profile answers so"
        return NotHere(why, _grant(machine) if machine.container else "use a kernel with CONFIG_PERF_EVENTS")
    if error.errno in {errno.ENOENT, errno.ENODEV, errno.EINVAL, errno.EOPNOTSUPP}:
        return NotHere(f"{said}: it lists RAPL's events, but does not count them", "sudo modprobe rapl")
    if error.errno not in {errno.EACCES, errno.EPERM}:
        return NotHere(said, OUTSIDE)
    level = f"kernel.perf_event_paranoid is {paranoia}"
    if error.errno == errno.EPERM and machine.container:
        return NotHere(f"{said}, as a container's seccomp profile does; {level}", _grant(machine))
    if paranoia in {"0", "-1"}:
        return NotHere(f"{said}: {level}, so it is a seccomp profile or a security module such as SELinux", OUTSIDE)
    return NotHere(f"{said}: {level}, and counting whole CPUs takes 0 or less, or CAP_PERFMON", _grant(machine))


def _grant(machine: Machine) -> str:
    if machine.container:
        return (
            "docker run --cap-add PERFMON (from Docker 23.0 on, its seccomp profile then lets perf_event_open through; "
            "elsewhere, allow that call in the profile)"
        )
    return (
        "sudo sysctl kernel.perf_event_paranoid=0 (to keep it: a file in /etc/sysctl.d), "
        "or give the runner's service CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN)"
    )
