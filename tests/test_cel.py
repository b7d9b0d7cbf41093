from __future__ import annotations

import contextlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greengate.cel import MAX_CHARACTERS, _mistakes, compile_expression
from greengate.errors import MissingExtra, Place, PolicyError, Problems

PLACE = Place("p.yaml", 3, 8, "rules[0].cel")
FIELDS = {
    "candidate.energy_per_1k_inferences": "double",
    "candidate.cpu_energy_per_1k_inferences": "double",
    "candidate.latency_p95": "double",
    "candidate.quality.accuracy": "double",
    "candidate.quality.top-1": "double",
    "candidate.device": "string",
    "candidate.quantised": "bool",
    "candidate.labels": "map",
    "baseline.latency_p95": "double",
}
VALUES = {
    "candidate.energy_per_1k_inferences": 850.0,
    "candidate.cpu_energy_per_1k_inferences": 900.0,
    "candidate.latency_p95": 0.04,
    "candidate.quality.accuracy": 0.9,
    "candidate.device": "gpu",
    "candidate.quantised": True,
    "candidate.labels": {"tier": "prod"},
    "baseline.latency_p95": 0.05,
}


def told(text, fields=FIELDS):
    """Problem and hint of everything that is wrong with an expression, each at its place."""
    with pytest.raises(Problems) as caught:
        compile_expression(text, fields, PLACE)
    assert {(type(problem), problem.where) for problem in caught.value.problems} == {(PolicyError, PLACE)}
    return [(problem.problem, problem.hint) for problem in caught.value.problems]


def stopped(text, values=VALUES):
    """What stops an expression that compiled."""
    expression = compile_expression(text, FIELDS, PLACE)
    with pytest.raises(PolicyError) as caught:
        expression.evaluate(values)
    assert caught.value.where == PLACE
    return caught.value.problem


