"""Section I: what the gate concluded, what was let through, and what budgets held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from greengate.accounts import Account as BudgetAccount
from greengate.accounts import Kind as EventKind
from greengate.balances import Event, Status, folded
from greengate.esg.account import Account
from greengate.esg.avoided import Avoided, avoided
from greengate.esg.decimals import kwh, scaled, tonnes
from greengate.esg.document import Datum, Section, Table
from greengate.esg.instants import day, moment
from greengate.esg.looking import Span
from greengate.esg.story import Begin, Kept
from greengate.esg.telling import Sum, date, entry, number, of_sum, table, text, told
from greengate.records import Converted, WaiverGranted

Person = Callable[[str], str]
"""Tells who a pseudonym is, or the pseudonym itself."""
OUTCOMES = ("passed", "warned", "waived", "inconclusive", "errored", "failed")


def outcomes(account: Account, who: Person) -> Section:
    """Tell outcomes, waivers, overrides, budgets and what was avoided."""
    story = account.story
    data = [told("gate.decisions", "Decisions", str(story.outcomes.total()), "1")]
    data += [told(f"gate.{word}", f"of them {word}", str(story.outcomes[word]), "1") for word in OUTCOMES]
    data.append(told("gate.models", "Models decided upon", str(len(story.decided)), "1"))
    through = _through(account)
    data.append(_let_through(through))
    found = avoided(account)
    return Section(
        id="I",
        title="Gate outcomes",
        statements=found.statements,
        data=(*data, *found.data),
        tables=(
            _policies(account),
            _waivers(account, through, who),
            _overrides(account, who),
            _budgets(account),
            *_tables(found),
        ),
    )


def _tables(found: Avoided) -> tuple[Table, ...]:
    return (found.table,)


def _through(account: Account) -> dict[str, tuple[int, Sum]]:
    """Tell of each waiver how many versions came into force by it in the period, and what they cost more a year."""
    told_: dict[str, tuple[int, Sum]] = defaultdict(lambda: (0, Sum()))
    for key in account.force.models:
        for begin in account.force.begins(key):
            if begin.chosen and account.start <= begin.at < account.until:
                for name in begin.chosen.waivers:
                    count, added = told_[name]
                    _more(account, begin, added)
                    told_[name] = (count + 1, added)
    return told_


def _more(account: Account, begin: Begin, added: Sum) -> None:
    assert begin.chosen is not None
    kept = account.force.conversion(begin.chosen)
    more = kept.record.difference.location_ugco2e if kept and _differs(kept.record) else None
    if kept is None or more is None:
        added.lacking["nothing tells what the change costs more"] += 1
        return
    added.add(Span(more.amount, more.low, more.high, more.confidence), kept.entry_id, [(kept.idx, kept.entry_id)])


def _differs(said: Converted) -> bool:
    return said.difference is not None


def _let_through(through: dict[str, tuple[int, Sum]]) -> Datum:
    whole, seen = Sum(), set[tuple[tuple[int, str], ...]]()
    for _, added in through.values():
        about = tuple(sorted(added.entries))
        if about not in seen:  # two waivers of one change let the same through
            whole = whole.merge(added)
        seen.add(about)
    return of_sum("gate.waived_emissions", "What waivers let through, a year", whole, tonnes, "tCO2e",
                  basis="what the changes cost more a year than what they replaced, location-based")  # fmt: skip


def _policies(account: Account) -> Table:
    columns = [text("policy", "Policy"), text("sha256", "SHA-256"), number("decisions", "Decisions", "1"),
               *(number(word, word.capitalize(), "1") for word in OUTCOMES)]  # fmt: skip
    rows = [
        [name, sha256, str(counted.total()), *(str(counted[word]) for word in OUTCOMES)]
        for (name, sha256), counted in sorted(account.story.policies.items())
    ]
    note = (
        "A decision counts for each policy by the gravest of its findings under it; where the model could not be"
        " evaluated, as errored."
    )
    return table("gate.policies", "Outcomes by policy", columns, rows, note)


def _waivers(account: Account, through: dict[str, tuple[int, Sum]], who: Person) -> Table:
    columns = [text("waiver", "Waiver"), text("rule", "Rule"), text("state", "State"), text("asked", "Asked by"),
               text("granted", "Granted by"), text("why", "Why"), date("expires", "Expires"),
               number("decisions", "Decisions let through", "1"), number("versions", "Came into force", "1"),
               number("more", "Lets through, a year", "tCO2e"), entry("entry", "Entry")]  # fmt: skip
    rows = []
    for name, kept in account.story.waivers.items():
        if kept.at >= account.until or not _concerns(account, kept, name in through):
            continue
        said: WaiverGranted = kept.record
        count, added = through.get(name, (0, Sum()))
        more = None if added.lacking and not added.parts else tonnes(added.amount)
        rows.append([said.waiver, said.rule, said.state, *(who(one) for one in (said.asked_by, said.granted_by)),
            said.why,
                     said.expires, str(account.story.let_through[name]), str(count), more, name])  # fmt: skip
    return table(
        "gate.waivers",
        "Waivers",
        columns,
        rows,
        "Who is told by a role or a pseudonym, unless the ledger knows the person.",
    )


def _concerns(account: Account, kept: Kept, came: bool) -> bool:  # noqa: FBT001 - a fact, not a mode
    """Tell whether a waiver was written or used in the period."""
    used = account.story.let_through[kept.entry_id] > 0
    return came or used or account.start <= kept.at


def _overrides(account: Account, who: Person) -> Table:
    columns = [
        date("at", "On"),
        text("rule", "Rule"),
        text("by", "By"),
        text("review", "Review"),
        entry("decision", "Decision"),
    ]
    rows = [
        [day(kept.at), kept.record.rule, who(kept.record.by), kept.record.review, kept.record.decision]
        for kept in account.story.overrides
        if account.start <= kept.at < account.until
    ]
    return table("gate.overrides", "Soft rules that a review let through", columns, rows)


def accounts(account: Account) -> list[tuple[Status, tuple[Event, ...], int | None]]:
    """Tell the accounts of the book that have events in the period, as they are at its end, and their maxima."""
    held: dict[BudgetAccount, list[Event]] = defaultdict(list)
    touched = set[BudgetAccount]()
    for kept in account.story.budgets:
        said = kept.record
        if kept.at >= account.until:
            continue
        name = BudgetAccount(said.budget, said.scope, said.period, said.unit)
        if account.start <= kept.at:
            touched.add(name)
        held[name].append(Event(name, said.seq, EventKind(said.event), said.amount, said.change, said.model,
            said.source,
                                said.maximum, said.by, moment(kept.at), said.why, said.previous,
                                kept.entry_id))  # fmt: skip
    found = []
    for name in sorted(touched, key=str):
        events = tuple(sorted(held[name], key=lambda one: one.seq))
        status = folded(events)
        assert status is not None
        found.append((status, events, status.balance.max_amount))
    return found


def _budgets(account: Account) -> Table:
    columns = [text("budget", "Budget"), text("scope", "Whose"), text("period", "Period"), text("unit", "Unit"),
               number("maximum", "Maximum"), number("spent", "Spent"), number("reserved", "Reserved"),
               number("left", "Left"),
               number("events", "Events", "1")]  # fmt: skip
    rows = []
    for status, events, most in accounts(account):
        name = status.account
        written = [None if one is None else in_unit(one, name.unit)[0]
                   for one in (most, status.balance.spent, status.balance.reserved, status.left)]  # fmt: skip
        rows.append([name.budget, name.scope, name.period, in_unit(0, name.unit)[1], *written, str(len(events))])
    return table(
        "gate.budgets",
        "Budgets",
        columns,
        rows,
        "As the ledger's copy of the book of budgets has it at the end of the period.",
    )


def in_unit(amount: int, unit: str) -> tuple[str, str]:
    """Write an amount of an account in the unit that reports use, and name that unit."""
    kind, _, basis = unit.partition(" ")
    write, name = {"ugCO2e": (tonnes, "tCO2e"), "mJ": (kwh, "kWh")}.get(kind, (lambda units: scaled(units, 6), "EUR"))
    return write(amount), f"{name} {basis}".rstrip()


def names(found: Iterable[str], who: Person) -> str:
    """Name several persons."""
    return ", ".join(map(who, found))
