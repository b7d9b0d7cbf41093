"""A fork's pull request is told what its gate concluded, by a workflow that believes nothing of it."""

import io
import json
import zipfile
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from github_made import HEAD, WORKFLOW, app_key
from github_runs_made import RUN, github_with_runs
from jobs_made import pull_request
from lines_made import forged
from projects_made import COUNTED, PROJECT, WAIVER, greengate, layers, project
from repositories_made import run_git as git

from greengate.disbelief import MOST_FILES
from greengate.forge.github_runs import GitHubRuns
from greengate.ledger.canonical import digest
from greengate.settings import ForgeAccess


@pytest.fixture
def hub():
    with github_with_runs() as made:
        yield made


@pytest.fixture
def base(tmp_path, monkeypatch, hub):
    """The main branch, in which the second workflow runs."""
    (tmp_path / "base").mkdir()
    text = PROJECT.replace("baseline.onnx", "git:origin/main").replace("path: candidate.onnx", "path: model.onnx")
    folder = project(tmp_path / "base", policy=COUNTED, text=text)
    layers(folder / "model.onnx", 128)
    git(folder, "init", "-b", "main")
    commit(folder)
    monkeypatch.setenv("GITHUB_API_URL", hub.api)
    return folder


def commit(folder):
    git(folder, "add", ".")
    git(folder, "commit", "--allow-empty", "-m", "base")
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")


def measured(base, monkeypatch, hub, *, width=128, edit=None):
    """Let the fork's own run measure its change, and return the entries that it leaves."""
    fork = base.parent / "fork"
    git(base.parent, "clone", "-q", str(base), "fork")
    git(fork, "checkout", "-b", "fix")
    layers(fork / "model.onnx", width)
    if edit is not None:
        edit(fork)
    pull_request(monkeypatch, base.parent, head=HEAD, source="ada/app", run=RUN, repository="acme/app")
    words = (
        "--base",
        "origin/main",
        "--report",
        f"entries={base.parent / 'entries.jsonl'}",
        "--budget",
        "1 s",
        "--quiet",
    )
    greengate(fork, "gate", *words)
    monkeypatch.setenv("GITHUB_TOKEN", WORKFLOW)
    monkeypatch.setenv("GITHUB_EVENT_NAME", "workflow_run")
    monkeypatch.delenv("GITHUB_REF")
    changed = git(fork, "status", "--porcelain").splitlines()
    hub.edited = [line[3:] if line[1:2] == " " else line[2:].strip() for line in changed]
    hub.files |= {(name, HEAD): (fork / name).read_bytes() for name in ("greengate.yaml", "model.onnx", "policy.yaml")}
    return (base.parent / "entries.jsonl").read_text()


def relayed(base, capsys):
    """Relay the run, and return the exit code and what the one comment and the one check say."""
    capsys.readouterr()
    code = greengate(base, "relay", RUN)
    return code, capsys.readouterr()


def told(hub):
    (comment,) = hub.comments.values()
    (check,) = hub.runs.values()
    return comment["body"], check["conclusion"], check["head_sha"]


def test_a_change_that_passes_and_is_what_was_measured_passes(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub)})
    code, _ = relayed(base, capsys)
    body, conclusion, commit_ = told(hub)
    assert (code, conclusion, commit_) == (0, "success", HEAD)
    assert "greengate passed" in body


def test_a_change_that_fails_fails(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub, width=256)})
    code, _ = relayed(base, capsys)
    assert (code, told(hub)[1]) == (1, "failure")


def test_told_twice_there_is_one_comment_and_one_check(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub)})
    relayed(base, capsys)
    relayed(base, capsys)
    assert (len(hub.comments), len(hub.runs)) == (1, 1)


def test_a_policy_that_the_fork_weakens_does_not_count(base, hub, monkeypatch, capsys):
    def weaker(folder):
        (folder / "policy.yaml").write_text(COUNTED.replace("5%", "5000%"))

    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub, width=256, edit=weaker)})
    assert relayed(base, capsys)[0] == 1


def lighter(line):
    """Pretend that the candidate costs what the baseline does."""
    evidence = line["evidence"]
    evidence["candidate"]["figures"]["flops_per_inference"] = evidence["baseline"]["figures"]["flops_per_inference"]


def verdict_alone(line):
    line["statement"]["predicate"]["outcome"] = "passed"
    line["verdict"]["findings"][0] |= {"outcome": "passed", "judged": "passed"}


def other_model(line):
    lighter(line)
    line["evidence"]["candidate"]["sha256"] = "d" * 64


def heavier_baseline(line):
    evidence = line["evidence"]
    evidence["baseline"]["figures"]["flops_per_inference"] = evidence["candidate"]["figures"]["flops_per_inference"]
    evidence["baseline"]["sha256"] = "d" * 64


def waived(line):
    """Pretend that an owner has approved it."""
    line["evidence"]["approvals"] = [
        {
            "review": "1",
            "by": "green",
            "at": "2026-11-21T09:00:00Z",
            "commit": HEAD,
            "owners": ["green"],
            "author": False,
        }
    ]
    line["evidence"]["model"]["labels"] = {"tier": "toy"}


