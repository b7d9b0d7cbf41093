"""A project file is read whole, or every mistake in it is told with its place."""

# ruff: noqa: E501 - one case is one line of its table

import textwrap

import pytest

from greengate.errors import Place, Problems, ProjectError
from greengate.evidence import Model, QualityScale
from greengate.packs import project_file
from greengate.packs.project import FactorsEntry, load_project
from greengate.packs.project_entry import (
    Build,
    Deployment,
    EmbodiedEntry,
    Evaluation,
    GivenFactor,
    Inputs,
    Instrument,
    Scoring,
)
from greengate.packs.yaml_text import parse
from greengate.ports import Limits

HEAD = "apiVersion: greengate/v1\nkind: Project\npolicies: [starter]\n"
FULL = """
apiVersion: greengate/v1
kind: Project
policies: [starter, policies/*.yaml]
history: records/history.db
runner: {threads: 2, limits: {memory: 8 GiB, cpu: 300 s, wall: 2 min}}
models:
  - name: nlp/summariser
    path: models/summariser.onnx
    baseline: git:origin/main
    inputs: {shapes: {x: [1, 128]}, ranges: {ids: [0, 30000]}, seed: 7}
    batch: 4
    quality: {file: q.json, baseline: "git:origin/main", figures: {accuracy: {}, bleu: {unit: score, better: higher}}}
    labels: {tier: prod}
    team: nlp
    deployment:
      {kind: cloud, inferences_per_year: 2e9, pue: 1.2, intensity: {value: 350 gCO2e/kWh, source: "X", year: 2025}}
  - name: vision
    build: {command: [python, export.py], output: build/v.pt2}
    baseline: {build: {command: [python, export.py, --old], output: build/old.pt2}}
    inputs: {file: inputs.npz}
    quality: {dataset: heldout.npz, labels: y, output: label, scorer: [accuracy, f1_macro]}
    trust: true
"""


class Shelf:
    """A tree in memory."""

    name = "the working tree"

    def __init__(self, **files):
        self.files = files

    def read(self, path):
        return self.files.get(path)


def load(text):
    return load_project(Shelf(**{"greengate.yaml": textwrap.dedent(text).encode()}))


def with_model(extra):
    return load(HEAD + "models:\n  - name: m\n" + textwrap.indent(textwrap.dedent(extra), "    "))


def mistakes(call, *arguments):
    """What is wrong, as (line, problem, hint)."""
    with pytest.raises(Problems) as caught:
        call(*arguments)
    assert all(type(problem) is ProjectError for problem in caught.value.problems)
    assert caught.value.exit_code == 2
    return [(problem.where.line, problem.problem, problem.hint) for problem in caught.value.problems]


def test_a_whole_file_is_read():
    project = load(FULL)
    assert project.policies == ("starter", "policies/*.yaml")
    assert project.history == "records/history.db"
    assert project.threads == 2
    assert project.limits == Limits(address_space_bytes=8 * 2**30, cpu_s=300, wall_s=120.0)
    assert [entry.name for entry in project.models] == ["nlp/summariser", "vision"]
    assert project.place == Place("greengate.yaml", 2, 1, "")


def test_a_model_with_a_file_is_read():
    entry = load(FULL).models[0]
    assert entry.source == entry.path == "models/summariser.onnx"
    assert entry.baseline == "git:origin/main:models/summariser.onnx"
    assert entry.inputs == Inputs(shapes={"x": (1, 128)}, ranges={"ids": (0, 30000)}, seed=7)
    assert entry.batch == 4
    assert entry.quality == Evaluation("q.json", "git:origin/main:q.json")
    assert entry.identity == Model(
        name="nlp/summariser",
        team="nlp",
        labels={"tier": "prod"},
        quality={"accuracy": QualityScale(), "bleu": QualityScale(unit="score")},
    )
    pue, grid = GivenFactor("1.2", "the project"), GivenFactor("350", "X", year=2025)
    assert entry.deployment == Deployment("cloud", 2e9, pue, grid)
    assert not entry.trusted
    assert entry.place == Place("greengate.yaml", 8, 5, "models[0]")
    assert entry.source_place == Place("greengate.yaml", 9, 11, "models[0].path")
    assert entry.baseline_place == Place("greengate.yaml", 10, 15, "models[0].baseline")


