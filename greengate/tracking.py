"""A command of the user's with the machine's meters beside it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath

from greengate import __version__, tracked
from greengate.errors import UsageError
from greengate.ledger import canonical
from greengate.measure import commands
from greengate.measure.commands import Held
from greengate.measure.long_run import Gauge
from greengate.measure.machine import Machine
from greengate.measure.trackers.training_record import Begun, Host, Phase, RecordFile, Run, TrainingRecord, line
from greengate.ports import MeterFacts
from greengate.tracked import Course, Ground

_CUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run, and how it is called.

    Attributes:
        words: The command.
        environment: What the command gets, by the name of the run.
        inside: The tracked run that this one is part of, or "".
    """

    words: Sequence[str]
    environment: Callable[[str], Mapping[str, str]]
    project: str = ""
    phase: Phase = ""
    inside: str = ""


def track(job: Job, ground: Ground, file: RecordFile, held: Held) -> tuple[int, Callable[[], TrainingRecord]]:
    """Run a command with meters beside it.

    Returns:
        Its exit code, and what makes the record, so that the code is known whatever becomes of the record.

    Raises:
        UsageError: There is no such program, or the file is of another kind.
        ReportError: The file cannot be written.
        KeyboardInterrupt: A signal came before the command was started.
    """
    program = commands.program(job.words[0])
    run = _run(job, ground.machine)
    begun = line(Begun(run=run))
    file.begin(begun)
    here = ground.here
    # Of two meters with one identifier the first is used.
    by_id = {one.told.id: (one.meter, one.told) for one in reversed(ground.found) if isinstance(one.told, MeterFacts)}
    gauges = [Gauge(meter, facts, here) for meter, facts in reversed(by_id.values())]
    for gauge in gauges:
        gauge.open()
    load, own_cpu_s, asleep_s, start_s = here.load(), here.own_cpu_s(), here.asleep_s(), here.clock()
    for gauge in gauges:
        gauge.begin(start_s)
    try:
        pid = held.start(program, job.words, job.environment(run.name))
    except (UsageError, KeyboardInterrupt):
        file.withdraw(begun)
        raise
    ended = held.wait(pid, _CUT_S, lambda: _cut(gauges, here.clock()))
    end_s, ended_at = here.clock(), _told(datetime.now(UTC))

    def recorded() -> TrainingRecord:
        taken = [(gauge.facts, gauge.end(end_s)) for gauge in gauges]
        later, cpu_s = here.load(), ended.cpu_s + here.own_cpu_s() - own_cpu_s
        foreign = None if load is None or later is None else later.since(load, cpu_s, here.clock() - start_s).foreign
        course = Course(ended, end_s - start_s, here.asleep_s() - asleep_s, foreign, taken)
        return tracked.record(run, ended_at, course, ground)

    return ended.code, recorded


def _run(job: Job, here: Machine) -> Run:
    started = datetime.now(UTC)
    return Run(
        name=f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
        project=job.project,
        phase=job.phase,
        inside=job.inside,
        command=PurePath(job.words[0]).name,
        greengate=__version__,
        started_at=_told(started),
        machine=_host(here),
    )


def _cut(gauges: Sequence[Gauge], now_s: float) -> None:
    for gauge in gauges:
        gauge.cut(now_s)


def _host(here: Machine) -> Host:
    kind = here.kind
    try:
        boot = canonical.digest(Path("/proc/sys/kernel/random/boot_id").read_bytes().strip())[:16]
    except OSError:
        boot = ""
    return Host(
        description=str(here),
        fingerprint=kind.fingerprint,
        boot=boot,
        threads=kind.threads,
        memory_gib=kind.memory_gib,
        virtual=kind.virtual,
        accelerators=kind.accelerators,
    )


def _told(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
