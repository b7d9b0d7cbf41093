import json
from decimal import Decimal
from pathlib import Path

import pytest
from factors_made import CONTRACT, HEADER, a_set, a_table, imported

from greengate.bases import Boundary
from greengate.carbon import comparing, factors, soundness
from greengate.carbon.compiling import written
from greengate.errors import FactorError, Problems

FOLDER = Path(factors.__file__).parent / "sets"
DIGESTS = {"greengate-2026.11": "ef0781503eb6d1d12b86d6831c976ab5f2a23f25b01e785611e1c16755e2e7eb"}


def test_a_set_that_was_shipped_never_changes():
    assert {name: factors.load_shipped(name).sha256 for name in factors.shipped()} == DIGESTS


@pytest.mark.parametrize("name", factors.shipped())
def test_nothing_in_a_shipped_set_cannot_be(name):
    assert [str(doubt) for doubt in soundness.doubts(factors.load_shipped(name)) if doubt.wrong] == []


@pytest.mark.parametrize(
    ("zone", "year", "value", "basis"),
    [
        ("DE", 2024, "344.13992", "average, lifecycle, production"),
        ("US-VA", 2023, "244.75798925963", "average, operational, production"),
        ("SE-SE3", 2025, "27.0", "average, lifecycle, production"),
        ("CN-BJ", 2023, "555.4", "average, operational, consumption, CO2 only"),
        ("gcp/europe-west3", 2024, "275.82", "average, operational, unknown"),
    ],
)
def test_the_newest_figure_of_a_zone_is_found(zone, year, value, basis):
    found = factors.load_shipped("greengate-2026.11").intensity(zone)
    assert (found.row.year, found.row.value, str(found.series.basis)) == (year, value, basis)


def test_pounds_a_megawatt_hour_are_converted_exactly():
    found = factors.load_shipped("greengate-2026.11").intensity("US-VA")
    pounds = Decimal(found.row.note.removesuffix(" lb/MWh"))
    assert Decimal(found.row.value) == pounds * Decimal("453.59237") / 1000


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Germany", "did you mean `DE` (Germany)?"),
        ("germny", "did you mean `DE` (Germany)?"),
        ("UK", "did you mean `GB` (United Kingdom)?"),
        ("de", "did you mean `DE`?"),
        ("US-XX", "did you mean `US-TX`?"),
        (
            "123456",
            "`greengate factors show --zone ALL` lists them; `greengate factors import` adds zones of your own",
        ),
    ],
)
def test_an_unknown_zone_is_refused_with_what_may_be_meant(zone, hint):
    with pytest.raises(FactorError) as caught:
        factors.load_shipped("greengate-2026.11").intensity(zone)
    assert (caught.value.problem, caught.value.hint) == (f"the factor set knows no zone `{zone}`", hint)


def test_a_zone_of_two_bases_wants_to_be_told_which():
    found = factors.load_shipped("greengate-2026.11")
    with pytest.raises(FactorError, match="several intensities of `US`"):
        found.intensity("US")
    assert found.intensity("US", Boundary.LIFECYCLE).series.attribution.startswith("Ember")
    assert found.intensity("US", Boundary.OPERATIONAL).series.attribution.startswith("US EPA")


def test_a_basis_that_a_zone_lacks_is_not_replaced_by_another():
    with pytest.raises(FactorError) as caught:
        factors.load_shipped("greengate-2026.11").intensity("DE", Boundary.OPERATIONAL)
    assert caught.value.hint == "it has lifecycle ones: `basis: lifecycle`"


def test_a_region_is_looked_up_with_the_zone_around_it():
    found = factors.load_shipped("greengate-2026.11").region("gcp", "europe-west3")
    assert (found.zone, found.within) == ("gcp/europe-west3", "DE")
    with pytest.raises(FactorError, match="did you mean `aws/eu-central-1`"):
        factors.load_shipped("greengate-2026.11").region("aws", "eu-central1")


def test_every_region_is_in_a_zone_that_has_a_figure():
    found = factors.load_shipped("greengate-2026.11")
    assert {zone for one in found.file.regions for zone in (one.zone, one.within)} <= found.ids("intensity")


