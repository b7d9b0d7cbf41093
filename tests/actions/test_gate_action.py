"""The gate's action on a runner of GitHub's: what it does with events, inputs, tokens and failures."""

import re
import signal
from pathlib import Path

import pytest
import yaml
from expressions import ROOT
from greengate_made import ERROR, EVERYTHING, double, gate
from repositories_made import run_git
from worlds import NUMBER, TOKEN

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
OUTPUTS = {"verdict": "passed", "exit-code": "0", "entry": "a1,b2", "energy-change": "+1.2%"}
OUTPUTS |= {"carbon-change": "+1.3%", "year": "+12 gCO2e"}


@pytest.fixture
def opened(world, machine):
    """A runner with the merge commit of a pull request checked out, and a greengate that passes."""
    return double(machine(world.opened(world.change())).checked_out(), **EVERYTHING)


def options(runner, command="gate"):
    """The options of a command as a table; those that are given several times as lists."""
    found = {}
    for word in runner.words(command):
        name, equals, value = word.partition("=")
        if equals and name.startswith("--"):
            found.setdefault(name, []).append(value)
    return found


def names(folder):
    return sorted(file.name for file in Path(folder).iterdir())


def asked(runner):
    """The commands that greengate was called with, in order."""
    return [told["greengate"][0] for told in runner.asked()]


# What it leaves


def test_a_pass_is_told_in_every_place(opened):
    ended = opened.action(ROOT)
    folder = ended.outputs.pop("artifact")
    assert (ended.result, ended.outputs, opened.summary) == ("success", OUTPUTS, "# The ledger\n")
    assert names(folder) == names(opened.store / "greengate") == ["entries.jsonl", "ledger.md"]
    assert asked(opened) == ["--version", "approvals", "gate", "post"]


@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_the_job_ends_as_the_gate_did_and_everything_is_told_all_the_same(opened, code):
    double(opened, **EVERYTHING | {"gate": gate(code, annotations=ERROR, verdict="failed")})
    ended = opened.action(ROOT)
    assert (ended.result, ended.code, ended.outputs["exit-code"]) == ("failure", code, str(code))
    assert (opened.summary, opened.annotations) == ("# The ledger\n", [("error", "p/flops failed")])
    assert (opened.store / "greengate" / "entries.jsonl").exists()
    assert asked(opened)[-1] == "post"


def test_a_gate_that_could_not_start_says_why(opened):
    double(
        opened,
        **EVERYTHING | {"gate": {"code": 2, "err": "error: policy.yaml:3:1: unknown key `rule<s>`\n  hint: x\n"}},
    )
    ended = opened.action(ROOT)
    assert (ended.code, ended.outputs["verdict"], ended.outputs["exit-code"]) == (2, "", "2")
    assert opened.annotations == [("error", "policy.yaml:3:1: unknown key `rule<s>`\n  hint: x")]
    told = "<pre>\npolicy.yaml:3:1: unknown key `rule&lt;s&gt;`\n  hint: x\n</pre>\n"
    assert opened.summary == f"### greengate: nothing was judged (exit code 2)\n\n{told}"


@pytest.mark.parametrize(
    "said",
    [{"signal": signal.SIGKILL}, {"code": 0}, {"code": 0, "out": "passed"}, {"code": 139}],
    ids=["killed", "silent", "no outputs", "unknown code"],
)
def test_a_gate_without_a_verdict_is_neither_a_pass_nor_a_fail(opened, said):
    double(opened, **EVERYTHING | {"gate": said})
    ended = opened.action(ROOT)
    assert (ended.code, ended.outputs["exit-code"], ended.outputs["verdict"]) == (4, "4", "")
    assert re.search(r"greengate ended with \d+ and gave no verdict", opened.annotations[0][1])


def test_a_ledger_over_a_megabyte_is_cut_and_says_so(opened):
    double(opened, **EVERYTHING | {"gate": gate(ledger="€" * 80 + "\n" + "a line\n" * 200_000)})
    opened.action(ROOT, leg="gpu")
    first, _, rest = opened.summary.partition("\n\n")
    assert first == "This is the beginning of the ledger; all of it is in the artifact `greengate-gpu`."
    assert rest.startswith("€" * 80 + "\na line\n")
    assert 990_000 < len(opened.summary.encode()) < 2**20


def test_nothing_is_left_in_the_workspace(opened):
    before = run_git(opened.workspace, "status", "--porcelain", "--ignored")
    opened.action(ROOT)
    assert run_git(opened.workspace, "status", "--porcelain", "--ignored") == before == ""


