"""AMD GPUs, Apple silicon and Jetson boards, as Zeus reads them.

NVIDIA's GPUs are left to `greengate.measure.meters.nvml` and the processor's counters to RAPL's own meters, so Zeus's
device modules are asked one by one and never `zeus.device.gpu.get_gpus`, which prefers NVML. All of Zeus's energies are
in millijoules and only grow.

Source: Zeus 0.13 and later, https://ml.energy/zeus, reference of zeus.device.gpu.amd and zeus.device.soc.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

from greengate.evidence import Class
from greengate.ports import Fault, MeterFacts, NotHere, Sample

SOURCE = "Zeus, https://ml.energy/zeus: zeus.device"
GAIN = 0.1
UNKNOWN = "no accuracy is published for this counter: 10% is assumed, and windows as long as for NVML's"
APPLE = {
    "cpu_total_mj": ("cpu", "all cores and their clusters"),
    "gpu_mj": ("gpu", "the GPU on the chip"),
    "gpu_sram_mj": ("gpu-sram", "the GPU's memory on the chip"),
    "ane_mj": ("ane", "the Neural Engine"),
    "dram_mj": ("dram", "memory"),
}
JETSON = {"cpu_energy_mj": ("cpu", "the rail of the cores"), "gpu_energy_mj": ("gpu", "the rail of the GPU")}
JETSON_TOTAL = {"total_energy_mj": ("board", "the board's input, all rails together")}

_START_S = 15.0  # a Jetson is polled by a process of its own, which imports Zeus again
_ANSWER_S = 2.0
_FAULTS = {"ZeusGPUTimeoutError": "timeout", "ZeusGPUNoPermissionError": "unreadable", "Empty": "timeout"}


@dataclass(frozen=True, slots=True)
class _Found:
    """A kind of device that is here: what it is, and how its millijoules are read, by domain."""

    id: str
    scope: str
    domains: Mapping[str, str]
    excludes: str
    read: Callable[[], Mapping[str, float | None]]
    errors: tuple[type[Exception], ...]
    degraded: tuple[str, ...]


class ZeusMeter:
    """The energy counters of the first kind of device that Zeus finds: AMD GPU, Apple silicon, Jetson.

    Args:
        clock: The monotonic clock, in seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: _Found | None = None
        self._late = False

    def probe(self) -> MeterFacts | NotHere:
        """Import Zeus and look; on an AMD GPU this takes half a second, on a Jetson some seconds."""
        self.close()
        if self._late:
            return NotHere("Zeus's poller of this Jetson has answered late", "start again")
        with _quiet():
            found = _look()
        if isinstance(found, NotHere):
            return found
        self._found = found
        return MeterFacts(
            id=found.id,
            kind=Class.COUNTER,
            scope=found.scope,
            domains=found.domains,
            excludes=found.excludes,
            reading="energy",
            resolution=0.001,
            period_s=0.1,
            shortest_window_s=10.0,
            gain=GAIN,
            source=SOURCE,
            degraded=(*found.degraded, UNKNOWN),
        )

    def sample(self) -> Sample | Fault:
        """Read every domain, in joules since some moment before the probe."""
        begun = self._clock()
        if self._found is None:
            return Fault("unreadable", "zeus is not open: it has to be probed first", begun)
        if self._late:
            return Fault(
                "timeout", f"{self._found.id} answered late: what it says now may be an answer of before", begun
            )
        try:
            values = self._found.read()
        except self._found.errors as error:
            # Zeus's answers bear no mark of their question, so after a late one they no longer fit.
            self._late = isinstance(error, queue.Empty)
            words = str(error) or f"no answer within {_ANSWER_S:g} s"
            return Fault(_FAULTS.get(type(error).__name__, "device-error"), f"{self._found.id}: {words}", self._clock())
        joules = {domain: value / 1000 for domain, value in values.items() if value is not None}
        missing = ", ".join(sorted(values.keys() - joules.keys()))
        if missing:
            return Fault("malformed", f"{self._found.id}: no value for {missing}", self._clock())
        return Sample((begun + self._clock()) / 2, joules)

    def close(self) -> None:
        """Let go of Zeus's objects; they close what they hold."""
        self._found = None


