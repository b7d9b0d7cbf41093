"""How good a model is: figures read from an evaluation file, or taken here from a data set."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greengate.errors import ModelError
from greengate.evidence import Figure
from greengate.measure.figures import Figures
from greengate.measure.protocol import CANDIDATE
from greengate.metrics import KNOWN_SCALES, QUALITY
from greengate.models import quality, scoring
from greengate.packs.project_entry import Evaluation, ModelEntry, Scoring
from greengate.policy import Policy
from greengate.ports import ModelLoader, ModelSpec
from greengate.trees import GitTree, WorkingTree, read_source


@dataclass(frozen=True, slots=True)
class Grader:
    """Makes the quality figures of candidate and baseline, as the project file says where they come from.

    Attributes:
        wanted: The figures that policies ask for, without `quality.`.
        base: The commit whose evaluation file of the baseline counts, or "" for the working tree's.
    """

    root: Path
    entry: ModelEntry
    wanted: tuple[str, ...]
    base: str = ""

    def __call__(self, subject: str, spec: ModelSpec, loader: ModelLoader) -> Figures:
        """Return the quality figures of a subject, and why others are missing."""
        declared = self.entry.quality
        if isinstance(declared, Evaluation):
            return self._evaluated(declared, subject)
        if isinstance(declared, Scoring):
            return self._scored(declared, spec, loader)
        return self._missing("the project declares no `quality` of this model")

    def _evaluated(self, declared: Evaluation, subject: str) -> Figures:
        source = declared.file if subject == CANDIDATE else declared.baseline
        if source is None:
            return self._missing("the project names no evaluation file of the baseline (`quality: {baseline: …}`)")
        data = read_source(self.root, source, self.base if subject != CANDIDATE else "")
        if data is None:
            hint = "write it where the model is evaluated, and commit it beside the model"
            raise ModelError(self.entry.quality_place, f"the evaluation file `{source}` is not there", hint)
        names = dict.fromkeys((*self.wanted, *self.entry.scales, *KNOWN_SCALES))
        scores = quality.from_file(data, source, names, self.entry.scales)
        asked = {QUALITY + name for name in (*self.wanted, *self.entry.scales)}
        return Figures(dict(scores.figures), {name: why for name, why in scores.missing.items() if name in asked})

    def _scored(self, declared: Scoring, spec: ModelSpec, loader: ModelLoader) -> Figures:
        data = self._dataset(declared)
        outputs = loader.predict(spec, data.features)
        figures: Mapping[str, Figure] = scoring.score(outputs, declared.output, data, declared.scorers)
        found = self._missing(f"no scorer of the project makes it; it has {', '.join(declared.scorers)}")
        return Figures(dict(figures), {name: why for name, why in found.missing.items() if name not in figures})

    def _dataset(self, declared: Scoring) -> scoring.Dataset:
        """Read the data set; with a base, the one that lies there: a change must not mark its own work."""
        gone = ModelError(self.entry.quality_place, f"the data set `{declared.dataset}` is not there")
        if not self.base:
            file = WorkingTree(self.root).locate(declared.dataset)
            if file is None:
                raise gone
            return scoring.read_dataset(file, declared.dataset, declared.labels)
        content = GitTree(self.root, self.base).read(declared.dataset)
        if content is None:
            raise gone
        with tempfile.NamedTemporaryFile(suffix=".npz") as copy:
            copy.write(content)
            copy.flush()
            return scoring.read_dataset(Path(copy.name), declared.dataset, declared.labels)

    def _missing(self, why: str) -> Figures:
        return Figures(missing={QUALITY + name: why for name in self.wanted})


def wanted(policies: Sequence[Policy]) -> tuple[str, ...]:
    """Name the quality figures that some policies look at, without `quality.`."""
    names: dict[str, None] = {}
    for policy in policies:
        for rule in policy.rules:
            metrics = [rule.metric, rule.unless.gain.metric if rule.unless and rule.unless.gain else None]
            names |= dict.fromkeys(metric.name for metric in metrics if metric is not None)
            read = [name for check in rule.checks for name in getattr(getattr(check, "expression", None), "names", ())]
            names |= dict.fromkeys(name.partition(".")[2] for name in read)
    return tuple(name.removeprefix(QUALITY) for name in names if name.startswith(QUALITY))
