"""The legs of a matrix of runners, joined into one verdict: each leg judged the same change on a runner of its own.

A leg that left nothing behind, or something that is not of this change and this run, is an error and never a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from greengate import __version__, check, sealing
from greengate import lines as entries
from greengate.changes import NO_CHANGE, Change
from greengate.decision import Decision
from greengate.errors import HistoryError, UsageError
from greengate.history import History, Record
from greengate.lines import Line
from greengate.report.account import Account
from greengate.settings import LedgerAccess
from greengate.verdict import Verdict

EVERY_MODEL = "every model"
_MOST_BYTES = 512 * 2**20
_HINT = "its job failed, was cancelled or was skipped: look at it there"


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg by its name, and the file of entries that it left."""

    name: str
    file: Path


@dataclass(frozen=True, slots=True)
class _Judged:
    """What an entry is of: the change, and the commit that was checked out."""

    change: Change
    commit: str


def parse(words: Sequence[str]) -> list[Leg]:
    """Read `NAME=FILE` words.

    Raises:
        UsageError: One has another form, or two have one name.
    """
    legs: list[Leg] = []
    for word in words:
        name, equals, file = word.partition("=")
        if not name or not equals or not file or not name.isprintable():
            raise UsageError("LEG", f"`{word}` is not NAME=FILE", "for example `cpu=legs/cpu/entries.jsonl`")
        if any(leg.name == name for leg in legs):
            raise UsageError("LEG", f"the leg `{name}` is named twice", "every leg has a name of its own")
        legs.append(Leg(name, Path(file)))
    return legs


def join(
    legs: Sequence[Leg],
    about: Change,
    history: History,
    ledger: LedgerAccess | None = None,
    merged: Callable[[str], bool] = lambda _: False,
) -> Account:
    """Write the entries of all legs down, byte for byte, and give the account of them together.

    Args:
        legs: The legs; those that are not there count as errors.
        about: What CI says of this run; entries of another change or run are refused.
        history: Where they are written.
        ledger: What signs it then; None for nobody.
        merged: Whether a commit is on the base branch: a leg, which runs code of the change, is not asked.
    """
    notary = sealing.notary(history, ledger)
    read = [(leg, _read(leg)) for leg in legs]
    first = _first(read)
    change = about if about.id or about.run else first.change
    commit = "" if change.head else first.commit
    records: list[Record] = []
    for leg, found in read:
        wrong = found if isinstance(found, HistoryError) else _stranger(leg, found, change, commit)
        if wrong is None and not isinstance(found, HistoryError) and change.id:
            wrong = _premature(leg, found, merged)
        if wrong is None and not isinstance(found, HistoryError):
            records += [_kept(history, line) for line in found]
        else:
            records.append(_missing(leg, str(wrong), change, history))
    return check.account(records, [*_differing(records), *sealing.signed(notary, ledger, _now())], history)


def _read(leg: Leg) -> list[Line] | HistoryError:
    where = str(leg.file)
    try:
        if leg.file.stat().st_size > _MOST_BYTES:
            return HistoryError(where, f"the entries of the leg {leg.name} take more than 512 MiB")
        data = leg.file.read_bytes()
    except OSError as error:
        return HistoryError(where, f"the leg {leg.name} left no entries: {error.strerror}", _HINT)
    try:
        found = entries.read(data, where)
    except HistoryError as error:
        return error
    return found or HistoryError(where, f"the leg {leg.name} left no entries", _HINT)


def _first(read: Sequence[tuple[Leg, list[Line] | HistoryError]]) -> _Judged:
    """Take what the first entry is of: what CI does not tell must at least be the same for all."""
    lines = (line for _, found in read if not isinstance(found, HistoryError) for line in found)
    first = next(lines, None)
    return _Judged(first.decision.change, first.decision.commit) if first else _Judged(NO_CHANGE, "")


def _stranger(leg: Leg, found: Sequence[Line], change: Change, commit: str) -> HistoryError | None:
    """Say how entries are not those of this leg, this change, this commit and this run."""
    for line in found:
        theirs = line.decision.change
        for word, this, that in (
            ("the leg", leg.name, theirs.leg),
            ("the change", change.id, theirs.id),
            ("the commit", change.head, theirs.head),
            ("the commit", commit, line.decision.commit),
            ("the run", _number(change), _number(theirs)),
        ):
            if this and this != that:
                return HistoryError(str(leg.file), f"an entry is of {word} {that or 'of no name'}, expected {this}")
    return None


def _premature(leg: Leg, found: Sequence[Line], merged: Callable[[str], bool]) -> HistoryError | None:
    """Say that an entry of a change claims to be in production, where its commit is not on the base branch."""
    for decision in (line.decision for line in found):
        if decision.in_force and not merged(decision.commit):
            problem = f"an entry of {decision.model} says that it is in force, and its commit is not on the base branch"
            return HistoryError(str(leg.file), problem)
    return None


def _number(change: Change) -> str:
    """The run without its attempt: legs that are run again alone are of the same run."""
    return change.run.partition(".")[0]


def _kept(history: History, line: Line) -> Record:
    history.keep(line)
    return Record(-1, line.entry_id, line.decision)


def _missing(leg: Leg, words: str, change: Change, history: History) -> Record:
    now = _now()
    named = change.model_copy(update={"leg": leg.name})
    verdict = Verdict(model=EVERY_MODEL, findings=())
    decision = Decision(EVERY_MODEL, "", now, __version__, verdict, None, problem=words, change=named)
    return Record(-1, history.append(decision), decision)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _differing(records: Sequence[Record]) -> Iterator[str]:
    """Say where legs were judged by different files of one policy: the base branch moved meanwhile."""
    digests: dict[str, set[str]] = {}
    for record in records:
        for name, digest in record.decision.policies:
            digests.setdefault(name, set()).add(digest)
    for name, found in digests.items():
        if len(found) > 1:
            yield f"the legs were judged by different versions of the policy {name}: run them again"
