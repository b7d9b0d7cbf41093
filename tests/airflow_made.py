"""As much of Apache Airflow as a sensor touches, with the signatures of `airflow.sdk.bases.sensor` 3.x."""

import logging
import sys
from types import ModuleType


class PokeReturnValue:
    def __init__(self, is_done, xcom_value=None):
        self.is_done, self.xcom_value = is_done, xcom_value

    def __bool__(self):
        return self.is_done


class BaseSensorOperator:
    template_fields = ()

    def __init__(
        self, *, poke_interval=60, timeout=None, soft_fail=False, mode="poke", exponential_backoff=False,
        max_wait=None, silent_fail=False, never_fail=False, task_id, **kwargs,
    ):  # fmt: skip
        if kwargs:
            raise TypeError(f"Invalid arguments were passed to {type(self).__name__}: {kwargs}")
        self.task_id, self.mode, self.poke_interval, self.timeout = task_id, mode, poke_interval, timeout
        self.soft_fail, self.exponential_backoff, self.max_wait = soft_fail, exponential_backoff, max_wait
        self.silent_fail, self.never_fail = silent_fail, never_fail
        self.log = logging.getLogger("airflow.task")


def put(monkeypatch, name):
    """Make a module importable under one of Airflow's names, and the packages above it."""
    monkeypatch.delitem(sys.modules, "greengate.airflow", raising=False)
    parts = name.split(".")
    for at in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:at]), ModuleType(".".join(parts[:at])))
    module = sys.modules[name]
    module.BaseSensorOperator, module.PokeReturnValue = BaseSensorOperator, PokeReturnValue
