"""What a quarter reads of a leaf while it goes by: as strict as the records themselves, and open for what they gain."""

import json

import pytest

from greengate.esg import leaves
from greengate.esg.leaves import Found, Judged, JudgedAtFirst, NotALeaf, Of, Settled, Superseding, Unknown
from greengate.ledger.canonical import encode
from greengate.records import Converted, Kind, Measurement, Settlement, Side, predicate_type, statement, type_of

DECISION, SETTLEMENT, CONVERSION, MEASUREMENT = (
    predicate_type(kind) for kind in (Kind.DECISION, Kind.SETTLEMENT, Kind.CONVERSION, Kind.MEASUREMENT)
)
FIRST = "urn:greengate:decision:v1"
AT, DIGEST = "2026-07-01T00:00:00Z", "a" * 64
LEAST = {
    DECISION: {"at": AT, "model": "m", "outcome": "passed"},
    FIRST: {"taken_at": AT, "model": "m", "outcome": "failed", "verdict": {}},
    SETTLEMENT: {"at": AT, "state": "merged"},
    CONVERSION: {"measurement": DIGEST, "supersedes": DIGEST},
}


def leaf(name, said, **beside):
    return encode({"predicate": said, "predicateType": name, **beside})


SUBJECT = [{"digest": {"sha256": DIGEST}, "name": "m"}]


def skimmed(name, **said):
    return leaves.skimmed(leaf(name, {**LEAST[name], **said}))


def test_a_decision_is_read_as_far_as_it_is_needed():
    told = skimmed(DECISION, project="p", team="t", sha256=DIGEST, change={"id": "a/b#1"}, in_force=True, problem="no",
                   findings=[{"rule": "p/r", "outcome": "failed"}], measurement="1", conversion="2",
                   policies=[["p", DIGEST]], waivers=["w"])  # fmt: skip
    assert told == Judged(AT, "m", "passed", "p", "t", DIGEST, Of("a/b#1"), True, "no", (Found("p/r", "failed"),),
                          "1", "2", (("p", DIGEST),), ("w",))  # fmt: skip
    assert not told.first


def test_a_decision_of_the_first_version_has_no_figures():
    findings = [{"policy": "p", "rule": word, "outcome": word} for word in ("passed", "failed")]
    told = skimmed(FIRST, verdict={"findings": findings}, policies=[["p", DIGEST]])
    told_ = JudgedAtFirst(AT, "m", "failed", findings=(Found("p/failed", "failed"),), policies=(("p", DIGEST),))
    assert (told, told.first) == (told_, True)


def test_a_conversion_is_read_where_it_takes_the_place_of_another():
    first = leaf(CONVERSION, Converted(at=AT, measurement=DIGEST).model_dump(mode="json", exclude={"kind"}))
    assert leaves.skimmed(first) is None
    assert skimmed(CONVERSION) == Superseding(DIGEST, DIGEST)


def test_a_settlement_is_read_whole():
    told = Settlement(at=AT, state="closed", change="a/b#1", commit="c", decisions=("d",), by="ci")
    assert leaves.skimmed(encode(statement(told, "x", DIGEST))) == Settled(AT, "closed", "a/b#1", "c", ("d",), "ci")


@pytest.mark.parametrize("kind", [Kind.MEASUREMENT, Kind.POLICY, Kind.CALIBRATION, Kind.KEY, Kind.FORGOTTEN])
def test_what_is_looked_up_or_not_needed_is_passed_over(kind):
    assert leaves.skimmed(leaf(predicate_type(kind), {})) is None


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("urn:greengate:wish:v1", "wish:v1"),
        ("urn:greengate:decision:v3", "decision:v3"),
        ("https://slsa.dev/provenance/v1", "no record of greengate"),
        ("", "no record of greengate"),
    ],
)
def test_another_kind_is_told(name, known):
    assert leaves.skimmed(leaf(name, {})) == Unknown(known)
    assert leaves.skimmed(b"no JSON") == Unknown("no record of greengate")


