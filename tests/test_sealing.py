"""Every decision gets a receipt where the ledger has a key, and whoever reads the verdict sees whether it has one."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from projects_made import COUNTED, PROJECT, greengate, project
from signed_made import ORIGIN, Held, private

from greengate.cli import run
from greengate.ledger import checkpoints, signing
from greengate.ledger.receipts import Receipt
from greengate.report.document import SCHEMA
from greengate.settings import harmless_environment, tracked_environment

KNOWN = [Held().verifier]


@pytest.fixture
def sealing(tmp_path, monkeypatch):
    """A project whose ledger has a key, with the folder that it is in."""
    signing.keep(private(), tmp_path / "k.pem")
    monkeypatch.setenv("GREENGATE_LEDGER_KEY_FILE", str(tmp_path / "k.pem"))
    monkeypatch.setenv("GREENGATE_LEDGER_ORIGIN", ORIGIN)
    (tmp_path / "p").mkdir()
    return project(tmp_path / "p", policy=COUNTED)


def judged(folder, capsys, *words, code=0):
    capsys.readouterr()
    assert greengate(folder, "gate", "--budget", "1 s", "--json", *words) == code
    return json.loads(capsys.readouterr().out)


def test_a_decision_has_its_receipt_in_the_report(sealing, capsys):
    told = judged(sealing, capsys)
    (model,) = told["models"]
    assert checkpoints.opened(told["checkpoint"].encode(), KNOWN).checkpoint.origin == ORIGIN
    assert model["receipt"].endswith(f"\n\n{told['checkpoint']}")
    assert told["notes"] == judged(sealing, capsys)["notes"]


def test_receipts_go_into_a_folder_with_the_bytes_that_they_are_of(sealing, capsys, tmp_path):
    told = judged(sealing, capsys, "--report", f"receipts={tmp_path / 'r'}")
    stem = told["models"][0]["entry"][:12]
    leaf = (tmp_path / "r" / f"{stem}.json").read_bytes()
    proof = Receipt.parse((tmp_path / "r" / f"{stem}.tlog-proof").read_bytes())
    assert json.loads(leaf)["predicate"]["model"] == "m"
    assert proof.proves(leaf, KNOWN).note == (tmp_path / "r" / "checkpoint").read_bytes()


def test_the_comment_has_the_checkpoint_and_says_how_to_use_it(sealing, capsys, tmp_path):
    told = judged(sealing, capsys, "--report", f"markdown={tmp_path / 'ledger.md'}")
    page = (tmp_path / "ledger.md").read_text()
    assert told["checkpoint"] in page
    assert "`greengate ledger verify --checkpoint FILE`" in page
    (tmp_path / "c").write_text(told["checkpoint"])
    words = ["--project", str(sealing / "greengate.yaml"), "--checkpoint", str(tmp_path / "c")]
    assert run(["ledger", "verify", *words]) == 0


def test_without_a_key_every_decision_says_that_it_has_no_receipt(tmp_path, capsys):
    told = judged(project(tmp_path, policy=COUNTED), capsys, "--report", f"markdown={tmp_path / 'ledger.md'}")
    assert (told["checkpoint"], told["models"][0]["receipt"]) == ("", "")
    assert "- no receipt: no key has signed the ledger with this entry" in (tmp_path / "ledger.md").read_text()


def test_receipts_without_a_key_are_refused_before_anything_is_measured(tmp_path, capsys):
    folder = project(tmp_path, policy=COUNTED)
    assert greengate(folder, "gate", "--report", f"receipts={tmp_path / 'r'}") == 2
    assert "no key is given that could sign the ledger" in capsys.readouterr().err
    assert not (tmp_path / ".greengate").exists()


def test_a_ledger_without_a_name_is_told_before_anything_is_measured(sealing, capsys, monkeypatch):
    monkeypatch.delenv("GREENGATE_LEDGER_ORIGIN")
    assert greengate(sealing, "gate") == 2
    assert "this ledger has no name yet" in capsys.readouterr().err


def test_a_restored_backup_is_refused_before_anything_is_measured(sealing, capsys, tmp_path):
    place = tmp_path / "p" / ".greengate" / "history.db"
    judged(sealing, capsys)
    shutil.copy(place, tmp_path / "backup.db")
    judged(sealing, capsys)
    shutil.copy(tmp_path / "backup.db", place)
    assert greengate(sealing, "gate") == 4
    assert "a backup was restored, or entries were taken away" in capsys.readouterr().err


SIGNS_ONCE = """
import base64, pathlib, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
if pathlib.Path(sys.argv[1]).exists():
    sys.exit("the service is down")