def test_a_model_that_is_built_is_read():
    entry = load(FULL).models[1]
    assert entry.source == Build(("python", "export.py"), "build/v.pt2")
    assert entry.path == "build/v.pt2"
    assert entry.baseline == Build(("python", "export.py", "--old"), "build/old.pt2")
    assert entry.inputs == Inputs(file="inputs.npz")
    assert entry.quality == Scoring("heldout.npz", ("accuracy", "f1_macro"), "y", "label")
    assert entry.scales == {"accuracy": QualityScale(), "f1_macro": QualityScale()}
    assert entry.trusted


def test_the_least_that_a_project_can_say():
    project = with_model("path: m.onnx")
    entry = project.models[0]
    assert (project.history, project.threads, project.limits) == (".greengate/history.db", 1, Limits())
    assert (entry.baseline, entry.inputs, entry.batch, entry.quality, entry.deployment) == (
        None,
        Inputs(),
        1,
        None,
        None,
    )
    assert project.model("m") == entry
    assert project.model("n") is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("old.onnx", "old.onnx"),
        ("last-pass", "last-pass"),
        ("git:HEAD~1", "git:HEAD~1:m.onnx"),
        ("git:v1.0:a/b.onnx", "git:v1.0:a/b.onnx"),
    ],
)
def test_a_baseline_is_read(written, read):
    assert with_model(f"path: m.onnx\nbaseline: {written}").models[0].baseline == read


def test_without_a_project_file_the_way_to_one_is_told():
    with pytest.raises(ProjectError) as caught:
        load_project(Shelf())
    assert str(caught.value) == (
        "greengate.yaml: there is no project file in the working tree\n  hint: `greengate init` writes a first one"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [(0, "the file is empty", "`greengate init` writes a first one")]),
        (f"{FULL}---{FULL}", [(0, "the file holds 2 documents; a project file is one", "")]),
    ],
    ids=["empty", "two documents"],
)
def test_a_file_is_one_document(text, found):
    with pytest.raises(ProjectError) as caught:
        load(text)
    assert [(caught.value.where.line, caught.value.problem, caught.value.hint)] == found


INSIDE = "write it relative to the project's folder"
WRITES = "give its `path`, or a `build` that writes it"
SOURCES = "write a path, `git:REF`, `git:REF:path` or `last-pass`"
ITSELF = "the baseline `m.onnx` is the candidate itself; nothing could ever get worse"


