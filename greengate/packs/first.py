"""The first project file of a repository, as `greengate init` writes it: what could be found out, line by line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from greengate.errors import ProjectError, UsageError
from greengate.packs.first_models import Found, found, main_branch

MAX_MODELS = 20
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_UNFIT = re.compile(r"[^A-Za-z0-9._/-]+")
_HEAD = """\
# What `greengate gate` judges in this repository; `greengate policy explain` tells what the policies ask.
apiVersion: greengate/v1
kind: Project

# Shipped packs by name, your own policies and waivers by path or pattern: [starter, policies/*.yaml]
policies: [starter]

# Where verdicts are kept.
history: .greengate/history.db
"""
_TEMPLATE = """
models:
  # No ONNX file was found here. Put in the path of your model, or the command that exports it.
  - name: my-model
    path: models/my-model.onnx
    # build: {command: [python, export.py], output: models/my-model.onnx}   # instead of `path`

    # What it is compared with: a file, a commit (git:origin/main), or the last version that passed (last-pass).
    # baseline: git:origin/main

    # What it is run with: sizes for the axes that the model leaves open, or an .npz with one array an input.
    # inputs: {shapes: {x: [1, 128]}}

    # How good it is: a JSON file such as {"accuracy": 0.97}.
    # quality: {file: quality.json}

    # Where it runs and how often: what a change costs a year follows from it.
    # deployment: {kind: cloud, region: aws/eu-central-1, inferences_per_year: 1e9}
"""
_FACTORS = """
# The pinned table of carbon intensities, regions and PUE: `greengate factors show`.
factors: {factors}
"""


_DEPLOYMENT = (
    "Where it runs and how often: what a change costs a year follows from it.",
    "deployment: {kind: cloud, region: aws/eu-central-1, inferences_per_year: 1e9}",
)


@dataclass(frozen=True, slots=True)
class FirstProject:
    """The text of a first project file, and the models in it; none where the text is a template to fill in."""

    text: str
    models: tuple[str, ...]
    left_out: int = 0


def first_project(root: Path, factors: str = "") -> FirstProject:
    """Look at a repository and write down what can be found out, without asking.

    Args:
        root: The repository.
        factors: The factor set that it pins, or "" for none.
    """
    head = _HEAD + (_FACTORS.format(factors=factors) if factors else "")
    base = main_branch(root)
    models = found(root, base)
    if not models:
        return FirstProject(head + _TEMPLATE, ())
    kept = models[:MAX_MODELS]
    names = _names(kept)
    parts = [_model(name, model, base) for name, model in zip(names, kept, strict=True)]
    left_out = len(models) - len(kept)
    more = f"\n  # {left_out} more ONNX files were found and left out.\n" if left_out else ""
    return FirstProject(head + "\nmodels:\n" + "\n".join(parts) + more, tuple(names), left_out)


def write_first(root: Path, name: str = "greengate.yaml", factors: str = "") -> FirstProject:
    """Write the first project file of a repository.

    Raises:
        UsageError: There is one already.
        ProjectError: It cannot be written.
    """
    refusal = UsageError(name, "there is a project file already", "edit it, or move it away first")
    if (root / name).exists():
        raise refusal
    first = first_project(root, factors)
    try:
        with (root / name).open("x", encoding="utf-8") as file:
            file.write(first.text)
    except FileExistsError:
        raise refusal from None
    except OSError as refused:
        raise ProjectError(name, f"cannot be written: {refused.strerror}") from refused
    return first


def _names(models: list[Found]) -> list[str]:
    names: list[str] = []
    for model in models:
        name = _UNFIT.sub("-", str(PurePosixPath(model.path).with_suffix(""))).lstrip("._/-") or "model"
        count = sum(re.fullmatch(rf"{re.escape(name)}(_\d+)?", other) is not None for other in names)
        names.append(f"{name}_{count + 1}" if count else name)
    return names


def _model(name: str, model: Found, base: str) -> str:
    lines = [f"- name: {_text(name)}", f"  path: {_text(model.path)}"]
    lines += _baseline(model, base)
    lines += _inputs(model)
    if model.quality:
        then = f", baseline: {_text(f'git:{base}')}" if model.quality_in_base else ""
        lines += [
            "  # How good it is, as an evaluation wrote it down.",
            f"  quality: {{file: {_text(model.quality)}{then}}}",
        ]
    else:
        lines += ['  # quality: {file: quality.json}   # such as {"accuracy": 0.97}; rules on quality need it']
    lines += [f"  # {line}" for line in _DEPLOYMENT]
    return "".join(f"  {line}\n" for line in lines)


def _baseline(model: Found, base: str) -> list[str]:
    if model.in_base:
        return [
            "  # What it is compared with: the same file on the main branch.",
            f"  baseline: {_text(f'git:{base}')}",
        ]
    if base:
        return [f"  # baseline: git:{base}   # once the file is there; without one, nothing is compared"]
    return ["  # baseline: models/in-use.onnx   # the model it replaces; without one, nothing is compared"]


def _inputs(model: Found) -> list[str]:
    if model.unread:
        return [f"  # inputs: {{shapes: {{x: [1, 128]}}}}   # this file is {model.unread}"]
    lines = []
    if model.shapes:
        shapes = ", ".join(f"{_text(name)}: {sizes}" for name, sizes in model.shapes.items())
        lines += ["  # Sizes for the axes that the model leaves open. Check them: they decide what is measured.",
                  f"  inputs: {{shapes: {{{shapes}}}}}"]  # fmt: skip
    if model.integers:
        ranges = ", ".join(f"{_text(name)}: [0, 30000]" for name in model.integers)
        lines += [f"  # Integer inputs are 0 or 1 unless `inputs` has, for example, ranges: {{{ranges}}}"]
    return lines


def _text(text: str) -> str:
    """Write a text in YAML, in quotes where it could be read as something else."""
    plain = _PLAIN.fullmatch(text) or re.fullmatch(rf"git:{_PLAIN.pattern}", text)
    words = {"true", "false", "null"}
    return text if plain and text.lower() not in words else json.dumps(text, ensure_ascii=False)
