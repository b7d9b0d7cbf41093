"""`greengate meters`: which meters this machine has, how good they are, and what keeps the others away."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from greengate import meters as survey
from greengate import settings
from greengate.cli import sheet
from greengate.energy import MODELLED
from greengate.errors import MeasurementError
from greengate.evidence import Class
from greengate.measure import machine, windows
from greengate.measure.modelled import FACTOR, Watts, watts_of
from greengate.meters import Found
from greengate.packs.project import Project, load_project
from greengate.ports import MeterFacts, NotHere
from greengate.quantities import Duration, Energy, Power, Share
from greengate.trees import WorkingTree

_SUBJECTS = 2  # candidate and baseline


@click.command()
@click.option(
    "--project",
    metavar="FILE",
    help=f"The project file, for the meters that it names. Default: {settings.PROJECT}, if there is one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def meters(*, project: str | None, as_json: bool) -> int:
    """List the meters of this machine, and say why others cannot be read.

    Exit code 0, whatever is there; 2: the project file is wrong.
    """
    read = named_by(project)
    found = look(read)
    watts = watts_here(read)
    here = sorted((one for one in found if isinstance(one.told, MeterFacts)), key=_rank)
    absent = [one for one in found if isinstance(one.told, NotHere)]
    if as_json:
        told = [*map(_values, here), _modelled_values(watts), *map(_values, absent)]
        click.echo(json.dumps({"runner": _machine(), "meters": told}, indent=2, ensure_ascii=False))
    else:
        _print(here, absent, watts)
    return 0


def named_by(project: str | None) -> Project | None:
    """Read the project file that is named, or the usual one if it is there."""
    path = Path(project or settings.PROJECT)
    if project is None and not path.is_file():
        return None
    return load_project(WorkingTree(path.parent), path.name)


def look(project: Project | None) -> list[Found]:
    """Look for every meter once, and let go of all of them."""
    found = survey.survey(project.meters if project else (), settings.meter_access())
    for one in found:
        one.meter.close()
    return found


def watts_here(project: Project | None) -> Watts | NotHere:
    """Tell the watts of a hardware thread, by the project file or the table, or why they are not known."""
    if project and project.cpu:
        return Watts(project.cpu.idle.amount, project.cpu.max.amount, project.cpu.source)
    try:
        return watts_of(machine.here().processor)
    except MeasurementError as error:
        return NotHere(error.problem, error.hint)


def _print(here: Sequence[Found], absent: Sequence[Found], watts: Watts | NotHere) -> None:
    click.echo(f"{machine.here()}, {machine.here().kind.memory_gib} GiB\n")
    for one in here:
        assert isinstance(one.told, MeterFacts)
        sheet.echo(f"{one.told.id}: {one.told.kind}, {one.told.scope}", _rows(one, one.told))
        click.echo("")
    sheet.echo(f"{MODELLED}: {Class.MODELLED}, process", _modelled_rows(watts))
    click.echo("")
    for told, words in _alike(absent).items():
        sheet.echo(f"{', '.join(words)}: cannot be read", (("why", told.why), ("what to do", told.hint)))
        click.echo("")
    sheet.say(_joules(here, watts))


def _alike(absent: Sequence[Found]) -> dict[NotHere, list[str]]:
    """Tell once what keeps several meters away."""
    words: dict[NotHere, list[str]] = {}
    for one in absent:
        assert isinstance(one.told, NotHere)
        words.setdefault(one.told, []).append(one.word)
    return words


def _rows(one: Found, facts: MeterFacts) -> Iterator[tuple[str, str]]:
    kind = Energy if facts.reading == "energy" else Power
    window_s = windows.window_s(facts)
    count = 1 + _SUBJECTS * windows.Plan(0).windows
    yield "named as", one.word if one.word != facts.id else ""
    yield "sees", "; ".join(f"{name}: {what}" if what else name for name, what in facts.domains.items())
    yield "without", facts.excludes
    yield "reads", f"{facts.reading} in steps of {kind(facts.resolution).in_words()}, every {_time(facts.period_s)}"
    yield (
        "window",
        f"{_time(window_s)}; a comparison takes {count} of them: a budget of {_time(count * window_s)} or more",
    )
    yield "scale", f"within {Share(facts.gain)} (standard uncertainty)"
    yield "source", facts.source
    for words in facts.degraded:
        yield "worse by", words
    if facts.scope == "device":
        yield "in a gate", "read where models run on it, not where they run on the processor"


def _modelled_rows(watts: Watts | NotHere) -> Iterator[tuple[str, str]]:
    if isinstance(watts, NotHere):
        yield "why not", watts.why
        yield "what to do", watts.hint
        return
    net, idle, most = (Power(value).in_words() for value in (watts.joules(1.0), watts.idle_w, watts.max_w))
    yield "is", f"CPU seconds x {net} a hardware thread ({most} busy less {idle} idle)"
    yield "source", watts.source
    yield "scale", f"x/÷ {FACTOR:g}; the ratio of two models needs no watts"


def _joules(here: Sequence[Found], watts: Watts | NotHere) -> str:
    best = next((one.told for one in here if isinstance(one.told, MeterFacts) and one.told.scope != "device"), None)
    if best is not None:
        return f"on the processor, joules come first from {best.id} ({best.kind}), where the budget allows its windows"
    if isinstance(watts, NotHere):
        return "no joules can be told here; that one model takes more CPU seconds than another still can"
    return f"on the processor, joules come from {MODELLED} ({Class.MODELLED}): no meter of it can be read here"


def _rank(one: Found) -> int:
    assert isinstance(one.told, MeterFacts)
    return list(Class).index(one.told.kind)


def _machine() -> dict[str, Any]:
    here = machine.here()
    return {"description": str(here), "fingerprint": here.kind.fingerprint, **asdict(here.kind)}


def _values(one: Found) -> dict[str, Any]:
    if isinstance(one.told, NotHere):
        return {"name": one.word, "available": False, "why": one.told.why, "hint": one.told.hint}
    values = {("class" if key == "kind" else key): value for key, value in asdict(one.told).items()}
    return {"name": one.word, "available": True, **values, "window_s": windows.window_s(one.told)}


def _modelled_values(watts: Watts | NotHere) -> dict[str, Any]:
    if isinstance(watts, NotHere):
        return {"name": MODELLED, "available": False, "why": watts.why, "hint": watts.hint}
    return {
        "name": MODELLED,
        "available": True,
        "id": MODELLED,
        "class": str(Class.MODELLED),
        "scope": "process",
        "idle_w": watts.idle_w,
        "max_w": watts.max_w,
        "net_w": round(watts.joules(1.0), 6),
        "factor": FACTOR,
        "source": watts.source,
    }


def _time(seconds: float) -> str:
    return Duration(seconds).in_words()
