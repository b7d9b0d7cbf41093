"""Pictures of static costs: what is in them, and what is said where they cannot be drawn."""

import importlib.util
import xml.etree.ElementTree as ET

import pytest
from made import evidence
from test_diff_command import saved
from test_growth import POLICY, PROJECT

from greengate.cli import run
from greengate.evidence import Grown
from greengate.report import growth_picture, picture
from greengate.report.account import Account, Entry
from greengate.report.picture import Bar
from greengate.verdict import Verdict

drawn = pytest.mark.skipif(importlib.util.find_spec("vl_convert") is None, reason="vl-convert-python is not installed")


def texts(data):
    return {"".join(part.itertext()) for part in ET.fromstring(data).iter("{http://www.w3.org/2000/svg}text")}


@drawn
def test_each_bar_has_its_label_and_each_side_its_colour():
    bars = [Bar("a", "baseline", 2e9), Bar("a", "candidate", 3e9), Bar("<b>", "candidate", 1e9)]
    data = picture.draw(bars, ".svg", title="old -> new", subtitle="2 G -> 4 G", axis="MACs")
    assert {"a", "<b>", "baseline", "candidate", "old -> new", "2 G -> 4 G", "MACs", "3G"} <= texts(data)


@drawn
def test_labels_that_are_shortened_stay_different():
    long = "x" * 100
    data = picture.draw([Bar(long + "1", "", 2), Bar(long + "2", "", 1)], ".svg", title="t", subtitle="", axis="MACs")
    assert len([text for text in texts(data) if text.startswith("xxx")]) == 2


@drawn
def test_a_png_is_a_png():
    assert picture.draw([Bar("a", "", 1)], ".png", title="t", subtitle="", axis="MACs").startswith(b"\x89PNG")


@drawn
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_costs_and_what_grew_are_drawn(tmp_path, capsys, suffix):
    old, new = saved(tmp_path / "old.onnx", 4), saved(tmp_path / "new.onnx", 8)
    assert run(["cost", new, "--picture", str(tmp_path / f"cost{suffix}")]) == 0
    assert run(["diff", old, new, "--picture", str(tmp_path / f"diff{suffix}")]) == 0
    assert capsys.readouterr().err == ""
    assert {path.name for path in tmp_path.iterdir()} == {
        "old.onnx", "new.onnx", f"cost{suffix}", f"diff{suffix}",
    }  # fmt: skip


@drawn
def test_the_nodes_that_grew_are_in_the_picture(tmp_path, capsys):
    old, new = saved(tmp_path / "old.onnx", 4), saved(tmp_path / "new.onnx", 8)
    run(["diff", old, new, "--picture", str(tmp_path / "diff.svg")])
    capsys.readouterr()
    told = texts((tmp_path / "diff.svg").read_bytes())
    assert {"old.onnx -> new.onnx", "32 -> 64 MACs (+100.0%)", "fc0 (MatMul)"} <= told


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("cost.pdf", 2, "`cost.pdf` is no picture\n  hint: end its name with .svg or .png"),
        ("nowhere/cost.svg", 4, "the folder of the report does not exist"),
    ],
)
def test_a_picture_that_cannot_be_written_is_told_before_anything_is_counted(tmp_path, capsys, name, code, words):
    assert run(["cost", str(tmp_path / "not-there.onnx"), "--picture", str(tmp_path / name)]) == code
    assert words in capsys.readouterr().err


def test_without_what_draws_it_one_is_told_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(picture.importlib.util, "find_spec", lambda _: None)
    assert run(["cost", str(tmp_path / "m.onnx"), "--picture", str(tmp_path / "m.svg")]) == 2
    told = capsys.readouterr().err
    assert "altair and vl_convert must be installed to draw it\n  hint: pip install 'greengate-ci[pictures]'" in told


def entry(model, *grown):
    found = evidence(grown=grown, changed_operators=len(grown))
    return Entry("", Verdict(model=model, findings=()), found)


def account(*entries):
    return Account(entries, "2026-01-01T00:00:00Z", "1")


def moved(name, before, after):
    return Grown(
        name=name, op="MatMul", change="changed", macs_before=before, macs=after, parameters_before=1, parameters=1
    )


@drawn
def test_the_picture_of_a_check_shows_both_sides_of_what_changed_in_each_model():
    models = entry("old", moved("fc<1>", 4.0, 9.0), moved("same", 2.0, 2.0)), entry("new", moved("head", 8.0, 3.0))
    told = texts(growth_picture.render(account(*models)))
    assert {"old: fc<1> (MatMul)", "new: head (MatMul)", "baseline", "candidate", "MACs of an inference"} <= told
    assert not [text for text in told if "same" in text]


@drawn
def test_a_single_model_is_not_named_in_every_label_and_what_is_not_known_is_left_out():
    unknown = moved("u", None, 3.0)
    told = texts(growth_picture.render(account(entry("m", moved("fc", 4.0, 9.0), unknown), entry("n"))))
    assert "fc (MatMul)" in told
    assert not [text for text in told if text.startswith("u ")]


@drawn
def test_a_picture_of_nothing_says_so():
    told = texts(growth_picture.render(account(entry("m"))))
    assert "No operator has more or fewer multiply-accumulates" in told


@drawn
def test_many_models_make_no_endless_picture():
    models = [entry(f"m{number}", *(moved(f"fc{at}", 1.0, 2.0 + at) for at in range(12))) for number in range(30)]
    drawn_texts = texts(growth_picture.render(account(*models)))
    told = [text for text in drawn_texts if text.endswith("(MatMul)")]
    assert [text for text in drawn_texts if text.endswith("m23 and 6 more")]
    assert len(told) == 48


@drawn
def test_a_gate_writes_the_picture_as_a_report(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "old.onnx", 16, 4)
    saved(tmp_path / "new.onnx", 32, 4)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "greengate.yaml").write_text(PROJECT)
    assert run(["gate", "--report", "picture=grown.svg"]) == 1
    assert "fc0 (MatMul)" in texts((tmp_path / "grown.svg").read_bytes())
    assert run(["gate", "--report", "picture=grown.png"]) == 2
    assert "`grown.png` is no SVG, which the picture is" in capsys.readouterr().err


def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(picture.importlib.util, "find_spec", lambda _: None)
    assert run(["gate", "--report", "picture=grown.svg"]) == 2
    assert "pip install 'greengate-ci[pictures]'" in capsys.readouterr().err
