# ruff: noqa: E501 - what is refused stands beside the words in which it is
"""Exports that would be counted wrongly, and what is said of each."""

import gzip

import pytest
from exports_made import AWS, aws, aws_row, azure, codecarbon, google, google_row, run, table, wide, wide_row

NONE = aws().splitlines()[0]
BAD = [
    pytest.param("aws", b"", "export.csv: is empty", id="empty"),
    pytest.param("aws", b"  \n", "export.csv: is empty", id="blank"),
    pytest.param("aws", NONE, "has a header and no rows", id="no rows"),
    pytest.param("aws", b"PK\x03\x04....", "is a workbook or an archive, and no table as text", id="a workbook"),
    pytest.param("aws", b"PAR1....", "is a Parquet file", id="Parquet"),
    pytest.param("aws", b'{"a": 1}', "is JSON", id="JSON"),
    pytest.param("aws", b"\xff\xfe\x00", "is no text in UTF-16", id="half a character"),
    pytest.param("aws", b"caf\xe9,1\n", "is no text in UTF-8: byte 3 fits none", id="another encoding"),
    pytest.param("aws", b"a,b\x00c,d\n", "has zero bytes", id="zero bytes"),
    pytest.param("aws", gzip.compress(aws().encode())[:-9], "ends in the middle", id="a download that broke off"),
    pytest.param("aws", b"\x1f\x8bnonsense", "cannot be unpacked", id="no gzip"),
    pytest.param("aws", google(), "this looks like an export of Google Cloud, not of AWS\n  hint: --from google", id="of Google"),
    pytest.param("google", aws(), "looks like an export of AWS, not of Google Cloud\n  hint: --from aws", id="of AWS"),
    pytest.param("azure", codecarbon(), "looks like an export of CodeCarbon, not of Azure", id="of CodeCarbon"),
    pytest.param("codecarbon", azure(), "looks like an export of Azure, not of CodeCarbon", id="of Azure"),
    pytest.param("aws", "month,cost\n2026-03,5\n", "no header of AWS was found: `usageperiodstart` is missing in", id="another table"),
    pytest.param("aws", aws() + "1,2,3\n", "export.csv:3:1: found 3 cells, expected 13", id="a short row"),
    pytest.param("aws", f"{aws().rstrip()},x\n", "export.csv:2:1: found 14 cells, expected 13", id="a long row"),
    pytest.param("aws", NONE.replace("location", "model_version") + "\n", "stands twice in the header", id="a column twice"),
    pytest.param("aws", aws() + table(AWS[::-1], aws_row()), "3:1: this is another header", id="other columns below"),
    pytest.param("aws", aws() + '"open', "is no table: unexpected end of data", id="an open quotation"),
    pytest.param("aws", aws(aws_row("high")), "2:1 (total_lbm_emissions_value): found `high`, expected a number", id="a word"),
    pytest.param("aws", aws(aws_row("€ 3")), "found `€ 3`, which is money\n  hint: name the export of emissions", id="money"),
    pytest.param("aws", aws(aws_row("2e12")), "2:1: the row says more than a billion tons of emissions", id="more than there is"),
    pytest.param("aws", aws(aws_row(total_lbm_emissions_unit="USD")), "`USD` is a currency", id="a currency"),
    pytest.param("aws", aws(aws_row(total_lbm_emissions_unit="kWh")), "`kWh` is no unit of emissions", id="no unit of emissions"),
    pytest.param("aws", aws(aws_row(total_lbm_emissions_unit="")), "no unit is said", id="no unit"),
    pytest.param("aws", aws(aws_row(), aws_row("2")), "3:1: 2026-03 of AmazonEC2, eu-central-1, 444455556666 stands in line 2", id="a month twice"),
    pytest.param("aws", aws(aws_row(), aws_row("9", product_code="Total")), "3:1: this row calls itself a total, and is not", id="a subtotal"),
    pytest.param("aws", aws(aws_row("1", product_code="Total")), "is not the sum of the others", id="a total alone"),
    pytest.param("aws", aws(aws_row(month="2026-13")), "found `2026-13-01 00:00:00Z`, which is no day", id="no month"),
    pytest.param("aws", aws(aws_row(usage_period_start="03/04/2026")), "found `03/04/2026`, expected a month", id="a day that may be two"),
    pytest.param("aws", aws(aws_row(usage_period_end="2026-06-30")), "the row is of 2026-03 to 2026-06, expected one month", id="a quarter"),
    pytest.param("aws", aws(aws_row(model_version="v2"), aws_row(model_version="beta")), "the model's version `beta` cannot be", id="versions of no order"),
    pytest.param("google", google(google_row(**{f"carbon_footprint_kgCO2e.{s}": "1" for s in ("scope1", "scope2.location_based", "scope3")})), "it is not the sum of its scopes", id="shifted columns"),
    pytest.param("azure", wide(wide_row("1"), wide_row("2")), "3:1: 2026-03 of Storage, westeurope, s-1 stands in line 2", id="a resource group twice"),
    pytest.param("codecarbon", codecarbon(run(), run("3")), "the run `r-1` stands in 2 rows, each its total so far", id="a run that goes on"),
    pytest.param("codecarbon", codecarbon(run("-1")), "found `-1`, expected kWh above 0", id="energy below zero"),
    pytest.param("codecarbon", codecarbon(run("2", "900")), "expected at most 2,000", id="grams for kilograms"),
]  # fmt: skip
