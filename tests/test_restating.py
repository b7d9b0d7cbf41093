"""Another factor set says what would move, and moves nothing."""

import json
from pathlib import Path

import pytest
from budgets_made import changed
from conversions_made import EMBODIED, GREEN, conversion
from factors_made import HEADER, a_set, imported
from made import uncertain

from greengate import deployments, restating
from greengate.carbon import factors
from greengate.cli import run
from greengate.conversion import Embodied, Factor, Part
from greengate.decision import Decision
from greengate.history import History
from greengate.packs.project_entry import Deployment, GivenFactor, ModelEntry
from greengate.projection import projected
from greengate.verdict import Verdict

SHIPPED = factors.load_shipped("greengate-2026.11")
PUE = GivenFactor("1.2", "the project")
OWN = imported("intensity,DE,2025,172.06996,gCO2e/kWh,ACME,internal,lifecycle")


def decision(said, model="nlp/x"):
    found = {"energy_per_1k_inferences": uncertain(3600.0, 1800.0, 7200.0)}
    found |= projected(found, {}, said).figures
    evidence = changed(name=model).model_copy(update={"conversion": said})
    evidence = evidence.model_copy(update={"candidate": evidence.candidate.model_copy(update={"figures": found})})
    return Decision(model, "c.onnx", "2026-11-21T10:00:00Z", "1", Verdict(model=model, findings=()), evidence)


def looked_up(found=SHIPPED, **said):
    said = {"zone": "DE", "inferences_per_year": 2e9, "pue": PUE, **said}
    return deployments.conversion(ModelEntry("m", "m.onnx", deployment=Deployment("own", **said)), found, "2026-11-21")


@pytest.fixture
def history(tmp_path):
    found = History(tmp_path / "h.db")
    yield found
    found.close()


def lines(history):
    return [(stored.entry_id, stored.leaf) for stored in history._store.newest_first()]


def test_another_factor_set_changes_no_old_entry(history):
    history.append(decision(looked_up(region="aws/eu-central-1", zone="")))
    before = lines(history), next(history.newest_first()).decision.evidence
    restating.entries(history.newest_first(), SHIPPED.name, OWN)
    history.append(decision(looked_up(OWN), "nlp/y"))
    count = len(before[0])
    assert (lines(history)[-count:], list(history.newest_first())[1].decision.evidence) == before


def test_what_would_move_is_told_by_how_much(history):
    history.append(decision(looked_up(region="aws/eu-central-1", zone="")))
    told = {one.metric: one.change for one in restating.entries(history.newest_first(), SHIPPED.name, OWN)}
    assert told == pytest.approx(
        {
            "carbon_per_1k_inferences": -0.5,
            "carbon_per_1k_inferences_market": -0.5,
            "deployment_carbon": -0.5,
            "deployment_carbon_market": -0.5,
        }
    )


MARKET = ("carbon_per_1k_inferences_market", "deployment_carbon_market")
EMITTED = ("carbon_per_1k_inferences", "deployment_carbon", *MARKET)


@pytest.mark.parametrize(
    ("row", "moved"),
    [
        ("residual-mix,DE,2025,688.27984,gCO2e/kWh,ACME,internal,lifecycle", MARKET),
        ("pue,aws/eu-central-1,2025,2.3,,ACME,internal,", (*EMITTED, "deployment_energy")),
    ],
)
def test_what_would_stand_in_place_of_a_factor_counts_too(history, row, moved):
    history.append(decision(looked_up(region="aws/eu-central-1", zone="", pue=None)))
    told = {one.metric: one.change for one in restating.entries(history.newest_first(), SHIPPED.name, imported(row))}
    assert told == pytest.approx(dict.fromkeys(moved, 1.0))


def test_a_region_that_is_elsewhere_by_the_other_set_takes_its_intensity_from_there():
    row = "region,aws/eu-central-1,,,,ACME,internal,,FR"
    moved = imported(row, header=f"{HEADER},zone")
    said = looked_up(region="aws/eu-central-1", zone="")
    assert restating.converted(said, moved).intensity.id == "FR"
    assert restating.converted(said, SHIPPED) == said


def test_only_the_newest_entry_of_a_model_and_of_that_set_is_restated(history):
    history.append(decision(looked_up()))
    history.append(decision(looked_up(OWN)))
    assert restating.entries(history.newest_first(), SHIPPED.name, OWN) == []


def test_what_the_project_declares_itself_stays(history):
    said = conversion(market=(Part(share=1.0, factor=GREEN),))
    assert restating.converted(said, OWN).market[0].factor == GREEN
    assert restating.converted(said, OWN).pue == said.pue


def test_a_factor_that_the_other_set_lacks_leaves_figures_unknown(history):
    bare = factors.parse(json.dumps(a_set([("FR", 2024, "50")])).encode(), "x")
    history.append(decision(looked_up(region="aws/eu-central-1", zone="")))
    told = restating.entries(history.newest_first(), SHIPPED.name, bare)
    assert {one.metric: one.after for one in told}["deployment_carbon"] is None


def test_a_host_is_looked_up_anew():
    host = Factor(kind="embodied", id="aws/m5.large", value="1", unit="kgCO2e", source="x", set="acme-1")
    said = conversion(embodied=Embodied(**{**dict(EMBODIED), "host": host}))
    assert restating.converted(said, SHIPPED).embodied.host.value == "1610.79"


def test_the_command_tells_what_would_move(tmp_path, history, capsys):
    history.append(decision(looked_up()))
    own = tmp_path / "acme.json"
    own.write_text(json.dumps(OWN.file.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
    words = ["factors", "diff", SHIPPED.name, str(own), "--history", str(history.place)]
    assert run(words) == 0
    assert "-50.0%" in capsys.readouterr().out
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entries"][0]["change"] == pytest.approx(-0.5)


def test_a_history_that_is_not_there_is_told(tmp_path, capsys):
    assert run(["factors", "diff", SHIPPED.name, SHIPPED.name, "--history", str(Path(tmp_path) / "no.db")]) == 2
    assert "there is no history here yet" in capsys.readouterr().err
