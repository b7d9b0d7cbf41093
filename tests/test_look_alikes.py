"""What a change may choose, such as the names of labels, makes no record into one of another kind."""

import json

import pytest
from budgets_made import changed
from histories_made import BASIS, decision, history, said

from greengate import recorded, settlements
from greengate.ledger import inspection, notary
from greengate.ledger.canonical import encode
from greengate.ledger.store import Store
from greengate.records import Decided, Kind, is_statement, mark, predicate_type, type_of
from greengate.settlements import Wanted

NAMES = [*map(predicate_type, Kind), "urn:greengate:decision:v1"]


@pytest.fixture(params=NAMES)
def made(request, tmp_path):
    """A history of one decision, about a model with a label that is called like the type of a record."""
    evidence = changed(name="nlp/x")
    model = evidence.model.model_copy(update={"labels": {"predicateType": request.param}})
    with history(tmp_path) as found:
        found.append(decision(evidence=evidence.model_copy(update={"model": model})), BASIS)
        assert any(mark(request.param) in one.leaf for one in found.ledger.entries())
        yield found


def test_a_label_makes_no_decision(made):
    assert [record.decision.model for record in made.newest_first()] == ["nlp/x"]
    assert made.find("last").decision.model == "nlp/x"
    assert len(list(recorded.records(made.ledger, Decided))) == 1


def test_a_label_makes_no_other_record(made):
    kinds = [kind for kind in Kind for _ in said(made, kind)]
    assert kinds == [Kind.DECISION, Kind.MEASUREMENT, Kind.CONVERSION, Kind.POLICY]


def test_a_label_makes_no_key_and_no_fault(made):
    assert notary.of_store(made.ledger).all == []
    assert inspection.of_store(made.ledger, None, [], []).faults == []


def test_a_label_keeps_nothing_from_being_settled(made):
    done = settlements.settle(made, Wanted("merged", "acme/shop#1", at="2026-10-02T00:00:00Z"))
    assert (bool(done.entry), done.refused) == (True, False)


@pytest.mark.parametrize(
    "leaf",
    [
        b"", b"[]", b'{"x":1}', b'{"predicateType":5}', b"[" * 100_000,
        b'{"x":{"predicateType":"a"},"y":{"predicateType":"b"}}',
    ],
    ids=["nothing", "a list", "an object", "a number", "nested", "two inside"],
)  # fmt: skip
def test_what_is_no_statement_has_no_type(leaf):
    assert type_of(leaf) == ""


def test_a_statement_is_of_one_thing_with_a_digest(tmp_path):
    with history(tmp_path) as made:
        made.append(decision(), BASIS)
        told = [json.loads(stored.leaf) for stored in made.ledger.entries()]
    assert all(map(is_statement, told))
    assert not any(is_statement({**one, "x": 1}) for one in told)
    assert not any(is_statement({**one, "subject": [{**one["subject"][0], "x": 1}]}) for one in told)


def test_entries_are_found_by_their_type_alone(tmp_path):
    leaf, other = encode({"predicateType": "a"}), encode({"label": {"predicateType": "a"}, "predicateType": "b"})
    with Store(tmp_path / "h.db") as store:
        first, _ = store.append_all([(leaf, None), (other, None)])
        assert list(store.of_type("a")) == [first]
