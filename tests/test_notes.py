"""Signed notes, held against c2sp.org/signed-note and against what Go's own package says of them."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signed_made import Held

from greengate.ledger import notes
from greengate.ledger.notes import Verifier
from greengate.ledger.signing import Refused

# Of the documentation of golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAID = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
BY_PETER = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
BY_ENOCH = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
NOTE = f"{SAID}\n{BY_PETER}".encode()
MINE = Held()


def test_a_note_of_gos_documentation_holds():
    assert notes.parse(NOTE).signers([Verifier.parse(PETER)]) == (Verifier.parse(PETER),)
    assert notes.parse(NOTE).text == SAID


def test_a_verifier_key_is_written_as_it_was_read():
    assert str(Verifier.parse(PETER)) == PETER


def test_signatures_of_unknown_keys_are_ignored_and_kept():
    both = notes.parse(f"{SAID}\n{BY_ENOCH}{BY_PETER}".encode())
    assert both.signers([Verifier.parse(PETER)]) == (Verifier.parse(PETER),)
    assert bytes(both) == f"{SAID}\n{BY_ENOCH}{BY_PETER}".encode()


def test_a_note_that_nobody_known_has_signed_is_refused_with_their_names():
    with pytest.raises(Refused, match=r"signed by EnochRoot\+af0cfe78, and by no key that is known"):
        notes.parse(f"{SAID}\n{BY_ENOCH}".encode()).signers([Verifier.parse(PETER)])


def test_a_note_with_a_bad_signature_of_a_known_key_is_refused_whoever_else_has_signed():
    data = notes.signed(SAID, [MINE]) + BY_PETER.replace("x08go/Z", "x08go/Y").encode()
    with pytest.raises(Refused, match="the signature of PeterNeumann does not fit"):
        notes.parse(data).signers([MINE.verifier, Verifier.parse(PETER)])


def test_a_key_of_the_same_name_is_another_key():
    with pytest.raises(Refused, match="by no key that is known"):
        notes.parse(notes.signed(SAID, [MINE])).signers([Held(2).verifier])


@given(
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]) | st.just("\n")),
    st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True),
)
def test_what_was_signed_is_read_again(text, numbers):
    signers = [Held(number) for number in numbers]
    note = notes.parse(notes.signed(f"{text}\n", signers))
    assert (note.text, note.signers([one.verifier for one in signers])) == (
        f"{text}\n",
        tuple(one.verifier for one in signers),
    )


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_no_byte_of_a_note_can_be_another_one(place, other):
    data = bytearray(NOTE)
    data[place] ^= other
    with pytest.raises(Refused):
        notes.parse(bytes(data)).signers([Verifier.parse(PETER)])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is no signed note"),
        (SAID.encode(), "it is no signed note"),
        (f"{SAID}\n".encode(), "it is no signed note"),
        (NOTE[:-1], "it is no signed note"),
        (NOTE + b"\n", "it is no signed note"),
        (NOTE.replace(b"you", b"yo\t", 1), "there is a control character in it"),
        (NOTE.replace(b"\n", b"\r\n"), "there is a control character in it"),
        (b"\xff" + NOTE, "it is no UTF-8"),
        (NOTE.replace("— ".encode(), b"- "), "a line under the blank one is no signature"),
        (NOTE.replace(b"Neumann ", b"Neumann  "), "the signature of PeterNeumann is no base64"),
        (NOTE.replace(b"Neumann ", b"Neu+ann "), r"'PeterNeu\+ann' cannot be a key's name"),
        (f"{SAID}\n— PeterNeumann x08goA==\n".encode(), "the signature of PeterNeumann is too short"),
        (NOTE.replace(b"JnAM=", b"JnAN="), "no base64 in its usual form"),
        (f"{SAID}\n{BY_PETER * 101}".encode(), "more than 100 signatures"),
        (b"x" * 2**20 + NOTE, "bytes long, and a note has at most 1,048,576"),
    ],
    ids=[
        "empty", "no signatures", "an empty block", "no line break", "a line too many", "a tab", "Windows line breaks",
        "no UTF-8", "another dash", "two spaces", "a plus", "too short", "loose base64", "too many", "too long",
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused_with_words(data, words):
    with pytest.raises(Refused, match=words):
        notes.parse(data)


def test_sixteen_signatures_are_read():
    assert len(notes.parse(f"{SAID}\n{BY_PETER * 16}".encode()).signatures) == 16


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PeterNeumann", "is no verifier key"),
        (PETER.replace("c74f20a3", "C74F20A3"), "is no verifier key"),
        (PETER.replace("c74f20a3", "c74f20a4"), "is damaged: by its name and key, its id is c74f20a3"),
        (PETER.replace("ARpc", "AhpC"), "is no key for Ed25519"),
        (PETER[:-4], "is no key for Ed25519"),
        (PETER.replace("PeterNeumann", "Peter Neumann"), "cannot be a key's name"),
        (PETER.replace("PeterNeumann", ""), "cannot be a key's name"),
        (PETER.replace("PeterNeumann", "Peter\u00a0Neumann"), "cannot be a key's name"),
    ],
    ids=["a name", "capitals", "another id", "another kind", "cut", "a space", "no name", "a space of Unicode"],
)
def test_what_is_no_verifier_key_is_refused_with_words(text, words):
    with pytest.raises(Refused, match=words):
        Verifier.parse(text)


def test_the_id_of_a_key_is_that_of_the_specification():
    assert re.fullmatch(r"example\.com/greengate\+[0-9a-f]{8}\+AY[\w+/]+=*", str(MINE.verifier))
    assert len(base64.b64decode(str(MINE.verifier).rpartition("+")[2])) == 33


@pytest.mark.parametrize("text", ["", "no line break", "a tab\t\n"], ids=repr)
def test_what_no_note_can_say_is_not_signed(text):
    with pytest.raises(ValueError, match="ends in a line break"):
        notes.signed(text, [MINE])
