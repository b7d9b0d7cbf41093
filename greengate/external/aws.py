"""AWS: the carbon emissions table of Data Exports, which is what the Customer Carbon Footprint Tool shows.

Columns as in "Carbon emissions columns", AWS Data Exports User Guide
(docs.aws.amazon.com/cur/latest/userguide/carbon-emissions-columns.html): `usage_period_start`, `usage_period_end`,
`usage_account_id`, `product_code`, `region_code`, `location`, `model_version`, `total_lbm_emissions_value` and its
`_unit`, the same by market (`mbm`), and from model v3.0.0 on both by scope. A month is delivered by the old and the new
model for three months.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from greengate.external import amounts, months
from greengate.external.rows import refuse_shifted, understood
from greengate.external.sayings import Saying
from greengate.external.sheets import Needs, Row, Sheet

TITLE = "AWS"
_START = ("usageperiodstart", "usageperiodstartdate", "usagemonth")
_END = ("usageperiodend", "usageperiodenddate")
_VALUES = {"location_ugco2e": "lbm", "market_ugco2e": "mbm"}
NEEDS: Needs = (
    _START,
    ("totallbmemissionsvalue", "totalmbmemissionsvalue"),
    ("usageaccountid", "productcode", "regioncode", "location"),
)
_DIMENSIONS = (*_START, "usageaccountid", "productcode", "regioncode", "location")


def said(sheet: Sheet, unit: str) -> tuple[list[Saying], list[Saying], list[str]]:
    """Read what each row says."""
    columns = [column for column in sheet.columns if column.startswith("total") and column.endswith("value")]
    decimal = amounts.mark(sheet, columns)
    rows, totals = understood(sheet, _DIMENSIONS, lambda row, total: _saying(sheet, row, decimal, unit, total=total))
    return rows, totals, []


def _saying(sheet: Sheet, row: Row, decimal: str, unit: str, *, total: bool) -> Saying:
    found = {figure: _amount(sheet, row, f"total{word}emissions", decimal, unit) for figure, word in _VALUES.items()}
    scoped = [*_refuse_shifted(sheet, row, found, decimal, unit)]
    version = row["modelversion"]
    scopes = "scopes 1, 2 and 3" if scoped else "the scopes that this version of the model has"
    return Saying(
        row=row,
        month="" if total else _month(sheet, row),
        service=row["productcode"],
        region=row["regioncode"] or row["location"],
        account=row["usageaccountid"],
        grain=(row["payeraccountid"],),
        version=version,
        amounts=found,
        basis=f"{f'model {version}' if version else 'version of the model not said'}, {scopes}",
    )


def _month(sheet: Sheet, row: Row) -> str:
    start = next(column for column in _START if column in sheet.columns)
    found = months.month(row, start, sheet.columns[start])
    for column in _END:
        if row[column]:
            last = months.day(row, column, sheet.columns[column])
            if last[:7] != found and last != f"{months.following(found)}-01":
                problem = f"the row is of {found} to {last[:7]}, expected one month"
                raise row.wrong(sheet.columns[column], problem, "export it by months")
    return found


def _amount(sheet: Sheet, row: Row, stem: str, decimal: str, unit: str) -> Fraction | None:
    column = f"{stem}value"
    value = amounts.number(row, column, sheet.columns.get(column, column), decimal) if column in sheet.columns else None
    if value is None:
        return None
    name = sheet.columns.get(f"{stem}unit", "")
    written = row[f"{stem}unit"] or unit
    factor = amounts.unit(written)
    if factor is None:
        raise row.wrong(name or column, *amounts.no_unit(written))
    return value * factor


def _refuse_shifted(
    sheet: Sheet, row: Row, found: dict[str, Fraction | None], decimal: str, unit: str
) -> Iterator[Fraction]:
    """Hold the totals against their scopes, where the export has them: shifted columns do not add up."""
    for figure, word in _VALUES.items():
        stems = ("totalscope1emissions", f"totalscope2{word}emissions", f"totalscope3{word}emissions")
        parts = [part for stem in stems if (part := _amount(sheet, row, stem, decimal, unit)) is not None]
        whole = found[figure]
        if len(parts) == len(stems) and whole is not None:
            refuse_shifted(row, sheet.columns[f"total{word}emissionsvalue"], whole, parts)
            yield whole
