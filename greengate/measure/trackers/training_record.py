"""What `greengate track` writes of a training: two lines of JSON a run, one when it begins and one when it ends.

A run that has begun and not ended was killed with its tracker, or still runs; that it is there shows that something is
missing. Amounts are decimal strings in the unit of their name. The digest shows that a line was changed afterwards, and
keeps nobody from changing it who means to.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import ConfigDict, Field

from greengate.errors import ReportError, UsageError
from greengate.evidence import Class
from greengate.ledger import canonical
from greengate.measure.trackers.tracker_file import MAX_BYTES
from greengate.values import Real, Value

FORMAT = "greengate/training/v1"
_LONGEST_LINE = 64 * 2**10

Phase: TypeAlias = Literal["", "experiment", "tuning", "final"]


class Host(Value):
    """The machine, without its name.

    Attributes:
        fingerprint: SHA-256 of its kind; machines that are bought alike share it.
        boot: What tells one machine from its twin until it is started again; "" where the system does not tell.
    """

    description: str
    fingerprint: str
    boot: str
    threads: int
    memory_gib: int
    virtual: bool
    accelerators: tuple[str, ...]


class Metering(Value):
    """One meter over the whole run; without joules it says why in `missing`."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    kind: Class = Field(alias="class")
    scope: str
    reading: str
    net_of_idle: bool
    boundary: str
    without: str
    joules: Real | None
    low: Real | None
    high: Real | None
    domains: dict[str, Real] = Field(default_factory=dict)
    covered_s: Real
    gain: Real
    source: str
    degraded: tuple[str, ...] = ()
    missing: str = ""


class Total(Value):
    """The energy of the run: the sum of the meters that are named, which see different parts of the machine."""

    model_config = ConfigDict(populate_by_name=True)

    joules: Real = Field(gt=0)
    low: Real = Field(ge=0)
    high: Real
    confidence: Real
    kind: Class = Field(alias="class")
    scope: str
    net_of_idle: bool
    meters: tuple[str, ...] = Field(min_length=1)
    without: str


class Emitted(Value):
    """Emissions at the intensity that was declared; `without` says what is not in them."""

    model_config = ConfigDict(populate_by_name=True)

    grams: Real = Field(gt=0)
    intensity: Real = Field(gt=0, le=2000, alias="grams_a_kwh")
    source: str = Field(min_length=1)
    without: str


class Happened(Value):
    """An event: a fixed name, and what was seen, in words."""

    name: str
    words: str


class Run(Value):
    """What is known of a run when it begins.

    Attributes:
        name: Made of the time and of chance.
        project, phase: As they were given, or "".
        inside: The tracked run that this one is part of, or "".
        command: The name of the program, without its folder and arguments.
    """

    name: str = Field(min_length=1)
    project: str = ""
    phase: Phase = ""
    inside: str = ""
    command: str
    greengate: str
    started_at: str
    machine: Host


class Begun(Value):
    """The first line of a run."""

    format: str = Field(FORMAT, pattern=f"^{FORMAT}$")
    state: Literal["begun"] = "begun"
    run: Run


class TrainingRecord(Value):
    """The last line of a run: what was begun, how it ended, and what it took.

    Attributes:
        duration_s: Seconds of it, suspensions left out.
        exit_code: The command's; 128 and more where a signal ended it.
        cpu_s: CPU seconds of the command and of all its children that were waited for.
        energy: None where it is not known; `missing` says why.
        unread: Why other meters could not be read, by name.
    """

    format: str = Field(FORMAT, pattern=f"^{FORMAT}$")
    state: Literal["ended"] = "ended"
    run: Run
    ended_at: str
    duration_s: Real = Field(gt=0)
    suspended_s: Real = Field(ge=0)
    exit_code: int
    signal: str = ""
    cpu_s: Real = Field(ge=0)
    energy: Total | None
    missing: str = ""
    emissions: Emitted | None
    meters: tuple[Metering, ...]
    unread: dict[str, str] = Field(default_factory=dict)
    events: tuple[Happened, ...] = ()


def line(record: Begun | TrainingRecord) -> bytes:
    """Write a record as its line, with its digest."""
    values = record.model_dump(mode="json", by_alias=True)
    return canonical.encode({**values, "sha256": digest(values)}) + b"\n"


def digest(values: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) over the canonical JSON of a line without its digest."""
    return canonical.digest(canonical.encode({key: value for key, value in values.items() if key != "sha256"}))


class RecordFile:
    """A file of such lines, which only grows; it is opened anew for each line, so that it may be moved meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def begin(self, begun: bytes) -> None:
        """Check that the file is one of these and has room, and write the first line of a run.

        Raises:
            UsageError: It is another kind of file, or full.
            ReportError: It cannot be written.
        """
        if self.path.exists() and not self.path.is_file():
            raise UsageError(str(self.path), "is no file that can be appended to", "name a file with `--out`")
        try:
            held = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise ReportError(str(self.path), f"the record cannot be read: {error.strerror}") from error
        if held and FORMAT.encode() not in held[:_LONGEST_LINE].partition(b"\n")[0]:
            hint = "name another with `--out`; nothing was written and nothing was run"
            raise UsageError(str(self.path), "is another kind of file than `greengate track` writes", hint)
        if held and not held.endswith(b"\n"):
            hint = "remove that line, or name another file with `--out`"
            raise UsageError(str(self.path), "its last line is torn", hint)
        if len(held) + 2 * _LONGEST_LINE > MAX_BYTES:
            problem = f"it has {len(held):,} bytes, and at most {MAX_BYTES:,} are read"
            raise UsageError(str(self.path), problem, "name another file with `--out`")
        self.append(begun)

    def append(self, data: bytes) -> None:
        """Append a line whole, or leave the file as it is.

        Raises:
            ReportError: It cannot be written.
        """
        with self._opened() as handle:
            _write(handle, data)

    def withdraw(self, data: bytes) -> None:
        """Take the last line back, if it is this one: what it tells of has not begun.

        Raises:
            ReportError: It cannot be written.
        """
        with self._opened() as handle:
            size = os.fstat(handle).st_size - len(data)
            if size >= 0 and os.pread(handle, len(data), size) == data:
                os.ftruncate(handle, size)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield handle
            finally:
                os.close(handle)
        except OSError as error:
            problem = f"the record cannot be written: {error.strerror}"
            raise ReportError(str(self.path), problem, "free the disk, or name a file that can be written") from error


def _write(handle: int, data: bytes) -> None:
    size = os.fstat(handle).st_size
    left = data
    try:
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, size)
        raise
