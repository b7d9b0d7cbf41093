"""Other processes that disturb a measurement on purpose: some that come and go, and some that never rest.

Each is in a session of its own. Linux may share cores among sessions first and then within them (autogroup), so that
neighbours of one session would together weigh no more than the one model that they are to disturb.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CORES = os.cpu_count() or 1
BESIDE = {"nothing": 0, "one": 1, "both": CORES}


@contextmanager
def coming_and_going(processes: int) -> Iterator[None]:
    """Let so many processes work for 0.05 to 0.5 s and rest as long, for as long as the block lasts; unpinned."""
    with _crowd(processes, _by_turns):
        yield


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Let so many processes work without a pause, which is a load average of that height after some minutes."""
    with _crowd(processes, _always):
        yield


@contextmanager
def _crowd(processes: int, task: Callable[[int], None]) -> Iterator[None]:
    crowd = [multiprocessing.Process(target=task, args=(index,), daemon=True) for index in range(processes)]
    for one in crowd:
        one.start()
    try:
        yield
    finally:
        for one in crowd:
            one.terminate()
            one.join()


def _by_turns(seed: int) -> None:
    os.setsid()
    scatter = random.Random(seed)
    while True:
        end = time.monotonic() + scatter.uniform(0.05, 0.5)
        while time.monotonic() < end:
            pass
        time.sleep(scatter.uniform(0.05, 0.5))


def _always(_: int) -> None:
    os.setsid()
    while True:
        pass