@pytest.mark.parametrize("lie", [verdict_alone, waived], ids=lambda lie: lie.__name__)
def test_what_a_run_says_besides_its_figures_is_not_read(base, hub, monkeypatch, capsys, lie):
    hub.leave({"entries.jsonl": forged(measured(base, monkeypatch, hub, width=256), lie)})
    code, _ = relayed(base, capsys)
    assert (code, told(hub)[1]) == (1, "failure")


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (other_model, "model.onnx of the change is not known to be the model that was measured"),
        (heavier_baseline, "its baseline is not known to be the one of the base branch"),
    ],
    ids=["candidate", "baseline"],
)
def test_figures_of_other_models_are_not_believed(base, hub, monkeypatch, capsys, lie, reason):
    hub.leave({"entries.jsonl": forged(measured(base, monkeypatch, hub, width=256), lie)})
    code, _ = relayed(base, capsys)
    body, conclusion, _ = told(hub)
    assert (code, conclusion) == (3, "action_required")
    assert reason in body


def test_a_change_that_edits_its_own_workflow_cannot_pass(base, hub, monkeypatch, capsys):
    def steps(folder):
        (folder / ".github").mkdir()
        (folder / ".github" / "steps.yml").write_text("")

    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub, edit=steps)})
    hub.edited = [".github/workflows/greengate.yml"]
    code, _ = relayed(base, capsys)
    assert (code, told(hub)[1]) == (3, "action_required")
    assert "the change edits what its own job runs" in told(hub)[0]


def test_what_a_change_edits_is_asked_of_its_commit_and_the_one_of_the_base(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub)})
    relayed(base, capsys)
    assert hub.bases == [git(base, "rev-parse", "origin/main")]


@pytest.mark.parametrize(
    ("edited", "names"),
    [
        ([], []),
        (["a", ".github/x -> b"], ["a", "b", ".github/x"]),
        ([f"{number}" for number in range(301)], [f"{number}" for number in range(MOST_FILES)]),
    ],
    ids=["nothing", "moved", "more than are listed"],
)
def test_the_files_between_two_commits_are_named_by_old_names_too(hub, edited, names):
    hub.edited = edited
    with closing(GitHubRuns(ForgeAccess(WORKFLOW, address=hub.api), "acme/app")) as runs:
        assert runs.edited("b" * 40, HEAD) == names


def test_a_change_of_more_files_than_are_listed_cannot_pass(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub)})
    hub.edited = [f"{number}" for number in range(301)]
    code, _ = relayed(base, capsys)
    assert (code, told(hub)[1]) == (3, "action_required")
    assert "the change has 300 files or more, and not all of them are known" in told(hub)[0]


def test_a_model_that_is_built_could_make_up_the_figures_of_the_one_beside_it(base, hub, monkeypatch, capsys):
    def another(folder):
        text = (folder / "greengate.yaml").read_text()
        built = "  - {name: n, build: {command: [cp, model.onnx, n.onnx], output: n.onnx}, batch: 8}\n"
        (folder / "greengate.yaml").write_text(text + built)

    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub, edit=another)})
    relayed(base, capsys)
    assert "code of the change ran in the same job, by the model n" in told(hub)[0]
    assert "1 passed" not in told(hub)[0]


def test_a_waiver_that_is_over_holds_by_no_clock_of_the_run(base, hub, monkeypatch, capsys):
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    (base / "waiver.yaml").write_text(WAIVER.replace("2099-12-31", yesterday))
    text = (base / "greengate.yaml").read_text()
    (base / "greengate.yaml").write_text(text.replace("[policy.yaml]", "[policy.yaml, waiver.yaml]"))
    commit(base)

    def earlier(line):
        line["evidence"]["taken_at"] = "2020-01-01T00:00:00Z"

    hub.leave({"entries.jsonl": forged(measured(base, monkeypatch, hub, width=256), earlier)})
    assert relayed(base, capsys)[0] == 1
    assert f"expired on {yesterday}" in told(hub)[0]


def bomb():
    return b"0" * (65 * 2**20)


def packed(method):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        archive.writestr("entries.jsonl", "x" * 1000)
    return data.getvalue().replace(b"\x5d\x00\x00", b"\xff\xff\xff")  # the properties of LZMA


ODD = {
    "no artifact": (lambda *_: None, "the run left no entries"),
    "another name": (lambda hub, text: hub.leave({"entries.jsonl": text}, "other"), "the run left no entries"),
    "expired": (lambda hub, text: hub.leave({"entries.jsonl": text}, expired=True), "the run left no entries"),
    "another file": (lambda hub, text: hub.leave({"../entries.jsonl": text}), "the run left no entries"),
    "empty": (lambda hub, _: hub.leave({"entries.jsonl": ""}), "the run left no entry of this model"),
    "no JSON": (lambda hub, _: hub.leave({"entries.jsonl": "\x00::error::x"}), "this is no entry of a history"),
    "digest": (
        lambda hub, text: hub.leave({"entries.jsonl": text.replace('"outcome":"passed"', '"outcome":"failed"')}),
        "this entry was changed since it was written",
    ),
    "another change": (
        lambda hub, text: hub.leave(
            {
                "entries.jsonl": forged(
                    text, lambda line: line["statement"]["predicate"]["change"].update(id="acme/app#1")
                )
            }
        ),
        "is of another change or commit",
    ),
    "twice": (lambda hub, text: hub.leave({"entries.jsonl": text + text}), "was judged twice"),
}