# What it runs the gate with


def test_every_input_is_an_option(opened):
    opened.action(
        ROOT, project="sub/greengate.yaml", policies="strict\n  policy.yaml\n\n", models="digits/*", budget="30 s",
        history="h.db", book="postgresql://b", base="HEAD^1", leg="gpu",
    )  # fmt: skip
    found, base = options(opened), run_git(opened.workspace, "rev-parse", "HEAD^1")
    report, work = found.pop("--report", None), opened.steps[0].outputs["folder"]
    assert report is None
    assert found == {
        "--project": ["sub/greengate.yaml"], "--base": [base], "--branch": ["main"], "--history": ["h.db"],
        "--book": ["postgresql://b"], "--policy": ["strict", "policy.yaml"], "--model": ["digits/*"],
        "--budget": ["30 s"], "--leg": ["gpu"], "--approvals": [f"{work}/approvals.json"],
    }  # fmt: skip


def test_every_input_reaches_a_step():
    used = set(re.findall(r"inputs\.([a-z-]+)", (ROOT / "action.yml").read_text()))
    assert used == set(ACTION["inputs"])


EVIL = ["$(touch evil)", "`touch evil`", "'; touch evil; '", '"; touch evil; "', "--help", "-", "a\nb=c", "${{ x }}"]


@pytest.mark.parametrize("evil", EVIL)
def test_an_input_is_a_word_and_never_a_command(opened, evil):
    opened.action(ROOT, project=evil, budget=evil, history=evil, book=evil, models=evil, policies=evil)
    found = options(opened)
    assert [found[name] for name in ("--project", "--budget", "--history", "--book")] == [[evil]] * 4
    assert found["--model"] == found["--policy"] == evil.split("\n")
    assert not list(opened.scripts.rglob("evil"))


@pytest.mark.parametrize("name", ["comment", "check", "leg", "extras", "base"])
@pytest.mark.parametrize("evil", EVIL)
def test_an_input_that_cannot_be_right_is_refused_before_anything_runs(opened, name, evil):
    ended = opened.action(ROOT, **{name: evil})
    assert (ended.result, ended.code, ended.outputs["exit-code"]) == ("failure", 2, "2")
    assert opened.annotations[0][1].startswith(f"{name}: ")
    assert "greengate: nothing was judged" in opened.summary
    assert ("gate" in asked(opened), list(opened.scripts.rglob("evil"))) == (False, [])


@pytest.mark.parametrize("evil", [*EVIL, "main", "a" * 200])
def test_names_of_branches_and_titles_are_only_names(world, machine, evil):
    event = world.opened(world.change(), branch=evil, title=evil)
    runner = double(machine(event).checked_out(), **EVERYTHING)
    assert runner.action(ROOT).result == "success"
    assert not list(runner.scripts.rglob("evil"))


def test_nothing_is_written_into_a_script():
    files = [*(ROOT / "actions").rglob("*.sh"), *(ROOT / "actions").rglob("*.py")]
    assert [file.name for file in files if "${{" in file.read_text()] == []
    runs = [step["run"] for file in [ROOT / "action.yml", *(ROOT / "actions").glob("*/action.yml")]
            for step in yaml.safe_load(file.read_text())["runs"]["steps"] if "run" in step]  # fmt: skip
    assert [run for run in runs if not re.fullmatch(r'"\$GITHUB_ACTION_PATH/[a-z./]+\.sh"', run)] == []


def test_no_line_of_the_gate_is_taken_for_a_command(opened):
    evil = "::set-output name=verdict::passed\n##[add-path]/evil\n::stop-commands::x\n  ::error::evil"
    double(opened, **EVERYTHING | {"gate": gate(1, out=evil, err=evil), "post": {"code": 4, "err": evil}})
    opened.action(ROOT)
    assert [one.name for one in opened.commands] == ["warning"]


def test_no_output_of_the_gate_makes_another_one(opened):
    text = "verdict=failed\nentry=a\x0bb\nexit_code=0\nPATH=/evil\nyear<<END\nevil\nEND\n"
    double(opened, **EVERYTHING | {"gate": {"code": 1, "files": {"outputs": text}, "err": "error: x"}})
    opened.action(ROOT)
    outputs = next(step.outputs for step in opened.steps if step.name == "Measure and judge")
    assert outputs == {"verdict": "failed", "exit_code": "1"}


# Tokens