pathlib.Path(sys.argv[1]).touch()
print(base64.b64encode(Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32).sign(sys.stdin.buffer.read())).decode())
"""


def test_a_key_service_that_is_down_changes_no_verdict_and_is_told(sealing, capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("GREENGATE_LEDGER_KEY_FILE")
    command = shlex.join([sys.executable, "-c", SIGNS_ONCE, str(tmp_path / "down")])
    monkeypatch.setenv("GREENGATE_LEDGER_KEY_COMMAND", command)
    monkeypatch.setenv("GREENGATE_LEDGER_KEY_PUBLIC", str(Held().verifier))
    assert judged(sealing, capsys)["models"][0]["receipt"]
    told = judged(sealing, capsys)
    assert (told["outcome"], told["models"][0]["receipt"]) == ("passed", "")
    assert "no checkpoint was signed, so that these decisions have no receipt" in told["notes"][-1]
    assert "it failed with 1: the service is down" in told["notes"][-1]


def test_a_later_checkpoint_gives_older_decisions_their_receipt(tmp_path, capsys):
    folder = project(tmp_path, policy=COUNTED)
    judged(folder, capsys)
    signing.keep(private(), tmp_path / "k.pem")
    words = ["--project", str(folder / "greengate.yaml"), "--key", str(tmp_path / "k.pem"), "--origin", ORIGIN]
    assert run(["ledger", "checkpoint", *words]) == 0
    capsys.readouterr()
    assert greengate(folder, "show", "last", "--json") == 0
    assert json.loads(capsys.readouterr().out)["models"][0]["receipt"]


BUILT = PROJECT.replace("path: candidate.onnx", "build: {command: [cp, candidate.onnx, b.onnx], output: b.onnx}")


def test_a_build_beside_a_key_is_told(sealing, capsys, tmp_path):
    (tmp_path / "p" / "greengate.yaml").write_text(BUILT)
    assert any("could have read it: sign in a step of its own" in note for note in judged(sealing, capsys)["notes"])


def test_neither_a_build_nor_a_tracked_command_sees_a_key(monkeypatch):
    for name in ("", "_FILE", "_COMMAND", "_PUBLIC"):
        monkeypatch.setenv(f"GREENGATE_LEDGER_KEY{name}", "secret")
    assert not [name for name in harmless_environment() if "LEDGER" in name]
    assert not [name for name in tracked_environment("run") if "LEDGER_KEY" in name]


def test_legs_that_are_joined_get_receipts(sealing, capsys, tmp_path):
    words = ("--report", f"entries={tmp_path / 'cpu.jsonl'}", "--history", str(tmp_path / "l.db"))
    judged(sealing, capsys, "--leg", "cpu", *words)
    assert greengate(sealing, "join", f"cpu={tmp_path / 'cpu.jsonl'}", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert Receipt.parse(told["models"][0]["receipt"].encode()).index == 3


def test_a_leg_that_is_missing_has_a_receipt_of_that_and_joining_again_signs_the_same(sealing, capsys, tmp_path):
    judged(
        sealing,
        capsys,
        "--leg",
        "cpu",
        "--report",
        f"entries={tmp_path / 'cpu.jsonl'}",
        "--history",
        str(tmp_path / "one.db"),
    )
    words = (f"cpu={tmp_path / 'cpu.jsonl'}", f"tpu={tmp_path / 'tpu.jsonl'}", "--report")
    for folder in ("r", "again"):
        assert greengate(sealing, "join", *words, f"receipts={tmp_path / folder}") == 4
        capsys.readouterr()
    proofs = [Receipt.parse(one.read_bytes()) for one in sorted((tmp_path / "r").glob("*.tlog-proof"))]
    leaves = [one.read_bytes() for one in sorted((tmp_path / "r").glob("*.json"))]
    notes = {proof.proves(leaf, KNOWN).note for proof, leaf in zip(proofs, leaves, strict=True)}
    assert notes == {(tmp_path / "r" / "checkpoint").read_bytes()}
    held = [word for one in (tmp_path / "r").glob("*.tlog-proof") for word in ("--checkpoint", str(one))]
    assert run(["ledger", "verify", "--project", str(sealing / "greengate.yaml"), *held]) == 0


def proved(folder, *words):
    given = ["--project", str(folder / "greengate.yaml"), "--key", str(folder / "k.pem"), "--origin", ORIGIN]
    return run(["ledger", "prove", *words, *given])


@pytest.fixture
def told_before(tmp_path, capsys):
    """A folder whose reports were written before its ledger was signed."""
    folder = project(tmp_path, policy=COUNTED)
    signing.keep(private(), tmp_path / "k.pem")
    reports = ("--report", f"json={tmp_path / 'r.json'}", "--report", f"markdown={tmp_path / 'l.md'}")
    assert greengate(folder, "gate", "--budget", "1 s", "--quiet", *reports) == 0
    capsys.readouterr()
    return folder


def test_reports_from_before_get_the_receipts_of_their_decisions(told_before, capsys):
    before = json.loads((told_before / "r.json").read_text())
    words = ("--out", str(told_before / "r"), "--into", str(told_before / "r.json"))
    (told_before / "r").mkdir()
    assert proved(told_before, "last", *words, "--markdown", str(told_before / "l.md")) == 0
    after = json.loads((told_before / "r.json").read_text())
    entry = after["models"][0]["entry"]
    assert after["models"][0].pop("receipt").encode() == (told_before / "r" / f"{entry[:12]}.tlog-proof").read_bytes()
    assert after.pop("checkpoint").encode() == (told_before / "r" / "checkpoint").read_bytes()
    del before["checkpoint"], before["models"][0]["receipt"]
    assert after == before


def test_the_ledger_that_is_written_anew_differs_by_its_receipts_alone(told_before):
    before = (told_before / "l.md").read_text()
    words = ("--out", str(told_before / "p"), "--into", str(told_before / "r.json"))
    assert proved(told_before, "last", *words, "--markdown", str(told_before / "l.md")) == 0
    after = (told_before / "l.md").read_text()
    unsigned, signed = "no receipt: no key has signed the ledger with this entry", "receipt: in the JSON report"
    assert (unsigned in before, unsigned in after, signed in after) == (True, False, True)
    start, _, rest = after.partition("<details><summary>Checkpoint of the ledger")
    left = start + rest.partition("</details>\n\n")[2]
    assert left == before.replace(unsigned, f"{signed}, by the checkpoint of the ledger below")


def test_the_comment_on_a_change_has_the_receipts_too(told_before, capsys):
    assert proved(told_before, "last", "--out", str(told_before / "p")) == 0
    assert greengate(told_before, "comment", "--dry-run") == 0
    assert "<summary>Checkpoint of the ledger</summary>" in capsys.readouterr().out


@pytest.mark.parametrize("options", [("--into", "--markdown"), ("--out", "--into")], ids=" ".join)
def test_one_file_is_not_two_reports(told_before, capsys, monkeypatch, options):
    monkeypatch.chdir(told_before)
    before = Path("r.json").read_bytes()
    files = [word for name in options for word in (name, f"{'./' if name == '--out' else ''}r.json")]
    assert proved(told_before, "last", *files) == 2
    assert capsys.readouterr().err.startswith("error: --into: one file cannot be two of these\n  hint: ")
    assert Path("r.json").read_bytes() == before


def test_a_report_is_no_standard_output(told_before, capsys, monkeypatch):
    monkeypatch.chdir(told_before)
    assert proved(told_before, "last", "--into", "r.json", "--markdown", "-") == 2
    assert capsys.readouterr().err.startswith("error: --into: a report is written into a file\n  hint: ")
    assert not Path("-").exists()


def test_a_report_gets_receipts_of_its_own_decisions_alone(told_before, capsys):
    assert proved(told_before, "last", "--out", str(told_before / "p")) == 0  # from now on the last entry is a key
    before = (told_before / "r.json").read_bytes()
    assert proved(told_before, "last", "--into", str(told_before / "r.json")) == 2
    assert " is no decision of this report\n  hint: " in capsys.readouterr().err
    assert (told_before / "r.json").read_bytes() == before


def test_a_report_of_which_no_page_can_be_made_is_left_as_it_was(told_before, capsys):
    report = json.loads((told_before / "r.json").read_text())
    text = json.dumps({**report, "models": [{"entry": report["models"][0]["entry"]}]})
    (told_before / "r.json").write_text(text)
    files = ("--into", str(told_before / "r.json"), "--markdown", str(told_before / "l.md"))
    assert proved(told_before, "last", *files) == 4
    assert "r.json: this is no report of the form greengate/report/v1" in capsys.readouterr().err
    assert (told_before / "r.json").read_text() == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", f"this is no report of the form {SCHEMA}"),
        (json.dumps({"schema": SCHEMA, "models": [{"entry": []}]}), f"this is no report of the form {SCHEMA}"),
        (None, "cannot be read: No such file or directory"),
    ],
    ids=["no JSON", "no entry", "not there"],
)
def test_what_is_no_report_gets_no_receipts(told_before, capsys, text, problem):
    if text is not None:
        (told_before / "other.json").write_text(text)
    assert proved(told_before, "last", "--into", str(told_before / "other.json")) == 4
    assert capsys.readouterr().err.startswith(f"error: {told_before}/other.json: {problem}\n  hint: give what ")
