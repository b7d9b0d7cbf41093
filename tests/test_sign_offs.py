"""A sign-off is signed by a person's own key; whatever is edited, swapped or cut short afterwards is found."""

import json
from base64 import b64decode, b64encode

import pytest
from closed_made import BEN, CFO, OLGA, Quarter, pins
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quarter_made import table
from signed_made import AT, ORIGIN, Held, notary, stored
from signed_made import made as ledger_of

from greengate import quarters, signatures
from greengate.errors import HistoryError, UsageError
from greengate.esg.company import NOBODY, Said
from greengate.identities import People
from greengate.ledger.audit import audit
from greengate.ledger.canonical import encode
from greengate.ledger.notes import Verifier
from greengate.ledger.sign_offs import SignOffs, public, signed
from greengate.ledger.signing import Refused
from greengate.quarters import Wanted
from greengate.records import Delivered, statement

ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
OF_OLGA = pins(olga=OLGA, cfo=CFO)


@pytest.fixture
def quarter(tmp_path):
    found = Quarter(tmp_path / "h.db")
    yield found
    found.store.close()


def held(quarter, *records, said=NOBODY):
    """What is told of the signatures of some sign-offs."""
    return [one.words for one in signatures.told(quarter.store, said, quarters.delivered(quarter.store), records)]


def faults(quarter, *more):
    """What an audit finds in the ledger with some more records in it."""
    leaves = [one.leaf for one in quarter.store.entries()]
    return audit(stored([*leaves, *(encode(statement(one, "x", one.report)) for one in more)]), []).faults


def test_a_signature_binds_all_that_the_record_and_the_report_say(quarter):
    record = quarter.signed(role="prepared", words="as far as I know")
    sealed = json.loads(b64decode(record.signature))
    evidence = quarter.closed.evidence
    assert json.loads(b64decode(sealed["payload"])) == {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "urn:greengate:signed-report:v1",
        "subject": [{"name": "period/2026-Q3", "digest": {"sha256": record.report}}],
        "predicate": {
            "at": "2026-10-22T08:00:00Z", "by": record.by, "level": "", "origin": "", "period": "2026-Q3",
            "role": "prepared", "root": evidence.root, "size": evidence.size, "view": "as-reported",
            "words": "as far as I know",
        },
    }  # fmt: skip


def test_nobody_is_named_in_what_is_signed(quarter):
    record = quarter.signed(words="asked by @ben")
    payload = b64decode(json.loads(b64decode(record.signature))["payload"])
    assert not any(name in payload for name in (b"olga", b"ben"))
    assert payload.count(b"person:") == 2


@pytest.mark.parametrize(
    ("signer", "said", "words"),
    [
        pytest.param(None, NOBODY, "no", id="not at all"),
        pytest.param(OLGA, NOBODY, "by a key that report.yaml does not name", id="nothing is pinned"),
        pytest.param(OLGA, OF_OLGA, "by a key that report.yaml names", id="pinned"),
        pytest.param(CFO, OF_OLGA, "WRONG: report.yaml names its key for somebody else", id="another's"),
        pytest.param(BEN, OF_OLGA, "by a key that report.yaml does not name", id="a key of her own that is not pinned"),
    ],
)
def test_whose_key_signed_is_told(quarter, signer, said, words):
    assert held(quarter, quarter.signed(signer=signer), said=said) == [words]


def test_a_role_does_not_sign_with_the_key_of_somebody_who_was_forgotten(quarter):
    record = quarter.signed(by="ben")
    assert held(quarter, record, said=OF_OLGA) == ["WRONG: report.yaml names its key for somebody else"]


def test_a_pseudonym_that_was_given_to_another_is_found_by_the_key(quarter):
    record = quarter.signed(said=OF_OLGA)
    People(quarter.store).forget("@olga")
    quarter.store.remember(record.by, "mallory")
    assert held(quarter, record, said=OF_OLGA) == ["WRONG: report.yaml names its key for somebody else"]


def test_a_signature_holds_when_the_person_was_forgotten(quarter):
    record = quarter.signed(said=OF_OLGA)
    People(quarter.store).forget("@olga")
    assert held(quarter, record, said=OF_OLGA) == ["by a key that report.yaml names"]
    assert held(quarter, record, said=pins(**{record.by: OLGA})) == ["by a key that report.yaml names"]
    assert faults(quarter) == []


def test_the_ledgers_name_is_signed_where_it_has_one(quarter):
    notary(quarter.store).sign(AT)
    record = quarter.signed()
    assert ORIGIN in b64decode(json.loads(b64decode(record.signature))["payload"]).decode()
    assert (faults(quarter), held(quarter, record)) == ([], ["by a key that report.yaml does not name"])