def test_a_machine_that_is_not_known_is_refused():
    found = factors.load_shipped("greengate-2026.11")
    assert found.embodied("aws/m5.large").row.value == "1610.79"
    with pytest.raises(FactorError, match=r"did you mean `aws/m5\.large`"):
        found.embodied("aws/m5large")


def test_a_company_s_own_figures_come_before_those_of_the_set_that_it_extends():
    found = imported("intensity,DE,2025,310.5,gCO2e/kWh,ACME grid study,internal,lifecycle")
    assert found.intensity("DE").row.value == "310.5"
    assert found.intensity("FR").set_name == "greengate-2026.11"
    assert found.pue("aws").row.value == "1.15"


def test_a_company_s_contract_is_found_by_its_name():
    found = imported(CONTRACT)
    assert (found.contract("green-1", "lifecycle").row.value, found.contract("green-1", "lifecycle").series.kind) == (
        "12.5",
        "supplier",
    )
    with pytest.raises(FactorError, match="did you mean `green-1`"):
        found.contract("green-2", "lifecycle")


def test_the_digest_of_a_set_holds_that_of_the_set_it_extends():
    content = json.loads(a_table(CONTRACT))
    content["extends"]["sha256"] = "0" * 64
    with pytest.raises(FactorError, match="import it again"):
        factors.parse(json.dumps(content).encode(), "acme.json")


def test_a_digest_does_not_depend_on_how_the_file_is_laid_out():
    content = json.loads(a_table(CONTRACT))
    one, other = json.dumps(content, indent=7).encode(), written(dict(reversed(content.items()))).encode()
    assert factors.parse(one, "a").sha256 == factors.parse(other, "b").sha256


@pytest.mark.parametrize("change", [{"value": "12.6"}, {"year": 2024}, {"id": "green-9"}, {"note": "x"}])
def test_any_change_of_a_row_changes_the_digest(change):
    content = json.loads(a_table(CONTRACT))
    before = factors.parse(json.dumps(content).encode(), "a").sha256
    content["rows"][0] |= change
    assert factors.parse(json.dumps(content).encode(), "a").sha256 != before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no factor set"),
        ('{"rows": [{"value": 1.5}]}', "found the number 1.5, expected a decimal string"),
        ('{"a": 1, "a": 2}', "the key `a` stands twice"),
        ("[" * 100_000, "is no factor set"),
        ('{"kind": "FactorSet"}', "Field required"),
        ("NaN", "found the number NaN"),
    ],
)
def test_what_is_no_factor_set_is_refused(text, words):
    with pytest.raises(FactorError) as caught:
        factors.parse(text.encode(), "acme.json")
    assert words in caught.value.problem


def test_a_row_of_no_series_is_refused():
    content = a_set()
    content["rows"][0]["series"] = "grids"
    with pytest.raises(FactorError, match="did you mean `grid`"):
        factors.parse(json.dumps(content).encode(), "acme.json")


@pytest.mark.parametrize("value", ["1e3", "NaN", "1,5", "", "0x10", "1" * 40])
def test_a_figure_is_a_plain_decimal_string(value):
    content = a_set()
    content["rows"][0]["value"] = value
    with pytest.raises(FactorError):
        factors.parse(json.dumps(content).encode(), "acme.json")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("DE", 2024, "0")], "DE 2024: found 0 gCO2e/kWh, expected 1 to 2000 gCO2e/kWh"),
        ([("DE", 2024, "2500")], "DE 2024: found 2500 gCO2e/kWh, expected 1 to 2000 gCO2e/kWh"),
        ([("DE", 2024, "344"), ("DE", 2024, "345")], "DE 2024: has two figures of kind intensity on one basis"),
        ([("DE", 2030, "344")], "DE 2030: is of a year after the set's release, 2026"),
        ([("DE", 2023, "344"), ("DE", 2024, "34")], "DE 2024: 34 is 1/10.1 of the 344 of 2023"),
    ],
)
def test_what_cannot_be_is_found(rows, told):
    found = factors.parse(json.dumps(a_set(rows)).encode(), "acme.json")
    assert [str(doubt) for doubt in soundness.doubts(found) if doubt.wrong] == [told]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("DE", 2023, "344"), ("DE", 2024, "500")], "DE 2024: 500 is +45% from the 344 of 2023"),
        ([("DE", 2023, "344"), ("DE", 2024, "344")], "DE 2024: 344 is to the digit that of 2023: carried forward?"),
        ([("DE", 2023, "344"), ("DE", 2024, "400")], None),
    ],
)
def test_what_is_doubtful_is_found(rows, told):
    found = factors.parse(json.dumps(a_set(rows)).encode(), "acme.json")
    assert [str(doubt) for doubt in soundness.doubts(found)] == ([told] if told else [])


