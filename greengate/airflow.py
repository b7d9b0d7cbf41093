"""A sensor for Apache Airflow (2.4 or newer) that holds a DAG until the electricity is green enough.

Example::

    from greengate.airflow import GreenWindowSensor

    wait = GreenWindowSensor(
        task_id="green", source="electricitymaps", zones="DE", below="150 gCO2e/kWh", lasting="3h",
        mode="reschedule", poke_interval=900, timeout=12 * 3600,
    )
    wait >> train

Only importing this module imports Airflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, ClassVar

from greengate import answer, outlook, request
from greengate.errors import MissingExtra, UsageError
from greengate.window import Go, Inconclusive


def _airflow() -> Any:
    for module in ("airflow.sdk.bases.sensor", "airflow.sensors.base"):  # Airflow 3, Airflow 2
        try:
            return import_module(module)
        except ModuleNotFoundError:
            continue
    raise MissingExtra("greengate.airflow", "Apache Airflow is not installed", "pip install apache-airflow")


_SENSORS = _airflow()


class GreenWindowSensor(_SENSORS.BaseSensorOperator):  # type: ignore[misc, name-defined]
    """Is done as soon as the job may start; its XCom value tells zone, intensity and basis.

    It looks at now alone, so that it keeps nothing between two pokes and `mode="reschedule"` suits it; Airflow's
    `timeout` is its deadline. Keys come from the worker's environment, as on the command line.

    Args:
        source: The live source to ask.
        zones: One zone, or several separated by commas: the greenest that is a go is told.
        below: The mean over the job must be below this.
        lasting: How long the job runs; "" looks only at the moment in which it starts.
        address: Where the source is asked instead of its own address.
        stale_after: What was worked out longer ago is not believed.
        on_failure: Where nothing can be decided: "closed" pokes again, "open" is done, with a warning.
        **kwargs: What every sensor takes.
    """

    template_fields: ClassVar[Sequence[str]] = ("source", "zones", "below", "lasting", "address", "stale_after")

    def __init__(  # noqa: PLR0913 - one argument a word, as Airflow's operators have them
        self,
        *,
        source: str,
        zones: str,
        below: str,
        lasting: str = "",
        address: str = "",
        stale_after: str = request.STALE,
        on_failure: str = "closed",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_failure not in {"closed", "open"}:
            raise UsageError("on_failure", f"`{on_failure}` is neither `closed` nor `open`")
        self.source = source
        self.zones = zones
        self.below = below
        self.lasting = lasting
        self.address = address
        self.stale_after = stale_after
        self.on_failure = on_failure

    def poke(self, context: Any) -> Any:
        """Ask once."""
        del context
        found = outlook.look(self._asked(), datetime.now(UTC))
        told = answer.place_values(found.best)
        if isinstance(found.decision, Inconclusive):
            self.log.warning("inconclusive (on_failure=%s): %s", self.on_failure, found.decision.why)
            return _SENSORS.PokeReturnValue(self.on_failure == "open", told)
        intensity = told["intensity"] or told["lowest"]["intensity"]
        self.log.info("%s: %s, %s %s", told["zone"], told["answer"], intensity, told["unit"])
        return _SENSORS.PokeReturnValue(isinstance(found.decision, Go), told)

    def _asked(self) -> outlook.Ask:
        return request.ask(
            self.source,
            [zone.strip() for zone in self.zones.split(",")],
            below=self.below,
            within=None,
            lasting=self.lasting or None,
            stale_after=self.stale_after,
            address=self.address,
            named=lambda name: {"for": "lasting", "zone": "zones"}.get(name, name.replace("-", "_")),
        )
