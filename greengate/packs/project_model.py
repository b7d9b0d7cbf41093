"""One model of the project file: its shape is right already; here its paths, names and amounts are checked."""

from __future__ import annotations

import re
from dataclasses import replace

from greengate.errors import nearest
from greengate.evidence import QualityScale
from greengate.metrics import KNOWN_SCALES
from greengate.packs import project_deployment, project_file
from greengate.packs.project_entry import (
    Build,
    Evaluation,
    Inputs,
    ModelEntry,
    Scoring,
    Source,
    TrackerFile,
    Training,
)
from greengate.packs.project_sheet import GIT, Sheet
from greengate.packs.yaml_text import KeyPath

LAST_PASS = "last-pass"  # noqa: S105 - a word of the project file
SCORERS = ("accuracy", "f1", "f1_macro", "rmse")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_FIGURE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read(sheet: Sheet, path: KeyPath, shape: project_file.Model) -> ModelEntry | None:
    """Read one model, and complain of whatever cannot be meant; None where it has no source."""
    if not _NAME.fullmatch(shape.name):
        sheet.complain(
            (*path, "name"), f"`{shape.name}` is no model's name", "such as `nlp/summariser`: no spaces, no `*`"
        )
    source = _source(sheet, path, shape)
    if source is None:
        return None
    quality, scales = _quality(sheet, (*path, "quality"), shape.quality)
    return ModelEntry(
        name=shape.name,
        source=source,
        baseline=_baseline(sheet, (*path, "baseline"), shape.baseline, source),
        inputs=_inputs(sheet, (*path, "inputs"), shape.inputs or project_file.Inputs()),
        batch=shape.batch or 1,
        quality=quality,
        scales=scales,
        training=_training(sheet, (*path, "training"), shape.training),
        labels=shape.labels or {},
        team=shape.team or "",
        trusted=bool(shape.trust),
        deployment=project_deployment.read(sheet, (*path, "deployment"), shape.deployment),
        place=sheet.place(path),
        source_place=sheet.place((*path, "path" if shape.build is None else "build")),
        baseline_place=sheet.place((*path, "baseline")),
        quality_place=sheet.place((*path, "quality")),
        training_place=sheet.place((*path, "training")),
    )


def _source(sheet: Sheet, path: KeyPath, shape: project_file.Model) -> Source | None:
    if shape.path is not None and shape.build is not None:
        sheet.complain((*path, "build"), "there is a `path` and a `build`", "keep one of the two", key=True)
    if shape.build is not None:
        return _build(sheet, (*path, "build"), shape.build)
    if shape.path is None:
        sheet.complain(path, f"`{shape.name}` has no model file", "give its `path`, or a `build` that writes it")
        return None
    if shape.path == LAST_PASS or shape.path.startswith(GIT):
        found = f"`{shape.path}` is a source of baselines; the candidate is a file of the change"
        sheet.complain((*path, "path"), found, "give the path of the model's file")
    sheet.check_path((*path, "path"), shape.path)
    return shape.path


def _build(sheet: Sheet, path: KeyPath, shape: project_file.Build) -> Build:
    sheet.check_path((*path, "output"), shape.output)
    return Build(tuple(shape.command), shape.output)


def _baseline(
    sheet: Sheet, path: KeyPath, written: str | project_file.BuiltBaseline | None, candidate: Source
) -> Source | None:
    own = candidate if isinstance(candidate, str) else candidate.output
    if isinstance(written, project_file.BuiltBaseline):
        built = _build(sheet, (*path, "build"), written.build)
        if built.output == own:
            found = f"the baseline is built into `{own}`, where the candidate is"
            sheet.complain((*path, "build", "output"), found, "give it a file of its own")
        return built
    if written is None or written == LAST_PASS:
        return written
    if not written.startswith(GIT) and (":" in written or not ({"/", "."} & set(written))):
        near = nearest(written.partition(":")[0], [LAST_PASS, GIT.rstrip(":")])
        hint = near if near.startswith("did") else "write a path, `git:REF`, `git:REF:path` or `last-pass`"
        sheet.complain(path, f"`{written}` is no baseline", hint)
        return None
    return sheet.baseline(path, written, own)


def _inputs(sheet: Sheet, path: KeyPath, shape: project_file.Inputs) -> Inputs:
    if shape.file is not None:
        sheet.check_path((*path, "file"), shape.file)
        for other in ("shapes", "ranges", "seed"):
            if getattr(shape, other) is not None:
                found = f"`{other}` is about generated inputs, but a `file` is given"
                sheet.complain((*path, other), found, "keep one of the two", key=True)
    ranges = {}
    for name, written in (shape.ranges or {}).items():
        if len(written) != 2 or written[0] >= written[1]:
            found = f"found `{written}`, expected the range [low, high) of whole numbers, low below high"
            sheet.complain((*path, "ranges", name), found, "such as [0, 30000]")
        else:
            ranges[name] = (written[0], written[1])
    shapes = {name: tuple(axes) for name, axes in (shape.shapes or {}).items()}
    return Inputs(shape.file, shapes, ranges, shape.seed or 0)


