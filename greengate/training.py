"""What a model's training took: figures from the trackers' files that the project file names."""

from __future__ import annotations

from pathlib import Path

from greengate.errors import ModelError
from greengate.measure.figures import Figures
from greengate.measure.protocol import CANDIDATE
from greengate.measure.trackers import declared
from greengate.packs.project_entry import ModelEntry, TrackerFile
from greengate.trees import read_source

METRICS = (declared.ENERGY, declared.CARBON)


def training_figures(root: Path, entry: ModelEntry, subject: str, base: str = "") -> Figures:
    """Return the training figures of a subject ("candidate" or "baseline"), or why they are missing.

    Args:
        root: The project's folder.
        entry: The model as it is judged.
        subject: Whose figures.
        base: The commit where a baseline's file that is a path is read, or "" for the working tree.

    Raises:
        ModelError: A file is not there, or it is not what its tracker writes.
        ProjectError: A path leaves the project, or there is no such commit.
    """
    training = entry.training
    if training is None:
        return _missing("greengate.yaml declares no `training` file of this model")
    if subject == CANDIDATE:
        return _read(root, entry, training.candidate, "")
    if training.baseline is None:
        return _missing("greengate.yaml names no tracker's file of the baseline (`training: {baseline: …}`)")
    own, other = _read(root, entry, training.candidate, ""), _read(root, entry, training.baseline, base)
    if training.candidate.tracker != training.baseline.tracker or _scope(own) != _scope(other):
        return _missing(f"not comparable: the candidate's is {_words(own)}, the baseline's is {_words(other)}")
    return other


def training_phase(root: Path, entry: ModelEntry) -> str:
    """Tell what a model was trained for: as its runs say, else as the project file does; "" where neither does.

    Raises:
        ModelError: The two say different things, the runs were of several phases, or the file is not what its tracker
            writes.
        ProjectError: A path leaves the project, or there is no such commit.
    """
    training = entry.training
    if training is None:
        return ""
    named = training.candidate
    said = declared.phases(_data(root, entry, named, ""), named.file, named.tracker, _choice(named))
    told = said - {""}
    if training.phase and told - {training.phase}:
        tracked_as = " and ".join(sorted(told))
        problem = f"the run in `{named.file}` was tracked as {tracked_as}, and `phase: {training.phase}` is declared"
        raise ModelError(entry.training_place, problem, "leave `phase` out: the run says it")
    if not training.phase and len(said) > 1:
        problem = (
            f"runs of several phases are added up in `{named.file}`: {', '.join(sorted(one or 'none' for one in said))}"
        )
        raise ModelError(entry.training_place, problem, "choose one of them with `training: {run: …}`")
    return training.phase or "".join(told)


def _read(root: Path, entry: ModelEntry, named: TrackerFile, base: str) -> Figures:
    return declared.from_file(_data(root, entry, named, base), named.file, named.tracker, _choice(named))


def _data(root: Path, entry: ModelEntry, named: TrackerFile, base: str) -> bytes:
    data = read_source(root, named.file, base)
    if data is None:
        hint = "commit what the tracker wrote beside the model; `git:REF` names it at another commit"
        raise ModelError(entry.training_place, f"the tracker's file `{named.file}` is not there", hint)
    return data


def _choice(named: TrackerFile) -> declared.Choice:
    return declared.Choice(named.run, named.project, named.every)


def _scope(found: Figures) -> str:
    return found.figures[declared.ENERGY].provenance.scope


def _words(found: Figures) -> str:
    provenance = found.figures[declared.ENERGY].provenance
    return f"by {provenance.meter}, of the {provenance.scope or 'scope that the file does not tell'}"


def _missing(why: str) -> Figures:
    return Figures(missing=dict.fromkeys(METRICS, why))
