"""The tests' runner itself: what it would let through, no test of an action could find."""

import pytest
import yaml
from doubles import PINS, used
from expressions import Scope
from spoken import Command, assignments, commands

MADE = {"name": "x", "inputs": {"a": {"default": "${{ github.ref }}"}}, "outputs": {}}
CACHE = f"actions/cache@{PINS['actions/cache']}"


@pytest.fixture
def ran(world, machine, tmp_path):
    """Run steps as a composite action; the runner, and how it ended."""

    def run(*steps, outputs=None, **inputs):
        told = {name: {"value": value} for name, value in (outputs or {}).items()}
        action = MADE | {"outputs": told, "runs": {"using": "composite", "steps": list(steps)}}
        (tmp_path / "action.yml").write_text(yaml.safe_dump(action))
        runner = machine(world.pushed())
        return runner, runner.action(tmp_path, **inputs)

    return run


def step(run, **more):
    return {"shell": "bash", "run": run, **more}


CONTEXTS = {"steps": {"a": {"outputs": {"code": "1"}}}, "inputs": {"on": "false"}, "env": {}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        (True, "true"),
        (90, "90"),
        (None, ""),
        ("${{ steps.a.outputs.code }}", "1"),
        ("a${{ 'b}}' }}c${{ inputs.on }}", "ab}}cfalse"),
        ("${{ steps.b.outputs.code || 'none' }}", "none"),
        ("${{ format('{0}/x', steps.a.outputs.code) }}", "1/x"),
        ("${{ steps.a.outputs.code == 1 && 'one' || 'other' }}", "one"),
    ],
)
def test_expressions_are_replaced_as_github_does(expressions, text, value):
    assert expressions.expand(text, Scope(CONTEXTS)) == value


@pytest.mark.parametrize(
    ("text", "status", "runs"),
    [
        ("", "success", True),
        ("", "failure", False),
        ("always()", "failure", True),
        ("failure()", "failure", True),
        ("success()", "failure", False),
        ("!cancelled()", "failure", True),
        ("${{ !cancelled() }}", "failure", True),
        ("inputs.on == 'false'", "success", True),
        ("inputs.on == 'false'", "failure", False),
        ("always() && steps.a.outputs.code", "failure", True),
        ("always() && steps.b.outputs.code", "failure", False),
        ("inputs.on", "success", True),
    ],
)
def test_conditions_are_decided_as_github_does(expressions, text, status, runs):
    assert expressions.condition(text, Scope(CONTEXTS, status)) is runs


@pytest.mark.parametrize("text", ["${{ secrets.KEY }}", "${{ nothing() }}", "${{ 'open }}", "${{ a b }}"])
def test_what_github_refuses_is_refused(expressions, text):
    with pytest.raises(AssertionError):
        assert expressions.expand(text, Scope(CONTEXTS)) != text


def test_files_are_hashed_by_pattern(expressions, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_text("x")
    scope = Scope({}, workspace=str(tmp_path))
    once, other = (expressions.expand(f"${{{{ hashFiles('{glob}') }}}}", scope) for glob in ("**/*.txt", "*.txt"))
    assert (len(once), other) == (64, "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=1\nb=2=3\n", {"a": "1", "b": "2=3"}),
        ("a<<END\n1\n2\nEND\nb=x\n", {"a": "1\n2", "b": "x"}),
        ("a=1<<2\n", {"a": "1<<2"}),
        ("a=\u2028b\n", {"a": "\u2028b"}),
    ],
)
def test_files_of_commands_are_read_as_the_runner_reads_them(text, found):
    assert assignments(text) == found


@pytest.mark.parametrize("text", ["a\n", "a<<END\n1\n", "=x\n", "a<<\nx\n"])
def test_files_of_commands_that_the_runner_refuses_are_refused(text):
    with pytest.raises(AssertionError, match="Unable to process file command"):
        assignments(text)


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ("::error file=a,line=3::x%0Ay", [Command("error", {"file": "a", "line": "3"}, "x\ny")]),
        ("  ::warning title=a%3Ab%2Cc::x", [Command("warning", {"title": "a:b,c"}, "x")]),
        ("hello ::error::x", []),
        ("::unknown::x", []),
        ("x ##[error]y", [Command("error", {}, "y")]),
        ("::stop-commands::t\n::error::x\n##[error]x\n::t::\n::notice::y", [Command("notice", {}, "y")]),
    ],
)
def test_a_log_is_obeyed_as_the_runner_obeys_it(log, found):
    assert commands(log) == found


def test_a_log_that_ends_while_commands_are_stopped_is_wrong():
    with pytest.raises(AssertionError, match="while commands are stopped"):
        commands("::stop-commands::t\nx::t::")


def test_outputs_and_variables_go_on_to_later_steps(ran):
    said = step('echo "a=1" >> "$GITHUB_OUTPUT"; echo "B=2" >> "$GITHUB_ENV"; echo /c >> "$GITHUB_PATH"', id="one")
    told = step('echo "$A $B ${PATH%%:*} $C"', env={"A": "${{ steps.one.outputs.a }}", "C": "${{ env.B }}"})
    runner, ended = ran(said, told, outputs={"a": "${{ steps.one.outputs.a }}"})
    assert (ended.result, ended.outputs, runner.log) == ("success", {"a": "1"}, "1 2 /c 2\n")


def test_a_failure_skips_what_does_not_ask_for_it(ran):
    runner, ended = ran(step("exit 3"), step("echo no"), step("echo yes", **{"if": "always()"}))
    assert ([one.outcome for one in runner.steps], ended.code, runner.log) == (
        ["failure", "skipped", "success"],
        3,
        "yes\n",
    )


def test_a_failure_that_is_let_go_fails_nothing(ran):
    last = step("true", **{"if": "steps.a.outcome == 'failure' && steps.a.conclusion == 'success'"})
    runner, ended = ran(step("exit 3", id="a", **{"continue-on-error": True}), last)
    assert ([one.outcome for one in runner.steps], ended.result) == (["failure", "success"], "success")


def test_bash_is_as_strict_as_the_runners(ran):
    assert ran(step("false | true; echo no"))[1].result == "failure"


def test_a_step_of_an_action_names_its_shell(ran):
    with pytest.raises(AssertionError, match="names its shell"):
        ran({"run": "true"})


@pytest.mark.parametrize(
    "uses", ["actions/cache@v4", "evil/cache@" + PINS["actions/cache"], "actions/github-script@main"]
)
def test_an_action_that_is_not_pinned_is_refused(ran, uses):
    with pytest.raises(AssertionError, match="is not a pinned action"):
        ran({"uses": uses})


def test_an_input_that_an_action_has_not_is_refused(ran):
    with pytest.raises(AssertionError, match="has no inputs"):
        ran({"uses": CACHE, "with": {"paths": "x", "key": "y"}})


def test_an_input_that_the_action_under_test_has_not_is_refused(ran):
    with pytest.raises(AssertionError, match="unknown inputs"):
        ran(step("true"), colour="red")


def test_an_artifact_is_not_replaced_unless_that_is_asked_for(world, machine, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "file").write_text("x")
    runner, upload = machine(world.pushed()), "actions/upload-artifact"
    given = {"name": "a", "path": str(tmp_path / "made")}
    told = [used(upload, PINS[upload], given | more, runner)[0] for more in ({}, {}, {"overwrite": "true"})]
    assert told == ["success", "failure", "success"]
