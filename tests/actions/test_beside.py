"""The actions beside the gate: join, report, settle and calibrate."""

import pytest
from expressions import ROOT
from greengate_made import double, gate
from worlds import NUMBER, REPOSITORY, TOKEN

JOIN, REPORT, SETTLE, CALIBRATE = (ROOT / "actions" / name for name in ("join", "report", "settle", "calibrate"))
CHANGE = f"{REPOSITORY}#{NUMBER}"
FORKED = "comes from a fork, whose run may not read the book: book it by"


@pytest.fixture
def opened(world, machine):
    """A runner with a pull request checked out, and a greengate that does what it is told."""
    return double(machine(world.opened(world.change())).checked_out(), join=gate())


def leg(runner, name):
    (runner.store / f"greengate-{name}").mkdir()
    (runner.store / f"greengate-{name}" / "entries.jsonl").write_text(name)


# join


def test_legs_are_joined_by_their_names_whether_they_left_something_or_not(opened):
    leg(opened, "cpu")
    assert opened.action(JOIN, legs="cpu\n  gpu\n").result == "success"
    work = opened.steps[0].outputs["folder"]
    assert opened.words("join")[1:5] == [
        "--project=greengate.yaml", f"--history={work}/history.db", f"cpu={work}/legs/greengate-cpu/entries.jsonl",
        f"gpu={work}/legs/greengate-gpu/entries.jsonl",
    ]  # fmt: skip


def test_the_joined_verdict_is_told_and_is_the_jobs_result(opened):
    double(opened, join=gate(1, ledger="# Both\n", verdict="failed"))
    ended = opened.action(JOIN, legs="cpu")
    assert (ended.result, ended.code, ended.outputs["verdict"], opened.summary) == ("failure", 1, "failed", "# Both\n")
    assert (opened.store / "greengate" / "entries.jsonl").exists()
    assert opened.words("post")[-3:] == ["--", "a1", "b2"]
    assert [step.name for step in opened.steps if TOKEN in str(step.environment)] == ["Tell the pull request"]


@pytest.mark.parametrize("legs", ["", "a/b", "../x", "--help", "$(touch evil)", "a=b", ".."])
def test_a_leg_that_cannot_be_one_is_refused(opened, legs):
    ended = opened.action(JOIN, legs=legs)
    assert (ended.code, ended.outputs["exit-code"]) == (2, "2")
    assert opened.annotations[0][1].startswith("legs: ")


def test_a_fork_is_joined_and_nothing_is_posted(world, machine):
    runner = double(machine(world.opened(world.change(), source="mallory/app")).checked_out(), join=gate())
    assert runner.action(JOIN, legs="cpu").result == "success"
    assert [told["greengate"][0] for told in runner.asked()] == ["join"]


# report


def test_a_run_is_relayed_with_the_token_and_nothing_else_has_it(opened):
    assert opened.action(REPORT, run="1589141559").result == "success"
    assert opened.words("relay")[-2:] == ["--", "1589141559"]
    assert [step.name for step in opened.steps if TOKEN in str(step.environment)] == ["Tell the pull request"]


@pytest.mark.parametrize("run", ["", "x", "1 2", "--help", "$(touch evil)", "1\n2"])
def test_a_run_that_is_none_is_refused(opened, run):
    assert opened.action(REPORT, run=run).code == 2
    assert (opened.asked(), opened.annotations[0][1].startswith("run: ")) == ([], True)


def test_a_relay_that_fails_says_why(opened):
    double(
        opened,
        relay={"code": 4, "err": "error: github: the artifact is gone\n  hint: run it again\n", "out": "::error::x"},
    )
    assert opened.action(REPORT, run="1").code == 4
    assert opened.annotations == [("error", "github: the artifact is gone\n  hint: run it again")]
    assert (
        opened.summary
        == "### greengate: exit code 4\n\n<pre>\ngithub: the artifact is gone\n  hint: run it again\n</pre>\n"
    )


# settle


