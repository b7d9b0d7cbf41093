"""NVIDIA GPUs through NVML: the energy counter of each, and its power as something to hold the counter against.

Two meters with the same domains: `NvmlMeter` reads the counters, `NvmlPowerMeter` reads watts to be integrated. Where
both are there, watts along the same window that disagree with the counter show one that runs wrong; where a device has
no counter, the watts are what is left.

A device is called by NVML's own index ("gpu-0"), which follows the PCI bus. All of them are read unless some are named,
because the numbers in CUDA_VISIBLE_DEVICES follow CUDA's order, fastest first, and would name the wrong ones; UUIDs
mean the same to both.

Sources: NVML API Reference, nvmlDeviceGetTotalEnergyConsumption, nvmlDeviceGetPowerUsage, nvmlFieldValueEnums; Yang,
Adamek, Armour, "Part-time Power Measurements: nvidia-smi's Lack of Attention", arXiv:2312.02741 (2024).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from greengate.evidence import Class
from greengate.ports import Fault, MeterFacts, NotHere, Sample

SOURCE = "NVML API Reference; Yang, Adamek, Armour 2024 (arXiv:2312.02741)"
TICK_S = 0.1
TICKS = 100  # the edge of a window is known to a tick: 4.1% / T(s), so 0.4% at 10 s
GAIN = 0.05  # Yang et al.: most boards are within 5% of an outside meter, in proportion and not in watts
LAG_S = 0.5  # of a mean over the last second
EXCLUDES = "the host: its processors, memory, fans and power supplies; network"

_CONTAINER = "in a container, start it with `--gpus all` (NVIDIA Container Toolkit)"
_REASONS: Mapping[str, NotHere] = {
    "NVMLError_LibraryNotFound": NotHere(
        "NVML's library (libnvidia-ml.so.1) is not on this machine", f"install NVIDIA's driver; {_CONTAINER}"
    ),
    "NVMLError_DriverNotLoaded": NotHere(
        "NVIDIA's driver is installed and not loaded", "load it with `sudo modprobe nvidia`, and look into `dmesg`"
    ),
    "NVMLError_LibRmVersionMismatch": NotHere(
        "NVML's library and the loaded driver are of different versions",
        "the driver was updated under a running kernel: reboot, or load the new module; restart the container",
    ),
    "NVMLError_NoPermission": NotHere(
        "this user may not ask NVML", "give it read and write access to /dev/nvidiactl and /dev/nvidia*, or run as root"
    ),
    "NVMLError_FunctionNotFound": NotHere("NVIDIA's driver is too old to be asked", "update it"),
    "NVMLError_GpuIsLost": NotHere("it has fallen off the bus", "reset it with `nvidia-smi --gpu-reset`, or reboot"),
    "NVMLError_Unknown": NotHere(
        "NVML cannot be opened and does not say why",
        "a container may have lost its devices when the host reloaded systemd: restart it",
    ),
}
_MIG = NotHere(
    "it is split by MIG, and its energy is that of all slices together",
    "use a runner with a whole GPU, or switch MIG off with `sudo nvidia-smi -mig 0`",
)
_VGPU = NotHere(
    "it is shared between virtual machines (vGPU), and its energy is not that of this one",
    "use a runner with a GPU of its own (passthrough)",
)
_FAULTS = {"NVMLError_Timeout": "timeout", "NVMLError_NoPermission": "unreadable"}


@dataclass(frozen=True, slots=True)
class _Channel:
    """Reads a device in thousandths of the meter's unit."""

    read: Callable[[], int]
    degraded: str = ""
    lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Device:
    domain: str
    name: str
    handle: Any
    channel: _Channel