def _quality(
    sheet: Sheet, path: KeyPath, shape: project_file.Quality | None
) -> tuple[Evaluation | Scoring | None, dict[str, QualityScale]]:
    if shape is None:
        return None, {}
    if (shape.file is None) == (shape.dataset is None):
        found = "both a `file` and a `dataset`" if shape.file else "neither a `file` nor a `dataset`"
        sheet.complain(path, f"there is {found}", "name an evaluation `file`, or a `dataset` and a `scorer`")
        return None, {}
    strangers = ("dataset", "labels", "output", "scorer") if shape.file else ("baseline", "figures")
    for key in strangers:
        if getattr(shape, key) is not None:
            found = f"`{key}` does not go with a `{'file' if shape.file else 'dataset'}`"
            sheet.complain((*path, key), found, "leave it out", key=True)
    return _evaluation(sheet, path, shape) if shape.file else _scoring(sheet, path, shape)


def _evaluation(sheet: Sheet, path: KeyPath, shape: project_file.Quality) -> tuple[Evaluation, dict[str, QualityScale]]:
    assert shape.file is not None
    sheet.check_path((*path, "file"), shape.file)
    baseline = shape.baseline and sheet.baseline((*path, "baseline"), shape.baseline, shape.file)
    scales = {}
    for name, written in (shape.figures or {}).items():
        scale = _scale(sheet, (*path, "figures", name), name, written)
        if scale:
            scales[name] = scale
    return Evaluation(shape.file, baseline), scales


def _scale(sheet: Sheet, path: KeyPath, name: str, written: project_file.Scale) -> QualityScale | None:
    if not _FIGURE.fullmatch(name):
        sheet.complain(path, f"`{name}` is no figure's name", "letters, digits and `_`, such as `accuracy`", key=True)
        return None
    known = KNOWN_SCALES.get(name)
    if known is None and not (written.unit and written.better):
        near = nearest(name, KNOWN_SCALES)
        hint = near if near.startswith("did") else f"such as `{name}: {{unit: ratio, better: higher}}`"
        sheet.complain(path, f"`{name}` needs a `unit` and which way is `better`", hint, key=True)
        return None
    if known and written.better and written.better != known.better:
        sheet.complain(
            (*path, "better"), f"for `{name}`, {known.better} is better", "leave it out, or rename the figure"
        )
    known = known or QualityScale()
    return QualityScale(unit=written.unit or known.unit, better=written.better or known.better)


def _scoring(sheet: Sheet, path: KeyPath, shape: project_file.Quality) -> tuple[Scoring, dict[str, QualityScale]]:
    assert shape.dataset is not None
    sheet.check_path((*path, "dataset"), shape.dataset)
    if shape.scorer is None:
        sheet.complain(path, "a `dataset` needs a `scorer`", nearest("", SCORERS))
    scorers = (shape.scorer,) if isinstance(shape.scorer, str) else tuple(shape.scorer or ())
    for index, scorer in enumerate(scorers):
        place = (*path, "scorer") if isinstance(shape.scorer, str) else (*path, "scorer", index)
        if scorer not in SCORERS:
            sheet.complain(place, f"`{scorer}` is no scorer", nearest(scorer, SCORERS))
        elif scorer in scorers[:index]:
            sheet.complain(place, f"`{scorer}` is named twice", "keep one of the two")
    scales = {scorer: KNOWN_SCALES[scorer] for scorer in scorers if scorer in SCORERS}
    return Scoring(shape.dataset, scorers, shape.labels or "labels", shape.output), scales


def _training(sheet: Sheet, path: KeyPath, shape: project_file.Training | None) -> Training | None:
    if shape is None:
        return None
    sheet.check_path((*path, "file"), shape.file)
    if shape.project is not None and shape.tracker not in {"codecarbon", "greengate"}:
        found = f"`project` does not go with the tracker `{shape.tracker}`: only CodeCarbon and greengate write one"
        sheet.complain((*path, "project"), found, "leave it out, or choose by `run`", key=True)
    own = TrackerFile(shape.file, shape.tracker, shape.run, shape.project, every=shape.rows == "all")
    if shape.baseline is None:
        return Training(own, phase=shape.phase or "")
    source = sheet.baseline((*path, "baseline"), shape.baseline, shape.file)
    return Training(own, replace(own, file=source), shape.phase or "")
