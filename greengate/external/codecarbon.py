"""CodeCarbon's emissions.csv: one row a run, energy in kWh, emissions in kg by the grid's average, PUE in both.

Read as trainings are (`greengate.measure.trackers.codecarbon_file`), with all that is refused there. A run counts in
the month in which it ended, by the clock of its machine.
"""

from __future__ import annotations

from fractions import Fraction

from greengate.errors import GreengateError, ModelError, UsageError
from greengate.external import amounts, months
from greengate.external.sayings import Saying
from greengate.external.sheets import Needs, Row, Sheet, told
from greengate.measure.trackers.codecarbon_file import CodeCarbon
from greengate.measure.trackers.tracker_file import Entry

TITLE = "CodeCarbon"
NEEDS: Needs = (("runid",), ("projectname",), ("timestamp",), ("duration",), ("energyconsumed",))
_NUMBERS = (
    "duration", "emissions", "energyconsumed", "cpuenergy", "gpuenergy", "ramenergy", "cpupower", "gpupower",
    "rampower", "pue",
)  # fmt: skip


def said(sheet: Sheet, unit: str) -> tuple[list[Saying], list[Saying], list[str]]:
    """Read what each run says."""
    del unit
    decimal = amounts.mark(sheet, [column for column in _NUMBERS if column in sheet.columns])
    tracker = CodeCarbon()
    rows: list[Saying] = []
    problems: list[GreengateError] = []
    entries = [_entry(sheet, row, decimal) for row in sheet.rows]
    try:
        tracker.refuse_overlap(entries)
    except ModelError as error:
        raise UsageError(error.where, error.problem, error.hint) from error
    for row, entry in zip(sheet.rows, entries, strict=True):
        try:
            record = tracker.record(entry)
            rows.append(_saying(sheet, row, decimal, known=record.emissions_g is not None))
        except ModelError as error:
            problems.append(UsageError(error.where, error.problem, error.hint))
        except GreengateError as error:
            problems.append(error)
    if problems:
        raise told(problems)
    return rows, [], ["a run counts in the month in which it ended, by the clock of its machine"]


def _entry(sheet: Sheet, row: Row, decimal: str) -> Entry:
    """Write a row as the tracker's own reader takes it: its columns' names, numbers with decimal points."""
    cells = {name: _as_written(row[column], column, decimal) for column, name in sheet.columns.items()}
    return Entry(row.place, row["runid"], cells, row["projectname"])


def _as_written(cell: str, column: str, decimal: str) -> str:
    return cell.replace(".", "").replace(",", ".") if decimal == "," and column in _NUMBERS else cell


def _saying(sheet: Sheet, row: Row, decimal: str, *, known: bool) -> Saying:
    energy = amounts.number(row, "energyconsumed", sheet.columns["energyconsumed"], decimal)
    kilograms = amounts.number(row, "emissions", sheet.columns["emissions"], decimal) if known else None
    assert energy is not None
    cloud = row["cloudregion"] if row["oncloud"].upper() == "Y" else ""
    figures: dict[str, Fraction | None] = {
        "energy_mj": energy * amounts.MJ_A_KWH,
        "location_ugco2e": None if kilograms is None else kilograms * amounts.UG_A_UNIT["kg"],
    }
    return Saying(
        row=row,
        month=months.month(row, "timestamp", sheet.columns["timestamp"]),
        service=row["projectname"],
        region=cloud or ", ".join(filter(None, (row["countryisocode"], row["region"]))),
        account="",
        grain=(row["runid"], row["taskname"]),
        version="",
        amounts=figures,
        basis="CPU, GPU and RAM, PUE in it",
    )