SECRETS = dict.fromkeys(("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AWS_SECRET_ACCESS_KEY"), TOKEN)
SPEAKING = r"INPUT_|ACTIONS_|GITHUB_(ENV|OUTPUT|PATH|STATE|STEP_SUMMARY)"


def test_the_gate_has_no_token_and_no_way_to_speak_to_the_runner(world, machine):
    runner = machine(world.opened(world.change()), **SECRETS, GREENGATE_METER_TOKEN="m").checked_out()
    double(runner, **EVERYTHING).action(ROOT, app_id="1", app_key=f"-----{TOKEN}")
    (seen,) = [told["environment"] for told in runner.asked() if told["greengate"][0] == "gate"]
    assert [name for name, value in seen.items() if TOKEN in value] == []
    assert [name for name in seen if re.match(SPEAKING, name)] == []
    assert (seen["GREENGATE_METER_TOKEN"], seen["GITHUB_REF"]) == ("m", f"refs/pull/{NUMBER}/merge")


def test_only_two_steps_are_given_the_token(opened):
    opened.action(ROOT, app_id="1", app_key=f"-----{TOKEN}")
    given = [step.name for step in opened.steps if TOKEN in str(step.environment)]
    assert given == ["Ask for reviews", "Tell the pull request"]
    assert TOKEN not in opened.log + opened.summary


SIGNED = {"history": "h.db", "ledger_key": "-----KEY", "ledger_origin": "example.com/greengate"}


def test_only_the_step_that_signs_is_given_the_ledgers_key(world, machine):
    runner = machine(world.opened(world.change()), GREENGATE_LEDGER_KEY_FILE="/-----KEY").checked_out()
    assert double(runner, **EVERYTHING | {"ledger": {}}).action(ROOT, **SIGNED).result == "success"
    given = [step.name for step in runner.steps if "-----KEY" in str(step.environment.get("GREENGATE_LEDGER_KEY"))]
    (seen,) = [told["environment"] for told in runner.asked() if told["greengate"][0] == "gate"]
    assert given == ["Sign the ledger"]
    assert [name for name in seen if "LEDGER" in name] == []


def test_receipts_of_all_entries_go_into_the_artifact(opened):
    assert double(opened, **EVERYTHING | {"ledger": {}}).action(ROOT, **SIGNED).result == "success"
    (words,) = [told["greengate"] for told in opened.asked() if told["greengate"][0] == "ledger"]
    report = f"{opened.steps[0].outputs['folder']}/report"
    start = ["ledger", "prove", "--project=greengate.yaml", "--history=h.db", f"--out={report}/receipts"]
    reports = [f"--into={report}/report.json", f"--markdown={report}/ledger.md"]
    assert words == [*start, *reports, "--", "a1", "b2"]
    order = [step.name for step in opened.steps]
    assert order.index("Measure and judge") < order.index("Sign the ledger") < order.index("Keep reports and entries")


def test_the_summary_is_of_the_ledger_as_it_was_signed(opened):
    signed = {"files": {"--markdown": "# The ledger, with receipts\n"}}
    assert double(opened, **EVERYTHING | {"ledger": signed}).action(ROOT, **SIGNED).result == "success"
    assert opened.summary == "# The ledger, with receipts\n"


def test_a_ledger_that_cannot_be_signed_changes_no_verdict_and_is_told(opened):
    forked = {"code": 4, "err": "error: h.db: 7 entries were signed\n"}
    assert double(opened, **EVERYTHING | {"ledger": forked}).action(ROOT, **SIGNED).result == "success"
    words = "the verdict stands, and these decisions have no receipt: h.db: 7 entries were signed"
    assert opened.annotations == [("error", words)]


def test_a_key_for_a_ledger_that_ends_with_the_runner_is_refused(opened):
    assert opened.action(ROOT, **SIGNED | {"history": ""}).code == 2
    assert "one key signs one ledger" in opened.annotations[0][1]
    assert asked(opened) == []


def test_python_never_imports_from_the_workspace(opened):
    (opened.workspace / "venv.py").write_text("raise SystemExit('evil')")
    assert opened.action(ROOT).result == "success"
    assert [told["isolated"] for told in opened.asked("isolated")] == [True] * 6


