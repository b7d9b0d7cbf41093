"""What the gate writes down: records of every kind that a decision rests on, each as a leaf that fits."""

import json

import pytest
from budgets_made import YEAR_KG, changed
from histories_made import BASIS, POLICIES, approval, decision, finding, grant, history, kinds, said
from made import waiver

from greengate import lines
from greengate.decision import Basis
from greengate.errors import HistoryError, UsageError
from greengate.ledger.canonical import digest, encode
from greengate.records import MOST_BYTES, STATEMENT, Kind
from greengate.verdict import Outcome

LET = {"outcome": Outcome.WAIVED, "judged": Outcome.FAILED}


@pytest.fixture
def made(tmp_path):
    with history(tmp_path) as found:
        yield found


def test_a_decision_comes_after_all_that_it_refers_to(made):
    made.append(decision(), BASIS)
    assert kinds(made) == ["policy", "measurement", "conversion", "decision"]


def test_what_is_read_back_is_what_was_written(made):
    one = decision(finding(), finding(Outcome.FAILED, rule="s"), notes=("a note",), preview=("p/r: new",))
    assert made.find(made.append(one, BASIS)).decision == one


def test_a_decision_names_its_measurement_and_that_its_evidence(made):
    made.append(decision(), BASIS)
    entries = {stored.entry_id: json.loads(stored.leaf)["predicate"] for stored in made._store.entries()}
    (told,) = said(made, Kind.DECISION)
    assert entries[told["measurement"]]["evidence"] == told["evidence"]
    assert entries[told["conversion"]]["measurement"] == told["measurement"]
    assert digest(made._store.body(told["verdict"])) == told["verdict"]


def test_a_year_is_told_in_whole_units(made):
    made.append(decision(evidence=changed(before=3600.0, after=7200.0)), BASIS)
    (told,) = said(made, Kind.CONVERSION)
    micrograms = round(YEAR_KG * 10**9)
    assert told["baseline"]["location_ugco2e"]["amount"] == str(micrograms)
    assert told["candidate"]["location_ugco2e"] == {
        "amount": str(2 * micrograms), "low": str(micrograms), "high": str(4 * micrograms), "confidence": "0.99",
    }  # fmt: skip
    assert told["difference"]["location_ugco2e"] == {
        "amount": str(micrograms), "low": str(micrograms), "high": str(micrograms), "confidence": "0.0",
    }  # fmt: skip


def test_what_is_not_known_of_a_year_is_missing_with_its_reason(made):
    bare = changed().model_copy(update={"conversion": None})
    figures = {"energy_per_1k_inferences": bare.candidate.figures["energy_per_1k_inferences"]}
    bare = bare.model_copy(update={"candidate": bare.candidate.model_copy(update={"figures": figures})})
    made.append(decision(evidence=bare), BASIS)
    (told,) = said(made, Kind.CONVERSION)
    assert told["conversion"] is told["candidate"]["energy_mj"] is told["difference"] is None
    assert told["candidate"]["missing"]["energy_mj"] == "there is no figure for deployment_energy"


def test_a_void_run_converts_nothing(made):
    made.append(decision(evidence=changed().model_copy(update={"voided": "it drifted"})), BASIS)
    (told,) = said(made, Kind.CONVERSION)
    assert set(told["candidate"]["missing"].values()) == {"it drifted"}
    assert told["difference"] is None


def test_figures_that_factors_made_are_no_part_of_a_measurement(made):
    made.append(decision(), BASIS)
    (told,) = said(made, Kind.MEASUREMENT)
    assert list(told["candidate"]["figures"]) == ["energy_per_1k_inferences"]


def test_a_policy_is_written_once_with_its_text(made):
    for at in ("2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"):
        made.append(decision(at=at), BASIS)
    ((name, sha256),) = POLICIES
    assert [(one["name"], one["sha256"]) for one in said(made, Kind.POLICY)] == [(name, sha256)]
    assert made._store.body(sha256) == BASIS.texts[sha256]


def waived(made, at, **changes):
    basis = Basis(BASIS.texts, (waiver(granted_by="@olga", **changes),))
    evidence = changed(grants=(grant(),))
    return made.append(decision(finding(waiver="W-1", **LET), evidence=evidence, at=at), basis)


def test_a_waiver_is_written_once_and_again_where_it_says_something_else(made):
    waived(made, "2026-10-01T00:00:00Z")
    waived(made, "2026-10-02T00:00:00Z")
    waived(made, "2026-10-03T00:00:00Z", expires="2027-06-30")
    first, second = (stored.entry_id for stored, _ in made.records(Kind.WAIVER))
    assert [one["waivers"] for one in said(made, Kind.DECISION)] == [[first], [first], [second]]
    assert [one["expires"] for one in said(made, Kind.WAIVER)] == ["2026-12-31", "2027-06-30"]


def test_a_waiver_says_who_granted_and_reviewed_it_how_far_and_until_when(made):
    waived(made, "2026-10-01T00:00:00Z")
    (told,) = said(made, Kind.WAIVER)
    olga = made.people.pseudonym("olga")
    assert (told["granted_by"], told["reviewed_by"], told["review"], told["change"]) == (olga, olga, "7", "acme/shop#8")
    assert (told["ceiling"], told["why"], told["state"]) == ({"max_increase": "28%"}, "sharper", "granted")


def test_a_waiver_that_is_not_used_is_no_record(made):
    made.append(decision(), Basis(BASIS.texts, (waiver(),)))
    assert said(made, Kind.WAIVER) == []


