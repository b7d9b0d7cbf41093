"""What grew, in words; and that a gate keeps it in the evidence."""

import json

import pytest
from made import evidence
from test_diff_command import saved

from greengate.cli import run
from greengate.evidence import Grown
from greengate.report import growth

POLICY = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: p, owners: [x]}
rules:
  - {id: macs, metric: macs_per_inference, max_increase: 5%, enforce: soft}
"""
PROJECT = """\
apiVersion: greengate/v1
kind: Project
policies: [policy.yaml]
models:
  - {name: m, path: new.onnx, baseline: old.onnx, batch: 2}
"""


def one(change="changed", **given):
    usual = {"macs_before": 10.0, "macs": 30.0, "parameters_before": 5, "parameters": 5}
    return Grown(name="fc", op="MatMul", change=change, **{**usual, **given})


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (one(), "fc (MatMul) +20 MACs"),
        (one(macs=4.0, parameters=2), "fc (MatMul) -6 MACs, -3 parameters"),
        (one("new", macs_before=0.0, parameters_before=0), "fc (MatMul, new) +30 MACs, +5 parameters"),
        (one("gone", macs=0.0, parameters=0), "fc (MatMul, gone) -10 MACs, -5 parameters"),
        (one(macs=10.0), "fc (MatMul) moves other bytes"),
        (one(macs=None), "fc (MatMul) MACs not counted"),
    ],
    ids=["more", "less", "new", "gone", "as many", "not counted"],
)
def test_an_operator_says_by_how_much_it_changed(found, words):
    assert growth.words(found) == words


def test_those_that_are_left_out_are_counted():
    told = evidence(grown=(one(), one(), one()), changed_operators=9)
    assert growth.listed(told, 2) == "fc (MatMul) +20 MACs; fc (MatMul) +20 MACs; and 7 more operators"
    assert growth.listed(evidence(), 2) == ""


def test_a_gate_keeps_which_operators_grew_for_one_inference(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "old.onnx", 16, 4)
    saved(tmp_path / "new.onnx", 32, 4)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "greengate.yaml").write_text(PROJECT)
    assert run(["gate", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["models"][0]["evidence"]
    assert [(each["name"], each["macs_before"], each["macs"], each["text"]) for each in told["grown"]] == [
        ("fc0", 128, 256, "fc0 (MatMul) +128 MACs, +128 parameters"),
        ("fc1", 64, 128, "fc1 (MatMul) +64 MACs, +64 parameters"),
        ("fc0/relu", 0, 0, "fc0/relu (Relu) moves other bytes"),
    ]
    assert told["changed_operators"] == 3
