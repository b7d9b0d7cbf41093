"""Google Cloud: the Carbon Footprint table that is exported to BigQuery, saved as CSV.

Columns as in "Carbon Footprint export data schema" (docs.cloud.google.com/carbon-footprint/docs/data-schema):
`usage_month`, `billing_account_id`, `project.id`, `service.description`, `location.region`, `carbon_model_version`,
`carbon_footprint_total_kgCO2e.location_based` and `.market_based`, and by scope `carbon_footprint_kgCO2e.scope1`,
`.scope2.location_based`, `.scope2.market_based`, `.scope3`. Since CSV has no nesting, a query names them, with dots or
underscores.
"""

from __future__ import annotations

from fractions import Fraction

from greengate.external import amounts, months
from greengate.external.rows import refuse_shifted, understood
from greengate.external.sayings import Saying
from greengate.external.sheets import Needs, Row, Sheet

TITLE = "Google Cloud"
_TOTAL, _SCOPE = "carbonfootprinttotalkgco2e", "carbonfootprintkgco2escope"
_FIGURES = {"location_ugco2e": "locationbased", "market_ugco2e": "marketbased"}
NEEDS: Needs = (
    ("usagemonth",),
    (*(f"{_TOTAL}{word}" for word in _FIGURES.values()), *(f"{_SCOPE}2{word}" for word in _FIGURES.values())),
)
_DIMENSIONS = ("usagemonth", "servicedescription", "serviceid", "locationregion", "locationlocation", "projectid")


def said(sheet: Sheet, unit: str) -> tuple[list[Saying], list[Saying], list[str]]:
    """Read what each row says; the unit stands in the names of the columns."""
    del unit
    columns = [column for column in sheet.columns if column.startswith((_TOTAL, _SCOPE))]
    decimal = amounts.mark(sheet, columns)
    rows, totals = understood(sheet, _DIMENSIONS, lambda row, total: _saying(sheet, row, decimal, total=total))
    return rows, totals, []


def _saying(sheet: Sheet, row: Row, decimal: str, *, total: bool) -> Saying:
    version = row["carbonmodelversion"]
    return Saying(
        row=row,
        month="" if total else months.month(row, "usagemonth", sheet.columns["usagemonth"]),
        service=row.first(("servicedescription", "serviceid")),
        region=row.first(("locationregion", "locationlocation")),
        account=row["billingaccountid"],
        grain=(row["projectid"], row["projectnumber"], row["serviceid"], row["locationlocation"]),
        version=version,
        amounts={figure: _amount(sheet, row, word, decimal) for figure, word in _FIGURES.items()},
        basis=f"{f'model {version}' if version else 'version of the model not said'}, scopes 1, 2 and 3",
    )


def _amount(sheet: Sheet, row: Row, word: str, decimal: str) -> Fraction | None:
    """Return the total; where the export has scopes too, they must add up to it, and without a total they are it."""
    whole = _kilograms(sheet, row, f"{_TOTAL}{word}", decimal)
    columns = (f"{_SCOPE}1", f"{_SCOPE}2{word}", f"{_SCOPE}3")
    parts = [part for column in columns if (part := _kilograms(sheet, row, column, decimal)) is not None]
    if len(parts) < len(columns):
        return whole
    if whole is None:
        return sum(parts, Fraction())
    refuse_shifted(row, sheet.columns[f"{_TOTAL}{word}"], whole, parts)
    return whole


def _kilograms(sheet: Sheet, row: Row, column: str, decimal: str) -> Fraction | None:
    if column not in sheet.columns:
        return None
    found = amounts.number(row, column, sheet.columns[column], decimal)
    return None if found is None else found * amounts.UG_A_UNIT["kg"]
