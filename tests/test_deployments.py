import json
from pathlib import Path

import pytest
from factors_made import CONTRACT, HEADER, a_set, imported

from greengate import deployments
from greengate.carbon import factors
from greengate.conversion import Factor
from greengate.errors import Place, Problems, ProjectError
from greengate.packs.project import FactorsEntry, Project
from greengate.packs.project_entry import Deployment, EmbodiedEntry, GivenFactor, Instrument, ModelEntry

SHIPPED = factors.load_shipped("greengate-2026.11")
HERE = Place("greengate.yaml", 7, 1)


def looked_up(found=SHIPPED, taken_at="2026-11-21T10:00:00Z", **said):
    entry = ModelEntry("m", "m.onnx", deployment=Deployment("own", place=HERE, **said))
    return deployments.conversion(entry, found, taken_at)


def refused(found=SHIPPED, **said):
    with pytest.raises(ProjectError) as caught:
        looked_up(found, **said)
    return caught.value.problem, caught.value.hint


def test_a_zone_s_intensity_is_inlined_with_its_source():
    found = looked_up(zone="DE")
    assert found.intensity == Factor(
        kind="intensity",
        id="DE",
        value="344.13992",
        unit="gCO2e/kWh",
        year=2024,
        basis="average, lifecycle, production",
        source="Ember, via Our World in Data, CC BY 4.0",
        licence="CC-BY-4.0",
        set="greengate-2026.11",
    )
    assert (found.factor_set, found.factor_set_sha256) == ("greengate-2026.11", SHIPPED.sha256)


def test_a_region_brings_its_zone_and_its_cloud_s_pue():
    found = looked_up(region="aws/eu-central-1")
    assert (found.intensity.id, found.pue.value, found.pue.source) == ("DE", "1.15", "Amazon Web Services")


def test_a_declared_pue_comes_before_the_cloud_s():
    found = looked_up(region="aws/eu-central-1", pue=GivenFactor("1.3", "the project"))
    assert (found.pue.value, found.pue.set) == ("1.3", "")


@pytest.mark.parametrize(
    ("region", "basis", "zone"),
    [
        ("gcp/us-central1", "", "gcp/us-central1"),
        ("gcp/us-central1", "operational", "gcp/us-central1"),
        ("gcp/us-central1", "lifecycle", "US"),
        ("aws/us-east-1", "operational", "US-VA"),
        ("aws/us-east-1", "lifecycle", "US"),
    ],
)
def test_a_basis_is_looked_for_in_the_region_and_then_in_the_country_around_it(region, basis, zone):
    assert looked_up(region=region, basis=basis).intensity.id == zone


def test_what_a_table_says_of_a_region_is_remarked():
    assert looked_up(region="aws/ca-central-1").remarks == (
        "the intensity of aws/ca-central-1 is the average of Canada: Quebec's grid is far cleaner",
    )


def test_an_old_intensity_is_remarked():
    assert looked_up(zone="DE", taken_at="2028-01-01T00:00:00Z").remarks == (
        "the newest intensity of DE in greengate-2026.11 is of 2024",
    )


def test_an_intensity_of_co2_alone_is_remarked():
    assert looked_up(zone="CN-BJ").remarks == ("the intensity of CN-BJ counts CO2 alone, no other gases",)


@pytest.mark.parametrize(
    ("said", "problem", "hint"),
    [
        ({"zone": "Germany"}, "the factor set knows no zone `Germany`", "did you mean `DE` (Germany)?"),
        (
            {"zone": "US"},
            "the factor set has several intensities of `US`",
            "say which: `basis: lifecycle` or `basis: operational`",
        ),
        (
            {"region": "aws/eu-central1"},
            "the factor set knows no region `aws/eu-central1`",
            "did you mean `aws/eu-central-1`?",
        ),
        (
            {"zone": "DE", "embodied": EmbodiedEntry(1.0, 4.0, HERE, machine="aws/m5large")},
            "the factor set knows no machine `aws/m5large`",
            "did you mean `aws/m5.large`?",
        ),
        (
            {"zone": "DE", "market": (Instrument(1.0, HERE, contract="green-1"),)},
            "the factor set knows no contract `green-1`",
            "`greengate factors import` adds contracts of your own",
        ),
    ],
)
def test_what_the_set_does_not_know_is_told_in_the_project_file(said, problem, hint):
    assert refused(**said) == (problem, hint)


