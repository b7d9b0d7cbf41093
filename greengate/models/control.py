"""The control workload alone: twice the same small task, hosted as models are, so that a runner can be calibrated."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from greengate.models import inputs
from greengate.models.hosted import Hosted
from greengate.models.inputs import Declared
from greengate.models.sandbox import Sandbox
from greengate.models.serving import Service, control_task
from greengate.ports import CONTROL, Limits, ModelSpec, Workload

SUBJECTS = ("candidate", "baseline")


@contextlib.contextmanager
def bench() -> Iterator[Mapping[str, Workload]]:
    """Host the task as candidate and as baseline, and a third time as what the machine is judged by.

    Raises:
        MeasurementError: The child process could not be started.
        ModelError: It did not survive.
    """
    spec = ModelSpec(path=Path("the control workload"), folder=Path(), limits=Limits(cpu_s=24 * 3600))
    entry = f"{__name__}:Tasks"
    with Sandbox(entry, where=str(spec.path), reads=(), limits=spec.limits, packages=("numpy",)) as sandbox:
        hosted = {subject: Hosted(sandbox, subject, spec) for subject in (*SUBJECTS, CONTROL)}
        for subject in SUBJECTS:
            hosted[subject].open()
            hosted[subject].feed()
            hosted[subject].warm_up()
        yield hosted


class Tasks(Service):
    """What serves in the child."""

    def __init__(self) -> None:
        inputs.preload()
        super().__init__(lambda *_: Task(), lambda act, *rest: act(*rest), {})


class Task:
    """The control task as a model: a `serving.Served` without inputs or outputs, whose session is its arrays."""

    inputs: Sequence[Declared] = ()
    outputs: Sequence[tuple[str, str]] = ()

    def __init__(self) -> None:
        self._task = control_task()

    def bound(self, feeds: Mapping[str, np.ndarray]) -> Callable[[], Any]:
        """Return the task."""
        del feeds
        return self._task

    def values(self, result: Any) -> Sequence[Any]:
        """Return nothing: nobody asks for its products."""
        del result
        return ()

    def renew(self) -> None:
        """Make its arrays anew, at other places in memory."""
        self._task = control_task()