@pytest.mark.parametrize(
    ("text", "holds", "names"),
    [
        ("candidate.latency_p95 <= 0.04", True, {"candidate.latency_p95"}),
        ("candidate.latency_p95 < 0.04", False, {"candidate.latency_p95"}),
        ("candidate.quality.accuracy > 0.5", True, {"candidate.quality.accuracy"}),
        ("candidate.quantised", True, {"candidate.quantised"}),
        ('!(candidate.device == "gpu")', False, {"candidate.device"}),
        ('candidate.labels.tier == "prod"', True, {"candidate.labels"}),
        ('"team" in candidate.labels && candidate.labels.team == "a"', False, {"candidate.labels"}),
        ('candidate\n  . latency_p95 // "candidate.device"\n > 1.0', False, {"candidate.latency_p95"}),
        ('"candidate.latency_p95" == "x"', False, set()),
        ('["gpu", "tpu"].exists(d, candidate.device.startsWith(d))', True, {"candidate.device"}),
        ("[1.0].all(candidate, candidate > 0.0)", True, set()),
        (
            "candidate.latency_p95 <= baseline.latency_p95 * 1.05",
            True,
            {"candidate.latency_p95", "baseline.latency_p95"},
        ),
        (
            'candidate.device != "gpu" || candidate.energy_per_1k_inferences <= candidate.cpu_energy_per_1k_inferences',
            True,
            {"candidate.device", "candidate.energy_per_1k_inferences", "candidate.cpu_energy_per_1k_inferences"},
        ),
    ],
)
def test_an_expression_knows_its_names_and_says_whether_it_holds(text, holds, names):
    expression = compile_expression(text, FIELDS, PLACE)
    assert (expression.names, expression.evaluate(VALUES)) == (names, holds)


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        (
            "candidate.enrgy_per_1k_inferences < 4.0",
            "there is no field `candidate.enrgy_per_1k_inferences`",
            "did you mean `candidate.energy_per_1k_inferences`?",
        ),
        (
            "candidate.enrgy_per_1k_inferences < 4.0 || candidate.enrgy_per_1k_inferences > 9.0",
            "there is no field `candidate.enrgy_per_1k_inferences`",
            "did you mean `candidate.energy_per_1k_inferences`?",
        ),
        (
            "true || candidate.latency_p59 < 1.0",
            "there is no field `candidate.latency_p59`",
            "did you mean `candidate.latency_p95`?",
        ),
        (
            'candidate.device.x == "a"',
            "what stands before the `.` at character 17 has no parts",
            "did you mean `candidate.device`?",
        ),
        (
            'candidate["device"] == "gpu"',
            "there is no field `candidate`",
            "did you mean `candidate.labels`?",
        ),
        (
            "candidate.quality.top-1.0 > 0.5",
            "there is no field `candidate.quality.top`",
            "`candidate.quality.top-1` needs a name of letters, digits and `_` to be used in CEL",
        ),
        ('candidate.device.startWith("g")', "there is no function `startWith`", "did you mean `startsWith`?"),
        (
            "candidate.latency_p95 < 40",
            "`<` at character 23 cannot be applied to (double, int)",
            "figures and whole numbers do not mix: write `40.0` instead of `40`",
        ),
        (
            "true &&\n  7 >= candidate.latency_p95",
            "`>=` at line 2, character 5 cannot be applied to (int, double)",
            "figures and whole numbers do not mix: write `7.0` instead of `7`",
        ),
        (
            "candidate.latency_p95 in [1, 2]",
            "`in` at character 23 cannot be applied to (double, list(int))",
            "figures and whole numbers do not mix: write `40.0` instead of `40`",
        ),
        (
            "candidate.latency_p95 / baseline.latency_p95 < 1.05",
            "`/` at character 23 is not accepted, since a divisor of zero gives infinity and not an error",
            "multiply the other side: `a <= b * 1.05` for `a / b <= 1.05`",
        ),
        ("candidate.device < 1.0", "`<` at character 18 cannot be applied to (string, double)", ""),
        ("candidate.device.startsWith(1)", "`startsWith` at character 28 cannot be applied to (string, int)", ""),
        (
            "candidate.latency_p95",
            "the expression gives a value of kind double; true or false was expected",
            "compare it with something: `... <= 850.0`",
        ),
        (
            "[true, 1][0]",
            "the expression gives a value of kind dyn; true or false was expected",
            "compare it with something: `... <= 850.0`",
        ),
        (
            "candidate.device ==",
            "this is not CEL: it ends too early",
            "CEL writes `==`, `&&`, `||` and `!`, and text in double quotes",
        ),
        (
            "candidate.quantised and true",
            "this is not CEL: mismatched input 'and' at character 21",
            "CEL writes `==`, `&&`, `||` and `!`, and text in double quotes",
        ),
        (" ", "the expression is empty", "write a condition, or leave the rule out"),
        (
            "candidate.latency_p95 < 1e999",
            "`1e999` is too large to be a finite number",
            "write a limit that can be reached",
        ),
        (
            '"\ud800" == "a"',
            "the expression holds U+D800, a character that cannot be shown",
            "remove it",
        ),
        ("9223372036854775808 > 1", "invalid int literal at character 1", ""),
        ("(" * 99 + "true" + ")" * 99, "the expression is nested too deeply", "write it flatter, or as several rules"),
        ("1" + "+1" * 99 + "> 0", "the expression is nested too deeply", "write it flatter, or as several rules"),
        (
            "true" + " " * MAX_CHARACTERS,
            "the expression has 2,004 characters; at most 2,000 are read",
            "split the rule",
        ),
    ],
    ids=lambda value: ascii(value[:30]),
)
def test_what_cannot_be_judged_is_refused_when_it_is_compiled(text, problem, hint):
    assert told(text) == [(problem, hint)]


@pytest.mark.parametrize("text", ["dyn(candidate.device) == 1.0", "has(candidate.labels.x)", 'double("nan") < 1.0'])
def test_what_would_switch_checks_off_is_refused(text):
    assert len(told(text)) == 1


def test_all_mistakes_of_an_expression_are_told_at_once():
    problems = [problem for problem, _ in told("candidate.a > 1.0 || candidate.latency_p95 < 40 || f(1)")]
    assert problems == [
        "there is no field `candidate.a`",
        "`<` at character 44 cannot be applied to (double, int)",
        "there is no function `f`",
    ]


