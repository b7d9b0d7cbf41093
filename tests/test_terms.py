"""What a candidate is held against: policies, baselines and terms from commits, builds, releases and the history."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from projects_made import POLICY, PROJECT, greengate, layers, project
from repositories_made import run_git as git

from greengate.cli import run

DIGITS = Path(__file__).parents[1] / "examples" / "digits"


@pytest.fixture
def repository(tmp_path):
    text = PROJECT.replace("baseline.onnx", "git:main").replace("path: candidate.onnx", "path: model.onnx")
    project(tmp_path, text=text)
    layers(tmp_path / "model.onnx", 128)
    for words in (("init", "-b", "main"), ("add", "."), ("commit", "-m", "first")):
        git(tmp_path, *words)
    git(tmp_path, "checkout", "-b", "change")
    return tmp_path


def test_the_baseline_comes_from_a_git_ref(repository, capsys):
    layers(repository / "model.onnx", 512)
    assert greengate(repository, "gate") == 1
    assert "m  FAILED" in capsys.readouterr().out


def test_a_change_cannot_weaken_the_policy_that_judges_it(repository, capsys):
    layers(repository / "model.onnx", 512)
    (repository / "policy.yaml").write_text(POLICY.replace("15%", "1500%").replace(" 5%", " 500%"))
    git(repository, "commit", "-am", "weaker")
    assert greengate(repository, "gate") == 0
    assert greengate(repository, "gate", "--base", "main") == 1
    assert "policies, waivers, trust and terms are those of main" in " ".join(capsys.readouterr().out.split())


def edited(folder, file, *changes):
    path = folder / file
    for old, new in changes:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))


def test_a_change_cannot_choose_its_own_baseline(repository, capsys):
    git(repository, "checkout", "main")
    edited(repository, "greengate.yaml", ("git:main", "baseline.onnx"))
    git(repository, "commit", "-am", "a file for a baseline")
    git(repository, "checkout", "-B", "change")
    for name in ("model.onnx", "baseline.onnx", "copy.onnx"):
        layers(repository / name, 512)
    assert greengate(repository, "gate", "--base", "main") == 1
    edited(repository, "greengate.yaml", ("baseline.onnx", "copy.onnx"))
    assert greengate(repository, "gate", "--base", "main") == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "this change edits baseline of m; this check holds to the base's" in said


def test_without_a_base_the_same_file_twice_is_noted(repository, capsys):
    edited(repository, "greengate.yaml", ("git:main", "copy.onnx"))
    shutil.copy(repository / "model.onnx", repository / "copy.onnx")
    assert greengate(repository, "gate") == 0
    assert "candidate and baseline are the same file" in " ".join(capsys.readouterr().out.split())


def test_a_change_that_forks_off_before_a_rule_was_tightened_is_held_to_the_tightened_one(repository):
    git(repository, "checkout", "main")
    tight = repository / "policy.yaml"
    old = tight.read_text()
    tight.write_text(old.replace("15%", "1500%").replace("5%,", "1500%,").replace("5%}", "1500%}"))
    git(repository, "commit", "-am", "loose")
    git(repository, "checkout", "-B", "change")
    layers(repository / "model.onnx", 512)
    git(repository, "commit", "-am", "heavy")
    assert greengate(repository, "gate", "--base", "main") == 0
    git(repository, "checkout", "main")
    tight.write_text(old)
    git(repository, "commit", "-am", "tight")
    git(repository, "checkout", "change")
    assert greengate(repository, "gate", "--base", "main") == 1


def test_a_change_cannot_drop_the_label_that_a_policy_matches(repository, capsys):
    git(repository, "checkout", "main")
    edited(repository, "greengate.yaml", ("batch: 8", "batch: 8, labels: {tier: prod}"))
    loose = POLICY.replace("name: p", "name: q").replace("15%", "1500%").replace("5%", "1500%")
    tight = POLICY.replace("measurement:", "match: {labels: {tier: prod}}\nmeasurement:")
    (repository / "policy.yaml").write_text(f"{tight}---\n{loose}")
    git(repository, "commit", "-am", "labels")
    git(repository, "checkout", "-B", "change")
    edited(repository, "greengate.yaml", ("tier: prod", "tier: toy"))
    layers(repository / "model.onnx", 512)
    assert greengate(repository, "gate") == 2  # from the working tree, the policy matches nothing any more
    assert greengate(repository, "gate", "--base", "main") == 1
    assert "this change edits labels of m" in " ".join(capsys.readouterr().out.split())


def test_a_change_cannot_rewrite_the_quality_of_its_baseline(repository):
    sharp = "  - {id: sharp, metric: quality.accuracy, max_decrease: 1 pp, enforce: hard}\n"
    git(repository, "checkout", "main")
    edited(repository, "greengate.yaml", ("batch: 8", "batch: 8, quality: {file: q.json, baseline: b.json}"))
    for name in ("q.json", "b.json"):
        (repository / name).write_text('{"accuracy": 0.9}')
    (repository / "policy.yaml").write_text(POLICY + sharp)
    git(repository, "add", ".")
    git(repository, "commit", "-m", "quality")
    git(repository, "checkout", "-B", "change")
    for name in ("q.json", "b.json"):
        (repository / name).write_text('{"accuracy": 0.5}')
    assert greengate(repository, "gate") == 0
    assert greengate(repository, "gate", "--base", "main") == 1


def test_a_change_cannot_make_its_figures_small_by_a_larger_batch(repository, capsys):
    cap = "  - {id: cap, metric: flops_per_inference, max: 60000 FLOP, enforce: hard}\n"
    git(repository, "checkout", "main")
    (repository / "policy.yaml").write_text(POLICY + cap)
    git(repository, "commit", "-am", "cap")
    git(repository, "checkout", "-B", "change")
    layers(repository / "model.onnx", 512)
    edited(repository, "greengate.yaml", ("batch: 8", "batch: 80000, inputs: {shapes: {x: [1, 64]}}"))
    assert greengate(repository, "gate", "--base", "main") == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "✗ failed cap" in told
    assert "26.3% above the limit" in told
    assert "this change edits batch of m; this check holds to the base's" in told


def test_a_change_cannot_choose_the_inputs_that_it_is_measured_with(repository, capsys):
    git(repository, "checkout", "main")
    np.savez(repository / "inputs.npz", x=np.ones((8, 64), np.float32))
    edited(repository, "greengate.yaml", ("batch: 8", "batch: 8, inputs: {file: inputs.npz}"))
    git(repository, "add", ".")
    git(repository, "commit", "-m", "inputs")
    git(repository, "checkout", "-B", "change")
    np.savez(repository / "inputs.npz", other=np.ones((8, 64), np.float32))
    assert greengate(repository, "gate") == 4  # the change's own inputs do not fit
    assert greengate(repository, "gate", "--base", "main") == 0
    capsys.readouterr()


def test_a_model_taken_away_from_the_gate_is_told(repository, capsys):
    git(repository, "checkout", "main")
    extra = "  - {name: n, path: baseline.onnx, batch: 8}\n"
    (repository / "greengate.yaml").write_text((repository / "greengate.yaml").read_text() + extra)
    git(repository, "commit", "-am", "two")
    git(repository, "checkout", "-B", "change")
    edited(repository, "greengate.yaml", (extra, ""))
    assert greengate(repository, "gate", "--base", "main") == 0
    assert "this change takes the model n away from the gate" in " ".join(capsys.readouterr().out.split())


def test_a_new_model_is_not_in_the_base_yet(repository, capsys):
    git(repository, "rm", "--cached", "model.onnx")
    git(repository, "commit", "-m", "gone")
    git(repository, "branch", "-f", "main")
    assert greengate(repository, "gate") == 3
    assert "so that this is a new model" in " ".join(capsys.readouterr().out.split())


def test_the_last_pass_is_a_baseline(repository):
    text = (repository / "greengate.yaml").read_text()
    (repository / "greengate.yaml").write_text(text.replace("git:main", "last-pass"))
    assert greengate(repository, "gate") == 3  # nothing has passed yet
    (repository / "greengate.yaml").write_text(text)
    assert greengate(repository, "gate") == 0
    (repository / "greengate.yaml").write_text(text.replace("git:main", "last-pass"))
    layers(repository / "model.onnx", 512)
    assert greengate(repository, "gate") == 1


def test_an_unknown_base_is_told(repository, capsys):
    assert greengate(repository, "gate", "--base", "origin/main") == 2
    assert "git knows no commit `origin/main` in this clone" in capsys.readouterr().err


MERGE_BASE = POLICY.replace("budget: 20 s", "budget: 20 s, baseline: merge-base")
RELEASE = POLICY.replace("budget: 20 s", "budget: 20 s, baseline: last-release")


def test_a_policy_can_ask_for_the_merge_base_whatever_the_project_names(repository, capsys):
    git(repository, "checkout", "main")
    (repository / "policy.yaml").write_text(MERGE_BASE)
    edited(repository, "greengate.yaml", ("git:main", "baseline.onnx"))
    git(repository, "commit", "-am", "merge base")
    git(repository, "checkout", "-B", "change")
    layers(repository / "model.onnx", 512)
    layers(repository / "baseline.onnx", 2048)
    assert greengate(repository, "gate", "--base", "main") == 1
    assert greengate(repository, "gate") == 2
    assert "hint: name the branch that the change goes to: --base origin/main" in capsys.readouterr().err


def test_a_policy_can_ask_for_the_last_release(repository, capsys):
    (repository / "policy.yaml").write_text(RELEASE)
    assert greengate(repository, "gate") == 2
    assert "the policy `p` compares with last-release, and no base is known" in capsys.readouterr().err
    git(repository, "tag", "v1.0")
    assert greengate(repository, "gate") == 0
    layers(repository / "model.onnx", 512)
    assert greengate(repository, "gate") == 1


def test_policies_that_ask_for_different_baselines_are_refused(repository, capsys):
    (repository / "policy.yaml").write_text(MERGE_BASE + "---\n" + RELEASE.replace("name: p", "name: q"))
    assert greengate(repository, "gate") == 2
    said = capsys.readouterr().err
    assert "its policies ask for different baselines: `last-release` (q) and `merge-base` (p)" in said


def test_a_candidate_can_be_built(tmp_path):
    build = f"build: {{command: [{sys.executable}, make.py], output: built.onnx}}"
    project(tmp_path, text=PROJECT.replace("path: candidate.onnx", build))
    (tmp_path / "make.py").write_text("import shutil; shutil.copy('candidate.onnx', 'built.onnx')")
    assert greengate(tmp_path, "gate") == 0


def test_a_build_sees_no_token_of_the_environment(tmp_path, monkeypatch):
    build = f"build: {{command: [{sys.executable}, make.py], output: candidate.onnx}}"
    project(tmp_path, text=PROJECT.replace("path: candidate.onnx", build))
    (tmp_path / "make.py").write_text("import os; open('seen', 'w').write(repr(sorted(os.environ)))")
    monkeypatch.setenv("DEPLOY_TOKEN", "secret")
    assert greengate(tmp_path, "gate") == 0
    assert "TOKEN" not in (tmp_path / "seen").read_text()
    assert "PATH" in (tmp_path / "seen").read_text()


def test_declared_watts_give_the_joules(tmp_path, capsys):
    text = PROJECT + "runner: {cpu: {idle: 1 W, max: 3 W, source: our meter}}\n"
    assert greengate(project(tmp_path, text=text), "gate") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "x (3 - 1) W a hardware thread, known to x/2" in told
    assert "source our meter" in told


def test_two_models_that_read_one_figure_differently_are_refused(tmp_path, capsys):
    scaled = "quality: {{file: q.json, figures: {{score: {{unit: {}, better: higher}}}}}}"
    line = PROJECT.splitlines()[-1]
    models = [line.replace("batch: 8", scaled.format(unit)) for unit in ("ratio", "score")]
    models[1] = models[1].replace("name: m", "name: n")
    (tmp_path / "q.json").write_text('{"score": 0.5}')
    assert greengate(project(tmp_path, text=PROJECT.replace(line, "\n".join(models))), "gate") == 2
    assert "`n` reads the quality figure `score` otherwise than another model does" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cel", "code", "words"),
    [
        ("candidate.macs_per_inference <= baseline.macs_per_inference", 0, "passed"),
        ("candidate.macs_per_inference < baseline.macs_per_inference", 1, "failed"),
        ("candidate.training_energy < 5.0", 3, "candidate.training_energy: greengate.yaml declares no `training` file"),
        ('model.name == "m" && candidate.model_size < 1e9', 0, "passed"),
    ],
)
def test_a_custom_rule_is_judged(tmp_path, capsys, cel, code, words):
    rule = f"  - {{id: own, cel: '{cel}', message: ours, enforce: hard}}\n"
    assert greengate(project(tmp_path, policy=POLICY + rule), "gate") == code
    assert words in " ".join(capsys.readouterr().out.split())


def test_a_custom_rule_that_names_an_unknown_metric_is_refused(tmp_path, capsys):
    rule = "  - {id: own, cel: candidate.enrgy_per_1k_inferences < 5.0, message: ours, enforce: hard}\n"
    assert greengate(project(tmp_path, policy=POLICY + rule), "gate") == 2
    assert "did you mean `candidate.energy_per_1k_inferences`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("quality", "code", "words"),
    [
        ("{file: q.json}", 3, "the project names no evaluation file of the baseline"),
        ("{file: gone.json}", 4, "the evaluation file `gone.json` is not there"),
        ("{dataset: gone.npz, scorer: accuracy}", 4, "the data set `gone.npz` is not there"),
        (None, 3, "the project declares no `quality` of this model"),
    ],
)
def test_quality_that_cannot_be_had_is_told(tmp_path, capsys, quality, code, words):
    policy = POLICY + "  - {id: sharp, metric: quality.accuracy, max_decrease: 1 pp, enforce: hard}\n"
    text = PROJECT if quality is None else PROJECT.replace("batch: 8", f"batch: 8, quality: {quality}")
    (tmp_path / "q.json").write_text('{"accuracy": 0.9}')
    assert greengate(project(tmp_path, policy=policy, text=text), "gate") == code
    assert words in " ".join(capsys.readouterr().out.split())


def test_a_folder_of_its_own_that_is_a_link_or_a_file_is_refused(tmp_path, capsys):
    project(tmp_path)
    (tmp_path / ".greengate").symlink_to(tmp_path / "elsewhere")
    assert greengate(tmp_path, "gate") == 4
    assert "is a symbolic link; greengate writes there" in capsys.readouterr().err
    (tmp_path / ".greengate").unlink()
    (tmp_path / ".greengate").write_text("")
    assert greengate(tmp_path, "gate") == 4
    assert "is a file; greengate needs a folder of that name" in capsys.readouterr().err


def test_init_writes_a_project_that_passes_its_own_check(tmp_path, capsys):
    layers(tmp_path / "model.onnx", 16)
    assert greengate(tmp_path, "init") == 0
    assert "next: `greengate policy check`, then `greengate gate`" in capsys.readouterr().out
    assert run(["policy", "check", "--project", str(tmp_path / "greengate.yaml")]) == 0
    assert greengate(tmp_path, "init") == 2


def test_init_without_a_model_writes_a_template_and_says_so(tmp_path, capsys):
    assert greengate(tmp_path, "init") == 0
    assert "no ONNX file was found: it is a template" in capsys.readouterr().out


class TestAChangeCannot:
    """What a hostile change tries, and what becomes of it: judged against main, it fails."""

    @pytest.fixture
    def hostile(self, repository):
        """On main the model is compared with its last pass, which is in the history; the change makes it heavier."""
        git(repository, "checkout", "main")
        (repository / "policy.yaml").write_text(POLICY.replace("budget: 20 s", "budget: 20 s, baseline: last-pass"))
        layers(repository / "other.onnx", 512)
        git(repository, "add", ".")
        git(repository, "commit", "-m", "last pass")
        assert greengate(repository, "gate", "--base", "main") == 3  # nothing has passed yet
        (repository / "policy.yaml").write_text(POLICY)
        assert greengate(repository, "gate") == 0
        git(repository, "checkout", "policy.yaml")
        git(repository, "checkout", "-B", "change")
        layers(repository / "model.onnx", 512)
        git(repository, "commit", "-am", "heavier")
        return repository

    def test_bring_a_history_of_its_own(self, hostile, capsys):
        assert greengate(hostile, "gate", "--base", "main") == 1
        edited(hostile, "greengate.yaml", ("kind: Project", "kind: Project\nhistory: forged.db"))
        assert greengate(hostile, "gate", "--base", "main") == 1
        assert "this change edits history in greengate.yaml" in " ".join(capsys.readouterr().out.split())
        git(hostile, "add", "--force", ".greengate/history.db")
        git(hostile, "commit", "-m", "mine")
        assert greengate(hostile, "gate", "--base", "main") == 4
        assert "the history is part of the change" in capsys.readouterr().err

    def test_creep_up_on_its_own_earlier_passes(self, hostile):
        (hostile / "policy.yaml").write_text(POLICY.replace("15%", "9000%").replace("5%,", "9000%,"))
        assert greengate(hostile, "gate") == 0  # a pass of a commit that was never merged
        git(hostile, "checkout", "policy.yaml")
        assert greengate(hostile, "gate", "--base", "main") == 1

    def test_point_at_another_path_of_the_base(self, hostile, capsys):
        git(hostile, "checkout", "-f", "main")
        (hostile / "policy.yaml").write_text(MERGE_BASE)
        git(hostile, "commit", "-am", "merge base")
        git(hostile, "checkout", "-B", "change")
        edited(hostile, "greengate.yaml", ("path: model.onnx", "path: other.onnx"))
        assert greengate(hostile, "gate", "--base", "main") == 1
        assert "this change edits path of m: model.onnx -> other.onnx" in " ".join(capsys.readouterr().out.split())

    def test_take_more_threads_without_being_told_of(self, hostile, capsys):
        text = (hostile / "greengate.yaml").read_text()
        (hostile / "greengate.yaml").write_text(text + "runner: {threads: 2}\n")
        assert greengate(hostile, "gate", "--base", "main") == 1
        said = " ".join(capsys.readouterr().out.split())
        assert "this change edits threads in greengate.yaml; this check holds to the base's" in said

    @pytest.mark.parametrize("path", ["git:main:model.onnx", "last-pass"])
    def test_name_a_baseline_as_its_candidate(self, hostile, capsys, path):
        edited(hostile, "greengate.yaml", ("path: model.onnx", f'path: "{path}"'))
        assert greengate(hostile, "gate", "--base", "main") == 2
        assert "is a source of baselines; the candidate is a file of the change" in capsys.readouterr().err


def test_a_change_cannot_mark_its_own_work_in_a_data_set(tmp_path):
    folder = shutil.copytree(DIGITS, tmp_path / "digits", ignore=shutil.ignore_patterns(".greengate"))
    declared = "quality: {file: quality/accurate.json, baseline: quality/baseline.json}"
    scored = "quality: {dataset: heldout.npz, output: label, scorer: accuracy}"
    edited(folder, "greengate.yaml", (declared, scored))
    for words in (("init", "-b", "main"), ("add", "."), ("commit", "-m", "first")):
        git(folder, *words)
    data = dict(np.load(folder / "heldout.npz"))
    np.savez(folder / "heldout.npz", x=data["x"], labels=(data["labels"] + 1) % 10)
    only = ("--model", "digits/accurate")
    assert greengate(folder, "gate", *only) == 1  # accuracy has fallen to next to nothing on both sides: no gain
    assert greengate(folder, "gate", *only, "--base", "main") == 0


def test_what_is_wrong_with_any_model_is_said_before_the_first_is_measured(tmp_path, capsys):
    line = PROJECT.splitlines()[-1]
    second = line.replace("name: m", "name: n").replace("batch: 8", "inputs: {file: gone.npz}")
    assert greengate(project(tmp_path, text=PROJECT + second + "\n"), "gate") == 2
    assert "the inputs `gone.npz` are not there" in capsys.readouterr().err
    assert greengate(tmp_path, "history") == 2


def test_a_baseline_whose_path_is_misspelt_is_no_new_model(repository, capsys):
    edited(repository, "greengate.yaml", ("git:main", "git:main:modell.onnx"))
    assert greengate(repository, "gate") == 4
    assert "did you mean `model.onnx`?" in " ".join(capsys.readouterr().out.split())


def test_what_was_not_found_is_not_claimed(tmp_path, capsys):
    policy = POLICY.replace("max_increase: 15%", 'max_increase: 15%, message: "it takes more energy"')
    text = PROJECT.replace("baseline: baseline.onnx, ", "")
    assert greengate(project(tmp_path, text=text, policy=policy), "gate") == 3
    assert "it takes more energy" not in capsys.readouterr().out


@pytest.mark.parametrize(("base", "known"), [("main", "admin"), ("bare", ""), ("", "admin")])
def test_a_change_that_brings_the_project_file_does_not_get_the_passwords_of_meters(
    repository, monkeypatch, base, known
):
    git(repository, "checkout", "-b", "bare")
    git(repository, "rm", "-q", "--cached", "greengate.yaml")
    git(repository, "commit", "-m", "without greengate")
    git(repository, "checkout", "-f", "change")
    asked = []
    monkeypatch.setenv("GREENGATE_METER_USER", "admin")
    monkeypatch.setattr("greengate.meters.survey", lambda _, access, __: asked.append(access.user) or [])
    greengate(repository, "gate", "--base", base)
    assert asked == [known]
