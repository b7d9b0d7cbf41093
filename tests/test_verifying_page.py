"""The page from which a third party writes a verifier: its bytes are real, and its verifier verifies."""

import json
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from contextlib import closing
from pathlib import Path

import pytest
from closed_made import Quarter
from signed_made import AT, ORIGIN, Held, leaf, notary, signed, stored

from greengate.ledger import checkpoints, exports, merkle, proving, sign_offs
from greengate.ledger.canonical import digest
from greengate.ledger.exports import Export
from greengate.ledger.inspection import of_export
from greengate.ledger.notes import Verifier
from greengate.ledger.receipts import Receipt
from greengate.ledger.signing import IN_TOTO
from greengate.records import Delivered, SignedOff

PAGE = (Path(__file__).parent.parent / "docs" / "verifying.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(SCRIPT,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(KEY,) = {found[0] for found in re.finditer(r"example\.com/greengate\+[0-9a-f]{8}\+\S+=*", PAGE)}
KNOWN = [Verifier.parse(KEY)]


def block(beginning):
    (found,) = [one for one in BLOCKS if one.startswith(beginning)]
    return found.encode()


@pytest.fixture
def page(tmp_path):
    (tmp_path / "verify.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "export.jsonl").write_bytes(block('{"form"'))
    (tmp_path / "r.tlog-proof").write_bytes(block("c2sp.org/tlog-proof@v1\n"))
    (tmp_path / "leaf").write_bytes(leaf(1))
    return tmp_path


def says(folder, *words):
    told = [sys.executable, "-I", folder / "verify.py", KEY, *words]
    done = subprocess.run(told, capture_output=True, text=True, check=False, cwd=folder)
    return done.stdout.strip(), done.returncode


def test_the_export_of_the_page_is_sound_and_is_what_we_write(page):
    assert of_export(page / "export.jsonl", [], KNOWN).faults == []
    entries = list(Export(page / "export.jsonl").entries())
    note = Export(page / "export.jsonl").foot.checkpoint
    assert b"".join(exports.lines(entries, ORIGIN, note)) == block('{"form"')


def test_the_checkpoint_and_the_receipt_of_the_page_hold(page):
    assert checkpoints.opened(block(f"{ORIGIN}\n3\n"), KNOWN).checkpoint.size == 3
    Receipt.parse(block("c2sp.org/tlog-proof@v1\n")).proves(leaf(1), KNOWN)


def test_every_hash_of_the_page_is_the_right_one(page):
    hashes = [merkle.leaf_hash(one.leaf) for one in Export(page / "export.jsonl").entries()]
    both = merkle.node_hash(*hashes[:2])
    right = [*hashes, both, merkle.node_hash(both, hashes[2])]
    assert re.findall(r"\| `([0-9a-f]{64})` \|", PAGE) == [one.hex() for one in right]


def test_the_pages_verifier_says_what_the_page_says(page):
    assert says(page, "export", "export.jsonl") == ("3 entries hold", 0)
    assert says(page, "receipt", "r.tlog-proof", "leaf") == ("entry 1 of 3 holds", 0)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("export.jsonl", b'"index":1', b'"index":2'),
        ("export.jsonl", b'"leaf":"eyJ', b'"leaf":"eyK'),
        ("export.jsonl", b'"size":3', b'"size":2'),
        ("export.jsonl", b"\\n3\\n", b"\\n2\\n"),
        ("r.tlog-proof", b"index 1", b"index 0"),
        ("r.tlog-proof", b"wNUU", b"wNUV"),
        ("leaf", b"m1", b"m2"),
    ],
)
def test_the_pages_verifier_refuses_what_was_edited(page, file, old, new):
    (page / file).write_bytes((page / file).read_bytes().replace(old, new, 1))
    words = ("export", "export.jsonl") if file == "export.jsonl" else ("receipt", "r.tlog-proof", "leaf")
    assert says(page, *words) == ("", 1)


