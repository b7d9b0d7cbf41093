"""What all trackers' files share: the rows of a run, read strictly, and what one of them says."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from greengate.errors import ModelError, Place

MAX_BYTES = 4 * 2**20
JOULES_A_KWH = 3.6e6
MOST_INTENSE = 2000.0  # gCO2e/kWh; the dirtiest grids are below 1500
LEAST_W, MOST_W = 1e-3, 1e8  # of a training on average: from a share of one processor to a whole data centre
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a tracker's file as it is written: where it begins, its names, and its cells by column or key."""

    where: Place
    run: str
    cells: Mapping[str, str]
    project: str = ""

    def at(self, column: str) -> Place:
        """Return where a cell is written."""
        inside = f"{self.where.path}.{column}" if self.where.path else column
        return Place(self.where.file, self.where.line, self.where.column, inside)

    def text(self, column: str) -> str:
        """Return a cell without blanks around it, fit to be shown; "" where it is empty or not there."""
        return shown(self.cells.get(column, "").strip())

    def number(self, column: str, unit: str) -> float:
        """Read a finite number that is zero or more.

        Raises:
            ModelError: The cell is empty, no number, not finite or negative.
        """
        where = self.at(column)
        written = self.cells.get(column, "").strip()
        found = f"`{shown(written)}`" if written else "nothing"
        try:
            amount = math.nan if "_" in written else float(written)
        except ValueError:
            amount = math.nan
        if not math.isfinite(amount):
            raise ModelError(where, f"found {found}, expected a finite number of {unit}")
        if amount < 0:
            raise ModelError(where, f"found {found}, expected {unit} above 0", "a counter that wrapped, or was reset")
        return amount

    def positive(self, column: str, unit: str) -> float:
        """Read a finite number above zero.

        Raises:
            ModelError: It is not one.
        """
        amount = self.number(column, unit)
        if amount == 0:
            hint = "no run takes nothing: the tracker saw no device, or the run was too short for it"
            raise ModelError(self.at(column), f"found `{self.text(column)}`, expected {unit} above 0", hint)
        return amount


@dataclass(frozen=True, slots=True)
class Record:
    """What one entry says, in base units.

    Attributes:
        energy_j: Energy in joules.
        emissions_g: gCO2e, or None.
        no_emissions: Why there are none.
        duration_s: Seconds of the run, or None where the file does not say.
        tracker: The tracker and its version.
        scope: What was metered: "process", "device" or "host", or "" where the file does not say.
        boundary: What is in the energy and what is not, in words.
        remarks: What else the file says of it: tracking mode, place, PUE.
        interval_j: Where the energy lies with 95% confidence, or None where the file does not say; emissions follow it.
        net_of_idle: Whether what the machine draws anyway is taken off; None where nobody says.
        phase: What it was trained for, where the file says so.
    """

    energy_j: float
    emissions_g: float | None
    no_emissions: str
    duration_s: float | None
    tracker: str
    scope: str
    boundary: str
    remarks: tuple[str, ...] = ()
    interval_j: tuple[float, float] | None = None
    net_of_idle: bool | None = False
    phase: str = ""


class Format(Protocol):
    """How one tracker writes its file; `each` is what it calls an entry."""

    name: str
    each: str

    def entries(self, data: bytes, file: str) -> list[Entry]:
        """Split a file into its entries; what is in them is not looked at yet.

        Raises:
            ModelError: It is not such a file.
        """

    def refuse_overlap(self, entries: Sequence[Entry]) -> None:
        """Refuse entries that cannot be added up.

        Raises:
            ModelError: Some energy would be counted twice.
        """

    def record(self, entry: Entry) -> Record:
        """Read one entry.

        Raises:
            ModelError: Something in it cannot be meant.
        """


def text_of(data: bytes, file: str, tracker: str) -> str:
    """Return a file's text.

    Raises:
        ModelError: It is empty, too large, or no UTF-8 text.
    """
    if len(data) > MAX_BYTES:
        hint = "keep one training's runs in a file of their own"
        raise ModelError(file, f"the {tracker} file has {len(data):,} bytes; at most {MAX_BYTES:,} are read", hint)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        raise ModelError(file, f"the {tracker} file is no UTF-8 text", "name the file that the tracker wrote") from bad
    if not text.strip():
        raise ModelError(file, f"the {tracker} file is empty", "the tracker writes it when it is stopped")
    return text


def table(data: bytes, file: str, tracker: str, uneven: str = "") -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Read a CSV file: its columns, and each row by column with the line where it begins.

    Args:
        data: The file's bytes.
        file: What messages call it.
        tracker: Whose file it is.
        uneven: What may help where a row has more or fewer cells than there are columns.

    Raises:
        ModelError: It is no CSV with one header, or a row does not fit the header.
    """
    reader = csv.reader(io.StringIO(text_of(data, file, tracker), newline=""), strict=True)
    columns: list[str] = []
    rows: list[tuple[int, dict[str, str]]] = []
    begins = 1
    try:
        for cells in reader:
            where, begins = Place(file, begins, 1), reader.line_num + 1
            if not columns:
                columns = _columns(cells, where)
            elif len(cells) == len(columns):
                rows.append((where.line, dict(zip(columns, cells, strict=True))))
            elif cells:
                raise ModelError(where, f"found {len(cells)} cells, expected {len(columns)} as in the header", uneven)
    except csv.Error as bad:
        raise ModelError(Place(file, reader.line_num, 1), f"the {tracker} file is no CSV: {bad}") from bad
    return columns, rows


def _columns(cells: Sequence[str], where: Place) -> list[str]:
    columns = [cell.strip() for cell in cells]
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise ModelError(where, f"the column `{shown(twice)}` stands twice in the header")
    return columns


def require(columns: Sequence[str], wanted: Sequence[str], where: Place, tracker: str, hint: str = "") -> None:
    """Check that columns or keys are there.

    Raises:
        ModelError: One is not.
    """
    for name in wanted:
        if name not in columns:
            found = ", ".join(f"`{shown(column)}`" for column in columns[:8]) + (", …" if len(columns) > 8 else "")
            problem = f"found {found or 'nothing'}, expected `{name}` as {tracker} writes it"
            raise ModelError(where, problem, hint or "name the file that the tracker wrote")


def shown(text: str) -> str:
    """Cut what others wrote to a length that can be shown, without characters that cannot be printed."""
    plain = text if text.isprintable() else ascii(text)[1:-1]
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"
