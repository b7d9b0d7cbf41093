"""Budgets, and changes that draw on them, made by hand."""

from dataclasses import replace

from conversions_made import conversion
from made import evidence, uncertain

from greengate.evidence import Model
from greengate.forecasts import Request
from greengate.metrics import lookup
from greengate.policy import Budget, Enforce, Policy, Rule
from greengate.projection import projected
from greengate.quantities import Emissions

YEAR_KG = 840.0  # of a watt-hour an 1,000 inferences: 0.001 kWh x PUE 1.2 x 350 g/kWh x 2 million
TAKEN_AT = "2026-10-01T00:00:00Z"  # a quarter of the year is left


def budget(limit="1200 kgCO2e", **more):
    usual = {
        "key": "p/q",
        "per": (("team", "nlp"),),
        "period": "quarter",
        "bound": Emissions.parse(limit),
        "basis": "lifecycle",
    }
    return Budget(**{**usual, **more})


def rule(check=None, metric="deployment_carbon", enforce=Enforce.SOFT):
    return Rule("q", (check or budget(),), lookup(metric), enforce)


def policy(*rules, **more):
    return Policy("p", rules or (rule(),), **more)


def figures(joules, **more):
    found = {"energy_per_1k_inferences": uncertain(joules, joules / 2, joules * 2)}
    return {**found, **projected(found, {}, conversion()).figures, **more}


def changed(before=3600.0, after=7200.0, name="nlp/x", team="nlp", **more):
    """Evidence of a change from so many joules a thousand inferences to so many."""
    baseline = None if before is None else figures(before)
    found = evidence(figures(after), baseline, model=Model(name=name, team=team), **more)
    return found.model_copy(update={"taken_at": TAKEN_AT, "change": "acme/shop#1", "conversion": conversion()})


def request(found=None, change="acme/shop#1", policies=None, **more):
    return Request(found or changed(), policies or (policy(),), change, **more)


def advising(**more):
    return replace(rule(budget(**more)), enforce=Enforce.ADVISORY)