def test_a_ledger_that_got_its_name_later_has_the_signature_all_the_same(quarter):
    record = quarter.signed()
    notary(quarter.store).sign(AT)
    assert held(quarter, record) == ["by a key that report.yaml does not name"]


def _sealed(record, **edits):
    sealed = json.loads(b64decode(record.signature))
    return b64encode(encode({**sealed, **edits})).decode()


def _cut(record):
    sealed = json.loads(b64decode(record.signature))
    sealed["signatures"][0]["sig"] = sealed["signatures"][0]["sig"][:40]
    return {"signature": b64encode(encode(sealed)).decode()}


def _reworded(record):
    payload = b64decode(json.loads(b64decode(record.signature))["payload"]).replace(b'"prepared"', b'"approved"')
    return {"role": "approved", "signature": _sealed(record, payload=b64encode(payload).decode())}


EDITS = {
    "the role": (lambda _: {"role": "approved"}, "what was signed says role 'prepared', and the record 'approved'"),
    "who": (lambda _: {"by": "cfo"}, "what was signed says by "),
    "the words": (lambda _: {"words": "w"}, "what was signed says words '', and the record 'w'"),
    "the time": (lambda _: {"at": AT}, "what was signed says at '2026-10-22T08:00:00Z', and the record"),
    "the level": (lambda _: {"level": "limited"}, "what was signed says level '', and the record 'limited'"),
    "the period": (lambda _: {"period": "2026-Q2"}, "no such report on 2026-Q2 was delivered before it"),
    "the report": (lambda _: {"report": "0" * 64}, "no such report on 2026-Q3 was delivered before it"),
    "the key": (lambda _: {"key": public(BEN.verifier)}, "it is signed by ed25519:"),
    "no key": (lambda _: {"key": ""}, "it has no key"),
    "no signature": (lambda _: {"signature": ""}, "it has a key and no signature"),
    "what was signed": (_reworded, "its signature does not fit: something in it was changed after it was signed"),
    "the signature, cut": (_cut, "its signature does not fit"),
    "the envelope, cut": (lambda one: {"signature": one.signature[:-400]}, "it is no JSON"),
    "no base64": (lambda _: {"signature": "?"}, "its signature is no base64"),
    "another type": (lambda one: {"signature": _sealed(one, payloadType="text/plain")}, "it holds 'text/plain'"),
    "nobody's": (lambda one: {"signature": _sealed(one, signatures=[])}, "nobody has signed it"),
}


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_no_bit_of_a_signature_can_be_another(sealed, at, bit):
    record, offs = sealed
    data = bytearray(b64decode(record.signature))
    data[at % len(data)] ^= 1 << bit
    edited = record.model_copy(update={"signature": b64encode(bytes(data)).decode()})
    with pytest.raises(Refused):
        offs.refuse_wrong(edited, "", ())


@pytest.fixture
def sealed(quarter):
    offs = SignOffs()
    (report,) = quarters.delivered(quarter.store)
    offs.deliver(report)
    return quarter.signed(), offs


def test_a_second_signature_in_an_envelope_is_one_too_many(quarter):
    record = quarter.signed()
    twice = json.loads(b64decode(record.signature))["signatures"] * 2
    edited = record.model_copy(update={"signature": _sealed(record, signatures=twice)})
    words = "WRONG: its envelope is written otherwise, or has more in it than one signature"
    assert held(quarter, edited) == [words]


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_record_is_found_by_report_and_audit(quarter, what):
    edit, words = EDITS[what]
    edited = (record := quarter.signed(said=OF_OLGA)).model_copy(update=edit(record))
    (told,) = held(quarter, edited, said=OF_OLGA)
    (fault,) = faults(quarter, edited)
    assert told.startswith(f"WRONG: {words}")
    assert f"({edited.role}), has a wrong signature: {words}" in fault


def test_a_report_that_rests_on_another_root_is_not_what_was_signed(quarter):
    record, (report,) = quarter.signed(), quarters.delivered(quarter.store)
    other = report.model_copy(update={"root": b64encode(bytes(32)).decode()})
    (told,) = signatures.told(quarter.store, NOBODY, [other], [record])
    assert told.words.startswith("WRONG: what was signed says root ")


def test_a_report_that_rests_on_other_entries_is_not_what_was_signed(quarter, tmp_path):
    record, reports = quarter.signed(), quarters.delivered(quarter.store)
    with ledger_of(tmp_path, 5, "other.db") as other:
        (told,) = signatures.told(other, NOBODY, reports, [record])
    assert told.words.startswith("WRONG: the first 3 entries have the root ")
    with ledger_of(tmp_path, 2, "short.db") as other:
        (told,) = signatures.told(other, NOBODY, reports, [record])
    assert told.words == "WRONG: the report rests on 3 entries, and the ledger has 2"


