"""The inputs that a model is run with: read from an `.npz`, or made from a seed.

This runs in the child process, so it may be handed anything. Problems leave the file's name out; the parent adds it.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from greengate.errors import ModelError, nearest

# ONNX Runtime's words for tensor element types, and NumPy's for the same.
ELEMENTS = {
    "float": "float32",
    "double": "float64",
    "float16": "float16",
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "bool": "bool",
    "string": "str",
}
# Integers mostly index something (tokens, rows, classes), and 0 and 1 are in range of everything with two entries.
SAFE_RANGE = (0, 2)
WORDS = ("green", "gate", "carbon", "ledger", "joule", "watt", "policy", "verdict")
MOST_ELEMENTS = 2**33
_USUAL_SIZE = 128
_WRITE = "write them with numpy.savez(path, name=array), strings as dtype 'U', never as objects"


@dataclass(frozen=True, slots=True)
class Declared:
    """An input or output as the model declares it: an axis is a size, or a symbol's name, or "" where it is open."""

    name: str
    type: str
    shape: tuple[int | str, ...]

    @property
    def dtype(self) -> str:
        """NumPy's name of the element type, "str" for strings, or the type's own words if it is no plain tensor."""
        return ELEMENTS.get(self.type.removeprefix("tensor(").removesuffix(")"), self.type)


def preload() -> None:
    """Do everything once in memory, so that NumPy has imported what it imports late: a confined process cannot."""
    archive = io.BytesIO()
    np.savez(archive, x=np.array(["a"]), y=np.zeros(1))
    _unpacked(io.BytesIO(archive.getvalue()))
    # Opening a zip whose names are not UTF-8 looks this codec up.
    "".encode("cp437")
    for element in ELEMENTS.values():
        _made(Declared("x", element, ()), (2,), None, 0)


def supported(ports: Sequence[Declared]) -> None:
    """Check that every input is a tensor that can be fed.

    Raises:
        ModelError: One is a sequence, a map, optional or sparse, or of an element type that NumPy does not have.
    """
    for port in ports:
        if port.dtype not in ELEMENTS.values():
            raise ModelError(
                "",
                f"input `{port.name}` is a {port.type}, which cannot be fed from NumPy",
                "export the model with tensor inputs of floats, integers, booleans or strings",
            )


def sizes(
    ports: Sequence[Declared],
    shapes: Mapping[str, tuple[int, ...]],
    batch: int,
    named: Mapping[str, int] | None = None,
) -> dict[str, tuple[int, ...]]:
    """Return the size of every axis of every input.

    Declared shapes come first; a symbol that they give a size has it wherever it stands; then come sizes by name, as in
    `ports.ModelSpec.sizes`; a leading axis that is still open carries the batch.

    Raises:
        ModelError: A declared shape fits no input, or an axis is left without a size.
    """
    _known("shape", shapes, ports)
    symbols: dict[str, int] = {}
    for port in ports:
        if port.name in shapes:
            _declare(port, tuple(shapes[port.name]), symbols)
    symbols = {**(named or {}), **symbols}
    return {port.name: tuple(shapes.get(port.name) or _filled(port, symbols, batch)) for port in ports}


def generate(
    ports: Sequence[Declared],
    shapes: Mapping[str, tuple[int, ...]],
    ranges: Mapping[str, tuple[int, int]],
    seed: int,
) -> dict[str, np.ndarray]:
    """Make every input from the seed: the same name, type and shape give the same values in every model.

    Floats are standard normal (zeros would let kernels take short cuts), integers lie in their range or in [0, 2),
    booleans are even chances, strings are short words.

    Raises:
        ModelError: A range fits no integer input, or an input would be too large to make.
    """
    _known("range", ranges, ports)
    return {port.name: _made(port, shapes[port.name], ranges.get(port.name), seed) for port in ports}


