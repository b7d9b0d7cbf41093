"""Results as Markdown beside the scripts, with the machine they were made on."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path


def runner() -> str:
    """Describe the machine without its load of this moment; it imports a lot, which whoever measures does last."""
    sys.path.insert(0, str(Path(__file__).parent))
    import machine  # noqa: PLC0415 - heavy

    return re.sub(r"; load [0-9.]+", "", machine.described())


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out rows under heads."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def write(folder: Path, script: str, title: str, *parts: str) -> None:
    """Print a result and write it to RESULT-<script>.md in a folder."""
    text = "\n".join([f"# {title}\n", *(f"{part.rstrip()}\n" for part in parts)])
    print(text)
    (folder / f"RESULT-{script}.md").write_text(text, encoding="utf-8")
