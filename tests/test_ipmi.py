"""This machine's management controller, asked by `ipmitool dcmi power reading`; here a script stands in for it."""

# ruff: noqa: E501 - one case is one line of its table

import pytest

from greengate.evidence import Class
from greengate.measure.meters import ipmi
from greengate.measure.meters.ipmi import IpmiMeter
from greengate.ports import Fault, MeterFacts, NotHere, Sample
from greengate.settings import MeterAccess

SAID = """\

    Instantaneous power reading:                   214 Watts
    Minimum during sampling period:                  2 Watts
    Maximum during sampling period:                468 Watts
    Average power reading over sample period:      184 Watts
    IPMI timestamp:                           Sun Mar  1 10:06:44 2026
    Sampling period:                          00000001 Seconds.
    Power reading state is:                   activated

"""
NEWER = """\
    Instantaneous power reading              : 214      Watts
    Sampling period                          : 1000 Milliseconds
    Power reading state is                   : activated
"""


@pytest.fixture
def ipmitool(tmp_path, monkeypatch):
    """Put a script called ipmitool in the way, which says what a test wants."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def says(text, complaint="", code=0, first=""):
        (tmp_path / "said").write_text(text)
        (tmp_path / "complaint").write_text(complaint)
        script = tmp_path / "ipmitool"
        script.write_text(
            f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n{first}\ncat {tmp_path}/complaint >&2\ncat {tmp_path}/said\nexit {code}\n'
        )
        script.chmod(0o755)
        return IpmiMeter("local", MeterAccess(), what="rack 3, server 7")

    return says


@pytest.mark.parametrize("text", [SAID, NEWER], ids=["1.8.18", "1.8.19"])
def test_the_power_is_read(ipmitool, tmp_path, text):
    meter = ipmitool(text)
    sample = meter.sample()
    assert isinstance(sample, Sample)
    assert sample.values == {"host": 214.0}
    assert (tmp_path / "asked").read_text() == "dcmi power reading\n"
    meter.close()


def test_a_controller_says_what_it_is(ipmitool):
    assert ipmitool(SAID).probe() == MeterFacts(
        id="ipmi-dcmi",
        kind=Class.METERED,
        scope="host",
        domains={"host": "rack 3, server 7"},
        excludes="what draws through another power supply than this controller's, such as other machines and the network",
        reading="power",
        resolution=1.0,
        period_s=1.0,
        shortest_window_s=120.0,
        gain=0.05,
        source="ENERGY STAR Computer Servers 3.0, section 5: input power within 5%, at best 10 W a power supply",
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (SAID.replace("activated", "deactivated"), ("device-error", "the management controller's power reading is deactivated")),
        (SAID.replace("214 Watts", "214 Milliwatts"), ("wrong-unit", "ipmitool gives a power in `Milliwatts`, expected Watts")),
        (SAID.replace("214 Watts", "214"), ("wrong-unit", "ipmitool gives a power in ``, expected Watts")),
        (SAID.replace("214", "a lot of"), ("malformed", "ipmitool answers without a line `Instantaneous power reading`")),
        ("", ("malformed", "ipmitool answers without a line `Instantaneous power reading`")),
        (SAID.replace("214", "2140000"), ("wrong-unit", "ipmitool gives 2.14e+06 W, more than a machine draws: it is in another unit")),
    ],
    ids=["switched off", "milliwatts", "no unit", "no number", "nothing", "too much"],
)  # fmt: skip
def test_an_answer_that_is_none_is_a_fault(ipmitool, text, found):
    fault = ipmitool(text).sample()
    assert isinstance(fault, Fault)
    assert (fault.name, fault.words) == found


@pytest.mark.parametrize(
    ("complaint", "hint"),
    [
        ("Could not open device at /dev/ipmi0 or /dev/ipmi/0 or /dev/ipmidev/0: No such file or directory", "load the driver, `modprobe ipmi_devintf ipmi_si`, or pass /dev/ipmi0 into the container"),
        ("Could not open device at /dev/ipmi0 or /dev/ipmi/0 or /dev/ipmidev/0: Permission denied", "let the runner's user read /dev/ipmi0, by a udev rule or a group"),
        ("DCMI request failed because: Invalid command (c1)", "this controller has no DCMI power reading: try its `redfish` address"),
        ("something else", ""),
    ],
    ids=["no driver", "no permission", "no dcmi", "unknown"],
)  # fmt: skip
def test_what_ipmitool_complains_of_is_told_with_what_helps(ipmitool, complaint, hint):
    meter = ipmitool("", f"\n{complaint}\n", code=1)
    assert meter.probe() == NotHere(f"ipmitool cannot read the power: {complaint}", hint)


def test_no_power_at_all_is_no_meter(ipmitool):
    hint = "look what is plugged into it, and which way round"
    assert ipmitool(SAID.replace("214", "0")).probe() == NotHere(
        "ipmitool gives 0 W, while this machine draws some", hint
    )


def test_without_ipmitool_the_way_to_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    absent = IpmiMeter("local", MeterAccess()).probe()
    assert absent == NotHere("there is no ipmitool here", "install it: `apt install ipmitool`")


def test_an_ipmitool_that_may_not_be_run_is_a_fault(ipmitool, tmp_path):
    meter = ipmitool(SAID)
    (tmp_path / "ipmitool").write_bytes(b"\x7fELF, but no more")
    fault = meter.sample()
    assert (fault.name, fault.words) == ("unreadable", "ipmitool cannot be run: Exec format error")


def test_a_controller_that_is_silent_is_a_fault(ipmitool, monkeypatch):
    monkeypatch.setattr(ipmi, "TIMEOUT_S", 0.2)
    fault = ipmitool(SAID, first="exec sleep 60").sample()
    assert (fault.name, fault.words) == ("timeout", "the management controller gave no answer within 0.2 s")


def test_it_gets_no_secrets(ipmitool, tmp_path, monkeypatch):
    monkeypatch.setenv("GREENGATE_METER_PASSWORD", "s3cret")
    meter = ipmitool(SAID, first=f"env > {tmp_path}/env")
    meter.sample()
    assert "s3cret" not in (tmp_path / "env").read_text()
