"""The year of a made-up company, as the records of its ledger: a seeded story of models, changes and mishaps.

The figures are those of three models that were really measured (`measured.json`), scaled; everything else is made up.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from greengate.changes import Change
from greengate.conversion import Conversion, Embodied, Factor, Part
from greengate.evidence import Class, Evidence, Figure, Interval, Provenance, Runner, Subject
from greengate.evidence import Model as Judged
from greengate.ledger.canonical import digest, encode
from greengate.projection import projected
from greengate.records import (
    Activity,
    Amount,
    BudgetEvent,
    Converted,
    Decided,
    External,
    ExternalLine,
    Measurement,
    Override,
    PolicyVersion,
    Read,
    Recorded,
    Retirement,
    Settlement,
    Short,
    Side,
    WaiverGranted,
    Year,
    statement,
)
from greengate.verdict import Finding, Outcome, Verdict

Leaf = tuple[bytes, dict[str, bytes]]
MEASURED = json.loads(Path(__file__).with_name("measured.json").read_text(encoding="utf-8"))
PROJECT = "acme/shop"
TEAMS = ("search", "vision", "speech", "risk")
ZONES = {
    "aws/eu-central-1": ("DE", "344.13992"),
    "aws/eu-north-1": ("SE", "35.81989"),
    "gcp/us-east4": ("US-VA", "311.4"),
}
KINDS = ("cloud", "cloud", "own", "cloud", "api", "own", "edge")
POLICY = b"apiVersion: greengate/v1\nkind: Policy\nmetadata: {name: prod}\n"
SCALES = {
    "energy_mj": ("deployment_energy", 10**3),
    "location_ugco2e": ("deployment_carbon", 10**6),
    "market_ugco2e": ("deployment_carbon_market", 10**6),
    "cost_ueur": ("deployment_cost", 10**6),
}


@dataclass
class Model:
    """A model of the company, and how heavy its version in force is."""

    name: str
    team: str
    kind: str
    region: str
    traffic: float
    of: int
    weight: float
    trained: bool
    retired: datetime | None = None
    figures: dict[str, Read] = field(default_factory=dict)


class Company:
    """The story of one year: `leaves()` tells it in the order in which it was written down."""

    def __init__(self, seed: int, models: int, changes: int, year: int = 2026) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a story, and no secret
        self.year = year
        self.changes = changes
        self.first = datetime(year - 1, 12, 1, 9, tzinfo=UTC)
        self.models = [self._model(number, models) for number in range(models)]
        self.numbers = iter(range(1, 10**9))
        self.converted: list[tuple[str, str, Converted]] = []

    def _model(self, number: int, count: int) -> Model:
        team, kind = TEAMS[number % len(TEAMS)], KINDS[number % len(KINDS)]
        region = self.random.choice(list(ZONES)) if kind in {"cloud", "api"} else ""
        gone = datetime(self.year, 8, 17, 6, 30, tzinfo=UTC) if number == count - 1 else None
        weight, traffic = 10 ** self.random.uniform(3, 6), float(10 ** self.random.randint(7, 10))
        trained = self.random.random() < 0.4
        return Model(f"{team}/m{number:02}", team, kind, region, traffic, number % len(MEASURED), weight, trained, gone)

    def leaves(self) -> Iterator[tuple[datetime, list[Leaf]]]:
        """Go through what was written, by the moment; what is told together was written together."""
        told = [*self._beginning(), *self._changes(), *self._retirements(), *self._activities(), *self._externals()]
        told.sort(key=lambda one: one[0])
        last = self.first
        for at, write in told:
            last = max(at, last)
            yield at, write()

    # What happens

    def _beginning(self) -> Iterator[tuple[datetime, Any]]:
        yield self.first - timedelta(hours=1), lambda: [self._policy()]
        for number, model in enumerate(self.models):
            at = self.first + timedelta(minutes=7 * number)
            yield at, self._first(model, at)

    def _first(self, model: Model, at: datetime) -> Any:
        return lambda: self._decision(model, at, 1.0, in_force=True)[0]

    def _changes(self) -> Iterator[tuple[datetime, Any]]:
        for model in self.models:
            for _ in range(self.changes):
                begun = datetime(self.year, 1, 1, tzinfo=UTC) + timedelta(
                    microseconds=self.random.randrange(364 * 86_400_000_000)
                )
                if model.retired is None or begun < model.retired - timedelta(days=20):
                    yield from self._change(model, begun)

    def _change(self, model: Model, begun: datetime) -> Iterator[tuple[datetime, Any]]:
        name = f"{PROJECT}#{next(self.numbers)}"
        pushes = self.random.randint(1, 3)
        ratio = self.random.choice((0.7, 0.9, 1.02, 1.08, 1.6, 12.0))
        memory: dict[str, Any] = {}
        for push in range(pushes):
            at = begun + timedelta(hours=5 * push, seconds=self.random.randrange(3600))
            share = ratio * 0.8**push
            yield at, self._push(model, at, share, name, memory)
        settled = begun + timedelta(days=self.random.randint(2, 15), seconds=self.random.randrange(86400))
        merged = self.random.random() < (0.75 if ratio * 0.8 ** (pushes - 1) < 1.7 else 0.1)
        if self.random.random() < 0.9:  # the others stay open
            yield settled, lambda: self._settled(model, settled, name, memory, merged=merged)
        if merged and self.random.random() < 0.3:
            after = settled + timedelta(hours=1)
            yield after, lambda: self._decision(model, after, 1.0, in_force=True)[0]

    def _push(self, model: Model, at: datetime, share: float, name: str, memory: dict[str, Any]) -> Any:
        return lambda: self._pushed(model, at, share, name, memory)

    def _retirements(self) -> Iterator[tuple[datetime, Any]]:
        for model in self.models:
            if model.retired is not None:
                record = Retirement(
                    at=_iso(model.retired), project=PROJECT, model=model.name, why="replaced by a search"
                )
                yield model.retired, lambda record=record: [_leaf(record, record.model)]

    def _activities(self) -> Iterator[tuple[datetime, Any]]:
        for number, model in enumerate(self.models):
            for month in range(1, 12) if number % 3 == 0 else ():
                start, end = datetime(self.year, month, 1, tzinfo=UTC), datetime(self.year, month + 1, 1, tzinfo=UTC)
                count = int(model.traffic / 12 * self.random.uniform(0.6, 1.5))
                drawn = int(model.weight * count / 1000 * 2) if number % 6 == 0 else None
                record = Activity(
                    at=_iso(end + timedelta(days=2)), project=PROJECT, model=model.name, start=_iso(start),
                    end=_iso(end),
                    inferences=count, it_energy_mj=drawn, idle_energy_mj=drawn and drawn // 7,
                    source="the load balancer's log",
                )  # fmt: skip
                yield end + timedelta(days=2), lambda record=record: [_leaf(record, "activity")]

    def _externals(self) -> Iterator[tuple[datetime, Any]]:
        for quarter in range(4):
            lines = []
            for month in range(3 * quarter + 1, 3 * quarter + 4):
                end = datetime(self.year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
                amount = self.random.randrange(10**10, 10**12)
                lines.append(ExternalLine(
                    start=_iso(datetime(self.year, month, 1, tzinfo=UTC)), end=_iso(end), service="AmazonEC2",
                    region="eu-central-1",
                    location_ugco2e=amount, market_ugco2e=amount // 3, basis="model version 3.0.0",
                ))  # fmt: skip
            at = datetime.fromisoformat(lines[-1].end) + timedelta(days=9)
            record = External(at=_iso(at), source="aws", name=f"q{quarter + 1}.csv",
            digest=digest(f"{quarter}".encode()), start=lines[0].start,
                              end=lines[-1].end, rows=3, lines=tuple(lines))  # fmt: skip
            body = {record.digest: f"{quarter}".encode()}
            yield at, lambda record=record, body=body: [(_leaf(record, "q.csv")[0], body)]

    # How it is written

    def _policy(self) -> Leaf:
        record = PolicyVersion(at=_iso(self.first), name="prod", sha256=digest(POLICY))
        return encode(statement(record, "policies/prod.yaml", record.sha256)), {record.sha256: POLICY}

    def _pushed(self, model: Model, at: datetime, share: float, change: str, memory: dict[str, Any]) -> list[Leaf]:
        broken = self.random.random() < 0.05
        outcome = "errored" if broken else "failed" if share > 1.05 else "passed"
        waived = None
        if outcome == "failed" and share < 2 and self.random.random() < 0.4:
            outcome, waived = "waived", self._waiver(model, at)
        leaves, told = self._decision(model, at, share, change=change, outcome=outcome, waiver=waived)
        memory |= {"share": share, "last": told, "broken": broken}
        if outcome == "failed" and self.random.random() < 0.1:
            by = f"person:{self.random.getrandbits(128):032x}"
            override = Override(
                at=_iso(at),
                decision=told,
                rule="prod/energy",
                by=by,
                review="91",
                reviewed_at=_iso(at),
                commit="c" * 40,
            )
            leaves.append(_leaf(override, "override"))
        return [*([waived] if waived else []), *leaves]

    def _settled(self, model: Model, at: datetime, change: str, memory: dict[str, Any], *, merged: bool) -> list[Leaf]:
        record = Settlement(at=_iso(at), state="merged" if merged else "closed", change=change, by="ci")
        leaves = [_leaf(record, change)]
        if merged:
            if not memory["broken"]:
                model.weight *= memory["share"]
            leaves += self._booked(model, at, change)
        return leaves

    def _booked(self, model: Model, at: datetime, change: str) -> list[Leaf]:
        """What a change had reserved of its team's budget, and used when it was merged."""
        quarter = f"{at.year}-Q{(at.month - 1) // 3 + 1}"
        amount = self.random.randrange(10**9)
        records = [
            BudgetEvent(
                at=_iso(at), event=event, budget="prod/quarter-carbon", scope=f"team={model.team}", period=quarter,
                unit="ugCO2e lifecycle", seq=next(self.numbers), what="deployment", amount=amount, change=change,
                model=f"{PROJECT}:{model.name}", maximum=most, by="ci",
            ) for event, most in (("reserve", 9 * 10**9), ("consume", None))
        ]  # fmt: skip
        return [_leaf(record, "budget") for record in records]

    def _waiver(self, model: Model, at: datetime) -> Leaf:
        record = WaiverGranted(
            at=_iso(at), state="granted", waiver=f"W-{next(self.numbers)}", rule="prod/energy",
            why="the longer context pays",
            expires=(at + timedelta(days=90)).date().isoformat(), granted_by="@acme/green", match={"model": model.name},
        )  # fmt: skip
        return _leaf(record, "waiver")

    def _decision(  # noqa: PLR0913 - what a decision is of
        self, model: Model, at: datetime, share: float, *, change: str = "", outcome: str = "passed",
            in_force: bool = False,
        waiver: Leaf | None = None,
    ) -> tuple[list[Leaf], str]:  # fmt: skip
        findings = () if outcome == "passed" else (
            Short(rule="prod/energy", enforce="soft", judged="failed" if outcome == "waived" else outcome,
            outcome=outcome),
        )  # fmt: skip
        verdict = encode(_verdict(model.name, outcome).model_dump(mode="json"))
        sha256 = "" if outcome == "errored" else digest(f"{model.name} {model.weight * share}".encode())
        rest: dict[str, Any] = {"problem": "the model cannot be loaded"} if outcome == "errored" else {}
        first: list[Leaf] = []
        if outcome != "errored":
            first, rest = self._measured(model, at, share, sha256, change)
        record = Decided(
            at=_iso(at), project=PROJECT, model=model.name, team=model.team, path=f"models/{model.name}.onnx",
            sha256=sha256,
            greengate="0.1", commit=digest(f"{change} {_iso(at)}".encode())[:40],
            check=digest(f"{model.name} {_iso(at)}".encode())[:32], change=Change(id=change),
            in_force=in_force,
            outcome=outcome, findings=findings, passed=int(outcome == "passed"), verdict=digest(verdict),
            policies=(("prod", digest(POLICY)),),
            waivers=(digest(waiver[0]),) if waiver else (), **rest,
        )  # fmt: skip
        leaf = encode(statement(record, record.path, sha256))
        return [*first, (leaf, {digest(verdict): verdict})], digest(leaf)

    def _measured(
        self, model: Model, at: datetime, share: float, sha256: str, change: str
    ) -> tuple[list[Leaf], dict[str, Any]]:
        own, base = self._figures(model, share), self._figures(model, 1.0)
        training = ""
        if model.trained:
            training = digest(f"training of {sha256}".encode())
            own["training_energy"] = _read(own["energy_per_1k_inferences"].amount * 5e4, "declared")
            own["training_carbon"] = _read(own["energy_per_1k_inferences"].amount * 3.1, "declared")
        said = self.conversion(model)
        told = _evidence(model, at, change, sha256, own, base if change else {}, said)
        evidence = encode(told.model_dump(mode="json"))
        measurement = Measurement(
            at=_iso(at), project=PROJECT, model=model.name, team=model.team, runner=MEASURED[model.of]["runner"],
            candidate=Side(sha256=sha256, figures=own), baseline=Side(sha256="b" * 64,
            figures=base) if change else None, training=training,
            evidence=digest(evidence),
        )  # fmt: skip
        first = encode(statement(measurement, model.name, sha256))
        mine, theirs = year(own, said), year(base, said)
        converted = Converted(
            at=_iso(at), measurement=digest(first), conversion=said, candidate=mine, baseline=theirs,
            difference=_difference(mine, theirs) if change else None,
        )  # fmt: skip
        second = encode(statement(converted, model.name, sha256))
        self.converted.append((digest(second), model.name, converted))
        rest = {"measurement": digest(first), "conversion": digest(second), "evidence": digest(evidence)}
        return [(first, {digest(evidence): evidence}), (second, {})], rest

    def _figures(self, model: Model, share: float) -> dict[str, Read]:
        found = {name: Read.model_validate(told) for name, told in MEASURED[model.of]["figures"].items()}
        energy = found["energy_per_1k_inferences"]
        scaled = {end: getattr(energy, end) * model.weight * share for end in ("amount", "low", "high")}
        kind = "counter" if model.kind == "own" and model.of == 0 else energy.kind
        found["energy_per_1k_inferences"] = energy.model_copy(update={**scaled, "kind": kind})
        return found

    def conversion(self, model: Model, intensity: str = "") -> Conversion | None:
        """Say where a model runs, by its factors; another intensity for a factor set that came later."""
        zone, value = ZONES.get(model.region, ("DE", "344.13992"))
        grid = _factor("intensity", zone, intensity or value, "gCO2e/kWh", "average, lifecycle, production")
        contract = _factor("supplier", "green-1", "12.5", "gCO2e/kWh", "average, lifecycle, contract")
        market = (
            (Part(share=0.8, factor=contract), Part(share=0.2, factor=grid))
            if model.kind == "own"
            else (Part(share=1.0, factor=grid),)
        )
        machine = _factor("embodied", "aws/m5.large", "1255", "kgCO2e", "")
        held = Embodied(host=machine, resources=0.04, lifetime_years=4.0, machines=2) if model.kind == "cloud" else None
        return Conversion(
            kind=model.kind, factor_set="greengate-2026.11", factor_set_sha256="ef" * 32, region=model.region,
            inferences_per_year=model.traffic, pue=_factor("pue", "aws", "1.15", "", ""), intensity=grid, market=market,
            statement="" if model.kind == "own" else "no contract or certificate applies", embodied=held,
            price=_factor("price", "DE", "0.21", "EUR/kWh", ""),
        )  # fmt: skip


