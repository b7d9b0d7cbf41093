"""A table as others export it: its header wherever it stands, its rows, and the line of each."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from greengate.errors import GreengateError, Place, Problems, UsageError, nearest

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_FIRST = 20  # lines in which the header may stand
_MOST = 20  # problems that are told
_LONGEST = 60
_OTHER = re.compile(r"[^0-9a-z]")

Needs = Sequence[Sequence[str]]
"""What a header must have: of each group of column names one."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the line where it begins, and its cells by the plain names of their columns."""

    place: Place
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def first(self, columns: Iterable[str]) -> str:
        """Return the first cell of some columns that says something; "" where none does."""
        return next((cell for column in columns if (cell := self[column])), "")

    def wrong(self, column: str, problem: str, hint: str = "") -> UsageError:
        """Say what is wrong with a cell."""
        return UsageError(Place(self.place.file, self.place.line, 1, column), problem, hint)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table.

    Attributes:
        file: What messages call the file.
        columns: The columns by their plain names, each as the header writes it.
        delimiter: What parts its cells.
        remarks: What is worth saying about how it was written.
    """

    file: str
    columns: dict[str, str]
    rows: tuple[Row, ...]
    delimiter: str
    remarks: tuple[str, ...] = ()

    def wrong(self, problem: str, hint: str = "", column: str = "") -> UsageError:
        """Say what is wrong with the whole of it, or with a column."""
        return UsageError(Place(self.file, path=self.columns.get(column, column)), problem, hint)


def plain(name: str) -> str:
    """Write a column's name as it is compared: small letters and digits alone, so that spelling does not matter."""
    return _OTHER.sub("", name.casefold())


def shown(text: str) -> str:
    """Cut what others wrote to a length that can be shown, without characters that cannot be printed."""
    cell = text if text.isprintable() else ascii(text)[1:-1]
    return cell if len(cell) <= _LONGEST else f"{cell[:_LONGEST]}…"


def fits(columns: Iterable[str], needs: Needs) -> bool:
    """Tell whether a header has all that is needed."""
    known = set(columns)
    return all(known & set(group) for group in needs)


def header(text: str, needs: Needs) -> tuple[int, str] | None:
    """Find the header: the index of its row, and the delimiter by which it is one."""
    given = re.match(r"\ufeff?sep=(.)\r?\n", text, re.IGNORECASE)
    for delimiter in [given[1]] if given else DELIMITERS:
        for index, cells in enumerate(_beginning(text, delimiter)):
            if fits(map(plain, cells), needs):
                return index, delimiter
    return None


def read(text: str, file: str, needs: Needs, wanted: str) -> Sheet:
    """Read a table.

    Args:
        text: Its text.
        file: What messages call it.
        needs: What its header must have.
        wanted: Whose export it is, for messages.

    Raises:
        UsageError: It has no such header.
        Problems: Rows that do not fit the header, each with its line.
    """
    found = header(text, needs)
    if found is None:
        raise _headless(text, file, needs, wanted)
    index, delimiter = found
    remarks = [] if delimiter == "," else [f"its cells are parted by {DELIMITERS.get(delimiter, f'`{delimiter}`')}"]
    columns: dict[str, str] = {}
    rows: list[Row] = []
    problems: list[GreengateError] = []
    try:
        for number, (line, cells) in enumerate(_cells(text, delimiter)):
            if number == index:
                columns = _columns(cells, Place(file, line, 1))
            elif number > index:
                _take(cells, columns, Place(file, line, 1), needs, rows, problems, remarks)
            elif any(cells) and not "".join(cells).casefold().startswith("sep="):
                remarks.append(f"line {line} stands before the header: {shown(' '.join(filter(None, cells)))}")
    except csv.Error as error:
        raise UsageError(file, f"is no table: {error}", "a quotation mark may be open: export it again") from error
    if problems:
        raise told(problems)
    if not rows:
        raise UsageError(file, "has a header and no rows", "export it again, for months that have usage")
    return Sheet(file, columns, tuple(rows), delimiter, tuple(remarks))


def told(problems: Sequence[GreengateError]) -> GreengateError:
    """Tell many problems at once, the first of them in full."""
    first = list(problems[:_MOST])
    if len(problems) > _MOST:
        last = first[-1]
        first[-1] = UsageError(last.where, last.problem, f"{len(problems) - _MOST:,} more lines are like this")
    return Problems(first) if len(first) > 1 else first[0]


def _take(  # noqa: PLR0913 - a row has its surroundings
    cells: list[str],
    columns: dict[str, str],
    where: Place,
    needs: Needs,
    rows: list[Row],
    problems: list[GreengateError],
    remarks: list[str],
) -> None:
    """Take in one row, or say what is wrong with it."""
    if not any(cells):
        return
    named = plain(cells[0]) in columns  # as only a header begins
    if named and [plain(cell) for cell in cells] == list(columns):
        remarks.append(f"line {where.line} repeats the header, as where files were put together")
    elif named and fits(map(plain, cells), needs):
        problems.append(
            UsageError(where, "this is another header", "import the files that were put together one by one")
        )
    elif len(cells) != len(columns):
        hint = "a cell with a delimiter in it stands in quotation marks"
        problems.append(UsageError(where, f"found {len(cells)} cells, expected {len(columns)} as in the header", hint))
    else:
        rows.append(Row(where, dict(zip(columns, cells, strict=True))))


def _cells(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Go through the rows with the line where each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    for cells in reader:
        yield begins, [cell.strip() for cell in cells]
        begins = reader.line_num + 1


def _beginning(text: str, delimiter: str) -> Iterator[list[str]]:
    """Go through the first rows, as far as they can be parted."""
    with contextlib.suppress(csv.Error):
        yield from (cells for _, (_, cells) in zip(range(_FIRST), _cells(text, delimiter), strict=False))


def _columns(cells: Sequence[str], where: Place) -> dict[str, str]:
    columns: dict[str, str] = {}
    for number, cell in enumerate(cells, 1):
        name = plain(cell) or f"column{number}"
        if name in columns:
            raise UsageError(where, f"the column `{shown(cell)}` stands twice in the header", "export it again")
        columns[name] = cell
    return columns


def _headless(text: str, file: str, needs: Needs, wanted: str) -> UsageError:
    """Say what the likeliest header lacks."""
    best: list[str] = []
    for delimiter in DELIMITERS:
        for cells in _beginning(text, delimiter):
            best = max(best, cells, key=lambda row: (_known(row, needs), len(row)))
    lacking = next((group for group in needs if not fits(map(plain, best), [group])), needs[0])
    names = ", ".join(f"`{shown(cell)}`" for cell in best[:8]) + (", …" if len(best) > 8 else "")
    near = nearest(lacking[0], map(plain, best))
    hint = near if near.startswith("did") else f"name the file that {wanted} exports"
    return UsageError(Place(file, 1, 1), f"no header of {wanted} was found: `{lacking[0]}` is missing in {names}", hint)


def _known(cells: Sequence[str], needs: Needs) -> int:
    """Count what a row has of a header."""
    return sum(fits(map(plain, cells), [group]) for group in needs)
