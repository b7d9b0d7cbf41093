"""What grew, drawn: the operators of each model that cost more or less than in its baseline, as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from greengate.errors import UsageError
from greengate.evidence import Grown
from greengate.report import picture
from greengate.report.account import Account
from greengate.report.picture import Bar

NAME = "picture"
_MOST = 12
_MOST_IN_ALL = 48


def refuse_unable(path: str) -> None:
    """Make sure that the picture can be drawn, before anything is measured for it.

    Raises:
        UsageError: The file's name ends in something else than ".svg".
        MissingExtra: What draws it is not installed.
    """
    if path != "-" and not path.endswith(".svg"):
        raise UsageError(
            "--report", f"`{path}` is no SVG, which the picture is", "for example `--report picture=grown.svg`"
        )
    picture.refuse_unable(Path("picture.svg"), "--report picture")


def render(account: Account) -> str:
    """Draw multiply-accumulates of an inference, of baseline and candidate side by side, where they differ."""
    models = [entry for entry in account.entries if entry.evidence is not None and any(_moved(entry.evidence.grown))]
    shown = models[: _MOST_IN_ALL // 2]
    most = min(_MOST, _MOST_IN_ALL // max(1, len(shown)))
    bars = [
        Bar(f"{f'{entry.name}: ' if len(models) > 1 else ''}{one.name} ({one.op})", side, amount)
        for entry in shown
        if entry.evidence is not None
        for one in list(_moved(entry.evidence.grown))[:most]
        for side, amount in (("baseline", one.macs_before or 0), ("candidate", one.macs or 0))
    ]
    if not bars:
        title, words = "No operator has more or fewer multiply-accumulates", "than in its baseline"
    else:
        title = "Operators that cost more or less than in the baseline"
        left = len(models) - len(shown)
        words = ", ".join(entry.name for entry in shown) + (f" and {left} more" if left else "")
    return picture.draw(bars, ".svg", title=title, subtitle=words, axis="MACs of an inference").decode()


def _moved(grown: tuple[Grown, ...]) -> Iterator[Grown]:
    """Go through those whose multiply-accumulates are known and changed."""
    return (one for one in grown if None not in (one.macs, one.macs_before) and one.macs != one.macs_before)
