"""Quality figures that are taken here: a data set with labels, and scorers of scikit-learn.

A figure is exact for its data set, so that the same files always give the same figure; how far another sample of the
same world would differ, the sampling error of the set, is no part of it.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greengate.errors import MissingExtra, ModelError, nearest
from greengate.evidence import Class, Figure, Provenance
from greengate.metrics import QUALITY
from greengate.models.lfs import sha256

if TYPE_CHECKING:
    import numpy as np

_CLASSES = "biuU"
_WRITE = "write it with numpy.savez: one array an input and one of labels, rows first, no objects"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A held-out set: one array an input of the model and the labels, as many rows in each.

    Attributes:
        file: What messages call it.
        sha256: Digest of its file, in hex.
    """

    features: Mapping[str, np.ndarray]
    labels: np.ndarray
    file: str
    sha256: str

    @property
    def examples(self) -> int:
        """How many rows there are."""
        return len(self.labels)


def read_dataset(path: Path, file: str, labels: str = "labels") -> Dataset:
    """Read an `.npz`, never unpickling.

    Args:
        path: Where it lies.
        file: What messages call it.
        labels: Which of its arrays holds the labels.

    Raises:
        ModelError: It is no `.npz`, has no such array, or its arrays differ in length.
    """
    arrays = _arrays(path, file)
    if labels not in arrays:
        raise ModelError(file, f"the data set has no array `{labels}`", nearest(labels, arrays))
    truth = arrays.pop(labels)
    if truth.ndim == 2 and truth.shape[1] == 1:
        truth = truth[:, 0]
    if truth.ndim != 1 or not len(truth):
        raise ModelError(file, f"`{labels}` has the shape {list(truth.shape)}, expected one label a row")
    for name, array in arrays.items():
        if not array.ndim or len(array) != len(truth):
            rows = len(array) if array.ndim else 0
            raise ModelError(file, f"`{name}` has {rows} rows, `{labels}` has {len(truth)}", _WRITE)
    if not arrays:
        raise ModelError(file, f"the data set holds nothing but `{labels}`", _WRITE)
    return Dataset(arrays, truth, file, sha256(path))


def _arrays(path: Path, file: str) -> dict[str, np.ndarray]:
    import numpy as np  # noqa: PLC0415 - heavy

    try:
        with path.open("rb") as stream:  # np.load would leave a damaged file open
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ModelError(file, "the data set is a single array, not an `.npz`", _WRITE)
            return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error) as bad:
        objects = "it holds Python objects" if "allow_pickle" in str(bad) else "it is damaged, or no `.npz`"
        raise ModelError(file, f"the data set cannot be read: {objects}", _WRITE) from bad
    except OSError as bad:
        raise ModelError(file, f"the data set cannot be read: {bad.strerror}") from bad


def score(
    outputs: Mapping[str, np.ndarray], output: str | None, data: Dataset, scorers: Sequence[str]
) -> dict[str, Figure]:
    """Score what a model said about a data set.

    Args:
        outputs: The model's outputs by name, one row an example.
        output: The output to score, or None for the only one.
        data: The data set.
        scorers: accuracy, f1 (two classes, 0 and 1), f1_macro or rmse. For all but rmse the output holds class labels,
            or scores of shape [n, k] whose largest column is the class.

    Returns:
        Figures by metric name (`quality.accuracy`).

    Raises:
        ModelError: The output does not fit the labels or the scorer, or is not finite.
        MissingExtra: scikit-learn is not installed.
    """
    name, said = _chosen(outputs, output)
    if len(said) != data.examples:
        raise ModelError(data.file, f"output `{name}` has {len(said)} rows, the data set has {data.examples}")
    version = _version()
    figures = {}
    for scorer in scorers:
        amount = _rmse(name, said, data) if scorer == "rmse" else _classes_scored(scorer, name, said, data)
        if not math.isfinite(amount):
            raise ModelError(
                data.file, f"{scorer} is not defined on these labels", "use a larger or more varied data set"
            )
        method = f"{scorer} by scikit-learn {version} on {data.examples} examples of {data.file}"
        source = f"{data.file} sha256:{data.sha256[:12]}"
        figures[QUALITY + scorer] = Figure.exact(amount, Provenance(kind=Class.MEASURED, method=method, source=source))
    return figures


def _version() -> str:
    try:
        import sklearn  # noqa: PLC0415 - an extra
    except ImportError as missing:
        raise MissingExtra(
            "", "scoring a model on a data set needs scikit-learn", "pip install 'greengate-ci[quality]'"
        ) from missing
    return str(sklearn.__version__)


