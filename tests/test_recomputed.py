"""Every projected number of a report follows from the report itself, by plain arithmetic on its JSON."""

import json

import accounts
import pytest

from greengate.report import json_report


@pytest.fixture(scope="module")
def model():
    return json.loads(json_report.render(accounts.sample()))["models"][2]


@pytest.fixture(scope="module")
def factor(model):
    said = model["evidence"]["conversion"]
    held = said["embodied"]
    market = sum(part["share"] * float(part["factor"]["value"]) for part in said["market"])
    return {
        "pue": float(said["pue"]["value"]),
        "grid": float(said["intensity"]["value"]),
        "market": market,
        "thousands": said["inferences_per_year"] / 1000,
        "price": float(said["price"]["value"]),
        "embodied": float(held["host"]["value"]) * 1000 * held["resources"] * held["machines"] / held["lifetime_years"],
    }


def close(*numbers):
    return pytest.approx(numbers, rel=1e-12)


def three(model, name, side):
    figure = model["figures"][name][side]
    return figure["amount"], figure["low"], figure["high"]


@pytest.mark.parametrize("side", ["candidate", "baseline"])
def test_emissions_and_a_year_are_energy_times_the_factors_beside_it(model, factor, side):
    for index, joules in enumerate(three(model, "energy_per_1k_inferences", side)):
        kwh = joules / 3.6e6 * factor["pue"]
        told = {
            "carbon_per_1k_inferences": kwh * factor["grid"],
            "carbon_per_1k_inferences_market": kwh * factor["market"],
            "embodied_per_1k_inferences": factor["embodied"] / factor["thousands"],
            "sci_per_1k_inferences": kwh * factor["grid"] + factor["embodied"] / factor["thousands"],
            "deployment_energy": kwh * 3.6e6 * factor["thousands"],
            "deployment_carbon": kwh * factor["grid"] * factor["thousands"],
            "deployment_carbon_market": kwh * factor["market"] * factor["thousands"],
            "deployment_cost": kwh * factor["thousands"] * factor["price"],
        }
        found = {name: three(model, name, side)[index] for name in told}
        assert found == pytest.approx(told, rel=1e-12)


@pytest.mark.parametrize(
    "name", ["deployment_energy", "deployment_carbon", "deployment_carbon_market", "deployment_cost"]
)
def test_what_a_change_costs_a_year_is_the_baseline_times_its_change(model, name):
    row, change = model["year"]["rows"][name], model["figures"][name]["change"]
    amount, low, high = three(model, name, "baseline")
    ends = [one * (ratio - 1) for one in (low, high) for ratio in (change["low"], change["high"])]
    assert close(row["amount"], row["low"], row["high"]) == (amount * (change["ratio"] - 1), min(ends), max(ends))


def test_a_difference_is_as_sure_as_both_of_its_intervals_together(model):
    baseline, change = (model["figures"]["deployment_carbon"][part] for part in ("baseline", "change"))
    unsure = (1 - baseline["confidence"]) + (1 - change["confidence"])
    assert model["year"]["rows"]["deployment_carbon"]["confidence"] == pytest.approx(1 - unsure)


def test_the_words_are_the_numbers(model):
    rows = model["year"]["rows"]
    carbon_kg, cost = rows["deployment_carbon"]["amount"] / 1000, rows["deployment_cost"]["amount"]
    assert model["year"]["text"] == f"+{carbon_kg:.4g} kgCO2e and +{cost:.2f} EUR a year"


def test_every_factor_has_its_source_and_its_set(model):
    said = model["evidence"]["conversion"]
    assert (said["factor_set"], len(said["factor_set_sha256"])) == ("acme-1", 64)
    factors = [said["pue"], said["intensity"], said["price"], said["embodied"]["host"]]
    factors += [part["factor"] for part in said["market"]]
    assert all(one["source"] and one["value"] for one in factors)
