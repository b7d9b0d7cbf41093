"""An independent verifier in Go (tests/verifier), which shares no code with us, over real ledgers and tampered ones."""

import json
import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from signed_made import AT, ORIGIN, Held, leaf, notary, signed, stored

from greengate.ledger import exports, proving

SOURCE = Path(__file__).parent / "verifier" / "main.go"
GOPATH = os.environ.get("GREENGATE_GOPATH", "/usr/share/gocode")
THERE = shutil.which("go") and Path(GOPATH, "src/golang.org/x/mod/sumdb/tlog").is_dir()
KEY = str(Held().verifier)
pytestmark = pytest.mark.skipif(
    not THERE and not os.environ.get("GREENGATE_CI"),
    reason="Go and golang.org/x/mod are not here: apt-get install golang-go golang-golang-x-mod-dev",
)


@pytest.fixture(scope="session")
def verifier(tmp_path_factory):
    made = tmp_path_factory.mktemp("verifier")
    offline = {"GO111MODULE": "off", "GOPATH": GOPATH, "GOFLAGS": "", "GOPROXY": "off", "CGO_ENABLED": "0"}
    environment = {**os.environ, **offline, "GOCACHE": os.environ.get("GOCACHE", str(made / "cache"))}
    subprocess.run(["go", "build", "-o", made / "verifier", SOURCE], check=True, env=environment)
    return made / "verifier"


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A ledger that was signed at 12 and at 30 entries, and what was written of it."""
    folder = tmp_path_factory.mktemp("world")
    with closing(signed(folder, 11)) as store:
        (folder / "older").write_bytes(store.checkpoint()[1])
        store.append_all([(leaf(number), None) for number in range(11, 29)])
        note = notary(store).sign(AT).note
        (folder / "newer").write_bytes(note)
        (folder / "growth").write_bytes(bytes(proving.growth(store, 12, note)))
        for index in (0, 7, 29):
            (folder / f"{index}.tlog-proof").write_bytes(bytes(proving.receipt(store, store.stored(index), note)))
            (folder / f"{index}.json").write_bytes(store.stored(index).leaf)
        (folder / "export").write_bytes(b"".join(exports.lines(store.entries(), ORIGIN, note)))
    return folder


def says(verifier, *words):
    done = subprocess.run([verifier, *words], capture_output=True, text=True, check=False)
    return done.stdout or done.stderr, done.returncode


def spoilt(folder, tmp_path, name, old, new):
    data = (folder / name).read_bytes()
    assert data.count(old) > 0
    (tmp_path / name).write_bytes(data.replace(old, new, 1))
    return tmp_path / name


def test_a_checkpoint_holds(verifier, world):
    assert says(verifier, "note", KEY, world / "newer") == (f"holds: {ORIGIN}, 30 entries\n", 0)


@pytest.mark.parametrize("index", [0, 7, 29])
def test_a_receipt_holds(verifier, world, index):
    words = ("receipt", KEY, world / f"{index}.tlog-proof", world / f"{index}.json")
    assert says(verifier, *words) == (f"holds: entry {index} of 30 of {ORIGIN}\n", 0)


def test_a_ledger_that_grew_holds(verifier, world):
    said = says(verifier, "growth", KEY, world / "older", world / "growth")
    assert said == ("holds: 30 entries follow from 12\n", 0)


def test_an_export_holds_against_itself_and_an_older_checkpoint(verifier, world):
    assert says(verifier, "export", KEY, world / "export", world / "older") == (f"holds: 30 entries of {ORIGIN}\n", 0)


@pytest.mark.parametrize(
    ("words", "old", "new"),
    [
        (("note", "newer"), b"\n30\n", b"\n31\n"),
        (("note", "newer"), b"example.com/greengate\n30", b"example.com/greengato\n30"),
        (("receipt", "7.tlog-proof", "7.json"), b"index 7", b"index 6"),
        (("receipt", "7.json", "7.tlog-proof"), b"m7", b"m8"),
        (("growth", "older", "growth"), b"\n12\n", b"\n13\n"),
        (("growth", "growth", "older"), b"old 12", b"old 11"),
        (("export", "export"), b'"index":4', b'"index":5'),
        (("export", "export"), b'"size":30', b'"size":29'),
        (("export", "export"), b'"leaf":"eyJfd', b'"leaf":"eyJfe'),
    ],
    ids=[
        "size", "origin", "index", "leaf", "older checkpoint", "older size", "an index", "last line", "a leaf",
    ],
)  # fmt: skip
def test_what_was_edited_does_not_hold(verifier, world, tmp_path, words, old, new):
    command, edited, *others = words
    files = {edited: spoilt(world, tmp_path, edited, old, new), **{name: world / name for name in others}}
    order = {"receipt": ["7.tlog-proof", "7.json"], "growth": ["older", "growth"]}.get(command, [edited])
    told, code = says(verifier, command, KEY, *(files[name] for name in order))
    assert (told.startswith("does not hold: "), code) == (True, 1)


def test_another_key_does_not_hold(verifier, world):
    told, code = says(verifier, "note", str(Held(2).verifier), world / "newer")
    assert (told, code) == ("does not hold: note has no verifiable signatures\n", 1)


LEAVES = [leaf(number) for number in range(30)]


@pytest.mark.parametrize(
    "leaves",
    [
        LEAVES[:3] + LEAVES[4:],
        [*LEAVES[:3], leaf(99), *LEAVES[3:]],
        [*LEAVES[:3], LEAVES[4], LEAVES[3], *LEAVES[5:]],
        [*LEAVES[:3], leaf(99), *LEAVES[4:]],
        LEAVES[:20],
        [],
    ],
    ids=["deleted", "inserted", "swapped", "edited", "cut", "nothing"],
)
def test_an_export_that_was_made_up_anew_does_not_hold(verifier, world, tmp_path, leaves):
    note = json.loads((world / "export").read_bytes().splitlines()[-1])["checkpoint"].encode()
    (tmp_path / "export").write_bytes(b"".join(exports.lines(stored(leaves), ORIGIN, note)))
    told, code = says(verifier, "export", KEY, tmp_path / "export")
    assert (told.startswith("does not hold: "), code) == (True, 1)


def test_a_fork_by_the_ledgers_own_key_does_not_hold_against_what_was_kept(verifier, world, tmp_path):
    with closing(signed(tmp_path, 40, "fork.db")) as fork:
        data = b"".join(exports.lines(fork.entries(), ORIGIN, fork.checkpoint()[1]))
    (tmp_path / "export").write_bytes(data)
    assert says(verifier, "export", KEY, tmp_path / "export")[1] == 0
    told = says(verifier, "export", KEY, tmp_path / "export", world / "older")
    assert told == ("does not hold: the first 12 entries are not those that were signed\n", 1)
