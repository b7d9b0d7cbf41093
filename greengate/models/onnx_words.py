"""ONNX Runtime's exceptions in words for the person who exported the model."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from greengate.errors import ModelError
from greengate.models import cuda_words

T = TypeVar("T")

_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    *(kind for kind in vars(runtime).values() if isinstance(kind, type) and issubclass(kind, Exception)),
)
_STANDARD = "only operators that ONNX Runtime ships are run (custom-operator libraries never are): export with those"
# What ONNX Runtime says, what the person is told, and what helps. The first that fits counts.
_KNOWN = (
    (
        r"Fatal error: (?P<domain>[^:\s]*):(?P<op>\w+)\(-?\d+\) is not a registered function/op",
        "operator `{op}` of domain `{domain}` is unknown to ONNX Runtime",
        _STANDARD,
    ),
    (
        r'\("[^"]*", (?P<op>\w+), "[^"]*", -?\d+\).*No opset import for domain \'(?P<domain>[^\']*)\'',
        "operator `{op}` of domain `{domain}` is unknown: the model imports no such domain",
        _STANDARD,
    ),
    (
        (
            r'\("[^"]*", (?P<op>\w+), "(?P<domain>[^"]*)", -?\d+\).*'
            r"No Op registered for \w+ with domain_version of (?P<version>\d+)"
        ),
        "operator `{op}` of domain `{domain}` is unknown in opset {version}",
        _STANDARD,
    ),
    (
        r"Could not find an implementation for (?P<op>[\w.:]+)\((?P<version>\d+)\)",
        "ONNX Runtime has no CPU kernel for operator `{op}` (since opset {version}) with these element types",
        "export with element types that it has, float32 for example",
    ),
    (
        (
            r"Opset (?P<version>\d+) is under development.*"
            r"[Cc]urrent official support for domain (?P<domain>\S+) is till opset (?P<most>\d+)"
        ),
        "it uses opset {version} of domain `{domain}`; this ONNX Runtime supports up to {most}",
        "export with an older opset, or install a newer onnxruntime",
    ),
    (
        r"Unsupported model IR version: (?P<version>\d+), max supported IR version: (?P<most>\d+)",
        "it is written in IR version {version}; this ONNX Runtime reads up to {most}",
        "export with an older onnx package, or install a newer onnxruntime",
    ),
    (
        r"running (?P<op>\w+) node\. Name:'(?P<node>[^']*)' Status Message: (?P<message>.*)",
        "operator `{op}` (node `{node}`) failed: {message}",
        "check that its inputs fit: sizes, and ranges of integers",
    ),
)
_MEMORY = re.compile(
    r"bad_alloc|Failed to allocate memory|CreateFileMapping|mmap.*Cannot allocate"
    r"|CUDA failure 2\b|CU(?:BLAS|DNN)_STATUS_ALLOC_FAILED"
)
# Source paths, and the C++ signature that often follows them.
_NOISE = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : "
    r"|/\S*onnxruntime\S*:\d+ (?:[^()]*\([^)]*\)(?: const)? )?"
    r"|\w+\.(?:cc|h):\d+ \w+ "
)


def translated(work: Callable[..., T], *arguments: object, **options: object) -> T:
    """Do some work of ONNX Runtime's and tell its failure as ours.

    Raises:
        ModelError: ONNX Runtime refused the model, its inputs, or a run.
        MemoryError: It could not get the memory it wanted.
    """
    try:
        return work(*arguments, **options)
    except _ERRORS as error:
        raise _told(str(error)) from error


def _told(message: str) -> ModelError | MemoryError:
    if told := cuda_words.told(message):
        return told
    if _MEMORY.search(message):
        return MemoryError(message)
    for pattern, problem, hint in _KNOWN:
        found = re.search(pattern, message, re.DOTALL)
        if found:
            words = {name: _clean(word) or "ai.onnx" * (name == "domain") for name, word in found.groupdict().items()}
            return ModelError("", problem.format(**words).replace(" (node ``)", ""), hint)
    return ModelError("", f"ONNX Runtime refuses it: {_clean(message)}", "try the model alone in onnxruntime")


def _clean(message: str) -> str:
    return _NOISE.sub("", message).strip()
