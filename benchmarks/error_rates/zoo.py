"""The models of the campaigns: architectures with random weights, each with a knob that gives it truly more work.

The knob is a whole number, `extra`: of hidden units, channels or trees that are added somewhere in the middle. None of
them is skipped or folded by a runtime. How much CPU time they cost is not assumed but measured (`truth.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import light_models
import numpy as np
import onnx
from onnx import helper, numpy_helper
from perceptrons import perceptron
from sketch import Sketch


@dataclass(frozen=True, slots=True)
class Kind:
    """An architecture.

    Attributes:
        build: Makes it from a seed and the extra units.
        step: Extra units that make sense at once: kernels work on so many side by side.
        batch: Inferences that one run carries.
        group: "small" is under 20 ms a run, "medium" about 100 ms, "micro" about 50 us, "slow" about 5 s.
    """

    name: str
    build: Callable[[int, int], onnx.ModelProto]
    step: int = 1
    batch: int = 1
    group: str = "small"


def chosen(words: str) -> list[Kind]:
    """Find kinds by their names or groups, with commas between; "all" is all of them."""
    wanted = words.split(",")
    found = [kind for kind in KINDS if "all" in wanted or kind.name in wanted or kind.group in wanted]
    strangers = set(wanted) - {"all"} - {kind.name for kind in KINDS} - {kind.group for kind in KINDS}
    if strangers:
        raise SystemExit(f"no such model or group: {', '.join(sorted(strangers))}")
    return found


def squeezenet(seed: int, extra: int) -> onnx.ModelProto:
    """SqueezeNet 1.0; extra channels between two 1x1 convolutions after its last fire module."""
    return _with_bottleneck("squeezenet", seed, "r60", 512, extra)


def shufflenet(seed: int, extra: int) -> onnx.ModelProto:
    """ShuffleNet v1; extra channels between two 1x1 convolutions before its pooling."""
    return _with_bottleneck("shufflenet", seed, "r198", 544, extra)


def resnet50(seed: int, extra: int) -> onnx.ModelProto:
    """ResNet-50; extra channels between two 1x1 convolutions after its third stage."""
    return _with_bottleneck("resnet50", seed, "r139", 1024, extra)


def mlp(seed: int, extra: int) -> onnx.ModelProto:
    """Make a perceptron of two hidden layers, 16 rows at a time; both hidden layers are wider by the extra units."""
    return perceptron(512 + extra, seed, rows=16)


def encoder(seed: int, extra: int) -> onnx.ModelProto:
    """Four transformer encoder layers over 64 tokens of 192 features; the last feed-forward layer is wider."""
    pen, tokens, width, heads = Sketch(seed), 64, 192, 4
    last = "x"
    for layer in range(4):
        last = _normalised(pen, pen.node("Add", last, _attention(pen, last, tokens, width, heads)), width)
        inner = 4 * width + (extra if layer == 3 else 0)
        hidden = pen.node("Relu", pen.dense(last, width, inner))
        last = _normalised(pen, pen.node("Add", last, pen.dense(hidden, inner, width)), width)
    return pen.model([1, tokens, width], last)


def convnet(seed: int, extra: int) -> onnx.ModelProto:
    """Nine 3x3 convolutions over 32x32 pixels; extra channels between two 1x1 ones before the pooling."""
    pen = Sketch(seed)
    last = pen.conv(pen.conv("x", 3, 32, 3), 32, 64, 3, stride=2)
    last = pen.conv(pen.conv(last, 64, 64, 3), 64, 128, 3, stride=2)
    for _ in range(5):
        last = pen.conv(last, 128, 128, 3)
    if extra:
        last = pen.conv(pen.conv(last, 128, extra), extra, 128)
    last = pen.node("Flatten", pen.node("GlobalAveragePool", last))
    return pen.model([1, 3, 32, 32], pen.dense(last, 128, 10))


def lstm(seed: int, extra: int) -> onnx.ModelProto:
    """An LSTM of 192 units over 48 steps of 8 rows; extra units in a dense layer over its last 8 steps."""
    pen, steps, rows, width, hidden = Sketch(seed), 48, 8, 128, 192
    weights = pen.weight(1, 4 * hidden, width, fan_in=2 * width), pen.weight(1, 4 * hidden, hidden, fan_in=2 * hidden)
    states = pen.node("LSTM", "x", *weights, hidden_size=hidden)  # [steps, 1, rows, hidden]
    ends = [pen.constant(np.array([place])) for place in (steps - 8, steps, 0)]
    last = pen.node("Slice", states, *ends)
    last = pen.node("Reshape", last, pen.constant(np.array([8 * rows, hidden])))
    return pen.model([steps, rows, width], pen.dense(pen.bottleneck(last, hidden, extra), hidden, 16))


def forest(seed: int, extra: int) -> onnx.ModelProto:
    """200 regression trees of depth 6 over 32 features, 64 rows at a time; and extra trees."""
    pen, depth, features, trees = Sketch(seed), 6, 32, 200 + extra
    scatter = np.random.default_rng(seed)
    inner, leaves = 2**depth - 1, 2**depth
    nodes = inner + leaves
    place = np.arange(nodes)
    splits = place < inner
    modes = ["BRANCH_LEQ" if splits_here else "LEAF" for splits_here in splits]
    summed = pen.node(
        "TreeEnsembleRegressor",
        "x",
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=np.repeat(np.arange(trees), nodes),
        nodes_nodeids=np.tile(place, trees),
        nodes_featureids=scatter.integers(0, features, trees * nodes) * np.tile(splits, trees),
        nodes_modes=modes * trees,
        nodes_values=scatter.normal(scale=0.5, size=trees * nodes).astype(np.float32),
        nodes_truenodeids=np.tile(np.where(splits, 2 * place + 1, 0), trees),
        nodes_falsenodeids=np.tile(np.where(splits, 2 * place + 2, 0), trees),
        target_treeids=np.repeat(np.arange(trees), leaves),
        target_nodeids=np.tile(place[inner:], trees),
        target_ids=np.zeros(trees * leaves, np.int64),
        target_weights=scatter.normal(size=trees * leaves).astype(np.float32),
    )
    return pen.model([64, features], summed)


def micro(seed: int, extra: int) -> onnx.ModelProto:
    """Make a perceptron that takes about 50 us."""
    return perceptron(384 + extra, seed, rows=8)


def tower(seed: int, extra: int) -> onnx.ModelProto:
    """Six matrix products of 2048 x 2048 by 512 rows; extra units in one more layer."""
    return _products(seed, extra, rows=512, layers=6)


def slow(seed: int, extra: int) -> onnx.ModelProto:
    """Make many matrix products of 2048 x 2048 by 2048 rows, which take about 5 s."""
    return _products(seed, extra, rows=2048, layers=48)


KINDS: Sequence[Kind] = (
    Kind("perceptron", mlp, batch=16),
    Kind("squeezenet", squeezenet, step=16),
    Kind("shufflenet", shufflenet, step=16),
    Kind("encoder", encoder, step=16),
    Kind("convnet", convnet, step=16),
    Kind("lstm", lstm, step=16),
    Kind("forest", forest, batch=64),
    Kind("resnet50", resnet50, step=16, group="medium"),
    Kind("tower", tower, step=16, batch=512, group="medium"),
    Kind("micro", micro, batch=8, group="micro"),
    Kind("slow", slow, step=16, batch=2048, group="slow"),
)


def _with_bottleneck(name: str, seed: int, tensor: str, channels: int, extra: int) -> onnx.ModelProto:
    """Load a light model and send one of its tensors through two more 1x1 convolutions."""
    model = light_models.with_random_weights(name, seed)
    if not extra:
        return model
    graph, scatter = model.graph, np.random.default_rng(seed + 1)
    readers = [(node, place) for node in graph.node for place, word in enumerate(node.input) if word == tensor]
    last = tensor
    for index, (inner, outer) in enumerate(((channels, extra), (extra, channels))):
        values = scatter.standard_normal((outer, inner, 1, 1), np.float32) * np.float32((2 / inner) ** 0.5)
        graph.initializer.append(numpy_helper.from_array(values, f"extra_w{index}"))
        conv = helper.make_node("Conv", [last, f"extra_w{index}"], [f"extra_c{index}"], kernel_shape=[1, 1])
        relu = helper.make_node("Relu", [f"extra_c{index}"], [f"extra_r{index}"])
        place = next(place for place, node in enumerate(graph.node) if last in node.output) + 1
        for node in (relu, conv):
            graph.node.insert(place, node)
        last = f"extra_r{index}"
    for node, place in readers:
        node.input[place] = last
    return model


def _attention(pen: Sketch, last: str, tokens: int, width: int, heads: int) -> str:
    """Attend over all tokens, several heads at once."""
    split, merged = (
        pen.constant(np.array(shape)) for shape in ([1, tokens, heads, width // heads], [1, tokens, width])
    )

    def part(order: list[int]) -> str:
        return pen.node("Transpose", pen.node("Reshape", pen.dense(last, width, width), split), perm=order)

    scores = pen.node("MatMul", part([0, 2, 1, 3]), part([0, 2, 3, 1]))
    scale = pen.constant(np.array((width // heads) ** -0.5, np.float32))
    shares = pen.node("Softmax", pen.node("Mul", scores, scale), axis=-1)
    mixed = pen.node("Transpose", pen.node("MatMul", shares, part([0, 2, 1, 3])), perm=[0, 2, 1, 3])
    return pen.dense(pen.node("Reshape", mixed, merged), width, width)


def _normalised(pen: Sketch, last: str, width: int) -> str:
    scale, shift = pen.constant(np.ones(width, np.float32)), pen.constant(np.zeros(width, np.float32))
    return pen.node("LayerNormalization", last, scale, shift, axis=-1)


def _products(seed: int, extra: int, rows: int, layers: int, width: int = 2048) -> onnx.ModelProto:
    """Multiply again and again by the same four matrices, so that the file stays small."""
    pen = Sketch(seed)
    matrices = [pen.weight(width, width, fan_in=width) for _ in range(4)]
    last = "x"
    for layer in range(layers):
        last = pen.node("Relu", pen.node("MatMul", last, matrices[layer % 4]))
    return pen.model([rows, width], pen.bottleneck(last, width, extra))
