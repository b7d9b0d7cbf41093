import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from models_made import endless, not_a_number, with_operator
from projects_made import POLICY, PROJECT, greengate, project
from repositories_made import run_git

from greengate.cli import run

GATE = [sys.executable, "-m", "greengate", "gate"]


def test_a_candidate_like_its_baseline_passes(tmp_path, capsys):
    assert greengate(project(tmp_path), "gate") == 0
    said = capsys.readouterr().out
    assert "m  PASSED" in said
    assert "1 model: 1 passed -> exit 0" in said


def test_a_heavier_candidate_fails_and_says_what_would_pass(tmp_path, capsys):
    assert greengate(project(tmp_path, candidate=(512,)), "gate") == 1
    said = capsys.readouterr().out
    assert "m  FAILED" in said
    assert "would pass at <=" in said
    assert "policy.yaml:6" in said


def test_json_goes_to_standard_output_and_nothing_else(tmp_path, capsys):
    assert greengate(project(tmp_path), "gate", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["outcome"] == "passed"


def test_reports_are_written_beside_the_table(tmp_path):
    words = []
    for word in ("codequality", "json", "junit", "markdown", "sarif", "table"):
        words += ["--report", f"{word}={tmp_path / word}"]
    assert greengate(project(tmp_path, candidate=(512,)), "gate", *words) == 1
    assert all((tmp_path / word).stat().st_size > 100 for word in words[1::2] for word in [word.split("=")[0]])


def test_reports_for_a_forge_have_the_paths_of_the_repository(tmp_path):
    (tmp_path / "models" / "nlp").mkdir(parents=True)
    run_git(tmp_path, "init")
    words = ("--report", f"codequality={tmp_path / 'issues.json'}", "--budget", "2 s")
    assert greengate(project(tmp_path / "models" / "nlp", candidate=(512,)), "gate", *words) == 1
    issues = json.loads((tmp_path / "issues.json").read_text())
    assert {issue["location"]["path"] for issue in issues} == {"models/nlp/policy.yaml"}


def test_an_own_template_is_used_and_its_mistakes_are_told_after_the_verdict_is_kept(tmp_path, capsys):
    (tmp_path / "own.j2").write_text("{{ sumary }}")
    words = ("--report", f"markdown={tmp_path / 'out.md'}", "--template", str(tmp_path / "own.j2"))
    assert greengate(project(tmp_path), "gate", *words) == 4
    told = capsys.readouterr()
    assert "m  PASSED" in told.out
    assert "sumary" in told.err
    assert greengate(tmp_path, "history") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--report", "junti=x.xml"), "--report: `junti` is no report format\n  hint: did you mean `junit`?"),
        (("--report", "junit"), "--report: `junit` is not FORMAT=FILE"),
        (("--model", "n"), "--model: `n` matches no model of the project"),
        (("--seed", "-1"), "--seed: found -1, expected zero or more"),
        (("--budget", "30"), "`30` has no unit; a duration is written like `40 ms`"),
        (("--budget", "0 s"), "found `0 s`, expected more than nothing"),
        (("--branch", "gone"), "no policy covers the model `m` on the branch `gone`"),
        (("--nonsense",), "No such option"),
    ],
)
def test_a_call_that_cannot_be_meant_ends_with_2(tmp_path, capsys, words, message):
    policy = POLICY.replace("measurement:", "match: {branches: [main]}\nmeasurement:")
    assert greengate(project(tmp_path, policy=policy), "gate", *words) == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_a_project_says_how_to_begin(tmp_path, capsys):
    assert greengate(tmp_path, "gate") == 2
    assert "hint: `greengate init` writes a first one" in capsys.readouterr().err


def test_a_command_that_is_none_is_answered_with_the_nearest(tmp_path, capsys):
    assert greengate(tmp_path, "gaet") == 2
    assert "`gaet` is no command; did you mean `gate`?" in capsys.readouterr().err


