"""What deployments really did, read from a CSV file: all of it or nothing, every mistake with its line and column.

Columns: project, model, start, end, inferences, it_kwh, idle_kwh, source; in any order, `project` and `idle_kwh` and
either of `inferences` and `it_kwh` may be left out. Times have a time zone, amounts a decimal point and nothing else.
"""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from greengate.accounts import in_utc
from greengate.errors import GreengateError, Place, Problems, UsageError, nearest
from greengate.records import Activity

COLUMNS = ("project", "model", "start", "end", "inferences", "it_kwh", "idle_kwh", "source")
_NEEDED = ("model", "start", "end", "source")
_MJ_A_KWH = Decimal(3_600_000_000)
_WHOLE = re.compile(r"[0-9]{1,18}")
_KWH = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_LONGEST = 500
_TIME = "write it like `2026-11-01T00:00:00Z`"


@dataclass(frozen=True, slots=True)
class Known:
    """What activities are held against.

    Attributes:
        models: (project, model) of the models that the history knows.
        project: The project of rows that name none.
        earlier: What the history says of activities already.
        now: The present moment: nothing has happened after it.
    """

    models: frozenset[tuple[str, str]]
    project: str
    earlier: Sequence[Activity]
    now: datetime


def read(data: bytes, file: str, digest: str, known: Known) -> list[Activity]:
    """Read a file; what the history says already is left out.

    Raises:
        Problems: All that is wrong with it, each a `UsageError` with its place.
    """
    sheet = _Sheet(file, digest, known)
    found = list(sheet.activities(_rows(data, file)))
    if sheet.problems:
        raise Problems(sheet.problems)
    return found


class _Taken:
    """The times that are told of already, by model: none overlaps another."""

    def __init__(self) -> None:
        self._by_model: dict[tuple[str, str], list[tuple[datetime, datetime, int, Activity]]] = {}

    def add(self, one: Activity, line: int) -> None:
        """Take the time of one; its line is 0 where the history tells it."""
        start, end = map(datetime.fromisoformat, (one.start, one.end))
        insort(self._by_model.setdefault((one.project, one.model), []), (start, end, line, one), key=_start)

    def overlapping(self, one: Activity) -> tuple[Activity, int] | None:
        """Find one that overlaps, with its line."""
        start, end = map(datetime.fromisoformat, (one.start, one.end))
        taken = self._by_model.get((one.project, one.model), [])
        before = bisect_left(taken, end, key=_start) - 1
        if before >= 0 and taken[before][1] > start:
            return taken[before][3], taken[before][2]
        return None


def _start(taken: tuple[datetime, datetime, int, Activity]) -> datetime:
    return taken[0]


