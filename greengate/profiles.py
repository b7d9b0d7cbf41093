"""Profiles of reference runners: what calibrating a machine found, signed, and what evidence takes over of it.

A profile is a DSSE envelope around canonical JSON; its id is the SHA-256 of that payload, so that whoever knows the id
knows every figure in it. Amounts are decimal strings with their unit in the name, as in all that is hashed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from greengate.errors import GreengateError, Place, ProjectError
from greengate.evidence import Event, Runner
from greengate.ledger import canonical, signing
from greengate.ledger.signing import SigningKey
from greengate.measure.machine import Kind, Machine
from greengate.packs.project import ProfileEntry
from greengate.trees import read_source
from greengate.values import Real, Value

PAYLOAD_TYPE = "application/vnd.greengate.runner-profile+json"
LABEL = re.compile(r"([A-Za-z0-9][A-Za-z0-9._/-]{0,62})=(\S(?:.{0,98}\S)?)")
_AGAIN = "`greengate runner calibrate` makes a new one"


class Idle(Value):
    """The machine with nothing to do.

    Attributes:
        foreign_share: Share of all its processors that others used; None where the system does not tell.
        steal_share: Share that the hypervisor kept.
        power_w: Watts by meter.
    """

    seconds: Real
    foreign_share: Real | None = None
    steal_share: Real | None = None
    power_w: dict[str, Real] = Field(default_factory=dict)


class Control(Value):
    """The control workload.

    Attributes:
        cpu_s: CPU seconds of a run: the median over the blocks.
        scatter_share: Standard deviation of the blocks, as a share.
        drift_share: How much dearer it was in the second half of the time than in the first.
    """

    blocks: int
    cpu_s: Real
    scatter_share: Real
    drift_share: Real


class Comparison(Value):
    """The control workload held against itself, as a candidate is held against its baseline.

    Attributes:
        ratio: What was found where 1 is the truth, with the interval that belongs to the test.
        spread_share: Standard deviation of a round's ratio.
        resolved_share: The least difference that is decided within `within_s`; None where none is.
    """

    seconds: Real
    rounds: int
    ratio: Real
    low: Real
    high: Real
    spread_share: Real
    resolved_share: Real | None
    within_s: Real


class Counted(Value):
    """A meter that could be read: its facts, as `greengate.ports.MeterFacts` explains them."""

    id: str
    kind: str
    scope: str
    domains: dict[str, str]
    excludes: str
    reading: str
    resolution: Real
    period_s: Real
    shortest_window_s: Real
    gain_share: Real
    source: str
    degraded: tuple[str, ...] = ()


class Coefficient(Value):
    """Watts of one busy hardware thread, above idle, by a meter, beside those of the table of processors."""

    meter: str
    net_w: Real
    low_w: Real
    high_w: Real
    confidence: Real
    table_w: Real | None = None
    table_source: str = ""


class Profile(Value):
    """What calibrating found of one machine.

    Attributes:
        taken_at: UTC in ISO 8601.
        expires: The last day on which it counts, YYYY-MM-DD, or "".
        labels: What whoever signed it says of the machine, such as {"class": "ci-large"}.
        fingerprint: SHA-256 of `kind`.
        processor, system, kernel: What else was there, which is no part of the kind.
        unread: Why other meters could not be read, or gave no figure.
    """

    version: Literal[1] = 1
    greengate: str
    taken_at: str
    expires: str = Field("", pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")
    labels: dict[str, str] = Field(default_factory=dict)
    fingerprint: str
    kind: Kind
    processor: str
    system: str
    kernel: str
    idle: Idle
    control: Control
    comparison: Comparison
    meters: tuple[Counted, ...] = ()
    unread: dict[str, str] = Field(default_factory=dict)
    coefficients: tuple[Coefficient, ...] = ()
    events: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.fingerprint != self.kind.fingerprint:
            raise ValueError("its fingerprint belongs to another machine than it describes")
        return self

    @property
    def resolution(self) -> str:
        """What this runner can tell apart, in words."""
        found = self.comparison
        if found.resolved_share is None:
            return f"decides nothing in {found.within_s:g} s"
        return f"tells {found.resolved_share * 100:.2g}% apart in {found.within_s:g} s"

    def payload(self) -> bytes:
        """Write it as the bytes that are signed."""
        return canonical.encode(self.model_dump(mode="json", exclude_none=True))


@dataclass(frozen=True, slots=True)
class Signed:
    """A profile whose signature was checked: its id (SHA-256 of the payload, hex) and the key that signed it.

    `payload` are the bytes that were signed, `sealed` those of the envelope around them.
    """

    profile: Profile
    id: str
    signer: str
    payload: bytes = field(default=b"", repr=False)
    sealed: bytes = field(default=b"", repr=False)

    def of(self, machine: Machine) -> tuple[Runner, str]:
        """Tell what evidence says of a machine that this profile is named for, and why not more.

        Returns:
            The runner, with the profile if it is of this kind of machine; else without, and in what the two differ.
        """
        differing = machine.kind.differing(self.profile.kind)
        if differing:
            return machine.runner, "; ".join(differing)
        said = self.profile
        known = {"profile": self.id, "signer": self.signer, "labels": dict(said.labels), "resolution": said.resolution}
        return machine.runner.model_copy(update=known), ""


def seal(profile: Profile, key: SigningKey) -> bytes:
    """Sign a profile; the bytes are what is kept in a file."""
    return key.seal(profile.payload(), PAYLOAD_TYPE)


def unseal(data: bytes, public: str, where: Place | str, error: type[GreengateError]) -> Signed:
    """Check a signed profile and read it.

    Args:
        data: The file's bytes.
        public: The key that must have signed it; "" takes the file's own word for its key.
        where: What a message says it is about.
        error: What is raised.

    Raises:
        GreengateError: It is no profile, nobody or another key has signed it, or it was changed afterwards.
    """
    try:
        payload, signer = signing.unseal(data, PAYLOAD_TYPE, public)
        return Signed(Profile.model_validate_json(payload), canonical.digest(payload), signer, payload, data)
    except signing.Refused as refused:
        raise error(where, f"the runner profile cannot be believed: {refused}", _AGAIN) from refused
    except ValidationError as bad:
        first = bad.errors(include_url=False)[0]
        at = ".".join(str(step) for step in first["loc"])
        found = f"{at}: {first['msg']}" if at else first["msg"]
        problem = f"it is signed, and not as this version writes runner profiles: {found}"
        raise error(where, problem, _AGAIN) from bad


def refuse_expired(signed: Signed, today: str, where: Place | str, error: type[GreengateError]) -> None:
    """Refuse a profile whose last day is over.

    Raises:
        GreengateError: It is.
    """
    if signed.profile.expires and today > signed.profile.expires:
        raise error(where, f"the runner profile expired on {signed.profile.expires}", _AGAIN)


@dataclass(frozen=True, slots=True)
class Recognised:
    """What evidence says of this machine, and what is worth telling where a profile is another machine's.

    `signed` is its profile, or None where it has none.
    """

    runner: Runner
    notes: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    signed: Signed | None = None


def recognise(entries: Sequence[ProfileEntry], root: Path, base: str, today: str, here: Machine) -> Recognised:
    """Hold this machine against the profiles that the project names, and take the one of its kind.

    All of them must be there and signed; only the one that is taken must not have expired.

    Args:
        entries: What the project file says.
        root: The project's folder.
        base: The commit that the project file was read at, and so is the profile; "" reads the working tree.
        today: The UTC date, YYYY-MM-DD.
        here: This machine.

    Raises:
        ProjectError: A profile is not there or cannot be believed, or the last day of the one of this kind is over.
    """
    others: dict[str, str] = {}
    for entry, signed in [(entry, _read(entry, root, base)) for entry in entries]:
        runner, differing = signed.of(here)
        if not differing:
            refuse_expired(signed, today, entry.place, ProjectError)
            return Recognised(runner, signed=signed)
        others[entry.file] = differing
    if not others:
        return Recognised(here.runner)
    told = "; ".join(f"{file}: {words}" if len(others) > 1 else words for file, words in others.items())
    files = " or ".join(others)
    words = f"this machine is not of the kind that {files} was made on, so that it has no profile: {told}"
    return Recognised(here.runner, (words,), (Event(name="other-runner", words=f"{files} was left out"),))


def _read(entry: ProfileEntry, root: Path, base: str) -> Signed:
    data = read_source(root, entry.file, base)
    if data is None:
        hint = f"commit what `greengate runner calibrate --output {entry.file}` writes"
        raise ProjectError(entry.place, f"the runner profile `{entry.file}` is not there", hint)
    return unseal(data, entry.key, entry.place, ProjectError)
