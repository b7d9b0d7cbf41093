"""Restatements that are small one by one add up: each is held against what was closed, too."""

import pytest
from closed_made import Quarter
from quarter_made import table

from greengate import cli
from greengate.quarters import Wanted, made
from greengate.records import Restated


@pytest.fixture
def quarter(tmp_path):
    found = Quarter(tmp_path / "h.db")
    yield found
    found.store.close()


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        pytest.param([104], (False, False, False), id="a small one"),
        pytest.param([104, 108], (True, False, True), id="two small ones"),
        pytest.param([103, 106, 109], (True, False, True), id="three"),
        pytest.param([104, 100], (False, False, False), id="there and back"),
        pytest.param([96, 92], (True, False, True), id="less and less"),
        pytest.param([105], (True, True, True), id="the threshold itself"),
        pytest.param([120, 121], (True, False, True), id="a small one after a large one"),
        pytest.param([120, 102], (True, True, False), id="most of it back"),
    ],
)
def test_small_restatements_add_up_since_the_closing(quarter, steps, told):
    record = [quarter.restated(percent) for percent in steps][-1]
    assert (record.material, record.material_alone, record.material_since) == told


def test_a_restatement_says_its_own_difference_and_that_since_the_closing(quarter):
    first, second = quarter.restated(103), quarter.restated(104)
    assert second.since_location_ugco2e == first.delta_location_ugco2e + second.delta_location_ugco2e
    assert (first.since_location_ugco2e, second.since_energy_mj) == (first.delta_location_ugco2e, 0)
    assert 3 * second.delta_location_ugco2e == first.delta_location_ugco2e


def test_what_came_back_to_what_was_closed_is_no_difference_to_it(quarter):
    quarter.restated(104)
    assert quarter.restated(100).since_location_ugco2e == 0


def test_a_report_tells_both_differences(quarter):
    quarter.restated(104)
    record = quarter.restated(108)
    report = made(quarter.store, Wanted("2026-Q3", quarter.NOW)).report
    assert [row["material"] for row in table(report, "comparatives.restatements")] == ["no", "yes, since the closing"]
    assert [row["material"] for row in table(report, "comparatives.since_closing")] == ["no", "yes"]
    datum = report.datum("comparatives.since_closing_location")
    assert datum.note == "together material, by one of the three"
    assert float(datum.value) * 1e12 == pytest.approx(record.since_location_ugco2e)


def test_the_restated_report_itself_has_what_was_closed_beside_it(quarter):
    quarter.restated(108)
    report = made(quarter.store, Wanted("2026-Q3", quarter.NOW, "as-restated")).report
    row = table(report, "comparatives.reported")[1]
    assert (row["closed"], row["since"]) == (row["reported"], row["difference"])
    assert row["closed"] == quarter.closed.value("emissions.total_location")


def test_a_restatement_of_before_this_was_told_is_told_as_missing(quarter):
    old = Restated(at="2026-10-21T00:00:00Z", period="2026-Q3", reason="error", why="w", size=1, root="r",
                   material=True, approved_by="cfo")  # fmt: skip
    quarter.wrote(old)
    report = made(quarter.store, Wanted("2026-Q3", quarter.NOW)).report
    assert (
        report.datum("comparatives.since_closing_energy").missing == "the restatement was written before this was told"
    )
    assert table(report, "comparatives.restatements")[0]["material"] == "yes"
    (row,) = table(report, "comparatives.since_closing")
    assert (row["location"], row["material"]) == (None, None)


def test_the_command_says_both(quarter, tmp_path, capsys):
    quarter.restated(104)
    quarter.corrected(92)
    words = ["period", "restate", "2026Q3", "--reason=error", "--why=w", "--approved-by=cfo"]
    assert cli.run([*words, "--history", str(tmp_path / "h.db")]) == 0
    assert capsys.readouterr().out.splitlines()[-3:-1] == [
        "energy: as last reported; as closed",
        "location: 0.0953856 tCO2e less than last reported, material; 0.0635904 tCO2e less than closed, material",
    ]
