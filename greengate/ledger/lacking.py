"""Which evidence is lacking that entries name, told from eight bytes of each digest: a file may name millions."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable

_DIGITS = 16
_DIGEST = re.compile("[0-9a-f]{64}")


class Lacking:
    """The digests that entries name, and those that were brought along."""

    def __init__(self) -> None:
        self._named, self._brought = array("Q"), array("Q")
        self._none = 0

    def take(self, named: Iterable[str], brought: Iterable[str]) -> None:
        """Take an entry into account."""
        for name in named:
            if _DIGEST.fullmatch(name):
                self._named.append(_number(name))
            else:
                self._none += 1
        self._brought.extend(_number(name) for name in brought)

    def count(self, following: Callable[[str], str]) -> int:
        """Count what was named, and neither brought nor kept.

        Args:
            following: Returns the first digest that is kept, from some digits on; "" where there is none.
        """
        import numpy as np  # noqa: PLC0415 - heavy, and seldom needed

        wanted = np.setdiff1d(np.frombuffer(self._named, "u8"), np.frombuffer(self._brought, "u8"))
        at = lacking = 0
        while at < len(wanted):
            kept = following(f"{int(wanted[at]):0{_DIGITS}x}")
            stop = int(np.searchsorted(wanted, np.uint64(_number(kept)))) if kept else len(wanted)
            lacking += stop - at
            at = stop + int(stop < len(wanted) and wanted[stop] == _number(kept))
        return lacking + self._none


def _number(name: str) -> int:
    return int(name[:_DIGITS], 16)
