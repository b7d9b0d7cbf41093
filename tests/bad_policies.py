# ruff: noqa: E501 - a message is written as it is printed
"""What can be wrong in a policy file, and what its author is told."""

import pytest
from packs_made import WAIVER, policy

LATENCY = "{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"
GOOD = policy([LATENCY])
STARTS = "write `last-release`, a git ref such as `v1.2`, or the beginning of an entry's id in the history"

BAD_RULES = [
    pytest.param(
        "{id: a, metric: latency_p95, max_incrase: 5%, enforce: soft}",
        ("p.yaml:5:34 (rules[0].max_incrase): unknown key `max_incrase`\n  hint: did you mean `max_increase`?"),
        id="a key is misspelt",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: 40, enforce: soft}",
        ("p.yaml:5:39 (rules[0].max): `40` has no unit\n  hint: a duration is written like `40 ms`"),
        id="the unit is missing",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: 40 J, enforce: soft}",
        ("p.yaml:5:39 (rules[0].max): `40 J` is an energy, expected a duration\n  hint: write it like `40 ms`"),
        id="the dimension is another",
    ),
    pytest.param(
        "{id: a, metric: model_size, max: 40 MiBs, enforce: soft}",
        ("p.yaml:5:38 (rules[0].max): `MiBs` in `40 MiBs` is no unit of a size\n  hint: did you mean `MiB`?"),
        id="the unit is misspelt",
    ),
    pytest.param(
        "{id: a, metric: latency_p96, max: 40 ms, enforce: soft}",
        ("p.yaml:5:21 (rules[0].metric): `latency_p96` is no metric\n  hint: did you mean `latency_p99`?"),
        id="the metric is unknown",
    ),
    pytest.param(
        "{id: a, metric: quality., max: 40%, enforce: soft}",
        ("p.yaml:5:21 (rules[0].metric): `quality.` is no metric\n  hint: did you mean `quality.accuracy`?"),
        id="a quality figure has no name",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, min: 50 ms, max: 40 ms, enforce: soft}",
        (
            "p.yaml:5:39 (rules[0].min): the rule can never hold: `min` 50 ms is above `max` 40 ms\n"
            "  hint: exchange the two, or correct one"
        ),
        id="min lies above max",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: -40 ms, enforce: soft}",
        "p.yaml:5:39 (rules[0].max): `-40 ms` is below zero, where latency_p95 never is",
        id="a limit is negative",
    ),
    pytest.param(
        "{id: a, metric: quality.accuracy, min: 197%, enforce: soft}",
        "p.yaml:5:44 (rules[0].min): `197%` is more than the whole; quality.accuracy is at most 100%",
        id="a share is above the whole",
    ),
    pytest.param(
        "{id: a, metric: quality.accuracy, min: 0.97, enforce: soft}",
        ("p.yaml:5:44 (rules[0].min): `0.97` has no unit\n  hint: a share is written like `5%`"),
        id="a share has no unit",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, enforce: soft}",
        (
            "p.yaml:5:5 (rules[0]): the rule limits nothing, so that it could never fail\n"
            "  hint: give it `max`, `min`, `max_increase`, `max_decrease` or `max_drift`"
        ),
        id="the rule limits nothing",
    ),
    pytest.param(
        "{id: a, max: 40 ms, enforce: soft}",
        (
            "p.yaml:5:5 (rules[0]): the rule has neither `metric` nor `cel`\n"
            "  hint: name the figure it limits with `metric`"
        ),
        id="the rule names no metric",
    ),
    pytest.param(
        "{metric: latency_p95, max: 40 ms, enforce: soft}",
        ("p.yaml:5:5 (rules[0]): `id` is missing\n  hint: Name of the rule, once in a policy."),
        id="the id is missing",
    ),
    pytest.param(
        "{id: My Rule, metric: latency_p95, max: 40 ms, enforce: soft}",
        "p.yaml:5:10 (rules[0].id): found `My Rule`, expected lower-case letters, digits and single hyphens, such as `energy-cap`",
        id="the id is no name",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: , enforce: soft}",
        ("p.yaml:5:34 (rules[0].max): `max` has no value\n  hint: give it one, or leave the key out"),
        id="a key has no value",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: [40 ms], enforce: soft}",
        "p.yaml:5:39 (rules[0].max): found a list, expected an amount, such as `40 ms`",
        id="an amount is a list",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: true, enforce: soft}",
        "p.yaml:5:39 (rules[0].max): found `true`, expected an amount, such as `40 ms`",
        id="an amount is a boolean",
    ),
    pytest.param(
        "{id: 7, metric: latency_p95, max: 40 ms, enforce: soft}",
        ("p.yaml:5:10 (rules[0].id): found `7`, expected text\n  hint: put it in quotes"),
        id="text is a number",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: 40 ms, enforce: hrad}",
        (
            "p.yaml:5:55 (rules[0].enforce): found `hrad`, expected `advisory`, `soft` or `hard`\n"
            "  hint: did you mean `hard`?"
        ),
        id="a word is misspelt",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max_increase: -5%, enforce: soft}",
        "p.yaml:5:48 (rules[0].max_increase): `-5%` is negative; a change is written without its sign",
        id="a tolerance is negative",
    ),
    pytest.param(
        "{id: a, metric: throughput, max_decrease: 100%, enforce: soft}",
        "p.yaml:5:47 (rules[0].max_decrease): `100%` bounds nothing: throughput cannot fall by more than the whole",
        id="a tolerance is the whole",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max_increase: 5, enforce: soft}",
        (
            "p.yaml:5:48 (rules[0].max_increase): `5` has no unit\n"
            "  hint: write a share such as `5%`, or a difference such as `40 ms`"
        ),
        id="a tolerance has no unit",
    ),
    pytest.param(
        "{id: a, metric: flops_per_inference, max_increase: 5, enforce: soft}",
        (
            "p.yaml:5:56 (rules[0].max_increase): `5` has no unit\n"
            "  hint: write a share such as `5%`, or a difference such as `4 GFLOP`"
        ),
        id="a tolerance of a count has no unit",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max_increase: 5 J, enforce: soft}",
        (
            "p.yaml:5:48 (rules[0].max_increase): `5 J` is an energy, expected a duration\n"
            "  hint: write a share such as `5%`, or a difference such as `40 ms`"
        ),
        id="a tolerance is of another dimension",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max_increase: 5 mss, enforce: soft}",
        ("p.yaml:5:48 (rules[0].max_increase): `mss` in `5 mss` is no unit of a duration\n  hint: did you mean `ms`?"),
        id="the unit of a tolerance is misspelt",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max_increase: 5 pp, enforce: soft}",
        (
            "p.yaml:5:48 (rules[0].max_increase): `5 pp` is a number of percentage points, expected a duration\n"
            "  hint: write a share such as `5%`, or a difference such as `40 ms`"
        ),
        id="percentage points of what is no share",
    ),
    pytest.param(
        "{id: a, metric: flops_per_inference, max: 4 GMAC, enforce: soft}",
        (
            "p.yaml:5:47 (rules[0].max): `4 GMAC` counts MACs, which is not what flops_per_inference counts\n"
            "  hint: write it like `4 GFLOP`"
        ),
        id="FLOPs are given in MACs",
    ),
    pytest.param(
        "{id: a, metric: flops_per_inference, max: 4e9, enforce: soft}",
        ("p.yaml:5:47 (rules[0].max): `4000000000.0` has no unit\n  hint: a number of FLOPs is written like `4 GFLOP`"),
        id="FLOPs without a unit",
    ),
    pytest.param(
        "{id: a, metric: flops_per_inference, max: 4 G, enforce: soft}",
        (
            "p.yaml:5:47 (rules[0].max): `4 G` is a plain number, expected a number of FLOPs\n"
            "  hint: write it like `4 GFLOP`"
        ),
        id="FLOPs with a prefix and no unit",
    ),
    pytest.param(
        "{id: a, metric: macs_per_inference, max: 250 MMACs, enforce: soft}",
        (
            "p.yaml:5:46 (rules[0].max): `MMACs` in `250 MMACs` is no unit of a number of MACs\n"
            "  hint: did you mean `MMAC`?"
        ),
        id="the unit of MACs is misspelt",
    ),
    pytest.param(
        "{id: a, metric: macs_per_inference, max_increase: 2 M, enforce: soft}",
        (
            "p.yaml:5:55 (rules[0].max_increase): `2 M` is a plain number, expected a number of MACs\n"
            "  hint: write a share such as `5%`, or a difference such as `4 GMAC`"
        ),
        id="a difference of MACs has a prefix and no unit",
    ),
    pytest.param(
        "{id: a, metric: macs_per_inference, max_increase: 2 MFLOP, enforce: soft}",
        (
            "p.yaml:5:55 (rules[0].max_increase): `2 MFLOP` counts FLOPs, which is not what macs_per_inference counts\n"
            "  hint: write it like `4 GMAC`"
        ),
        id="a difference of MACs is given in FLOPs",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: 40 ms}",
        (
            "p.yaml:5:5 (rules[0]): `enforce` is missing\n"
            "  hint: advisory warns, soft fails unless waived, hard fails whatever anybody says"
        ),
        id="enforce is missing",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: 40, unless: {approval: x, ceiling: 10%}}",
        (
            "p.yaml:5:5 (rules[0]): `enforce` is missing\n"
            "  hint: advisory warns, soft fails unless waived, hard fails whatever anybody says\n"
            "p.yaml:5:39 (rules[0].max): `40` has no unit\n"
            "  hint: a duration is written like `40 ms`"
        ),
        id="enforce is missing, and more is wrong",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: 40 ms, enfore: hard}",
        ("p.yaml:5:46 (rules[0].enfore): unknown key `enfore`\n  hint: did you mean `enforce`?"),
        id="enforce is misspelt",
    ),
    pytest.param(
        "{id: a, metric: parameters, max: 4 GFLOP, enforce: soft}",
        (
            "p.yaml:5:38 (rules[0].max): `4 GFLOP` counts FLOPs, which is not what parameters counts\n"
            "  hint: write it like `4 M`"
        ),
        id="parameters are given in FLOPs",
    ),
    pytest.param(
        "{id: a, metric: latency_p50, max_drift: {since: last-pass, increase: 10%}, enforce: soft}",
        (
            "p.yaml:5:53 (rules[0].max_drift.since): `last-pass` moves with every change, so that the count would begin anew\n"
            f"  hint: {STARTS}"
        ),
        id="a drift since the last pass",
    ),
    pytest.param(
        "{id: a, metric: latency_p50, max_drift: {since: HEAD~5, increase: 10%}, enforce: soft}",
        (
            "p.yaml:5:53 (rules[0].max_drift.since): `HEAD~5` moves with every change, so that the count would begin anew\n"
            f"  hint: {STARTS}"
        ),
        id="a drift since the commit that is judged",
    ),
    pytest.param(
        "{id: a, metric: latency_p50, max_drift: {since: v1..v2, increase: 10%}, enforce: soft}",
        (f"p.yaml:5:53 (rules[0].max_drift.since): `v1..v2` is no git ref, and no entry's id\n  hint: {STARTS}"),
        id="a drift since nothing that git knows",
    ),
    pytest.param(
        "{id: a, metric: latency_p50, max_drift: {since: 12345678, increase: 10%}, enforce: soft}",
        ("p.yaml:5:53 (rules[0].max_drift.since): found `12345678`, expected text\n  hint: put it in quotes"),
        id="a drift since an entry that reads as a number",
    ),
    pytest.param(
        "{id: a, metric: latency_p50, max_drift: {increase: 10%}, enforce: soft}",
        (
            "p.yaml:5:45 (rules[0].max_drift): `since` is missing\n"
            "  hint: The earlier model: `last-release`, a git ref, or the beginning of an entry's id in the history."
        ),
        id="a drift since when",
    ),
    pytest.param(
        "{id: a, metric: latency_p50, max_drift: {since: v1}, enforce: soft}",
        (
            "p.yaml:5:45 (rules[0].max_drift): a drift is limited by either `increase` or `decrease`\n"
            "  hint: give one of the two"
        ),
        id="a drift without a bound",
    ),
    pytest.param(
        "{id: a, metric: latency_p50, max_drift: {since: v1, increase: 10%, decrease: 10%}, enforce: soft}",
        (
            "p.yaml:5:45 (rules[0].max_drift): a drift is limited by either `increase` or `decrease`\n"
            "  hint: give one of the two"
        ),
        id="a drift both ways",
    ),
    pytest.param(
        "{id: a, metric: latency_p50, max_drift: {since: v1, increase: 5 ms}, enforce: soft}",
        (
            "p.yaml:5:67 (rules[0].max_drift.increase): `5 ms` is a duration, expected a share\n"
            "  hint: write it like `5%`"
        ),
        id="a drift as a difference",
    ),
    pytest.param(
        "{id: a, metric: latency_p50, max_drift: {since: v1, increase: 0%}, enforce: soft}",
        (
            "p.yaml:5:67 (rules[0].max_drift.increase): `0%` leaves no room for any change\n"
            "  hint: write a share such as `10%`"
        ),
        id="a drift of nothing",
    ),
    pytest.param(
        "{id: a, metric: throughput, max_drift: {since: v1, decrease: 100%}, enforce: soft}",
        "p.yaml:5:66 (rules[0].max_drift.decrease): `100%` bounds nothing: no figure falls by more than the whole",
        id="a drift of the whole",
    ),
    pytest.param(
        "{id: a, metric: peak_memory, max_drift: {since: v1, increase: 10%}, enforce: soft}",
        (
            "p.yaml:5:34 (rules[0].max_drift): peak_memory is neither counted nor measured in pairs, so that no drift of it can be told\n"
            "  hint: limit it with `max` or `min`"
        ),
        id="a drift of what is not followed",
    ),
    pytest.param(
        "{id: a, metric: latency_p50, max_drift: {since: v1, increase: 9%}, unless: {approval: x, ceiling: 12%}, enforce: soft}",
        (
            "p.yaml:5:72 (rules[0].unless): `unless` needs a tolerance in the same rule\n"
            "  hint: its ceiling binds a `max_increase` or `max_decrease`"
        ),
        id="an unless beside a drift alone",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max_increase: 5%, enforce: hard, unless: {approval: x, ceiling: 10%}}",
        (
            "p.yaml:5:67 (rules[0].unless): a hard rule is never let through, whatever `unless` says\n"
            "  hint: make the rule soft, or take `unless` away"
        ),
        id="a hard rule has an unless",
    ),
    pytest.param(
        "{id: a, metric: model_size, max: 1 MiB, max_increase: 5%, unless: {approval: t, ceiling: 9%}, enforce: soft}",
        (
            "p.yaml:5:63 (rules[0].unless): `unless` would also let the `max` or `min` of its rule through\n"
            "  hint: put the limit into a rule of its own"
        ),
        id="a trade-off beside a limit",
    ),
    pytest.param(
        "{id: a, metric: model_size, max_increase: 5%, unless: {approval: t, ceiling: 9%, "
        "gain: {metric: quality.f1, min_increase: 0 pp}}, enforce: soft}",
        ("p.yaml:5:127 (rules[0].unless.gain.min_increase): `0 pp` is no gain\n  hint: such as 0.5 pp"),
        id="a gain of nothing",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: 5 s, unless: {approval: x, ceiling: 10%}, enforce: soft}",
        (
            "p.yaml:5:44 (rules[0].unless): `unless` needs a tolerance in the same rule\n"
            "  hint: its ceiling binds a `max_increase` or `max_decrease`"
        ),
        id="an unless has no tolerance",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max_increase: 5%, unless: {approval: x, ceiling: 5%}, enforce: soft}",
        (
            "p.yaml:5:83 (rules[0].unless.ceiling): the ceiling 5% is not above `max_increase` 5%, so that nothing could be let through\n"
            "  hint: raise the ceiling, or take `unless` away"
        ),
        id="the ceiling is no higher than the tolerance",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max_increase: 5%, unless: {approval: x, ceiling: 5 ms}, enforce: soft}",
        (
            "p.yaml:5:83 (rules[0].unless.ceiling): the ceiling 5 ms cannot be compared with `max_increase` 5%\n"
            "  hint: write both as shares, or both as differences"
        ),
        id="the ceiling is of another kind",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max_increase: 5%, unless: {approval: x}, enforce: soft}",
        (
            "p.yaml:5:60 (rules[0].unless): `ceiling` is missing\n"
            "  hint: Tolerance that binds even when approved; above the rule's own."
        ),
        id="the ceiling is missing",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max_increase: 5%, unless: {approval: x, ceiling: 10%, gain: {metric: quality.f1, min_increase: 1%, min_decrease: 1%}}, enforce: soft}",
        (
            "p.yaml:5:94 (rules[0].unless.gain): a gain is either a `min_increase` or a `min_decrease`\n"
            "  hint: give one of the two"
        ),
        id="a gain has two sides",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max_increase: 5%, unless: {approval: x, ceiling: 10%, gain: {metric: quality.f1, min_decrease: 1 pp}}, enforce: soft}",
        (
            "p.yaml:5:115 (rules[0].unless.gain.min_decrease): `min_decrease` of quality.f1 is no gain\n"
            "  hint: quality.f1 is better when higher: write `min_increase`"
        ),
        id="a gain is a loss",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: 40 ms, cel: candidate.latency_p50 < 1.0, message: m, enforce: soft}",
        (
            "p.yaml:5:13 (rules[0].metric): a rule with `cel` cannot have `metric`\n"
            "  hint: make two rules of it\n"
            "p.yaml:5:34 (rules[0].max): a rule with `cel` cannot have `max`\n"
            "  hint: make two rules of it"
        ),
        id="an expression has a limit",
    ),
    pytest.param(
        "{id: a, cel: candidate.latency_p50 < 1.0, enforce: soft}",
        (
            "p.yaml:5:5 (rules[0]): `message` is missing: a rule with `cel` must say what was broken\n"
            '  hint: such as `message: "the GPU costs more energy than the CPU here"`'
        ),
        id="an expression has no message",
    ),
    pytest.param(
        "{id: a, cel: candidate.latency_p5 < 1.0, message: m, enforce: soft}",
        (
            "p.yaml:5:18 (rules[0].cel): there is no field `candidate.latency_p5`\n"
            "  hint: did you mean `candidate.latency_p95`?"
        ),
        id="an expression names an unknown metric",
    ),
    pytest.param(
        "latency", "p.yaml:5:5 (rules[0]): found `latency`, expected a mapping of keys to values", id="a rule is text"
    ),
    pytest.param(
        '{id: a, metric: latency_p95, max: "${cap}", enforce: soft}',
        ("p.yaml:5:39 (rules[0].max): `${cap}` names no param\n  hint: write its value under `params:`"),
        id="a param is unknown",
    ),
    pytest.param(
        '{id: a, metric: latency_p95, max: "${cap", enforce: soft}',
        ("p.yaml:5:39 (rules[0].max): `${cap` cannot be read\n  hint: a param is used like `${energy_cap}`"),
        id="a param is not closed",
    ),
    pytest.param(
        "{id: a, metric: latency_p95, max: 40 ms, max: 50 ms, enforce: soft}",
        (
            "p.yaml:5:46 (rules[0].max): the key `max` is given twice; first in line 5, column 34\n"
            "  hint: keep one of the two"
        ),
        id="a key is given twice",
    ),
]

