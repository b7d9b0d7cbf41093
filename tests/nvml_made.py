"""A made `pynvml`: scripted devices behind the names of nvidia-ml-py, and traces in the shape that NVML gives.

The traces are scripted, not recorded on hardware: a counter of whole millijoules that moves on ticks of about 100 ms,
each some milliseconds early or late, and readings of power with noise.
"""

import random
import sys
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from types import ModuleType, SimpleNamespace

CODES = {
    "UNINITIALIZED": 1,
    "INVALID_ARGUMENT": 2,
    "NOT_SUPPORTED": 3,
    "NO_PERMISSION": 4,
    "NOT_FOUND": 6,
    "DRIVER_NOT_LOADED": 9,
    "TIMEOUT": 10,
    "LIBRARY_NOT_FOUND": 12,
    "FUNCTION_NOT_FOUND": 13,
    "GPU_IS_LOST": 15,
    "LIB_RM_VERSION_MISMATCH": 18,
    "UNKNOWN": 999,
}
CONSTANTS = {
    "NVML_SUCCESS": 0,
    "NVML_DEVICE_MIG_DISABLE": 0,
    "NVML_DEVICE_MIG_ENABLE": 1,
    "NVML_GPU_VIRTUALIZATION_MODE_NONE": 0,
    "NVML_GPU_VIRTUALIZATION_MODE_PASSTHROUGH": 1,
    "NVML_GPU_VIRTUALIZATION_MODE_VGPU": 2,
    "NVML_GPU_VIRTUALIZATION_MODE_HOST_VGPU": 3,
    "NVML_FI_DEV_POWER_INSTANT": 186,
    "NVML_TEMPERATURE_GPU": 0,
    "NVML_DEVICE_ARCH_PASCAL": 4,
    "NVML_DEVICE_ARCH_AMPERE": 7,
    "NVML_DEVICE_ARCH_HOPPER": 9,
}


class Clock:
    """A monotonic clock that stands until it is moved."""

    def __init__(self, at_s=100.0):
        self.at_s = at_s

    def __call__(self):
        return self.at_s


@dataclass(eq=False)
class Device:
    """A scripted device; a field is a value, an error code by name, or a function that gives either."""

    name: str = "NVIDIA L4"
    uuid: str = "GPU-1"
    energy_mj: int | str | Callable = 5_000_000
    instant_mw: int | str | Callable = 60_000
    usage_mw: int | str | Callable = 61_000
    temperature: int | str | Callable = 45
    mig: int | str = "NOT_SUPPORTED"
    virtualization: int | str = 0
    architecture: int | str = 9
    handle: str = "ok"
    processes: tuple | str = ()


class MadeNvml(ModuleType):
    """The part of `pynvml` that greengate calls."""

    def __init__(self, *devices, init="ok"):
        super().__init__("pynvml")
        self.devices, self.init, self.opened = devices, init, 0
        vars(self).update(CONSTANTS)
        self._errors = _errors()
        vars(self).update({error.__name__: error for error in self._errors.values()})
        self.NVMLError = self._errors[None]

    def nvmlInit(self):  # noqa: N802 - NVML's name, like those below
        self._give(self.init)
        self.opened += 1

    def nvmlShutdown(self):  # noqa: N802
        if not self.opened:
            self._give("UNINITIALIZED")
        self.opened -= 1

    def nvmlDeviceGetCount(self):  # noqa: N802
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        if index >= len(self.devices):
            self._give("INVALID_ARGUMENT")
        self._give(self.devices[index].handle)
        return self.devices[index]

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802
        named = {device.uuid: device for device in self.devices}
        return named[uuid] if uuid in named else self._give("NOT_FOUND")

    def nvmlDeviceGetIndex(self, handle):  # noqa: N802
        return self.devices.index(handle)

    def nvmlDeviceGetName(self, handle):  # noqa: N802
        return handle.name

    def nvmlDeviceGetArchitecture(self, handle):  # noqa: N802
        return self._give(handle.architecture)

    def nvmlDeviceGetMigMode(self, handle):  # noqa: N802
        return [self._give(handle.mig)] * 2

    def nvmlDeviceGetVirtualizationMode(self, handle):  # noqa: N802
        return self._give(handle.virtualization)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802
        return self._give(handle.energy_mj)

    def nvmlDeviceGetPowerUsage(self, handle):  # noqa: N802
        return self._give(handle.usage_mw)

    def nvmlDeviceGetTemperature(self, handle, sensor):  # noqa: ARG002, N802
        return self._give(handle.temperature)

    def nvmlDeviceGetComputeRunningProcesses(self, handle):  # noqa: N802
        return [SimpleNamespace(pid=pid) for pid in self._give(handle.processes)]

    def nvmlDeviceGetFieldValues(self, handle, fields):  # noqa: N802
        assert list(fields) == [CONSTANTS["NVML_FI_DEV_POWER_INSTANT"]]
        told = handle.instant_mw() if callable(handle.instant_mw) else handle.instant_mw
        failed = isinstance(told, str)
        value = SimpleNamespace(uiVal=0 if failed else told)
        return [SimpleNamespace(nvmlReturn=CODES[told] if failed else 0, value=value)]

    def _give(self, told):
        told = told() if callable(told) else told
        if told in CODES:
            raise self.NVMLError(CODES[told])
        return told


def installed(monkeypatch, *devices, init="ok"):
    """Put a made `pynvml` where the next import finds it."""
    made = MadeNvml(*devices, init=init)
    monkeypatch.setitem(sys.modules, "pynvml", made)
    return made


def counter(clock, watts, seconds, *, seed=0, jitter_s=0.004, start_mj=7_123_456):
    """Script an energy counter of whole millijoules, moved on ticks of about 100 ms by `watts` at that moment."""
    chance = random.Random(seed)
    ticks = [clock() + 0.1 * n + chance.uniform(-jitter_s, jitter_s) for n in range(int(seconds * 10) + 2)]
    added = [watts(tick) * (tick - before) * 1000 for before, tick in pairwise(ticks)]
    told = [int(start_mj + more) for more in accumulate([0.0, *added])]
    return lambda: told[max(bisect_right(ticks, clock()) - 1, 0)]


def instant(clock, watts, *, seed=0, noise_w=2.0):
    """Script readings of power in whole milliwatts, with noise."""
    chance = random.Random(seed)
    return lambda: int(1000 * max(watts(clock()) + chance.gauss(0, noise_w), 0))


def _errors():
    class NVMLError(Exception):
        def __new__(cls, code, /):
            kind = named.get(code, cls) if cls is NVMLError else cls
            error = Exception.__new__(kind)
            error.value = code
            return error

        def __str__(self):
            return next((name for name, code in CODES.items() if code == self.value), f"code {self.value}")

    named = {None: NVMLError}
    for name, code in CODES.items():
        named[code] = type(f"NVMLError_{name.title().replace('_', '')}", (NVMLError,), {})
    return named
