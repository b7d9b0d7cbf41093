"""A Llama-like decoder as a torch module, of the same sizes as the ONNX one in `decoder`."""

from __future__ import annotations

import torch
from decoder_sizes import Sizes
from torch import nn
from torch.nn import functional


class Layer(nn.Module):
    """Grouped-query attention with rotary embedding, and SwiGLU; both normalised first."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        queries, keys = sizes.heads * sizes.head_width, sizes.kv_heads * sizes.head_width
        self.query, self.key, self.content, self.out = (
            nn.Linear(inputs, outputs, bias=False)
            for inputs, outputs in (
                (sizes.hidden, queries),
                (sizes.hidden, keys),
                (sizes.hidden, keys),
                (queries, sizes.hidden),
            )
        )
        self.gate, self.up = (nn.Linear(sizes.hidden, sizes.ffn, bias=False) for _ in range(2))
        self.down = nn.Linear(sizes.ffn, sizes.hidden, bias=False)
        self.one, self.two = nn.RMSNorm(sizes.hidden), nn.RMSNorm(sizes.hidden)

    def forward(self, value: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Run the layer; `turns` are cosines and sines by position."""
        value = value + self._attended(self.one(value), turns)
        inner = self.two(value)
        return value + self.down(functional.silu(self.gate(inner)) * self.up(inner))

    def _attended(self, value: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        rows, length, _ = value.shape
        apart = (rows, length, -1, self.sizes.head_width)
        query, key, content = (part(value).view(apart).transpose(1, 2) for part in (self.query, self.key, self.content))
        query, key = (_turned(part, *turns) for part in (query, key))
        each = self.sizes.heads // self.sizes.kv_heads
        key, content = (part.repeat_interleave(each, 1) for part in (key, content))
        mixed = functional.scaled_dot_product_attention(query, key, content, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(rows, length, -1))


class Decoder(nn.Module):
    """A decoder with an untied head, all logits."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.words = nn.Embedding(sizes.vocabulary, sizes.hidden)
        self.cosines, self.sines = (
            nn.Buffer(torch.zeros(sizes.positions, sizes.head_width), persistent=False) for _ in range(2)
        )
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.norm, self.head = nn.RMSNorm(sizes.hidden), nn.Linear(sizes.hidden, sizes.vocabulary, bias=False)

    def forward(self, tokens: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Return the logits of all positions."""
        turns = self.cosines[positions][:, None], self.sines[positions][:, None]
        value = self.words(tokens)
        for layer in self.layers:
            value = layer(value, turns)
        return self.head(self.norm(value))


def _turned(value: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    first, second = value.chunk(2, -1)
    return value * cosines + torch.cat([-second, first], -1) * sines