@pytest.mark.parametrize(
    ("extra", "found"),
    [
        ("pth: m.onnx", [(6, "unknown key `pth`", "did you mean `path`?")]),
        ("path: /m.onnx", [(6, "the path `/m.onnx` is absolute", INSIDE)]),
        ("path: ../m.onnx", [(6, "the path `../m.onnx` leaves the project by `..`", INSIDE)]),
        ("path: m.onnx\nbuild: {command: [x], output: y}", [(7, "there is a `path` and a `build`", "keep one of the two")]),
        ("build: {command: [x], output: /y}", [(6, "the path `/y` is absolute", INSIDE)]),
        ("build: {command: python x.py, output: y}", [(6, "found `python x.py`, expected a list", "")]),
        ("path: m.onnx\nbaseline: m.onnx", [(7, ITSELF, "compare with another commit: `git:origin/main`")]),
        ("path: m.onnx\nbaseline: gti:main", [(7, "`gti:main` is no baseline", "did you mean `git`?")]),
        ("path: m.onnx\nbaseline: lastpass", [(7, "`lastpass` is no baseline", "did you mean `last-pass`?")]),
        ("path: m.onnx\nbaseline: merge-base", [(7, "`merge-base` is no baseline", SOURCES)]),
        ("path: m.onnx\nbaseline: 'git::m.onnx'", [(7, "`git::m.onnx` names no git ref, or no path after it", "`git:origin/main:models/m.onnx`")]),
        ("path: m.onnx\nbaseline: git:-x:m.onnx", [(7, "`git:-x:m.onnx` names no git ref, or no path after it", "`git:origin/main:models/m.onnx`")]),
        ("path: m.onnx\nbaseline: git:main:/m", [(7, "the path `/m` is absolute", INSIDE)]),
        ("path: m.onnx\nbaseline: {build: {command: [x], output: m.onnx}}", [(7, "the baseline is built into `m.onnx`, where the candidate is", "give it a file of its own")]),
        ("path: m.onnx\nbatch: 0", [(7, "found `0`, expected at least 1", "")]),
        ("path: m.onnx\nbatch: many", [(7, "found `many`, expected a whole number", "")]),
        ("path: m.onnx\ntrust: maybe", [(7, "found `maybe`, expected `true` or `false`", "")]),
        ("path: m.onnx\nteam: 7", [(7, "found `7`, expected text", "put it in quotes")]),
        ("path:", [(6, "`path` has no value", "give it one, or leave the key out")]),
        ("team: nlp", [(5, "`m` has no model file", WRITES)]),
    ],
)  # fmt: skip
def test_mistakes_in_a_model_are_told(extra, found):
    assert mistakes(with_model, extra) == found


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ("{file: /i.npz}", ("the path `/i.npz` is absolute", INSIDE)),
        ("{file: i.npz, seed: 1}", ("`seed` is about generated inputs, but a `file` is given", "keep one of the two")),
        ("{shapes: {x: [1, 0]}}", ("found `0`, expected at least 1", "")),
        ("{shapes: {x: [1, n]}}", ("found `n`, expected a whole number", "")),
        ("{ranges: {x: [5, 5]}}", ("found `[5, 5]`, expected the range [low, high) of whole numbers, low below high", "such as [0, 30000]")),
        ("{ranges: {x: [5]}}", ("found `[5]`, expected the range [low, high) of whole numbers, low below high", "such as [0, 30000]")),
        ("{shape: {x: [1]}}", ("unknown key `shape`", "did you mean `shapes`?")),
        ("inputs.npz", ("found `inputs.npz`, expected a mapping of keys to values", "")),
    ],
)  # fmt: skip
def test_mistakes_in_inputs_are_told(inputs, found):
    assert mistakes(with_model, f"path: m.onnx\ninputs: {inputs}") == [(7, *found)]


EITHER = "name an evaluation `file`, or a `dataset` and a `scorer`"


@pytest.mark.parametrize(
    ("quality", "found"),
    [
        ("{figures: {accuracy: {}}}", ("there is neither a `file` nor a `dataset`", EITHER)),
        ("{file: q.json, dataset: d.npz}", ("there is both a `file` and a `dataset`", EITHER)),
        ("{file: q.json, scorer: f1}", ("`scorer` does not go with a `file`", "leave it out")),
        ("{file: q.json, baseline: q.json}", ("the baseline `q.json` is the candidate itself; nothing could ever get worse", "compare with another commit: `git:origin/main`")),
        ("{file: q.json, figures: {bleu: {unit: score}}}", ("`bleu` needs a `unit` and which way is `better`", "such as `bleu: {unit: ratio, better: higher}`")),
        ("{file: q.json, figures: {acuracy: {}}}", ("`acuracy` needs a `unit` and which way is `better`", "did you mean `accuracy`?")),
        ("{file: q.json, figures: {rmse: {better: higher}}}", ("for `rmse`, lower is better", "leave it out, or rename the figure")),
        ("{file: q.json, figures: {a b: {}}}", ("`a b` is no figure's name", "letters, digits and `_`, such as `accuracy`")),
        ("{file: q.json, figures: {f1: {unit: percent}}}", ("found `percent`, expected `ratio` or `score`", "")),
        ("{dataset: d.npz}", ("a `dataset` needs a `scorer`", "known here: `accuracy`, `f1`, `f1_macro`, `rmse`")),
        ("{dataset: d.npz, scorer: acuracy}", ("`acuracy` is no scorer", "did you mean `accuracy`?")),
        ("{dataset: d.npz, scorer: [f1, f1]}", ("`f1` is named twice", "keep one of the two")),
        ("{dataset: ../d.npz, scorer: f1}", ("the path `../d.npz` leaves the project by `..`", INSIDE)),
        ("{dataset: d.npz, scorer: f1, figures: {f1: {}}}", ("`figures` does not go with a `dataset`", "leave it out")),
    ],
)  # fmt: skip
def test_mistakes_in_quality_are_told(quality, found):
    assert mistakes(with_model, f"path: m.onnx\nquality: {quality}") == [(7, *found)]


PUE = "a facility uses at least what its computers use (1); above 3 it is more likely a slip"
GRID = "the dirtiest grids are below 1500 gCO2e/kWh"


