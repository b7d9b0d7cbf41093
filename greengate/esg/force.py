"""Which version of each model was in force when, and its conversion as it stands now.

A (project, model) has one version in force at a time: a decision with `in_force` from its `at`, the decisions of a
change from the `at` of the first settlement that says it was merged, whatever their outcome; until the next one, or
until the model is retired. A decision whose conversion says nothing of a year leaves the earlier version in force. Of a
conversion counts the newest that takes its place, of that the newest that takes its, and so on.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from greengate.conversion import Conversion
from greengate.esg.looking import Figures, Looking, Meaning
from greengate.esg.story import Begin, Chosen, Kept, ModelKey, Story
from greengate.records import Converted

_AMOUNTS = ("energy", "location", "market", "cost")


@dataclass(frozen=True)
class Version:
    """One version of a model that was in force, and what a year of it is."""

    key: ModelKey
    begin: Begin
    chosen: Chosen
    conversion: Meaning
    said: Conversion
    _looking: Looking

    @cached_property
    def figures(self) -> Figures | None:
        """What was measured of it; None where the ledger does not have it."""
        return self._looking.figures(self.chosen.measurement.hex(), self.chosen.idx)

    @cached_property
    def entries(self) -> tuple[tuple[int, str], ...]:
        """(index, id) of the entries that it rests on."""
        own = (self.chosen.idx, self.chosen.entry.hex())
        merged = (self.begin.idx, self.begin.entry)
        return tuple(dict.fromkeys((own, merged, (self.conversion.idx, self.conversion.entry_id))))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time for which a version was in force."""

    version: Version
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Unusable:
    """What came into force without figures, and why it has none."""

    key: ModelKey
    begin: Begin
    why: str


@dataclass(slots=True)
class Force:
    """Versions in force, looked up as they are asked for."""

    story: Story
    looking: Looking
    unusable: dict[tuple[int, ModelKey], Unusable] = field(default_factory=dict)
    _begins: dict[ModelKey, list[Begin]] = field(default_factory=dict)
    _known: dict[tuple[int, ModelKey], Version | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, begins in self.story.begins.items():
            self._begins[key] = sorted(begins, key=lambda one: (one.at, one.idx))

    @property
    def models(self) -> list[ModelKey]:
        """Every model that ever came into force or was retired."""
        return sorted(self._begins)

    def begins(self, key: ModelKey) -> list[Begin]:
        """What came into force of a model, in the order of time."""
        return self._begins.get(key, [])

    def look_up(self, start: int, end: int) -> None:
        """Look the versions up that came into force within a time, in the ledger's order: all at once is quicker."""
        wanted = sorted(
            (begin.chosen.idx, key, begin)
            for key, begins in self._begins.items()
            for begin in _within(begins, start, end)
            if begin.chosen and (begin.idx, key) not in self._known
        )
        self._look_up([(key, begin) for _, key, begin in wanted])

    def stretches(self, key: ModelKey, start: int, end: int) -> Iterator[Stretch]:
        """Go through the versions of a model that were in force in a time."""
        begins = self._begins.get(key, [])
        at = bisect_right(begins, start, key=lambda one: one.at)
        current, since = self._standing(key, begins[:at]), start
        for begin in begins[at:]:
            if begin.at >= end:
                break
            version = self.version(key, begin) if begin.chosen else None
            if begin.chosen and version is None:
                continue
            if current is not None and begin.at > since:
                yield Stretch(current, since, begin.at)
            current, since = version, begin.at
        if current is not None and end > since:
            yield Stretch(current, since, end)

    def blank(self, key: ModelKey, start: int, end: int) -> str:
        """Tell why a model in force had no version with figures for some of a time; "" where it always had one."""
        begins = self._begins.get(key, [])
        at = bisect_right(begins, start, key=lambda one: one.at)
        standing = self._standing(key, begins[:at]) is not None
        why = "" if standing or not at else self._why(key, begins[at - 1])
        for begin in begins[at:]:
            if begin.at >= end or (why and begin.at > start):
                break
            if begin.chosen is None or self.version(key, begin) is not None:
                standing, why = begin.chosen is not None, ""
            elif not standing:
                why, start = self._why(key, begin), begin.at
        return why if start < end else ""

    def _why(self, key: ModelKey, begin: Begin) -> str:
        """Tell why what came into force has no figures; "" of what has, or where nothing did."""
        found = self.unusable.get((begin.idx, key))
        return found.why if found else ""

    def after(self, key: ModelKey, at: int) -> int | None:
        """Tell when the next version of a model comes into force after an instant, or it is retired."""
        return next((one.at for one in self._begins.get(key, []) if one.at > at), None)

    def version(self, key: ModelKey, begin: Begin) -> Version | None:
        """Find a version that came into force; None where it has no figures, which is noted."""
        if (begin.idx, key) not in self._known:
            self._look_up([(key, begin)])
        return self._known[begin.idx, key]

    def conversion(self, chosen: Chosen) -> Kept | None:
        """Find the whole conversion of a decision as it stands now; None where it has none, or the ledger does not."""
        entry = self._standing_conversion(chosen)
        kept = self.looking.record(entry, chosen.idx) if entry else None
        return kept if kept is not None and kept.idx < self.story.size and isinstance(kept.record, Converted) else None

    def _standing_conversion(self, chosen: Chosen) -> str:
        entry, measurement = chosen.conversion.hex(), chosen.measurement.hex()
        while (newer := self.story.superseding.get((entry, measurement))) is not None:
            entry = newer
        return entry

    def _standing(self, key: ModelKey, begins: list[Begin]) -> Version | None:
        for begin in reversed(begins):
            if begin.chosen is None:
                return None
            if (version := self.version(key, begin)) is not None:
                return version
        return None

    def _look_up(self, wanted: Sequence[tuple[ModelKey, Begin]]) -> None:
        with_one = [begin.chosen for _, begin in wanted if begin.chosen and begin.chosen.conversion]
        meanings = self.looking.meanings([(self._standing_conversion(one), one.idx) for one in with_one])
        for key, begin in wanted:
            assert begin.chosen is not None
            meaning = next(meanings) if begin.chosen.conversion else None
            found = self._version(key, begin, begin.chosen, meaning)
            if isinstance(found, str):
                self.unusable[begin.idx, key] = Unusable(key, begin, found)
            self._known[begin.idx, key] = None if isinstance(found, str) else found

    def _version(self, key: ModelKey, begin: Begin, chosen: Chosen, found: Meaning | None) -> Version | str:
        if not chosen.conversion:
            return f"its decision ({chosen.outcome}) has no conversion"
        if found is None or found.idx >= self.story.size:
            return "its conversion is not in the ledger"
        if found.said is None:
            return "no deployment is declared"
        if all(found.year[name] is None for name in _AMOUNTS):
            return next(iter(found.missing.values()), "its conversion says nothing of a year")
        return Version(key, begin, chosen, found, found.said, self.looking)


def _within(begins: Sequence[Begin], start: int, end: int) -> Iterator[Begin]:
    """Go through what came into force in a time, after its first instant, of what is in the order of time."""
    first = bisect_right(begins, start, key=lambda one: one.at)
    return islice(begins, first, bisect_left(begins, end, first, key=lambda one: one.at))
