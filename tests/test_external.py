"""Exports of cloud providers and trackers: what they say is added up exactly, and never counted twice."""

import contextlib
import gzip
import json
import re
from pathlib import Path

import pytest
from bad_exports import BAD
from exports_made import (
    AWS,
    EXPORTS,
    aws,
    aws_row,
    azure,
    azure_row,
    codecarbon,
    google,
    run,
    table,
    wide,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from greengate.errors import GreengateError
from greengate.external.accounts import account
from greengate.ledger.canonical import digest
from greengate.records import MOST_BYTES, External, ExternalLine

AT = "2026-11-21T10:00:00Z"
T, KG = 10**12, 10**9
MARCH = {"start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z"}


def read(text, source="aws", unit=""):
    return account(source, "export.csv", text if isinstance(text, bytes) else text.encode(), AT, unit)


def lines(text, source="aws", unit=""):
    return read(text, source, unit).record.lines


def refused(text, source="aws", unit=""):
    with pytest.raises(GreengateError) as told:
        read(text, source, unit)
    return str(told.value)


def remarks(text, source="aws"):
    return read(text, source).record.remarks


class TestWhatEachSays:
    """One row of each, as its provider documents it."""

    def test_aws_says_both_ways_in_metric_tons(self):
        (line,) = lines(aws(aws_row("1.234567890123", "0.5")))
        assert line == ExternalLine(
            **MARCH,
            service="AmazonEC2",
            region="eu-central-1",
            account="444455556666",
            location_ugco2e=1_234_567_890_123,
            market_ugco2e=500_000_000_000,
            basis="model v3.0.0, the scopes that this version of the model has",
        )

    def test_google_says_both_ways_in_kilograms(self):
        (line,) = lines(google(), "google")
        assert line == ExternalLine(
            **MARCH,
            service="Compute Engine",
            region="us-central1",
            account="007GD7-15C0E6-BDE6B3",
            location_ugco2e=1_587_300_000_000,
            market_ugco2e=588_800_000_000,
            basis="model 13, scopes 1, 2 and 3",
        )

    def test_google_names_its_columns_with_dots_or_underscores(self):
        assert lines(google().replace("kgCO2e.", "kgCO2e_").replace("service.d", "service_d"), "google") == lines(
            google(), "google"
        )

    def test_azure_says_a_total_of_its_scopes(self):
        rows = [azure_row("0.001", "Scope 1"), azure_row("0.002", "Scope 2"), azure_row("0.003", "Scope 3")]
        (line,) = lines(azure(*rows), "azure")
        assert (line.service, line.region, line.account) == ("App Service", "westeurope", "s-1")
        assert (line.location_ugco2e, line.market_ugco2e, line.total_ugco2e) == (None, None, 6 * KG)

    def test_azure_may_have_a_column_for_each_scope(self):
        (line,) = lines(wide(), "azure")
        assert (line.total_ugco2e, line.basis) == (6 * KG, "scopes 1, 2, 3")

    def test_codecarbon_says_energy_and_emissions_by_location(self):
        (line,) = lines(codecarbon(run("2", "0.7")), "codecarbon")
        given = {"service": "summariser", "region": "DEU, hesse", "basis": "CPU, GPU and RAM, PUE in it"}
        assert line == ExternalLine(**MARCH, **given, energy_mj=7_200_000_000, location_ugco2e=700_000_000)

    def test_a_run_of_which_no_grid_is_known_has_energy_alone(self):
        (line,) = lines(codecarbon(run("2", "0")), "codecarbon")
        assert (line.energy_mj, line.location_ugco2e) == (7_200_000_000, None)


class TestSums:
    """What is added up, and what is not."""

    def test_are_exact(self):
        tenths = [aws_row("0.1", product_code="A", usage_account_id="1", payer_account_id=f"{n}") for n in range(10)]
        assert [line.location_ugco2e for line in lines(aws(*tenths))] == [T]

    def test_are_by_month_service_region_and_account(self):
        rows = [
            aws_row(month="2026-03"),
            aws_row(month="2026-04"),
            aws_row(product_code="S3"),
            aws_row(region_code="x"),
        ]
        assert [(line.start[:7], line.service, line.region) for line in lines(aws(*rows))] == [
            ("2026-03", "AmazonEC2", "eu-central-1"), ("2026-03", "AmazonEC2", "x"), ("2026-03", "S3", "eu-central-1"),
            ("2026-04", "AmazonEC2", "eu-central-1"),
        ]  # fmt: skip

    def test_the_record_says_from_when_to_when_and_what_it_was_read_from(self):
        text = aws(aws_row(month="2025-12"), aws_row(month="2026-01"))
        record = read(text).record
        assert (record.start, record.end, record.rows) == ("2025-12-01T00:00:00Z", "2026-02-01T00:00:00Z", 2)
        assert (record.source, record.name, record.digest) == ("aws", "export.csv", digest(text.encode()))

    def test_what_is_not_said_is_not_zero(self):
        found = read(aws(aws_row(mbm="")))
        assert found.record.lines[0].market_ugco2e is None
        some = remarks(aws(aws_row(mbm="NULL"), aws_row(product_code="S3")))
        assert some == ("1 of 2 rows say nothing by market",)

    def test_what_is_taken_back_is_taken_off(self):
        text = aws(aws_row("2"), aws_row("-0.5", payer_account_id="2"))
        assert lines(text)[0].location_ugco2e == 3 * T // 2
        assert remarks(text) == (
            "1 of 2 rows are below zero, -500 kgCO2e by location in all: taken back by the provider",
        )

    def test_of_two_versions_of_a_month_the_newer_is_taken(self):
        rows = [aws_row("1", model_version="v2.10.0"), aws_row("2", model_version="v2.9.0")]
        before = aws_row("4", "0", "2026-02", model_version="v2.9.0")
        assert [line.location_ugco2e for line in lines(aws(*rows, before))] == [4 * T, T]
        assert remarks(aws(*rows)) == ("2026-03 is there by v2.10.0, v2.9.0: v2.10.0 is taken, the older left out",)

    @pytest.mark.parametrize("word", ["Total", "GRAND TOTAL", "Gesamt", "Sum:"])
    def test_a_total_is_left_out(self, word):
        rows = [aws_row("1"), aws_row("2", product_code="S3"), aws_row("3", product_code=word, region_code="")]
        assert sum(line.location_ugco2e for line in lines(aws(*rows))) == 3 * T
        assert remarks(aws(*rows)) == ("line 4 is the total of the others, and is left out",)

    def test_a_total_that_names_nothing_is_left_out(self):
        nothing = dict.fromkeys(("product_code", "region_code", "location", "usage_account_id", "payer_account_id"), "")
        rows = [aws_row("1"), aws_row("2", product_code="S3"), aws_row("3", **nothing)]
        assert sum(line.location_ugco2e for line in lines(aws(*rows))) == 3 * T
        assert sum(line.location_ugco2e for line in lines(aws(*rows[:2], aws_row("9", **nothing)))) == 12 * T

    def test_more_sums_than_a_leaf_holds_are_kept_beside(self):
        found = read(aws(*(aws_row("1", product_code=f"service-{number:04}") for number in range(900))))
        rest = json.loads(found.bodies[found.record.body])
        assert MOST_BYTES - 8192 < len(found.leaf) <= MOST_BYTES
        assert len(found.record.lines) + len(rest) == len(found.lines) == 900
        assert ExternalLine.model_validate(rest[-1]) == found.lines[-1]
        assert found.bodies.keys() == {found.record.digest, found.record.body}


class TestHowItIsWritten:
    """Whatever a spreadsheet made of it."""

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(aws().encode("utf-8-sig"), id="a mark"),
            pytest.param(aws().encode("utf-16"), id="UTF-16"),
            pytest.param(aws().encode("utf-16-be"), id="UTF-16 without a mark, one way"),
            pytest.param(aws().encode("utf-16-le"), id="UTF-16 without a mark, the other"),
            pytest.param(gzip.compress(aws().encode()), id="gzip"),
            pytest.param(aws(delimiter=";").encode(), id="semicolons"),
            pytest.param(aws(delimiter="\t").encode(), id="tabs"),
            pytest.param(f"sep=;\n{aws(delimiter=';')}".encode(), id="a line for Excel"),
            pytest.param(f"Carbon emissions\n\n{aws()}".encode(), id="a title"),
            pytest.param(f"{aws()}\n\n".encode(), id="empty lines"),
            pytest.param(f"{aws()}{aws().splitlines()[0]}\n".encode(), id="a header at the end"),
            pytest.param(aws().replace("\n", "\r\n").encode(), id="lines as on Windows"),
            pytest.param(table(AWS[::-1], aws_row()).encode(), id="columns in another order"),
            pytest.param(aws().upper().replace("AMAZONEC2", "AmazonEC2").replace("EU-CENTRAL-1", "eu-central-1")
                         .replace("V3.0.0", "v3.0.0").encode(), id="names in capitals"),
            pytest.param(table((*AWS, "other"), aws_row()).encode(), id="a column more"),
        ],
    )  # fmt: skip
    def test_it_says_the_same(self, data):
        assert lines(data) == lines(aws())

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (aws(delimiter=";").replace("1.5", "1,5"), ("its cells are parted by semicolons",)),
            (f"Carbon emissions\n{aws()}", ("line 1 stands before the header: Carbon emissions",)),
            (aws() + aws().splitlines()[0], ("line 3 repeats the header, as where files were put together",)),
            (aws().encode("utf-16"), ("it was written in UTF-16, as Excel does",)),
        ],
        ids=["semicolons", "a title", "a header again", "UTF-16"],
    )
    def test_what_is_unusual_is_told(self, text, told):
        assert remarks(text)[: len(told)] == told

    @pytest.mark.parametrize(
        ("cells", "sums"),
        [
            (["0,5", "1,234"], [T // 2, 1_234 * KG]),
            (["0,5", "1.234,5"], [T // 2, 1_234_500 * KG]),
            (["0.5", "1,234.5"], [T // 2, 1_234_500 * KG]),
            (["0.5", "1,234,567"], [T // 2, 1_234_567 * T]),
            (["1.5e-3", "7"], [1_500_000_000, 7 * T]),
            ([".5", "2."], [T // 2, 2 * T]),
            (["1.234", "2.345"], [1_234 * KG, 2_345 * KG]),
        ],
    )
    def test_numbers_are_read_as_they_are_meant(self, cells, sums):
        rows = [aws_row(cell, product_code=f"{number}") for number, cell in enumerate(cells)]
        assert [line.location_ugco2e for line in lines(aws(*rows))] == sums

    @pytest.mark.parametrize(
        ("cells", "delimiter", "problem"),
        [
            (["0,5", "1.234"], ";", "3:1 (total_lbm_emissions_value): found `1.234` in a file with decimal commas"),
            (["0.5", "1,234"], ",", "found `1,234` in a file with decimal points, which may be 1234 or 1.234"),
            (["1.234", "2"], ";", "found `1.234`, which may be 1234 or 1.234"),
            (["1,234", "2"], ",", "found `1,234` in a file with decimal points, which may be 1234 or 1.234"),
            (["0.5", "0,5"], ",", "decimal points and others decimal commas: `.` in line 2 and `,` in line 3"),
        ],
    )  # fmt: skip
    def test_numbers_that_may_mean_two_things_are_refused(self, cells, delimiter, problem):
        rows = [aws_row(cell, product_code=f"{number}") for number, cell in enumerate(cells)]
        told = refused(aws(*rows, delimiter=delimiter))
        assert problem in told
        assert "hint: export it again with decimal points" in told

    @pytest.mark.parametrize(
        ("unit", "sum_"),
        [("MTCO2e", T), ("kgCO2e", KG), ("kg", KG), ("g", 10**6), ("lbs", 453_592_370), ("t CO₂e", T)],
    )
    def test_units_are_exact(self, unit, sum_):
        given = {"total_lbm_emissions_unit": unit, "total_mbm_emissions_unit": unit}
        assert lines(aws(aws_row("1", **given)))[0].location_ugco2e == sum_

    def test_a_unit_that_nobody_says_is_asked_for(self):
        text = wide().replace(" (kgCO2e)", "")
        assert "no unit is said\n  hint: known here: MTCO2e (a metric ton), kgCO2e, gCO2e, lbCO2e; --unit" in refused(
            text, "azure"
        )
        assert lines(text, "azure", "kg")[0].total_ugco2e == 6 * KG


@pytest.mark.parametrize(("source", "data", "problem"), BAD)
def test_what_would_be_counted_wrongly_is_refused(source, data, problem):
    assert problem in refused(data, source)


def test_all_wrong_rows_are_told_at_once_and_the_rest_counted():
    told = refused(aws(*(aws_row("x", product_code=f"{number}") for number in range(30))))
    assert len(re.findall(r"found `x`", told)) == 20
    assert "10 more lines are like this" in told


@pytest.mark.parametrize("source", EXPORTS)
def test_a_file_says_the_same_again(source):
    assert read(EXPORTS[source](), source).leaf == read(EXPORTS[source](), source).leaf


def test_every_field_of_the_record_is_in_its_table():
    page = (Path(__file__).parent.parent / "docs" / "reconciliation.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (`.*?`) \|", page.partition("## In the ledger")[2], re.MULTILINE)
    assert {name for cell in told for name in re.findall(r"`(\w+)`", cell)} == set(External.model_fields) - {
        "at",
        "kind",
    }


@settings(max_examples=150)
@given(
    source=st.sampled_from([*EXPORTS]),
    at=st.integers(0, 900),
    cut=st.integers(0, 6),
    put=st.text(st.sampled_from("0159.,;-eE\"\n\t \x00é%'"), max_size=6) | st.text(max_size=4),
)
def test_whatever_is_edited_is_read_or_refused_in_words(source, at, cut, put):
    text = EXPORTS[source]()
    edited = f"{text[:at]}{put}{text[at + cut :]}".encode("utf-8", "surrogatepass")
    with contextlib.suppress(GreengateError):
        assert read(edited, source).lines


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_whatever_bytes_are_read_or_refused_in_words(data):
    with contextlib.suppress(GreengateError):
        read(data)


@given(st.lists(st.decimals(-1000, 1000, places=9, allow_nan=False), min_size=1, max_size=20))
def test_sums_are_those_of_decimals(amounts):
    rows = [aws_row(format(amount, "f"), payer_account_id=f"{number}") for number, amount in enumerate(amounts)]
    assert lines(aws(*rows))[0].location_ugco2e == int(sum(amounts) * T)


def test_an_unknown_source_is_refused():
    assert refused(aws(), "asw").startswith(
        "--from: `asw` is no source that greengate reads\n  hint: did you mean `aws`?"
    )


def test_a_unit_that_is_none_is_refused():
    assert refused(aws(), unit="EUR").startswith("--unit: `EUR` is a currency")


def test_a_month_that_has_not_come_yet_is_refused():
    told = "export.csv: it tells of 2027-03, which has not come yet"
    assert refused(aws().replace("2026-03", "2027-03").replace("2026-04", "2027-04")).startswith(told)