def spoil(folder, how):
    file = folder / "candidate.onnx"
    whole = file.read_bytes()
    file.unlink()
    how(file, whole)


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12\n"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda *_: None, "the model file `candidate.onnx` does not exist"),
        (lambda file, whole: file.write_bytes(whole[: len(whole) // 2]), "is cut short"),
        (lambda file, _: file.write_text(LFS), "git lfs pull"),
        (lambda file, _: file.write_bytes(b"\x80\x04\x95not onnx"), "pickle"),
        (lambda file, _: with_operator(file, "Frobnicate"), "Frobnicate"),
        (lambda file, _: with_operator(file, "Relu", opset=999), "opset 999"),
        (lambda file, _: not_a_number(file), "not finite"),
    ],
    ids=["missing", "truncated", "LFS pointer", "pickle", "unknown operator", "opset of the future", "NaN"],
)
def test_a_model_that_cannot_be_run_is_a_finding_and_no_traceback(tmp_path, capsys, how, message):
    spoil(project(tmp_path), how)
    assert greengate(tmp_path, "gate") == 4
    said = capsys.readouterr()
    assert message in " ".join(said.out.split())
    assert "Traceback" not in said.out + said.err
    assert greengate(tmp_path, "history") == 0
    assert "errored" in capsys.readouterr().out


def test_a_candidate_that_hangs_is_ended(tmp_path, capsys):
    limited = PROJECT + "runner: {limits: {wall: 2 s}}\n"
    spoil(project(tmp_path, text=limited.replace(", batch: 8", "")), lambda file, _: endless(file))
    assert greengate(tmp_path, "gate") == 4
    assert "2 s" in capsys.readouterr().out


def test_inputs_that_do_not_fit_are_told(tmp_path, capsys):
    text = PROJECT.replace("batch: 8", "inputs: {shapes: {y: [8, 64]}}")
    assert greengate(project(tmp_path, text=text), "gate") == 4
    said = " ".join(capsys.readouterr().out.split())
    assert "a shape is declared for `y`, but the model has no such input hint: known here: `x`" in said


def test_a_quality_file_without_the_figure_is_inconclusive(tmp_path, capsys):
    policy = POLICY + "  - {id: sharp, metric: quality.accuracy, max_decrease: 1 pp, enforce: soft}\n"
    text = PROJECT.replace("batch: 8", "batch: 8, quality: {file: q.json, baseline: r.json}")
    for name in ("q.json", "r.json"):
        (tmp_path / name).write_text('{"acuracy": 0.9}')
    assert greengate(project(tmp_path, policy=policy, text=text), "gate") == 3
    assert "q.json has no `accuracy`; did you mean `acuracy`?" in " ".join(capsys.readouterr().out.split())


def test_a_new_model_has_no_baseline_and_its_growth_is_inconclusive(tmp_path, capsys):
    text = PROJECT.replace("baseline: baseline.onnx, ", "")
    assert greengate(project(tmp_path, text=text), "gate") == 3
    assert "there is no baseline to compare with" in capsys.readouterr().out


def test_a_policy_that_matches_no_model_is_refused(tmp_path, capsys):
    policy = POLICY.replace("measurement:", "match: {models: [vision/*]}\nmeasurement:")
    assert greengate(project(tmp_path, policy=policy), "gate") == 2
    told = capsys.readouterr().err
    assert "the policy `p` matches no model of the project and can never hold" in told
    assert "no policy covers the model `m`" in told


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path, capsys):
    policy = POLICY.replace("max_increase: 15%", "max_incraese: 15%").replace("max_increase: 5%", "max: 4 kWh")
    assert greengate(project(tmp_path, policy=policy), "gate") == 2
    told = capsys.readouterr().err
    assert "policy.yaml:6" in told
    assert "did you mean `max_increase`?" in told
    assert "policy.yaml:7" in told


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_disk_is_told_before_anything_is_measured(tmp_path, capsys):
    project(tmp_path).chmod(0o500)
    assert greengate(tmp_path, "gate") == 4
    assert "cannot be opened or written" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["/sys/history.db", "/proc/self/history.db"])
def test_a_file_system_that_nobody_may_write_is_told_before_anything_is_measured(tmp_path, capsys, place):
    assert greengate(project(tmp_path), "gate", "--history", place) == 4
    told = capsys.readouterr()
    assert f"{place}: cannot be opened or written" in told.err
    assert told.out == ""


def test_a_history_that_cannot_be_made_is_told_before_anything_is_measured(tmp_path, capsys):
    project(tmp_path)
    assert greengate(tmp_path, "gate", "--history", str(tmp_path / "policy.yaml" / "h.db")) == 4
    assert "hint: point `history:` in greengate.yaml at a writable place" in capsys.readouterr().err


def test_with_a_history_elsewhere_nothing_is_left_in_the_project(tmp_path):
    (tmp_path / "app").mkdir()
    folder = project(tmp_path / "app")
    run_git(folder, "init")
    run_git(folder, "add", ".")
    run_git(folder, "commit", "-m", "base")
    words = ("--base", "HEAD", "--budget", "2 s", "--history", str(tmp_path / "h.db"))
    assert greengate(folder, "gate", *words) in {0, 3}
    assert (run_git(folder, "status", "--porcelain", "--ignored"), (tmp_path / "h.db.cache").is_dir()) == ("", True)