class _DeviceMeter:
    """What both meters share: finding the devices, and asking each of them.

    Args:
        devices: NVML indices or UUIDs ("GPU-..."); all devices where none are named.
        clock: The monotonic clock, in seconds.
    """

    id: ClassVar[str]
    kind: ClassVar[Class]
    reading: ClassVar[str]
    degraded: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, devices: Sequence[int | str] | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wanted = devices
        self._clock = clock
        self._nvml: Any = None
        self._devices: tuple[_Device, ...] = ()

    def probe(self) -> MeterFacts | NotHere:
        """Find the devices that can be read; they stay open until `close`, so that their counters are not reset."""
        self.close()
        try:
            import pynvml  # noqa: PLC0415 - an extra that few machines need
        except ImportError:
            return NotHere("the package nvidia-ml-py is not installed", "pip install 'greengate-ci[nvidia]'")
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            return _reason(error)
        self._nvml = pynvml
        facts = self._look()
        if isinstance(facts, NotHere):
            self.close()
        return facts

    def sample(self) -> Sample | Fault:
        """Read every device, in joules or watts; one that fails makes the whole look a `Fault`."""
        begun = self._clock()
        if not self._devices:
            return Fault("unreadable", f"{self.id} is not open: it has to be probed first", begun)
        values = {}
        for device in self._devices:
            try:
                values[device.domain] = device.channel.read() / 1000
            except self._nvml.NVMLError as error:
                name = _FAULTS.get(type(error).__name__, "device-error")
                return Fault(name, f"{device.domain} ({device.name}): {error}", self._clock())
        return Sample((begun + self._clock()) / 2, values)

    def temperatures_c(self) -> Mapping[str, float]:
        """Tell the temperature of each device in degrees Celsius; one without a sensor is left out."""
        found = {}
        for device in self._devices:
            try:
                sensor = self._nvml.NVML_TEMPERATURE_GPU
                found[device.domain] = float(self._nvml.nvmlDeviceGetTemperature(device.handle, sensor))
            except self._nvml.NVMLError:
                continue
        return found

    def processes(self) -> Sequence[int] | None:
        """Tell the process ids of whoever computes on the devices, or None where one of them does not tell.

        In a container they may be the host's numbers, or those of the container's own processes alone.
        """
        found: list[int] = []
        for device in self._devices:
            try:
                found += [int(one.pid) for one in self._nvml.nvmlDeviceGetComputeRunningProcesses(device.handle)]
            except self._nvml.NVMLError:
                return None
        return found

    def close(self) -> None:
        """Let go of NVML."""
        nvml, self._nvml, self._devices = self._nvml, None, ()
        if nvml is None:
            return
        try:
            nvml.nvmlShutdown()
        except nvml.NVMLError:
            return  # a driver that is gone has nothing left to let go of

    def _channel(self, handle: Any) -> _Channel | NotHere:
        raise NotImplementedError

    def _look(self) -> MeterFacts | NotHere:
        try:
            names = range(self._nvml.nvmlDeviceGetCount()) if self._wanted is None else self._wanted
        except self._nvml.NVMLError as error:
            return _reason(error)
        looks = [self._device(name) for name in names]
        self._devices = tuple(look for look in looks if isinstance(look, _Device))
        refused = [look for look in looks if isinstance(look, NotHere)]
        if refused and (self._wanted is not None or not self._devices):
            return NotHere("; ".join(look.why for look in refused), refused[0].hint)
        if not self._devices:
            return NotHere("NVML finds no device", f"look with `nvidia-smi -L`; {_CONTAINER}")
        return self._facts(tuple(f"not in it: {look.why}" for look in refused))

    def _facts(self, left_out: tuple[str, ...]) -> MeterFacts:
        found = self._devices
        words = tuple(f"{device.domain}: {device.channel.degraded}" for device in found if device.channel.degraded)
        return MeterFacts(
            id=self.id,
            kind=self.kind,
            scope="device",
            domains={each.domain: f"{each.name}: the whole board with its memory, whoever uses it" for each in found},
            excludes=EXCLUDES,
            reading=self.reading,
            resolution=0.001,
            period_s=TICK_S,
            # A mean that lags half a second misses at most 0.5 s of a window: under 2% of 30 s.
            shortest_window_s=max(TICKS * TICK_S, 60 * max(device.channel.lag_s for device in found)),
            gain=GAIN,
            source=SOURCE,
            degraded=(*self.degraded, *left_out, *words, *_part_time(found)),
        )

    def _device(self, name: int | str) -> _Device | NotHere:
        nvml = self._nvml
        if str(name).startswith("MIG-"):
            return NotHere(f"device `{name}`: {_MIG.why}", _MIG.hint)
        try:
            handle = _handle(nvml, name)
            shared = _shared(nvml, handle)
            channel = shared or self._channel(handle)
            domain, words = f"gpu-{nvml.nvmlDeviceGetIndex(handle)}", str(nvml.nvmlDeviceGetName(handle))
        except (nvml.NVMLError_NotFound, nvml.NVMLError_InvalidArgument):
            return NotHere(f"NVML knows no device `{name}`", "list the indices and UUIDs with `nvidia-smi -L`")
        except nvml.NVMLError as error:
            reason = _reason(error)
            return NotHere(f"device `{name}`: {reason.why}", reason.hint)
        if isinstance(channel, NotHere):
            return NotHere(f"{domain} ({words}): {channel.why}", channel.hint)
        return _Device(domain, words, handle, channel)


