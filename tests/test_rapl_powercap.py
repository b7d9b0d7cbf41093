import errno
import shutil

import pytest
from rapl_made import AMD, INTEL, RANGE_UJ, Refusing, machine, zones

from greengate.evidence import Class
from greengate.measure.meters.rapl_powercap import PowercapMeter
from greengate.ports import Fault, NotHere

ONE_SOCKET = {
    "intel-rapl:0": "package-0",
    "intel-rapl:0:0": "core",
    "intel-rapl:0:1": "uncore",
    "intel-rapl:0:2": "dram",
}
DOCKER = ".dockerenv"


def meter(root, layout=None, read=None, **changed):
    flat = zones(root, layout or ONE_SOCKET, **changed)
    return PowercapMeter(flat, root, read or Refusing())


def values(looked_at):
    looked_at.probe()
    return looked_at.sample().values


def test_a_socket_is_read_as_its_package_and_its_memory_in_joules(tmp_path):
    assert values(meter(machine(tmp_path))) == {"package-0": 1.0, "dram-0": 4.0}


@pytest.mark.parametrize(
    ("vendor", "layout", "expected"),
    [
        pytest.param(
            INTEL,
            {
                "intel-rapl:0": "package-0",
                "intel-rapl:0:0": "dram",
                "intel-rapl:1": "package-1",
                "intel-rapl:1:0": "dram",
            },
            {"package-0": 1, "dram-0": 2, "package-1": 3, "dram-1": 4},
            id="two sockets",
        ),
        pytest.param(
            INTEL,
            {"intel-rapl-mmio:0": "package-0", "intel-rapl:0": "package-0", "intel-rapl:0:0": "core"},
            {"package-0": 2},
            id="the same package by MMIO is not added",
        ),
        pytest.param(
            INTEL,
            {"intel-rapl:0": "package-0", "intel-rapl-mmio:0": "package-0", "intel-rapl-mmio:0:0": "dram"},
            {"package-0": 1, "dram-0": 3},
            id="memory that only MMIO has",
        ),
        pytest.param(
            INTEL,
            {"intel-rapl:0": "package-0", "intel-rapl:1": "psys"},
            {"package-0": 1},
            id="psys contains the package",
        ),
        pytest.param(
            INTEL,
            {"intel-rapl:0": "psys", "intel-rapl:0:0": "dram", "intel-rapl:1": "package-0"},
            {"package-0": 3},
            id="memory inside psys is not added",
        ),
        pytest.param(
            INTEL,
            {"intel-rapl:0": "package-0-die-0", "intel-rapl:1": "package-0-die-1", "intel-rapl:1:0": "dram"},
            {"package-0-die-0": 1, "package-0-die-1": 2, "dram-0-die-1": 3},
            id="dies that count apart",
        ),
        pytest.param(
            AMD,
            {"intel-rapl:0": "package-0-die-0", "intel-rapl:0:0": "core", "intel-rapl:b": "package-0-die-1"},
            {"package-0": 1},
            id="dies that all show the package",
        ),
        pytest.param(AMD, {"intel-rapl:0": "package-0", "intel-rapl:0:0": "core"}, {"package-0": 1}, id="AMD"),
    ],
)
def test_every_package_is_counted_once(tmp_path, vendor, layout, expected):
    assert values(meter(machine(tmp_path, vendor), layout)) == expected


def test_a_nested_tree_is_read_as_the_flat_one_is(tmp_path):
    zones(machine(tmp_path), ONE_SOCKET)
    nested = PowercapMeter(tmp_path / "sys/devices/virtual/powercap", tmp_path)
    assert values(nested) == {"package-0": 1.0, "dram-0": 4.0}


def test_facts_tell_class_boundary_wrap_and_resolution(tmp_path):
    facts = meter(machine(tmp_path)).probe()
    assert (facts.id, facts.kind, facts.scope, facts.reading) == ("rapl-powercap", Class.COUNTER, "package", "energy")
    assert list(facts.domains) == ["package-0", "dram-0"]
    assert facts.wraps_j == {"package-0": RANGE_UJ / 1e6, "dram-0": RANGE_UJ / 1e6}
    assert facts.resolution == pytest.approx(2**-14, rel=1e-4)
    assert facts.excludes.startswith("accelerators, ")
    assert (facts.shortest_window_s, facts.degraded) == (1.0, ())


