"""Small trees as the kernel shows them where there is RAPL, below a temporary folder that stands for /."""

import errno
import os
from pathlib import Path

INTEL, AMD = "GenuineIntel", "AuthenticAMD"
SCALE = "2.3283064365386962890625e-10"  # 2^-32, as the kernel writes it
RANGE_UJ = 262143328850  # 2^32 - 1 units of 2^-14 J, which the driver rounds


def machine(root, vendor=INTEL, flags="", mark=None):
    """Write what tells of the processor, of a hypervisor (a flag) and of a container (a mark)."""
    _write(root / "proc/cpuinfo", f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu {flags}\n")
    if mark:
        _write(root / mark, "")
    return root


def zones(root, layout, **changed):
    """Write zones {folder: name}, nested below /sys/devices, with the flat links of /sys/class/powercap."""
    flat = root / "sys/class/powercap"
    flat.mkdir(parents=True)
    for number, (zone, name) in enumerate(layout.items()):
        parts = zone.split(":")
        path = Path(*(":".join(parts[: depth + 1]) for depth in range(len(parts))))
        folder = root / "sys/devices/virtual/powercap" / path
        files = {"name": name, "energy_uj": 1_000_000 * (number + 1), "max_energy_range_uj": RANGE_UJ, "enabled": 0}
        for file, text in (files | changed.get(name.replace("-", "_"), {})).items():
            _write(folder / file, f"{text}\n")
        (flat / zone).symlink_to(folder)
        if not (flat / parts[0]).exists():
            (flat / parts[0]).symlink_to(root / "sys/devices/virtual/powercap" / parts[0])
    return flat


def pmu(root, cpumask="0", topology=None, **changed):
    """Write the event source `power`; `topology` is {CPU: (package, die)}."""
    files = {"type": "23", "cpumask": cpumask}
    for event, code in {"energy-pkg": "event=0x02", "energy-ram": "event=0x03", "energy-psys": "event=0x05"}.items():
        files |= {f"events/{event}": code, f"events/{event}.scale": SCALE, f"events/{event}.unit": "Joules"}
    for file, text in (files | {name.replace("__", "/"): text for name, text in changed.items()}).items():
        if text is not None:
            _write(root / "sys/bus/event_source/devices/power" / file, f"{text}\n")
    for cpu, (package, die) in (topology or {0: (0, 0)}).items():
        folder = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        _write(folder / "physical_package_id", f"{package}\n")
        _write(folder / "die_id", f"{die}\n")
    return root / "sys/bus/event_source/devices"


class Refusing:
    """Reads files, but for those whose path ends as told: they fail with an errno, or say something else."""

    def __init__(self, **ends):
        self.ends = ends

    def __call__(self, path):
        for end, answer in self.ends.items():
            if path.name == end and isinstance(answer, int):
                raise OSError(answer, os.strerror(answer), str(path))
            if path.name == end:
                return answer
        return path.read_bytes()


class Events:
    """Opens scripted counters: each is a pipe with its counts in it; `error` is an errno that opening fails with."""

    def __init__(self, *counts, error=0, after=0):
        self.counts, self.error, self.after, self.opened, self.ends = counts, error, after, [], []

    def __call__(self, attributes, cpu):
        if self.error and len(self.opened) >= self.after:
            raise OSError(self.error, os.strerror(self.error))
        self.opened.append((attributes, cpu))
        readable, writable = os.pipe()
        for count in self.counts:
            os.write(writable, count.to_bytes(8, "little") if isinstance(count, int) else count)
        os.close(writable)
        self.ends.append(readable)
        return readable

    def closed(self):
        return [_is_closed(end) for end in self.ends]


def _is_closed(descriptor):
    try:
        os.fstat(descriptor)
    except OSError as error:
        return error.errno == errno.EBADF
    return False


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
