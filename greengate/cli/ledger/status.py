"""`greengate ledger status`: what stands in the ledger, and what was signed of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from greengate.cli import sheet
from greengate.cli.ledger import place
from greengate.ledger import checkpoints, notes
from greengate.ledger.checkpoints import Checkpoint
from greengate.ledger.notary import of_store
from greengate.ledger.reigns import Reigns
from greengate.ledger.signing import Refused
from greengate.ledger.store import Head, Store
from greengate.ledger.survey import Survey


@click.command(short_help="Tell what stands in the ledger, and what was signed of it.")
@place.project
@place.history
@place.as_json
def status(*, project: str, path: str | None, as_json: bool) -> int:
    """Tell what stands in the ledger, and what was signed of it.

    Nothing is checked here: `greengate ledger verify` does that.
    """
    with place.opened(project, path) as store:
        found = _State.of(store)
    if as_json:
        click.echo(json.dumps(found.values(), indent=2, ensure_ascii=False))
    else:
        sheet.echo(f"ledger {found.place}", found.rows())
    return 0


@dataclass(frozen=True, slots=True)
class _State:
    place: str
    head: Head
    reigns: Reigns
    survey: Survey
    newest: Checkpoint | None
    damaged: str

    @classmethod
    def of(cls, store: Store) -> _State:
        kept, newest, damaged = store.checkpoint(), None, ""  # before the head, which may grow and be signed meanwhile
        head, survey = store.head(), Survey()
        for stored in store.entries(0, head.size):
            survey.take(stored.index, stored.leaf)
        if kept is not None:
            try:
                newest, _ = checkpoints.read(kept[1])
            except Refused as refused:
                damaged = str(refused)
        return cls(str(store.place), head, of_store(store), survey, newest, damaged)

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "entries", str(self.head.size)
        yield "root", notes.encoded(self.head.root)
        yield "name", self.reigns.origin or "none: no key has signed this ledger yet"
        yield "key", str(self.reigns.newest or "")
        for reign in self.reigns.all[1:]:
            how = "signed by the one before it" if reign.how == "signed" else f"the one before it was lost: {reign.why}"
            yield "", f"since entry {reign.index}, {reign.at}; {how}"
        yield "checkpoint", self._signed()
        yield "from", self.survey.first
        yield "to", self.survey.last
        for kind, count in sorted(self.survey.kinds.items()):
            yield kind, str(count)
        for words in self.survey.remarks:
            yield "note", words

    def _signed(self) -> str:
        if self.newest is None:
            return f"damaged: {self.damaged}" if self.damaged else "none"
        came = self.head.size - self.newest.size
        since = "none came since" if came == 0 else f"{came} came since"
        return f"of {self.newest.size} {'entry' if self.newest.size == 1 else 'entries'}; {since}"

    def values(self) -> dict[str, Any]:
        newest = self.newest
        signed = {"size": newest.size, "root": notes.encoded(newest.root), "text": str(newest)} if newest else None
        return {
            "place": self.place,
            "size": self.head.size,
            "root": notes.encoded(self.head.root),
            "origin": self.reigns.origin,
            "keys": [
                {"key": str(one.key), "entry": one.index, "how": one.how, "at": one.at, "why": one.why}
                for one in self.reigns.all
            ],
            "checkpoint": signed,
            "since": self.head.size - newest.size if newest else None,
            "kinds": dict(sorted(self.survey.kinds.items())),
            "unknown": dict(sorted(self.survey.unknown.items())),
            "first": self.survey.first,
            "last": self.survey.last,
            "clock_went_back": self.survey.backs,
            "notes": self.survey.remarks,
        }
