"""Pictures of static costs: what is in them, and what is said where they cannot be drawn."""

import importlib.util
import xml.etree.ElementTree as ET

import pytest
from test_diff_command import saved

from greengate.cli import run
from greengate.report import picture
from greengate.report.picture import Bar

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
