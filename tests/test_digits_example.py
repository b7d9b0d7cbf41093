"""The digits example: its committed files are what its script and its README say."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from sklearn.metrics import accuracy_score, f1_score

DIGITS = Path(__file__).parent.parent / "examples" / "digits"
NAMES = ("baseline", "slim", "wide", "accurate")

every_model = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("digits_train", DIGITS / "train.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:  # dataclasses look their own module up
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def heldout():
    with np.load(DIGITS / "heldout.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def model(name):
    return onnx.load(DIGITS / "models" / f"{name}.onnx")


def quality(name):
    return json.loads((DIGITS / "quality" / f"{name}.json").read_text(encoding="utf-8"))


def macs(name):
    graph = model(name).graph
    sizes = {weight.name: math.prod(weight.dims) for weight in graph.initializer}
    return sum(sizes[node.input[1]] for node in graph.node if node.op_type == "MatMul")


def growth(name):
    return macs(name) / macs("baseline") - 1


def gain_pp(name):
    return (quality(name)["accuracy"] - quality("baseline")["accuracy"]) * 100


@every_model
def test_the_quality_file_says_what_the_model_scores_on_the_held_out_half(name, heldout):
    session = ort.InferenceSession(DIGITS / "models" / f"{name}.onnx", providers=["CPUExecutionProvider"])
    (said,) = session.run(["label"], {"x": heldout["x"]})
    assert quality(name) == {
        "accuracy": pytest.approx(accuracy_score(heldout["labels"], said), abs=1e-9),
        "f1_macro": pytest.approx(f1_score(heldout["labels"], said, average="macro"), abs=1e-9),
        "examples": 899,
        "dataset": "sklearn digits, held-out half, seed 2026",
    }


@every_model
def test_every_model_takes_any_number_of_rows_of_64_float32_pixels(name):
    (x,) = model(name).graph.input
    rows, pixels = x.type.tensor_type.shape.dim
    assert (x.name, x.type.tensor_type.elem_type, pixels.dim_value) == ("x", onnx.TensorProto.FLOAT, 64)
    assert not rows.HasField("dim_value")


@every_model
def test_every_model_is_valid_onnx_made_of_standard_operators(name):
    onnx.checker.check_model(model(name), full_check=True)
    assert {node.domain for node in model(name).graph.node} <= {"", "ai.onnx.ml"}
    assert all(opset.version <= 18 for opset in model(name).opset_import)


@every_model
def test_the_script_counts_the_multiply_accumulates_that_the_exported_weights_need(name, script):
    (recipe,) = (recipe for recipe in script.RECIPES if recipe.name == name)
    assert script.macs(recipe) == macs(name)


@every_model
def test_the_readme_table_has_the_figures_of_the_committed_files(name, script):
    (recipe,) = (recipe for recipe in script.RECIPES if recipe.name == name)
    size_bytes = (DIGITS / "models" / f"{name}.onnx").stat().st_size
    readme = (DIGITS / "README.md").read_text(encoding="utf-8")
    assert script.row(recipe, size_bytes, quality(name)) in readme.splitlines()


def test_the_models_together_stay_small_enough_for_a_checkout():
    assert sum(path.stat().st_size for path in (DIGITS / "models").iterdir()) < 3 * 2**20


def test_slim_halves_the_work_at_least_and_is_as_accurate_as_the_baseline():
    assert growth("slim") <= -0.5
    assert gain_pp("slim") >= -0.3


def test_wide_nearly_doubles_the_work_for_no_gain_of_note():
    assert 0.8 <= growth("wide") <= 1.2
    assert gain_pp("wide") < 0.5


def test_accurate_grows_more_than_15_and_less_than_30_percent_and_earns_it():
    assert 0.18 <= growth("accurate") <= 0.28
    assert gain_pp("accurate") >= 0.8


def test_the_held_out_file_is_the_half_that_the_script_never_trains_on(script, heldout):
    train_part, held = script.split(script.digits())
    assert sorted(heldout) == ["labels", "x"]
    assert (heldout["x"].dtype, heldout["labels"].dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(heldout["x"], held.x)
    np.testing.assert_array_equal(heldout["labels"], held.labels)
    assert (len(train_part.x), len(held.x)) == (898, 899)


def test_the_split_deals_every_image_once_and_every_digit_evenly(script):
    whole = script.Digits(np.arange(8, dtype=np.float32)[:, None], np.array([0, 0, 0, 0, 7, 7, 7, 7]))
    halves = script.split(whole)
    assert sorted(pixel for half in halves for pixel in half.x[:, 0]) == list(range(8))
    assert [sorted(half.labels) for half in halves] == [[0, 0, 7, 7], [0, 0, 7, 7]]


def test_the_split_is_the_same_each_time(script):
    whole = script.Digits(np.arange(8, dtype=np.float32)[:, None], np.array([0, 0, 0, 0, 7, 7, 7, 7]))
    for first, second in zip(script.split(whole), script.split(whole), strict=True):
        np.testing.assert_array_equal(first.x, second.x)


@pytest.mark.parametrize(
    ("down", "right", "where"),
    [
        pytest.param(0, 0, [(0, 3)], id="stays"),
        pytest.param(1, 0, [(1, 3)], id="down"),
        pytest.param(-1, 0, [], id="up-and-out"),
        pytest.param(0, 1, [(0, 4)], id="right"),
        pytest.param(0, -1, [(0, 2)], id="left"),
    ],
)
def test_a_shift_moves_a_pixel_by_one_and_loses_it_at_the_edge(script, down, right, where):
    image = np.zeros((8, 8), np.float32)
    image[0, 3] = 16
    moved = script.shift(image.reshape(1, 64), down, right).reshape(8, 8)
    assert [(int(row), int(column)) for row, column in np.argwhere(moved == 16)] == where


def test_augmenting_keeps_the_images_and_adds_four_shifted_ones_with_the_same_labels(script):
    images = np.arange(128, dtype=np.float32).reshape(2, 64)
    more = script.augment(script.Digits(images, np.array([3, 8])))
    np.testing.assert_array_equal(more.x[:2], images)
    assert len({image.tobytes() for image in more.x}) == 10
    assert (more.x.dtype, more.labels.tolist()) == (np.float32, [3, 8] * 5)
