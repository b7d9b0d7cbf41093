"""Accounts of cloud providers and trackers, into the ledger: to be held against one's own figures."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from greengate import smallest_units
from greengate.cli import sheet
from greengate.errors import UsageError
from greengate.external.accounts import Account, account
from greengate.external.sayings import FIGURES
from greengate.recorded import ledger, records
from greengate.records import External
from greengate.report.escaping import plain

_NAMES = {
    "energy_mj": ("energy", "mJ"),
    "location_ugco2e": ("by location", "ugCO2e"),
    "market_ugco2e": ("by market", "ugCO2e"),
    "total_ugco2e": ("in total", "ugCO2e"),
}


def imported(source: str, files: tuple[str, ...], place: str, *, unit: str = "", replace: bool = False) -> int:
    """Read exports and write them into the ledger at a place; all or nothing.

    Raises:
        GreengateError: A file cannot be read, or would be counted twice; then nothing is written.
    """
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = [account(source, Path(file).name, _bytes(file), at, unit) for file in files]
    _refuse_overlap(found)
    with ledger(place) as store:
        known = [(one.entry_id, one.record) for one in records(store, External) if isinstance(one.record, External)]
        fresh = [one for one in found if not any(_is_same(one.record, record) for _, record in known)]
        replacing = [_told_apart(one, known, replace=replace) for one in fresh]
        stored = store.append_all([(one.leaf, one.bodies) for one in replacing])
    names = {one.record.digest: entry.entry_id for one, entry in zip(replacing, stored, strict=True)}
    for one in found:
        _tell(
            next((new for new in replacing if new.record.digest == one.record.digest), one),
            names.get(one.record.digest),
        )
    return 0


def _bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(file, f"cannot be read: {error.strerror}") from error


def _refuse_overlap(found: list[Account]) -> None:
    """Refuse two files of one month, account, service and region."""
    first: dict[tuple[str, ...], Account] = {}
    for one in found:
        for line in one.lines:
            key = (line.start, line.account, line.service, line.region)
            before = first.setdefault(key, one)
            if before is not one:
                about = ", ".join(filter(None, key[1:]))
                problem = f"{line.start[:7]}{f' of {plain(about)}' if about else ''} is in {before.record.name} too"
                raise UsageError(one.record.name, problem, "import the newest export of each month")


def _is_same(new: External, old: External) -> bool:
    return (new.source, new.digest) == (old.source, old.digest)


def _told_apart(new: Account, known: list[tuple[str, External]], *, replace: bool) -> Account:
    """Refuse what the ledger has already from another file, unless this one is to take its place; then say so in it."""
    months = set(new.months)
    older = [(entry, record) for entry, record in known if record.source == new.record.source]
    over = [(entry, sorted(months & _months(record))) for entry, record in older if months & _months(record)]
    if not over:
        return new
    entry, shared = over[-1]
    if not replace:
        problem = f"the ledger has {', '.join(shared[:6])} of {new.record.source} already, in entry {entry[:12]}"
        raise UsageError(new.record.name, problem, "--replace, if this file takes its place for these months")
    remarks = [f"takes the place of entry {name[:12]} for {', '.join(months)}" for name, months in over]
    told = {"remarks": (*new.record.remarks, *remarks), "supersedes": tuple(name for name, _ in over)}
    record = new.record.model_copy(update=told)
    return Account(record, new.lines, new.bodies)


def _months(record: External) -> set[str]:
    """List the months of a record, from its first to its last."""
    found, month = set(), record.start[:7]
    while month < record.end[:7]:
        found.add(month)
        year, number = map(int, month.split("-"))
        month = f"{year + number // 12:04}-{number % 12 + 1:02}"
    return found


def _tell(one: Account, entry: str | None) -> None:
    record = one.record
    sums = [
        (name, str(smallest_units.quantity(sum(amounts), unit)))
        for figure in FIGURES
        for name, unit in [_NAMES[figure]]
        if (amounts := [amount for line in one.lines if (amount := getattr(line, figure)) is not None])
    ]
    sheet.echo(
        f"{plain(record.name)}: {'entry ' + entry[:12] if entry else 'in the ledger already, nothing was written'}",
        [
            ("months", f"{one.months[0]} to {one.months[-1]}" if len(one.months) > 1 else one.months[0]),
            ("rows", f"{record.rows:,} in {len(one.lines):,} sums by month, service and region"),
            *sums,
            *(("note", remark) for remark in record.remarks),
        ],
    )
