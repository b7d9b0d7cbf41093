"""A Llama-like decoder as exporters write it: standard operators, shapes computed in the graph, open axes.

    python benchmarks/static_costs/decoder.py PATH --like 70b --weights inline|external|absent --content random|zeros

RMS normalisation is its elementary operators; rotary embedding is slices, a negation and a concatenation; the fewer
heads of keys and values are repeated by Unsqueeze, Expand and Reshape; SwiGLU is a sigmoid and products. The inputs
`input_ids` and `position_ids` are `batch` by `seq`. 68 nodes a layer.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final, get_args

from decoder_sizes import LIKE, Sizes
from graph_maker import Content, Maker, Placed
from onnx import TensorProto

_LAST: Final = 2**63 - 1


_HALF: Final = frozenset({"70b", "inline"})


def decoder(sizes: Sizes, dtype: int = TensorProto.FLOAT) -> Maker:
    """Write a decoder."""
    make = Maker("decoder", dtype=dtype)
    tokens = make.input("input_ids", ("batch", "seq"), TensorProto.INT64)
    positions = make.input("position_ids", ("batch", "seq"), TensorProto.INT64)
    value = make.node("Gather", make.weight(sizes.vocabulary, sizes.hidden), tokens)
    turns = tuple(
        make.node("Unsqueeze", make.node("Gather", make.weight(sizes.positions, sizes.head_width), positions), one)
        for one in (make.ints(1), make.ints(1))
    )
    length = make.node("Gather", make.node("Shape", tokens), make.ints(1))
    square = make.node("Concat", length, length, axis=0)
    mask = make.node("Trilu", make.node("Expand", make.scalar(-65504.0), square), make.single(1), upper=1)
    for _ in range(sizes.layers):
        value = make.node("Add", value, _attention(make, sizes, _norm(make, sizes, value), turns, mask))
        value = make.node("Add", value, _feed_forward(make, sizes, _norm(make, sizes, value)))
    logits = make.linear(_norm(make, sizes, value), sizes.hidden, sizes.vocabulary, bias=False)
    make.output(logits, 3)
    return make


def _norm(make: Maker, sizes: Sizes, value: str) -> str:
    square = make.node("Pow", value, make.scalar(2.0))
    mean = make.node("ReduceMean", square, axes=[-1], keepdims=1)
    root = make.node("Sqrt", make.node("Add", mean, make.scalar(1e-5)))
    scaled = make.node("Mul", value, make.node("Div", make.scalar(1.0), root))
    return make.node("Mul", make.weight(sizes.hidden), scaled)


def _attention(make: Maker, sizes: Sizes, value: str, turns: tuple[str, ...], mask: str) -> str:
    shape = make.node("Shape", value)
    batch, length = (make.node("Gather", shape, make.ints(axis)) for axis in (0, 1))
    width = make.ints(sizes.head_width)
    many, few, each = make.ints(sizes.heads), make.ints(sizes.kv_heads), make.ints(sizes.heads // sizes.kv_heads)
    apart = make.node("Concat", batch, length, many, width, axis=0)
    fewer_apart = make.node("Concat", batch, length, few, width, axis=0)
    spread = make.node("Concat", batch, few, each, length, width, axis=0)
    repeated = make.node("Concat", batch, many, length, width, axis=0)
    together = make.node("Concat", batch, length, make.ints(-1), axis=0)

    def heads(count: int, split: str) -> str:
        flat = make.linear(value, sizes.hidden, count * sizes.head_width, bias=False)
        return make.node("Transpose", make.node("Reshape", flat, split), perm=[0, 2, 1, 3])

    def for_all(fewer: str) -> str:
        expanded = make.node("Expand", make.node("Unsqueeze", fewer, make.ints(2)), spread)
        return make.node("Reshape", expanded, repeated)

    query = _turned(make, sizes, heads(sizes.heads, apart), turns)
    key = for_all(_turned(make, sizes, heads(sizes.kv_heads, fewer_apart), turns))
    content = for_all(heads(sizes.kv_heads, fewer_apart))
    scores = make.node("MatMul", query, make.node("Transpose", key, perm=[0, 1, 3, 2]))
    scores = make.node("Add", make.node("Mul", scores, make.scalar(sizes.head_width**-0.5)), mask)
    mixed = make.node("MatMul", make.node("Softmax", scores, axis=-1), content)
    flat = make.node("Reshape", make.node("Transpose", mixed, perm=[0, 2, 1, 3]), together)
    return make.linear(flat, sizes.heads * sizes.head_width, sizes.hidden, bias=False)


def _turned(make: Maker, sizes: Sizes, value: str, turns: tuple[str, ...]) -> str:
    middle = make.ints(sizes.head_width // 2)
    first = make.node("Slice", value, make.ints(0), middle, make.ints(-1))
    second = make.node("Slice", value, middle, make.ints(_LAST), make.ints(-1))
    swapped = make.node("Concat", make.node("Neg", second), first, axis=-1)
    return make.node("Add", make.node("Mul", value, turns[0]), make.node("Mul", swapped, turns[1]))


def _feed_forward(make: Maker, sizes: Sizes, value: str) -> str:
    gate = make.linear(value, sizes.hidden, sizes.ffn, bias=False)
    gate = make.node("Mul", gate, make.node("Sigmoid", gate))
    product = make.node("Mul", gate, make.linear(value, sizes.hidden, sizes.ffn, bias=False))
    return make.linear(product, sizes.ffn, sizes.hidden, bias=False)


def main() -> None:
    """Write one decoder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--like", choices=list(LIKE), required=True)
    parser.add_argument("--weights", choices=get_args(Placed), default="inline")
    parser.add_argument("--content", choices=get_args(Content), default="zeros")
    asked = parser.parse_args()
    dtype = TensorProto.FLOAT16 if asked.like in _HALF else TensorProto.FLOAT
    decoder(LIKE[asked.like], dtype).save(asked.path, asked.weights, asked.content)


if __name__ == "__main__":
    main()
