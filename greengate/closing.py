"""A period is closed, restated and signed: each is an entry of the ledger, with the report beside it.

Nothing is edited. What was reported rests on the first `size` entries, and can be made again from them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction

from greengate import signatures
from greengate.errors import HistoryError, UsageError
from greengate.esg.company import NOBODY, Said
from greengate.esg.comparing import TOTALS, as_closed, reported
from greengate.esg.decimals import MJ_A_KWH, exact, rounded
from greengate.esg.document import Quarterly
from greengate.esg.instants import day, instant, iso, of
from greengate.identities import People, key_of
from greengate.leaves import hidden, leaf_of, leaf_of_hidden
from greengate.ledger.canonical import digest, encode
from greengate.ledger.notary import of_store
from greengate.ledger.notes import Signer
from greengate.ledger.sign_offs import public
from greengate.ledger.sign_offs import signed as sealed
from greengate.ledger.store import Store
from greengate.quarters import Made, Wanted, closed, delivered, made, period_of, refuse_another, sign_offs
from greengate.records import Closed, Delivered, Restated, SignedOff

Period = Closed | Restated | Delivered | SignedOff
"""What is written of a period."""
ROLES = ("prepared", "reviewed", "approved", "assured")
REASONS = ("factor_revision", "true_up", "method_change", "error", "boundary_change", "late_data")
_FIELDS = {"energy": "energy_mj", "location": "location_ugco2e", "market": "market_ugco2e"}
_UNITS = {"energy": MJ_A_KWH, "location": 10**12, "market": 10**12}


@dataclass(frozen=True, slots=True)
class Delta:
    """What a total was and is, in its small unit; None where it is not known.

    Attributes:
        before: As it was last reported.
        closed: As it was when the period was closed.
    """

    name: str
    before: int | None
    after: int | None
    closed: int | None

    @property
    def amount(self) -> int:
        """New less last reported."""
        return (self.after or 0) - (self.before or 0)

    @property
    def since(self) -> int:
        """New less closed."""
        return (self.after or 0) - (self.closed or 0)

    def material(self, threshold: Fraction) -> bool:
        """Tell whether it is at least a share of what was last reported."""
        return bool(self.amount) and abs(self.amount) >= threshold * abs(self.before or 0)

    def material_since(self, threshold: Fraction) -> bool:
        """Tell whether all restatements together are at least a share of what the period was closed by."""
        return bool(self.since) and abs(self.since) >= threshold * abs(self.closed or 0)


def close(store: Store, wanted: Wanted, by: str) -> Made:
    """Close a period that is over: its report is made of all entries that there are now.

    Raises:
        UsageError: It is not over, or closed already.
    """
    period, _ = period_of(wanted.period, wanted.said)
    if wanted.now < period.end:
        raise UsageError(period.name, f"it is not over: it ends at {iso(of(period.end))}", "close it then")
    if (earlier := closed(store, period.name)) is not None:
        hint = f"what is otherwise now: `greengate period restate {period.name}`"
        raise UsageError(period.name, f"it was closed already, at {earlier.at}", hint)
    found = made(store, replace(wanted, view="as-reported", size=store.size(), closing="closed", whole=True))
    _refuse_overlap(found, period.name)
    body, sha256 = written(found.report)
    evidence = found.report.evidence
    at = _now(wanted.now)
    record = Closed(
        at=at, period=period.name, start=found.report.start, end=found.report.end, size=evidence.size,
        root=evidence.root, report=sha256, by=by,
    )  # fmt: skip
    _append(store, [(record, sha256), (_delivered(found.report, at, sha256), sha256)], {sha256: body})
    first = closed(store, period.name)
    if first is None or (first.at, first.size) != (record.at, record.size):
        raise UsageError(period.name, "somebody else closed it at the same moment; the earlier entry counts")
    return found


def restate(store: Store, wanted: Wanted, reason: str, why: str, approved_by: str) -> tuple[Made, tuple[Delta, ...]]:
    """Tell a closed period otherwise: by all entries that there are now.

    Raises:
        UsageError: It was never closed, or no total is another one.
    """
    period, _ = period_of(wanted.period, wanted.said)
    if closed(store, period.name) is None:
        raise UsageError(period.name, "it was never closed", f"`greengate period close {period.name}`")
    refuse_another(store, period, period.name)
    found = made(store, replace(wanted, view="as-restated", size=store.size(), closing="restated", whole=True))
    before, first = reported(found.account, period.name), as_closed(found.account, period.name)
    if before is None or first is None:
        raise UsageError(period.name, "the report that it was closed by is not in the ledger", "restore a backup")
    told = tuple(_delta(name, before[1], found.report, first) for name in TOTALS)
    if lost := [one.name for one in told if one.after is None and one.before is not None]:
        problem = f"its total ({', '.join(lost)}) was reported, and is not known now or left out"
        raise UsageError(period.name, problem, "a restatement tells new less old: look at section D of the report")
    if not any(one.amount for one in told):
        hint = "append what changed first: conversions by other factors, activity, settlements"
        raise UsageError(period.name, "every total is what was reported: there is nothing to restate", hint)
    body, sha256 = written(found.report)
    at, evidence = _now(wanted.now), found.report.evidence
    alone = any(one.material(wanted.said.threshold) for one in told)
    since = any(one.material_since(wanted.said.threshold) for one in told)
    record = Restated.model_validate({
        "at": at, "period": period.name, "reason": reason, "why": why, "size": evidence.size, "root": evidence.root,
        "report": sha256, **{f"delta_{_FIELDS[one.name]}": one.amount for one in told},
        **{f"since_{_FIELDS[one.name]}": one.since for one in told},
        "material": alone or since, "material_alone": alone, "material_since": since, "approved_by": approved_by,
    })  # fmt: skip
    _append(store, [(record, sha256), (_delivered(found.report, at, sha256), sha256)], {sha256: body})
    return found, told


def sign_off(store: Store, record: SignedOff, signer: Signer | None = None, said: Said = NOBODY) -> SignedOff:
    """Write down that somebody stands for the newest report on a period; the record as the ledger has it.

    Args:
        store: The ledger.
        record: What is said, by whom as they wrote it.
        signer: Signs it with the person's own key; None where nothing is signed.
        said: What the company says, and with it whose keys are known.

    Raises:
        UsageError: There is no report, or this person, role or key has signed it, or an earlier role has not, or the
            key is not this person's.
        HistoryError: The report does not rest on the entries that the ledger has.
    """
    newest = _newest(store, record.period)
    made_of = hidden(record.model_copy(update={"report": newest.sha256}), People(store))
    key = public(signer.verifier) if signer else ""
    _refuse_unfit(store, made_of, _standing(store, said, newest), key, record.by)
    signatures.refuse_key(store, said, record.by, made_of.by, key)
    _refuse_unlike(store, newest)
    if signer is not None:
        made_of = sealed(made_of, newest, of_store(store).origin, signer)
    store.append(leaf_of_hidden(made_of, f"period/{newest.period}", newest.sha256))
    return made_of


def _newest(store: Store, name: str) -> Delivered:
    """Find the newest report that closed or restated a period."""
    found = (one for one in reversed(delivered(store)) if one.period == name and one.view != "current")
    newest = next(found, None)
    if newest is None:
        raise UsageError(name, "no report on it was delivered", f"`greengate period close {name}`")
    return newest


def _refuse_unfit(store: Store, record: SignedOff, signed: list[SignedOff], key: str, asked: str) -> None:
    """Refuse a role that is taken or too early, and who has another one; who has not signed with a key still may."""
    by_role, own_name = {one.role: one for one in signed}, _name(store, record.by)
    taken = by_role.get(record.role)
    if taken and not (key and not taken.key and _name(store, taken.by) == own_name):
        raise UsageError("--role", f"the report was {record.role} already, at {taken.at}")
    others = [one for one in signed if one.role != record.role]
    if own := next((one for one in others if _name(store, one.by) == own_name), None):
        hint = "who prepares a report does not review it, and neither of them approves it"
        raise UsageError("--by", f"`{asked}` has {own.role} this report", hint)
    if lacking := next((role for role in ROLES[: ROLES.index(record.role)] if role not in by_role), None):
        raise UsageError("--role", f"nobody has {lacking} the report yet", f"the order is {', '.join(ROLES)}")
    if same := next((one for one in others if key and one.key == key), None):
        raise UsageError("--key", f"the same key has {same.role} this report", "each of them signs with their own")


def _standing(store: Store, said: Said, report: Delivered) -> list[SignedOff]:
    """List the sign-offs of a report, without those whose signature is wrong."""
    found = [one for one in sign_offs(store) if one.report == report.sha256]
    held = signatures.told(store, said, delivered(store), found)
    return [one for one, how in zip(found, held, strict=True) if how.state != "wrong"]


def _refuse_unlike(store: Store, report: Delivered) -> None:
    """Refuse to stand for a report that is not there, or not of this ledger as it is."""
    store.body(report.sha256)
    if unlike := signatures.unlike(store, report):
        raise HistoryError(store.place, unlike, "`greengate ledger verify` tells more; restore a backup")


def _name(store: Store, by: str) -> str:
    """Tell who is meant, so that `olga` and `@Olga` are one; a person who was forgotten is a pseudonym."""
    return key_of(store.handle(by.removeprefix("@")) or by)


def written(report: Quarterly) -> tuple[bytes, str]:
    """Write a report as the bytes that the ledger keeps, with their digest."""
    body = encode(report.model_dump(mode="json"))
    return body, digest(body)


def _refuse_overlap(found: Made, name: str) -> None:
    """Refuse what a period of another calendar has closed in part: their sums would count twice."""
    account = found.account
    for kept in account.story.closes:
        said: Closed = kept.record
        same = len({part.count("-Q") for part in (said.period, name)}) == 1
        alike = same and _alike(said, found.report)
        if said.period != name and _meet(said, account.start, account.end, whole=not alike):
            days = f"{day(instant(said.start))} to {day(instant(said.end))}"
            problem = f"`{said.period}` of another calendar ({days}) is closed and overlaps it"
            raise UsageError(name, problem, "a company has one calendar: `calendar` in report.yaml")


def _meet(said: Closed, start: int, end: int, *, whole: bool) -> bool:
    """Tell whether two periods overlap; `whole`: other than by one having the other whole, as a year has its months."""
    first, last = instant(said.start), instant(said.end)
    nested = (first <= start and end <= last) or (start <= first and last <= end)
    return first < end and start < last and not (whole and nested)


def _alike(said: Closed, report: Quarterly) -> bool:
    """Tell whether two periods are of one length, give or take the days by which months differ."""
    lengths = [instant(end) - instant(start) for start, end in ((said.start, said.end), (report.start, report.end))]
    return abs(lengths[0] - lengths[1]) < 4 * 86_400_000_000


def _delta(name: str, before: Quarterly, after: Quarterly, first: Quarterly) -> Delta:
    values = []
    for report in (before, after, first):
        value = report.value(TOTALS[name])
        values.append(None if value is None else rounded(exact(value) * _UNITS[name]))
    return Delta(name, *values)


def _delivered(report: Quarterly, at: str, sha256: str) -> Delivered:
    evidence = report.evidence
    return Delivered(
        at=at, period=report.period, view=report.view, size=evidence.size, root=evidence.root, sha256=sha256,
        status=report.status,
    )  # fmt: skip


def _append(store: Store, records: list[tuple[Period, str]], bodies: dict[str, bytes]) -> None:
    people = People(store)
    told = [(leaf_of(one, f"period/{one.period}", sha256, people), bodies) for one, sha256 in records]
    store.append_all(told)


def _now(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