def year(figures: dict[str, Read], said: Conversion | None) -> Year:
    """Convert what was read into a year, as the gate does."""
    told = {name: _figure(read) for name, read in figures.items()}
    made = projected(told, {}, said)
    amounts = {
        field: _whole(made.figures[name], scale) for field, (name, scale) in SCALES.items() if name in made.figures
    }
    missing = {field: made.missing.get(name, "") for field, (name, _) in SCALES.items() if field not in amounts}
    embodied = made.figures.get("embodied_per_1k_inferences")
    if embodied and said and said.inferences_per_year:
        amounts["embodied_ugco2e"] = _whole(embodied, 10**6 * said.inferences_per_year / 1000)
    else:
        missing["embodied_ugco2e"] = made.missing.get("embodied_per_1k_inferences", "")
    return Year(**amounts, missing=missing)


def superseding(first: str, said: Converted, at: datetime, intensity: str) -> Leaf:
    """Convert a measurement again by another intensity, in the place of the conversion that there was."""
    assert said.conversion is not None
    assert said.conversion.intensity is not None
    ratio = Decimal(intensity) / Decimal(said.conversion.intensity.value)
    location = said.candidate.location_ugco2e
    assert location is not None
    ends = {
        end: int((getattr(location, end) * ratio).to_integral_value(ROUND_HALF_UP)) for end in ("amount", "low", "high")
    }
    grid = said.conversion.intensity.model_copy(update={"value": intensity, "set": "greengate-2027.3"})
    record = said.model_copy(update={
        "at": _iso(at), "supersedes": first, "conversion": said.conversion.model_copy(update={"intensity": grid}),
        "candidate": said.candidate.model_copy(update={"location_ugco2e": location.model_copy(update=ends)}),
    })  # fmt: skip
    return _leaf(record, "conversion")