@pytest.mark.parametrize(
    ("deployment", "found"),
    [
        ("{pue: 1.2}", ("`kind` is missing", "Whose hardware it is: own, cloud, api or edge.")),
        ("{kind: clod}", ("found `clod`, expected `own`, `cloud`, `api` or `edge`", "did you mean `cloud`?")),
        ("{kind: own, pue: 0.9}", ("found `0.9`, expected from 1 to 3", PUE)),
        ("{kind: own, pue: 12}", ("found `12`, expected from 1 to 3", PUE)),
        ("{kind: own, pue: low}", ("found `low`, expected a plain number such as `4 G`", "")),
        ("{kind: own, inferences_per_year: 0}", ("found `0`, expected from 1 to 1000 P", "")),
        ("{kind: own, intensity: {value: 350, source: X, year: 2025}}", ("`350` has no unit", "a carbon intensity is written like `350 gCO2e/kWh`")),
        ("{kind: own, intensity: {value: 5 kWh, source: X, year: 2025}}", ("`5 kWh` is an energy, expected a carbon intensity", "write it like `350 gCO2e/kWh`")),
        ("{kind: own, intensity: {value: 3 kgCO2e/kWh, source: X, year: 2025}}", ("found `3 kgCO2e/kWh`, expected from 0 gCO2e/kWh to 2000 gCO2e/kWh", GRID)),
        ("{kind: own, intensity: {value: 3 gCO2e/kWh, source: X, year: 25}}", ("found `25`, expected at least 1990", "")),
        ("{kind: own, intensity: {value: 3 gCO2e/kWh, year: 2025}}", ("`source` is missing", "Who published it.")),
        ("{kind: own, intensity: {value: 3 lb/MWh, source: X, year: 2025}}", ("`lb/MWh` in `3 lb/MWh` is no unit of a carbon intensity", "did you mean `lbCO2e/MWh`?")),
        ("{kind: own, zone: DE, intensity: {value: 3 gCO2e/kWh, source: X, year: 2025}}", ("both `zone` and `intensity` say whose electricity it is", "keep one of them")),
        ("{kind: own, basis: lifecycle, intensity: {value: 3 gCO2e/kWh, source: X, year: 2025}}", ("`basis` chooses among a factor set's figures, and the intensity is declared", "say it in `intensity: {basis: …}`")),
        ("{kind: cloud, region: eu-central-1}", ("`eu-central-1` is no region of a cloud", "name the cloud first: `aws/eu-central-1`")),
        ("{kind: own, price: {value: 0.2, source: X}}", ("`0.2` has no unit", "a price of energy is written like `0.21 EUR/kWh`")),
        ("{kind: own, price: {value: 21 EUR/kWh, source: X}}", ("found `21 EUR/kWh`, expected from 0.001 EUR/kWh to 5 EUR/kWh", "a kilowatt-hour costs some cents")),
        ("{kind: own, zone: DE, market: [{share: 80%}]}", ("an instrument is either a `contract` or a `value`", "name a contract of the factor set, or give its `type`, `value`, `source`, `year` and `basis`")),
        ("{kind: own, zone: DE, market: [{share: 80%, contract: a, year: 2025}]}", ("`year` does not go with a `contract`", "the factor set says it")),
        ("{kind: own, zone: DE, market: [{share: 80%, contract: a}, {share: 30%, contract: b}]}", ("the shares add up to 1.1, expected 1 at most", "no kWh counts twice")),
        ("{kind: own, zone: DE, market: [{share: 120%, contract: a}]}", ("found `120%`, expected from 0.01% to 100%", "")),
        ("{kind: own, market: [{share: 80%, contract: a}]}", ("`market` is of electricity, and nothing says whose that is", "give a `region`, a `zone` or an `intensity`")),
        ("{kind: own, basis: lifecycle}", ("`basis` is of electricity, and nothing says whose that is", "give a `region`, a `zone` or an `intensity`")),
        ("{kind: own, region: aws/eu-central-1}", ("`aws/eu-central-1` is a cloud's, and the hardware is `own`", "write `kind: cloud`, or name the `zone`")),
        *[(f"{{kind: own, embodied: {{machine: a/b, resources: {part}, lifetime: 4 years, machines: 1}}}}", (f"found `{part}`, expected such as `4 of 96`", "the vCPUs of yours, and of the host")) for part in ("1e99999999 of 1e99999999", "-2 of -96", "2_0 of 96", "٢ of ٩٦", "1e-400 of 1", "1 of 0")],
        ("{kind: own, embodied: {machine: a/b, resources: 4, lifetime: 4 years, machines: 1}}", ("found `4`, expected text", "put it in quotes")),
        ("{kind: own, embodied: {machine: a/b, resources: 5 of 4, lifetime: 4 years, machines: 1}}", ("found `5 of 4`, expected such as `4 of 96`", "the vCPUs of yours, and of the host")),
        ("{kind: own, embodied: {machine: a/b, resources: 1 of 4, lifetime: 4 d, machines: 1}}", ("found `4 d`, expected from 1 years to 20 years", "such as `4 years`, of 8,760 hours each")),
        ("{kind: own, embodied: {machine: a/b, resources: 1 of 4, lifetime: 4 years}}", ("say how long the hardware is reserved: `machines` or `reserved`", "`machines: 2` are reserved all year; `reserved: while-running` only while they infer")),
        ("{kind: own, embodied: {resources: 1 of 4, lifetime: 4 years, machines: 1}}", ("the host is either a `machine` or a `total`", "name a machine of the factor set, or give the host's `total` and its `source`")),
        ("{kind: own, embodied: {total: 1255 kgCO2e, resources: 1 of 4, lifetime: 4 years, machines: 1}}", ("`total` and `source` go together", "say who says so")),
    ],
)  # fmt: skip
def test_mistakes_in_a_deployment_are_told(deployment, found):
    told = [one for one in mistakes(with_model, f"path: m.onnx\ndeployment: {deployment}") if "is pinned" not in one[1]]
    assert told == [(7, *found)]


