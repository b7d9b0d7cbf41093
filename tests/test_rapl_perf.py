import errno
import os
import struct

import pytest
from rapl_made import AMD, INTEL, Events, Refusing, machine, pmu

from greengate.evidence import Class
from greengate.measure.meters.rapl_perf import PerfMeter, open_event
from greengate.ports import Fault, NotHere

JOULE = 2**32


def meter(root, events=None, read=None, **made):
    return PerfMeter(pmu(root, **made), root, events or Events(JOULE), read or Refusing())


def domains(root, **made):
    looked_at = meter(root, **made)
    found = list(looked_at.probe().domains)
    looked_at.close()
    return found


def test_counts_times_scale_are_joules(tmp_path):
    looked_at = meter(machine(tmp_path), Events(3 * JOULE, JOULE * 7 // 2))
    looked_at.probe()
    assert looked_at.sample().values == {"package-0": 3.0, "dram-0": 3.0}
    assert looked_at.sample().values == {"package-0": 3.5, "dram-0": 3.5}
    looked_at.close()


def test_counters_are_opened_for_the_cpus_that_the_kernel_names(tmp_path):
    events = Events(0)
    looked_at = meter(
        machine(tmp_path), events, cpumask="0,18", topology={0: (0, 0), 18: (1, 0)}, **{"events__energy-ram": None}
    )
    looked_at.probe()
    (attributes, _), _ = events.opened
    assert [cpu for _, cpu in events.opened] == [0, 18]
    assert struct.unpack("=IIQ48s", attributes) == (23, 64, 2, bytes(48))
    looked_at.close()


@pytest.mark.parametrize(
    ("vendor", "cpumask", "topology", "expected"),
    [
        pytest.param(INTEL, "0,4", {0: (0, 0), 4: (1, 0)}, ["package-0", "package-1"], id="two sockets"),
        pytest.param(
            INTEL, "0-1", {0: (0, 0), 1: (0, 1)}, ["package-0-die-0", "package-0-die-1"], id="dies that count apart"
        ),
        pytest.param(
            AMD,
            "0,8,16",
            {0: (0, 0), 8: (0, 1), 16: (1, 2)},
            ["package-0", "package-1"],
            id="dies that show the package",
        ),
    ],
)
def test_every_package_is_opened_once(tmp_path, vendor, cpumask, topology, expected):
    root = machine(tmp_path, vendor)
    assert domains(root, cpumask=cpumask, topology=topology, **{"events__energy-ram": None}) == expected


def test_facts_tell_class_boundary_and_that_it_never_wraps(tmp_path):
    looked_at = meter(machine(tmp_path))
    facts = looked_at.probe()
    looked_at.close()
    assert (facts.id, facts.kind, facts.scope, facts.wraps_j) == ("rapl-perf", Class.COUNTER, "package", {})
    assert facts.excludes.startswith("accelerators, ")


def test_without_an_event_for_it_memory_is_outside_the_boundary(tmp_path):
    looked_at = meter(machine(tmp_path), **{"events__energy-ram": None})
    assert looked_at.probe().excludes.startswith("memory, ")
    looked_at.close()


@pytest.mark.parametrize(
    ("made", "why", "hint"),
    [
        pytest.param({"flags": "hypervisor"}, "this is a virtual machine", "bare metal", id="virtual machine"),
        pytest.param({"mark": ".dockerenv"}, "the container does not show it", "mount the host's /sys", id="container"),
        pytest.param({}, "driver of RAPL is not loaded", "sudo modprobe rapl ", id="bare metal"),
        pytest.param({"vendor": "unknown"}, "names neither vendor", "outside the machine", id="another processor"),
    ],
)
def test_a_missing_device_is_explained_by_what_is_between_it_and_the_process(tmp_path, made, why, hint):
    found = PerfMeter(tmp_path / "devices", machine(tmp_path, **made)).probe()
    assert why in found.why
    assert hint in found.hint


@pytest.mark.parametrize(
    ("error", "mark", "paranoid", "why", "hint"),
    [
        pytest.param(
            errno.EACCES,
            None,
            "2",
            "kernel.perf_event_paranoid is 2, and",
            "sudo sysctl kernel.perf_event_paranoid=0",
            id="host",
        ),
        pytest.param(
            errno.EACCES, ".dockerenv", "4", "kernel.perf_event_paranoid is 4, and", "--cap-add PERFMON", id="container"
        ),
        pytest.param(
            errno.EPERM, ".dockerenv", "2", "as a container's seccomp profile does", "--cap-add PERFMON", id="seccomp"
        ),
        pytest.param(errno.EPERM, None, "-1", "a security module such as SELinux", "", id="security module"),
        pytest.param(errno.EACCES, None, None, "kernel.perf_event_paranoid is not readable", "sysctl", id="no /proc"),
        pytest.param(errno.ENOENT, None, "0", "does not count them", "sudo modprobe rapl", id="no such event"),
        pytest.param(errno.EINVAL, None, "0", "does not count them", "sudo modprobe rapl", id="not supported"),
        pytest.param(errno.ENOSYS, None, "0", "has no perf_event_open", "CONFIG_PERF_EVENTS", id="no such call"),
        pytest.param(errno.ENOSYS, ".dockerenv", "0", "has no perf_event_open", "PERFMON", id="no such call, inside"),
        pytest.param(errno.EMFILE, None, "0", "(Too many open files)", "", id="anything else"),
    ],
)
def test_a_refusal_says_who_refuses_and_what_helps(tmp_path, error, mark, paranoid, why, hint):
    root = machine(tmp_path, mark=mark)
    if paranoid:
        (tmp_path / "proc/sys/kernel").mkdir(parents=True)
        (tmp_path / "proc/sys/kernel/perf_event_paranoid").write_text(f"{paranoid}\n")
    found = meter(root, Events(error=error)).probe()
    assert found.why.startswith(f"the kernel refused to open the counters ({os.strerror(error)})")
    assert why in found.why
    assert hint in found.hint


def test_a_refusal_half_way_leaves_nothing_open(tmp_path):
    events = Events(0, error=errno.EACCES, after=1)
    assert isinstance(meter(machine(tmp_path), events).probe(), NotHere)
    assert events.closed() == [True]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"events__energy-pkg": None}, "has no event energy-pkg", id="another PMU of that name"),
        pytest.param({"events__energy-pkg.unit": "mWatts"}, "unit says 'mWatts', not Joules", id="another unit"),
        pytest.param(
            {"events__energy-pkg": "config=7"}, "says 'config=7', not event=0x and a number", id="another code"
        ),
        pytest.param({"events__energy-pkg.scale": "nan"}, "scale says 'nan', not the joules of one count", id="scale"),
        pytest.param({"events__energy-pkg.scale": None}, "scale cannot be read: No such file", id="no scale"),
        pytest.param({"type": "power"}, "type says 'power', not a number", id="type"),
        pytest.param({"cpumask": ""}, "cpumask says '', not a list of CPUs", id="no CPU"),
        pytest.param(
            {"cpumask": "9"}, "physical_package_id cannot be read: No such file", id="a CPU that is not there"
        ),
    ],
)
def test_a_device_that_says_something_unexpected_is_not_there(tmp_path, changed, said):
    assert said in meter(machine(tmp_path), **changed).probe().why