def _factor(kind: str, name: str, value: str, unit: str, basis: str) -> Factor:
    return Factor(
        kind=kind,
        id=name,
        value=value,
        unit=unit,
        year=2024,
        basis=basis,
        source="made up",
        licence="CC0",
        set="greengate-2026.11",
    )


def _verdict(model: str, outcome: str) -> Verdict:
    """What the one rule found; of a model that could not be evaluated, nothing."""
    judged = Outcome("failed" if outcome == "waived" else outcome)
    found = Finding(
        rule="energy", policy="prod", metric="energy_per_1k_inferences", kind="regression", enforce="soft",
        judged=judged, outcome=Outcome(outcome),
    )  # fmt: skip
    return Verdict(model=model, findings=() if judged is Outcome.ERRORED else (found,))


def _evidence(  # noqa: PLR0913 - what was measured
    model: Model, at: datetime, change: str, sha256: str, own: dict[str, Read], base: dict[str, Read],
    said: Conversion | None,
) -> Evidence:  # fmt: skip
    """What was measured, as it lies beside the entry."""
    path = f"models/{model.name}.onnx"
    candidate = Subject(path=path, sha256=sha256, figures={name: _figure(read) for name, read in own.items()})
    figures = {name: _figure(read) for name, read in base.items()}
    return Evidence(
        model=Judged(name=model.name, team=model.team), taken_at=_iso(at), candidate=candidate,
        baseline=Subject(path=path, sha256="b" * 64, figures=figures) if base else None,
        runner=Runner(fingerprint=MEASURED[model.of]["runner"], description="a machine that is made up"),
        notes=(f"scaled from the evidence {MEASURED[model.of]['evidence']}",),
        conversion=said, project=PROJECT, change=change,
    )  # fmt: skip


