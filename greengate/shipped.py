"""Where the shipped `policies/`, `reports/` and `actions/` are: in the package, or in the checkout beside it."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from greengate.errors import MissingExtra

SHIPPED = "shipped/"
"""What the file of a shipped pack is called begins with it; no file of a repository is meant."""

_PACK = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)\.yaml")


def policies() -> Traversable:
    """Return the folder of the shipped policy packs."""
    return _folder("policies")


def reports() -> Traversable:
    """Return the folder of the shipped report templates."""
    return _folder("reports")


def actions() -> Traversable:
    """Return the folder of the shipped workflows."""
    return _folder("actions")


def pack_names() -> tuple[str, ...]:
    """Name the shipped packs; `NAME.test.yaml` beside them holds their tests and is none."""
    found = (_PACK.fullmatch(entry.name) for entry in policies().iterdir())
    return tuple(sorted(match[1] for match in found if match))


def pack(name: str) -> bytes | None:
    """Return the bytes of a shipped pack, or None where none has that name."""
    return (policies() / f"{name}.yaml").read_bytes() if name in pack_names() else None


def _folder(name: str) -> Traversable:
    installed = files("greengate") / "_shipped" / name
    if installed.is_dir():
        return installed
    checkout = Path(__file__).resolve().parent.parent / name
    if checkout.is_dir():
        return checkout
    raise MissingExtra(
        "greengate",
        f"this installation lacks its `{name}` folder",
        "install it again: pip install --force-reinstall greengate-ci",
    )
