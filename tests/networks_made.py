"""Networks in torch, each made for one question of what they cost."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class Steered(nn.Module):
    """A buffer says how many rows are used."""

    def __init__(self):
        super().__init__()
        self.register_buffer("rows", torch.tensor([2, 3]))
        self.linear = nn.Linear(4, 5, bias=False)

    def forward(self, x):
        rows = self.rows[1].item()
        torch._check(rows >= 0)
        torch._check(rows <= x.shape[0])
        return self.linear(x.narrow(0, 0, rows))


class Kept(nn.Module):
    """Writes what it computes into a buffer and returns something else."""

    def __init__(self):
        super().__init__()
        self.register_buffer("kept", torch.zeros(2, 4))
        self.linear = nn.Linear(4, 4, bias=False)

    def forward(self, x):
        self.kept.copy_(self.linear(x))
        return x + 1


class Idle(nn.Module):
    """Has a layer that nothing uses, and a scale without an axis."""

    def __init__(self):
        super().__init__()
        self.used, self.idle = nn.Linear(4, 4), nn.Linear(7, 7)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return self.used(x) * self.scale


class Quantised(nn.Module):
    """A linear layer of eight-bit integers, and one of floats."""

    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.ones(5, 8, dtype=torch.int8))
        self.register_buffer("bias", torch.ones(5, dtype=torch.int32))
        self.register_buffer("scales", torch.ones(5))
        self.register_buffer("zeros", torch.zeros(5, dtype=torch.int64))
        self.last = nn.Linear(5, 2)

    def forward(self, x):
        ops = torch.ops.quantized_decomposed
        whole = (0.1, 0, -128, 127, torch.int8)
        x = ops.dequantize_per_tensor(ops.quantize_per_tensor(x, *whole), *whole)
        weight = ops.dequantize_per_channel(self.weight, self.scales, self.zeros, 0, -128, 127, torch.int8)
        bias = ops.dequantize_per_tensor(self.bias, 0.1, 0, -(2**31), 2**31 - 1, torch.int32)
        return self.last(functional.linear(x, weight) + bias)


class Scale(nn.Module):
    """A root-mean-square normalisation."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class Block(nn.Module):
    """One layer of a decoder in the shape of Llama: grouped attention with rotated positions, and a gated layer."""

    def __init__(self, hidden, heads, groups, width, inner):
        super().__init__()
        self.width, self.repeats = width, heads // groups
        self.query, self.output = (
            nn.Linear(hidden, heads * width, bias=False),
            nn.Linear(heads * width, hidden, bias=False),
        )
        self.key, self.value = (nn.Linear(hidden, groups * width, bias=False) for _ in range(2))
        self.gate, self.up = (nn.Linear(hidden, inner, bias=False) for _ in range(2))
        self.down = nn.Linear(inner, hidden, bias=False)
        self.before, self.between = Scale(hidden), Scale(hidden)

    def forward(self, x, cos, sin):
        y = self.before(x)
        query, key, value = (
            layer(y).unflatten(-1, (-1, self.width)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        query, key = (_rotated(part, cos, sin) for part in (query, key))
        key, value = (part.repeat_interleave(self.repeats, 1) for part in (key, value))
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.output(attended.transpose(1, 2).flatten(2))
        y = self.between(x)
        return x + self.down(functional.silu(self.gate(y)) * self.up(y))


def _rotated(x, cos, sin):
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


class Decoder(nn.Module):
    """A decoder in the shape of Llama 3 70B, with as many layers as wanted; it gives logits for all positions."""

    def __init__(self, layers, vocabulary=128256):
        super().__init__()
        self.embedding, self.norm = nn.Embedding(vocabulary, 8192), Scale(8192)
        self.blocks = nn.ModuleList(Block(8192, 64, 8, 128, 28672) for _ in range(layers))
        self.head = nn.Linear(8192, vocabulary, bias=False)

    def forward(self, tokens):
        places = torch.arange(tokens.shape[1], device=tokens.device, dtype=torch.float32)
        angles = torch.outer(places, 500000 ** -(torch.arange(0, 128, 2, device=tokens.device) / 128)).repeat(1, 2)
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, angles.cos(), angles.sin())
        return self.head(self.norm(x))
