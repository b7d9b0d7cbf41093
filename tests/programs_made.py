"""Small exported programs, each made for one question. Run with a folder: torch stays out of the tests' own process."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.ao.quantization.fx import _decomposed  # noqa: F401 - it brings the operators of quantised programs
from torch.export import Dim
from torch.nn import functional


class Net(nn.Module):
    """A convolution, a dense layer and one head of attention; a mapping as output."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.dense, self.qkv, self.out = nn.Linear(8 * 4 * 4, 12), nn.Linear(12, 36), nn.Linear(12, 5)

    def forward(self, image, tokens):
        x = functional.max_pool2d(functional.relu(self.norm(self.conv(image))), 2)
        x = self.dense(x.flatten(1)).unsqueeze(1) + tokens
        q, k, v = self.qkv(x).chunk(3, -1)
        return {"logits": self.out(functional.scaled_dot_product_attention(q, k, v)), "rows": [x]}


class Of(nn.Module):
    """A function of its inputs and some layers."""

    def __init__(self, work, *layers):
        super().__init__()
        self.work, self.layers = work, nn.ModuleList(layers)

    def forward(self, *tensors):
        return self.work(*self.layers, *tensors)


class Counting(nn.Module):
    """Its output says how often it has run."""

    def __init__(self):
        super().__init__()
        self.register_buffer("runs", torch.zeros(()))

    def forward(self, x):
        self.runs.add_(1)
        return x * 0 + self.runs


class Options(nn.Module):
    """Takes a constant, a mapping by keyword, and a flag."""

    def forward(self, x, times, *, more, flag=True):
        return x * times + (more["shift"] if flag else 0)


class Tied(nn.Module):
    """Two layers that share one weight."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4, bias=False)
        self.second = nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(x))


@torch.library.custom_op("foreign::double", mutates_args=())
def double(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@double.register_fake
def _(x):
    return torch.empty_like(x)


def _integers(x, weight):
    ops, whole = torch.ops.quantized_decomposed, (0.1, 0, -128, 127, torch.int8)
    rounded = [ops.dequantize_per_tensor(ops.quantize_per_tensor(y, *whole), *whole) for y in (x, weight)]
    return functional.linear(*rounded)


def _shared(layer, x):
    with torch.no_grad():
        return layer(x)


def programs():
    """Yield name, module, inputs and further options of the export."""
    batch, r = Dim("batch"), torch.randn
    yield "net", Net(), (r(2, 3, 8, 8), r(2, 6, 12)), {"dynamic_shapes": ({0: batch}, {0: batch})}
    yield "counting", Counting(), (r(2),), {}
    yield "options", Options(), (r(2, 3), 2), {"kwargs": {"more": {"shift": r(3)}}}
    yield "tied", Tied(), (r(2, 4),), {}
    yield (
        "rnn",
        Of(lambda a, b, x: b(a(x)[0])[0], nn.LSTM(6, 7, 2, bidirectional=True), nn.GRU(14, 5)),
        (r(4, 2, 6),),
        {},
    )
    yield "products", Of(lambda x, y, v: (x @ y) @ v), (r(2, 3), r(5, 3, 4), r(4)), {}
    yield "einsum", Of(lambda x, y: torch.einsum("bij,bkj->bik", x, y)), (r(2, 3, 4), r(2, 5, 4)), {}
    yield "tensordot", Of(lambda x, y: torch.tensordot(x, y, dims=([1], [0]))), (r(2, 3), r(3, 4)), {}
    yield "unbatched", Of(lambda c, x: c(x), nn.ConvTranspose2d(4, 6, 3, groups=2)), (r(4, 8, 8),), {}
    yield "same", Of(lambda c, x: c(x), nn.Conv2d(3, 4, 3, padding="same")), (r(2, 3, 8, 8),), {}
    yield "no_grad", Of(_shared, nn.Linear(3, 4)), (r(2, 3),), {}
    yield "bilinear", Of(lambda b, x: b(x, x), nn.Bilinear(3, 3, 2)), (r(2, 3),), {}
    yield "cond", Of(lambda x: torch.cond(x.sum() > 0, lambda t: t @ t, lambda t: t + 1, (x,))), (r(3, 3),), {}
    yield "nan", Of(lambda x: (x.sqrt() * float("nan"), x)), (r(2, 3),), {}
    yield (
        "tokens",
        Of(lambda e, t: e(t), nn.Embedding(9, 4)),
        (torch.ones(2, 5, dtype=torch.long),),
        {"dynamic_shapes": (({0: Dim("rows"), 1: Dim("length", max=64)},),)},
    )
    yield "integers", Of(_integers), (r(2, 3), r(5, 3)), {}
    yield "brain", Of(lambda x: x + 1), (r(2, 3).bfloat16(),), {}
    yield "foreign", Of(torch.ops.foreign.double), (r(2),), {}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    for name, module, inputs, options in programs():
        program = torch.export.export(module.eval(), inputs, **options)
        torch.export.save(program, Path(sys.argv[1]) / f"{name}.pt2")