@pytest.mark.parametrize("signal", ["marginal", "unknown"])
def test_a_signal_that_cannot_be_accounted_by_is_found(signal):
    content = a_set()
    content["series"]["grid"]["signal"] = signal
    found = factors.parse(json.dumps(content).encode(), "acme.json")
    words = f"series grid: a signal that is {signal} cannot be accounted by: only averages can"
    assert [str(doubt) for doubt in soundness.doubts(found)] == [words]


@pytest.mark.parametrize(
    ("value", "wrong", "words"),
    [
        ("3441", True, "expected 1 to 2000"),
        ("34", True, "1/10.1 of the 344.13992 of greengate-2026.11 (lifecycle, 2024)"),
        (
            "758.7",
            False,
            "2.20 times the 344.13992 of greengate-2026.11 (lifecycle, 2024): is it lb/MWh, where g/kWh is meant?",
        ),
    ],
)
def test_a_company_s_figure_is_held_against_its_neighbours(value, wrong, words):
    found = imported(f"intensity,DE,2025,{value},gCO2e/kWh,ACME,internal,lifecycle")
    (doubt,) = [one for one in soundness.doubts(found) if one.wrong is wrong]
    assert words in doubt.words


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("intensity,DE,2025,344,lb/MWh,ACME,internal,lifecycle", "did you mean `lbCO2e/MWh`?"),
        ("intensity,DE,2025,344,,ACME,internal,lifecycle", "found ``, which is no unit of intensity"),
        ("intensity,DE,2025,344,gCO2e/kWh,ACME,internal,", "say `lifecycle` or `operational`"),
        ('intensity,DE,2025,"344,5",gCO2e/kWh,ACME,internal,lifecycle', "write a point, not a comma"),
        ("intensity,DE,25,344,gCO2e/kWh,ACME,internal,lifecycle", "expected a year such as 2025"),
        ("intensity,DE,2025,inf,gCO2e/kWh,ACME,internal,lifecycle", "found `inf`, expected a number"),
        ("intensity,DE,2025,344,gCO2e/kWh,,internal,lifecycle", "is empty"),
        ("intensty,DE,2025,344,gCO2e/kWh,ACME,internal,lifecycle", "did you mean `intensity`?"),
        ("pue,aws,2025,1.1,%,ACME,internal,", "known here: no unit"),
        ("intensity,DE,2025,344", "has more or fewer cells than the first line"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused_with_its_line(row, words):
    with pytest.raises((FactorError, Problems)) as caught:
        imported(row)
    assert words in str(caught.value)
    assert str(caught.value).startswith("acme.csv:2:1")


def test_a_marginal_signal_is_refused_for_accounting():
    row = "intensity,DE,2025,344,gCO2e/kWh,ACME,internal,lifecycle,marginal"
    with pytest.raises(Problems, match="a signal that is marginal cannot be accounted by"):
        imported(row, header=f"{HEADER},signal")


def test_all_that_is_wrong_with_a_table_is_told_at_once():
    with pytest.raises(Problems) as caught:
        imported("intensity,DE,25,344,gCO2e/kWh,A,B,lifecycle\npue,aws,2025,x,,A,B,")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("value", "unit", "kept"),
    [("0.344", "kgCO2e/kWh", "344"), ("758.4", "lbCO2e/MWh", "344.004453408"), ("0.344", "tCO2e/MWh", "344")],
)
def test_other_units_are_converted_exactly(value, unit, kept):
    found = imported(f"intensity,DE,2025,{value},{unit},ACME,internal,lifecycle")
    assert found.intensity("DE").row.value == kept


def test_what_moves_between_two_sets_is_listed_by_how_much():
    before = factors.parse(json.dumps(a_set([("DE", 2023, "400"), ("FR", 2023, "50")])).encode(), "a")
    after = factors.parse(json.dumps(a_set([("DE", 2024, "300"), ("GB", 2024, "200")])).encode(), "b")
    told = [(one.id, one.word) for one in comparing.moved(before, after)]
    assert told == [("DE", "-25.0%"), ("FR", "gone"), ("GB", "new")]
    assert comparing.moved(before, before) == []