def read(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an `.npz`, never unpickling.

    Raises:
        ModelError: It is no such file, or holds pickled objects.
    """
    try:
        arrays = _unpacked(path)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).splitlines()[0] if str(error) else "damaged"
        raise ModelError("", f"the inputs in {path} cannot be read: {reason}", _WRITE) from error
    if arrays is None:
        raise ModelError("", f"the inputs in {path} are a single array without a name", _WRITE)
    return arrays


def fit(
    ports: Sequence[Declared], arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """Return the arrays as the model takes them.

    Raises:
        ModelError: One is missing or unknown, or has another element type, rank or size.
    """
    names = [port.name for port in ports]
    for name in arrays:
        if name not in names:
            raise ModelError("", f"there is an array `{name}`, but the model has no such input", nearest(name, names))
    for port in ports:
        if port.name not in arrays:
            raise ModelError("", f"there is no array for input `{port.name}`", nearest(port.name, arrays))
        _check(port, arrays[port.name], shapes)
    return {
        port.name: arrays[port.name].astype(object) if port.dtype == "str" else np.ascontiguousarray(arrays[port.name])
        for port in ports
    }


def _unpacked(file: Path | io.BytesIO) -> dict[str, np.ndarray] | None:
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        return None
    with archive:
        return {name: archive[name] for name in archive.files}


def _check(port: Declared, array: np.ndarray, shapes: Mapping[str, tuple[int, ...]]) -> None:
    dtype = "str" if array.dtype.kind in "OUS" else array.dtype.name
    if dtype != port.dtype:
        raise ModelError(
            "",
            f"input `{port.name}` is given as {dtype}, the model takes {port.dtype}",
            f"convert it: array.astype('{port.dtype}')",
        )
    declared = shapes.get(port.name)
    if not _fits(array.shape, port.shape) or (declared is not None and array.shape != tuple(declared)):
        wanted = _words(declared if declared is not None else port.shape)
        raise ModelError("", f"input `{port.name}` is given with shape {_words(array.shape)}, the model takes {wanted}")


def _known(what: str, declared: Mapping[str, object], ports: Sequence[Declared]) -> None:
    names = [port.name for port in ports]
    for name in declared:
        if name not in names:
            raise ModelError(
                "", f"a {what} is declared for `{name}`, but the model has no such input", nearest(name, names)
            )


def _declare(port: Declared, shape: tuple[int, ...], symbols: dict[str, int]) -> None:
    if not _fits(shape, port.shape):
        raise ModelError(
            "", f"input `{port.name}` is declared with shape {_words(shape)}, the model takes {_words(port.shape)}"
        )
    for axis, size in zip(port.shape, shape, strict=False):
        if isinstance(axis, str) and axis and symbols.setdefault(axis, size) != size:
            raise ModelError(
                "",
                f"input `{port.name}` is declared with {size} for `{axis}`, another input with {symbols[axis]}",
                "the model has one size for both",
            )


def _fits(shape: Sequence[int], axes: Sequence[int | str]) -> bool:
    # ONNX Runtime gives () for a scalar and for an input of unknown rank alike, so () cannot refuse anything.
    if not axes:
        return True
    return len(shape) == len(axes) and all(
        isinstance(axis, str) or axis == size for axis, size in zip(axes, shape, strict=True)
    )


def _filled(port: Declared, symbols: dict[str, int], batch: int) -> tuple[int, ...]:
    if port.shape and isinstance(port.shape[0], str) and port.shape[0]:
        symbols.setdefault(port.shape[0], batch)
    names = [axis or f"{port.name}.{place}" for place, axis in enumerate(port.shape)]
    known = [symbols.get(axis) if isinstance(axis, str) else axis for axis in names]
    if known and known[0] is None:
        known[0] = batch
    if None not in known:
        return tuple(size for size in known if size is not None)
    place = known.index(None)
    symbol = f" (`{port.shape[place]}`)" if port.shape[place] else ""
    example = ", ".join(str(_USUAL_SIZE if size is None else size) for size in known)
    raise ModelError(
        "",
        f"input `{port.name}` has shape {_words(port.shape)}: axis {place}{symbol} is open and no size is declared",
        f"declare it in the project file: `inputs: {{shapes: {{{port.name}: [{example}]}}}}`, or give an .npz",
    )


def _made(port: Declared, shape: tuple[int, ...], bounds: tuple[int, int] | None, seed: int) -> np.ndarray:
    if math.prod(shape) > MOST_ELEMENTS:
        raise ModelError("", f"input `{port.name}` with shape {_words(shape)} is too large to make")
    rng = np.random.default_rng([seed, zlib.crc32(port.name.encode())])
    if bounds is not None and np.dtype(port.dtype).kind not in "iu":
        raise ModelError("", f"a range is declared for `{port.name}`, which is {port.dtype}; only integers have ranges")
    if port.dtype == "str":
        return np.array(WORDS, dtype=object)[rng.integers(0, len(WORDS), shape)].reshape(shape)
    if port.dtype == "bool":
        return np.asarray(rng.integers(0, 2, shape), dtype=bool)
    if np.dtype(port.dtype).kind == "f":
        return np.asarray(rng.standard_normal(shape), dtype=port.dtype)
    return _integers(port, shape, bounds or SAFE_RANGE, rng)


def _integers(port: Declared, shape: tuple[int, ...], bounds: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    low, high = bounds
    limits = np.iinfo(port.dtype)
    if not limits.min <= low < high <= int(limits.max) + 1:
        raise ModelError(
            "", f"the range [{low}, {high}) of input `{port.name}` is empty or does not fit into {port.dtype}"
        )
    return np.asarray(rng.integers(low, high, shape, dtype=port.dtype))


def _words(shape: Sequence[int | str]) -> str:
    return "[" + ", ".join(str(axis) or "?" for axis in shape) + "]"
