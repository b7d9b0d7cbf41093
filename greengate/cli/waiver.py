"""`greengate waiver`: ask for one, list what all of them let through, and tell which end soon."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from greengate import check, grounds, lapsing, recorded, settings, waived, waiving
from greengate.cli import persons, sheet, waiver_sheet
from greengate.cli.waiver_sheet import Listed
from greengate.errors import GreengateError, UsageError
from greengate.grounds import Grounds
from greengate.history import History, opened
from greengate.ledger.places import at_hand
from greengate.packs.project import load_project
from greengate.policy import REVIEW
from greengate.quantities import Duration, NotAQuantity
from greengate.recorded import Entry, ledger, records
from greengate.records import Converted, Decided, Measurement, Recorded, Settlement, WaiverGranted
from greengate.trees import WorkingTree
from greengate.waiving import Asked, Draft

_DAY_S = 86_400.0
_LOOKED_AT = 100  # decisions, for how waivers came onto the base branch

_project = click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
_history = click.option("--history", "path", metavar="FILE|URL", help="The history, instead of the project's.")
_base = click.option("--base", metavar="REF", help="The branch whose waivers are meant. Default: the working tree.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(short_help="Ask for waivers, and tell what they let through.")
def waiver() -> None:
    """Ask for waivers, and tell what they let through and which of them end soon."""


@waiver.command(short_help="Write a waiver that lets a failed rule through, to be reviewed.")
@click.argument("entry")
@click.option("--rule", default="", metavar="POLICY/RULE", help="The rule, where several failed.")
@click.option("--all", "every", is_flag=True, help="One waiver for each rule that failed.")
@click.option("--until", required=True, metavar="DATE", help="Its last day, such as 2027-03-31.")
@click.option("--why", required=True, metavar="WORDS", help="Why the rule may be broken.")
@click.option("--by", default="", metavar="WHO", help="Who asks; the ledger keeps a person as a pseudonym.")
@click.option(
    "--granted-by", default=REVIEW, metavar="WHO", show_default=True, help="Who answers for it instead of a reviewer."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to write it.")
@click.option("--dry-run", is_flag=True, help="Print it, and write nothing.")
@_project
@_history
def request(  # noqa: PLR0913 - one argument an option
    *,
    entry: str,
    rule: str,
    every: bool,
    until: str,
    why: str,
    by: str,
    granted_by: str,
    out: Path | None,
    dry_run: bool,
    project: str,
    path: str | None,
) -> int:
    """Write a waiver that lets a failed rule through: the narrowest that does, tried before it is written.

    ENTRY is the beginning of an entry's id, or `last`. It is judged under the policies of the working tree. The waiver
    counts once an owner of the rule has approved the change that brings it to the base branch; that it was asked for is
    written into the ledger.
    """
    if rule and every:
        raise UsageError("--all", "one rule is named, and all are meant", "leave out --rule or --all")
    now = datetime.now(UTC)
    asked = Asked(today=now.date().isoformat(), until=until, why=why, granted_by=granted_by, by=by)
    root = Path(project).parent
    file = _inside(root, out) if out else ""
    paths = load_project(WorkingTree(root), Path(project).name).policies
    with opened(_place(project, path), make=False) as book:
        record = book.find(entry)
        held = waiving.stand(record, WorkingTree(root), paths)
        wanted = waiving.chosen(held, rule, every=every)
        if file and len(wanted) > 1:
            hint = "leave it out, or name one --rule"
            raise UsageError("--out", f"{len(wanted)} waivers do not go into one file", hint)
        drafts = [waiving.drafted(held, one, asked, file) for one in wanted]
        at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        if not dry_run:
            _write(book, drafts, root, [waiving.recorded(draft, asked, record.decision, at) for draft in drafts])
    if dry_run:
        click.echo("---\n".join(draft.text for draft in drafts), nl=False)
        return 0
    for draft in drafts:
        sheet.echo(*waiver_sheet.draft(draft, asked, Path(project).name))
    for words in waiving.left(held, wanted):
        sheet.say(f"not asked for, and not let through: {words}")
    return 0


@waiver.command("list", short_help="List all waivers, and what each let through.")
@_base
@_project
@_history
@_json
def list_(*, base: str | None, project: str, path: str | None, as_json: bool) -> int:
    """List all waivers: how each stands, who asked for it and granted it, and what it let through, by the ledger.

    A year's energy, emissions and money are those of merged changes. Waivers that are in the ledger alone are listed
    too: those that were asked for, and those whose document was removed.
    """
    today = _today()
    listed = _listed(_held(project, base), _place(project, path), today)
    if as_json:
        click.echo(json.dumps([waiver_sheet.values(one) for one in listed], indent=2, ensure_ascii=False))
        return 0
    if not listed:
        sheet.say("there are no waivers, neither among the policies nor in the ledger")
    for one in listed:
        sheet.echo(*waiver_sheet.rows(one, today))
    return 0


@waiver.command(short_help="Tell which waivers end soon, and what would fail without them.")
@click.option("--within", default="30d", show_default=True, metavar="DURATION", help="How soon, such as 30d.")
@click.option("--exit-code", "coded", is_flag=True, help="End with exit code 1 where there are some.")
@_base
@_project
@_history
@_json
def expiring(  # noqa: PLR0913 - one argument an option
    *, within: str, coded: bool, base: str | None, project: str, path: str | None, as_json: bool
) -> int:
    """Tell which waivers end soon, who owns their rules, and what would fail again without them.

    The newest entry of each model is judged again as on the day after, without the waiver. Exit code 0; with
    --exit-code 1 where there are some.
    """
    days = _days(within)
    held, place = _held(project, base), _place(project, path)
    found = []
    if any(policy.waivers for policy in held.policies):
        newest = []
        if at_hand(place):
            with opened(place, make=False) as book:
                newest = lapsing.newest(book.newest_first(), [entry.name for entry in held.project.models])
                persons.note_withheld(book.ledger)
        found = lapsing.lapses(held.policies, newest, _today(), days)
    if as_json:
        click.echo(json.dumps([waiver_sheet.lapse_values(lapse) for lapse in found], indent=2, ensure_ascii=False))
    elif not found:
        sheet.say(f"no waiver ends within {days} days")
    for lapse in () if as_json else found:
        sheet.echo(*waiver_sheet.lapse(lapse))
    return int(bool(found) and coded)


def _write(book: History, drafts: list[Draft], root: Path, told: Sequence[tuple[Recorded, str, str]]) -> None:
    """Write the documents and what the ledger says of them; all of it, or nothing."""
    made: list[Path] = []
    book.check_writable()
    try:
        for draft in drafts:
            _create(root / draft.file, draft.text)
            made.append(root / draft.file)
        book.write(told)
    except GreengateError:
        for file in made:
            file.unlink(missing_ok=True)
        raise


def _create(file: Path, text: str) -> None:
    if file.exists():
        raise UsageError(str(file), "is there already", "a waiver has a file of its own: name another with --out")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except OSError as error:
        raise UsageError(str(file), f"cannot be written: {error.strerror}", "name another place with --out") from error


def _inside(root: Path, out: Path) -> str:
    try:
        return out.resolve().relative_to(root.resolve()).as_posix()
    except ValueError as outside:
        hint = "name a file inside the project, which its `policies` find"
        raise UsageError("--out", f"{out} lies outside the project, where no check reads it", hint) from outside


def _held(project: str, base: str | None) -> Grounds:
    root = Path(project).parent
    ref = settings.from_environment()["base"] if base is None else base
    chosen = settings.Settings(root=root, project=Path(project).name, base=ref)
    return grounds.read(chosen, load_project(WorkingTree(root), chosen.project))


def _place(project: str, path: str | None) -> str:
    return path or settings.from_environment()["history"] or check.history_of(Path(project))


def _listed(held: Grounds, place: str, today: str) -> list[Listed]:
    """Hold the documents against the ledger; without a ledger nothing was let through."""
    uses, grants = {}, {}
    if at_hand(place):
        with ledger(place) as store:
            kinds = (WaiverGranted, Decided, Measurement, Converted, Settlement)
            last: deque[Entry] = deque(maxlen=_LOOKED_AT)
            uses = waived.uses((one.entry_id, one.record) for one in _noted(records(store, *kinds), last))
            grants = recorded.grants(store, last)
            persons.note_withheld(store)
    documents = [waiver for policy in held.policies for waiver in policy.waivers]
    known = [waiver_sheet.known(one, uses.get(one.id, waived.Use()), grants.get(one.id), today) for one in documents]
    names = {one.id for one in documents}
    return [*known, *(waiver_sheet.gone(name, use, today) for name, use in uses.items() if name not in names)]


def _noted(entries: Iterable[Entry], last: deque[Entry]) -> Iterator[Entry]:
    """Go through entries, and note the last decisions."""
    for one in entries:
        if isinstance(one.record, Decided):
            last.append(one)
        yield one


def _days(written: str) -> int:
    try:
        amount = Duration.parse(written).amount
    except NotAQuantity as error:
        example = Duration.example, "30d"
        hint = (error.hint or "write it like `40 ms`").replace(*example)
        raise UsageError("--within", str(error).replace(*example), hint) from error
    if amount < 0:
        raise UsageError("--within", f"found `{written}`, expected zero or more", "write it like `30d`")
    return math.floor(amount / _DAY_S)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
