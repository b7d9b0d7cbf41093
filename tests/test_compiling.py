import json

import click
import pytest
from click.testing import CliRunner

from greengate.carbon import compiling, factors

OWID = "Entity,Code,Year,Carbon intensity of electricity - gCO2/kWh\n"
FILES = {
    "owid/carbon-intensity-electricity.csv": OWID
    + "Germany,DEU,2018,1\nGermany,DEU,2024,344.13992\nNowhere,CAF,2024,0.0\n"
    "World,OWID_WRL,2024,473\nIreland,IRL,2024,280.7\n",
    "gcp-region-carbon-info/2020.csv": "",
    "gcp-region-carbon-info/2024.csv": "Google Cloud Region,Location,Google CFE,Grid carbon intensity (gCO2eq / kWh)\n"
    "europe-west3,Frankfurt,0.68,275.82\nus-east9,Zero,1,0\nus-east8,None,1,\n",
    "ccf-coefficients/coefficients-aws-embodied.csv": ",type,total\n0,m5.large,1344.24\n",
    "ccf-coefficients/coefficients-azure-embodied.csv": ",type,total\n0,D1 v2,1200\n1,D1 v2,1300\n2,D2 v2,1200\n",
    "ccf-coefficients/coefficients-gcp-embodied-mean.csv": ",type,total_mean\n0,e2-standard-2,1230.46\n",
    "codecarbon/usa_emissions.json": '{"_unit": {}, "virginia": {"emissions": 539.599, "regionCode": "VA"}}',
    "codecarbon/china_provincial_emissions.json": '{"data": {"CN-BJ": {"emission_factor": 555.4, "unit": "gCO2/kWh", '
    '"description": "Beijing", "year": 2023}}}',
    "codecarbon/nordic_emissions.json": '{"data": {"SE3": {"emission_factor": 27.0, "unit": "gCO2eq/kWh", '
    '"description": "Stockholm", "year": 2025, "coverage": "94.58%"}, "FI": {"emission_factor": 72.0}}}',
}


@pytest.fixture
def raw(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(compiling, "_regions", id)
    return tmp_path


def test_figures_are_taken_over_digit_by_digit(raw):
    found = compiling.compiled(raw, "x", "2026-01-01")
    told = {(row["id"], row["year"]): row["value"] for row in found["rows"] if not row["series"].startswith("pue")}
    assert told == {
        ("DE", 2024): "344.13992",
        ("IE", 2024): "280.7",
        ("gcp/europe-west3", 2024): "275.82",
        ("aws/m5.large", 2023): "1344.24",
        ("azure/D2 v2", 2023): "1200",
        ("gcp/e2-standard-2", 2023): "1230.46",
        ("US-VA", 2023): "244.75798925963",
        ("CN-BJ", 2023): "555.4",
        ("SE-SE3", 2025): "27.0",
    }


def test_what_is_left_out_is_told(raw):
    assert compiling.compiled(raw, "x", "2026-01-01")["left_out"] == [
        "averages of the world and of groups of countries: World",
        "figures of zero, which no grid has over its life cycle: Nowhere 2024",
        "years before 2019",
        "FI of the Nordic table: an older figure, carried forward",
        "gcp/us-east9 2024: published as 0, which is rounded",
        "Google's regions before 2021: of the life cycle, a break in the series",
        "machines of azure whose hosts differ by processor: D1 v2",
        "Canadian provinces: only mixes without a year are published there, no intensities",
    ]


def test_each_publication_is_named_by_its_digest(raw):
    found = compiling.compiled(raw, "x", "2026-01-01")["series"]
    assert found["ember"]["sha256"] == compiling._sha256(FILES["owid/carbon-intensity-electricity.csv"].encode())


def test_another_unit_than_the_one_that_is_known_ends_it(raw):
    path = raw / "codecarbon/china_provincial_emissions.json"
    path.write_text(path.read_text(encoding="utf-8").replace("gCO2/kWh", "kgCO2/MWh"), encoding="utf-8")
    with pytest.raises(click.ClickException, match="CN-BJ: found the unit `kgCO2/MWh`"):
        compiling.compiled(raw, "x", "2026-01-01")


def test_a_region_in_a_zone_without_a_figure_ends_it(raw, monkeypatch):
    monkeypatch.undo()
    with pytest.raises(click.ClickException, match=r"the region aws/us-east-1 is in US, of which there is no figure"):
        compiling.compiled(raw, "x", "2026-01-01")


def test_the_command_writes_a_set_that_can_be_read(raw):
    out = raw / "x.json"
    told = CliRunner().invoke(compiling.main, [str(raw), str(out), "--name", "x", "--released", "2026-01-01"])
    assert told.exit_code == 0
    assert factors.parse(out.read_bytes(), "x.json").intensity("DE").row.value == "344.13992"


def test_a_row_stands_in_a_line_of_its_own(raw):
    text = compiling.written(compiling.compiled(raw, "x", "2026-01-01"))
    assert text.count("\n  {") == len(json.loads(text)["rows"]) + len(json.loads(text)["regions"])
