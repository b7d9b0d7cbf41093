"""NVIDIA's meters, on a made NVML with scripted devices and traces; no GPU is needed."""

import sys

import pytest
from nvml_made import CODES, CONSTANTS, Clock, Device, MadeNvml, counter, installed, instant

from greengate.evidence import Class
from greengate.measure.metering import energy
from greengate.measure.meters.nvml import NvmlMeter, NvmlPowerMeter
from greengate.ports import Fault, MeterFacts, NotHere, Sample


def window(meter, clock, seconds=12, every_s=0.05):
    """Look at a meter at a steady pace of the made clock, and work out what it says of that time."""
    facts = meter.probe()
    start_s, looks = clock(), []
    for _ in range(round(seconds / every_s)):
        looks.append(meter.sample())
        clock.at_s += every_s
    return energy(facts, looks, start_s, clock())


def test_the_counter_of_a_device_is_told_in_joules(monkeypatch):
    installed(monkeypatch, Device(energy_mj=5_000_123))
    meter = NvmlMeter(clock=Clock(7.0))
    meter.probe()
    assert meter.sample() == Sample(7.0, {"gpu-0": 5000.123})


def test_the_energy_meter_tells_what_it_is(monkeypatch):
    installed(monkeypatch, Device(name="NVIDIA L4"))
    assert NvmlMeter().probe() == MeterFacts(
        id="nvml",
        kind=Class.COUNTER,
        scope="device",
        domains={"gpu-0": "NVIDIA L4: the whole board with its memory, whoever uses it"},
        excludes="the host: its processors, memory, fans and power supplies; network",
        reading="energy",
        resolution=0.001,
        period_s=0.1,
        shortest_window_s=10.0,
        gain=0.05,
        source="NVML API Reference; Yang, Adamek, Armour 2024 (arXiv:2312.02741)",
    )


def test_the_power_meter_reads_the_moment_where_the_driver_tells_it(monkeypatch):
    installed(monkeypatch, Device(instant_mw=61_500, usage_mw=80_000))
    meter = NvmlPowerMeter(clock=Clock(7.0))
    facts = meter.probe()
    assert (facts.kind, facts.reading, facts.shortest_window_s) == (Class.MEASURED, "power", 10.0)
    assert facts.degraded == ("integrated from power, not counted",)
    assert meter.sample() == Sample(7.0, {"gpu-0": 61.5})


@pytest.mark.parametrize(
    ("architecture", "window_s", "words"),
    [
        pytest.param(9, 30.0, "mean over 1 s", id="Hopper, a mean"),
        pytest.param("NOT_SUPPORTED", 30.0, "mean over 1 s", id="not known, so taken for a mean"),
        pytest.param(4, 10.0, "", id="Pascal, the moment"),
    ],
)
def test_power_as_nvidia_smi_tells_it_is_called_a_mean_where_it_is_one(monkeypatch, architecture, window_s, words):
    installed(monkeypatch, Device(instant_mw="NOT_SUPPORTED", usage_mw=80_000, architecture=architecture))
    meter = NvmlPowerMeter()
    facts = meter.probe()
    assert facts.shortest_window_s == window_s
    assert words in " ".join(facts.degraded[1:])
    assert bool(words) == (len(facts.degraded) == 2)
    assert meter.sample().values == {"gpu-0": 80.0}


@pytest.mark.parametrize(
    ("init", "why", "hint"),
    [
        ("LIBRARY_NOT_FOUND", "NVML's library (libnvidia-ml.so.1) is not on this machine", "--gpus all"),
        ("DRIVER_NOT_LOADED", "NVIDIA's driver is installed and not loaded", "modprobe nvidia"),
        ("LIB_RM_VERSION_MISMATCH", "NVML's library and the loaded driver are of different versions", "reboot"),
        ("NO_PERMISSION", "this user may not ask NVML", "/dev/nvidiactl"),
        ("FUNCTION_NOT_FOUND", "NVIDIA's driver is too old to be asked", "update"),
        ("UNKNOWN", "NVML cannot be opened and does not say why", "restart"),
        ("UNINITIALIZED", "NVML answers: UNINITIALIZED", "nvidia-smi"),
    ],
)
@pytest.mark.parametrize("kind", [NvmlMeter, NvmlPowerMeter])
def test_a_library_that_does_not_open_says_why_and_what_helps(monkeypatch, kind, init, why, hint):
    installed(monkeypatch, Device(), init=init)
    found = kind().probe()
    assert found.why == why
    assert hint in found.hint


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert NvmlMeter().probe() == NotHere(
        "the package nvidia-ml-py is not installed", "pip install 'greengate-ci[nvidia]'"
    )


