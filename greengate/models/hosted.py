"""One model in a child process, as seen from here: commands out, checked answers in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from greengate.errors import ModelError
from greengate.models import deaths
from greengate.models.deaths import number, plain
from greengate.models.sandbox import Sandbox
from greengate.ports import ModelSpec, Port, Reading

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Hosted:
    """One model in a child process: a `ports.Workload`."""

    sandbox: Sandbox
    subject: str
    spec: ModelSpec

    def open(self) -> tuple[str, ...]:
        """Load the model, and tell what about it is not as it should be, in words."""
        fields = self.ask("open", "loading", path=str(self.spec.path.resolve()), threads=self.spec.threads)
        with self._checked():
            return tuple(plain(words) for words in list(fields.get("degraded", [])))

    def feed(self) -> tuple[Port, ...]:
        """Read or make the inputs and tell them as run."""
        spec = self.spec
        options = {"npz": str(spec.inputs.resolve()) if spec.inputs else None, "seed": spec.seed, "batch": spec.batch}
        shapes = {name: list(shape) for name, shape in spec.shapes.items()}
        ranges = {name: list(bounds) for name, bounds in spec.ranges.items()}
        given = {"shapes": shapes, "sizes": dict(spec.sizes), "ranges": ranges}
        fields = self.ask("feed", "making the inputs of", **options, **given)
        with self._checked():
            return tuple(_port(*row) for row in fields["inputs"])

    def first_run(self) -> tuple[Port, ...]:
        """Run once, check that every output is finite, and tell the outputs.

        Raises:
            ModelError: An output holds NaN or infinity.
        """
        fields = self.ask("run", "running")
        with self._checked():
            rows = [(row, int(number(row, "nonfinite")), int(number(row, "elements"))) for row in fields["outputs"]]
            ports = tuple(_port(row["name"], row["dtype"], row["shape"]) for row, _, _ in rows)
        for port, (_, bad, elements) in zip(ports, rows, strict=True):
            if bad:
                raise ModelError(
                    str(self.spec.path),
                    f"output `{port.name}` is not finite: {bad:,} of its {elements:,} elements are NaN or infinite",
                    "check the export; if generated inputs cause it, give real ones in an .npz",
                )
        return ports

    def warm_up(self) -> None:
        """Run once or twice without looking at the clock."""
        self.ask("warm_up", "warming up")

    def renew(self) -> None:
        """Throw the session away, open a fresh one and warm it up."""
        self.ask("renew", "loading afresh")

    def block(self, runs: int) -> Reading:
        """Run the model `runs` times back to back."""
        fields = self.ask("block", "measuring", runs=runs)
        with self._checked():
            if fields["runs"] != runs or not 0 < len(fields["run_s"]) <= runs:
                raise ValueError("the block has another number of runs")
            return Reading(
                runs=runs,
                cpu_s=number(fields, "cpu_s"),
                wall_s=number(fields, "wall_s"),
                run_s=tuple(number({"run_s": value}, "run_s") for value in fields["run_s"]),
                preempted=int(number(fields, "preempted")),
                yielded=int(number(fields, "yielded")),
            )

    def predict(self, features: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Run over rows and return the outputs that have a row for each."""
        answer = self.sandbox.ask(
            "predict",
            {"subject": self.subject, "batch": self.spec.batch},
            where=str(self.spec.path),
            doing=f"predicting with the {self.subject}",
            arrays=features,
        )
        return {plain(name): table for name, table in answer.arrays.items()}

    def ask(self, command: str, doing: str, **arguments: Any) -> Mapping[str, Any]:
        """Give a command about this model and return its answer, unchecked."""
        return self.sandbox.ask(
            command,
            {"subject": self.subject, **arguments},
            where=str(self.spec.path),
            doing=f"{doing} the {self.subject}",
        ).fields

    @contextlib.contextmanager
    def _checked(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise deaths.garbage(str(self.spec.path), f"running the {self.subject}", str(error)) from error


def _port(name: Any, dtype: Any, shape: Any) -> Port:
    if not isinstance(name, str) or not isinstance(dtype, str) or not isinstance(shape, list):
        raise TypeError("a port is no name, type and shape")
    return Port(plain(name), plain(dtype), tuple(int(number({"size": size}, "size")) for size in shape))
