"""`greengate ledger`, as it is called."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledgers_made import policy
from signed_made import AT, ORIGIN, Held, leaf, made, notary, note_of, private, signed, stored

from greengate.cli import run
from greengate.ledger import checkpoints, exports, reigns, signing
from greengate.ledger.canonical import digest, encode
from greengate.ledger.receipts import Growth, Receipt
from greengate.ledger.store import Store
from greengate.records import PolicyVersion, statement

KEY = str(Held().verifier)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a ledger of six entries that was signed, its key, and another one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GREENGATE_HISTORY", "history.db")
    for number, name in ((1, "k.pem"), (2, "k2.pem")):
        signing.keep(private(number), Path(name))
    signed(tmp_path, 5).close()
    return tmp_path


def grown(*numbers, name="history.db"):
    with closing(Store(name)) as store:
        store.append_all([(leaf(number), None) for number in numbers])


def told(capsys, *words, code=0):
    assert run(["ledger", *words]) == code
    return capsys.readouterr()


# Keys


def test_a_key_is_made_and_its_verifier_key_printed_alone(folder, capsys):
    out = told(capsys, "key", "new", "new.pem", "--origin", "other.example").out
    assert out.startswith("other.example+")
    assert out.count("\n") == 1
    assert (folder / "new.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["k.pem", "--origin", ORIGIN], 2, "k.pem: there is such a file already"),
        (["nowhere/k.pem", "--origin", ORIGIN], 4, "cannot be written: No such file or directory"),
        (["x.pem", "--origin", "a b"], 2, "--origin: 'a b' cannot be a key's name"),
        (["x.pem", "--origin", ""], 2, "--origin: '' cannot be a key's name"),
    ],
    ids=["taken", "no folder", "a space", "no name"],
)
def test_a_key_that_cannot_be_made_is_told(folder, capsys, words, code, problem):
    assert problem in told(capsys, "key", "new", *words, code=code).err
    assert not (folder / "x.pem").exists()


def test_the_key_of_a_ledger_is_shown(folder, capsys):
    assert told(capsys, "key", "show").out == f"{KEY}\n"


def test_a_key_is_changed_and_the_new_one_signs_at_once(folder, capsys):
    out = told(capsys, "key", "rotate", "--key", "k.pem", "--to", "k2.pem", "--why", "every year").out
    assert out.startswith(f"the key of {ORIGIN} is {Held(2).verifier} from now on\nsigned with it: 7 entries, root ")
    assert "was replaced by" in told(capsys, "checkpoint", "--key", "k.pem", code=2).err
    assert told(capsys, "verify", "--verifier", KEY).out.splitlines()[-1].startswith("sound: 7 entries")


def test_a_key_is_changed_to_one_that_is_elsewhere(folder, capsys):
    out = told(capsys, "key", "rotate", "--key", "k.pem", "--to", str(Held(2).verifier)).out
    assert out == f"the key of {ORIGIN} is {Held(2).verifier} from now on\n"


def test_a_lost_key_is_told_by_everything_that_verifies(folder, capsys):
    assert told(capsys, "key", "rotate", "--lost", "--to", "k2.pem", "--why", "the disk burnt").out
    assert "which the one before it did not sign; it is said to be lost: the disk burnt" in told(capsys, "verify").out
    assert "NOT SOUND" in told(capsys, "verify", "--verifier", KEY, code=4).out
    assert "the one before it was lost: the disk burnt" in " ".join(told(capsys, "status").out.split())


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--lost", "--to", "k2.pem"], "--why: nothing says why the old key cannot sign"),
        (["--to", "k2.pem"], "the ledger's key: no key is given"),
        (["--key", "k2.pem", "--to", "k.pem"], "is not that of this ledger"),
        (["--key", "k.pem", "--to", "nowhere.pem"], "--to: `nowhere.pem` is no file and no verifier key"),
        (["--key", "k.pem", "--to", "k.pem"], "--to: this is the key that the ledger has"),
        (["--key", "k.pem", "--to", str(Held(2, "other.example").verifier)], "--to: it is a key of other.example"),
        (["--key", "k.pem", "--to", f"{KEY}x"], "--to: the key is no base64"),
    ],
    ids=["no reason", "no key", "another key", "no file", "the same", "another ledger's", "damaged"],
)
def test_a_change_of_keys_that_cannot_be_is_refused(folder, capsys, words, problem):
    assert problem in told(capsys, "key", "rotate", *words, code=2).err
    assert told(capsys, "key", "show").out == f"{KEY}\n"


# Checkpoints


def test_a_checkpoint_is_printed_and_nothing_else(folder, capsys):
    grown(9)
    out = told(capsys, "checkpoint", "--key", "k.pem")
    assert out.out.startswith(f"{ORIGIN}\n7\n")
    assert out.err == ""


def test_the_first_checkpoint_says_what_is_to_be_pinned(folder, capsys):
    grown(1, name="new.db")
    words = ["checkpoint", "--history", "new.db", "--key", "k.pem", "--origin", ORIGIN, "--out", "c"]
    out = told(capsys, *words)
    assert out.err == f"this ledger is {ORIGIN} from now on; its key is {KEY}\n"
    assert out.out.startswith("wrote c: 2 entries, root ")
    assert (folder / "c").read_bytes() == (folder / "new.db.checkpoint").read_bytes()


def test_a_key_by_the_environment_signs(folder, capsys, monkeypatch):
    monkeypatch.setenv("GREENGATE_LEDGER_KEY", private().pem().decode())
    assert told(capsys, "checkpoint").out.startswith(f"{ORIGIN}\n6\n")


def test_a_key_that_others_may_read_is_warned_of(folder, capsys):
    (folder / "k.pem").chmod(0o644)
    assert told(capsys, "checkpoint", "--key", "k.pem").err == (
        "warning: k.pem: others than its owner may read this key (mode 644): chmod 600 k.pem\n"
    )


def test_a_restored_backup_is_not_signed(folder, capsys):
    shutil.copy("history.db", "backup.db")
    grown(8)
    told(capsys, "checkpoint", "--key", "k.pem")
    shutil.copy("backup.db", "history.db")
    error = told(capsys, "checkpoint", "--key", "k.pem", code=4).err
    assert "history.db.checkpoint: 7 entries, root " in error
    assert ", were signed, and history.db has 6 entries, root " in error


def test_a_lost_file_of_the_last_checkpoint_is_begun_again_on_demand(folder, capsys):
    (folder / "history.db.checkpoint").unlink()
    error = told(capsys, "checkpoint", "--key", "k.pem", code=2).err
    assert "`greengate ledger checkpoint --new-witness` begins it anew" in error
    assert told(capsys, "checkpoint", "--key", "k.pem", "--new-witness").out
    assert (folder / "history.db.checkpoint").is_file()


def test_a_ledger_that_is_not_there_is_told(folder, capsys):
    for words in (["status"], ["verify"], ["checkpoint"], ["prove", "last"], ["export"], ["key", "show"]):
        assert "there is no history here yet" in told(capsys, *words, "--history", "nowhere.db", code=2).err
    assert not (folder / "nowhere.db").exists()


# Receipts


def test_a_receipt_is_printed_or_written(folder, capsys):
    out = told(capsys, "prove", "last").out
    told(capsys, "prove", "last", "--out", "r.tlog-proof")
    assert (folder / "r.tlog-proof").read_text() == out
    assert Receipt.parse(out.encode()).index == 5


def test_several_receipts_go_into_a_folder_with_the_bytes_that_they_are_of(folder, capsys):
    ids = [digest(leaf(number)) for number in (0, 3)]
    assert told(capsys, "prove", *ids, ids[0], "--out", "receipts").out == "wrote 2 receipts into receipts\n"
    for name in (one[:12] for one in ids):
        proof = Receipt.parse((folder / "receipts" / f"{name}.tlog-proof").read_bytes())
        proof.proves((folder / "receipts" / f"{name}.json").read_bytes(), [Held().verifier])
    assert (folder / "receipts" / "checkpoint").read_bytes() == (folder / "history.db.checkpoint").read_bytes()


def test_with_a_key_the_ledger_is_signed_first(folder, capsys):
    grown(9)
    assert (
        "entry 6 came after the newest checkpoint, which is of 6 entries" in told(capsys, "prove", "last", code=4).err
    )
    proof = Receipt.parse(told(capsys, "prove", "last", "--key", "k.pem").out.encode())
    assert proof.proves(leaf(9), [Held().verifier]).checkpoint.size == 7


def test_what_follows_an_older_checkpoint_is_proved(folder, capsys):
    earlier = (folder / "history.db.checkpoint").read_bytes()
    grown(8, 9)
    growth = Growth.parse(told(capsys, "prove", "--from", "6", "--key", "k.pem").out.encode())
    assert growth.proves(checkpoints.read(earlier)[0], [Held().verifier]).checkpoint.size == 8


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "either entries are proved, or what follows a checkpoint"),
        (["last", "--from", "3"], "either entries are proved, or what follows a checkpoint"),
        (["zz"], "no entries begin with `zz`"),
        (["last", "last", "ff"], "--out: several receipts need a folder"),
        (["--from", "7"], "--from: found 7, expected 1 to 6"),
        (["--from", "0"], "--from: found 0, expected 1 to 6"),
    ],
    ids=["nothing", "both", "no entry", "no folder", "too new", "nothing yet"],
)
def test_what_cannot_be_proved_is_told(folder, capsys, words, problem):
    assert problem in told(capsys, "prove", *words, code=2).err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["ledger", "prove", "last"], "empty.db: the ledger has no entries yet"),
        (["history"], "error: the history has no entries yet"),
        (["history", "--model", "m"], "error: the history holds no entry of `m`"),
    ],
)
def test_an_empty_ledger_is_called_empty(folder, capsys, words, problem):
    Store(folder / "empty.db").close()
    assert run([*words, "--history", "empty.db"]) == 2
    assert problem in capsys.readouterr().err


def test_a_ledger_that_nobody_has_signed_proves_nothing(folder, capsys):
    grown(1, name="new.db")
    error = told(capsys, "prove", "last", "--history", "new.db", code=2).err
    assert "nobody has signed this ledger yet, so that nothing can be proved" in error


# Verify


def test_a_sound_ledger_is_told_with_all_that_holds(folder, capsys):
    told(capsys, "prove", "last", "--out", "r.tlog-proof")
    out = told(capsys, "verify", "--verifier", KEY, "--checkpoint", "r.tlog-proof").out.splitlines()
    assert out[:3] == [
        "holds: r.tlog-proof, 6 entries",
        "holds: history.db.checkpoint, 6 entries",
        "holds: the ledger's own checkpoint, 6 entries",
    ]
    assert out[3].startswith("sound: 6 entries, root ")


def test_it_is_told_as_json_too(folder, capsys):
    found = json.loads(told(capsys, "verify", "--json").out)
    assert (found["sound"], found["size"], found["origin"], found["keys"], found["faults"]) == (
        True,
        6,
        ORIGIN,
        [KEY],
        [],
    )


def edited(name, statement):
    with closing(sqlite3.connect(name)) as connection:
        guards = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for guard in guards:
            connection.execute(f"DROP TRIGGER {guard}")
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET leaf = x'7b7d' WHERE idx = 2",
        "DELETE FROM ledger_entry WHERE idx = 3",
        "DELETE FROM ledger_entry WHERE idx = 5",
        "UPDATE ledger_entry SET entry_id = 'x' WHERE idx = 1",
        "UPDATE ledger_checkpoint SET note = x'00'",
        "UPDATE ledger_head SET size = 4, marked = 4",
    ],
)
def test_an_edited_database_is_not_sound(folder, capsys, statement):
    edited("history.db", statement)
    assert "NOT SOUND" in told(capsys, "verify", code=4).out


@pytest.mark.parametrize("file", ["nowhere", "k.pem"])
def test_a_checkpoint_that_is_none_is_refused(folder, capsys, file):
    assert f"error: {file}: " in told(capsys, "verify", "--checkpoint", file, code=2).err


def test_a_verifier_key_that_is_none_is_refused(folder, capsys):
    assert "--verifier: `x` is no verifier key" in told(capsys, "verify", "--verifier", "x", code=2).err


def test_a_receipt_from_another_ledger_is_a_fault(folder, capsys):
    other = made(folder, 3, "other.db")
    notary(other, origin="other.example").sign(AT)
    other.close()
    told(capsys, "prove", "last", "--history", "other.db", "--out", "r.tlog-proof")
    out = told(capsys, "verify", "--checkpoint", "r.tlog-proof", code=4).out
    assert f"r.tlog-proof: it is of other.example, and this ledger is {ORIGIN}" in out


# Status


def test_the_state_of_a_ledger_is_told(folder, capsys):
    grown(8)
    out = told(capsys, "status").out
    assert out.startswith("ledger history.db\n  entries      7\n  root         ")
    assert "  checkpoint   of 6 entries; 1 came since\n" in out
    assert out.endswith(f"  from         {AT}\n  to           {AT}\n  key          1\n  retirement   6\n")


def test_the_state_is_told_as_json_too(folder, capsys):
    found = json.loads(told(capsys, "status", "--json").out)
    assert (found["size"], found["since"], found["kinds"]) == (6, 0, {"key": 1, "retirement": 5})
    assert found["keys"] == [{"key": KEY, "entry": 5, "how": "first", "at": AT, "why": ""}]


def test_a_ledger_without_entries_has_a_state_too(folder, capsys):
    Store("empty.db").close()
    out = told(capsys, "status", "--history", "empty.db").out
    assert "  entries      0\n" in out
    assert "none: no key has signed this ledger yet" in out
    assert told(capsys, "verify", "--history", "empty.db").out.endswith("sound: 0 entries, root none\n")


# Export and import


def test_a_ledger_moves_by_an_export(folder, capsys):
    assert told(capsys, "export", "--out", "e.jsonl").out == "wrote e.jsonl: 6 entries\n"
    assert told(capsys, "import", "e.jsonl", "--history", "new.db").out == "6 entries were written\n"
    with closing(Store("history.db")) as one, closing(Store("new.db")) as other:
        assert (one.head(), one.checkpoint()) == (other.head(), other.checkpoint())


def test_a_ledger_moves_to_a_server_and_is_signed_there(folder, capsys, postgres):
    place = postgres.schema()
    told(capsys, "export", "--out", "e.jsonl")
    assert told(capsys, "import", "e.jsonl", "--history", place).out == "6 entries were written\n"
    assert "sound: 6 entries" in told(capsys, "verify", "--history", place, "--verifier", KEY).out
    words = ["checkpoint", "--history", place, "--key", "k.pem"]
    assert "nothing says where the last checkpoint is kept outside this database" in told(capsys, *words, code=2).err
    assert told(capsys, *words, "--witness", "history.db.checkpoint").out.startswith(f"{ORIGIN}\n6\n")


def test_what_is_wrong_beyond_the_first_hundred_is_counted(folder, capsys):
    with Store("many.db") as store:
        policies = [PolicyVersion(at=AT, name="p", sha256=f"{number:064x}") for number in range(150)]
        store.append_all([(encode(statement(one, "p", one.sha256)), None) for one in policies])
    told_ = told(capsys, "verify", "--history", "many.db", code=4).out
    assert told_.count("which is missing") == 100
    assert "\nand 50 more\n" in told_


@pytest.fixture
def signed_meanwhile(folder, monkeypatch):
    """Somebody appends and signs once a command begins to read the entries."""
    entries = Store.entries

    def meanwhile(store, *bounds):
        monkeypatch.setattr(Store, "entries", entries)
        with Store("history.db") as other:
            other.append(leaf(9))
            notary(other).sign(AT)
        return entries(store, *bounds)

    monkeypatch.setattr(Store, "entries", meanwhile)


@pytest.mark.usefixtures("signed_meanwhile")
def test_an_export_while_the_ledger_is_signed_anew_is_sound(capsys):
    assert told(capsys, "export", "--out", "e.jsonl").out == "wrote e.jsonl: 6 entries\n"
    assert "sound: 6 entries" in told(capsys, "verify", "--export", "e.jsonl").out


@pytest.mark.usefixtures("signed_meanwhile")
def test_the_status_while_the_ledger_is_signed_anew_is_of_one_moment(capsys):
    assert "of 6 entries; none came since\n" in told(capsys, "status").out


def test_an_export_again_brings_what_is_new(folder, capsys):
    told(capsys, "export", "--out", "e.jsonl")
    told(capsys, "import", "e.jsonl", "--history", "new.db")
    out = told(capsys, "import", "e.jsonl", "--history", "new.db").out
    assert out == "no new entry: 6 stood there already, with all evidence of the file beside them now\n"
    told(capsys, "key", "rotate", "--key", "k.pem", "--to", "k2.pem")
    told(capsys, "export", "--out", "e.jsonl")
    out = told(capsys, "import", "e.jsonl", "--history", "new.db").out
    assert out == "1 entry was written, 6 stood there already\n"
    assert told(capsys, "key", "show", "--history", "new.db").out == f"{Held(2).verifier}\n"


def gone_on(*leaves, key=None, name="forged.jsonl"):
    """Write an export that goes on after this ledger with other entries, and is signed by whoever has a key."""
    with closing(Store("history.db")) as store:
        every = [stored.leaf for stored in store.entries()] + [*leaves]
    note = note_of(every, key or Held())
    Path(name).write_bytes(b"".join(exports.lines(stored(every), ORIGIN, note)))
    return name


def test_a_key_that_the_ledgers_own_has_not_signed_does_not_come_along(folder, capsys):
    taken = reigns.lost(Held(1).verifier, Held(2).verifier, AT, "lost, says a stranger")
    file = gone_on(taken, key=Held(2))
    problem = f"it goes on with the key {Held(2).verifier}, and {KEY}, which is this ledger's, did not sign that"
    assert problem in told(capsys, "import", file, code=4).err
    assert told(capsys, "key", "show").out == f"{KEY}\n"
    assert told(capsys, "import", file, "--history", "empty.db").out == "7 entries were written\n"


@pytest.mark.parametrize(
    ("leaf", "problem"),
    [
        (leaf(1), "entry 6 cannot be taken: it is entry 1 again"),
        (b"nonsense", "entry 6 cannot be taken: it is no canonical JSON"),
        (b'{"x": 1}', "entry 6 cannot be taken: it is no canonical JSON"),
        (encode({"predicateType": "urn:greengate:x:v1"}), "it is no statement about one thing with a digest"),
        (leaf(1).replace(b'"why"', b'"whz"'), "entry 6 cannot be taken: retirement.why: Field required"),
    ],
    ids=["twice", "nonsense", "spaces", "no statement", "another field"],
)
def test_what_no_command_could_read_is_not_taken(folder, capsys, leaf, problem):
    assert problem in told(capsys, "import", gone_on(leaf), "--history", "new.db", code=4).err
    assert "  entries      0\n" in told(capsys, "status", "--history", "new.db").out


def test_an_export_ends_once(folder, capsys):
    told(capsys, "export", "--out", "e.jsonl")
    first, *lines = (folder / "e.jsonl").read_bytes().splitlines(keepends=True)
    end = lines[-1].replace(b'"size":6', b'"size":5')
    (folder / "e.jsonl").write_bytes(b"".join([first, end, *lines]))
    assert (
        "e.jsonl:2: the export ends here, and its last line is another one"
        in told(capsys, "verify", "--export", "e.jsonl", code=4).out
    )


def test_another_ledgers_keys_do_not_become_this_ones(folder, capsys):
    told(capsys, "export", "--out", "e.jsonl")
    grown(3, 77, name="other.db")
    out = told(capsys, "import", "e.jsonl", "--history", "other.db").out
    assert out == "4 entries were written, 1 stood there already, 1 key record of another ledger left out\n"
    assert "no key has signed this ledger yet" in told(capsys, "key", "show", "--history", "other.db", code=2).err


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b'"index":2', b'"index":3', "entry 2 is not there: in its place stands entry 3"),
        (b'"leaf":"eyJ', b'"leaf":"eyK', "entry 0 was changed"),
        (b'{"checkpoint', b'{"checkpaint', "the export was cut"),
        (b'"size":6', b'"size":7', "it tells 7 entries"),
        (b"\\n6\\n", b"\\n5\\n", "its own checkpoint: the signature of example.com/greengate does not fit"),
    ],
    ids=["another index", "another leaf", "no last line", "another size", "another checkpoint"],
)
def test_nothing_of_a_spoilt_export_is_written(folder, capsys, old, new, problem):
    told(capsys, "export", "--out", "e.jsonl")
    data = (folder / "e.jsonl").read_bytes()
    (folder / "e.jsonl").write_bytes(data.replace(old, new, 1))
    assert problem in told(capsys, "import", "e.jsonl", "--history", "new.db", code=4).err
    assert "  entries      0\n" in told(capsys, "status", "--history", "new.db").out


def test_what_is_no_export_and_no_entries_is_refused(folder, capsys):
    (folder / "x").write_text("nonsense\n")
    for file, problem in (("x", "it is no export and no entries"), ("nowhere", "cannot be read")):
        assert problem in told(capsys, "import", file, code=2).err


def test_an_export_goes_to_standard_output(folder, capfdbinary):
    assert run(["ledger", "export"]) == 0
    lines = capfdbinary.readouterr().out.splitlines()
    assert [json.loads(line).get("index") for line in lines] == [None, 0, 1, 2, 3, 4, 5, None]


def test_an_export_as_parquet_has_a_column_for_each_common_field(folder, capsys):
    parquet = pytest.importorskip("pyarrow.parquet")
    told(capsys, "export", "--format", "parquet", "--out", "e.parquet")
    table = parquet.read_table("e.parquet")
    first = table.to_pylist()[0]
    assert (first["index"], first["id"], first["model"], first["leaf"]) == (0, digest(leaf(0)), "m0", leaf(0))
    assert first["time"].isoformat() == "2026-11-21T10:00:00+00:00"
    assert table.schema.metadata[b"greengate.checkpoint"] == (folder / "history.db.checkpoint").read_bytes()


def test_an_export_as_envelopes_is_signed_entry_by_entry(folder, capsys):
    told(capsys, "export", "--dsse", "--key", "k.pem", "--out", "e.dsse")
    lines = (folder / "e.dsse").read_bytes().splitlines()
    payload, _ = signing.unseal(lines[0], "application/vnd.in-toto+json", private().public)
    assert (len(lines), payload) == (6, leaf(0))
    assert json.loads(lines[0])["signatures"][0]["keyid"] == KEY


@pytest.mark.parametrize(
    "words",
    [["--format", "parquet"], ["--dsse", "--bodies"], ["--format", "parquet", "--bodies", "--out", "x"]],
    ids=str,
)
def test_an_export_that_makes_no_sense_is_refused(folder, capsys, words):
    assert "error: --" in told(capsys, "export", *words, code=2).err


def test_evidence_comes_along_where_it_is_asked_for(folder, capsys):
    with closing(Store("h.db")) as store:
        store.append(policy(b"{}"), {digest(b"{}"): b"{}"})
    for words, warned in ((["--bodies"], False), ([], True)):
        told(capsys, "export", "--history", "h.db", *words, "--out", "e.jsonl")
        error = told(capsys, "import", "e.jsonl", "--history", f"new{warned}.db").err
        assert ("evidence that entries name is not in e.jsonl: 1 digest" in error) == warned
