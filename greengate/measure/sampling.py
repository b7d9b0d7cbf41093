"""A thread that looks at a meter while something else is measured."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from greengate.ports import Fault, Meter, MeterFacts, Sample

FASTEST_S = 0.02
_MOST_LOOKS = 50_000  # over a quarter of an hour of the fastest
_PATIENCE_S = 3.0  # a meter answers or gives up within a second or two


class Sampler:
    """Looks at a meter twice a period, from entering to leaving it, and keeps what was seen.

    Twice, because a tick is then known to half a period; never faster than `FASTEST_S`, because looking costs energy
    too and a counter that is renewed more often is known to its own period whenever it is looked at. How much processor
    time it took is told by `cpu_share`. Of a very long time only the last looks are kept.
    """

    def __init__(self, meter: Meter, facts: MeterFacts, clock: Callable[[], float] = time.monotonic) -> None:
        self.interval_s = max(facts.period_s / 2, FASTEST_S)
        self._meter = meter
        self._clock = clock
        self._looks: deque[Sample | Fault] = deque(maxlen=_MOST_LOOKS)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name=f"greengate {facts.id}", daemon=True)
        self._started_s = clock()
        self._seen_s = self._started_s
        self._cpu_s = 0.0

    def __enter__(self) -> Self:
        self._started_s = self._seen_s = self._clock()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(_PATIENCE_S)

    def look(self) -> None:
        """Look once, now."""
        look = self._checked(self._meter.sample())
        with self._lock:
            self._looks.append(look)

    def between(self, start_s: float, end_s: float) -> tuple[Sample | Fault, ...]:
        """Return what was seen in a span, in order of time, and the last look before it and the first one after it."""
        with self._lock:
            looks = sorted(self._looks, key=lambda look: look.at_s)
        before = [look for look in looks if look.at_s < start_s][-1:]
        after = [look for look in looks if look.at_s > end_s][:1]
        return (*before, *(look for look in looks if start_s <= look.at_s <= end_s), *after)

    @property
    def cpu_share(self) -> float:
        """Share of one processor that looking has taken so far."""
        elapsed_s = self._seen_s - self._started_s
        return self._cpu_s / elapsed_s if elapsed_s > 0 else 0.0

    def _keep_looking(self) -> None:
        due_s = self._clock()
        while not self._ended.is_set():
            self.look()
            self._cpu_s, self._seen_s = time.thread_time(), self._clock()
            due_s = max(due_s + self.interval_s, self._seen_s)
            self._ended.wait(due_s - self._seen_s)

    def _checked(self, look: Any) -> Sample | Fault:
        """Let through what has a time and numbers; a meter of someone else's may return anything."""
        if isinstance(look, Fault | Sample) and _is_number(look.at_s) and math.isfinite(look.at_s):
            if isinstance(look, Fault):
                return look
            if isinstance(look.values, Mapping) and all(_is_number(value) for value in look.values.values()):
                return look
        return Fault("malformed", f"the meter returned `{str(look)[:80]}`", self._clock())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
