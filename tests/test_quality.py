"""Quality figures are read or taken as they are, or the reason why not is told."""

# ruff: noqa: E501 - one case is one line of its table

import hashlib
import importlib
import json
import sys

import numpy as np
import pytest

from greengate.errors import MissingExtra, ModelError, Place
from greengate.evidence import Class, Interval, QualityScale
from greengate.models.quality import from_file
from greengate.models.scoring import Dataset, read_dataset, score


def read(text, *names, **scales):
    return from_file(text.encode(), "quality.json", names, scales)


def test_a_figure_is_read_with_its_source():
    text = '{"accuracy": 0.97, "examples": 899, "dataset": "held-out half"}'
    scores = read(text, "accuracy")
    figure = scores.figures["quality.accuracy"]
    assert (figure.amount, figure.interval) == (0.97, Interval(low=0.97, high=0.97))
    assert (figure.provenance.kind, figure.provenance.method) == (Class.DECLARED, "evaluation file")
    assert figure.provenance.source == f"quality.json sha256:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    assert scores.notes == ("dataset: held-out half",)
    assert scores.missing == {}


@pytest.mark.parametrize(("more", "confidence"), [("", 0.95), (', "confidence": 0.99', 0.99)])
def test_a_figure_may_have_an_interval(more, confidence):
    scores = read(f'{{"f1": {{"value": 0.97, "interval": [0.96, 0.98]{more}}}}}', "f1")
    assert scores.figures["quality.f1"].interval == Interval(low=0.96, high=0.98, confidence=confidence)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"acuracy": 0.9}', "quality.json has no `accuracy`; did you mean `acuracy`?"),
        ('{"bleu": 30}', "quality.json has no `accuracy`; known here: `bleu`"),
        ("{}", "quality.json has no `accuracy`; it is empty"),
    ],
)
def test_a_figure_that_is_not_there_is_missing_with_a_reason(text, reason):
    scores = read(text, "accuracy")
    assert scores.figures == {}
    assert scores.missing == {"quality.accuracy": reason}


def test_a_score_may_be_larger_than_one():
    assert read('{"bleu": 31.5}', "bleu", bleu=QualityScale(unit="score")).figures["quality.bleu"].amount == 31.5


def test_what_nobody_asks_for_is_left_alone():
    assert read('{"accuracy": 0.9, "history": [1, {"a": null}]}', "accuracy").missing == {}


