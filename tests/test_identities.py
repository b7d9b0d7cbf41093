"""Persons appear in no leaf and no body, are put back where a history is read, and can be forgotten."""

import json
from dataclasses import replace

import pytest
from budgets_made import changed
from histories_made import BASIS, approval, decision, everything, finding, grant, history
from made import growth, waiver

from greengate import cli, gate, lines
from greengate.decision import Basis
from greengate.errors import HistoryError
from greengate.identities import is_person
from greengate.ledger.canonical import digest, encode
from greengate.policy import Override, Policy
from greengate.records import Forgotten
from greengate.verdict import Outcome

WORDS = "waived until 2026-12-31 by @olga: sharper; approved by @olga in review 7 of acme/shop#8"
LET = Outcome.WAIVED
GONE = Forgotten(at="2026-11-22T00:00:00Z", people=(), why="asked for", by="privacy")
POLICY = Policy("p", (growth("energy_per_1k_inferences"),), override=Override(1), owners=("@olga",))


@pytest.fixture
def made(tmp_path):
    with history(tmp_path) as found:
        yield found


def of_persons():
    """A decision in which a person reviews, grants, owns and is spoken of."""
    evidence = changed(approvals=(approval(by="Olga", rules=("p/growth",)),), grants=(grant(),))
    let = {"outcome": Outcome.WAIVED, "judged": Outcome.FAILED}
    found = finding(waiver="W-1", reason=WORDS, counterfactual="a review would (@olga, @acme/green)", **let)
    return decision(found, finding(rule="s", approvals=(approval(),), **let), evidence=evidence, notes=("by @olga",))


def written(made):
    return made.append(of_persons(), Basis(BASIS.texts, (waiver(granted_by="@olga"),)))


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("@olga", True), ("@acme/green", False), ("ci", False), ("actions/settle", False), ("greengate gate", False),
        ("Olga Smith", True), ("olga@acme.com", True), ("@dependabot[bot]", True), ("green", False), ("Olga", True),
    ],
)  # fmt: skip
def test_a_person_is_told_from_a_team_and_a_role(name, person):
    assert is_person(name) is person


def test_no_leaf_and_no_body_names_a_person(made):
    written(made)
    assert b"olga" not in everything(made).lower()
    assert b"@acme/green" in everything(made)


def test_a_person_has_one_pseudonym_in_a_ledger_and_another_in_the_next(made, tmp_path):
    one, again = (made.people.pseudonym(name) for name in ("@Olga", "olga"))
    with history(tmp_path, "other.db") as other:
        assert one == again != other.people.pseudonym("olga")


def test_handles_are_put_back_where_a_history_is_read(made):
    told = made.find(written(made)).decision
    assert told.verdict == of_persons().verdict
    assert (told.notes, told.evidence.approvals[0].by) == (("by @olga",), "olga")
    assert told.evidence.grants == (grant(),)


def test_nobody_is_told_whom_a_pseudonym_stands_for_by_writing_it_down(made):
    name = made.people.pseudonym("olga")
    evidence = changed(name="nlp/x")
    model = evidence.model.model_copy(update={"labels": {"who": name, "is": f"@{name}"}})
    asked = decision(
        finding(reason=f"is it {name}?", counterfactual=f"@{name}"),
        evidence=evidence.model_copy(update={"model": model}), problem=name, notes=(f"by {name}", name),
    )  # fmt: skip
    assert "olga" not in repr(made.find(made.append(asked, BASIS)).decision)


def test_a_person_at_the_beginning_of_a_text_is_put_back(made):
    entry = made.append(decision(problem="@olga said so"), BASIS)
    assert made.find(entry).decision.problem == "olga said so"


def test_a_person_who_is_forgotten_is_called_so(made):
    entry = written(made)
    (gone,) = made.forget("@Olga", GONE)
    told = made.find(entry).decision
    assert told.evidence.approvals[0].by == f"a forgotten person ({gone[:15]}…)"
    assert told.notes == (f"by a forgotten person ({gone[:15]}…)",)
    assert made.people.who(gone) == told.evidence.approvals[0].by


