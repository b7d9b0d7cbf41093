"""`greengate approvals`, `post` and `comment`: a forge is asked before a check, and told after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from greengate import __version__, asking, check, git, grounds, posting, registry, settings
from greengate.changes import Change
from greengate.cli import persons, reports
from greengate.errors import UsageError
from greengate.forge import job
from greengate.forges import Forge
from greengate.history import Record, opened
from greengate.ledger.places import as_file
from greengate.packs.project import load_project
from greengate.posting import Telling
from greengate.report import markdown
from greengate.report.account import Account
from greengate.report.escaping import plain
from greengate.trees import WorkingTree

_SIGNS = {"#": "github", "!": "gitlab"}
_MOST = 65_000
_MOST_LINES = 50

_project = click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
_history = click.option("--history", "path", metavar="FILE|URL", help="The history to read, instead of the project's.")
_base = click.option("--base", metavar="REF", help="The branch that the change goes to; a template is read there.")
_template = click.option("--template", metavar="FILE", help="Your own Jinja template for the comment.")
_change = click.option("--change", metavar="ID", help="The change, as in owner/repo#12; CI says it by itself.")


@click.command(short_help="Ask the forge who has approved a change, for the gate.")
@_project
@click.option("--base", metavar="REF", help="The branch that the change goes to: policies are read there.")
@_change
@click.option("--policy", "policies", multiple=True, metavar="PACK|FILE", help="Use these instead of the project's.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="Where to write it.")
def approvals(*, project: str, base: str | None, change: str | None, policies: tuple[str, ...], out: Path) -> int:
    """Ask the forge who has approved a change, and how its waivers were granted; `greengate gate --approvals` reads it.

    The gate itself then needs no token. Exit code 4: the forge could not be asked.
    """
    root = Path(project).parent
    about = asking.under_judgement(_about(change), root)
    chosen = settings.Settings(
        root=root,
        project=Path(project).name,
        base=settings.from_environment()["base"] if base is None else base,
        policies=policies,
        change=about.id,
    )
    held = grounds.read(chosen, load_project(WorkingTree(root), chosen.project))
    with _opened(about) as forge:
        asked = asking.ask(forge, about, held.policies, root, held.base or "HEAD")
    asking.write(asked, out)
    for one in asked.approvals:
        stands = f", who stands for {', '.join(one.owners)}" if one.owners else ", who is no owner of a policy"
        click.echo(plain(f"approved by {one.by}{' (an author)' if one.author else ''}{stands}"))
    for grant in asked.grants:
        word = {True: f"approved by {grant.by} in {grant.change}", False: "not approved", None: "not known"}
        click.echo(plain(f"waiver {grant.waiver}: {word[grant.reviewed]}{f': {grant.words}' if grant.words else ''}"))
    for words in asked.unknown:
        click.echo(plain(f"not known: {words}"), err=True)
    return 0


@click.command(short_help="Tell the forge what a check concluded, or tell it again.")
@click.argument("entries", metavar="[ENTRY]...", nargs=-1)
@_project
@_history
@_change
@_base
@_template
@click.option("--comment/--no-comment", default=True, help="Whether to write the comment.")
@click.option("--check/--no-check", "shown", default=True, help="Whether to show the check.")
@click.option("--unjudged", metavar="FILE", help="Tell instead what the gate said that ended before it judged.")
def post(  # noqa: PLR0913 - one argument an option
    *,
    entries: tuple[str, ...],
    project: str,
    path: str | None,
    change: str | None,
    base: str | None,
    template: str | None,
    comment: bool,
    shown: bool,
    unjudged: str | None,
) -> int:
    """Tell the forge what a check concluded, or tell it again: one comment, and a check beside the newest commit.

    ENTRY is the beginning of an id, or `last`, which is meant without it; the whole check is told that it belongs to.
    Exit code 4: the forge could not be told; what was concluded stands.
    """
    own = reports.template(template, _or_environment(base))
    if unjudged is not None and entries:
        raise UsageError("--unjudged", "what was not judged has no entry", "name either entries or the gate's words")
    if unjudged is None:
        telling = _telling(entries, project, path, change, own)
    else:
        about = _about(change, needed=False)
        telling = telling_of(_unjudged(Path(unjudged), about), about, project, own)
    return _told(telling, comment=comment, shown=shown)


@click.command(short_help="Print the comment on a change, or write it.")
@click.argument("entries", metavar="[ENTRY]...", nargs=-1)
@_project
@_history
@_change
@_base
@_template
@click.option("--dry-run", is_flag=True, help="Print it, and tell nobody.")
def comment(  # noqa: PLR0913 - one argument an option
    *,
    entries: tuple[str, ...],
    project: str,
    path: str | None,
    change: str | None,
    base: str | None,
    template: str | None,
    dry_run: bool,
) -> int:
    """Write the comment on a change, as `post` does; with --dry-run print it."""
    own = reports.template(template, _or_environment(base))
    telling = _telling(entries, project, path, change, own, named=not dry_run)
    if dry_run:
        click.echo(posting.body(telling, _MOST), nl=False)
        return 0
    return _told(telling, comment=True, shown=False)


def _unjudged(words: Path, about: Change) -> Account:
    """Give the account of a gate that ended before it judged: an error, with what it said.

    Raises:
        UsageError: What it said cannot be read.
    """
    try:
        with words.open("rb") as file:
            said = file.read(_MOST).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(
            str(words), f"cannot be read: {error.strerror}", "it is what the gate wrote to stderr"
        ) from error
    lines = [line.strip().removeprefix("error: ") for line in said.splitlines() if line.strip()]
    told = lines[:_MOST_LINES] or ["the gate ended before it judged anything, and said nothing"]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Account((), now, __version__, tuple(told), about)


def _told(telling: Telling, *, comment: bool, shown: bool) -> int:
    if telling.change.queued:
        click.echo("nothing is told from a merge queue: the job's result is what counts there")
        return 0
    if not telling.change.id:
        click.echo("nothing is told: this run is about no pull or merge request")
        return 0
    with _opened(telling.change) as forge:
        for words in posting.tell(forge, telling, comment=comment, check=shown):
            click.echo(plain(words))
    return 0


def _telling(  # noqa: PLR0913 - what is told, of what, and how
    entries: tuple[str, ...],
    project: str,
    path: str | None,
    change: str | None,
    own: reports.Template | None,
    *,
    named: bool = True,
) -> Telling:
    place = path or settings.from_environment()["history"] or check.history_of(Path(project))
    if named:
        _refuse_tracked(place, Path(project).parent)
    with opened(place, make=False) as history:
        found = [history.find(entry) for entry in entries or ("last",)]
        records = list({one.entry_id: one for record in found for one in history.of_check(record)}.values())
        account = check.placed(check.proven(check.account(records), history), Path(project))
        persons.note_withheld(history.ledger)
    about = _of_records(records, change) if named else records[-1].decision.change
    return telling_of(account, about, project, own)


def _refuse_tracked(place: str, root: Path) -> None:
    """Refuse to tell from a history that a change may bring along, with whatever stands in it.

    Raises:
        UsageError: Git tracks it.
    """
    file = as_file(place)
    if file and git.is_repository(root) and git.is_tracked(root, file):
        problem = "git tracks this history, so that a change can write into it what it likes"
        raise UsageError(place, problem, "keep it out of git, or name another with --history, here and for the gate")


def telling_of(account: Account, about: Change, project: str, own: reports.Template | None) -> Telling:
    """Put together what is told of an account, with a template of one's own where one is given."""
    return Telling(account, about, _key(project), lambda told, most: _words(told, own, most))


