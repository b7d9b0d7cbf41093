"""Zeus's devices, on made modules with its names; neither Zeus nor any of its hardware is needed."""

import logging
import queue
import subprocess
import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import pytest

from greengate.evidence import Class
from greengate.measure.meters.zeus_devices import UNKNOWN, ZeusMeter
from greengate.ports import Fault, MeterFacts, NotHere, Sample


class ZeusBaseError(Exception):
    pass


class ZeusGPUTimeoutError(ZeusBaseError):
    pass


class AmdSmiException(Exception):
    pass


class SoC:
    """A scripted chip: each look takes the next answer, and the last one again and again."""

    def __init__(self, *told):
        self.told = list(told)

    def get_total_energy_consumption(self):
        told = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        if isinstance(told, Exception):
            raise told
        return SimpleNamespace(**told)


class Jetson(SoC):
    def get_total_energy_consumption(self, timeout):  # noqa: ARG002
        return super().get_total_energy_consumption()


@dataclass
class Gpu:
    gpu_index: int = 0
    name: str = "AMD Instinct MI300X"
    told: int | Exception = 8_000_250
    counted: bool = True

    def get_name(self):
        return self.name

    def supports_get_total_energy_consumption(self):
        return self.counted

    def get_total_energy_consumption(self):
        if isinstance(self.told, Exception):
            raise self.told
        return self.told


def installed(monkeypatch, *, gpus=None, soc=None, soc_class=SoC):
    """Put made Zeus modules where the next import finds them; `gpus` may be the error that opening them raises."""

    def opened():
        if isinstance(gpus, Exception):
            raise gpus
        return SimpleNamespace(gpus=gpus)

    def found():
        logging.getLogger("zeus.device.soc").warning("no driver")
        sys.stdout.write("Exception caught: libamd_smi.so")
        if soc is None:
            raise ZeusBaseError("No observable SoC was found on the current machine.")
        return soc

    amd = {"amdsmi_is_available": lambda: gpus is not None, "AMDGPUs": opened}
    modules = {
        "zeus": {},
        "zeus.exception": {"ZeusBaseError": ZeusBaseError},
        "zeus.device": {},
        "zeus.device.gpu": {"get_gpus": None},
        "zeus.device.gpu.amd": amd | {"amdsmi": SimpleNamespace(AmdSmiException=AmdSmiException)},
        "zeus.device.soc": {"get_soc": found},
        "zeus.device.soc.common": {"SoC": soc_class},
        "zeus.device.soc.jetson": {"Jetson": Jetson},
    }
    made = {name: ModuleType(name) for name in modules}
    for name, names in modules.items():
        vars(made[name]).update(names)
        monkeypatch.setitem(sys.modules, name, made[name])
    made["zeus.device.gpu"].amd = made["zeus.device.gpu.amd"]


APPLE = {"cpu_total_mj": 1500, "performance_cores_mj": [700, 600], "gpu_mj": 250, "gpu_sram_mj": None, "dram_mj": 100}
JETSON = {"cpu_energy_mj": 900.0, "gpu_energy_mj": 2100.0, "total_energy_mj": 4000.0}


def test_an_amd_gpu_is_told_in_joules(monkeypatch):
    installed(monkeypatch, gpus=[Gpu(told=8_000_250), Gpu(1, told=1)])
    meter = ZeusMeter(clock=lambda: 7.0)
    meter.probe()
    assert meter.sample() == Sample(7.0, {"gpu-0": 8000.25, "gpu-1": 0.001})


def test_the_meter_of_an_amd_gpu_tells_what_it_is(monkeypatch):
    installed(monkeypatch, gpus=[Gpu()])
    assert ZeusMeter().probe() == MeterFacts(
        id="zeus-amd",
        kind=Class.COUNTER,
        scope="device",
        domains={"gpu-0": "AMD Instinct MI300X: the socket, with both dies where it has two"},
        excludes="the host: its processors, memory, fans and power supplies; network",
        reading="energy",
        resolution=0.001,
        period_s=0.1,
        shortest_window_s=10.0,
        gain=0.1,
        source="Zeus, https://ml.energy/zeus: zeus.device",
        degraded=(UNKNOWN,),
    )


def test_an_amd_gpu_whose_counter_is_not_trusted_is_left_out_and_named(monkeypatch):
    installed(monkeypatch, gpus=[Gpu(name="AMD MI250"), Gpu(1, name="AMD MI250", counted=False)])
    facts = ZeusMeter().probe()
    assert list(facts.domains) == ["gpu-0"]
    assert facts.degraded[0] == "not in it: gpu-1 (AMD MI250)"


@pytest.mark.parametrize(
    ("gpus", "why"),
    [
        (
            [Gpu(counted=False)],
            "no AMD GPU here has an energy counter that Zeus trusts: AMD Instinct MI300X",
        ),
        ([], "no AMD GPU here has an energy counter that Zeus trusts: none is visible"),
        (ZeusBaseError("driver not loaded"), "Zeus cannot open this machine's AMD GPUs: driver not loaded"),
        (AmdSmiException("no"), "Zeus cannot open this machine's AMD GPUs: no"),
        (ValueError("GPU-1a"), "Zeus cannot open this machine's AMD GPUs: GPU-1a"),
    ],
)
def test_an_amd_gpu_that_cannot_be_metered_says_why(monkeypatch, gpus, why):
    installed(monkeypatch, gpus=gpus)
    found = ZeusMeter().probe()
    assert found.why == why
    assert found.hint