def test_a_refusal_that_is_not_understood_is_passed_on():
    assert list(_mistakes("INTERNAL: out of luck [INTERNAL]", "true", FIELDS)) == [
        ("the expression cannot be used: out of luck", "")
    ]


def test_known_names_are_listed_where_none_is_near():
    assert told("x > 1.0", {"a.b": "double", "a.c": "bool"}) == [
        ("there is no field `x`", "known here: `a.b`, `a.c`"),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 % 0 == 1", "the expression could not be evaluated: modulus by zero"),
        ("9223372036854775807 + 1 > 0", "the expression could not be evaluated: integer overflow"),
        ('candidate.labels.team == "a"', 'there is no key "team" here'),
        (
            '["a", 1.0][0] < 2.0',
            "the expression could not be evaluated: No matching overloads found : _<_(string, double)",
        ),
        (
            'candidate.device.matches("(")',
            "the expression could not be evaluated: invalid regular expression: missing ): (",
        ),
    ],
)
def test_what_fails_while_it_runs_is_an_error_with_its_place(text, problem):
    assert stopped(text) == problem


def test_a_runaway_expression_is_stopped():
    many = "[" + ",".join("1" * 150) + "]"
    text = f"{many}.all(a, {many}.all(b, {many}.all(c, a + b + c > 0)))"
    assert stopped(text) == "the expression takes too many steps and was stopped"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "`candidate.latency_p95` has no value here"),
        (float("nan"), "`candidate.latency_p95` is nan, which cannot be judged"),
        (float("inf"), "`candidate.latency_p95` is inf, which cannot be judged"),
        ("0.04", "`candidate.latency_p95` is '0.04'; a double was expected"),
        (True, "`candidate.latency_p95` is True; a double was expected"),
    ],
)
@pytest.mark.parametrize("text", ["candidate.latency_p95 < 40.0", "true || candidate.latency_p95 < 40.0"])
def test_a_value_that_is_missing_or_not_a_figure_never_holds(text, value, problem):
    assert stopped(text, VALUES | {"candidate.latency_p95": value}) == problem


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("candidate.device", 'candidate.device == "1"', 1.0),
        ("candidate.quantised", "candidate.quantised", "true"),
        ("candidate.quantised", "candidate.quantised", 1.0),
        ("candidate.labels", 'candidate.labels.a == "b"', "a"),
        ("candidate.labels", 'candidate.labels.a == "b"', {"a": 1.0}),
    ],
)
def test_a_value_of_another_kind_than_declared_never_holds(name, text, value):
    assert stopped(text, VALUES | {name: value})


def test_a_whole_number_is_a_figure_too():
    expression = compile_expression("candidate.latency_p95 > 1.5", FIELDS, PLACE)
    assert expression.evaluate({"candidate.latency_p95": 2}) is True


def test_without_the_package_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    with pytest.raises(MissingExtra) as caught:
        compile_expression("true", {}, PLACE)
    assert caught.value.hint == "pip install 'greengate-ci[cel]'"


SIGNS = ["+", "-", "*", "/", "%", "<", "==", "&&", "||", "!", "?", ":", "(", ")", "[", "]", ".", ",", "in", "\\", "\0"]
TERMS = ["1", "2.0", '"a"', "b'a'", "true", "null", "x", "[1]", "{1: 2}", "size(", ".all(x,", "é", "😀", "\n"]
PIECES = st.sampled_from([*FIELDS, *SIGNS, *TERMS])


@given(st.lists(PIECES, max_size=8).map(" ".join) | st.text(max_size=20))
def test_any_text_gives_true_false_or_an_error_of_the_policy(text):
    with contextlib.suppress(Problems, PolicyError):
        assert isinstance(compile_expression(text, FIELDS, PLACE).evaluate(VALUES), bool)


@given(st.sampled_from(sorted(set(FIELDS) - {"candidate.quality.top-1"})), st.data())
def test_a_misspelt_field_is_always_refused(field, data):
    spot = data.draw(st.integers(0, len(field) - 1))
    misspelt = field[:spot] + field[spot + 1 :]
    assert told(f"{misspelt} == {misspelt}")
