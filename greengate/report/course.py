"""How the measuring went, in words: pairs and rounds, what was dropped, what else ran on the machine, what happened."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from greengate.evidence import Block, Event, Evidence

VOID = "nothing that was measured counts"

_DROPPED = ("suspended", "stolen", "slowed")  # what a round is dropped for
_MUCH_FOREIGN, _MUCH_STEAL, _TELLING = 0.5, 0.05, 0.005  # processors


@dataclass(frozen=True, slots=True)
class Load:
    """What else ran while the blocks did.

    Attributes:
        foreign: Processors that others kept busy, on average; None where the system does not tell.
        steal: Processors that the hypervisor kept from this machine; None where the system does not tell.
        preempted: Involuntary context switches of the models.
        yielded: Voluntary ones.
    """

    foreign: float | None
    steal: float | None
    preempted: int
    yielded: int

    @property
    def unusual(self) -> bool:
        """Whether a reader should know without asking."""
        return (self.foreign or 0.0) >= _MUCH_FOREIGN or (self.steal or 0.0) >= _MUCH_STEAL

    def __str__(self) -> str:
        parts = []
        if self.foreign is not None:
            parts.append(f"other work kept {_processors(self.foreign)} busy")
        if self.steal is not None and self.steal >= _TELLING:
            parts.append(f"the hypervisor took {_processors(self.steal)}")
        parts.append(_counted(self.preempted, "preemption"))
        return ", ".join(parts)


def load(evidence: Evidence) -> Load | None:
    """Sum up what the blocks recorded, or return None where there are none."""
    blocks = list(_blocks(evidence))
    if not blocks:
        return None
    return Load(
        foreign=_share(blocks, lambda block: block.foreign_s),
        steal=_share(blocks, lambda block: block.steal_s),
        preempted=sum(block.preempted for block in blocks),
        yielded=sum(block.yielded for block in blocks),
    )


def rounds(evidence: Evidence) -> int:
    """Count the rounds that the pairs are from."""
    return len({pair.round for pair in evidence.pairs})


def measured(evidence: Evidence) -> str:
    """Say how much was measured: `16 pairs in 8 rounds, 0.9 s; 2 pairs dropped (suspended)`."""
    parts = []
    if evidence.pairs:
        parts.append(f"{_counted(len(evidence.pairs), 'pair')} in {_counted(rounds(evidence), 'round')}")
    parts += [
        f"{_counted(len(earlier.pairs), 'pair')} with {earlier.label or earlier.since}"
        for earlier in evidence.earlier
        if earlier.origin == "arm" and earlier.pairs
    ]
    if evidence.measured_s > 0:
        parts = parts or ["no pairs" if evidence.baseline else "alone"]
        parts.append(_seconds(evidence))
    told = ", ".join(parts)
    return "; ".join(part for part in (told, _dropped(evidence)) if part)


def events(evidence: Evidence) -> Iterator[str]:
    """Tell each event with its name, once."""
    return (said(event) for event in evidence.events)


def said(event: Event) -> str:
    """Write an event; its name stands before the words that do not hold it."""
    return event.words if event.name in event.words else f"{event.name}: {event.words}"


def _seconds(evidence: Evidence) -> str:
    seconds = evidence.measured_s
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def _dropped(evidence: Evidence) -> str:
    if not evidence.discarded_pairs:
        return ""
    names = dict.fromkeys(event.name for event in evidence.events if event.name in _DROPPED)
    why = f" ({', '.join(names)})" if names else ""
    return f"{_counted(evidence.discarded_pairs, 'pair')} dropped{why}"


def _blocks(evidence: Evidence) -> Iterator[Block]:
    """Go through the blocks of the pairs; where there is no baseline, of those with the first earlier model."""
    pairs = evidence.pairs or next((earlier.pairs for earlier in evidence.earlier if earlier.pairs), ())
    return (block for pair in pairs for block in (pair.candidate, pair.baseline))


def _share(blocks: list[Block], column: Callable[[Block], float | None]) -> float | None:
    """Divide by the seconds of the blocks, all together: one block is shorter than a tick of the system's accounts."""
    told = [(seconds, block.wall_s) for block in blocks if (seconds := column(block)) is not None]
    wall_s = math.fsum(wall for _, wall in told)
    return max(0.0, math.fsum(seconds for seconds, _ in told) / wall_s) if wall_s > 0 else None


def _processors(count: float) -> str:
    return f"{count:.1f} processors" if count >= 0.95 else f"{count:.0%} of a processor"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
