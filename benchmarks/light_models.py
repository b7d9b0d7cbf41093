"""The architectures that ship with the onnx package, with random weights in the place of their constant ones.

The package's `backend/test/data/light` folder holds nine image classifiers whose weights are ConstantOfShape nodes, so
that the files are small. A runtime folds such constants; random ones it must really multiply.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def names() -> list[str]:
    """Name the architectures, the small ones first."""
    order = ("squeezenet", "shufflenet", "inception_v1", "inception_v2", "densenet121", "resnet50")
    found = {path.stem.removeprefix("light_"): path for path in FOLDER.glob("*.onnx")}
    return [*order, *sorted(set(found) - set(order))]


def with_random_weights(name: str, seed: int = 0) -> onnx.ModelProto:
    """Load an architecture and give it random weights, scaled so that activations neither vanish nor explode."""
    model = onnx.load(FOLDER / f"light_{name}.onnx")
    graph, random = model.graph, np.random.default_rng(seed)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    constants = [node for node in graph.node if node.op_type == "ConstantOfShape" and node.input[0] in shapes]
    for node in constants:
        weights = _weights(random, tuple(int(size) for size in shapes[node.input[0]]))
        graph.initializer.append(numpy_helper.from_array(weights, node.output[0]))
        graph.node.remove(node)
    _drop(graph, {node.input[0] for node in constants})
    return model


def _weights(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    if len(shape) < 2:
        return random.uniform(0.5, 1.5, shape).astype(np.float32)  # biases, scales and variances: positive
    return (random.standard_normal(shape, np.float32) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)


def _drop(graph: onnx.GraphProto, unused: set[str]) -> None:
    for collection in (graph.initializer, graph.input):
        kept = [item for item in collection if item.name not in unused]
        del collection[:]
        collection.extend(kept)


def every() -> Iterator[tuple[str, onnx.ModelProto]]:
    """Go through all architectures."""
    for name in names():
        yield name, with_random_weights(name)
