"""The shape of `greengate.yaml`: which keys there are, which must be there, and what kind of value each holds.

Only shapes; what amounts, paths and names mean is checked by `greengate.packs.project`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from greengate.ledger.signing import PUBLIC
from greengate.packs.documents import API_VERSION, SHA256, Amount, Shape, Text

Positive = Annotated[int, Field(ge=1)]


class Build(Shape):
    """A command that writes a model file."""

    command: list[Text] = Field(min_length=1, description="Program and arguments, one an item: [python, export.py].")
    output: Text = Field(description="The file it writes.")


class BuiltBaseline(Shape):
    """A baseline that is built."""

    build: Build = Field(description="The command that builds the baseline.")


Baseline = Annotated[
    Annotated[Text, Tag("text")] | Annotated[BuiltBaseline, Tag("build")],
    Discriminator(lambda value: "build" if isinstance(value, dict) else "text"),
]
Scorers = Annotated[
    Annotated[Text, Tag("one")] | Annotated[list[Text], Field(min_length=1), Tag("several")],
    Discriminator(lambda value: "several" if isinstance(value, list) else "one"),
]


class Inputs(Shape):
    """What the model is run with."""

    file: Text | None = Field(None, description="An `.npz` with one array an input.")
    shapes: dict[str, list[Positive]] | None = Field(None, description="Sizes by input name: {x: [1, 128]}.")
    ranges: dict[str, list[int]] | None = Field(None, description="Range [low, high) of integer inputs, by name.")
    seed: int | None = Field(None, ge=0, description="Seed of generated inputs. Default: 0.")


class Scale(Shape):
    """How a quality figure is read."""

    unit: Literal["ratio", "score"] | None = Field(None, description="`ratio` (0.97 is 97%) or a plain `score`.")
    better: Literal["higher", "lower"] | None = Field(None, description="Which way is better.")


class Quality(Shape):
    """Where quality figures come from: an evaluation file, or a data set to score the model on."""

    file: Text | None = Field(None, description="An evaluation file: JSON such as {accuracy: 0.97}.")
    baseline: Text | None = Field(
        None, description="The baseline's evaluation file: a path, `git:REF` or `git:REF:path`."
    )
    figures: dict[str, Scale] | None = Field(None, min_length=1, description="How its figures are read, by name.")
    dataset: Text | None = Field(None, description="An `.npz` with one array an input and one of labels.")
    labels: Text | None = Field(None, description="The array of labels in the data set. Default: labels.")
    output: Text | None = Field(None, description="The output to score. Default: the only one.")
    scorer: Scorers | None = Field(None, description="accuracy, f1, f1_macro or rmse, or a list of them.")


class Training(Shape):
    """What another tracker wrote down of the model's training."""

    file: Text = Field(description="The tracker's file, such as emissions.csv.")
    tracker: Literal["codecarbon", "zeus", "eco-ci", "mlflow", "greengate"] = Field(
        description="Who wrote it: codecarbon, zeus, eco-ci, mlflow or greengate."
    )
    baseline: Text | None = Field(None, description="The baseline's file: a path, `git:REF` or `git:REF:path`.")
    run: Text | None = Field(
        None, description="The run (CodeCarbon, MLflow, greengate), window (Zeus) or step (Eco-CI) that counts."
    )
    project: Text | None = Field(None, description="The project whose runs count (CodeCarbon, greengate).")
    rows: Literal["all"] | None = Field(None, description="`all` adds up what is left to choose from.")
    phase: Literal["experiment", "tuning", "final"] | None = Field(None, description="What it was trained for.")


class Intensity(Shape):
    """The carbon intensity of the electricity that a deployment uses."""

    value: Amount = Field(description="Such as 350 gCO2e/kWh.")
    source: Text = Field(description="Who published it.")
    year: int = Field(ge=1990, le=2100, description="The year it is about.")
    basis: Literal["lifecycle", "operational"] | None = Field(
        None, description="What is in it: lifecycle, operational."
    )