@pytest.mark.parametrize(
    ("inputs", "posted"),
    [
        ({}, [[]]),
        ({"comment": "false"}, [["--no-comment"]]),
        ({"check": "false"}, [["--no-check"]]),
        ({"comment": "false", "check": "false"}, []),
        ({"token": ""}, []),
        ({"leg": "gpu"}, []),
        ({"token": "", "app_id": "1", "app_key": "pem"}, [[]]),
    ],
    ids=["both", "no comment", "no check", "neither", "no token", "a leg", "an app"],
)
def test_what_is_told_is_as_the_inputs_say(opened, inputs, posted):
    assert opened.action(ROOT, **inputs).result == "success"
    found = [told["greengate"] for told in opened.asked() if told["greengate"][0] == "post"]
    history = f"--history={opened.steps[0].outputs['folder']}/history.db"
    assert found == [["post", "--project=greengate.yaml", history, *words, "--", "a1", "b2"] for words in posted]


def test_a_forge_that_is_down_changes_no_verdict(opened):
    down = {"code": 4, "err": "error: github: api.github.com did not answer\n  hint: `greengate post last`\n"}
    double(opened, **EVERYTHING | {"approvals": down, "post": down})
    assert opened.action(ROOT).result == "success"
    words = "error: github: api.github.com did not answer\n  hint: `greengate post last`"
    assert opened.annotations == [
        ("warning", f"reviews could not be asked for, so that none of them counts: {words}"),
        ("warning", f"the verdict stands, and GitHub could not be told: {words}"),
    ]
    assert "--approvals" not in options(opened)


@pytest.mark.parametrize("source", ["mallory/app", None, "acme/app-fork"])
def test_a_fork_is_judged_and_nothing_is_posted(world, machine, source):
    event = world.opened(world.change(), source=source)
    runner = double(machine(event).checked_out(), **EVERYTHING | {"gate": gate(1, annotations=ERROR)})
    assert runner.action(ROOT).code == 1
    assert asked(runner) == ["--version", "gate"]
    assert [step.name for step in runner.steps if TOKEN in str(step.environment)] == []
    assert (runner.summary, runner.annotations) == ("# The ledger\n", [("error", "p/flops failed")])
    assert "actions/report does that" in runner.log


# Events


def test_the_base_of_a_pull_request_is_what_its_merge_was_made_with(world, machine):
    runner = double(machine(world.opened(world.change())).checked_out(), **EVERYTHING)
    run_git(world.clone, "checkout", "--quiet", world.main)
    world._push("main", world._commit("Main goes on"))
    runner.action(ROOT)
    assert (options(runner)["--base"], options(runner)["--branch"]) == ([world.main], ["main"])


def test_a_review_starts_the_same_check_again(world, machine):
    runner = double(machine(world.opened(world.change(), name="pull_request_review")).checked_out(), **EVERYTHING)
    assert runner.action(ROOT).result == "success"
    assert (options(runner)["--base"], options(runner)["--branch"]) == ([world.main], ["main"])
    assert asked(runner) == ["--version", "approvals", "gate", "post"]


@pytest.mark.parametrize("forget", [True, False], ids=["which the clone lacks", "which the clone has"])
def test_the_base_of_a_branch_is_the_tip_of_main(world, machine, forget):
    head = world.change()
    runner = double(machine(world.opened(head)).checked_out(ref=head), **EVERYTHING)
    if forget:
        run_git(runner.workspace, "update-ref", "-d", "refs/remotes/origin/main")
    assert runner.action(ROOT).result == "success"
    assert options(runner)["--base"] == [world.main]


def test_a_merge_commit_of_the_author_names_no_base(world, machine):
    """A change that brings a merge commit of its own cannot choose by it what it is judged against."""
    first, other = world.change(), world.change("other", widths=(64,))
    run_git(world.clone, "checkout", "--quiet", "--detach", first)
    run_git(world.clone, "merge", "--quiet", "--no-ff", "-s", "ours", "-m", "Mine", other)
    own = run_git(world.clone, "rev-parse", "HEAD")
    run_git(world.clone, "push", "--quiet", str(world.origin), f"{own}:refs/heads/mine")
    runner = double(machine(world.opened(own)).checked_out(ref=own), **EVERYTHING)
    runner.action(ROOT)
    assert options(runner)["--base"] == [world.main]


def test_a_merge_queue_is_judged_against_what_it_builds_on(world, machine):
    runner = double(machine(world.queued(world.change())).checked_out(), **EVERYTHING)
    assert runner.action(ROOT).result == "success"
    assert (options(runner)["--base"], options(runner)["--branch"]) == ([world.main], ["main"])
    assert asked(runner) == ["--version", "approvals", "gate"]


@pytest.mark.parametrize("name", ["push", "schedule", "workflow_dispatch"])
def test_the_default_branch_is_judged_by_itself(world, machine, name):
    runner = double(machine(world.pushed(name)).checked_out(), **EVERYTHING)
    assert runner.action(ROOT).result == "success"
    assert (options(runner)["--base"], options(runner)["--branch"]) == ([world.main], ["main"])
    assert asked(runner) == ["--version", "gate"]