def _chosen(outputs: Mapping[str, np.ndarray], output: str | None) -> tuple[str, np.ndarray]:
    if output is None and len(outputs) == 1:
        output = next(iter(outputs))
    if output is None:
        names = ", ".join(f"`{name}`" for name in outputs)
        raise ModelError("", f"the model has several outputs: {names}", "say which with `quality: {output: …}`")
    if output not in outputs:
        raise ModelError("", f"the model has no output `{output}`", nearest(output, outputs))
    said = outputs[output]
    if not said.ndim:
        raise ModelError("", f"output `{output}` is a single value, expected one row an example")
    if said.dtype.kind == "f" and not _finite(said):
        raise ModelError("", f"output `{output}` holds NaN or infinite values")
    return output, said[:, 0] if said.ndim == 2 and said.shape[1] == 1 else said


def _finite(values: np.ndarray) -> bool:
    import numpy as np  # noqa: PLC0415 - heavy

    return bool(np.isfinite(values).all())


def _rmse(name: str, said: np.ndarray, data: Dataset) -> float:
    from sklearn.metrics import root_mean_squared_error  # noqa: PLC0415 - an extra

    if said.dtype.kind != "f" or said.ndim != 1:
        found = f"output `{name}` is {said.dtype} of shape {list(said.shape)}; rmse takes one float a row"
        raise ModelError(data.file, found, "choose another `output` or `scorer`")
    if data.labels.dtype.kind not in "iuf" or not _finite(data.labels):
        raise ModelError(data.file, f"the labels are {data.labels.dtype}; rmse takes finite numbers")
    return float(root_mean_squared_error(data.labels.astype("float64"), said.astype("float64")))


def _classes_scored(scorer: str, name: str, said: np.ndarray, data: Dataset) -> float:
    from sklearn import metrics  # noqa: PLC0415 - an extra

    classes = _classes(scorer, name, said, data)
    if scorer == "accuracy":
        return float(metrics.accuracy_score(data.labels, classes))
    if scorer == "f1_macro":
        return float(metrics.f1_score(data.labels, classes, average="macro", zero_division=math.nan))
    seen = sorted({str(label) for label in data.labels.tolist()} | {str(label) for label in classes.tolist()})
    if not set(seen) <= {"0", "1"}:
        found = f"f1 takes the classes 0 and 1; here there are {len(seen)}: {', '.join(seen[:5])}"
        raise ModelError(data.file, found, "use `f1_macro`")
    return float(metrics.f1_score(data.labels, classes, zero_division=math.nan))


def _classes(scorer: str, name: str, said: np.ndarray, data: Dataset) -> np.ndarray:
    """Return the class of every row, of the same kind as the labels."""
    labels = data.labels
    if labels.dtype.kind not in _CLASSES:
        found = f"the labels are {labels.dtype}; {scorer} takes integers or text"
        raise ModelError(data.file, found, "save them as integers: labels.astype('int64')")
    if said.ndim == 2 and said.dtype.kind == "f":
        said = _largest(name, said, data)
    if said.ndim != 1 or said.dtype.kind not in f"{_CLASSES}O":
        found = f"output `{name}` is {said.dtype} of shape {list(said.shape)}; {scorer} takes classes, or scores [n, k]"
        raise ModelError(data.file, found, "choose another `output` or `scorer`")
    if said.dtype.kind == "O":  # how ONNX Runtime gives text
        said = _text(name, said, data)
    if (said.dtype.kind == "U") != (labels.dtype.kind == "U"):
        raise ModelError(
            data.file, f"output `{name}` is {said.dtype}, the labels are {labels.dtype}; they can never be equal"
        )
    return said


def _largest(name: str, said: np.ndarray, data: Dataset) -> np.ndarray:
    columns = said.shape[1]
    if data.labels.dtype.kind == "U" or data.labels.min() < 0 or data.labels.max() >= columns:
        found = f"output `{name}` has scores of {columns} classes; the labels are not all from 0 to {columns - 1}"
        raise ModelError(data.file, found, "number the classes by their column, or choose another `output`")
    classes: Any = said.argmax(axis=1)
    return classes  # type: ignore[no-any-return]


def _text(name: str, said: np.ndarray, data: Dataset) -> np.ndarray:
    if not all(isinstance(value, str) for value in said.tolist()):
        raise ModelError(data.file, f"output `{name}` holds objects that are no text")
    return said.astype("U")