def _look() -> _Found | NotHere:
    try:
        from zeus.device.gpu import amd  # noqa: PLC0415 - slow, and on few machines
        from zeus.device.soc import get_soc  # noqa: PLC0415
        from zeus.device.soc.common import SoC  # noqa: PLC0415
        from zeus.exception import ZeusBaseError  # noqa: PLC0415
    except ImportError:
        SoC = None  # noqa: N806
    if not hasattr(SoC, "get_total_energy_consumption"):
        return NotHere("the package zeus, 0.13 or later, is not installed", "pip install 'greengate-ci[zeus]'")
    if amd.amdsmi_is_available():
        return _amd(amd, ZeusBaseError)
    try:
        return _soc(get_soc(), ZeusBaseError)
    except queue.Empty:
        return NotHere(
            "Zeus's poller of this Jetson does not answer", "see that /sys/bus/i2c/drivers/ina3221 is readable"
        )
    except (ZeusBaseError, OSError, RuntimeError) as error:
        return NotHere(
            f"Zeus finds no AMD GPU, no Apple silicon and no Jetson ({error})",
            "an AMD GPU needs ROCm 6.2 or later, and in a container `--device /dev/kfd --device /dev/dri`; "
            "Apple silicon needs `pip install 'zeus[apple]'`",
        )


def _amd(amd: Any, root: type[Exception]) -> _Found | NotHere:
    errors = (root, amd.amdsmi.AmdSmiException)
    try:
        gpus = list(amd.AMDGPUs().gpus)
        names = {f"gpu-{gpu.gpu_index}": str(gpu.get_name()) for gpu in gpus}
    except (*errors, ValueError, KeyError) as error:
        return NotHere(
            f"Zeus cannot open this machine's AMD GPUs: {error}", "see that `amd-smi list` works for this user"
        )
    counted = {f"gpu-{gpu.gpu_index}": gpu for gpu in gpus if gpu.supports_get_total_energy_consumption()}
    if not counted:
        return NotHere(
            f"no AMD GPU here has an energy counter that Zeus trusts: {', '.join(names.values()) or 'none is visible'}",
            "see HIP_VISIBLE_DEVICES, and https://github.com/ROCm/amdsmi/issues/38; a virtual machine has none",
        )
    left_out = tuple(f"not in it: {domain} ({name})" for domain, name in names.items() if domain not in counted)
    return _Found(
        "zeus-amd",
        "device",
        {domain: f"{names[domain]}: the socket, with both dies where it has two" for domain in counted},
        "the host: its processors, memory, fans and power supplies; network",
        lambda: {domain: gpu.get_total_energy_consumption() for domain, gpu in counted.items()},
        errors,
        left_out,
    )


def _soc(soc: Any, root: type[Exception]) -> _Found | NotHere:
    from zeus.device.soc.jetson import Jetson  # noqa: PLC0415

    if isinstance(soc, Jetson):
        told = vars(soc.get_total_energy_consumption(timeout=_START_S))
        # The board's input feeds the other rails, which would be counted twice beside it.
        fields = JETSON_TOTAL if told.get("total_energy_mj") is not None else JETSON
        return _rails(
            "zeus-jetson",
            lambda: vars(soc.get_total_energy_consumption(timeout=_ANSWER_S)),
            {field: fields[field] for field in fields if told.get(field) is not None},
            (root, queue.Empty, OSError),
            "power read about ten times a second and added up by Zeus, not counted by the hardware",
        )
    told = vars(soc.get_total_energy_consumption())
    return _rails(
        "zeus-apple",
        lambda: vars(soc.get_total_energy_consumption()),
        {field: APPLE[field] for field in APPLE if told.get(field) is not None},
        (root, RuntimeError),
        "Apple's own estimate, not to be compared between machines (powermetrics(1))",
    )


def _rails(
    word: str,
    read: Callable[[], Mapping[str, float]],
    fields: Mapping[str, tuple[str, str]],
    errors: tuple[type[Exception], ...],
    degraded: str,
) -> _Found | NotHere:
    if not fields:
        return NotHere("Zeus finds a chip of a known kind, and none of its energies", "bring zeus up to date")

    def by_domain() -> dict[str, float | None]:
        told = read()
        return {domain: told.get(field) for field, (domain, _) in fields.items()}

    outside = "rails that are not named here; screen, disks, network and power supply"
    return _Found(word, "package", dict(fields.values()), outside, by_domain, errors, (degraded,))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Zeus's advice about drivers that a machine need not have, and amdsmi's printing, out of the output."""
    logger = logging.getLogger("zeus")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with redirect_stdout(StringIO()):
            yield
    finally:
        logger.setLevel(level)