@pytest.mark.parametrize(
    ("soc", "word", "joules"),
    [
        pytest.param(SoC(APPLE), "zeus-apple", {"cpu": 1.5, "gpu": 0.25, "dram": 0.1}, id="Apple, cores only once"),
        pytest.param(Jetson(JETSON), "zeus-jetson", {"board": 4.0}, id="Jetson, rails only once"),
        pytest.param(
            Jetson(JETSON | {"total_energy_mj": None}), "zeus-jetson", {"cpu": 0.9, "gpu": 2.1}, id="Jetson, by rail"
        ),
    ],
)
def test_nothing_on_a_chip_is_counted_twice(monkeypatch, soc, word, joules):
    installed(monkeypatch, soc=soc)
    meter = ZeusMeter(clock=lambda: 7.0)
    facts = meter.probe()
    assert (facts.id, facts.scope, set(facts.domains)) == (word, "package", set(joules))
    assert meter.sample() == Sample(7.0, joules)


@pytest.mark.parametrize("module", ["zeus.device.gpu", "zeus.device.soc"])
def test_without_zeus_or_with_one_too_old_the_extra_is_named(monkeypatch, module):
    installed(monkeypatch)
    monkeypatch.setitem(sys.modules, module, None)
    assert ZeusMeter().probe() == NotHere(
        "the package zeus, 0.13 or later, is not installed", "pip install 'greengate-ci[zeus]'"
    )


def test_a_zeus_with_the_names_of_before_is_too_old(monkeypatch):
    installed(monkeypatch, soc=SoC(APPLE), soc_class=object)
    assert ZeusMeter().probe().why == "the package zeus, 0.13 or later, is not installed"


@pytest.mark.parametrize(
    ("soc", "why"),
    [
        (None, "Zeus finds no AMD GPU, no Apple silicon and no Jetson (No observable SoC was found"),
        (SoC(RuntimeError("IOReport")), "Zeus finds no AMD GPU, no Apple silicon and no Jetson (IOReport)"),
        (SoC({"cpu_total_mj": None}), "Zeus finds a chip of a known kind, and none of its energies"),
        (Jetson(queue.Empty()), "Zeus's poller of this Jetson does not answer"),
    ],
)
def test_a_machine_with_none_of_them_says_so(monkeypatch, soc, why):
    installed(monkeypatch, soc=soc)
    found = ZeusMeter().probe()
    assert found.why.startswith(why)
    assert found.hint


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ZeusGPUTimeoutError("busy"), "timeout"),
        (ZeusBaseError("lost"), "device-error"),
        (AmdSmiException("gone"), "device-error"),
    ],
)
def test_an_amd_gpu_that_fails_in_a_run_is_a_fault_and_no_zero(monkeypatch, error, name):
    gpu = Gpu()
    installed(monkeypatch, gpus=[gpu])
    meter = ZeusMeter(clock=lambda: 7.0)
    meter.probe()
    gpu.told = error
    assert meter.sample() == Fault(name, f"zeus-amd: {error}", 7.0)


def test_a_rail_that_is_gone_is_a_fault_and_no_zero(monkeypatch):
    installed(monkeypatch, soc=SoC(APPLE, APPLE | {"gpu_mj": None}))
    meter = ZeusMeter(clock=lambda: 7.0)
    meter.probe()
    assert meter.sample() == Fault("malformed", "zeus-apple: no value for gpu", 7.0)


def test_a_poller_that_was_late_once_is_not_believed_again(monkeypatch):
    installed(monkeypatch, soc=Jetson(JETSON, queue.Empty(), JETSON))
    meter = ZeusMeter(clock=lambda: 7.0)
    meter.probe()
    assert meter.sample() == Fault("timeout", "zeus-jetson: no answer within 2 s", 7.0)
    assert meter.sample().name == "timeout"
    assert meter.probe() == NotHere("Zeus's poller of this Jetson has answered late", "start again")


def test_a_meter_that_is_closed_gives_faults(monkeypatch):
    installed(monkeypatch, gpus=[Gpu()])
    meter = ZeusMeter(clock=lambda: 7.0)
    meter.probe()
    meter.close()
    meter.close()
    assert meter.sample() == Fault("unreadable", "zeus is not open: it has to be probed first", 7.0)


def test_what_zeus_prints_and_logs_while_it_looks_is_kept_in(monkeypatch, capsys, caplog):
    installed(monkeypatch)
    ZeusMeter().probe()
    assert (capsys.readouterr().out, caplog.records, logging.getLogger("zeus").level) == ("", [], logging.NOTSET)


def test_neither_library_is_imported_before_a_probe():
    code = (
        "import sys\n"
        "from greengate.measure.meters import nvml, zeus_devices\n"
        "zeus_devices.ZeusMeter(), nvml.NvmlMeter()\n"
        "print(sorted({'zeus', 'pynvml'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
