"""Models of sequences as torch modules, written by hand from their papers, with torch's own attention inside."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Attention(nn.Module):
    """Attention by `scaled_dot_product_attention`."""

    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.projected, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, value: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Attend; a mask is added to the scores."""
        rows, length, width = value.shape
        parts = self.projected(value).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, content = parts.unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, content, attn_mask=mask, is_causal=self.causal)
        return self.out(mixed.transpose(1, 2).reshape(rows, length, width))


class Itself(nn.Module):
    """Attention by `nn.MultiheadAttention`, as torchvision's vision transformer has it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, value: torch.Tensor, _: torch.Tensor | None = None) -> torch.Tensor:
        """Attend."""
        return self.attention(value, value, value, need_weights=False)[0]


class Block(nn.Module):
    """Attention and two dense layers, each added to what came in; normalised before or after."""

    def __init__(self, width: int, inner: int, attention: nn.Module, *, first_norm: bool, act: nn.Module) -> None:
        super().__init__()
        self.first_norm, self.attention = first_norm, attention
        self.dense = nn.Sequential(nn.Linear(width, inner), act, nn.Linear(inner, width))
        self.one, self.two = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, value: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Run the block."""
        if self.first_norm:
            value = value + self.attention(self.one(value), mask)
            return value + self.dense(self.two(value))
        value = self.one(value + self.attention(value, mask))
        return self.two(value + self.dense(value))


def encoder() -> nn.Module:
    """The encoder of Vaswani et al., Attention Is All You Need (2017), base model, on embedded tokens."""
    blocks = [Block(512, 2048, Attention(512, 8), first_norm=False, act=nn.ReLU()) for _ in range(6)]
    return nn.Sequential(*blocks)


class Vit(nn.Module):
    """ViT-B/16 at 224 by 224: Dosovitskiy et al. (2020), table 1."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 768, 16, 16)
        self.start, self.positions = nn.Parameter(torch.zeros(1, 1, 768)), nn.Parameter(torch.zeros(1, 197, 768))
        blocks = [Block(768, 3072, Itself(768, 12), first_norm=True, act=nn.GELU()) for _ in range(12)]
        self.blocks, self.norm, self.head = nn.Sequential(*blocks), nn.LayerNorm(768), nn.Linear(768, 1000)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Classify."""
        patches = self.patches(image).flatten(2).transpose(1, 2)
        value = torch.cat([self.start.expand(len(image), -1, -1), patches], 1) + self.positions
        return self.head(self.norm(self.blocks(value))[:, 0])


class Lstm(nn.Module):
    """Two layers of 512 LSTM cells over 256 features, and a dense layer of 1,000 on every step."""

    def __init__(self) -> None:
        super().__init__()
        self.cells, self.head = nn.LSTM(256, 512, 2), nn.Linear(512, 1000)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Run over all steps."""
        return self.head(self.cells(features)[0])


class Bert(nn.Module):
    """BERT-base, uncased, with its pooler: Devlin et al. (2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.positions, self.kinds = (nn.Embedding(rows, 768) for rows in (30522, 512, 2))
        blocks = [Block(768, 3072, Attention(768, 12), first_norm=False, act=nn.GELU()) for _ in range(12)]
        self.norm, self.blocks, self.pooler = nn.LayerNorm(768), nn.ModuleList(blocks), nn.Linear(768, 768)

    def forward(self, tokens: torch.Tensor, kinds: torch.Tensor, shown: torch.Tensor) -> Any:
        """Return the last hidden state and the pooled first one."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        value = self.norm(self.words(tokens) + self.kinds(kinds) + self.positions(places))
        mask = (1.0 - shown[:, None, None].to(value.dtype)) * torch.finfo(value.dtype).min
        for block in self.blocks:
            value = block(value, mask)
        return value, torch.tanh(self.pooler(value[:, 0]))


class Gpt2(nn.Module):
    """GPT-2 small with its tied head, all logits: Radford et al. (2019)."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(50257, 768), nn.Embedding(1024, 768)
        attentions = [Attention(768, 12, causal=True) for _ in range(12)]
        blocks = [Block(768, 3072, one, first_norm=True, act=nn.GELU("tanh")) for one in attentions]
        self.blocks, self.norm = nn.Sequential(*blocks), nn.LayerNorm(768)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the logits of all positions."""
        value = self.words(tokens) + self.positions(torch.arange(tokens.shape[1], device=tokens.device))
        return functional.linear(self.norm(self.blocks(value)), self.words.weight)
