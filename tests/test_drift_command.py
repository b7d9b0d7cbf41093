"""Drift from end to end: real models, a repository with releases, and the gate."""

import shutil

import pytest
from projects_made import PROJECT, greengate, layers, project
from repositories_made import run_git as git

POLICY = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: p, owners: [green]}
measurement: {budget: 20 s}
rules:
  - {id: energy, metric: energy_per_1k_inferences, max_increase: 90%, enforce: soft}
  - {id: drift, metric: energy_per_1k_inferences, max_drift: {since: last-release, increase: 20%}, enforce: soft}
  - {id: flops, metric: flops_per_inference, max_drift: {since: last-release, increase: 20%}, enforce: advisory}
"""
RELEASED, GROWN = (512, 512), (512, 512, 512)


def commit(folder, message):
    git(folder, "add", "--all")
    git(folder, "commit", "--allow-empty", "-m", message)


@pytest.fixture
def grown(tmp_path):
    """A release, and a change that was merged since and made the model half as heavy again."""
    project(tmp_path, policy=POLICY, text=PROJECT.replace("candidate.onnx", "model.onnx"))
    (tmp_path / "candidate.onnx").unlink()
    layers(tmp_path / "model.onnx", *RELEASED)
    layers(tmp_path / "baseline.onnx", *GROWN)
    git(tmp_path, "init", "-b", "main")
    commit(tmp_path, "one")
    git(tmp_path, "tag", "v1")
    layers(tmp_path / "model.onnx", *GROWN)
    commit(tmp_path, "two")
    return tmp_path


def said(capsys):
    return " ".join(capsys.readouterr().out.split())


def test_a_change_that_passes_beside_its_baseline_fails_beside_the_release(grown, capsys):
    assert greengate(grown, "gate") == 1
    told = said(capsys)
    assert f"measured beside release v1 ({git(grown, 'rev-parse', 'v1')[:10]}) in the same run" in told
    assert "✓ passed energy" in told
    assert "✗ failed drift" in told
    assert "warned flops" in told


def test_a_verdict_on_drift_is_made_again_from_its_evidence(grown, capsys):
    assert greengate(grown, "gate") == 1
    assert greengate(grown, "judge", "last") == 1
    assert "measured beside release v1" in said(capsys)


def test_a_baseline_that_is_the_release_is_measured_once(grown, capsys):
    layers(grown / "baseline.onnx", *RELEASED)
    layers(grown / "model.onnx", *RELEASED)
    assert greengate(grown, "gate") == 0
    assert "1 passed" in said(capsys)


def test_a_release_that_cannot_be_run_leaves_the_drift_open_and_the_rest_decided(grown, capsys):
    (grown / "model.onnx").write_bytes(b"\x80\x04\x95not onnx")
    commit(grown, "broken")
    git(grown, "tag", "v2")
    layers(grown / "model.onnx", *GROWN)
    assert greengate(grown, "gate") == 3
    told = said(capsys)
    assert "✓ passed energy" in told
    assert "it cannot be run:" in told


@pytest.mark.parametrize(
    ("since", "words"),
    [
        ("last-release", "last-release: there is no tag at or before the commit that is checked out"),
        ("v9", "v9: git knows no commit `v9` in this clone, and the history no such entry"),
    ],
)
def test_without_an_earlier_model_a_drift_is_inconclusive(grown, capsys, since, words):
    git(grown, "tag", "-d", "v1")
    (grown / "policy.yaml").write_text(POLICY.replace("last-release", since))
    assert greengate(grown, "gate") == 3
    assert words in said(capsys)


@pytest.fixture
def forgetful(tmp_path):
    """A project whose models git does not keep, as where they are built: only the history knows what was judged."""
    tolerant = POLICY.replace("increase: 20%", "increase: 70%")
    project(tmp_path, policy=tolerant, text=PROJECT.replace("candidate.onnx", "model.onnx"))
    (tmp_path / ".gitignore").write_text("*.onnx\n.greengate\n")
    git(tmp_path, "init", "-b", "main")
    commit(tmp_path, "one")
    return tmp_path


def judged(folder, layer_count):
    """Build a model of so many layers, have it judged beside the one before, and keep it for the next."""
    layers(folder / "model.onnx", *[512] * layer_count)
    code = greengate(folder, "gate")
    shutil.copy(folder / "model.onnx", folder / "baseline.onnx")
    return code


def test_where_the_file_is_gone_the_changes_are_chained_from_the_history(forgetful, capsys):
    layers(forgetful / "baseline.onnx", 512, 512, 512)
    assert judged(forgetful, 3) == 3  # there is no release yet
    git(forgetful, "tag", "v1")
    (forgetful / "policy.yaml").write_text(POLICY.partition("  - {id: drift")[0])
    assert judged(forgetful, 3) == 0
    commit(forgetful, "drift is limited")
    (forgetful / "policy.yaml").write_text(POLICY.replace("increase: 20%", "increase: 70%"))
    assert judged(forgetful, 4) == 0  # the release is the baseline
    assert "chained from the history" not in said(capsys)
    assert judged(forgetful, 6) == 1
    told = said(capsys)
    assert "chained from the history: 1 accepted change since release v1" in told
    assert "as entry" in told
    assert "✗ failed drift" in told
    assert "✓ passed energy" in told