def test_a_report_that_is_told_twice_is_as_it_was_told_first(quarter):
    record, (report,) = quarter.signed(), quarters.delivered(quarter.store)
    quarter.wrote(report.model_copy(update={"size": 1, "at": AT}))
    assert held(quarter, record) == ["by a key that report.yaml does not name"]
    assert faults(quarter) == []


def test_one_key_stands_for_a_report_once(quarter):
    record, reviewed = quarter.signed(), quarter.signed("reviewed", "ben", BEN)
    with pytest.raises(UsageError, match="the same key has reviewed this report"):
        quarter.signed("approved", "ceo", BEN)
    other = reviewed.model_copy(update={"role": "approved", "key": "", "signature": ""})
    assert held(quarter, record, reviewed, other)[2] == "no"


def test_a_key_is_written_in_one_way_alone(quarter):
    record = quarter.signed()
    last = record.key[-2]
    other = f"{record.key[:-2]}{chr(ord(last) + 1)}="  # base64 of the same 32 bytes
    assert b64decode(other[8:]) == b64decode(record.key[8:])
    edited = record.model_copy(update={"key": other, "signature": _sealed(record, signatures=[
        {**json.loads(b64decode(record.signature))["signatures"][0], "keyid": other}])})  # fmt: skip
    (told,) = held(quarter, edited)
    assert told.startswith(f"WRONG: '{other}' is no public key")


def test_a_key_in_whose_name_anybody_can_sign_signs_nothing(quarter):
    nobody = Held(1)
    nobody.verifier = Verifier("x", bytes([1, *[0] * 31]))
    nobody.sign = lambda _: bytes([1, *[0] * 63])  # fits whatever is signed
    record = quarter.signed(signer=nobody)
    assert held(quarter, record) == ["WRONG: its key is of low order: anybody can sign in its name"]


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize(
    "y",
    [
        pytest.param(0, id="order 4"),
        pytest.param(1, id="the neutral one"),
        pytest.param(2**255 - 20, id="order 2"),
        pytest.param(int.from_bytes(bytes.fromhex(ORDER_8), "little"), id="order 8"),
        pytest.param(2**255 - 19 - int.from_bytes(bytes.fromhex(ORDER_8), "little"), id="order 8 too"),
        pytest.param(2**255 - 19, id="order 4, written otherwise"),
        pytest.param(2**255 - 18, id="the neutral one, written otherwise"),
    ],
)
def test_a_key_of_low_order_is_nobodys(y, sign):
    with pytest.raises(Refused, match="of low order: anybody can sign in its name"):
        Verifier.parse(str(Verifier("x", (y | sign << 255).to_bytes(32, "little"))))


def test_who_has_two_keys_stands_for_a_report_in_one_role(quarter):
    both = Said(signers={"@olga": (public(OLGA.verifier), public(BEN.verifier))})
    prepared, (report,) = quarter.signed(said=both), quarters.delivered(quarter.store)
    bare = prepared.model_copy(update={"role": "reviewed", "key": "", "signature": ""})
    reviewed = signed(bare, report, "", BEN)
    assert held(quarter, prepared, reviewed, said=both) == [
        "by a key that report.yaml names", "WRONG: the same person has prepared this report",
    ]  # fmt: skip
    assert held(quarter, reviewed, said=both) == ["by a key that report.yaml names"]


def test_the_ledgers_own_key_is_nobodys(quarter):
    notary(quarter.store, 7).sign(AT)
    with pytest.raises(UsageError, match="this is the key of the ledger itself, by which nobody stands for a report"):
        quarter.signed(signer=OLGA)


def test_a_signature_by_what_became_the_ledgers_key_is_wrong(quarter):
    record = quarter.signed()
    notary(quarter.store, 7).sign(AT)
    assert held(quarter, record) == ["WRONG: its key is the ledger's own, which is nobody's"]


def test_what_was_signed_for_another_ledger_is_told_and_no_fault(quarter):
    notary(quarter.store).sign(AT)
    quarter.signed()
    leaves = [one.leaf for one in quarter.store.entries() if b"urn:greengate:key:" not in one.leaf]
    found = audit(stored(leaves), [])
    assert found.faults == []
    assert f"it was signed for the ledger '{ORIGIN}'" in found.remarks[0]


