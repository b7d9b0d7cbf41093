"""IPMI: the power that this machine's management controller (BMC) reads, by `ipmitool dcmi power reading`.

Source: DCMI specification 1.5, section 6.6.1 (Get Power Reading: whole watts).
"""

from __future__ import annotations

import re
import subprocess

from greengate.evidence import Class
from greengate.measure.meters.wall_readings import (
    BMC_EXCLUDES,
    BMC_GAIN,
    BMC_INTERVAL_S,
    BMC_SOURCE,
    DOMAIN,
    WHAT,
    NoReading,
    probed,
    refuse_idle,
    sampled,
    shortest_window_s,
    watts,
)
from greengate.ports import Fault, MeterFacts, NotHere, Sample
from greengate.settings import MeterAccess, harmless_environment

TIMEOUT_S = 2.0
_COMMAND = ("ipmitool", "dcmi", "power", "reading")
_POWER = re.compile(r"^\s*Instantaneous power reading\s*:\s*(\d+)\s*(\S*)\s*$", re.MULTILINE)
_STATE = re.compile(r"^\s*Power reading state is\s*:\s*(\S+)\s*$", re.MULTILINE)
# What ipmitool says on its error channel, and what helps.
_CAUSES = (
    ("permission denied", "let the runner's user read /dev/ipmi0, by a udev rule or a group"),
    (
        "could not open device",
        "load the driver, `modprobe ipmi_devintf ipmi_si`, or pass /dev/ipmi0 into the container",
    ),
    ("invalid command", "this controller has no DCMI power reading: try its `redfish` address"),
)


class IpmiMeter:
    """This machine's own reading of its input power, in whole watts.

    Args:
        address: Always `local`: over a network, Redfish is the better way.
        access: Not used: the device file's permissions decide.
        what: What it feeds, in words.
        interval_s: How often to ask.
    """

    def __init__(
        self, address: str, access: MeterAccess, *, what: str = WHAT, interval_s: float = BMC_INTERVAL_S
    ) -> None:
        del address, access
        self._what = what
        self._interval_s = interval_s

    def probe(self) -> MeterFacts | NotHere:
        """Look for ipmitool, a controller, and a reading."""
        return probed(self._facts)

    def sample(self) -> Sample | Fault:
        """Ask the controller."""
        return sampled(_reading)

    def close(self) -> None:
        """There is nothing to let go of."""

    def _facts(self) -> MeterFacts:
        refuse_idle(_reading(), "ipmitool")
        return MeterFacts(
            id="ipmi-dcmi",
            kind=Class.METERED,
            scope="host",
            domains={DOMAIN: self._what},
            excludes=BMC_EXCLUDES,
            reading="power",
            resolution=1.0,
            period_s=self._interval_s,
            shortest_window_s=shortest_window_s(self._interval_s),
            gain=BMC_GAIN,
            source=BMC_SOURCE,
        )


def _reading() -> float:
    said = _asked()
    power, state = _POWER.search(said), _STATE.search(said)
    if state is not None and state[1] != "activated":
        raise NoReading("device-error", f"the management controller's power reading is {state[1]}")
    if power is None:
        raise NoReading("malformed", "ipmitool answers without a line `Instantaneous power reading`")
    if power[2] != "Watts":
        raise NoReading("wrong-unit", f"ipmitool gives a power in `{power[2][:20]}`, expected Watts")
    return watts(int(power[1]), "ipmitool")


def _asked() -> str:
    environment = {**harmless_environment(), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            _COMMAND,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            env=environment,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise NoReading("unreadable", "there is no ipmitool here", "install it: `apt install ipmitool`") from None
    except subprocess.TimeoutExpired:
        raise NoReading("timeout", f"the management controller gave no answer within {TIMEOUT_S:g} s") from None
    except OSError as error:
        raise NoReading("unreadable", f"ipmitool cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        said = f"{done.stderr} {done.stdout}".lower()
        hint = next((hint for words, hint in _CAUSES if words in said), "")
        first = next((line.strip() for line in done.stderr.splitlines() if line.strip()), "no reason given")
        raise NoReading("unreadable", f"ipmitool cannot read the power: {first[:120]}", hint)
    return done.stdout