@pytest.mark.parametrize(
    ("deployment", "word"),
    [
        ("{kind: own, zone: DE}", "DE"),
        ("{kind: cloud, region: aws/eu-central-1}", "aws/eu-central-1"),
        (
            "{kind: own, intensity: {value: 3 gCO2e/kWh, source: X, year: 2025}, market: [{share: 80%, contract: green}]}",
            "green",
        ),
        ("{kind: own, embodied: {machine: a/b, resources: 1 of 4, lifetime: 4 years, machines: 1}}", "a/b"),
    ],
)
def test_what_a_factor_set_must_explain_wants_one_pinned(deployment, word):
    found = (
        f"`{word}` stands in a factor set, and none is pinned",
        "pin one: `factors: greengate-2026.11` (`greengate factors list`)",
    )
    assert mistakes(with_model, f"path: m.onnx\ndeployment: {deployment}") == [(7, *found)]


def test_a_whole_deployment_is_read():
    text = (
        "factors: greengate-2026.11\nmodels:\n- name: m\n  path: m.onnx\n  deployment:\n    kind: own\n    zone: DE\n"
        "    basis: lifecycle\n    price: {value: 21 ct/kWh, source: P}\n    market:\n"
        "      - {share: 60%, contract: green}\n"
        "      - {share: 10%, type: certificate, value: 0 gCO2e/kWh, source: G, year: 2025, basis: lifecycle}\n"
        "    embodied: {machine: aws/m5.large, resources: 4 of 96, lifetime: 4 years, reserved: while-running}\n"
    )
    project = load(f"{HEAD}{text}")
    certificate = GivenFactor("0", "G", year=2025, basis="lifecycle")
    assert project.factors == FactorsEntry(name="greengate-2026.11")
    assert project.models[0].deployment == Deployment(
        "own",
        zone="DE",
        basis="lifecycle",
        price=GivenFactor("0.21", "P"),
        market=(Instrument(0.6, contract="green"), Instrument(0.1, kind="certificate", factor=certificate)),
        embodied=EmbodiedEntry(4 / 96, 4.0, machine="aws/m5.large"),
    )


def test_a_digest_that_is_none_is_told():
    text = f"{HEAD}models: [{{name: m, path: m.onnx}}]\nfactors: {{file: f.json, sha256: ABC}}\n"
    words = "found `ABC`, expected 64 hexadecimal digits, as `greengate factors verify` prints them"
    assert mistakes(load, text) == [(5, words, "")]


