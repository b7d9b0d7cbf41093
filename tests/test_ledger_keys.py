"""The key of a ledger: where it is, which one stands for it from when on, and how it is changed."""

import base64
import json
import shlex
import sys

import pytest
from signed_made import AT, ORIGIN, Held, leaf, private

from greengate.errors import HistoryError, UsageError
from greengate.ledger import keys, reigns
from greengate.ledger.canonical import encode
from greengate.ledger.keys import Where
from greengate.ledger.reigns import Reigns

ONE, TWO, THREE = Held(1), Held(2), Held(3)
SIGNS = """
import base64, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
key = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
print(base64.b64encode(key.sign(sys.stdin.buffer.read())).decode())
"""


def asked(code, public=str(ONE.verifier)):
    """A key service: a program of Python."""
    return Where(command=shlex.join([sys.executable, "-c", code]), public=public)


def taken(*leaves):
    found = Reigns()
    return found, [words for index, one in enumerate(leaves) for words in found.take(index, one)]


FIRST = reigns.first(ONE.verifier, AT)
SECOND = reigns.changed(ONE, TWO.verifier, AT)


@pytest.mark.parametrize("way", ["file", "environment", "command"])
def test_a_key_signs_from_wherever_it_is(tmp_path, way):
    (tmp_path / "k.pem").write_bytes(private().pem())
    where = {
        "file": Where(file=str(tmp_path / "k.pem")),
        "environment": Where(pem=private().pem().decode()),
        "command": asked(SIGNS),
    }[way]
    signer = keys.signer(where, ORIGIN)
    assert (signer.verifier, signer.sign(b"data")) == (ONE.verifier, ONE.sign(b"data"))


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Where(), "no key is given"),
        (Where(file="a", pem="b"), "given by --key or GREENGATE_LEDGER_KEY_FILE and by GREENGATE_LEDGER_KEY"),
        (Where(file="/nowhere/k.pem"), "the key cannot be read: No such file or directory"),
        (Where(pem="nonsense"), "GREENGATE_LEDGER_KEY: it is no private key in PEM"),
        (Where(command="sign"), "nothing says whose signatures this command makes"),
        (Where(command="sign", public="nonsense"), "is no verifier key"),
        (Where(command="sign", public=str(Held(1, "other.example").verifier)), "it is a key of other.example"),
        (Where(command=" ", public=str(ONE.verifier)), "there is no command in it"),
    ],
    ids=["none", "two", "no file", "no key", "no public key", "a bad one", "another ledger's", "no command"],
)
def test_a_key_that_cannot_be_used_is_refused_with_words(where, words):
    with pytest.raises(UsageError, match=words):
        keys.signer(where, ORIGIN)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit('access\\x1b[31m denied')", r"it failed with 1: access \[31m denied"),
        ("print('not base64')", "what it prints is no base64"),
        ("print('AAAA')", "what it prints is no signature by example.com/greengate"),
        (SIGNS.replace("[1]", "[2]"), "what it prints is no signature by example.com/greengate"),
        (SIGNS + "sys.exit(3)", "it failed with 3"),
    ],
    ids=["failed", "no base64", "too short", "another key's", "signed and failed"],
)
def test_a_key_service_is_not_believed(code, words):
    with pytest.raises(HistoryError, match=words):
        keys.signer(asked(code), ORIGIN).sign(b"data")


def test_a_command_that_is_not_there_is_told():
    with pytest.raises(UsageError, match="`/nowhere/sign` cannot be run: No such file or directory"):
        keys.signer(Where(command="/nowhere/sign", public=str(ONE.verifier)), ORIGIN).sign(b"data")


def test_a_command_is_given_no_shell(tmp_path):
    where = Where(command=f"echo x; touch {tmp_path}/made", public=str(ONE.verifier))
    with pytest.raises(HistoryError):
        keys.signer(where, ORIGIN).sign(b"data")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("mode", "words"), [(0o600, ""), (0o640, "(mode 640)"), (0o604, "(mode 604)")])
def test_a_key_that_others_may_read_is_warned_of(tmp_path, mode, words):
    (tmp_path / "k.pem").write_bytes(private().pem())
    (tmp_path / "k.pem").chmod(mode)
    assert keys.exposed(Where(file=str(tmp_path / "k.pem"))).endswith(words)


def test_a_key_is_not_shown():
    assert "PRIVATE" not in repr(Where(pem=private().pem().decode()))


def test_the_first_key_introduces_itself():
    found, faults = taken(leaf(0), FIRST)
    assert ([(one.index, one.key, one.how) for one in found.all], faults) == ([(1, ONE.verifier, "first")], [])
    assert (found.over(1), found.over(2), found.origin) == (None, ONE.verifier, ORIGIN)


def test_a_key_is_followed_to_the_one_that_it_names():
    found, faults = taken(FIRST, SECOND, reigns.changed(TWO, THREE.verifier, AT))
    assert faults == []
    assert found.newest == THREE.verifier
    assert found.followed_from(ONE.verifier) == (ONE.verifier, TWO.verifier, THREE.verifier)
    assert found.followed_from(TWO.verifier) == (TWO.verifier, THREE.verifier)


def test_a_lost_key_is_not_followed():
    found, faults = taken(FIRST, reigns.lost(ONE.verifier, TWO.verifier, AT, "the disk burnt"))
    assert (found.all[1].how, found.all[1].why, faults) == ("lost", "the disk burnt", [])
    assert found.followed_from(ONE.verifier) == (ONE.verifier,)


def forged(record=SECOND, **changed):
    statement = json.loads(record)
    statement["predicate"] |= changed
    return encode(statement)


@pytest.mark.parametrize(
    ("leaves", "words"),
    [
        ([SECOND], "entry 0 is a key record that does not count: it names an older key, and the ledger had none"),
        ([FIRST, forged(FIRST, new=str(TWO.verifier))], "a key record that does not count: it does not follow"),
        ([FIRST, forged(new=str(THREE.verifier))], "the key before it has not signed it"),
        ([FIRST, forged(at="2026-01-01T00:00:00Z")], "the key before it has not signed it"),
        ([FIRST, forged(signature=base64.b64encode(THREE.sign(b"x")).decode())], "the key before it has not signed it"),
        ([FIRST, forged(signature="")], "the key before it has not signed it"),
        ([FIRST, forged(signature="?")], "its signature is no base64"),
        ([FIRST, reigns.changed(THREE, TWO.verifier, AT)], "it does not follow"),
        ([FIRST, reigns.changed(ONE, Held(2, "other.example").verifier, AT)], "it is a key of other.example"),
        ([FIRST, forged(new="nonsense")], "entry 1 is a key record that cannot be read"),
        ([FIRST, forged(new=7)], "entry 1 is a key record that cannot be read"),
        ([FIRST, b'{"predicateType":"urn:greengate:key:v1"}'], "entry 1 is a key record that cannot be read"),
    ],
    ids=[
        "no first", "a second first", "another new one", "another time", "another signature", "none and no reason",
        "no base64", "by a stranger", "another ledger's", "no key", "a number", "no record",
    ],
)  # fmt: skip
def test_a_key_record_that_does_not_follow_does_not_count(leaves, words):
    found, faults = taken(*leaves)
    assert len(found.all) == len(leaves) - 1
    assert words in faults[0]