BAD_PARTS = [
    pytest.param(
        {"budgets": "[{id: q, metric: deployment_carbon, period: year, max: 3 kgCO2e, owner: X}]"},
        (
            "p.yaml:4:11 (budgets[0]): `enforce` is missing\n"
            "  hint: advisory warns, soft fails unless waived, hard fails whatever anybody says"
        ),
        id="a budget without enforce",
    ),
    pytest.param(
        {"measurement": "{}"},
        ("p.yaml:4:14 (measurement): the mapping is empty\n  hint: fill it, or leave the key out"),
        id="a measurement of nothing",
    ),
    pytest.param(
        {"enforcement": "{}"},
        ("p.yaml:4:14 (enforcement): the mapping is empty\n  hint: fill it, or leave the key out"),
        id="an enforcement of nothing",
    ),
    pytest.param(
        {"match": "{}"},
        ("p.yaml:4:8 (match): the mapping is empty\n  hint: fill it, or leave the key out"),
        id="a match that says nothing",
    ),
    pytest.param(
        {"params": "{}"},
        ("p.yaml:4:9 (params): the mapping is empty\n  hint: fill it, or leave the key out"),
        id="params of nothing",
    ),
    pytest.param(
        {"measurement": "{confidence: 120%}"},
        "p.yaml:4:27 (measurement.confidence): found `120%`, expected between `50%` and `99.99%`",
        id="a confidence above one",
    ),
    pytest.param(
        {"measurement": "{confidence: 0.95}"},
        ("p.yaml:4:27 (measurement.confidence): `0.95` has no unit\n  hint: a share is written like `5%`"),
        id="a confidence without unit",
    ),
    pytest.param(
        {"measurement": "{budget: 60}"},
        ("p.yaml:4:23 (measurement.budget): `60` has no unit\n  hint: a duration is written like `40 ms`"),
        id="a budget without unit",
    ),
    pytest.param(
        {"measurement": "{baseline: merge_base}"},
        (
            "p.yaml:4:25 (measurement.baseline): found `merge_base`, expected `merge-base`, `last-release`, `last-pass` or `path`\n"
            "  hint: did you mean `merge-base`?"
        ),
        id="an unknown baseline",
    ),
    pytest.param(
        {"measurement": "{comparable: [runer]}"},
        (
            "p.yaml:4:28 (measurement.comparable[0]): found `runer`, expected `runner`, `runtime` or `inputs`\n"
            "  hint: did you mean `runner`?"
        ),
        id="an unknown comparable",
    ),
    pytest.param(
        {"measurement": "{runner: {profile: 3fa2}}"},
        "p.yaml:4:33 (measurement.runner.profile): found `3fa2`, expected `sha256:` and 64 hexadecimal digits in lower case",
        id="half a profile's id",
    ),
    pytest.param(
        {"measurement": "{runner: {class: ci-large}}"},
        ("p.yaml:4:24 (measurement.runner.class): unknown key `class`\n  hint: known here: `key`, `labels`, `profile`"),
        id="a runner's label without `labels`",
    ),
    pytest.param(
        {"measurement": "{runner: {labels: {}}}"},
        "p.yaml:4:32 (measurement.runner.labels): the mapping is empty\n  hint: fill it, or leave the key out",
        id="a runner of no label",
    ),
    pytest.param(
        {"measurement": "{max_pairs: 0}"},
        "p.yaml:4:26 (measurement.max_pairs): found `0`, expected at least 1",
        id="no pairs",
    ),
    pytest.param(
        {"measurement": "{max_pairs: many}"},
        "p.yaml:4:26 (measurement.max_pairs): found `many`, expected a whole number",
        id="pairs in words",
    ),
    pytest.param(
        {"enforcement": "{hard: {override: owners}}"},
        "p.yaml:4:32 (enforcement.hard.override): found `owners`, expected `never`",
        id="a hard rule overridden",
    ),
    pytest.param(
        {"enforcement": "{soft: {override: {approvals: 0, from: anyone}}}"},
        (
            "p.yaml:4:44 (enforcement.soft.override.approvals): found `0`, expected at least 1\n"
            "p.yaml:4:53 (enforcement.soft.override.from): found `anyone`, expected `owners`"
        ),
        id="an override by nobody",
    ),
    pytest.param(
        {"params": "{cap: 3 ms}"},
        (
            "p.yaml:4:10 (params.cap): the param `cap` is never used\n"
            "  hint: write `${cap}` where it is meant, or take it out"
        ),
        id="a param that is not used",
    ),
    pytest.param(
        {"params": "{the cap: 3 ms}"},
        ('p.yaml:4:10 (params["the cap"]): `the cap` is no name of a param\n  hint: use letters, digits and `_`'),
        id="a param with a space",
    ),
    pytest.param(
        {"params": '{cap: "${x}"}'},
        ("p.yaml:4:15 (params.cap): a param cannot name another\n  hint: write its value"),
        id="a param in a param",
    ),
    pytest.param(
        {"params": "{cap: [x]}"},
        "p.yaml:4:15 (params.cap): found a list, expected a single value",
        id="a param that is a list",
    ),
    pytest.param(
        {"match": "{models: []}"},
        ("p.yaml:4:17 (match.models): the list is empty\n  hint: fill it, or leave the key out"),
        id="a match of nothing",
    ),
    pytest.param(
        {"match": "{labels: {tier: 3}}"},
        ("p.yaml:4:24 (match.labels.tier): found `3`, expected text\n  hint: put it in quotes"),
        id="a label that is a number",
    ),
    pytest.param(
        {"match": "{model: [x]}"},
        ("p.yaml:4:9 (match.model): unknown key `model`\n  hint: did you mean `models`?"),
        id="a misspelt key of match",
    ),
    pytest.param(
        {"rulez": "[]"},
        ("p.yaml:4:1 (rulez): unknown key `rulez`\n  hint: did you mean `rules`?"),
        id="a misspelt key at the top",
    ),
]

