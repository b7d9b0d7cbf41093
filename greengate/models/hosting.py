"""What loaders have in common that run their models in a child process: all of `ports.ModelLoader` but the count."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from greengate.errors import ModelError
from greengate.models.hosted import Hosted
from greengate.models.model_file import ModelFile
from greengate.models.sandbox import Sandbox
from greengate.ports import CONTROL, Examination, Limits, ModelSpec

if TYPE_CHECKING:
    import numpy as np

_ALONE = "model"
_CHUNK_BYTES = 32 * 2**20


class HostingLoader:
    """Runs model files in a child that can do no harm; a kind of model says how to look at them and what serves them.

    Attributes:
        entry: "module:class" of what serves in the child, a `serving.Service`.
        packages: Packages that it imports.
    """

    entry: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]

    def inspect(self, spec: ModelSpec) -> ModelFile:
        """Look at the model's files before anything runs them.

        Raises:
            ModelError: They may not be given to the runtime.
        """
        raise NotImplementedError

    def examine(self, spec: ModelSpec) -> Examination:
        """Load and run the model once in a child of its own, and check that its outputs are finite.

        Raises:
            ModelError: The file, its inputs or its outputs are not right, or the child did not survive it.
        """
        file = self.inspect(spec)
        with self._sandbox([file], [spec]) as sandbox:
            model = Hosted(sandbox, _ALONE, spec)
            remarks = model.open()
            inputs = model.feed()
            outputs = model.first_run()
            return Examination(
                digest=file.digest,
                size_bytes=file.size_bytes,
                peak_memory_bytes=sandbox.peak_memory_bytes(),
                inputs=inputs,
                outputs=outputs,
                runtime=sandbox.runtime,
                degraded=(*sandbox.degraded, *remarks),
            )

    @contextlib.contextmanager
    def alone(self, spec: ModelSpec) -> Iterator[Hosted]:
        """Host one model, loaded and not yet fed.

        Raises:
            ModelError: The file is not right, or the child did not survive it.
        """
        with self._sandbox([self.inspect(spec)], [spec]) as sandbox:
            model = Hosted(sandbox, _ALONE, spec)
            model.open()
            yield model

    @contextlib.contextmanager
    def bench(self, specs: Mapping[str, ModelSpec]) -> Iterator[Mapping[str, Hosted]]:
        """Host several models, by subject, in one child process, warmed up and ready to be measured in turn.

        Beside them stands the control workload.

        Raises:
            ModelError: A file or its inputs are not right, or the child did not survive it.
        """
        files = [self.inspect(spec) for spec in specs.values()]
        with self._sandbox(files, list(specs.values())) as sandbox:
            models = {subject: Hosted(sandbox, subject, spec) for subject, spec in specs.items()}
            for model in models.values():
                model.open()
                model.feed()
                model.warm_up()
            yield {**models, CONTROL: Hosted(sandbox, CONTROL, next(iter(specs.values())))}

    def predict(self, spec: ModelSpec, features: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Run the model over a whole data set and return its outputs by name, a row for each row of the features.

        `spec.batch` rows go at a time, or as many as the model's own fixed leading axis says. Outputs without a row for
        each input row are left out; a classifier's list of maps becomes columns by sorted key.

        Raises:
            ModelError: The features do not fit, or no output has a row for each of theirs.
        """
        import numpy as np  # noqa: PLC0415 - heavy

        rows = _rows(spec, features)
        row_bytes = sum(array.nbytes for array in features.values()) // rows + 1
        step = max(1, _CHUNK_BYTES // row_bytes // spec.batch) * spec.batch
        parts: dict[str, list[np.ndarray]] = {}
        with self.alone(spec) as model:
            for start in range(0, rows, step):
                chunk = {name: array[start : start + step] for name, array in features.items()}
                for name, table in model.predict(chunk).items():
                    parts.setdefault(name, []).append(table)
        if not parts:
            raise ModelError(str(spec.path), "none of its outputs has a row for each row of the features")
        return {name: np.concatenate(tables) for name, tables in parts.items()}

    def _sandbox(
        self, files: Sequence[ModelFile], specs: Sequence[ModelSpec], entry: str = "", writes: Sequence[Path] = ()
    ) -> Sandbox:
        reads: list[Path] = [path for file in files for path in (file.path, *file.external)]
        for spec in specs:
            if spec.inputs is not None:
                if not spec.inputs.is_file():
                    raise ModelError(str(spec.path), f"its inputs are missing: there is no file {spec.inputs}")
                reads.append(spec.inputs)
        return Sandbox(
            entry or self.entry,
            where=str(specs[0].path),
            reads=reads,
            limits=_widest([spec.limits for spec in specs]),
            packages=self.packages,
            writes=writes,
            device=specs[0].device,
        )


def _widest(limits: Sequence[Limits]) -> Limits:
    return Limits(
        address_space_bytes=max(limit.address_space_bytes for limit in limits),
        cpu_s=max(limit.cpu_s for limit in limits),
        wall_s=max(limit.wall_s for limit in limits),
        open_files=max(limit.open_files for limit in limits),
        file_size_bytes=max(limit.file_size_bytes for limit in limits),
    )


def _rows(spec: ModelSpec, features: Mapping[str, np.ndarray]) -> int:
    lengths = {name: len(array) if array.ndim else 0 for name, array in features.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        words = ", ".join(f"`{name}` {length}" for name, length in lengths.items()) or "none are given"
        raise ModelError(str(spec.path), f"the features must have the same number of rows, at least 1: {words}")
    return next(iter(lengths.values()))