def test_two_gates_write_one_history_at_once(tmp_path):
    project(tmp_path)
    gates = [subprocess.Popen(GATE, cwd=tmp_path, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [one.wait() for one in gates] == [0, 0, 0]
    listed = subprocess.run(
        [sys.executable, "-m", "greengate", "history", "--json"], cwd=tmp_path, capture_output=True, check=True
    )
    assert len({row["index"] for row in json.loads(listed.stdout)}) == 3


def test_an_interrupt_in_the_middle_ends_quietly_and_leaves_nothing_running(tmp_path):
    slow = POLICY.replace("15%", "0%").replace("20 s", "60 s")
    project(tmp_path, policy=slow)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A shell that runs the tests in the background has interrupts ignored, and processes inherit that.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    gate = subprocess.Popen(GATE, cwd=tmp_path, preexec_fn=heed, **pipes)  # noqa: PLW1509 - no threads run here
    offspring = long_lived(gate.pid)
    gate.send_signal(signal.SIGINT)
    out, err = gate.communicate(timeout=50)
    assert (gate.returncode, out) == (130, "")
    assert err.strip() + "\n" == "interrupted: nothing more was measured, and nothing that was written down is lost\n"
    assert offspring
    assert not any(alive(child) for child in offspring)


def long_lived(pid):
    """Wait for the children that models are measured in, which outlive those that look at one."""
    since, seen, deadline = time.monotonic(), [], time.monotonic() + 60
    while not seen or time.monotonic() - since < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        now = children(pid)
        if now != seen:
            since, seen = time.monotonic(), now
    return seen


def children(pid):
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_full_disk_is_told_and_the_verdict_is_not_lost_in_silence(tmp_path):
    project(tmp_path)
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from greengate import check, history; whole = history.History.append;\n"
        "def full(self, *rest):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); return whole(self, *rest)\n"
        "history.History.append = full\n"
        "from greengate.cli import run; sys.exit(run(['gate']))"
    )
    done = subprocess.run([sys.executable, "-c", limited], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "disk" in done.stderr
    assert "Traceback" not in done.stderr


DIGITS = Path(__file__).parents[1] / "examples" / "digits"


def test_the_example_ends_with_a_pass_a_fail_and_a_waiver(tmp_path, capsys):
    shutil.copytree(DIGITS, tmp_path / "digits", ignore=shutil.ignore_patterns(".greengate"))
    assert greengate(tmp_path / "digits", "gate") == 1
    said = capsys.readouterr().out
    for words in ("digits/slim  PASSED", "digits/wide  FAILED", "digits/accurate  WAIVED"):
        assert words in said
    assert said.endswith("3 models: 1 passed, 1 waived, 1 failed -> exit 1\n")


def test_a_data_set_gives_the_figures_that_the_evaluation_files_say(tmp_path, capsys):
    folder = shutil.copytree(DIGITS, tmp_path / "digits", ignore=shutil.ignore_patterns(".greengate"))
    file = folder / "greengate.yaml"
    scored = "quality: {dataset: heldout.npz, output: label, scorer: accuracy}"
    declared = "quality: {file: quality/accurate.json, baseline: quality/baseline.json}"
    file.write_text(file.read_text().replace(declared, scored))
    assert greengate(folder, "gate", "--model", "digits/accurate", "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)["models"]
    figure = told["figures"]["quality.accuracy"]
    assert figure["candidate"]["amount"] == json.loads((DIGITS / "quality" / "accurate.json").read_text())["accuracy"]
    assert figure["candidate"]["provenance"]["kind"] == "measured"
    assert told["outcome"] == "waived"


def test_the_readmes_command_says_what_the_readme_says(tmp_path, capsys, monkeypatch):
    shutil.copytree(DIGITS, tmp_path / "digits", ignore=shutil.ignore_patterns(".greengate"))
    monkeypatch.chdir(tmp_path / "digits")
    readme = (DIGITS.parents[1] / "README.md").read_text()
    block = readme.split("```console\n$ greengate ")[1].split("\n```")[0]
    command, *lines = block.splitlines()
    assert run(command.split()) == 1
    said = wordy(capsys.readouterr().out)
    assert [line for line in lines if wordy(line) not in said] == []


def wordy(text):
    """A text without its numbers, units of energy and spacing, which differ from machine to machine."""
    return re.sub(r"[\s\d.,]+|[um]?J", " ", text).replace("  ", " ")
