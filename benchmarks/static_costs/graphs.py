"""Write one of the hand-written graphs, with random numbers as weights in the same file.

    python benchmarks/static_costs/graphs.py NAME PATH

The names are those of `GRAPHS`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import language_graphs
import vision_graphs
from graph_maker import Maker

GRAPHS: Final[dict[str, Callable[[], Maker]]] = {
    "resnet18": vision_graphs.resnet18,
    "mobilenet_v2": vision_graphs.mobilenet_v2,
    "vit_b_16": vision_graphs.vit_b_16,
    "encoder": language_graphs.encoder,
    "lstm": language_graphs.lstm,
    "bert_base": language_graphs.bert_base,
    "gpt2": language_graphs.gpt2,
}

if __name__ == "__main__":
    GRAPHS[sys.argv[1]]().save(Path(sys.argv[2]), "inline", "random")
