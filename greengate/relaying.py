"""The gate of a pull request from a fork, told by a workflow that believes nothing of it.

What the fork's run left behind is data: it is judged again under the policies of the base branch, by the figures that
it tells. Where the change could have made them up, they can still make it fail, and no longer make it pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from secrets import token_hex

from greengate import __version__, gate, grounds, lines
from greengate.changes import Asked, Change
from greengate.decision import Basis, Decision
from greengate.disbelief import Seen
from greengate.errors import HistoryError
from greengate.evidence import Evidence
from greengate.lines import Line
from greengate.packs.project import Project
from greengate.packs.project_entry import ModelEntry
from greengate.policy import Enforce
from greengate.verdict import DISBELIEVED, Finding, Outcome, Verdict

ARTIFACT, ENTRIES = "greengate", "entries.jsonl"
_LOOK = "look at the run itself: it failed before it judged, or was cut short"


@dataclass(frozen=True, slots=True)
class Relayed:
    """A fork's pull request, as it is known without believing it.

    Attributes:
        change: The change, as the forge tells it.
        project: Its own project file.
        seen: What can be seen of it.
        asked: What the forge says of its reviews and of the waivers, or None where it was not asked.
        at: Now (UTC, ISO 8601): by the clock of the run, a waiver that is over could be made to hold.
    """

    change: Change
    project: Project
    seen: Seen
    asked: Asked | None
    at: str

    def decisions(self, entries: bytes | None) -> list[Decision]:
        """Judge every model again by what a run left (None where it left no entries), or say why it cannot be."""
        check, found = token_hex(8), self._read(entries)
        made = []
        for entry in self.seen.held.known(self.project):
            told = found if isinstance(found, HistoryError) else found.get(entry.name)
            made.append(self._decision(entry, told, check))
        return made

    def _read(self, entries: bytes | None) -> Mapping[str, Line] | HistoryError:
        where = f"{ARTIFACT}/{ENTRIES}"
        if entries is None:
            return HistoryError(where, "the run left no entries", _LOOK)
        try:
            told = lines.read(entries, where)
        except HistoryError as error:
            return error
        found: dict[str, Line] = {}
        for line in told:
            theirs = line.decision.change
            if (theirs.id, theirs.head) != (self.change.id, self.change.head):
                return HistoryError(where, f"the entry {line.entry_id[:12]} is of another change or commit")
            if line.decision.model in found:
                return HistoryError(where, f"the model {line.decision.model} was judged twice")
            found[line.decision.model] = line
        return found

    def _decision(self, entry: ModelEntry, told: Line | HistoryError | None, check: str) -> Decision:
        policies = grounds.covering(self.seen.held, entry, self.seen.branch)
        evidence, problem = self._judgeable(entry, told)
        findings: tuple[Finding, ...] = ()
        if evidence is not None:
            findings = (*gate.judge(policies, evidence).findings, *self._doubted(entry, evidence))
        return Decision(
            model=entry.name,
            path=entry.path,
            taken_at=self.at,
            version=__version__,
            verdict=Verdict(model=entry.name, findings=findings),
            evidence=evidence,
            policies=tuple((policy.name, policy.digest) for policy in policies),
            # What is not merged must not look as if it were: later changes are held against what is.
            commit=self.change.head,
            problem=problem,
            notes=tuple(self._notes(told)),
            check=check,
            change=self.change,
            project=self.seen.held.project.name,
            branch=self.seen.branch,
            team=self.seen.held.judged(entry).team,
        )

    def basis(self) -> Basis:
        """Collect what these decisions rest on besides their evidence."""
        policies = self.seen.held.policies
        texts = {policy.digest: policy.text for policy in policies if policy.text}
        return Basis(texts, tuple(waiver for policy in policies for waiver in policy.waivers))

    def _judgeable(self, entry: ModelEntry, told: Line | HistoryError | None) -> tuple[Evidence | None, str]:
        """Take what was measured from the run, and whatever else is said from where a change cannot write it."""
        if isinstance(told, HistoryError):
            return None, str(told)
        if told is None:
            return None, "the run left no entry of this model"
        theirs = told.decision
        if theirs.evidence is None:
            return None, theirs.problem or "the run measured nothing of this model"
        own = {
            "model": self.seen.held.judged(entry).identity,
            "taken_at": self.at,
            "branch": self.seen.branch,
            "project": self.seen.held.project.name,
            "change": self.change.id,
            "approvals": self.asked.approvals if self.asked else (),
            "grants": self.asked.grants if self.asked else (),
            "budgets": (),
        }
        return theirs.evidence.model_copy(update=own), ""

    def _doubted(self, entry: ModelEntry, evidence: Evidence) -> Iterator[Finding]:
        if reasons := list(dict.fromkeys((*self.seen.doubts(entry, evidence), *self._beside(entry)))):
            yield Finding(
                rule="evidence",
                policy="greengate",
                metric="",
                kind=DISBELIEVED,
                enforce=Enforce.HARD,
                judged=Outcome.INCONCLUSIVE,
                outcome=Outcome.INCONCLUSIVE,
                counterfactual="a maintainer can push the change to a branch of this repository, and judge it there",
                reason=f"what the fork's run says is not believed: {'; '.join(reasons)}",
            )

    def _beside(self, entry: ModelEntry) -> Iterator[str]:
        for other in self.seen.held.known(self.project):
            if other.name != entry.name and any(self.seen.own_code(other)):
                yield f"code of the change ran in the same job, by the model {other.name}"

    def _notes(self, told: Line | HistoryError | None) -> Iterator[str]:
        yield from self.seen.held.notes
        yield "measured by the run of a fork, and judged again from what that run left behind"
        if isinstance(told, Line):
            yield f"the run's own entry of {told.decision.model}: {told.entry_id}"
        yield from self.asked.unknown if self.asked else ()
