"""Four classifiers of real handwritten digits as ONNX files, with their held-out figures.

Run `python examples/digits/train.py` (packages: scikit-learn, skl2onnx, onnxruntime). It writes, beside itself:

- `models/NAME.onnx`: standardised pixels into a perceptron with two hidden layers; float32 input `x` of [n, 64].
- `quality/NAME.json`: accuracy and macro F1 of that very file, run by ONNX Runtime on the held-out half.
- `heldout.npz`: the held-out half itself, `x` float32 [n, 64] with values 0 to 16, and `labels` int64 [n].

and prints one row a model. The images are scikit-learn's `load_digits`: 1,797 images of 8 by 8 pixels, the test part
of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998, UCI Machine Learning Repository).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    import onnx

HERE = Path(__file__).parent
SEED = 2026
SHIFTS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
OPSETS = {"": 18, "ai.onnx.ml": 3}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model is made: the widths of its hidden layers, its L2 penalty, and whether it sees shifted images."""

    name: str
    hidden: tuple[int, int]
    alpha: float = 1e-4
    shifted: bool = False


RECIPES = (
    Recipe("baseline", (512, 256)),
    Recipe("slim", (256, 128)),
    Recipe("wide", (704, 384)),
    Recipe("accurate", (576, 288), alpha=0.3, shifted=True),
)


@dataclass(frozen=True, slots=True)
class Digits:
    """Images as float32 rows of 64 pixels, and the digit that each one shows."""

    x: np.ndarray
    labels: np.ndarray


def digits() -> Digits:
    """All 1,797 images."""
    x, labels = load_digits(return_X_y=True)
    return Digits(x.astype(np.float32), labels.astype(np.int64))


def split(whole: Digits) -> tuple[Digits, Digits]:
    """The training half and the held-out half; every digit has the same share in both."""
    x_train, x_held, y_train, y_held = train_test_split(
        whole.x, whole.labels, test_size=0.5, random_state=SEED, stratify=whole.labels
    )
    return Digits(x_train, y_train), Digits(x_held, y_held)


def shift(x: np.ndarray, down: int, right: int) -> np.ndarray:
    """The images moved by at most one pixel; what leaves the frame is lost and what enters is blank."""
    framed = np.pad(x.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    return framed[:, 1 - down : 9 - down, 1 - right : 9 - right].reshape(-1, 64)


def augment(part: Digits) -> Digits:
    """The images five times: as they are, then one pixel up, down, left and right."""
    x = np.concatenate([shift(part.x, down, right) for down, right in SHIFTS])
    return Digits(x, np.tile(part.labels, len(SHIFTS)))


def train(recipe: Recipe, part: Digits) -> Pipeline:
    """A fitted pipeline; one BLAS thread, so that sums keep their order whatever the number of cores."""
    seen = augment(part) if recipe.shifted else part
    perceptron = MLPClassifier(recipe.hidden, alpha=recipe.alpha, max_iter=500, random_state=SEED)
    with threadpool_limits(1):
        return make_pipeline(StandardScaler(), perceptron).fit(seen.x, seen.labels)


def export(recipe: Recipe, pipeline: Pipeline) -> onnx.ModelProto:
    """The pipeline as an ONNX model with an open batch axis; outputs `label` and `probabilities`."""
    from skl2onnx import to_onnx  # noqa: PLC0415 - reading the recipes and the split must not need the converter
    from skl2onnx.common.data_types import FloatTensorType  # noqa: PLC0415 - likewise

    x = ("x", FloatTensorType([None, 64]))
    model: onnx.ModelProto = to_onnx(
        pipeline, name=recipe.name, initial_types=[x], options={"zipmap": False}, target_opset=OPSETS
    )
    return model


def quality(model: Path, held: Digits) -> dict[str, Any]:
    """The figures of an exported file on the held-out half, by ONNX Runtime."""
    import onnxruntime as ort  # noqa: PLC0415 - as above

    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    (said,) = session.run(["label"], {"x": held.x})
    return {
        "accuracy": float(accuracy_score(held.labels, said)),
        "f1_macro": float(f1_score(held.labels, said, average="macro")),
        "examples": len(held.labels),
        "dataset": f"sklearn digits, held-out half, seed {SEED}",
    }


def macs(recipe: Recipe) -> int:
    """Multiply-accumulates of one inference in the three dense layers."""
    first, second = recipe.hidden
    return 64 * first + first * second + second * 10


def row(recipe: Recipe, size_bytes: int, figures: dict[str, Any]) -> str:
    """One line of the table; the parameters are the weights, one to a multiply-accumulate, and the biases."""
    parameters = macs(recipe) + sum(recipe.hidden) + 10
    first, second = recipe.hidden
    cost = f"{recipe.name} | {first}, {second} | {macs(recipe):,} | {parameters:,} | {size_bytes:,}"
    return f"| {cost} | {figures['accuracy']:.4f} | {figures['f1_macro']:.4f} |"


def make(recipe: Recipe, train_part: Digits, held: Digits, folder: Path) -> str:
    """The table's line of one model, whose file and figures are written on the way."""
    model = folder / "models" / f"{recipe.name}.onnx"
    model.write_bytes(export(recipe, train(recipe, train_part)).SerializeToString(deterministic=True))
    figures = quality(model, held)
    (folder / "quality" / f"{recipe.name}.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return row(recipe, model.stat().st_size, figures)


def main(folder: Path = HERE) -> None:
    """Make everything anew in a folder and print the table."""
    train_part, held = split(digits())
    for name in ("models", "quality"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "heldout.npz", x=held.x, labels=held.labels)
    print("| model | hidden | MACs an inference | parameters | bytes | accuracy | F1 macro |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for recipe in RECIPES:
        print(make(recipe, train_part, held, folder), flush=True)


if __name__ == "__main__":
    main()
