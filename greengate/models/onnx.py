"""ONNX models: looked at, run and measured by ONNX Runtime in a child process that can do no harm."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from greengate.models import model_file, onnx_file, onnx_profiling
from greengate.models.hosting import HostingLoader
from greengate.models.model_file import ModelFile
from greengate.models.sandbox import Sandbox
from greengate.ports import ModelSpec, Profile, StaticCosts


class OnnxLoader(HostingLoader):
    """ONNX files by ONNX Runtime on the CPU."""

    entry: ClassVar[str] = "greengate.models.onnx_session:Sessions"
    packages: ClassVar[tuple[str, ...]] = ("numpy", "onnxruntime")

    def inspect(self, spec: ModelSpec) -> ModelFile:
        """Look at the model file and its external data.

        Raises:
            ModelError: A file is missing, outside the folder, no ONNX, cut short, or a Git LFS pointer.
        """
        return onnx_file.inspect(spec.path, spec.folder)

    def count(self, spec: ModelSpec) -> StaticCosts:
        """Count the model's static costs without running it; its external data need not be there.

        Raises:
            ModelError: The file is not right.
        """
        from greengate.models import onnx_costs  # noqa: PLC0415 - brings the heavy onnx package

        model_file.located(spec.path, spec.folder)
        return onnx_costs.count(spec)

    def profile(self, spec: ModelSpec, operators: int) -> Profile:
        """Run the model with ONNX Runtime's profiler on, on the CPU: see `onnx_profiling`.

        Raises:
            ModelError: The model cannot be run, or its profile is too large.
        """
        file = self.inspect(spec)

        def opened(spec: ModelSpec, folder: Path) -> Sandbox:
            return self._sandbox([file], [spec], onnx_profiling.ENTRY, [folder])

        return onnx_profiling.profile(spec, operators, opened)