TOP = Place("quality.json")
KEY = Place("quality.json", path="accuracy")


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("{", Place("quality.json", 1, 2), "the evaluation file is no JSON: Expecting property name enclosed in double quotes"),
        ("", Place("quality.json", 1, 1), "the evaluation file is no JSON: Expecting value"),
        ("[0.9]", TOP, "the evaluation file is no JSON object"),
        ("[" * 200_000, TOP, "the evaluation file is nested too deeply"),
        ('{"accuracy": NaN}', TOP, "in the evaluation file, a figure is NaN"),
        ('{"accuracy": -Infinity}', TOP, "in the evaluation file, a figure is -Infinity"),
        ('{"accuracy": 0.9, "accuracy": 0.8}', TOP, "in the evaluation file, `accuracy` is given twice"),
        (" " * 2**21, TOP, "the evaluation file has 2,097,152 bytes; at most 1,048,576 are read"),
        ('{"accuracy": "0.9"}', KEY, 'found "0.9", expected a number'),
        ('{"accuracy": true}', KEY, "found true, expected a number"),
        ('{"accuracy": null}', KEY, "found null, expected a number"),
        ('{"accuracy": 1e999}', KEY, "found a number that is too large, expected a finite number"),
        ('{"accuracy": 97.2}', KEY, "found 97.2, expected a ratio from 0 to 1"),
        ('{"accuracy": {"valeu": 0.9}}', KEY, "unknown key `valeu`"),
        ('{"accuracy": {"interval": [0, 1]}}', KEY, "`value` is missing"),
        ('{"accuracy": {"value": 0.9, "interval": [0.95, 1]}}', KEY, "the figure 0.9 is not inside its interval [0.95, 1]"),
        ('{"accuracy": {"value": 0.9, "interval": 0.1}}', KEY, "found the interval 0.1, expected [low, high]"),
        ('{"accuracy": {"value": 0.9, "interval": [0.8, 1], "confidence": 95}}', KEY, "found the confidence 95, expected a share of 1"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_file_that_cannot_be_meant_is_refused(text, where, problem):
    with pytest.raises(ModelError) as caught:
        read(text, "accuracy")
    assert (caught.value.where, caught.value.problem) == (where, problem)


def test_a_percentage_is_explained():
    with pytest.raises(ModelError) as caught:
        read('{"accuracy": 97.2}', "accuracy")
    assert caught.value.hint == "write 0.972 if it is in percent, or declare the figure with `unit: score`"


def dataset(labels):
    return Dataset({"x": np.zeros((len(labels), 2))}, np.array(labels), "heldout.npz", "ab" * 32)


LABELS = [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("said", "labels", "scorer", "amount"),
    [
        (np.array([0, 1, 0, 0]), LABELS, "accuracy", 0.75),
        (np.array([[0], [1], [0], [0]]), LABELS, "accuracy", 0.75),
        (np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]]), LABELS, "accuracy", 0.75),
        (np.array([0, 1, 0, 0]), LABELS, "f1", 2 / 3),
        (np.array([0, 0, 0, 0]), LABELS, "f1", 0.0),
        (np.array([0, 1, 0, 0]), LABELS, "f1_macro", (2 / 3 + 4 / 5) / 2),
        (np.array(["a", "b"], object), ["a", "c"], "accuracy", 0.5),
        (np.array([1.0, 2.0]), [1.0, 4.0], "rmse", 2**0.5),
        (np.array([[1.0], [2.0]], "float32"), [1, 4], "rmse", 2**0.5),
    ],
)
def test_predictions_are_scored(said, labels, scorer, amount):
    figures = score({"label": said}, None, dataset(labels), [scorer])
    assert figures[f"quality.{scorer}"].amount == pytest.approx(amount, rel=1e-12)


def test_a_score_says_how_it_was_taken():
    provenance = score({"label": np.array(LABELS)}, "label", dataset(LABELS), ["accuracy"])[
        "quality.accuracy"
    ].provenance
    version = importlib.import_module("sklearn").__version__
    assert provenance.kind is Class.MEASURED
    assert provenance.method == f"accuracy by scikit-learn {version} on 4 examples of heldout.npz"
    assert provenance.source == "heldout.npz sha256:abababababab"


def test_several_scorers_give_several_figures():
    figures = score({"label": np.array(LABELS)}, None, dataset(LABELS), ["accuracy", "f1"])
    assert {name: figure.amount for name, figure in figures.items()} == {"quality.accuracy": 1.0, "quality.f1": 1.0}