def test_an_approval_that_let_a_soft_rule_through_is_an_override(made):
    entry = made.append(decision(finding(approvals=(approval(),), **LET)), BASIS)
    (told,) = said(made, Kind.OVERRIDE)
    assert (told["decision"], told["rule"], told["review"]) == (entry, "p/r", "41")
    assert kinds(made)[-2:] == ["decision", "override"]


def test_a_calibration_is_written_once_with_what_was_signed(made):
    profile, sealed = b'{"version":1}', b'{"payload":"..."}'
    evidence = changed()
    known = {"profile": digest(profile), "signer": "ed25519:x", "resolution": "tells 3% apart in 20 s"}
    evidence = evidence.model_copy(update={"runner": evidence.runner.model_copy(update=known)})
    for at in ("2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"):
        made.append(decision(evidence=evidence, at=at), Basis(BASIS.texts, profile=profile, sealed=sealed))
    (told,) = said(made, Kind.CALIBRATION)
    assert (made._store.body(told["profile"]), made._store.body(told["sealed"])) == (profile, sealed)
    assert (told["signer"], said(made, Kind.MEASUREMENT)[1]["profile"]) == ("ed25519:x", told["profile"])


LONG = "a long word and another one " * 200


def test_two_hundred_rules_with_long_messages_fit_and_are_counted(made):
    rules = [finding(Outcome.FAILED, rule=f"rule-{number}", message=LONG) for number in range(200)]
    entry = made.append(decision(*rules, finding(rule="fine"), notes=(LONG,) * 300, problem=LONG), BASIS)
    (told,) = said(made, Kind.DECISION)
    assert (len(told["findings"]) + told["more_findings"], told["passed"]) == (200, 1)
    assert "(cut: 5,600 characters)" in told["problem"]
    assert told["notes"][-1] == f"and {300 - len(told['notes']) + 1:,} more"
    assert len(made.find(entry).decision.verdict.findings) == 201
    assert max(len(stored.leaf) for stored in made._store.entries()) <= MOST_BYTES


def test_many_figures_of_ones_own_are_cut_with_a_count(made):
    found = changed()
    own = found.candidate.figures | {
        f"quality.q{number}": found.candidate.figures["energy_per_1k_inferences"] for number in range(900)
    }
    found = found.model_copy(update={"candidate": found.candidate.model_copy(update={"figures": own})})
    made.append(decision(evidence=found), BASIS)
    (told,) = said(made, Kind.MEASUREMENT)
    kept = len(told["candidate"]["figures"])
    assert told["candidate"]["missing"]["… figures"] == f"{901 - kept} more stand in the evidence"


def test_what_cannot_be_cut_is_refused_in_words(made):
    with pytest.raises(HistoryError, match=r"a record of a measurement takes 7\d,\d{3} bytes") as refused:
        made.append(decision(name="x" * 70_000), BASIS)
    assert "shorter names" in refused.value.hint
    assert kinds(made) == []


def test_an_entry_of_another_kind_is_no_decision(made):
    made.append(decision(), BASIS)
    other = next(made._store.entries()).entry_id
    with pytest.raises(UsageError, match="is of another kind \\(policy\\), and a decision is meant"):
        made.find(other[:20])
    assert made.beginning(other[:20]) == []


def test_questions_about_decisions_pass_over_other_kinds(made):
    entries = [made.append(decision(name=name), BASIS) for name in ("nlp/x", "nlp/y", "nlp/x")]
    assert [one.entry_id for one in made.about("nlp/x")] == [entries[2]]
    assert [one.decision.model for one in made.newest_first()] == ["nlp/y", "nlp/x"]
    assert made.find("last").decision.model == "nlp/y"


def first_version(one):
    """A decision as the first version wrote it: the verdict inside, the evidence beside."""
    body = encode(one.evidence.model_dump(mode="json"))
    predicate = {
        "model": one.model, "taken_at": one.taken_at, "greengate": one.version, "outcome": str(one.verdict.outcome),
        "verdict": one.verdict.model_dump(mode="json"), "policies": [list(each) for each in one.policies],
        "evidence": digest(body), "commit": one.commit, "problem": one.problem, "notes": list(one.notes),
        "check": one.check, "change": one.change.model_dump(mode="json"), "preview": list(one.preview),
    }  # fmt: skip
    leaf = {
        "_type": STATEMENT, "predicateType": "urn:greengate:decision:v1", "predicate": predicate,
        "subject": [{"name": one.path, "digest": {"sha256": one.sha256}}],
    }  # fmt: skip
    return encode(leaf), body


def test_decisions_of_the_first_version_are_read(made):
    one = decision(finding(Outcome.FAILED), notes=("old",))
    leaf, body = first_version(one)
    made._store.append(leaf, {digest(body): body})
    (record,) = made.of_change("acme/shop#1")
    assert (record.decision, made.newest_at()) == (one, one.taken_at)


def test_lines_of_the_first_version_are_read(made):
    leaf, body = first_version(decision())
    text = json.dumps({"entry": digest(leaf), "statement": json.loads(leaf), "evidence": json.loads(body)})
    (line,) = lines.read(text.encode(), "e.jsonl")
    made.keep(line)
    assert made.find("last").entry_id == digest(leaf)


def test_a_clock_that_went_back_is_told(made):
    made.append(decision(at="2026-10-05T00:00:00Z"), BASIS)
    assert made.behind("2026-10-05T00:00:00Z") == ""
    assert made.behind("2026-10-04T00:00:00Z").endswith(
        "the newest entry of the history is of 2026-10-05T00:00:00Z: one is wrong"
    )
