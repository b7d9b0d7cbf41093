"""torch's exceptions in words for the person who exported the program."""

from __future__ import annotations

import contextlib
import logging
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from greengate.errors import ModelError
from greengate.models import cuda_words

T = TypeVar("T")

# torch has no exception of its own: it raises these, from Python and from C++.
_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ImportError,
    OSError,
    EOFError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)
# What torch says, what the person is told, and what helps. The first that fits counts.
_KNOWN = (
    (
        r"failed to resolve torch\.ops\.(?P<op>[\w.]+) to an operator",
        "operator `{op}` is unknown to torch",
        "only operators that torch ships are run (custom-operator libraries never are): export with those",
    ),
    (
        r"Guard failed: (?P<guard>.*)",
        "its inputs do not fit what it was exported for: `{guard}` does not hold",
        "declare other sizes in the project file (`inputs: {{shapes: …}}`), or export it with dynamic shapes",
    ),
    (
        r"PytorchStreamReader failed|not a zip file",
        "it is damaged or cut short: torch cannot read the archive",
        "build or download it again; compare its size with the original",
    ),
)
_MEMORY = re.compile(r"CUDA out of memory|DefaultCPUAllocator|bad_alloc|not enough memory|Cannot allocate memory")


def loaded(path: str) -> torch.export.ExportedProgram:
    """Load an exported program; the caller knows that it may run code.

    Raises:
        ModelError: torch refuses it.
        MemoryError: There is not enough memory.
    """
    with _listening() as heard:
        try:
            return torch.export.load(path)
        except _ERRORS as error:
            # When loading fails, torch logs the reason and raises that it has been logged.
            cause: BaseException = heard[0] if heard else error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            hint = f"export it with the torch that runs here ({torch.__version__}) or an older one"
            raise _told(str(cause) or type(cause).__name__, "torch cannot load it", hint) from error


def translated(work: Callable[..., T], *arguments: object) -> T:
    """Do some work of torch's and tell its failure as ours.

    Raises:
        ModelError: torch refused the program, its inputs, or a run.
        MemoryError: It could not get the memory it wanted.
    """
    try:
        return work(*arguments)
    except ModelError:
        raise
    except _ERRORS as error:
        hint = "try the program alone in torch: torch.export.load(path).module()(*inputs)"
        raise _told(str(error) or type(error).__name__, "torch refuses it", hint) from error


@contextlib.contextmanager
def _listening() -> Iterator[list[BaseException]]:
    logger, listener = logging.getLogger("torch.export"), _Listener()
    logger.addHandler(listener)
    propagates, logger.propagate = logger.propagate, False
    try:
        yield listener.heard
    finally:
        logger.propagate = propagates
        logger.removeHandler(listener)


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            self.heard.append(record.exc_info[1])


def _told(message: str, otherwise: str, hint: str) -> ModelError | MemoryError:
    if told := cuda_words.told(message):
        return told
    if _MEMORY.search(message):
        return MemoryError(message)
    for pattern, problem, help_ in _KNOWN:
        found = re.search(pattern, message)
        if found:
            return ModelError("", problem.format(**found.groupdict()), help_.replace("{{", "{").replace("}}", "}"))
    first = next((line for line in message.splitlines() if line.strip()), message)
    return ModelError("", f"{otherwise}: {first}", hint)