WRONG = [
    (DECISION, name, value)
    for value, names in (
        (1, "at model outcome project team sha256 change problem findings measurement conversion policies waivers"),
        (None, "at model outcome project team sha256 change in_force problem findings policies waivers"),
        ("true", "change in_force findings policies waivers"),
        ({"id": 5}, "change"),
        ([{"rule": "p/r"}], "findings"),
        ([["p"]], "policies"),
        ([["p", "q", "r"]], "policies"),
        ([7], "waivers"),
    )
    for name in names.split()
] + [
    (FIRST, "taken_at", 1), (FIRST, "verdict", []), (FIRST, "verdict", {"findings": [{"rule": "r"}]}),
    (SETTLEMENT, "state", "open"), (SETTLEMENT, "commit", 1), (SETTLEMENT, "decisions", "d"), (SETTLEMENT, "more", ""),
    (CONVERSION, "supersedes", None), (CONVERSION, "measurement", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "value"), WRONG)
def test_a_wrong_type_is_refused_by_its_place(name, field, value):
    with pytest.raises(NotALeaf, match=rf"`\$\.predicate(\.{field}.*)?`|unknown field `more`"):
        skimmed(name, **{field: value})


LACKING = [(name, field) for name, said in LEAST.items() for field in said]


@pytest.mark.parametrize(("name", "field"), LACKING)
def test_a_missing_field_is_named(name, field):
    said = {key: value for key, value in LEAST[name].items() if key != field}
    with pytest.raises(NotALeaf, match=rf"^Object missing required field `{field}` - at `\$\.predicate`$"):
        leaves.skimmed(leaf(name, said))


@pytest.mark.parametrize("name", [DECISION, FIRST, CONVERSION])
def test_what_a_newer_greengate_adds_is_passed_over(name):
    assert skimmed(name, zeal={"a": [1]}) == skimmed(name)
    assert leaves.skimmed(leaf(name, LEAST[name], zeal=1)) == skimmed(name)


@pytest.mark.parametrize(
    "broken",
    [
        leaf(DECISION, LEAST[DECISION], subject=SUBJECT).replace(b'"at":', b'"at"'),
        leaf(DECISION, LEAST[DECISION], subject=SUBJECT).replace(b'"m",', b'"\xff",', 1),
        leaf(DECISION, {**LEAST[DECISION], "zeal": 1}, subject=SUBJECT).replace(b'"zeal":1', b'"zeal":' + b"[" * 10**5),
        leaf(DECISION, [], subject=SUBJECT),
    ],
    ids=["no JSON", "no text", "nested", "no object"],
)
def test_what_is_no_record_is_refused(broken):
    with pytest.raises(NotALeaf):
        leaves.skimmed(broken)


@pytest.mark.parametrize("training", ["", "b" * 64])
def test_the_training_of_a_measurement_is_told(training):
    said = Measurement(at=AT, model="m", candidate=Side(sha256=DIGEST), evidence=DIGEST, training=training)
    assert leaves.training(encode(statement(said, "m", DIGEST))) == training
    assert leaves.training(leaf(DECISION, LEAST[DECISION])) == ""
    with pytest.raises(NotALeaf, match="training"):
        leaves.training(leaf(MEASUREMENT, {"training": 1}))


@pytest.mark.parametrize(
    "said",
    [
        {"labels": {"predicateType": "urn:x"}},
        {"labels": {"a": '"predicateType":"urn:x","subject":[{"digest":{"sha256":""},"name":""}]}'}},
        {"deep": {"predicateType": "urn:x", "subject": [{"digest": {"sha256": ""}, "name": ""}]}},
    ],
)
@pytest.mark.parametrize("subject", [[], SUBJECT, [{"digest": {"sha256": DIGEST}, "name": 'a "b"\\'}]])
def test_the_type_of_a_leaf_is_that_of_the_whole(said, subject):
    assert type_of(leaf(DECISION, said, subject=subject)) == DECISION
    assert type_of(encode({"predicate": said, "subject": subject})) == ""


def test_a_key_that_ends_like_that_of_the_type_is_not_taken_for_it():
    odd = b',"x\\"predicateType":"other","subject":[{"digest":{"sha256":"0"},"name":"n"}]}'
    bytes_ = leaf(DECISION, {})[:-1] + odd
    assert json.loads(bytes_)["predicateType"] == type_of(bytes_) == DECISION
