"""`greengate period sign-off --key`: where a person's key comes from, and what whoever calls it reads."""

import json
import shlex
import sys

import pytest
from closed_made import CFO, OLGA, Quarter
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from signed_made import private

from greengate import cli
from greengate.ledger.sign_offs import public

SIGNS = """
import base64, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
key = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
print(base64.b64encode(key.sign(sys.stdin.buffer.read())).decode())
"""
# Made by `ssh-keygen -t ed25519 -N abc`: reading it takes what this environment has not.
LOCKED_BY_OPENSSH = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABDOkabvz/
/dsylF8A9qOMnFAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIBGgdGQIR9tWRx5z
EZNI1r638EKaDYwMY+6zMLfMqzqcAAAAkK1FDMzhH1Nq8TmOzjpE9Q2Rztw5LdC+1OvlqT
O8CLju3/3ErNdiX7Cv4mJQLycKfQNv7vuLpbgJN7XAI1X/pVtAprv0rdTFkKg81dME/Nhd
tBc1nteAIohixHaN4lIJQmsKEnC/vM6pyB7VIVQkkEUvRkLT+3KjOYi66n2otqUaaQRdUE
0rPi7b+ONjobcCsQ==
-----END OPENSSH PRIVATE KEY-----
"""
COMPANY = f"""
apiVersion: greengate/v1
kind: Report
entity: Acme
signers: {{"@olga": ["{OLGA.verifier}"], cfo: ["{CFO.verifier}"]}}
"""


@pytest.fixture
def folder(tmp_path):
    Quarter(tmp_path / "h.db").store.close()
    (tmp_path / "report.yaml").write_text(COMPANY, encoding="utf-8")
    for number in (7, 8, 9):
        kept(tmp_path / f"{number}.pem", private(number).pem())
    return tmp_path


def kept(path, data):
    path.write_bytes(data)
    path.chmod(0o600)
    return str(path)


def pem(key, password=None, form=serialization.PrivateFormat.PKCS8):
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, lock)


OF_OLGA = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)


def called(folder, *words, by="@olga", role="prepared"):
    places = ["--history", str(folder / "h.db"), "--company", str(folder / "report.yaml")]
    return cli.run(["period", "sign-off", "2026Q3", "--role", role, "--by", by, *words, *places])


@pytest.mark.parametrize("way", ["file", "openssh", "variable", "file by a variable", "command", "locked"])
def test_a_key_is_taken_from_wherever_it_is(folder, monkeypatch, capsys, way):
    variables = {
        "variable": {"": pem(OF_OLGA).decode()},
        "file by a variable": {"_FILE": str(folder / "7.pem")},
        "command": {"_COMMAND": shlex.join([sys.executable, "-c", SIGNS]), "_PUBLIC": str(OLGA.verifier)},
        "locked": {"_FILE": kept(folder / "l.pem", pem(OF_OLGA, b"abc")), "_PASSPHRASE": "abc"},
    }
    for name, value in variables.get(way, {}).items():
        monkeypatch.setenv(f"GREENGATE_SIGN_OFF_KEY{name}", value)
    openssh = kept(folder / "id", pem(OF_OLGA, form=serialization.PrivateFormat.OpenSSH))
    words = {"file": ["--key", str(folder / "7.pem")], "openssh": ["--key", openssh]}.get(way, [])
    assert called(folder, *words) == 0
    told = f"signed by a key that report.yaml names: {public(OLGA.verifier)}"
    assert capsys.readouterr().out.splitlines()[-1] == told


def test_who_sits_at_a_terminal_is_asked_for_the_password(folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.prompt", lambda text, **how: "abc" if how == {"hide_input": True, "err": True} else text)
    assert called(folder, "--key", kept(folder / "l.pem", pem(OF_OLGA, b"abc"))) == 0
    assert "signed by a key that report.yaml names" in capsys.readouterr().out


NO_KEYS = {
    "no file": (None, "cannot be read: No such file or directory"),
    "empty": (b"", "k.pem: it is no private key in PEM"),
    "cut short": (pem(OF_OLGA)[:60], "k.pem: it is no private key in PEM"),
    "another kind": (
        pem(ec.generate_private_key(ec.SECP256R1())),
        "k.pem: it is a private key of another kind than Ed25519",
    ),
    "locked": (
        pem(OF_OLGA, b"abc"),
        "--key: the key is locked by a password, and nobody is here to be asked for it",
    ),
    "locked by OpenSSH": (LOCKED_BY_OPENSSH.encode(), "k.pem: it is locked in the way of OpenSSH, which cannot be"),
    "not hers": (pem(Ed25519PrivateKey.generate()), "--key: report.yaml names another key for `@olga`"),
}


@pytest.mark.parametrize(("data", "told"), NO_KEYS.values(), ids=NO_KEYS)
def test_what_is_no_key_of_hers_is_told(folder, capsys, data, told):
    path = str(folder / "k.pem") if data is None else kept(folder / "k.pem", data)
    assert called(folder, "--key", path) == 2
    assert told in capsys.readouterr().err


def test_another_password_is_told(folder, monkeypatch, capsys):
    monkeypatch.setenv("GREENGATE_SIGN_OFF_KEY_PASSPHRASE", "abd")
    assert called(folder, "--key", kept(folder / "l.pem", pem(OF_OLGA, b"abc"))) == 2
    assert "l.pem: it is locked by another password than the one that was given" in capsys.readouterr().err


def test_two_keys_are_one_too_many(folder, monkeypatch, capsys):
    monkeypatch.setenv("GREENGATE_SIGN_OFF_KEY_FILE", "a")
    monkeypatch.setenv("GREENGATE_SIGN_OFF_KEY", "b")
    assert called(folder) == 2
    assert "by --key or GREENGATE_SIGN_OFF_KEY_FILE and by GREENGATE_SIGN_OFF_KEY\n" in capsys.readouterr().err


def test_the_option_takes_the_place_of_the_environment(folder, monkeypatch, capsys):
    monkeypatch.setenv("GREENGATE_SIGN_OFF_KEY", "b")
    assert called(folder, "--key", str(folder / "7.pem")) == 0
    assert public(OLGA.verifier) in capsys.readouterr().out


def test_the_ledgers_own_key_in_the_environment_signs_nothing_for_a_person(folder, monkeypatch, capsys):
    monkeypatch.setenv("GREENGATE_LEDGER_KEY_FILE", str(folder / "8.pem"))
    assert called(folder, by="ben") == 0
    assert "signed" not in capsys.readouterr().out


def test_a_key_that_others_may_read_is_warned_of(folder, capsys):
    (folder / "7.pem").chmod(0o644)
    assert called(folder, "--key", str(folder / "7.pem")) == 0
    assert "7.pem: others than its owner may read this key (mode 644): chmod 600" in capsys.readouterr().err


def forged(folder):
    """The ledger in which somebody wrote that the cfo approved, with what olga signed."""
    quarter = Quarter(folder / "f.db")
    quarter.wrote(quarter.signed().model_copy(update={"role": "approved", "by": "cfo"}))
    quarter.store.close()
    (folder / "q3.json").write_bytes(quarter.closed.model_dump_json().encode())
    return ["--history", str(folder / "f.db")]


def test_a_wrong_signature_is_a_difference_to_a_check(folder, capsys):
    words = ["report", "--check", str(folder / "q3.json"), *forged(folder)]
    assert cli.run([*words, "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert [one["signature"] for one in told["signed"]] == ["unknown", "wrong"]
    assert [one["what"] for one in told["differences"]] == ["sign-off, approved by cfo, 2026-10-22T08:00:00Z"]
    assert cli.run(words) == 4
    assert "signature WRONG: what was signed says by" in " ".join(capsys.readouterr().out.split())


def test_a_wrong_signature_is_a_fault_of_the_ledger(folder, capsys):
    assert cli.run(["ledger", "verify", *forged(folder)]) == 4
    told = capsys.readouterr().out
    assert "entry 6, the sign-off of 2026-Q3 (approved), has a wrong signature: what was signed says by" in told


def test_a_wrong_signature_is_told_with_the_report_and_the_list(folder, capsys):
    places = forged(folder)
    assert cli.run(["report", "--quarter", "2026Q3", *places]) == 0
    assert "Signatures that are wrong: 1" in capsys.readouterr().out
    assert cli.run(["period", "list", *places]) == 0
    assert "approved by cfo (signature WRONG: " in " ".join(capsys.readouterr().out.split())


def test_a_delivered_report_that_is_sound_says_who_stands_for_it(folder, capsys):
    assert called(folder, "--key", str(folder / "7.pem"), by="controlling") == 2
    assert called(folder, "--key", str(folder / "9.pem"), by="cfo") == 0
    assert called(folder, by="ben", role="reviewed") == 0
    places = ["--history", str(folder / "h.db"), "--company", str(folder / "report.yaml")]
    assert cli.run(["report", "--quarter", "2026Q3", "--report", f"json={folder}/q3.json", *places]) == 0
    assert cli.run(["report", "--check", str(folder / "q3.json"), *places]) == 0
    told = [line.partition(": ") for line in capsys.readouterr().out.splitlines()[-4:-2]]
    assert [(who.split(",")[0], how) for who, _, how in told] == [
        ("prepared by cfo", "signed by a key that report.yaml names"),
        ("reviewed by ben", "not signed with a key"),
    ]