BAD_DOCUMENTS = [
    pytest.param(
        policy(),
        (
            "p.yaml:1:1: the policy has neither `rules` nor `extends`, so that it could never fail\n"
            "  hint: give it rules"
        ),
        id="no rules at all",
    ),
    pytest.param(
        policy().replace("demo}", "demo}\nrules: []"),
        ("p.yaml:4:8 (rules): the list is empty\n  hint: fill it, or leave the key out"),
        id="an empty list of rules",
    ),
    pytest.param(
        policy().replace("demo}", "demo}\nrules:"),
        ("p.yaml:4:1 (rules): `rules` has no value\n  hint: give it one, or leave the key out"),
        id="rules without a value",
    ),
    pytest.param(
        "# nothing\n",
        ("p.yaml: the file holds no policy\n  hint: greengate policy new writes a first one"),
        id="an empty file",
    ),
    pytest.param(
        "- a\n",
        ("p.yaml:1:1: the document is no mapping of keys to values\n  hint: begin with `apiVersion: greengate/v1`"),
        id="a list",
    ),
    pytest.param(
        "apiVersion: greengate/v1\nkind: Project\n",
        (
            "p.yaml:2:7 (kind): `Project` is no kind of policy document\n"
            "  hint: known here: `Policy`, `PolicyTest`, `Waiver`"
        ),
        id="a document of another kind",
    ),
    pytest.param(
        "models: []\n",
        ("p.yaml:1:1: `kind` is missing\n  hint: a policy begins with `apiVersion: greengate/v1` and `kind: Policy`"),
        id="no kind",
    ),
    pytest.param(
        "knd: Policy\n", ("p.yaml:1:1 (knd): unknown key `knd`\n  hint: did you mean `kind`?"), id="a misspelt kind"
    ),
    pytest.param(
        GOOD.replace("v1", "v2"),
        (
            "p.yaml:1:13 (apiVersion): found `greengate/v2`, expected `greengate/v1`\n"
            "  hint: did you mean `greengate/v1`?"
        ),
        id="another version",
    ),
    pytest.param(
        GOOD.replace("apiVersion: greengate/v1\n", ""),
        ("p.yaml:1:1: `apiVersion` is missing\n  hint: write `apiVersion: greengate/v1`"),
        id="no version",
    ),
    pytest.param(
        GOOD.replace("demo", "Prod NLP"),
        "p.yaml:3:18 (metadata.name): found `Prod NLP`, expected lower-case letters, digits and single hyphens, such as `energy-cap`",
        id="a name with spaces",
    ),
    pytest.param(GOOD.replace("metadata: {name: demo}\n", ""), "p.yaml:1:1: `metadata` is missing", id="no metadata"),
    pytest.param(
        policy([LATENCY, LATENCY]),
        (
            "p.yaml:6:10 (rules[1].id): the rule `a` is given twice; first at p.yaml:5:5 (rules[0])\n"
            "  hint: rename one of them"
        ),
        id="two rules of one id",
    ),
    pytest.param(
        GOOD + "---\n" + GOOD,
        (
            "p.yaml:9:18 (metadata.name): the policy `demo` is given twice; first at p.yaml:3:18 (metadata.name)\n"
            "  hint: rename one of them"
        ),
        id="two policies of one name",
    ),
    pytest.param(
        GOOD + "kind: Policy\n",
        ("p.yaml:6:1 (kind): the key `kind` is given twice; first in line 2, column 1\n  hint: keep one of the two"),
        id="a duplicate key",
    ),
    pytest.param(WAIVER, "p.yaml:4:7 (rule): no policy `prod-nlp` is read here", id="a waiver of an unknown policy"),
]

