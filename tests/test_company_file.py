"""A report.yaml is read whole, or every mistake in it is told with its place."""

import base64
from fractions import Fraction

import pytest
import yaml
from company_made import ROOT
from jsonschema import Draft202012Validator
from packs_made import Files

from greengate.errors import Problems, ProjectError
from greengate.esg.company import Assurer, Exclusion, Known
from greengate.packs.company import load_company
from greengate.packs.report_schema import schema

HEAD = "apiVersion: greengate/v1\nkind: Report\nentity: Acme\n"
EXAMPLE = (ROOT / "examples" / "company" / "report.yaml").read_text(encoding="utf-8")
PNG = b"\x89PNG\r\n\x1a\n rest"


def load(text, **files):
    return load_company(Files({"report.yaml": text, **{name.replace("_", "."): data for name, data in files.items()}}))


def problems(text, **files):
    with pytest.raises(Problems) as refused:
        load(text, **files)
    return [str(one) for one in refused.value.problems]


def test_the_example_is_read_whole():
    said = load(EXAMPLE)
    assert (said.entity, said.consolidation, said.base_year) == (
        "Acme Shop AG (made up)",
        "operational control",
        "2026",
    )
    assert said.revenue == {"2026-Q1": "11800000", "2026-Q2": "12100000", "2026-Q3": "12500000"}
    assert said.models[0] == Known("search/m00", "acme/shop")
    assert said.exclusions == (Exclusion("networks between sites", "nobody meters them", "2"),)
    assert (said.threshold, said.assurer) == (Fraction(1, 20), Assurer("Example Assurance LLP", "limited"))


def test_the_calendar_decides_what_periods_are_called():
    calendar = "calendar: {zone: Europe/Berlin, first_month: 4}\n"
    said = load(HEAD + calendar + "base_year: FY2025-04\nrevenue: {FY2026-04-Q1: 5.5}\n")
    assert (said.zone, said.calendar.first_month, said.base_year, said.revenue) == (
        "Europe/Berlin", 4, "FY2025-04", {"FY2026-04-Q1": "5.5"},
    )  # fmt: skip


def test_keys_of_signers_are_read_without_their_names():
    said = load(HEAD + f"signers: {{'@olga': [{KEY}, {KEY}]}}\n")
    assert said.signers == {"@olga": ("ed25519:dQ4JoOZgxMl2VHcp9It+ET2MLBYHaVp7HwP88Bx0NJk=",)}


def test_a_logo_is_taken_in():
    look = load(HEAD + "look: {logo: logo.png, accent: '#123456', locale: de}\n", logo_png=PNG).look
    assert (look.name, look.logo, look.logo_type) == ("Acme", base64.b64encode(PNG).decode(), "image/png")