def _figure(read: Read) -> Figure:
    kind = Class(read.kind) if read.kind in list(Class) else Class.DECLARED
    interval = Interval(low=read.low, high=read.high, confidence=read.confidence)
    origin = Provenance(
        kind=kind, method=read.method, source=read.source, meter=read.meter, scope=read.scope, boundary=read.boundary
    )
    return Figure(amount=read.amount, interval=interval, provenance=origin)


def _read(amount: float, kind: str) -> Read:
    return Read(amount=amount, low=amount, high=amount, confidence=1.0, kind=kind, unit="", source="codecarbon")


def _whole(figure: Figure, scale: float) -> Amount:
    interval = figure.interval
    return Amount(
        amount=round(figure.amount * scale),
        low=round(interval.low * scale),
        high=round(interval.high * scale),
        confidence=interval.confidence,
    )


def _difference(mine: Year, theirs: Year) -> Year:
    """Take the baseline's year off the candidate's; the ends as far apart as they can be."""
    pairs = {name: (getattr(mine, name), getattr(theirs, name)) for name in SCALES}
    return Year(**{
        name: Amount(amount=a.amount - b.amount, low=a.low - b.high, high=a.high - b.low, confidence=0.96)
        for name, (a, b) in pairs.items() if a and b
    })  # fmt: skip


def _leaf(record: Recorded, subject: str) -> Leaf:
    return encode(statement(record, subject, "0" * 64)), {}


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