class NvmlMeter(_DeviceMeter):
    """The energy counter of each whole device, in joules since the driver was loaded; Volta and later have one.

    It moves on a tick of about 100 ms, so a window is to begin and end on one, last 10 s, and hold work that does not
    repeat in step with it.
    """

    id = "nvml"
    kind = Class.COUNTER
    reading = "energy"

    def _channel(self, handle: Any) -> _Channel | NotHere:
        nvml = self._nvml
        try:
            nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
        except nvml.NVMLError_NotSupported:
            return NotHere(
                "it has no energy counter (those of Volta and later have)", "its power is read instead: see nvml-power"
            )
        return _Channel(lambda: int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)))


class NvmlPowerMeter(_DeviceMeter):
    """The power of each whole device, in watts: at the moment where the driver tells it, else as `nvidia-smi` does.

    Looking now and then is less sure than counting, so that its figures never come before the counter's.
    """

    id = "nvml-power"
    kind = Class.MEASURED
    reading = "power"
    degraded = ("integrated from power, not counted",)

    def _channel(self, handle: Any) -> _Channel | NotHere:
        nvml = self._nvml
        for channel in (_Channel(lambda: _instant(nvml, handle)), _averaged(nvml, handle)):
            try:
                channel.read()
            except (nvml.NVMLError_NotSupported, nvml.NVMLError_InvalidArgument, nvml.NVMLError_FunctionNotFound):
                continue
            return channel
        return NotHere(
            "it tells neither energy nor power", "use a runner with another GPU, or a power meter at the wall"
        )


def _part_time(devices: tuple[_Device, ...]) -> tuple[str, ...]:
    return tuple(
        f"{device.domain}: its sensor looks 25% of the time (25 ms in 100 ms), and misses what beats with it"
        for device in devices
        if "A100" in device.name or "H100" in device.name
    )


def _handle(nvml: Any, name: int | str) -> Any:
    text = str(name)
    return nvml.nvmlDeviceGetHandleByIndex(int(text)) if text.isdecimal() else nvml.nvmlDeviceGetHandleByUUID(text)


def _shared(nvml: Any, handle: Any) -> NotHere | None:
    """Tell why a device's energy is not only that of this machine's user, or None where it is."""
    if _asked(nvml, lambda: nvml.nvmlDeviceGetMigMode(handle)[0]) == nvml.NVML_DEVICE_MIG_ENABLE:
        return _MIG
    lone = (None, nvml.NVML_GPU_VIRTUALIZATION_MODE_NONE, nvml.NVML_GPU_VIRTUALIZATION_MODE_PASSTHROUGH)
    return None if _asked(nvml, lambda: nvml.nvmlDeviceGetVirtualizationMode(handle)) in lone else _VGPU


def _asked(nvml: Any, question: Callable[[], int]) -> int | None:
    try:
        return question()
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound):
        return None


def _instant(nvml: Any, handle: Any) -> int:
    field = nvml.nvmlDeviceGetFieldValues(handle, [nvml.NVML_FI_DEV_POWER_INSTANT])[0]
    if field.nvmlReturn != nvml.NVML_SUCCESS:
        raise nvml.NVMLError(field.nvmlReturn)
    return int(field.value.uiVal)


def _averaged(nvml: Any, handle: Any) -> _Channel:
    def read() -> int:
        return int(nvml.nvmlDeviceGetPowerUsage(handle))

    architecture = _asked(nvml, lambda: nvml.nvmlDeviceGetArchitecture(handle))
    if architecture is not None and architecture < nvml.NVML_DEVICE_ARCH_AMPERE:
        return _Channel(read)
    return _Channel(read, "its power is a mean over 1 s (Ampere and later, but for GA100), so that edges blur", LAG_S)


def _reason(error: Exception) -> NotHere:
    name = type(error).__name__
    return _REASONS.get(name, NotHere(f"NVML answers: {error}", "look with `nvidia-smi` and into `dmesg`"))
