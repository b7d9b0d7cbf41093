"""Azure: exports of the Emissions Impact Dashboard, the Cloud for Sustainability API and Carbon Optimization.

The API names a row's parts `dateKey` (yyyymmdd), `enrollmentId`, `subscriptionId`, `azureServiceName`,
`azureRegionName`, `scope` and `totalEmissions` in mtCO2e (learn.microsoft.com/industry/sustainability/api-odata). Other
exports have a column for each scope, or one for all, with the unit in its name, such as `Scope 1 emissions (kgCO2e)`;
names differ from one to the other, and the usual ones are known. Whether scope 2 is by market or by location they do
not say, so that the figures are given as totals.
"""

from __future__ import annotations

from fractions import Fraction

from greengate.external import amounts, months
from greengate.external.rows import refuse_shifted, understood
from greengate.external.sayings import Saying
from greengate.external.sheets import Needs, Row, Sheet

TITLE = "Azure"
_MONTH = ("datekey", "usagemonth", "month", "yearmonth", "reportmonth", "date", "usagedate", "dateyearmonth")
_SERVICE = ("azureservicename", "azureservice", "servicename", "service", "resourcetype", "servicetype")
_REGION = ("azureregionname", "azureregion", "region", "location", "regionname", "datacenterregion")
_ACCOUNT = ("subscriptionid", "subscription", "subscriptionname", "enrollmentid", "billingaccountid")
_UNIT = ("unit", "emissionsunit", "unitofmeasure")
_GRAIN = ("resourcegroup", "resourcegroupname", "resourceid", "resource", "resourcename", "subservice", "enrollmentid")
_SCOPES = ("1", "2", "3")
_STEMS = {
    "": ("totalemissions", "emissions", "carbonemissions", "totalcarbonemissions", "totalghgemissions"),
    **{
        scope: tuple(f"scope{scope}{word}" for word in ("", "emissions", "emission", "carbonemissions"))
        for scope in _SCOPES
    },
}
_VALUES = {
    f"{stem}{word}{unit}": (scope, unit)
    for scope, stems in _STEMS.items()
    for stem in stems
    for word, unit in (("", ""), *((word, unit) for word in ("", "in") for unit in amounts.UG_A_UNIT))
}
"""Of each column of emissions by its plain name: its scope ("" for all), and the unit that its name says."""
_API = ("azureservicename", "totalemissions")
NEEDS: Needs = (_MONTH, _ACCOUNT, tuple(_VALUES))
_DIMENSIONS = (*_MONTH, *_SERVICE, *_REGION, *_ACCOUNT, "scope")


def said(sheet: Sheet, unit: str) -> tuple[list[Saying], list[Saying], list[str]]:
    """Read what each row says."""
    columns = [column for column in sheet.columns if column in _VALUES]
    if len({_VALUES[column][0] for column in columns}) < len(columns):
        names = ", ".join(f"`{sheet.columns[column]}`" for column in columns)
        raise sheet.wrong(f"two columns say the same: {names}", "export one of them")
    decimal = amounts.mark(sheet, columns)
    rows, totals = understood(sheet, _DIMENSIONS, lambda row, total: _saying(sheet, row, decimal, unit, total=total))
    return rows, totals, ["whether scope 2 is by market or by location is not said in it"]


def _saying(sheet: Sheet, row: Row, decimal: str, unit: str, *, total: bool) -> Saying:
    month = next(column for column in _MONTH if column in sheet.columns)
    parts = _parts(sheet, row, decimal, unit)
    scopes = [scope for scope in _SCOPES if scope in parts]
    return Saying(
        row=row,
        month="" if total else months.month(row, month, sheet.columns[month]),
        service=row.first(_SERVICE),
        region=row.first(_REGION),
        account=row.first(_ACCOUNT),
        grain=(*(row[column] for column in _GRAIN), row["scope"]),
        version="",
        amounts={"total_ugco2e": _total(sheet, row, parts)},
        basis=f"scopes {', '.join(scopes)}" if scopes else "as one figure" if not row["scope"] else "by scopes",
    )


def _parts(sheet: Sheet, row: Row, decimal: str, unit: str) -> dict[str, Fraction]:
    """Read the figures of a row by their scopes, "" for all."""
    found: dict[str, Fraction] = {}
    for column in sheet.columns:
        if column in _VALUES:
            scope, named = _VALUES[column]
            value = amounts.number(row, column, sheet.columns[column], decimal)
            if value is not None:
                found[scope] = value * _factor(sheet, row, column, named or row.first(_UNIT) or unit)
    return found


def _factor(sheet: Sheet, row: Row, column: str, written: str) -> Fraction:
    documented = "mtco2e" if not written and set(_API) <= set(sheet.columns) else written
    factor = amounts.unit(documented)
    if factor is None:
        problem, hint = amounts.no_unit(documented)
        raise row.wrong(
            sheet.columns[column], problem, f"{hint}; --unit says it for the whole file" if not written else hint
        )
    return factor


def _total(sheet: Sheet, row: Row, parts: dict[str, Fraction]) -> Fraction | None:
    """Return the whole figure; where scopes stand beside it, they must add up to it."""
    scoped = [amount for scope, amount in parts.items() if scope]
    whole = parts.get("")
    if whole is None or len(scoped) < len(_SCOPES):
        return whole if whole is not None else sum(scoped, Fraction()) if scoped else None
    name = next(sheet.columns[column] for column in sheet.columns if _VALUES.get(column, ("?",))[0] == "")
    refuse_shifted(row, name, whole, scoped)
    return whole