@dataclass(slots=True)
class _Sheet:
    file: str
    digest: str
    known: Known
    problems: list[GreengateError] = field(default_factory=list)

    def activities(self, rows: Iterable[tuple[int, list[str]]]) -> Iterator[Activity]:
        """Go through the activities of a file that the history does not have."""
        numbered = iter(rows)
        head = next(numbered, None)
        if head is None:
            raise UsageError(self.file, "the file is empty", f"its first line is {','.join(COLUMNS)}")
        names = self._names(*head)
        taken = _Taken()
        for earlier in self.known.earlier:
            taken.add(earlier, 0)
        count = 0
        for line, cells in numbered:
            count += 1
            one = self._row(line, dict(zip(names, cells, strict=False)), names, len(cells)) if names else None
            clash = taken.overlapping(one) if one else None
            if one and clash is None:
                taken.add(one, line)
                yield one
            elif one and clash and (clash[1] or not _alike(one, clash[0])):
                self._overlapping(line, names, one, *clash)
        if names and not count:
            self._complain(2, 1, "the file has no rows", "one a deployment and time, below the names of the columns")

    def _names(self, line: int, cells: list[str]) -> list[str]:
        names = [cell.strip().removeprefix("\ufeff").casefold() for cell in cells]
        if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
            self._complain(line, 1, "its columns are not parted by commas", "export it with commas, and decimal points")
            return []
        for at, name in enumerate(names):
            if name not in COLUMNS:
                self._complain(line, at + 1, f"`{name}` is no column of activities", nearest(name, COLUMNS))
            elif name in names[:at]:
                self._complain(line, at + 1, f"the column `{name}` is there twice", "keep one of the two")
        for name in _NEEDED:
            if name not in names:
                self._complain(line, 1, f"the column `{name}` is missing", f"the first line is {','.join(COLUMNS)}")
        return [] if self.problems else names

    def _row(self, line: int, row: Mapping[str, str], names: Sequence[str], cells: int) -> Activity | None:
        if cells != len(names):
            words = f"{cells} cells, and there are {len(names)} columns"
            hint = "a number with a decimal comma makes two cells: write a point" if cells > len(names) else ""
            self._complain(line, min(cells, len(names)), f"the line has {words}", hint)
            return None
        before = len(self.problems)
        cell = _Cells(self, line, row, names)
        start, end = cell.time("start"), cell.time("end")
        if start and end and end <= start:
            self._complain(line, names.index("end") + 1, f"it ends at {row['end']}, before it starts or at once")
        elif end and end > self.known.now:
            self._complain(line, names.index("end") + 1, f"{row['end']} has not come yet", "tell what has happened")
        inferences, it_kwh, idle = cell.whole("inferences"), cell.energy("it_kwh"), cell.energy("idle_kwh")
        if inferences is None and it_kwh is None and len(self.problems) == before:
            self._complain(line, 1, "neither `inferences` nor `it_kwh` is told", "one of them must be")
        project, model = cell.model()
        source = cell.text("source")
        if len(self.problems) > before or start is None or end is None:
            return None
        return Activity(
            at=_in_words(self.known.now),
            project=project,
            model=model,
            start=in_utc(start),
            end=in_utc(end),
            inferences=inferences,
            it_energy_mj=it_kwh,
            idle_energy_mj=idle,
            source=source,
            digest=self.digest,
        )

    def _overlapping(self, line: int, names: Sequence[str], one: Activity, other: Activity, at: int) -> None:
        where = f"line {at}" if at else f"what the history says by {other.source}"
        told = f"{one.model} from {one.start} to {one.end} overlaps {where} ({other.start} to {other.end})"
        self._complain(line, names.index("start") + 1, told, "an hour of a model counts once")

    def _complain(self, line: int, column: int, problem: str, hint: str = "") -> None:
        self.problems.append(UsageError(Place(self.file, line, column), problem, hint))


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one line, each read as what its column holds."""

    sheet: _Sheet
    line: int
    row: Mapping[str, str]
    names: Sequence[str]

    def text(self, name: str) -> str:
        """Read a text that has to be there."""
        written = self.row.get(name, "").strip()
        if not written or not written.isprintable() or len(written) > _LONGEST:
            self._refuse(name, f"`{name}` is empty, too long or cannot be shown" if written else f"`{name}` is empty")
        return written

    def model(self) -> tuple[str, str]:
        """Read which model it is, and of which project."""
        project = self.row.get("project", "").strip() or self.sheet.known.project
        model, known = self.text("model"), self.sheet.known.models
        if model and (project, model) not in known:
            of = f" of {project}" if project else ""
            hint = nearest(model, {name for owner, name in known if owner == project} or {name for _, name in known})
            self._refuse("model", f"the history knows no model `{model}`{of}", hint)
        return project, model

    def time(self, name: str) -> datetime | None:
        """Read a moment."""
        written = self.row[name].strip()
        try:
            found = datetime.fromisoformat(written)
        except ValueError:
            self._refuse(name, f"`{written}` is no time", _TIME)
            return None
        if found.utcoffset() is None:
            self._refuse(name, f"`{written}` has no time zone", _TIME)
            return None
        return found.astimezone(UTC)

    def whole(self, name: str) -> int | None:
        """Read a whole number, or None where there is none."""
        written = self._matching(name, _WHOLE, "is no whole number", "write digits alone, such as 1250000")
        return int(written) if written else None

    def energy(self, name: str) -> int | None:
        """Read kilowatt-hours as whole millijoules, to the nearest one, or None where there are none."""
        hint = "write a decimal point and no thousands, such as 1250.5"
        written = self._matching(name, _KWH, "is no amount of kWh", hint)
        return int((Decimal(written) * _MJ_A_KWH).to_integral_value(ROUND_HALF_UP)) if written else None

    def _matching(self, name: str, form: re.Pattern[str], problem: str, hint: str) -> str:
        written = self.row.get(name, "").strip()
        if not written or form.fullmatch(written):
            return written
        self._refuse(name, f"`{written}` {problem}", hint)
        return ""

    def _refuse(self, name: str, problem: str, hint: str = "") -> None:
        column = self.names.index(name) + 1 if name in self.names else 1
        self.sheet._complain(self.line, column, problem, hint)  # noqa: SLF001 - of the same module


def _rows(data: bytes, file: str) -> Iterator[tuple[int, list[str]]]:
    """Go through the lines that hold something, each with its number."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(file, "the file is no UTF-8 text", "export it as CSV in UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise UsageError(Place(file, reader.line_num, 1), f"this is no line of CSV: {error}") from error


def _alike(one: Activity, other: Activity) -> bool:
    """Tell whether two say the same, whenever they were written."""
    return one.model_copy(update={"at": "", "digest": ""}) == other.model_copy(update={"at": "", "digest": ""})


def _in_words(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