KEY = "acme.com/olga+91150e1c+AXUOCaDmYMTJdlR3KfSLfhE9jCwWB2laex8D/PAcdDSZ"
DAMAGED = KEY.replace("0e1c", "0e1d")
CASES = {
    "a signer's key that is none": (
        "signers: {'@olga': [nonsense]}",
        [
            'report.yaml:4:21 (signers["@olga"][0]): `nonsense` is no verifier key, which is written `name+id+key`',
            "  hint: write what `greengate ledger key new` printed: `name+id+key`",
        ],
    ),
    "a signer's key that is damaged": (
        f"signers: {{cfo: [{DAMAGED}]}}",
        [
            f"report.yaml:4:17 (signers.cfo[0]): `{DAMAGED}` is damaged: by its name and key, its id is 91150e1c",
            "  hint: write what `greengate ledger key new` printed: `name+id+key`",
        ],
    ),
    "a key of two signers": (
        f"signers: {{'@olga': [{KEY}], cfo: [{KEY}]}}",
        [
            "report.yaml:4:97 (signers.cfo[0]): this is the key of `@olga` too",
            "  hint: a key is of one person or role alone",
        ],
    ),
    "a signer without a key": (
        "signers: {cfo: []}",
        ["report.yaml:4:16 (signers.cfo): the list is empty", "  hint: fill it, or leave the key out"],
    ),
    "a key of nobody": (
        f"signers: {{' ': [{KEY}]}}",
        ['report.yaml:4:11 (signers[" "]): nobody is named', "  hint: write `@olga`, or a role: `cfo`"],
    ),
    "a signer's key alone": (
        "signers: {cfo: acme}",
        ["report.yaml:4:16 (signers.cfo): found `acme`, expected a list"],
    ),
    "a zone that is none": (
        "calendar: {zone: Berlin}",
        ["report.yaml:4:18 (calendar.zone): `Berlin` is no time zone", "  hint: did you mean `Europe/Berlin`?"],
    ),
    "a base year that is a quarter": (
        "base_year: 2025-Q1",
        ["report.yaml:4:12 (base_year): `2025-Q1` is a quarter, expected a year"],
    ),
    "a base year of another calendar": (
        "base_year: FY2025-04",
        [
            "report.yaml:4:12 (base_year): `FY2025-04` is no period",
            "  hint: they are written like `2026-11`, `2026-Q4`, `2026`",
        ],
    ),
    "revenue of no period": (
        "revenue: {Q3: 5}",
        [
            "report.yaml:4:11 (revenue.Q3): `Q3` is no period",
            "  hint: they are written like `2026-11`, `2026-Q4`, `2026`",
        ],
    ),
    "revenue with a currency": (
        "revenue: {2026-Q3: 5 EUR}",
        [
            "report.yaml:4:20 (revenue.2026-Q3): found `5 EUR`, expected an amount of money",
            "  hint: digits and a point, without a currency: 12500000",
        ],
    ),
    "a threshold above everything": (
        "threshold: 500%",
        ["report.yaml:4:12 (threshold): found `500%`, expected from 0% to 100%"],
    ),
    "a section that is none": (
        "omitted: {Z: why}",
        [
            "report.yaml:4:11 (omitted.Z): there is no section `Z`",
            "  hint: known here: `A`, `B`, `C`, `D`, `E`, `F`, `G`, `H`, `I`, `J`, `K`, `L`, `M`, `N`",
        ],
    ),
    "a section that must be there": (
        "omitted: {M: why}",
        [
            "report.yaml:4:11 (omitted.M): section M cannot be left out",
            "  hint: without it nobody knows whose figures these are, or what they rest on",
        ],
    ),
    "a logo that is not there": (
        "look: {logo: x.png}",
        ["report.yaml:4:14 (look.logo): there is no file `x.png` in working tree"],
    ),
    "a logo outside": (
        "look: {logo: ../x.png}",
        [
            "report.yaml:4:14 (look.logo): the path `../x.png` leaves the project by `..`",
            "  hint: write it relative to the project's folder",
        ],
    ),
    "a word that is none": (
        "edge: sould",
        ["report.yaml:4:7 (edge): found `sould`, expected `sold` or `others`", "  hint: did you mean `sold`?"],
    ),
    "more left out than there is": (
        "exclusions: [{what: x, why: y, share: 60%}, {what: z, why: y, share: 70%}]",
        [
            "report.yaml:4:1 (exclusions): together they leave out 130%",
            "  hint: a share is of the whole, which has 100%",
        ],
    ),
    "a model twice": (
        "models: [{model: m, project: p}, {model: m}, {model: m}]",
        ["report.yaml:4:46 (models[2]): `m` is there twice", "  hint: it would count twice"],
    ),
    "a key that is none": (
        "entitty: x",
        ["report.yaml:4:1 (entitty): unknown key `entitty`", "  hint: did you mean `entity`?"],
    ),
}


@pytest.mark.parametrize(("text", "told"), CASES.values(), ids=CASES)
def test_a_mistake_is_told_with_its_place(text, told):
    assert problems(HEAD + text + "\n") == ["\n".join(told)]


def test_all_mistakes_are_told_at_once():
    assert len(problems(HEAD + "edge: x\nthreshold: 500%\nomitted: {A: w}\n")) == 3


def test_what_is_no_picture_is_no_logo():
    (told,) = problems(HEAD + "look: {logo: logo.png}\n", logo_png=b"GIF89a")
    assert told.endswith("is no logo: it is neither PNG nor SVG\n  hint: a PNG or SVG of at most 524,288 bytes")


@pytest.mark.parametrize("text", ["", "---\n---\n"])
def test_a_file_without_a_report_is_refused(text):
    with pytest.raises((ProjectError, Problems)):
        load(text)


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(ProjectError, match="there is no such file"):
        load_company(Files({}))


def test_the_schema_accepts_the_example_and_refuses_what_is_misspelt():
    validator = Draft202012Validator(schema())
    Draft202012Validator.check_schema(schema())
    assert list(validator.iter_errors(yaml.safe_load(EXAMPLE))) == []
    assert list(validator.iter_errors({**yaml.safe_load(HEAD), "edge": "sould", "x": 1}))