@pytest.mark.parametrize(
    ("signer", "by", "words"),
    [
        pytest.param(None, "@olga", "report.yaml names a key for `@olga`, and nothing is signed", id="unsigned"),
        pytest.param(None, "olga", "report.yaml names a key for `@olga`, and nothing is signed", id="without an @"),
        pytest.param(None, "@Olga", "report.yaml names a key for `@olga`, and nothing is signed", id="in capitals"),
        pytest.param(None, "@CFO", "report.yaml names a key for `cfo`, and nothing is signed", id="a role as a person"),
        pytest.param(BEN, "olga", "report.yaml names another key for `@olga`", id="a new one without an @"),
        pytest.param(CFO, "@olga", "report.yaml names this key for `cfo`, and not for `@olga`", id="another's"),
        pytest.param(CFO, "ben", "report.yaml names this key for `cfo`, and not for `ben`", id="nobody's"),
        pytest.param(
            OLGA, "ben", "report.yaml names this key for `@olga`, and not for `ben`", id="who is not known yet"
        ),
        pytest.param(OLGA, "olga", "report.yaml names this key for `@olga`, and not for `olga`", id="a role's name"),
        pytest.param(BEN, "@olga", "report.yaml names another key for `@olga`", id="a new one"),
    ],
)
def test_a_key_that_is_not_theirs_is_refused(quarter, signer, by, words):
    with pytest.raises(UsageError, match=words):
        quarter.signed(by=by, signer=signer, said=OF_OLGA)
    assert quarters.sign_offs(quarter.store) == []


def test_a_report_that_does_not_rest_on_the_ledger_is_not_signed(quarter):
    (report,) = quarters.delivered(quarter.store)
    quarter.wrote(report.model_copy(update={"root": b64encode(bytes(32)).decode()}))
    with pytest.raises(HistoryError, match=r"the first 3 entries have the root .*, and the report has AAAA"):
        quarter.signed()


def test_a_report_whose_text_is_lost_is_not_signed(quarter):
    quarter.wrote(Delivered(at=AT, period="2026-Q3", view="as-restated", size=1, root="r", sha256="0" * 64,
                            status="restated"))  # fmt: skip
    with pytest.raises(HistoryError):
        quarter.signed()


def test_a_person_who_has_another_pseudonym_here_is_known_by_their_key(quarter):
    People(quarter.store).learn({f"person:{1:032x}": "olga", f"person:{2:032x}": "olga"})
    assert held(quarter, quarter.signed(said=OF_OLGA), said=OF_OLGA) == ["by a key that report.yaml names"]


def test_records_of_the_audit_that_cannot_be_read_are_told(quarter):
    leaf = encode({**statement(quarters.delivered(quarter.store)[0], "x", ""), "predicate": {"at": AT}})
    found = audit(stored([leaf]), [])
    assert (found.faults, found.remarks[0]) == (
        [], "entry 0 is of the kind urn:greengate:report:v1, and cannot be read by this greengate",
    )  # fmt: skip


def report(quarter, said=OF_OLGA):
    return quarters.made(quarter.store, Wanted("2026-Q3", quarter.NOW, said=said)).report


def test_a_report_tells_who_signed_and_how(quarter):
    record = quarter.signed(said=OF_OLGA)
    told = report(quarter)
    datum, (row,) = told.datum("sign_off.prepared"), table(told, "sign_off.all")
    assert (datum.value, datum.note) == (record.by, "signed by a key that report.yaml names")
    assert (row["signed"], row["key"]) == ("by a key that report.yaml names", record.key)
    assert told.value("sign_off.wrong") == "0"


def test_who_signed_wrongly_does_not_stand_for_a_report(quarter):
    quarter.wrote(quarter.signed().model_copy(update={"role": "reviewed", "by": "ben"}))
    told = report(quarter)
    datum = told.datum("sign_off.reviewed")
    assert (datum.value, datum.missing) == (None, "the signature of who did is wrong")
    assert told.value("sign_off.wrong") == "1"
    assert quarter.signed("reviewed", "ben", BEN).role == "reviewed"


def test_a_sign_off_that_was_made_up_later_takes_the_place_of_none(quarter):
    record = quarter.signed(said=OF_OLGA)
    quarter.wrote(record.model_copy(update={"by": "mallory", "key": "", "signature": ""}))
    assert report(quarter).value("sign_off.prepared") == record.by


def test_who_has_not_signed_with_a_key_still_may(quarter):
    quarter.signed(signer=None)
    record = quarter.signed(said=OF_OLGA)
    assert report(quarter).datum("sign_off.prepared").entries == (
        quarter.store.stored(quarter.store.size() - 1).entry_id,
    )
    with pytest.raises(UsageError, match="the report was prepared already"):
        quarter.signed(said=OF_OLGA)
    assert held(quarter, record) == ["by a key that report.yaml does not name"]