def test_forgetting_changes_no_entry_and_is_written_down(made):
    written(made)
    before = list(made._store.entries())
    (gone,) = made.forget("olga", GONE)
    *after, last = made._store.entries()
    assert after == before
    assert json.loads(last.leaf)["predicate"] == GONE.model_dump(mode="json", exclude={"kind"}) | {"people": [gone]}
    assert made.forget("olga", GONE) == []


def test_evidence_gives_the_same_verdict_before_and_after_forgetting(made):
    entry = written(made)
    verdicts = [gate.judge([POLICY], made.find(entry).decision.evidence)]
    made.forget("olga", GONE)
    verdicts.append(gate.judge([POLICY], made.find(entry).decision.evidence))
    assert [verdict.outcome for verdict in verdicts] == [Outcome.WAIVED, Outcome.WAIVED]
    assert "overridden by a forgotten person (person:" in verdicts[1].findings[0].reason


def test_who_is_forgotten_lets_no_other_rule_through(made):
    entry = written(made)
    made.forget("olga", GONE)
    other = replace(POLICY, owners=("@ben",), rules=(replace(POLICY.rules[0], id="other"),))
    assert gate.judge([other], made.find(entry).decision.evidence).outcome is Outcome.INCONCLUSIVE


def test_who_owns_a_rule_no_more_lets_it_through_no_more(made):
    entry = written(made)
    assert gate.judge([replace(POLICY, owners=("@ben",))], made.find(entry).decision.evidence).outcome is not LET


def test_lines_for_elsewhere_say_whom_pseudonyms_stand_for(made, tmp_path):
    entry = written(made)
    with history(tmp_path, "other.db") as other:
        own = other.people.pseudonym("olga")
        for line in lines.read(made.line(entry).encode(), "e.jsonl"):
            other.keep(line)
        assert other.find(entry).decision == made.find(entry).decision
        assert other.people.pseudonym("olga") == own
        assert len(other.forget("olga", GONE)) == 2
        assert "a forgotten person" in other.find(entry).decision.evidence.approvals[0].by


def test_a_person_who_is_forgotten_is_not_learned_again(made, tmp_path):
    entry = written(made)
    text = made.line(entry).encode()
    (tmp_path / "e.jsonl").write_bytes(text)
    made.forget("olga", GONE)
    for line in lines.read(text, "e.jsonl"):
        made.keep(line)
    assert cli.run(["ledger", "import", str(tmp_path / "e.jsonl"), "--history", str(tmp_path / "h.db")]) == 0
    assert "a forgotten person" in made.find(entry).decision.evidence.approvals[0].by
    assert made.people.all_of("olga") == []


def test_lines_carry_all_that_a_decision_refers_to_byte_for_byte(made, tmp_path):
    entry = written(made)
    with history(tmp_path, "other.db") as other:
        for line in lines.read(made.line(entry).encode(), "e.jsonl"):
            other.keep(line)
        assert {one.leaf for one in other._store.entries()} == {one.leaf for one in made._store.entries()}
        assert other.line(entry) == made.line(entry)


def edited(text, edit):
    """Edit the lines of an entry by their kinds, and name each by what it says then."""
    told = [json.loads(line) for line in text.splitlines()]
    edit({line["statement"]["predicateType"].split(":")[2]: line for line in told}, told)
    for line in told:
        line["entry"] = digest(encode(line["statement"]))
    return "\n".join(map(json.dumps, told)).encode()


def settled(by_kind, told):
    statement = json.loads(json.dumps(by_kind["decision"]["statement"]))
    statement |= {"predicateType": "urn:greengate:settlement:v1"}
    statement["predicate"] = {
        "at": "x", "state": "merged", "change": "acme/shop#1", "commit": "", "decisions": [], "by": "",
    }  # fmt: skip
    told.append({"entry": "", "statement": statement, "bodies": {}, "people": {}})


def nested(by_kind, _):
    by_kind["decision"]["statement"]["subject"][0]["predicateType"] = "urn:greengate:settlement:v1"