FLOATS = np.array([0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize(
    ("outputs", "output", "labels", "scorer", "problem"),
    [
        ({"a": FLOATS, "b": FLOATS}, None, LABELS, "accuracy", "the model has several outputs: `a`, `b`"),
        ({"label": FLOATS}, "lable", LABELS, "accuracy", "the model has no output `lable`"),
        ({"y": np.array(1)}, None, LABELS, "accuracy", "output `y` is a single value, expected one row an example"),
        ({"y": np.array([0, 1])}, None, LABELS, "accuracy", "output `y` has 2 rows, the data set has 4"),
        ({"y": FLOATS}, None, LABELS, "accuracy", "output `y` is float64 of shape [4]; accuracy takes classes, or scores [n, k]"),
        ({"y": FLOATS * np.nan}, None, LABELS, "rmse", "output `y` holds NaN or infinite values"),
        ({"y": np.array(LABELS)}, None, LABELS, "rmse", "output `y` is int64 of shape [4]; rmse takes one float a row"),
        ({"y": FLOATS}, None, list("abcd"), "rmse", "the labels are <U1; rmse takes finite numbers"),
        ({"y": np.array(LABELS)}, None, [0.0, 1.0, 1.0, 0.0], "accuracy", "the labels are float64; accuracy takes integers or text"),
        ({"y": np.array(LABELS)}, None, list("abcd"), "accuracy", "output `y` is int64, the labels are <U1; they can never be equal"),
        ({"y": np.ones((4, 3))}, None, [0, 1, 2, 3], "accuracy", "output `y` has scores of 3 classes; the labels are not all from 0 to 2"),
        ({"y": np.array([0, 1, 2, 1])}, None, [0, 1, 2, 2], "f1", "f1 takes the classes 0 and 1; here there are 3: 0, 1, 2"),
        ({"y": np.zeros(4, int)}, None, [0, 0, 0, 0], "f1", "f1 is not defined on these labels"),
        ({"y": np.array([{}, 1, 2, 3], object)}, None, LABELS, "accuracy", "output `y` holds objects that are no text"),
    ],
)  # fmt: skip
def test_outputs_that_do_not_fit_are_told(outputs, output, labels, scorer, problem):
    with pytest.raises(ModelError) as caught:
        score(outputs, output, dataset(labels), [scorer])
    assert caught.value.problem == problem


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtra) as caught:
        score({"label": np.array(LABELS)}, None, dataset(LABELS), ["accuracy"])
    assert caught.value.hint == "pip install 'greengate-ci[quality]'"


def test_a_data_set_is_read(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.ones((3, 2)), labels=np.array([[1], [2], [3]]))
    data = read_dataset(tmp_path / "d.npz", "d.npz")
    assert data.labels.tolist() == [1, 2, 3]
    assert list(data.features) == ["x"]
    assert data.examples == 3
    assert data.sha256 == hashlib.sha256((tmp_path / "d.npz").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"x": np.ones((3, 2)), "y": np.ones(3)}, "the data set has no array `labels`"),
        ({"x": np.ones((3, 2)), "labels": np.ones(2)}, "`x` has 3 rows, `labels` has 2"),
        ({"x": np.float64(1), "labels": np.ones(2)}, "`x` has 0 rows, `labels` has 2"),
        ({"x": np.ones((3, 2)), "labels": np.ones((3, 2))}, "`labels` has the shape [3, 2], expected one label a row"),
        ({"x": np.ones((0, 2)), "labels": np.ones(0)}, "`labels` has the shape [0], expected one label a row"),
        ({"labels": np.ones(3)}, "the data set holds nothing but `labels`"),
        ({"x": np.ones(2), "labels": np.array(["a", None], object)}, "the data set cannot be read: it holds Python objects"),
    ],
)  # fmt: skip
def test_a_data_set_that_does_not_fit_is_told(tmp_path, arrays, problem):
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(ModelError) as caught:
        read_dataset(tmp_path / "d.npz", "d.npz")
    assert caught.value.problem == problem


@pytest.mark.parametrize("cut", [0, 10, 200, -30])
def test_a_damaged_data_set_is_told(tmp_path, cut):
    np.savez(tmp_path / "d.npz", x=np.ones((30, 2)), labels=np.ones(30, int))
    (tmp_path / "d.npz").write_bytes((tmp_path / "d.npz").read_bytes()[:cut])
    with pytest.raises(ModelError, match="the data set cannot be read: it is damaged"):
        read_dataset(tmp_path / "d.npz", "d.npz")


def test_a_single_array_is_no_data_set(tmp_path):
    np.save(tmp_path / "d.npy", np.ones(3))
    with pytest.raises(ModelError, match="the data set is a single array"):
        read_dataset(tmp_path / "d.npy", "d.npy")


def test_a_data_set_that_is_missing_is_told(tmp_path):
    with pytest.raises(ModelError, match="the data set cannot be read: No such file or directory"):
        read_dataset(tmp_path / "d.npz", "d.npz")


def test_what_is_written_is_read_back():
    figures = {"accuracy": 0.1 + 0.2, "f1": 1 / 3}
    scores = read(json.dumps(figures), *figures)
    assert {name: figure.amount for name, figure in scores.figures.items()} == {
        "quality.accuracy": 0.1 + 0.2,
        "quality.f1": 1 / 3,
    }