class Instrument(Shape):
    """A contract or certificate for a share of the electricity."""

    share: Amount = Field(description="Share of the electricity that it covers, such as 80%.")
    contract: Text | None = Field(None, description="Its name in the factor set; or else the rest:")
    type: Literal["supplier", "power-purchase", "certificate"] | None = Field(None, description="What it is.")
    value: Amount | None = Field(None, description="Its intensity, such as 0 gCO2e/kWh.")
    source: Text | None = Field(None, description="Who says so.")
    year: int | None = Field(None, ge=1990, le=2100, description="The year it is about.")
    basis: Literal["lifecycle", "operational"] | None = Field(
        None, description="What is in it: lifecycle, operational."
    )


class Price(Shape):
    """The price of energy."""

    value: Amount = Field(description="Such as 0.21 EUR/kWh.")
    source: Text = Field(description="Who says so.")


class Embodied(Shape):
    """The hardware that a deployment reserves, for its share of the emissions of making it."""

    machine: Text | None = Field(None, description="Machine type in the factor set, such as aws/m5.large.")
    total: Amount | None = Field(None, description="Emissions of the whole host, such as 1255 kgCO2e.")
    source: Text | None = Field(None, description="Who says so.")
    resources: Text = Field(description="The part of the host that is reserved, in vCPUs: 4 of 96.")
    lifetime: Amount = Field(description="Expected life of the hardware, such as 4 years.")
    machines: int | None = Field(None, ge=1, description="How many such parts are reserved all year.")
    reserved: Literal["while-running"] | None = Field(None, description="One part is reserved only while it infers.")


class Deployment(Shape):
    """Where the model runs in production, and how often."""

    kind: Literal["own", "cloud", "api", "edge"] = Field(description="Whose hardware it is: own, cloud, api or edge.")
    inferences_per_year: Amount | None = Field(None, description="Expected inferences a year, such as 2e9.")
    region: Text | None = Field(None, description="A cloud's region, such as aws/eu-central-1.")
    zone: Text | None = Field(None, description="A zone of the factor set, such as DE or US-VA.")
    basis: Literal["lifecycle", "operational"] | None = Field(None, description="Which of the zone's figures is meant.")
    pue: Amount | None = Field(None, description="Power usage effectiveness of the data centre, such as 1.2.")
    intensity: Intensity | None = Field(None, description="Carbon intensity of its electricity, instead of a zone.")
    market: list[Instrument] | None = Field(None, min_length=1, description="Contracts and certificates.")
    price: Price | None = Field(None, description="The price of energy.")
    embodied: Embodied | None = Field(None, description="The hardware that it reserves.")


class PinnedFactors(Shape):
    """A factor set of one's own."""

    file: Text = Field(description="The set, such as factors/acme-2026.1.json.")
    sha256: str = Field(pattern=SHA256, description="Its digest, as `greengate factors verify` tells it.")


Factors = Annotated[
    Annotated[Text, Tag("name")] | Annotated[PinnedFactors, Tag("file")],
    Discriminator(lambda value: "file" if isinstance(value, dict) else "name"),
]


class Model(Shape):
    """One model under the gate."""

    name: Text = Field(description="Its name, such as nlp/summariser; policies match it.")
    path: Text | None = Field(None, description="The model file.")
    build: Build | None = Field(None, description="The command that writes the model file, instead of `path`.")
    baseline: Baseline | None = Field(
        None, description="What it is compared with: a path, `git:REF`, `git:REF:path`, `last-pass`, or {build: …}."
    )
    inputs: Inputs | None = Field(None, description="What it is run with. Default: made from a seed.")
    batch: int | None = Field(None, ge=1, description="Inferences that one run carries. Default: 1.")
    quality: Quality | None = Field(None, description="How good it is.")
    training: Training | None = Field(None, description="What its training took, from another tracker's file.")
    labels: dict[str, Text] | None = Field(None, description="Labels that policies match.")
    team: Text | None = Field(None, description="Who pays for its emissions.")
    trust: bool | None = Field(None, description="Whether files that run code when loaded (.pt2) are taken.")
    deployment: Deployment | None = Field(None, description="Where it runs in production.")