@pytest.mark.parametrize(
    ("count", "name"),
    [
        pytest.param(b"", "device-error", id="the kernel switched it off"),
        pytest.param(b"1234", "malformed", id="half a count"),
    ],
)
def test_a_look_that_gives_no_count_is_a_fault_with_a_name(tmp_path, count, name):
    looked_at = meter(machine(tmp_path), Events(count))
    looked_at.probe()
    assert looked_at.sample().name == name
    looked_at.close()


def test_a_counter_that_was_closed_behind_its_back_is_a_fault(tmp_path):
    events = Events(JOULE)
    looked_at = meter(machine(tmp_path), events)
    looked_at.probe()
    for end in events.ends:
        os.close(end)
    assert looked_at.sample().name == "unreadable"
    looked_at.close()


def test_closing_closes_every_counter_and_may_be_done_twice(tmp_path):
    events = Events(JOULE)
    looked_at = meter(machine(tmp_path), events)
    looked_at.probe()
    looked_at.close()
    looked_at.close()
    assert events.closed() == [True, True]
    assert looked_at.sample().name == "unreadable"


def test_probing_again_closes_what_the_first_time_opened(tmp_path):
    events = Events(JOULE)
    looked_at = meter(machine(tmp_path), events)
    looked_at.probe()
    first = list(events.ends)
    events.error = errno.EACCES
    looked_at.probe()
    assert (len(first), events.closed()) == (2, [True, True])


def test_the_kernel_refuses_an_event_source_that_is_not_there():
    with pytest.raises(OSError, match=r"^\[Errno \d+\] \w+"):
        open_event(struct.pack("=IIQ48x", 2**31, 64, 0), 0)


def test_on_this_machine_it_answers_without_raising():
    looked_at = PerfMeter()
    found = looked_at.probe()
    assert isinstance(looked_at.sample(), Fault) == isinstance(found, NotHere)
    looked_at.close()
