"""The changes between an earlier model and today's baseline, as the history recorded them.

Each entry that compared two different files in pairs is a link from its candidate back to its baseline, told by their
SHA-256. Looked for is the shortest way from today's baseline back to the earlier model: the fewer runs a ratio is made
of, the narrower its interval, and a model that was taken back and brought in again is the same model still.

What counts as accepted is what later changes, and at last today's baseline, were built on. The verdict of an entry is
not asked: people may merge what was inconclusive, and to multiply only what passed would choose the lucky results. For
the same reason, of several runs on the same two files the first counts: to run again until it passes changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from greengate.evidence import Evidence, Link
from greengate.history import Record
from greengate.paired import log_ratios
from greengate.verdict import DISBELIEVED

_COLUMNS = ("cpu", "wall", "run")
_FEWEST = 2  # rounds, to tell how they scatter
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Broken:
    """Why there is no chain, in words."""

    words: str


def chain(records: Iterable[Record], baseline: str, earlier: str) -> tuple[Link, ...] | Broken:
    """Find the links from an earlier model to today's baseline.

    Args:
        records: The entries of the model, the newest first.
        baseline: SHA-256 of today's baseline.
        earlier: SHA-256 of the earlier model.

    Returns:
        The links, the oldest first, none where the two are one model; or where the chain breaks.
    """
    if baseline == earlier:
        return ()
    known = _Known()
    for record in records:
        known.add(record)
    back = _way_back(known.links, baseline)
    return tuple(_oldest_first(back, earlier)) if earlier in back else Broken(_break(known, back))


@dataclass(slots=True)
class _Known:
    """What the entries seen so far say.

    Attributes:
        links: By candidate, and by the baseline that each leads back to.
        unfit: By candidate, why an entry is no link.
    """

    links: dict[str, dict[str, Link]] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Take one more entry, which is older than those before it and stands in for them."""
        evidence = record.decision.evidence
        if evidence is None or (evidence.baseline and evidence.baseline.sha256 == evidence.candidate.sha256):
            return
        link = _link(record, evidence)
        if isinstance(link, str):
            self.unfit.setdefault(evidence.candidate.sha256, f"entry {record.entry_id[:10]} did, but {link}")
            return
        self.links.setdefault(link.candidate, {})[link.baseline] = link


def _link(record: Record, evidence: Evidence) -> Link | str:
    """Make a link of an entry, or say why it is none."""
    if evidence.baseline is None:
        return "it had no baseline"
    if any(finding.kind == DISBELIEVED for finding in record.decision.verdict.findings):
        return "what it says is not believed"
    if evidence.voided:
        return f"nothing counts that it measured: {evidence.voided}"
    if evidence.incomparable:
        return f"its two models could not be compared: {'; '.join(evidence.incomparable)}"
    rounds = {column: tuple(round(x, _DIGITS) for x in log_ratios(column, evidence.pairs)) for column in _COLUMNS}
    if len(rounds["cpu"]) < _FEWEST:
        return "it holds too few pairs"
    return Link(
        entry=record.entry_id,
        candidate=evidence.candidate.sha256,
        baseline=evidence.baseline.sha256,
        rounds=rounds,
        runner=evidence.runner.fingerprint,
        device=evidence.device,
        terms=evidence.terms,
        fixed_rounds=evidence.fixed_rounds,
    )


def _way_back(links: Mapping[str, Mapping[str, Link]], baseline: str) -> dict[str, Link | None]:
    """Go back from a model over all links, the nearest first: each model that is reached, with the link that led there.

    A model is reached once, so that going round in a circle ends.
    """
    reached: dict[str, Link | None] = {baseline: None}
    nearest = [baseline]
    while nearest:
        found = [link for digest in nearest for link in links.get(digest, {}).values() if link.baseline not in reached]
        for link in found:
            reached.setdefault(link.baseline, link)
        nearest = list(dict.fromkeys(link.baseline for link in found))
    return reached


def _oldest_first(back: Mapping[str, Link | None], digest: str) -> Iterator[Link]:
    while (link := back[digest]) is not None:
        yield link
        digest = link.candidate


def _break(known: _Known, back: Mapping[str, Link | None]) -> str:
    """Say where the chain breaks: at the model that lies farthest back."""
    end = list(back)[-1]
    why = f"; {known.unfit[end]}" if end in known.unfit else ""
    if back[end] is None:
        place, named = "at once", "the baseline"
    else:
        changes = list(_oldest_first(back, end))
        many = f"{len(changes)} change{'' if len(changes) == 1 else 's'}"
        place, named = f"{many} back, at entry {changes[0].entry[:10]}", "its baseline"
    return (
        f"the chain from the history breaks {place}: no entry compared {named} ({end[:12]}…) "
        f"with a model before it{why}"
    )