def settled(runner, **inputs):
    given = {"book": "b.db", "merged": "true", "change": CHANGE} | inputs
    return runner.action(SETTLE, **given)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, ["budget", "consume", "--book=b.db"]),
        ({"history": "h.db"}, ["budget", "consume", "--book=b.db", "--history=h.db"]),
        ({"merged": "false", "history": "h.db"}, ["budget", "release", "--book=b.db", "--history=h.db"]),
        ({"book": "", "history": "h.db"}, ["settle", "--merged", "--history=h.db"]),
        ({"book": "", "history": "h.db", "merged": "false"}, ["settle", "--closed", "--history=h.db"]),
    ],
    ids=["merged", "merged, with a history", "closed", "merged, without a book", "closed, without a book"],
)
def test_what_became_of_a_change_is_written_down(opened, inputs, words):
    assert settled(opened, **inputs).result == "success"
    ending = ["--project=greengate.yaml", "--by=actions/settle", "--", CHANGE]
    assert opened.words(words[0]) == [*words, *ending]


@pytest.mark.parametrize("merged", [True, False])
def test_the_change_and_whether_it_was_merged_are_known_by_the_event(world, machine, merged):
    event = world.opened(world.change())
    event.payload["pull_request"]["merged"] = merged
    runner = double(machine(event).checked_out())
    assert runner.action(SETTLE, book="b.db").result == "success"
    assert (runner.words("budget")[1], runner.words("budget")[-1]) == ("consume" if merged else "release", CHANGE)


@pytest.mark.parametrize(
    ("merged", "said"),
    [("true", [("warning", f"{CHANGE} {FORKED} `greengate budget consume {CHANGE}`")]), ("false", [])],
)
def test_a_fork_sees_no_book(world, machine, merged, said):
    runner = double(machine(world.opened(world.change(), source="mallory/app")).checked_out())
    assert settled(runner, book="", merged=merged).result == "success"
    assert (runner.annotations, runner.asked()) == (said, [])


def test_neither_a_book_nor_a_history_is_no_success(opened):
    assert settled(opened, book="").code == 2
    assert opened.annotations[0][1].startswith("book: neither a book nor a history is named")


def test_what_greengate_itself_says_is_told(opened):
    (opened.scripts / "greengate.py").unlink()
    assert settled(opened, merged="false").code == 2
    assert opened.annotations == [("error", "b.db: there is no book of budgets here yet")]


# calibrate


KEY = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"


def test_a_runner_is_calibrated_and_its_profile_kept(opened):
    double(opened, runner={"files": {"--output": "{}"}})
    ended = opened.action(CALIBRATE, key=KEY, seconds="30", labels="class=ci\nteam=nlp\n", expires="2999-12-31")
    assert (ended.result, opened.annotations) == ("success", [])
    assert opened.words("runner")[2:] == [
        f"--key={opened.steps[0].outputs['folder']}/key.pem", f"--output={ended.outputs['profile']}", "--seconds=30",
        "--label=class=ci", "--label=team=nlp", "--expires=2999-12-31",
    ]  # fmt: skip
    assert (opened.store / "runner-profile" / "runner-profile.json").read_text() == "{}"


def test_the_key_is_on_the_disk_only_meanwhile_and_in_no_environment(opened):
    double(opened, runner={"files": {"--output": "{}"}, "shows": "--key"})
    opened.action(CALIBRATE, key=KEY)
    (seen,) = [told["environment"] for told in opened.asked()]
    assert (KEY in opened.log, KEY in str(seen), list(opened.temp.rglob("key.pem"))) == (True, False, [])


@pytest.mark.parametrize("evil", ["", "no key", "$(touch evil)"])
def test_a_key_that_is_none_is_refused_and_not_kept(opened, evil):
    (opened.scripts / "greengate.py").unlink()
    assert opened.action(CALIBRATE, key=evil, seconds="1").code == 2
    assert (list(opened.temp.rglob("key.pem")), list(opened.store.iterdir())) == ([], [])
    assert opened.annotations[0][0] == "error"