def test_a_company_s_figure_on_another_basis_does_not_flip_the_zone_s():
    found = imported("intensity,DE,2025,310,gCO2e/kWh,ACME,internal,operational")
    with pytest.raises(FactorError, match="several intensities of `DE`"):
        found.intensity("DE")
    assert found.intensity("DE", Boundary.LIFECYCLE).row.value == "344.13992"


def test_the_residual_mix_and_the_price_of_the_country_hold_for_its_zones():
    rows = "residual-mix,SE,2025,45,gCO2e/kWh,R,internal,lifecycle\nprice,DE,2026,0.21,EUR/kWh,C,internal,"
    found = imported(rows)
    assert found.residual(("SE-SE3", "SE"), "lifecycle").row.value == "45"
    assert found.residual(("SE-SE3", "SE"), "operational") is None
    assert found.price(("gcp/europe-west3", "DE")).row.value == "0.21"


def test_a_set_that_bears_the_name_of_a_shipped_one_is_refused():
    content = json.loads((FOLDER / "greengate-2026.11.json").read_bytes())
    content["rows"][0]["value"] = "1"
    with pytest.raises(FactorError, match="and is another one"):
        factors.parse(json.dumps(content).encode(), "x.json")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            "supplier,g,2025,5,gCO2e/kWh,A,B,lifecycle\ncertificate,g,2025,70,gCO2e/kWh,A,B,lifecycle",
            "is the name of a",
        ),
        ("region,own/x,,,,A,B,", "is empty"),
        ("region,own/x,2025,,,A,B,", "and a region has none"),
        ("pue,aws,2025,1e999999999,,A,B,", "expected a number"),
        ("intensity,DE,٢٠٢٥,344,gCO2e/kWh,A,B,lifecycle", "expected a year"),
        ("intensity,DE\x07,2025,344,gCO2e/kWh,A,B,lifecycle", "has a control character"),
    ],
)
def test_what_cannot_be_meant_is_refused(rows, words):
    try:
        said = "\n".join(str(one) for one in soundness.doubts(imported(rows)) if one.wrong)
    except (FactorError, Problems) as refused:
        said = str(refused)
    assert words in said


@pytest.mark.parametrize(
    ("zone", "words"), [("NOWHERE", "is in `NOWHERE`, of which there is no intensity"), ("FR", "is told twice")]
)
def test_a_region_is_told_once_and_lies_in_a_zone_that_is_known(zone, words):
    line = f"region,own/x,,,,A,B,,{zone}"
    found = imported(f"{line}\n{line}" if zone == "FR" else line, header=f"{HEADER},zone")
    assert [one.words for one in soundness.doubts(found) if one.wrong] == [words]


def test_rows_after_the_parent_s_are_held_against_them():
    found = imported("intensity,DE,2025,120,gCO2e/kWh,ACME,internal,lifecycle")
    assert [one.kind for one in soundness.doubts(found)] == ["jump"]
    same = imported("intensity,DE,2025,344.13992,gCO2e/kWh,ACME,internal,lifecycle")
    assert [one.kind for one in soundness.doubts(same)] == ["carried"]


@pytest.mark.parametrize("text", ['{"note": "\\ud800"}', '{"a": "\x00"}'])
def test_what_cannot_be_hashed_is_refused(text):
    with pytest.raises(FactorError, match="is no factor set"):
        factors.parse(text.encode(), "x.json")


def test_a_zone_that_only_another_set_has_is_not_suggested():
    bare = factors.parse(json.dumps(a_set()).encode(), "x.json")
    with pytest.raises(FactorError) as caught:
        bare.intensity("UK")
    assert "GB" not in caught.value.hint


def test_a_region_s_pue_moves_what_its_cloud_s_was():
    own = imported("pue,aws/eu-central-1,2025,1.5,,ACME,internal,")
    told = {one.id: one.word for one in comparing.moved(factors.load_shipped("greengate-2026.11"), own)}
    assert told == {"aws/eu-central-1": "+30.4%"}