BAD_WAIVERS = [
    pytest.param(
        "{models: [nlp/summariser]}",
        "{}",
        ("p1.yaml:6:8 (match): the mapping is empty\n  hint: fill it, or leave the key out"),
        id="a match of a waiver that says nothing",
    ),
    pytest.param(
        "expires: 2026-12-31\n",
        "",
        (
            "p1.yaml:1:1: `expires` is missing: a waiver must end\n"
            "  hint: give its last day, such as `expires: 2026-12-31`"
        ),
        id="no expiry",
    ),
    pytest.param(
        "expires:",
        "expire:",
        ("p1.yaml:8:1 (expire): unknown key `expire`\n  hint: did you mean `expires`?"),
        id="a misspelt expiry",
    ),
    pytest.param(
        "2026-12-31",
        "next year",
        "p1.yaml:8:10 (expires): found `next year`, expected a date such as `2026-12-31`",
        id="no date",
    ),
    pytest.param(
        "2026-12-31",
        "2026-02-30",
        (
            "p1.yaml:8:10 (expires): `2026-02-30` is no day of the calendar\n"
            "  hint: write it as year-month-day: `2026-12-31`"
        ),
        id="no day of the calendar",
    ),
    pytest.param(
        'reason: "Long-context head; +0.9 pp held-out"\n',
        "",
        ('p1.yaml:1:1: `reason` is missing: a waiver must say why\n  hint: such as `reason: "long-context head"`'),
        id="no reason",
    ),
    pytest.param(
        '"Long-context head; +0.9 pp held-out"',
        '" "',
        "p1.yaml:9:9 (reason): found empty text, expected some text",
        id="an empty reason",
    ),
    pytest.param(
        'granted_by: "@acme/green"\n',
        "",
        (
            "p1.yaml:1:1: `granted_by` is missing: somebody must answer for a waiver\n"
            '  hint: such as `granted_by: "@acme/green"`'
        ),
        id="granted by nobody",
    ),
    pytest.param(
        "ceiling: {max_increase: 28%}\n",
        "",
        ("p1.yaml:1:1: `ceiling` is missing\n  hint: How far the rule may be broken."),
        id="no ceiling",
    ),
    pytest.param(
        "{max_increase: 28%}",
        "{}",
        (
            "p1.yaml:7:10 (ceiling): the ceiling does not say how far `max_increase` may be broken\n"
            "  hint: give it `max_increase` or `max`"
        ),
        id="an empty ceiling",
    ),
    pytest.param(
        "{max_increase: 28%}",
        "{max_decrease: 28%}",
        (
            "p1.yaml:7:10 (ceiling): the ceiling does not say how far `max_increase` may be broken\n"
            "  hint: give it `max_increase` or `max`"
        ),
        id="a ceiling on the other side",
    ),
    pytest.param(
        "28%",
        "10%",
        (
            "p1.yaml:7:25 (ceiling.max_increase): the ceiling 10% is tighter than the rule's own `max_increase 15%`, so that it would waive nothing\n"
            "  hint: the rule is at p.yaml:19:5 (rules[3])"
        ),
        id="a ceiling below the tolerance",
    ),
    pytest.param(
        "28%",
        "50%",
        (
            "p1.yaml:7:25 (ceiling.max_increase): the ceiling 50% is above 40%, the most that the rule's `unless` lets through\n"
            "  hint: the rule is at p.yaml:19:5 (rules[3])"
        ),
        id="a ceiling above the rule's own",
    ),
    pytest.param(
        "28%",
        "28",
        (
            "p1.yaml:7:25 (ceiling.max_increase): `28` has no unit\n"
            "  hint: write a share such as `5%`, or a difference such as `4 GFLOP`"
        ),
        id="a ceiling without unit",
    ),
    pytest.param(
        "28%",
        "28 J",
        (
            "p1.yaml:7:25 (ceiling.max_increase): `28 J` is an energy, expected a number of FLOPs\n"
            "  hint: write a share such as `5%`, or a difference such as `4 GFLOP`"
        ),
        id="a ceiling of another dimension",
    ),
    pytest.param(
        "type: accuracy-tradeoff",
        "type: accuracy",
        "p1.yaml:5:7 (type): the rule asks for an approval of type `accuracy-tradeoff`, this waiver is of type `accuracy`",
        id="another type",
    ),
    pytest.param(
        "type: accuracy-tradeoff\n",
        "",
        (
            "p1.yaml:1:1: `type` is missing: the rule asks for an approval of type `accuracy-tradeoff`\n"
            "  hint: write `type: accuracy-tradeoff` if that is what was approved"
        ),
        id="no type",
    ),
    pytest.param(
        "prod-nlp/",
        "prod-nl/",
        ("p1.yaml:4:7 (rule): no policy `prod-nl` is read here\n  hint: did you mean `prod-nlp/flops-growth`?"),
        id="an unknown policy",
    ),
    pytest.param(
        "flops-growth",
        "flop-growth",
        (
            "p1.yaml:4:7 (rule): the policy `prod-nlp` has no rule `flop-growth`\n"
            "  hint: did you mean `prod-nlp/flops-growth`?"
        ),
        id="an unknown rule",
    ),
    pytest.param(
        "flops-growth",
        "energy-cap",
        (
            "p1.yaml:4:7 (rule): the rule is hard, so that this waiver can never take effect; the rule is at p.yaml:13:5 (rules[0])\n"
            "  hint: only soft and advisory rules can be waived"
        ),
        id="a hard rule",
    ),
    pytest.param(
        "flops-growth",
        "gpu-must-pay",
        (
            "p1.yaml:4:7 (rule): the rule is an expression, to which no ceiling can be given, so that it cannot be waived\n"
            "  hint: limit a metric instead, or make the rule advisory"
        ),
        id="an expression",
    ),
    pytest.param(
        "prod-nlp/flops-growth",
        "flops-growth",
        "p1.yaml:4:7 (rule): found `flops-growth`, expected `policy/rule`, such as `prod-nlp/energy-cap`",
        id="no policy before the rule",
    ),
]
