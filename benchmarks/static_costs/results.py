"""Results as Markdown beside the scripts, with the machine they were made on."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent


def machine() -> str:
    """Describe the machine without its load of this moment; call it last, since it imports a lot."""
    sys.path.insert(0, str(HERE.parent))
    import machine  # noqa: PLC0415 - see children: whoever measures must be small

    return re.sub(r"; load [0-9.]+", "", machine.described())


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out rows under heads."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def write(script: str, title: str, *parts: str) -> None:
    """Print a result and write it to RESULT-<script>.md."""
    text = "\n".join([f"# {title}\n", *(f"{part.rstrip()}\n" for part in parts)])
    print(text)
    (HERE / f"RESULT-{script}.md").write_text(text, encoding="utf-8")
