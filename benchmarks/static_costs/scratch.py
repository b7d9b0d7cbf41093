"""The scratch environment with the other tools; greengate itself stays where it is installed."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import children

HERE = Path(__file__).parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
TOOLS = ("onnx-tool", "fvcore", "torch", "onnx", "numpy")
PACKAGES = ("torch==2.13.0", "fvcore==0.1.5.post20221221", "onnx-tool==1.0.1", "onnx==1.23.2", "numpy")
_VERSIONS = (
    "import sys; from importlib.metadata import version; print(', '.join(f'{a} {version(a)}' for a in sys.argv[1:]))"
)


def set_up() -> None:
    """Make the environment, anew if it is there."""
    venv.create(VENV, with_pip=True, clear=True)
    subprocess.run([VENV / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)


def required() -> None:
    """End with a word if it was not made yet."""
    if not PYTHON.exists():
        raise SystemExit("the other tools are not there yet: run this script with --setup")


def versions() -> str:
    """Name the versions in both environments."""
    others = children.run(PYTHON, "-c", _VERSIONS, *TOOLS).out.strip()
    ours = children.run(sys.executable, "-c", _VERSIONS, "greengate-ci", "onnx", "numpy", "torch", "fvcore").out.strip()
    return f"greengate's environment: {ours or 'no torch'}. The others': {others}."
