"""Which meters this machine has, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greengate import registry
from greengate.evidence import Event
from greengate.packs.project_meters import MeterEntry
from greengate.ports import Meter, MeterFacts, NotHere
from greengate.settings import MeterAccess


@dataclass(frozen=True, slots=True)
class Found:
    """A meter that was looked for: its word, itself, and its facts or why it cannot be read."""

    word: str
    meter: Meter
    told: MeterFacts | NotHere


def survey(
    entries: Sequence[MeterEntry], access: MeterAccess, device: str = "cpu", gpus: Sequence[str] = ()
) -> list[Found]:
    """Look for every meter that a machine may have, and for those that the project file names.

    Where models run on a GPU ("cuda:" and its number or UUID), or `gpus` are named, those of GPUs read these alone.
    """
    gpu = device.partition(":")[2]
    own = [(word, registry.meter(word, *(gpus or filter(None, [gpu])))) for word in registry.meters()]
    named = [
        (f"{entry.kind} {entry.address}", registry.wall_meter(entry.kind, entry.address, entry.options, access))
        for entry in entries
    ]
    return [Found(word, meter, meter.probe()) for word, meter in (*named, *own)]


def missed(found: Sequence[Found], *, limited: bool) -> tuple[Event, ...]:
    """Tell of meters that should be here: those that the project names, and any at all where energy is `limited`."""
    own = registry.meters()
    named = [(one.word, one.told) for one in found if isinstance(one.told, NotHere) and one.word not in own]
    events = [
        Event(name="no-meter", words=f"{word} cannot be read: {told.why}" + (f" ({told.hint})" if told.hint else ""))
        for word, told in named
    ]
    if limited and found and not any(isinstance(one.told, MeterFacts) for one in found):
        words = "no meter can be read here, so that energy is modelled at best; `greengate meters` says why"
        events.append(Event(name="no-meter", words=words))
    return tuple(events)


def unreadable(found: Sequence[Found]) -> str:
    """Say why no meter of a GPU can be read, or nothing where one can."""
    gpus = [one for one in found if one.word in registry.GPU_METERS]
    if any(isinstance(one.told, MeterFacts) for one in gpus):
        return ""
    reasons = {f"{one.told.why} ({one.told.hint})": None for one in gpus if isinstance(one.told, NotHere)}
    return "no meter of the GPU can be read: " + ("; ".join(reasons) or "none was looked for")
