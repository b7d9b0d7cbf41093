"""Models of sequences as ONNX graphs, written by hand from their papers; attention is its elementary operators."""

from __future__ import annotations

from dataclasses import dataclass

from graph_maker import Maker
from onnx import TensorProto


@dataclass(frozen=True, slots=True)
class Sizes:
    """A block of attention and two dense layers: its widths, where it normalises, and what is between the two."""

    width: int
    heads: int
    inner: int
    first_norm: bool = False
    act: str = "Erf"


ENCODER, BASE = Sizes(512, 8, 2048, act="Relu"), Sizes(768, 12, 3072)
GPT = Sizes(768, 12, 3072, first_norm=True)


def encoder() -> Maker:
    """The encoder of Vaswani et al., Attention Is All You Need (2017), base model, on embedded tokens."""
    make = Maker("encoder")
    value = make.input("embedded", ("batch", "seq", ENCODER.width))
    for _ in range(6):
        value = block(make, value, ENCODER)
    make.output(value, 3)
    return make


def lstm() -> Maker:
    """Two layers of 512 LSTM cells over 256 features, and a dense layer of 1,000 on every step."""
    make, width = Maker("lstm"), 512
    value = make.input("features", ("seq", "batch", 256))
    for inputs in (256, width):
        weights = (make.weight(1, 4 * width, inputs), make.weight(1, 4 * width, width), make.weight(1, 8 * width))
        value = make.node("Squeeze", make.nodes("LSTM", 3, value, *weights, hidden_size=width)[0], make.ints(1))
    make.output(make.linear(value, width, 1000), 3)
    return make


def bert_base() -> Maker:
    """BERT-base, uncased, with its pooler: Devlin et al. (2018); as exporters write it, with open axes."""
    make = Maker("bert_base")
    tokens, kinds, shown = (
        make.input(name, ("batch", "seq"), TensorProto.INT64)
        for name in ("input_ids", "token_type_ids", "attention_mask")
    )
    length = make.node("Gather", make.node("Shape", tokens), make.ints(1))
    table = make.node("Slice", make.weight(512, BASE.width), make.ints(0), length, make.ints(0))
    value = make.node("Gather", make.weight(30522, BASE.width), tokens)
    value = make.node("Add", value, make.node("Gather", make.weight(2, BASE.width), kinds))
    value = norm(make, make.node("Add", value, table), BASE.width)
    hidden = make.node("Cast", make.node("Unsqueeze", shown, make.ints(1, 2)), to=make.dtype)
    mask = make.node("Mul", make.node("Sub", make.scalar(1.0), hidden), make.scalar(-65504.0))
    for _ in range(12):
        value = block(make, value, BASE, mask)
    first = make.node("Gather", value, make.single(0), axis=1)
    pooled = make.node("Gemm", first, make.weight(BASE.width, BASE.width), make.weight(BASE.width), transB=1)
    make.output(value, 3)
    make.output(make.node("Tanh", pooled), 2)
    return make


def gpt2() -> Maker:
    """GPT-2 small with its tied head, all logits: Radford et al. (2019); as exporters write it, with open axes."""
    make, words = Maker("gpt2"), 50257
    tokens = make.input("input_ids", ("batch", "seq"), TensorProto.INT64)
    embedding = make.weight(words, BASE.width)
    length = make.node("Gather", make.node("Shape", tokens), make.single(1))
    positions = make.node("Range", make.single(0), length, make.single(1))
    value = make.node("Gather", embedding, tokens)
    value = make.node("Add", value, make.node("Gather", make.weight(1024, BASE.width), positions))
    square = make.node("Unsqueeze", length, make.ints(0))
    square = make.node("Concat", square, square, axis=0)
    mask = make.node("Trilu", make.node("Expand", make.scalar(-65504.0), square), make.single(1), upper=1)
    for _ in range(12):
        value = block(make, value, GPT, mask)
    head = make.node("Transpose", embedding, perm=[1, 0])
    make.output(make.node("MatMul", norm(make, value, BASE.width), head), 3)
    return make


def norm(make: Maker, value: str, width: int) -> str:
    """Normalise the last axis."""
    return make.node("LayerNormalization", value, make.weight(width), make.weight(width), axis=-1)


def block(make: Maker, value: str, sizes: Sizes, mask: str = "") -> str:
    """Write attention and two dense layers, each added to what came in; normalised before or after."""
    if sizes.first_norm:
        value = make.node("Add", value, _attended(make, norm(make, value, sizes.width), sizes, mask))
        return make.node("Add", value, _dense(make, norm(make, value, sizes.width), sizes))
    value = norm(make, make.node("Add", value, _attended(make, value, sizes, mask)), sizes.width)
    return norm(make, make.node("Add", value, _dense(make, value, sizes)), sizes.width)


def _attended(make: Maker, value: str, sizes: Sizes, mask: str) -> str:
    projected = make.linear(value, sizes.width, 3 * sizes.width)
    each = make.ints(sizes.width, sizes.width, sizes.width)
    apart = make.ints(0, 0, sizes.heads, sizes.width // sizes.heads)
    query, key, content = (
        make.node("Transpose", make.node("Reshape", part, apart), perm=perm)
        for part, perm in zip(
            make.nodes("Split", 3, projected, each, axis=-1),
            ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]),
            strict=True,
        )
    )
    scale = make.scalar((sizes.width / sizes.heads) ** -0.5)
    scores = make.node("Mul", make.node("MatMul", query, key), scale)
    scores = make.node("Add", scores, mask) if mask else scores
    mixed = make.node("MatMul", make.node("Softmax", scores, axis=-1), content)
    flat = make.node("Reshape", make.node("Transpose", mixed, perm=[0, 2, 1, 3]), make.ints(0, 0, sizes.width))
    return make.linear(flat, sizes.width, sizes.width)


def _dense(make: Maker, value: str, sizes: Sizes) -> str:
    value = make.linear(value, sizes.width, sizes.inner)
    if sizes.act == "Erf":
        half = make.node("Add", make.node("Erf", make.node("Div", value, make.scalar(2**0.5))), make.scalar(1.0))
        value = make.node("Mul", make.node("Mul", value, half), make.scalar(0.5))
    else:
        value = make.node(sizes.act, value)
    return make.linear(value, sizes.inner, sizes.width)
