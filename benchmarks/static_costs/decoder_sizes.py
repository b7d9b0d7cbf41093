"""How large the decoders of these benchmarks are, and what each must cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a decoder is. `positions` is the length of the table of rotations."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_width: int
    ffn: int
    vocabulary: int
    positions: int = 4096

    def macs(self, batch: int, seq: int) -> int:
        """Return the multiply-accumulates, written out: products with weights, scores and weighted values.

        All logits are computed, and the whole score matrix, whatever the causal mask.
        """
        queries, keys = self.heads * self.head_width, self.kv_heads * self.head_width
        attention = self.hidden * (queries + 2 * keys) + queries * self.hidden
        layer = attention + 3 * self.hidden * self.ffn
        weights = self.layers * layer + self.hidden * self.vocabulary
        return batch * (seq * weights + self.layers * 2 * seq * seq * queries)


LIKE: Final = {
    "tiny": Sizes(1, 32, 4, 2, 8, 64, 64, 64),
    "small": Sizes(74, 32, 4, 2, 8, 64, 256, 256),
    "medium": Sizes(74, 192, 6, 2, 32, 640, 8000, 1024),
    "gigabyte": Sizes(74, 512, 8, 2, 64, 1792, 32000),
    "70b": Sizes(80, 8192, 64, 8, 128, 28672, 128256),
    "inline": Sizes(16, 2048, 16, 8, 128, 8192, 32000),
}
