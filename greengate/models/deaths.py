"""How a child process ended or went wrong, in words for the person whose model it ran."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from greengate.errors import ModelError
from greengate.ports import Limits


def hung(where: str, doing: str, limits: Limits) -> ModelError:
    """Say that no answer came in time."""
    return ModelError(
        where,
        f"no answer after {limits.wall_s:g} s while {doing}; its process was stopped",
        "raise the wall-clock limit if the model is that slow, or look for an endless loop in it",
    )


def garbage(where: str, doing: str, what: str) -> ModelError:
    """Say that what came back is no answer."""
    return ModelError(
        where,
        f"its process answered garbage while {doing} ({plain(what)})",
        "greengate's own child never does: the model may be hostile, or have broken its runtime",
    )


def out_of_memory(where: str, doing: str, limits: Limits, *, on_gpu: bool = False) -> ModelError:
    """Say that the memory limit was too small for it, or the memory of the GPU."""
    if on_gpu:
        return ModelError(
            where,
            f"out of memory while {doing}: the GPU's memory is full, or more than the "
            f"{limits.address_space_bytes / 2**30:.3g} GiB of the host's were used that a model may",
            "`nvidia-smi` shows who else uses the GPU; declare smaller inputs or a smaller batch, or use a larger GPU",
        )
    return ModelError(
        where,
        f"out of memory while {doing}: more than the {limits.address_space_bytes / 2**30:.3g} GiB of address space "
        "that a model may use",
        "check the declared input sizes and the batch; raise the memory limit if the model needs that much",
    )


def explain(where: str, doing: str, code: int, stderr: bytes, limits: Limits) -> ModelError:
    """Say why a child ended.

    Args:
        where: The model file.
        doing: What the child was at.
        code: Its exit code, or the negative number of the signal that killed it.
        stderr: The last of what it wrote there.
        limits: The limits that it ran under.
    """
    noise = [plain(line) for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    if any("bad_alloc" in line or line.startswith("MemoryError") for line in noise):
        return out_of_memory(where, doing, limits)
    if -code == signal.SIGXCPU:
        return ModelError(
            where,
            f"more than {limits.cpu_s} s of CPU time used; its process was stopped while {doing}",
            "raise the CPU limit if the model needs that much",
        )
    last = f"; its last words: {noise[-1]}" if noise else ""
    if code < 0:
        return ModelError(where, f"its process was killed by {_signal(-code)} while {doing}{last}", _advice(-code))
    return ModelError(
        where,
        f"its process ended with exit code {code} while {doing}{last}",
        "try the model alone in its runtime, with this Python",
    )


def plain(words: object, limit: int = 400) -> str:
    """Return what a child said as one printable line of bounded length."""
    if isinstance(words, str) and len(words) <= limit and words.isprintable() and " " not in words:
        return words
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in str(words)[: 4 * limit]).split())
    return text if len(text) <= limit else f"{text[:limit]}…"


_LARGEST = 1e18


def number(fields: Mapping[str, Any], name: str) -> float:
    """Return a finite, non-negative number that a child answered.

    Raises:
        ValueError: It is none.
    """
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LARGEST:
        raise ValueError(f"{name} is {plain(value, 40)}, not a number of 0 or more")
    return value


def _signal(code: int) -> str:
    try:
        return f"{signal.Signals(code).name} ({(signal.strsignal(code) or '').lower()})"
    except ValueError:
        return f"signal {code}"


def _advice(code: int) -> str:
    if code == signal.SIGKILL:
        return "the kernel may have run out of memory; look at `dmesg`, or use a runner with more"
    return "the model crashes its runtime: try it alone there, and another version of the runtime"