@pytest.mark.parametrize(("leave", "words"), ODD.values(), ids=ODD)
def test_what_a_run_does_not_leave_is_an_error_and_never_a_pass(base, hub, monkeypatch, capsys, leave, words):
    text = measured(base, monkeypatch, hub)
    leave(hub, text)
    code, _ = relayed(base, capsys)
    body, conclusion, _ = told(hub)
    assert (code, conclusion) == (4, "failure")
    assert words in body


@pytest.mark.parametrize(
    ("leave", "words"),
    [
        (lambda hub: hub.leave_bytes(b"no zip at all"), "is no ZIP file that can be read"),
        (lambda hub: hub.leave_bytes(packed(zipfile.ZIP_LZMA)), "is no ZIP file that can be read"),
        (lambda hub: hub.leave({"entries.jsonl": bomb()}), "takes more than 64 MiB"),
        (lambda hub: hub.leave({"entries.jsonl": ""}, size_in_bytes=2**30), "takes 1,024 MiB, and 64 are read"),
    ],
    ids=["no ZIP", "LZMA", "bomb", "large"],
)
def test_an_artifact_that_cannot_be_read_is_told_and_tells_nobody(base, hub, monkeypatch, capsys, leave, words):
    measured(base, monkeypatch, hub)
    leave(hub)
    code, said = relayed(base, capsys)
    assert (code, hub.comments) == (4, {})
    assert words in said.err


def test_a_change_that_has_moved_on_is_not_told(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub)})
    hub.pulls[12]["head"] = "e" * 40
    code, said = relayed(base, capsys)
    assert (code, hub.comments) == (0, {})
    assert "no open pull request has the commit of this run any more" in said.out


def test_a_change_that_moves_on_while_it_is_looked_at_is_not_told(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub)})
    hub.moves = "e" * 40
    code, said = relayed(base, capsys)
    assert (code, hub.comments, hub.runs) == (0, {}, {})
    assert "no open pull request has the commit of this run any more" in said.out
    assert not (base / ".greengate").exists()


def test_what_is_written_down_is_of_the_commit_of_the_change_and_not_of_the_base(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub)})
    relayed(base, capsys)
    assert greengate(base, "history", "--json") == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["commit"] == HEAD


def test_a_large_model_is_known_by_its_blob(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub)})
    hub.large = {"model.onnx"}
    assert relayed(base, capsys)[0] == 0


def test_a_model_in_lfs_is_known_by_its_pointer(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub)})
    content = hub.files["model.onnx", HEAD]
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest(content)}\nsize {len(content)}\n"
    hub.files["model.onnx", HEAD] = pointer.encode()
    assert relayed(base, capsys)[0] == 0
    hub.files["model.onnx", HEAD] = pointer.replace(digest(content), "d" * 64).encode()
    assert relayed(base, capsys)[0] == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"event": "push"}, "is of push"),
        ({"status": "in_progress"}, "has not ended"),
    ],
    ids=["push", "running"],
)
def test_other_runs_are_not_told(base, hub, monkeypatch, capsys, given, words):
    measured(base, monkeypatch, hub)
    hub.workflow.update(given)
    _, said = relayed(base, capsys)
    assert words in said.out + said.err
    assert hub.comments == {}


@pytest.mark.parametrize("run", ["x", "../1", "9"], ids=str)
def test_a_run_that_is_none_is_told(base, hub, monkeypatch, capsys, run):
    measured(base, monkeypatch, hub)
    assert greengate(base, "relay", run) in {2, 4}
    assert "error: " in capsys.readouterr().err


def test_an_app_may_read_what_a_run_left_and_tell(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub)})
    hub.granted["actions"] = "read"
    monkeypatch.setenv("GREENGATE_GITHUB_APP_ID", "77")
    monkeypatch.setenv("GREENGATE_GITHUB_APP_KEY", app_key()[0])
    assert relayed(base, capsys)[0] == 0
    assert [one["by"] for one in hub.comments.values()] == ["carbon-gate[bot]"]


def test_a_repository_that_nobody_names_is_asked_for(base, capsys):
    assert greengate(base, "relay", RUN) == 2
    assert "error: --repository: no repository is named" in capsys.readouterr().err


def test_the_token_is_not_shown_to_the_storage(base, hub, monkeypatch, capsys):
    hub.leave({"entries.jsonl": measured(base, monkeypatch, hub)})
    relayed(base, capsys)
    (headers,) = hub.storage.headers
    assert "Authorization" not in headers