def test_a_machine_without_a_device_says_so(monkeypatch):
    made = installed(monkeypatch)
    found = NvmlMeter().probe()
    assert (found.why, made.opened) == ("NVML finds no device", 0)


@pytest.mark.parametrize(
    ("device", "words"),
    [
        pytest.param(Device(mig=1), "gpu-0 (NVIDIA L4): it is split by MIG", id="MIG"),
        pytest.param(Device(virtualization=2), "gpu-0 (NVIDIA L4): it is shared between virtual machines", id="vGPU"),
        pytest.param(Device(virtualization=3), "gpu-0 (NVIDIA L4): it is shared", id="host of vGPUs"),
        pytest.param(Device(energy_mj="NOT_SUPPORTED"), "gpu-0 (NVIDIA L4): it has no energy counter", id="no counter"),
        pytest.param(Device(energy_mj="NO_PERMISSION"), "device `0`: this user may not ask NVML", id="no permission"),
        pytest.param(Device(handle="GPU_IS_LOST"), "device `0`: it has fallen off the bus", id="lost"),
    ],
)
def test_a_device_that_cannot_be_metered_says_why(monkeypatch, device, words):
    made = installed(monkeypatch, device)
    found = NvmlMeter().probe()
    assert found.why.startswith(words)
    assert found.hint
    assert made.opened == 0


@pytest.mark.parametrize("device", [Device(mig=0), Device(virtualization=1), Device(virtualization="NOT_SUPPORTED")])
def test_a_whole_device_is_metered_in_a_virtual_machine_too(monkeypatch, device):
    installed(monkeypatch, device)
    assert isinstance(NvmlMeter().probe(), MeterFacts)


def test_a_device_that_tells_nothing_is_no_power_meter(monkeypatch):
    installed(monkeypatch, Device(instant_mw="INVALID_ARGUMENT", usage_mw="NOT_SUPPORTED"))
    assert NvmlPowerMeter().probe().why == "gpu-0 (NVIDIA L4): it tells neither energy nor power"


def test_of_several_devices_those_that_can_be_read_are_and_the_rest_is_named(monkeypatch):
    installed(monkeypatch, Device(), Device(mig=1))
    facts = NvmlMeter().probe()
    assert list(facts.domains) == ["gpu-0"]
    assert facts.degraded[0].startswith("not in it: gpu-1 (NVIDIA L4): it is split by MIG")


@pytest.mark.parametrize(
    ("devices", "domains"), [(None, ["gpu-0", "gpu-1"]), ([1], ["gpu-1"]), (["0"], ["gpu-0"]), (["GPU-b"], ["gpu-1"])]
)
def test_devices_are_named_by_index_or_uuid(monkeypatch, devices, domains):
    installed(monkeypatch, Device(uuid="GPU-a"), Device(uuid="GPU-b"))
    assert list(NvmlMeter(devices).probe().domains) == domains


@pytest.mark.parametrize(
    ("devices", "why"),
    [
        (["GPU-c"], "NVML knows no device `GPU-c`"),
        ([0, 7], "NVML knows no device `7`"),
        (["MIG-a"], "device `MIG-a`: it is split by MIG, and its energy is that of all slices together"),
    ],
)
def test_a_named_device_that_is_not_there_is_not_passed_over(monkeypatch, devices, why):
    installed(monkeypatch, Device(uuid="GPU-a"))
    assert NvmlMeter(devices).probe().why == why


@pytest.mark.parametrize(
    ("error", "name"), [("GPU_IS_LOST", "device-error"), ("TIMEOUT", "timeout"), ("NO_PERMISSION", "unreadable")]
)
def test_a_device_that_fails_in_a_run_is_a_fault_and_no_zero(monkeypatch, error, name):
    device = Device()
    installed(monkeypatch, Device(), device)
    meter = NvmlMeter(clock=Clock(7.0))
    meter.probe()
    device.energy_mj = error
    assert meter.sample() == Fault(name, f"gpu-1 (NVIDIA L4): {error}", 7.0)