def other_waiver(by_kind, _):
    by_kind["waiver"]["statement"]["predicate"].update(waiver="W-2")
    by_kind["decision"]["statement"]["predicate"]["waivers"] = [digest(encode(by_kind["waiver"]["statement"]))]


BAD = {
    "another record inside it": (nested, "it is no statement about one thing with a digest"),
    "a field beside its parts": (
        lambda by_kind, _: by_kind["policy"]["statement"].update(x=1),
        "it is no statement about one thing with a digest",
    ),
    "a kind inside it": (
        lambda by_kind, _: by_kind["policy"]["statement"]["predicate"].update(kind="policy"),
        "it is no statement about one thing with a digest",
    ),
    "no policy text": (lambda by_kind, _: by_kind["policy"].update(bodies={}), "what it refers to is missing"),
    "a waiver that let nothing through": (other_waiver, "it refers to a waiver that let nothing of it through"),
    "a settlement beside it": (settled, "no decision here refers to this settlement"),
    "no measurement": (
        lambda by_kind, told: told.remove(by_kind["measurement"]),
        "what it refers to is missing",
    ),
    "no conversion": (lambda by_kind, told: told.remove(by_kind["conversion"]), "the conversion that this decision"),
    "another override": (
        lambda by_kind, _: by_kind["override"]["statement"]["predicate"].update(rule="p/other"),
        "no decision here refers to this override",
    ),
    "a passed outcome": (
        lambda by_kind, _: by_kind["decision"]["statement"]["predicate"].update(outcome="passed"),
        "its verdict is another one than it says",
    ),
    "another body": (
        lambda by_kind, _: by_kind["decision"]["bodies"].update({digest(b"x"): "x"}),
        "it does not refer to what is beside it",
    ),
    "a changed body": (
        lambda by_kind, _: by_kind["measurement"]["bodies"].update(
            dict.fromkeys(by_kind["measurement"]["bodies"], "{}")
        ),
        "its digest is another one",
    ),
    "a kind of nobody's": (
        lambda by_kind, _: by_kind["decision"]["statement"].update(predicateType="urn:greengate:decision:v3"),
        "this is no entry of a history",
    ),
    "a field of nobody's": (
        lambda by_kind, _: by_kind["policy"]["statement"]["predicate"].update(x=1),
        "this is no entry of a history: policy.x: Extra inputs are not permitted",
    ),
    "people who are none": (
        lambda by_kind, _: by_kind["decision"].update(people={"person:x": 5}),
        "it tells of 'person:x' what is no handle",
    ),
}


@pytest.mark.parametrize(("edit", "words"), BAD.values(), ids=BAD)
def test_nothing_is_taken_from_elsewhere_that_its_digests_do_not_tell(made, edit, words):
    text = made.line(written(made))
    with pytest.raises(HistoryError) as refused:
        lines.read(edited(text, edit), "e.jsonl")
    assert words in refused.value.problem


def test_a_line_that_names_no_entry_is_none():
    with pytest.raises(HistoryError) as refused:
        lines.read(
            b'{"statement":{"predicateType":"urn:greengate:policy:v1","predicate":{"sha256":"x"}},"bodies":{}}', "e"
        )
    assert refused.value.problem == "this is no entry of a history: 'entry'"


def test_the_command_forgets_and_says_so(made, tmp_path, capsys):
    written(made)
    words = ("ledger", "forget", "@olga", "--why", "asked for", "--history", str(tmp_path / "h.db"))
    assert cli.run([*words]) == 0
    assert capsys.readouterr().out.startswith("forgotten: person:")
    assert cli.run([*words]) == 2
    assert "the history knows nobody called `@olga`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("@olga", "--why", " "), "--why: no reason is given"),
        (("@olga", "--why", "Olga asked"), "--why: the reason names the person who is to be forgotten"),
        (("@acme/green", "--why", "x"), "teams and roles are no persons, and stay"),
    ],
    ids=["no reason", "her name", "a team"],
)
def test_what_cannot_be_forgotten_is_told(made, tmp_path, capsys, words, problem):
    written(made)
    assert cli.run(["ledger", "forget", *words, "--history", str(tmp_path / "h.db")]) == 2
    assert problem in capsys.readouterr().err