def test_a_deployment_that_needs_a_set_is_refused_without_one():
    assert refused(None, zone="DE")[0] == "`DE` stands in a factor set, and none is pinned"


def test_without_a_contract_the_grid_s_average_stands_in_and_it_says_so():
    found = looked_up(zone="DE")
    assert [(part.share, part.factor.id) for part in found.market] == [(1.0, "DE")]
    assert found.statement == (
        "no contract or certificate applies to the electricity: "
        "the grid's average stands in its place, as no lifecycle residual mix is known"
    )


def test_a_contract_covers_its_share_and_the_residual_mix_the_rest():
    own = imported(f"{CONTRACT}\nresidual-mix,DE,2025,700,gCO2e/kWh,R,internal,lifecycle")
    found = looked_up(own, zone="DE", market=(Instrument(0.6, HERE, contract="green-1"),))
    assert [(round(part.share, 9), part.factor.kind) for part in found.market] == [
        (0.6, "supplier"),
        (0.4, "residual-mix"),
    ]
    assert found.market_intensity == pytest.approx(0.6 * 12.5 + 0.4 * 700)
    assert found.statement.startswith("no contract or certificate applies to 40% of the electricity: the residual mix")


def test_a_contract_for_everything_needs_no_statement():
    found = looked_up(imported(CONTRACT), zone="DE", market=(Instrument(1.0, HERE, contract="green-1"),))
    assert (len(found.market), found.statement) == (1, "")


def test_a_contract_on_another_basis_is_refused():
    own = imported(CONTRACT.replace("lifecycle", "operational"))
    assert refused(own, zone="DE", market=(Instrument(1.0, HERE, contract="green-1"),)) == (
        "the contract is on the basis operational, the grid's intensity is lifecycle",
        "emissions of different bases are never added up: take both `lifecycle`, or both `operational`",
    )


def test_a_declared_contract_is_taken_as_it_is_declared():
    given = GivenFactor("0", "G", HERE, 2025, "lifecycle")
    found = looked_up(zone="DE", market=(Instrument(1.0, HERE, kind="certificate", factor=given),))
    assert found.market[0].factor == Factor(
        kind="certificate", value="0", unit="gCO2e/kWh", year=2025, basis="average, lifecycle, contract", source="G"
    )


def test_the_price_of_a_zone_comes_from_a_set_that_has_one():
    own = imported("price,DE,2026,0.21,EUR/kWh,contract,internal,")
    assert looked_up(own, zone="DE").price.value == "0.21"
    assert looked_up(zone="DE").price is None


def project(**said):
    return Project((), (), factors=FactorsEntry(place=HERE, **said))


def test_a_shipped_set_is_pinned_by_its_name(tmp_path):
    assert deployments.pinned(tmp_path, project(name="greengate-2026.11")).sha256 == SHIPPED.sha256
    with pytest.raises(ProjectError, match=r"there is no factor set `greengate-2026\.12`"):
        deployments.pinned(tmp_path, project(name="greengate-2026.12"))


def written(folder: Path):
    own = imported(CONTRACT)
    (folder / "acme.json").write_text(
        json.dumps(own.file.model_dump(mode="json", exclude_unset=True)), encoding="utf-8"
    )
    return own


