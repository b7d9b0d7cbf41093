"""What a format needs besides greengate itself: looked for before anything is computed for it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from greengate.errors import MissingExtra

INSTALL = "pip install 'greengate-ci[reports]'"


def refuse_missing(word: str, modules: Iterable[str]) -> None:
    """Make sure that what makes a format is installed.

    Raises:
        MissingExtra: Something of it is not.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtra(f"--report {word}", f"{' and '.join(missing)} must be installed to write it", INSTALL)