class Limits(Shape):
    """What the process that runs a model may use up."""

    memory: Amount | None = Field(None, description="Address space. Default: 16 GiB.")
    cpu: Amount | None = Field(None, description="CPU time. Default: 600 s.")
    wall: Amount | None = Field(None, description="Time without an answer. Default: 300 s.")


class Cpu(Shape):
    """Power of one hardware thread of the runner, where the table of processors does not know it."""

    idle: Amount = Field(description="Watts of a hardware thread when idle, such as 0.5 W.")
    max: Amount = Field(description="Watts of a hardware thread under full load, such as 2 W.")
    source: Text = Field(description="Where these are from.")


class Meter(Shape):
    """A power meter outside the processor: one kind, where it is, and what else that kind needs."""

    shelly: Text | None = Field(None, description="Address of a Shelly plug or relay, such as http://192.0.2.7.")
    tasmota: Text | None = Field(None, description="Address of a plug with Tasmota, such as http://plug.lab.")
    redfish: Text | None = Field(None, description="Address of a management controller, such as https://bmc.lab.")
    ipmi: Literal["local"] | None = Field(None, description="`local`: this machine's own management controller.")
    prometheus: Text | None = Field(None, description="Address of a Prometheus server, such as http://prom.lab:9090.")
    switch: int | None = Field(None, ge=0, le=63, description="Outlet of a Shelly. Default: 0.")
    chassis: Text | None = Field(None, description="Chassis of a Redfish controller, such as 1.")
    query: Text | None = Field(None, description="PromQL that gives one series or a scalar.")
    unit: Literal["W", "J"] | None = Field(None, description="Unit of the query: W (a power) or J (a counter).")
    sum: bool | None = Field(None, description="Whether several series of the query add up. Default: false.")
    what: Text | None = Field(None, description="What draws through it, in words.")
    interval: Amount | None = Field(None, description="How often it has a new reading, such as 10 s.")


class Profile(Shape):
    """The calibration of a reference runner, and who must have signed it."""

    file: Text = Field(description="What `greengate runner calibrate` wrote, such as runner-profile.json.")
    key: str = Field(pattern=PUBLIC, description="Public key of whoever signed it: ed25519:…")


class Leg(Shape):
    """What is otherwise on one leg of a matrix of runners."""

    device: Text | None = Field(None, description="What runs models there. Default: as for the others.")
    threads: int | None = Field(None, ge=1, le=1024, description="Threads of one inference there.")


class Runner(Shape):
    """How models are run."""

    device: Text | None = Field(None, description="What runs them: cpu, cuda or cuda:1. Default: cpu.")
    threads: int | None = Field(None, ge=1, le=1024, description="Threads of one inference. Default: 1.")
    limits: Limits | None = Field(None, description="What a model may use up.")
    legs: dict[str, Leg] | None = Field(
        None, min_length=1, description="What is otherwise on a leg of a matrix of runners, by the leg's name."
    )
    cpu: Cpu | None = Field(None, description="Watts of a hardware thread, instead of the table of processors.")
    meters: list[Meter] | None = Field(None, min_length=1, description="Power meters that are asked over a network.")
    profile: Profile | None = Field(None, description="The calibration of the runner that is measured on.")
    profiles: list[Profile] | None = Field(
        None,
        min_length=1,
        description="Calibrations of runners of several kinds; each machine takes the one of its kind.",
    )


class Project(Shape):
    """A project file."""

    apiVersion: Literal["greengate/v1"] = Field(description=f"Always {API_VERSION}.")  # noqa: N815 - as it is written
    kind: Literal["Project"] = Field(description="Always Project.")
    name: Text | None = Field(None, description="The project's name, for budgets, such as acme/summaries.")
    policies: list[Text] = Field(min_length=1, description="Shipped packs, files and patterns; waivers' files too.")
    models: list[Model] = Field(min_length=1, description="The models under the gate.")
    factors: Factors | None = Field(None, description="The factor set: a shipped one's name, or {file, sha256}.")
    history: Text | None = Field(None, description="Where verdicts are kept. Default: .greengate/history.db.")
    runner: Runner | None = Field(None, description="How models are run.")
