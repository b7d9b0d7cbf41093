"""Which word stands for which adapter; other packages add their own through entry points.

An adapter is imported when its word is first used, so that what a command does not need costs it nothing. A package
adds one with an entry point in the group `greengate.models` or `greengate.reports`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from greengate.errors import UsageError, nearest

MODELS = {".onnx": "greengate.models.onnx:OnnxLoader", ".pt2": "greengate.models.pytorch:TorchLoader"}
# No kinds that can be run: their loader says so, and what to do instead.
PICKLES = dict.fromkeys((".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"), MODELS[".pt2"])
REPORTS = {
    "codequality": "greengate.report.codequality",
    "json": "greengate.report.json_report",
    "junit": "greengate.report.junit",
    "markdown": "greengate.report.markdown",
    "sarif": "greengate.report.sarif",
    "table": "greengate.report.table",
}


def loader(suffix: str) -> Any:
    """Make the `ports.ModelLoader` for a kind of model file, or return None where there is none."""
    target = {**PICKLES, **_known(MODELS, "greengate.models")}.get(suffix)
    return _resolve(target)() if target else None


def report(word: str) -> Any:
    """Return the module (or object) that renders a report format.

    Raises:
        UsageError: No such format.
    """
    known = _known(REPORTS, "greengate.reports")
    if word not in known:
        raise UsageError("--report", f"`{word}` is no report format", nearest(word, known))
    return _resolve(known[word])


def _known(own: dict[str, str], group: str) -> dict[str, str]:
    return {**{entry.name: entry.value for entry in entry_points(group=group)}, **own}


def _resolve(target: str) -> Any:
    module, _, name = target.partition(":")
    found = import_module(module)
    return getattr(found, name) if name else found
