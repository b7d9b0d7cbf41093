"""Sections L, M and N: who stands for a report, what it rests on, and what is asked of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from greengate.esg.account import Account, Training, plain
from greengate.esg.activity import grouped
from greengate.esg.decimals import MJ_A_KWH, ratio
from greengate.esg.document import Datum, Evidence, Section, Table
from greengate.esg.gates import Person
from greengate.esg.instants import day
from greengate.esg.story import Kept
from greengate.esg.telling import FEW, date, entry, number, table, text, told
from greengate.records import Delivered, SignedOff

ROLES = ("prepared", "reviewed", "approved", "assured")


class Signature(NamedTuple):
    """Whether a sign-off is signed: by a key that report.yaml names, by another, wrongly, or not; and in words."""

    state: Literal["none", "named", "unknown", "wrong"]
    words: str

    @property
    def phrase(self) -> str:
        """That in words that stand alone."""
        alone = {"none": "not signed with a key", "wrong": f"signature {self.words}"}
        return alone.get(self.state, f"signed {self.words}")


_ORDER = ("named", "unknown", "none")
UNSIGNED = Signature("none", "no")
Signatures = Callable[[Sequence[Delivered], Sequence[SignedOff]], Sequence[Signature]]
"""Tells of each sign-off what its signature is, by the reports that were delivered."""


def sign_offs(account: Account, who: Person, signatures: Signatures, *, open_: bool) -> Section:
    """Tell who stands for the newest report on the period; for one that closes or restates it (`open_`) nobody can."""
    found = [kept for kept in account.story.sign_offs if kept.record.period == account.period.name]
    reports = [kept.record for kept in account.story.delivered]
    told_of = signatures(reports, [kept.record for kept in found])
    signed = {kept.entry_id: one for kept, one in zip(found, told_of, strict=True)}
    report = "" if open_ else _newest(account)
    newest = [kept for kept in found if kept.record.report == report]
    earlier = len(found) - len(newest)
    said = account.said.assurer
    data = [_role(role, [kept for kept in newest if kept.record.role == role], signed, who) for role in ROLES]
    data.append(told("sign_off.assurer", "Assurer", f"{said.name}, {said.level} assurance" if said else None,
                     missing="" if said else "report.yaml names none"))  # fmt: skip
    data.append(_wrong([kept.entry_id for kept in found if signed[kept.entry_id].state == "wrong"]))
    columns = [date("at", "On"), text("role", "Role"), text("by", "By"), text("level", "Level"), text("words", "Words"),
               text("report", "Report (SHA-256)"), text("signed", "Signed with a key"),
               text("key", "Public key"),
               entry("entry", "Entry")]  # fmt: skip
    rows = [
        [day(kept.at), kept.record.role, who(kept.record.by), kept.record.level, kept.record.words, kept.record.report,
         signed[kept.entry_id].words, kept.record.key, kept.entry_id]
        for kept in found
    ]  # fmt: skip
    statements = [
        "Who prepared a report does not review it, and neither of them approves it: the ledger takes no such sign-off."
    ]
    statements += [f"They stand for the report {report[:12]}, as it was delivered."] if newest else []
    statements += [_of_earlier(earlier)] if earlier else []
    return Section(id="L", title="Sign-off", statements=tuple(statements), data=tuple(data),
                   tables=(table("sign_off.all", "Sign-offs", columns, rows),))  # fmt: skip


def _of_earlier(count: int) -> str:
    if count == 1:
        return "1 sign-off is of an earlier report, and does not stand for this one."
    return f"{count} sign-offs are of earlier reports, and do not stand for this one."


def _role(role: str, found: Sequence[Kept], signed: Mapping[str, Signature], who: Person) -> Datum:
    """Tell who stands for the report as this: of several sign-offs the one that is signed best, and none wrongly."""
    held = [kept for kept in found if signed[kept.entry_id].state != "wrong"]
    missing = "the signature of who did is wrong" if found else "nobody has signed as this yet"
    if not held:
        return told(f"sign_off.{role}", role.capitalize(), None, missing=missing)
    best = min(held, key=lambda kept: _ORDER.index(signed[kept.entry_id].state))
    return told(f"sign_off.{role}", role.capitalize(), who(best.record.by), note=signed[best.entry_id].phrase,
                entries=(best.entry_id,), of=1)  # fmt: skip


def _wrong(entries: Sequence[str]) -> Datum:
    note = "nobody stands for the report by them: the table of sign-offs tells why" if entries else ""
    return told("sign_off.wrong", "Signatures that are wrong", str(len(entries)), "1", note=note,
                entries=tuple(entries[:FEW]), of=len(entries))  # fmt: skip


def _newest(account: Account) -> str:
    """Name the newest report that closed or restated the period; "" where there is none."""
    name = account.period.name
    found = (kept.record for kept in reversed(account.story.delivered) if kept.record.period == name)
    return next((one.sha256 for one in found if one.view != "current"), "")


def evidence_section(account: Account, evidence: Evidence) -> Section:
    """Tell what the report rests on."""
    data = (
        told("evidence.size", "Entries that were read", str(evidence.size), "1"),
        told("evidence.root", "Root of their Merkle tree (RFC 6962)", evidence.root,
             basis="hashed from the bytes that the figures were read from"),
        told("evidence.first", "First entry", evidence.first or None,
            missing="" if evidence.first else "there is none"),
        told("evidence.last", "Last entry", evidence.last or None, missing="" if evidence.last else "there is none"),
        told("evidence.gaps", "Missing entries", "0", "1"),
        told("evidence.checkpoint", "Signed checkpoint",
            evidence.checkpoint.splitlines()[-1] if evidence.checkpoint else None,
             missing="" if evidence.checkpoint else "the ledger has no signed checkpoint of so many entries or fewer"),
        told("evidence.company", "report.yaml (SHA-256)", account.said.digest or None,
             missing="" if account.said.digest else "there is none"),
        told("evidence.command", "What makes this report again", evidence.command),
    )  # fmt: skip
    statement = (
        "Each figure names the first entries that it was made of, how many there are, and the SHA-256 over all"
        " their ids."
    )
    return Section(id="M", title="Evidence", statements=(statement,), data=data)


def models(account: Account) -> Section:
    """Tell of each model what its training took, and how much it computes."""
    trained = account.trained(account.start, account.end)
    known = [one for one in account.trainings if one.at < account.until]
    energy = sum(one.energy.amount for one in trained if one.energy)
    lacking = [one for one in trained if one.energy is None]
    why = "; ".join({one.missing["energy"]: None for one in lacking})
    why = why if trained else "no training came into force in the period"
    data = (
        told("model.trainings", "Trainings of the period", str(len(trained)), "1"),
        told("model.training_energy", "Energy of the trainings of the period", None if why else _mwh(energy), "MWh",
             missing=why),
        told("model.training_flops", "Operations of trainings", None, "FLOP",
             missing=(
                 "trackers do not tell it; `greengate estimate` works it out beforehand, as 6 x parameters x"
                 " tokens"
             )),
    )  # fmt: skip
    return Section(id="N", title="Model documentation", data=data, tables=(_models(account, known),))


def _models(account: Account, known: Sequence[Training]) -> Table:
    columns = [text("project", "Project"), text("model", "Model"), text("sha256", "Model file (SHA-256)"),
               number("training", "Training, all versions so far", "MWh"), number("flops", "Of an inference", "FLOP"),
               number("parameters", "Parameters", "1"), entry("entry", "Measurement")]  # fmt: skip
    rows = []
    for key, own in grouped(account.parts, lambda part: part.version.key).items():
        newest = own[-1].version
        figures = newest.figures
        trained = [one.energy.amount for one in known if one.key == key and one.energy]
        counted = [
            None if one is None else plain(one)
            for one in ((figures.flops, figures.parameters) if figures else (None, None))
        ]
        rows.append([*key, newest.chosen.sha256.hex(), _mwh(sum(trained)) if trained else None, *counted,
                     newest.chosen.measurement.hex()])  # fmt: skip
    return table("model.documentation", "Models in force", columns, rows)


def _mwh(millijoules: int) -> str:
    """Write an energy in MWh, to 13 decimals: more than two significant figures of anything."""
    return ratio(millijoules, MJ_A_KWH * 1000, 13)