def test_a_factor_set_of_one_s_own_is_pinned_by_its_digest():
    project = load(f"{HEAD}models: [{{name: m, path: m.onnx}}]\nfactors: {{file: f.json, sha256: {'a' * 64}}}\n")
    assert project.factors == FactorsEntry(file="f.json", sha256="a" * 64)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("history: /var/h.db", ("the path `/var/h.db` is absolute", INSIDE)),
        ("runner: {threads: 0}", ("found `0`, expected at least 1", "")),
        ("runner: {limits: {memory: 8}}", ("`8` has no unit", "a size is written like `500 MiB`")),
        ("runner: {limits: {memory: 8 MiB}}", ("found `8 MiB`, expected from 512 MiB to 4 TiB", "the runtime alone takes some hundred MiB of addresses")),
        ("runner: {limits: {cpu: 8 GiB}}", ("`8 GiB` is a size, expected a duration", "write it like `40 ms`")),
        ("runner: {limits: {wall: 1 ms}}", ("found `1 ms`, expected from 1 s to 24 h", "")),
        ("factors: {file: f.json}", ("`sha256` is missing", "")),
        ("polices: [x]", ("unknown key `polices`", "did you mean `policies`?")),
    ],
)  # fmt: skip
def test_mistakes_beside_the_models_are_told(line, found):
    assert mistakes(load, f"{HEAD}models: [{{name: m, path: m.onnx}}]\n{line}\n") == [(5, *found)]


@pytest.mark.parametrize(
    ("policies", "found"),
    [
        ("[]", ("the list is empty", "fill it, or leave the key out")),
        ("starter", ("found `starter`, expected a list", "")),
        ("[/etc/p.yaml]", ("the path `/etc/p.yaml` is absolute", INSIDE)),
        ("[starter, starter]", ("`starter` is named twice", "keep one of the two")),
    ],
)
def test_mistakes_in_the_list_of_policies_are_told(policies, found):
    text = f"apiVersion: greengate/v1\nkind: Project\npolicies: {policies}\nmodels: [{{name: m, path: m.onnx}}]"
    assert mistakes(load, text) == [(3, *found)]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a b", [(4, "`a b` is no model's name", "such as `nlp/summariser`: no spaces, no `*`")]),
        ("nlp/*", [(4, "`nlp/*` is no model's name", "such as `nlp/summariser`: no spaces, no `*`")]),
        ("other", [(5, "two models are called `other`; the first in line 4", "give each a name of its own")]),
    ],
)
def test_names_are_names_and_no_two_are_the_same(name, found):
    text = f"{HEAD}models: [{{name: {name}, path: m.onnx}},\n {{name: other, path: n.onnx}}]"
    assert mistakes(load, text) == found


def test_a_policy_is_no_project():
    text = "apiVersion: greengate/v1\nkind: Policy\npolicies: [starter]\nmodels: [{name: m, path: m.onnx}]"
    assert mistakes(load, text) == [(2, "found `Policy`, expected `Project`", "")]


@pytest.mark.parametrize("text", ["just text", "- a\n- b"])
def test_what_is_no_mapping_is_told(text):
    assert [problem for _, problem, _ in mistakes(load, text)] == [
        f"found {'`just text`' if text[0] == 'j' else 'a list'}, expected a mapping of keys to values"
    ]


def test_all_mistakes_are_told_at_once():
    text = f"{HEAD}modls: []\nmodels:\n  - {{name: m, path: /m, batch: 0}}\n  - {{name: n, path: /n}}\nhistory: ../h"
    assert mistakes(load, text) == [
        (4, "unknown key `modls`", "did you mean `models`?"),
        (6, "found `0`, expected at least 1", ""),
        (7, "the path `/n` is absolute", INSIDE),
        (8, "the path `../h` leaves the project by `..`", INSIDE),
    ]


def test_yaml_mistakes_belong_to_the_project_file():
    assert mistakes(load, f"{HEAD}kind: Project\n")[0][0] == 4


def test_the_shape_has_a_json_schema_that_the_example_fits():
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - for this test alone

    (document,) = parse(FULL.encode(), "greengate.yaml")
    schema = project_file.Project.model_json_schema()
    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(document.value)) == []
    assert list(Draft202012Validator(schema).iter_errors({**document.value, "modls": []})) != []