def test_the_pages_verifier_holds_a_larger_ledger_against_what_was_kept(page):
    with closing(signed(page, 20)) as store:
        (page / "older").write_bytes(store.checkpoint()[1])
        store.append_all([(leaf(number), None) for number in range(20, 33)])
        note = notary(store).sign(AT).note
        (page / "e").write_bytes(b"".join(exports.lines(store.entries(), ORIGIN, note)))
        (page / "r").write_bytes(bytes(proving.receipt(store, store.stored(33), note)))
    (page / "l").write_bytes(leaf(32))
    assert says(page, "export", "e", "older") == ("34 entries hold", 0)
    assert says(page, "receipt", "r", "l") == ("entry 33 of 34 holds", 0)
    forked = stored([leaf(number) for number in range(100, 134)])
    (page / "e").write_bytes(b"".join(exports.lines(forked, ORIGIN, note)))
    assert says(page, "export", "e", "older") == ("", 1)


SAID = SignedOff(at="2026-10-13T09:00:00Z", period="2026-Q3", report=digest(b"{}"), role="approved",
                 by="person:0123456789abcdef0123456789abcdef")  # fmt: skip
REPORT = Delivered(at="2026-10-12T08:00:00Z", period="2026-Q3", view="as-reported", size=3, sha256=SAID.report,
                   root="QMcSKyM1bmpiTLX4CYrz8ss8VqTtBQOAch+1bI7hA7o=", status="closed")  # fmt: skip


def test_the_sign_off_of_the_page_is_what_is_signed():
    payload = sign_offs.payload(SAID, REPORT, ORIGIN)
    envelope = json.loads(b64decode(sign_offs.signed(SAID, REPORT, ORIGIN, Held(1)).signature))
    assert block('{"_type"') == payload + b"\n"
    assert block("cbjB").decode().strip() == envelope["signatures"][0]["sig"]
    assert block("DSSEv1").startswith(b"DSSEv1 %d %s " % (len(envelope["payloadType"]), IN_TOTO.encode()))


@pytest.fixture
def signed_off(page):
    """The export of a ledger whose quarter somebody signed with the key of the page."""
    quarter = Quarter(page / "h.db")
    quarter.signed(signer=Held(1), by="cfo")
    quarter.signed("reviewed", "ben")
    lines = exports.lines(quarter.store.entries(), "", None)
    (page / "e").write_bytes(b"".join(lines))
    quarter.store.close()
    return page


def test_the_pages_verifier_checks_who_signed_off(signed_off):
    assert says(signed_off, "sign-offs", "e") == ("2026-Q3 prepared by cfo holds", 0)
    assert says(signed_off, "sign-offs", "export.jsonl") == ("this key has signed nothing", 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [("prepared", "approved"), ('"by":"cfo"', '"by":"ceo"'), ("10-22T08", "10-21T08"), ('"level":""', '"level":"x"')],
)
def test_the_pages_verifier_refuses_an_edited_sign_off(signed_off, old, new):
    lines = [json.loads(line) for line in (signed_off / "e").read_bytes().splitlines()]
    leaf = b64decode(lines[-3]["leaf"]).decode()
    lines[-3]["leaf"] = b64encode(leaf.replace(old, new, 1).encode()).decode()
    (signed_off / "e").write_bytes(b"\n".join(json.dumps(line).encode() for line in lines))
    assert says(signed_off, "sign-offs", "e") == ("", 1)


def test_the_pages_verifier_refuses_other_entries_than_those_signed(signed_off):
    lines = (signed_off / "e").read_bytes().splitlines()
    (signed_off / "e").write_bytes(b"\n".join([lines[0], *lines[2:]]))
    assert says(signed_off, "sign-offs", "e") == ("", 1)


def test_the_key_of_the_page_is_the_one_that_it_says():
    assert str(Held(1).verifier) == KEY