def test_a_set_of_one_s_own_must_have_the_digest_that_is_pinned(tmp_path):
    own = written(tmp_path)
    assert deployments.pinned(tmp_path, project(file="acme.json", sha256=own.sha256)).name == "acme-2026.1"
    with pytest.raises(ProjectError, match="a set never changes: pin the one that is meant"):
        deployments.pinned(tmp_path, project(file="acme.json", sha256="a" * 64))


def test_a_set_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ProjectError, match=r"the factor set `acme\.json` is not there"):
        deployments.pinned(tmp_path, project(file="acme.json", sha256="a" * 64))


def test_without_a_deployment_there_is_nothing_to_convert():
    assert deployments.conversion(ModelEntry("m", "m.onnx"), SHIPPED, "2026-11-21T10:00:00Z") is None


def test_all_deployments_that_cannot_be_are_told_at_once(tmp_path):
    entries = [
        ModelEntry(zone, "m.onnx", deployment=Deployment("own", zone=zone, place=HERE)) for zone in ("UK", "DE", "X")
    ]
    told = deployments.problems(
        tmp_path, Project(tuple(entries), (), factors=FactorsEntry("greengate-2026.11")), "2026"
    )
    assert [error.problem for error in told] == [f"the factor set knows no zone `{zone}`" for zone in ("UK", "X")]
    lost = deployments.problems(tmp_path, Project((), (), factors=FactorsEntry("greengate-1", place=HERE)), "2026")
    assert [error.problem for error in lost] == ["there is no factor set `greengate-1`"]


def test_a_factor_set_that_cannot_be_is_refused_where_it_is_pinned(tmp_path):
    content = a_set([("DE", 2024, "0")])
    (tmp_path / "acme.json").write_text(json.dumps(content), encoding="utf-8")
    sha256 = factors.parse(json.dumps(content).encode(), "x").sha256
    with pytest.raises(Problems, match="found 0 gCO2e/kWh, expected 1 to 2000 gCO2e/kWh"):
        deployments.pinned(tmp_path, project(file="acme.json", sha256=sha256.upper()))


def test_a_country_s_figure_in_the_place_of_a_region_s_is_remarked():
    assert looked_up(region="aws/us-east-1", basis="lifecycle").remarks == (
        "the intensity of aws/us-east-1 is of all of US, as there is no lifecycle one of US-VA",
    )


def test_a_lower_bound_is_remarked():
    (told,) = looked_up(zone="SE-SE4").remarks
    assert told.startswith("the intensity of SE-SE4 is a lower bound: it covers 85.05%")


@pytest.mark.parametrize("region", ["gcp/europe-north2", "aws/eu-north-1"])
def test_the_residual_mix_of_a_country_holds_for_its_regions(region):
    boundary = "operational" if region.startswith("gcp") else "lifecycle"
    own = imported(f"residual-mix,SE,2025,45,gCO2e/kWh,R,internal,{boundary}")
    assert looked_up(own, region=region).statement.endswith("the residual mix of SE stands in its place")


def test_a_contract_on_other_gases_is_refused():
    own = imported(f"{CONTRACT},CO2", header=f"{HEADER},gases")
    found = refused(own, zone="DE", market=(Instrument(1.0, HERE, contract="green-1"),))
    assert found[0] == "the contract is on the basis lifecycle CO2 only, the grid's intensity is lifecycle"


def test_an_old_contract_is_remarked():
    given = GivenFactor("0", "REC of Texas", HERE, 1990, "lifecycle")
    found = looked_up(zone="DE", market=(Instrument(1.0, HERE, kind="certificate", factor=given),))
    assert found.remarks == ("the contract REC of Texas is of 1990, and this check of 2026",)


@pytest.mark.parametrize(("kind", "scope"), [("own", "scope 2"), ("cloud", "scope 3, category 1"), ("api", "scope 3")])
def test_a_conversion_says_where_an_inventory_books_it(kind, scope):
    found = deployments.conversion(ModelEntry("m", "m", deployment=Deployment(kind, zone="DE")), SHIPPED, "2026-11-21")
    assert found.scope.startswith(scope)