def test_another_branch_asks_for_a_base(world, machine):
    event = world.pushed(branch="wider", commit=world.change())
    runner = double(machine(event).checked_out(), **EVERYTHING)
    assert runner.action(ROOT).code == 2
    words = "base: nothing says what `refs/heads/wider` is judged against on the event `push`"
    hint = "name a branch or a commit that is trusted, such as `base: origin/main`"
    assert runner.annotations == [("error", f"{words}\n  hint: {hint}")]


def test_another_branch_is_judged_against_a_base_that_is_named(world, machine):
    event = world.pushed(branch="wider", commit=world.change())
    runner = double(machine(event).checked_out(), **EVERYTHING)
    assert runner.action(ROOT, base="origin/main").result == "success"
    assert options(runner)["--base"] == [world.main]


def test_an_event_that_gives_strangers_the_secrets_is_refused(world, machine):
    event = world.opened(world.change(), name="pull_request_target")
    runner = double(machine(event).checked_out(), **EVERYTHING)
    assert runner.action(ROOT, base="origin/main").code == 2
    assert "hint: use the event `pull_request`" in runner.annotations[0][1]


def test_a_shallow_clone_is_told_of_its_depth(world, machine):
    runner = double(machine(world.opened(world.change())).checked_out(fetch_depth="1"), **EVERYTHING)
    ended = runner.action(ROOT)
    assert (ended.code, ended.outputs["exit-code"], asked(runner)) == (2, "2", ["--version"])
    words = "checkout: this clone is shallow: the change and its base have no common commit in it"
    hint = "give the checkout its history: `actions/checkout` with `fetch-depth: 0`"
    assert runner.annotations == [("error", f"{words}\n  hint: {hint}")]


def test_a_job_without_a_checkout_is_told_of_it(world, machine):
    runner = machine(world.opened(world.change()))
    assert runner.action(ROOT).code == 2
    assert "put `actions/checkout` with `fetch-depth: 0` before this step" in runner.annotations[0][1]


# Installing


@pytest.mark.parametrize(
    ("inputs", "wanted"),
    [
        ({}, str(ROOT)),
        ({"extras": "quality, torch"}, f"{ROOT}[quality,torch]"),
        ({"requirement": "greengate-ci==1.2"}, "greengate-ci==1.2"),
        ({"requirement": "--index-url=x"}, "--index-url=x"),
    ],
)
def test_what_is_installed_is_the_actions_own_commit_unless_another_is_named(opened, inputs, wanted):
    assert opened.action(ROOT, **inputs).result == "success"
    assert [told["pip"][-2:] for told in opened.asked("pip")] == [["--", wanted]]


def test_an_installation_that_fails_is_said(opened):
    (opened.scripts / "pip-refuses").write_text("ERROR: no matching distribution")
    ended = opened.action(ROOT)
    assert (ended.code, ended.outputs["exit-code"]) == (4, "4")
    assert opened.annotations[0][1].startswith("installation: ERROR: no matching distribution\n  hint: ")


def test_a_runner_whose_python_does_not_fit_gets_another(opened):
    tools = opened.scripts / "tools"
    (opened.scripts / "set-up").mkdir()
    (tools / "python3").rename(opened.scripts / "set-up" / "python3")
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tools / "python3").chmod(0o755)
    for name in ("python3.11", "python3.12", "python3.13"):
        (tools / name).symlink_to("python3")
    assert opened.action(ROOT).result == "success"


def test_another_system_is_refused(world, machine):
    runner = machine(world.opened(world.change()), RUNNER_OS="Windows").checked_out()
    assert runner.action(ROOT).code == 2
    assert "greengate runs on Linux, and this runner has Windows" in runner.annotations[0][1]


def test_two_uses_in_one_job_do_not_meet(opened):
    first, second = opened.action(ROOT, leg="a"), opened.action(ROOT, leg="b")
    assert first.outputs["artifact"] != second.outputs["artifact"]
    assert names(opened.store) == ["greengate-a", "greengate-b"]


def test_a_second_attempt_replaces_the_artifact(opened):
    opened.action(ROOT)
    double(opened, **EVERYTHING | {"gate": gate(1, ledger="# Another\n")})
    opened.action(ROOT)
    assert (opened.store / "greengate" / "ledger.md").read_text() == "# Another\n"