def test_power_that_fails_in_a_run_is_a_fault(monkeypatch):
    device = Device()
    installed(monkeypatch, device)
    meter = NvmlPowerMeter(clock=Clock(7.0))
    meter.probe()
    device.instant_mw = "GPU_IS_LOST"
    assert meter.sample() == Fault("device-error", "gpu-0 (NVIDIA L4): GPU_IS_LOST", 7.0)


@pytest.mark.parametrize("kind", [NvmlMeter, NvmlPowerMeter])
def test_a_meter_that_is_closed_gives_faults_and_can_be_opened_again(monkeypatch, kind):
    made = installed(monkeypatch, Device())
    meter = kind(clock=Clock(7.0))
    meter.probe()
    meter.close()
    meter.close()
    assert made.opened == 0
    assert meter.sample() == Fault("unreadable", f"{kind.id} is not open: it has to be probed first", 7.0)
    assert isinstance(meter.probe(), MeterFacts)


def test_temperatures_are_told_where_there_is_a_sensor(monkeypatch):
    installed(monkeypatch, Device(temperature=61), Device(temperature="NOT_SUPPORTED"))
    meter = NvmlMeter()
    meter.probe()
    assert meter.temperatures_c() == {"gpu-0": 61.0}


@pytest.mark.parametrize("name", ["NVIDIA A100-SXM4-80GB", "NVIDIA H100 PCIe"])
def test_sensors_that_look_a_quarter_of_the_time_are_named(monkeypatch, name):
    installed(monkeypatch, Device(name=name))
    assert NvmlMeter().probe().degraded[0].startswith("gpu-0: its sensor looks 25% of the time")


def test_a_counter_is_read_from_tick_to_tick(monkeypatch):
    clock = Clock()
    installed(monkeypatch, Device(energy_mj=counter(clock, lambda _: 300.0, 12)))
    seen = window(NvmlMeter(clock=clock), clock)
    assert seen.ticks >= 117
    assert seen.power_w == pytest.approx(300, rel=0.01)  # looked for every 50 ms, a tick is known to 0.05 s of 12 s
    assert seen.events == ()


@pytest.mark.parametrize(
    ("share", "agree"),
    [pytest.param(1.0, True, id="a counter that counts all"), pytest.param(0.6, False, id="one that counts 60%")],
)
def test_instant_power_along_the_window_shows_a_counter_that_runs_wrong(monkeypatch, share, agree):
    def load_w(at_s):
        return 350.0 if int(at_s * 2) % 2 else 90.0

    counting, looking = Clock(), Clock()
    energy_mj = counter(counting, lambda at_s: share * load_w(at_s), 12, seed=1)
    installed(monkeypatch, Device(energy_mj=energy_mj, instant_mw=instant(looking, load_w, seed=1)))
    counted = window(NvmlMeter(clock=counting), counting).power_w
    integrated = window(NvmlPowerMeter(clock=looking), looking).power_w
    assert (abs(counted / integrated - 1) <= 0.25) == agree


@pytest.mark.parametrize(
    ("energy_mj", "name"),
    [
        pytest.param(7_000_000, "stuck", id="frozen"),
        pytest.param(0, "zero", id="zero"),
        pytest.param("TIMEOUT", "timeout", id="fails"),
    ],
)
def test_a_counter_that_fails_in_a_window_has_no_energy_and_a_name(monkeypatch, energy_mj, name):
    clock, device = Clock(), Device()
    installed(monkeypatch, device)
    meter = NvmlMeter(clock=clock)
    facts = meter.probe()
    device.energy_mj = energy_mj
    looks = []
    for _ in range(240):
        looks.append(meter.sample())
        clock.at_s += 0.05
    seen = energy(facts, looks, 100.0, 112.0)
    assert seen.joules is None
    assert name in {event.name for event in seen.events}


def test_the_made_library_has_the_names_and_numbers_of_the_real_one():
    real = pytest.importorskip("pynvml")
    made = MadeNvml()
    numbers = CONSTANTS | {f"NVML_ERROR_{name}": code for name, code in CODES.items()}
    assert {name: getattr(real, name) for name in numbers} == numbers
    functions = [name for name in dir(made) if name.startswith("nvml")]
    assert [name for name in functions if not callable(getattr(real, name, None))] == []
    for code in CODES.values():
        assert type(made.NVMLError(code)).__name__ == type(real.NVMLError(code)).__name__