def _words(account: Account, own: reports.Template | None, most: int) -> str:
    if own is None:
        return markdown.render(account, most=min(most, _MOST))
    return markdown.render(account, own.text, where=own.file, most=min(most, _MOST))


def _key(project: str) -> str:
    """Name a project by the place of its file in the repository."""
    root = Path(project).parent
    return f"{git.prefix(root)}{Path(project).name}" if git.is_repository(root) else Path(project).name


def _about(change: str | None, *, needed: bool = True) -> Change:
    """Tell which change is meant, by the option, the environment, or CI; where it need not be, CI may know of none.

    Raises:
        UsageError: Nothing says so.
    """
    about = job.about(settings.ci_environment())
    given = settings.from_environment()["change"] if change is None else change
    about = _named(about, given) if given else about
    if not about.id and (needed or not about.forge):
        raise UsageError("--change", "no pull or merge request is named", "write it like `owner/repo#12`")
    return about


def _named(about: Change, given: str) -> Change:
    sign = next((sign for sign in _SIGNS if sign in given), "")
    if not sign:
        raise UsageError("--change", f"`{given}` is no change", "write it like `owner/repo#12` or `group/project!12`")
    if about.id == given:
        return about if about.forge else about.model_copy(update={"forge": _SIGNS[sign]})
    return Change(id=given, forge=_SIGNS[sign], run=about.run, page=about.page)


def _of_records(records: list[Record], change: str | None) -> Change:
    """Tell which change some entries are about: as they say, or as CI does of this job.

    Raises:
        UsageError: They are about another one than is named, or about several.
    """
    written = {record.decision.change.id: record.decision.change for record in records}
    if len(written) > 1:
        raise UsageError("ENTRY", f"these entries are about several changes: {', '.join(sorted(written))}")
    (entry,) = written.values()
    about = job.about(settings.ci_environment())
    given = change or settings.from_environment()["change"] or about.id or entry.id
    if entry.id and given != entry.id:
        hint = f"--change {entry.id}"
        raise UsageError("--change", f"these entries are about {entry.id}, not about {given}", hint)
    if not given:
        if about.forge:
            return about
        raise UsageError("--change", "the entry names no pull or merge request", "write it like `owner/repo#12`")
    return _as_judged(_named(entry if entry.id else about, given), entry, about, records[-1].decision.commit)


def _as_judged(named: Change, entry: Change, about: Change, commit: str) -> Change:
    """Tell of the commit and the run that the entries are of, whichever job tells it.

    Another attempt of that run may tell it: it has joined legs anew.
    """
    told = named.model_copy(update={"head": entry.head or commit})
    if entry.run and entry.run.partition(".")[0] != about.run.partition(".")[0]:
        return told.model_copy(update={"run": entry.run, "page": entry.page})
    return told.model_copy(update={"run": about.run or entry.run, "page": about.page or entry.page})


@contextmanager
def _opened(about: Change) -> Iterator[Forge]:
    forge = registry.forge(about.forge, settings.forge_access(about.forge), about.id)
    try:
        yield forge
    finally:
        forge.close()


def _or_environment(base: str | None) -> str:
    return settings.from_environment()["base"] if base is None else base