def test_without_a_zone_for_it_memory_is_outside_the_boundary(tmp_path):
    assert meter(machine(tmp_path), {"intel-rapl:0": "package-0"}).probe().excludes.startswith("memory, ")


@pytest.mark.parametrize(("vendor", "gain"), [(INTEL, 0.05), (AMD, 0.10), ("HygonGenuine", 0.10)])
def test_the_gain_is_that_of_the_vendor(tmp_path, vendor, gain):
    assert meter(machine(tmp_path, vendor)).probe().gain == gain


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        pytest.param("sgx sgx_lc", "SGX is on", id="SGX blurs"),
        pytest.param("hypervisor", "in a virtual machine", id="a hypervisor's own counters"),
    ],
)
def test_what_makes_readings_doubtful_is_said(tmp_path, flags, said):
    (doubt,) = meter(machine(tmp_path, flags=flags)).probe().degraded
    assert doubt.startswith(said)


@pytest.mark.parametrize(
    "dram",
    [pytest.param({"energy_uj": 0}, id="it does not count"), pytest.param({"energy_uj": "n/a"}, id="it is garbage")],
)
def test_memory_that_cannot_be_read_is_left_out_and_said_to_be(tmp_path, dram):
    looked_at = meter(machine(tmp_path), dram=dram)
    facts = looked_at.probe()
    assert list(looked_at.sample().values) == list(facts.domains) == ["package-0"]
    assert facts.degraded[0].startswith("dram-0 is left out: ")
    assert facts.excludes.startswith("memory, ")


@pytest.mark.parametrize(
    ("made", "why", "hint"),
    [
        pytest.param({"flags": "hypervisor"}, "this is a virtual machine", "bare metal", id="virtual machine"),
        pytest.param({"flags": "hypervisor", "mark": DOCKER}, "this is a virtual machine", "bare metal", id="both"),
        pytest.param({"mark": DOCKER}, "the container does not show it", "read-only", id="Docker"),
        pytest.param({"mark": "run/.containerenv"}, "the container does not show it", "read-only", id="Podman"),
        pytest.param({}, "driver of RAPL is not loaded", "sudo modprobe intel_rapl_msr", id="bare metal"),
        pytest.param({"vendor": "unknown"}, "names neither vendor", "outside the machine", id="another processor"),
    ],
)
@pytest.mark.parametrize("there", [False, True], ids=["no folder", "no zones"])
def test_no_zones_are_explained_by_what_is_between_them_and_the_process(tmp_path, made, why, hint, there):
    root = machine(tmp_path, **made)
    folder = tmp_path / "powercap"
    if there:
        (folder / "dtpm:0").mkdir(parents=True)
    found = PowercapMeter(folder, root).probe()
    assert why in found.why
    assert hint in found.hint
    assert found.why.startswith(f"{folder} {'holds no intel-rapl zone' if there else 'does not exist'}: ")


def test_links_that_lead_nowhere_tell_of_a_mask(tmp_path):
    looked_at = meter(machine(tmp_path, mark=DOCKER))
    shutil.rmtree(tmp_path / "sys/devices")
    found = looked_at.probe()
    assert "leads nowhere: the container's runtime masks" in found.why
    assert "systempaths=unconfined" in found.hint


@pytest.mark.parametrize(
    ("mark", "hint"),
    [
        pytest.param(
            None, "run as root, or give the runner's service CAP_DAC_READ_SEARCH, or let", id="on the machine"
        ),
        pytest.param(DOCKER, "run the container as root (user 0", id="in a container"),
    ],
)
def test_a_counter_for_root_only_says_how_to_grant_it(tmp_path, mark, hint):
    found = meter(machine(tmp_path, mark=mark), read=Refusing(energy_uj=errno.EACCES)).probe()
    assert "energy_uj may be read by root only, as Linux has it since CVE-2020-8694" in found.why
    assert found.hint.startswith(hint)
    assert 'KERNEL=="intel-rapl*:*"' in found.hint


