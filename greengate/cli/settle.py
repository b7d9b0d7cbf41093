"""`greengate settle` and `greengate retire`: what became of a change or a model, for the history."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import click

from greengate import check, settings
from greengate.accounts import refuse_unknown_form
from greengate.cli.moments import in_words, moment
from greengate.errors import UsageError
from greengate.history import History, Record, opened
from greengate.packs.project import load_project
from greengate.records import Retirement
from greengate.report.escaping import plain
from greengate.settlements import CLOSED, MERGED, Settled, Wanted
from greengate.settlements import retire as write_retirement
from greengate.settlements import settle as write_settlement
from greengate.trees import WorkingTree

_project = click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
_history = click.option("--history", "path", metavar="FILE|URL", help="The history, instead of the project's.")
_ENTRY = re.compile(r"[0-9a-fA-F]{4,64}")


@click.command(short_help="Write down that a change was merged or closed.")
@click.argument("words", metavar="CHANGE|ENTRY...", nargs=-1, required=True)
@click.option("--merged", "state", flag_value=MERGED, help="It was merged: what it brings is in force.")
@click.option("--closed", "state", flag_value=CLOSED, help="It was closed without being merged.")
@click.option("--at", metavar="TIME", help="When, such as 2026-11-21T10:00:00Z. Default: now.")
@click.option("--commit", default="", metavar="SHA", help="The commit that it was merged as.")
@click.option("--by", default="greengate settle", metavar="WHO", help="Who says so; a role rather than a person.")
@_project
@_history
def settle(  # noqa: PLR0913 - one argument an option
    *,
    words: tuple[str, ...],
    state: Literal["merged", "closed"] | None,
    at: str | None,
    commit: str,
    by: str,
    project: str,
    path: str | None,
) -> int:
    """Write down that a change was merged or closed, so that reports know what is in force.

    CHANGE is written like owner/repo#12 or group/project!12; ENTRY is the beginning of a decision's id, where no change
    was named. The same again writes nothing. What was merged cannot be closed any more.
    """
    if state is None:
        raise UsageError("greengate settle", "it is not said what became of it", "give --merged or --closed")
    if commit and not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        raise UsageError("--commit", f"`{commit}` is no commit", "give its hexadecimal id, as git does")
    when = in_words(moment(at, past=True))
    with opened(_place(project, path), make=False) as history:
        behind = history.behind(when) if at is None else ""
        wanted = Wanted(state, _change(words), _decisions(history, words), when, commit, by)
        done = write_settlement(history, wanted)
    if behind:
        click.echo(f"note: {behind}", err=True)
    if done.refused:
        raise UsageError(", ".join(words), done.words, "what was merged stays so; `greengate retire` ends a model")
    return _told(done, f"{', '.join(words)}: {state} at {when}")


@click.command(short_help="Write down that a model is no longer in production.")
@click.argument("model")
@click.option("--at", metavar="TIME", help="When, such as 2026-11-21T10:00:00Z. Default: now.")
@click.option("--why", required=True, metavar="WORDS", help="Why, in words.")
@click.option("--by", default="greengate retire", metavar="WHO", help="Who says so; a role rather than a person.")
@_project
@_history
def retire(  # noqa: PLR0913 - one argument an option
    *, model: str, at: str | None, why: str, by: str, project: str, path: str | None
) -> int:
    """Write down that a model is no longer in production: reports count nothing of it from then on."""
    if not why.strip():
        raise UsageError("--why", "no reason is given", "say in a few words why it is retired")
    when = in_words(moment(at, past=True))
    with opened(_place(project, path), make=False) as history:
        done = write_retirement(history, model, _name(project), Retirement(at=when, model=model, why=why, by=by))
    return _told(done, f"{model}: retired at {when}")


def _place(project: str, path: str | None) -> str:
    return path or settings.from_environment()["history"] or check.history_of(Path(project))


def _name(project: str) -> str | None:
    """Tell the project's name; None where there is no project file that says it."""
    file = Path(project)
    return load_project(WorkingTree(file.parent), file.name).name if file.is_file() else None


def _change(words: tuple[str, ...]) -> str:
    """Tell which change is meant; "" where entries are."""
    changes = [word for word in words if set(word) & set("#!")]
    if not changes:
        return ""
    if len(words) > 1:
        raise UsageError("CHANGE", "several things are named, one of them a change", "settle one change at a time")
    refuse_unknown_form(changes[0])
    return changes[0]


def _decisions(history: History, words: tuple[str, ...]) -> tuple[Record, ...]:
    if set(words[0]) & set("#!"):
        return ()
    for word in words:
        if word != "last" and not _ENTRY.fullmatch(word):
            hint = "a change is written like `owner/repo#12`, an entry by at least 4 digits of its id"
            raise UsageError(word, "this is neither a change nor an entry", hint)
    return tuple({record.entry_id: record for record in map(history.find, words)}.values())


def _told(done: Settled, words: str) -> int:
    click.echo(plain(f"{words} (entry {done.entry[:12]})" if done.entry else done.words))
    return 0
