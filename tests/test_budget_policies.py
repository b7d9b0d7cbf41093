import re

import pytest
from packs_made import complaint, load, pinned, policy

from greengate.policy import Budget, Enforce
from greengate.quantities import Emissions

CARBON = "id: q, metric: deployment_carbon, period: quarter, max: 12 kgCO2e, enforce: soft"
TEAM = "per: {team: nlp}"
OWNED = "{name: p, owners: [green]}"


def budgeted(*budgets, rules=(), **parts):
    text = policy(rules, budgets=f"[{', '.join(f'{{{one}}}' for one in budgets)}]", **parts)
    return re.sub(r"metadata: {name: (\w+)}", r"metadata: {name: \1, owners: [green]}", text)


def only(text, **rest):
    (found,) = load(text, **rest)
    (rule,) = found.rules
    return rule


def test_a_budget_becomes_a_rule_of_its_own_account():
    said = f"{CARBON}, per: {{team: nlp, labels: {{tier: prod}}}}, warn_at: 80%, training: true, phase: final"
    rule = only(budgeted(f"{said}, timezone: Europe/Berlin, year_starts: 4"))
    assert (rule.id, rule.metric.name, rule.enforce) == ("q", "deployment_carbon", Enforce.SOFT)
    assert rule.checks == (
        Budget(
            key="demo/q",
            per=(("label tier", "prod"), ("team", "nlp")),
            period="quarter",
            bound=Emissions(12e3),
            warn_at=0.8,
            basis="lifecycle",
            training=True,
            phase="final",
            zone="Europe/Berlin",
            first_month=4,
        ),
    )


def test_params_are_filled_in():
    rule = only(budgeted(CARBON.replace("12 kgCO2e", '"${cap}"'), params="{cap: 5 kgCO2e}"))
    assert rule.checks[0].bound == Emissions(5e3)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (CARBON.replace("12 kgCO2e", "12"), "p.yaml:4:68 (budgets[0].max): `12` has no unit"),
        (CARBON.replace("12 kgCO2e", "12 kWh"), "`12 kWh` is an energy, expected an amount of emissions"),
        (CARBON.replace("quarter", "week"), "found `week`, expected `month`, `quarter` or `year`"),
        (CARBON.replace("deployment_carbon", "deployment_carbn"), "did you mean `deployment_carbon`?"),
        (f"{CARBON}, warn_at: 120%", "`120%` never warns before the budget is used up"),
        (f"{CARBON}, warn_at: 80", "`80` has no unit"),
        (f"{CARBON}, per: {{}}", "the mapping is empty"),
        (f"{CARBON}, per: {{taem: nlp}}", "unknown key `taem`\n  hint: did you mean `team`?"),
        (
            f"{CARBON}, timezone: Europe/Berlim",
            "`Europe/Berlim` is no time zone\n  hint: did you mean `Europe/Berlin`?",
        ),
        (f"{CARBON}, year_starts: 13", "found `13`, expected at most 12"),
        (
            CARBON.replace("deployment_carbon", "deployment_cost").replace("kgCO2e", "EUR") + ", basis: lifecycle",
            "`basis` is of emissions, and this budget is of deployment_cost",
        ),
        (f"{CARBON}, phase: final", "`phase` is of trainings, which this budget does not draw"),
        (
            CARBON.replace("deployment_carbon", "deployment_cost").replace("kgCO2e", "EUR") + ", training: true",
            "`training` adds to a budget of deployment_energy or deployment_carbon, and this one is of deployment_cost",
        ),
    ],
)
def test_a_budget_that_cannot_be_meant_is_refused(said, told):
    assert told in complaint(budgeted(said))


def test_a_budget_without_an_owner_is_refused():
    text = policy((), budgets=f"[{{{CARBON}}}]")
    assert complaint(text) == (
        "p.yaml:4:11 (budgets[0]): the budget `q` has no owner: nobody could raise it, or say no\n"
        "  hint: give the budget an `owner`, or the policy `metadata: {owners: [...]}`"
    )
    assert only(policy((), budgets=f'[{{{CARBON}, owner: "@acme/green"}}]')).id == "q"


def test_budgets_and_rules_share_their_names():
    latency = "{id: q, metric: latency_p95, max: 40 ms, enforce: soft}"
    assert "`q` is given twice; first at p.yaml:6:5" in complaint(budgeted(CARBON, rules=[latency]))
    assert "`q` is given twice; first at p.yaml:4:11" in complaint(budgeted(CARBON, CARBON))


BASE = budgeted(f"{CARBON}, {TEAM}, warn_at: 80%", name="base")


def child(said):
    return budgeted(said, name="child", extends=pinned("base.yaml", BASE))


def test_a_child_draws_on_the_account_of_what_it_extends():
    (inherited,) = load(policy(name="child", extends=pinned("base.yaml", BASE)), base=BASE)
    assert inherited.rules[0].checks[0].key == "base/q"
    tighter = only(child(f"{CARBON.replace('12', '10')}, {TEAM}, warn_at: 60%"), base=BASE).checks[0]
    assert (tighter.key, tighter.bound, tighter.warn_at) == ("base/q", Emissions(10e3), 0.6)


@pytest.mark.parametrize(
    "said",
    [
        f"{CARBON.replace('12', '13')}, {TEAM}, warn_at: 80%",
        f"{CARBON}, {TEAM}, warn_at: 90%",
        f"{CARBON}, {TEAM}",
        f"{CARBON}, warn_at: 80%, per: {{team: vision}}",
        f"{CARBON.replace('quarter', 'month')}, {TEAM}, warn_at: 80%",
        f"{CARBON}, {TEAM}, warn_at: 80%, year_starts: 2",
    ],
)
def test_a_child_cannot_loosen_a_budget(said):
    assert "`budget` of the rule `q` loosens what is extended" in complaint(child(said), base=BASE)


def test_no_waiver_lets_a_budget_be_overdrawn():
    waiver = (
        "---\napiVersion: greengate/v1\nkind: Waiver\nid: W-1\nrule: demo/q\nceiling: {max: 20 kgCO2e}\n"
        "expires: 2026-12-31\nreason: r\ngranted_by: g\n"
    )
    told = complaint(budgeted(CARBON) + waiver)
    assert "the rule is a budget, which no waiver lets be overdrawn" in told
    assert "raise its `max` on the base branch, where everybody sees it" in told


def test_a_budget_of_all_that_a_policy_covers_is_an_account_of_each_policy_that_inherits_it():
    base = budgeted(CARBON, name="base")
    (found,) = load(policy(name="child", extends=pinned("base.yaml", base)), base=base)
    assert found.rules[0].checks[0].key == "child/q"