@pytest.mark.parametrize(
    ("package", "said"),
    [
        pytest.param({"energy_uj": "lots"}, "energy_uj says 'lots', not a count of microjoules", id="garbage"),
        pytest.param({"energy_uj": -5}, "energy_uj says '-5', not a count of microjoules", id="negative"),
        pytest.param({"energy_uj": ""}, "energy_uj says '', not a count of microjoules", id="empty"),
        pytest.param({"energy_uj": 0}, "energy_uj says 0: ", id="it does not count"),
        pytest.param({"max_energy_range_uj": "²"}, "max_energy_range_uj says", id="no range"),
    ],
)
def test_a_package_that_says_no_count_is_not_there(tmp_path, package, said):
    assert said in meter(machine(tmp_path), package_0=package).probe().why


def test_zones_without_a_package_are_named(tmp_path):
    found = meter(machine(tmp_path), {"intel-rapl:0": "psys", "intel-rapl:0:0": "core"}).probe()
    assert found.why.endswith("is a package, only: core, psys")


@pytest.mark.parametrize(
    ("end", "said"),
    [
        pytest.param("name", "name cannot be read: Permission denied", id="a name"),
        pytest.param("max_energy_range_uj", "max_energy_range_uj may be read by root only", id="a range"),
    ],
)
def test_any_other_file_that_may_not_be_read_is_named(tmp_path, end, said):
    assert said in meter(machine(tmp_path), read=Refusing(**{end: errno.EACCES})).probe().why


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "powercap").write_text("")
    found = PowercapMeter(tmp_path / "powercap", machine(tmp_path)).probe()
    assert found.why.endswith("powercap cannot be listed: Not a directory")


@pytest.mark.parametrize(
    ("answer", "name", "said"),
    [
        pytest.param(errno.EIO, "device-error", "Input/output error", id="the driver fails"),
        pytest.param(errno.ENODATA, "device-error", "No data available", id="no data"),
        pytest.param(errno.ENOENT, "unreadable", "No such file or directory", id="the module was unloaded"),
        pytest.param(errno.EACCES, "unreadable", "Permission denied", id="the right was taken away"),
        pytest.param(errno.ETIMEDOUT, "timeout", "Connection timed out", id="it takes too long"),
        pytest.param(b"\xff\xfe", "malformed", "says '\\\\xff\\\\xfe', not a count", id="bytes"),
        pytest.param(b"12.5", "malformed", "says '12.5', not a count", id="a fraction"),
        pytest.param(b"", "malformed", "says '', not a count", id="nothing"),
    ],
)
def test_a_look_that_fails_is_a_fault_with_a_name(tmp_path, answer, name, said):
    read = Refusing()
    looked_at = meter(machine(tmp_path), read=read)
    looked_at.probe()
    read.ends = {"energy_uj": answer}
    found = looked_at.sample()
    assert (type(found), found.name) == (Fault, name)
    assert said in found.words


def test_a_later_look_sees_the_counter_where_it_is_then(tmp_path):
    read = Refusing()
    looked_at = meter(machine(tmp_path), {"intel-rapl:0": "package-0"}, read)
    looked_at.probe()
    first = looked_at.sample()
    read.ends = {"energy_uj": b"250\n"}
    assert (first.values, looked_at.sample().values) == ({"package-0": 1.0}, {"package-0": 0.00025})
    assert looked_at.sample().at_s >= first.at_s


def test_what_was_not_found_cannot_be_sampled(tmp_path):
    looked_at = PowercapMeter(tmp_path / "nowhere", machine(tmp_path))
    looked_at.probe()
    looked_at.close()
    looked_at.close()
    assert looked_at.sample().name == "unreadable"


def test_on_this_machine_it_answers_without_raising():
    looked_at = PowercapMeter()
    found = looked_at.probe()
    assert isinstance(looked_at.sample(), Fault) == isinstance(found, NotHere)
