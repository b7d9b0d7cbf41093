"""Who may read a ledger in PostgreSQL, and not who is meant by its pseudonyms, is shown pseudonyms."""

import json
import re

import pytest
from budgets_made import changed
from histories_made import BASIS, approval, decision, finding, grant
from made import growth, waiver
from postgres_made import rights
from projects_made import POLICY, PROJECT

from greengate import cli, gate
from greengate.decision import Basis
from greengate.errors import HistoryError
from greengate.history import opened
from greengate.policy import Override, Policy
from greengate.records import WaiverGranted
from greengate.verdict import Outcome

NOTE = "note: this user may not read ledger_identity, so that persons are pseudonyms (docs/ledger.md)\n"
PERSON = r"person:[0-9a-f]{32}"
READING = [right for right in rights("to read:") if "ledger_identity" not in right]
OWNED = Policy("p", (growth("energy_per_1k_inferences"),), override=Override(1), owners=("@olga",))
ASKED = WaiverGranted(
    at="2026-10-05T00:00:00Z", state="requested", waiver="W-1", rule="p/r", why="larger", expires="2099-12-31",
    ceiling={"max": "1"}, asked_by="@olga",
)  # fmt: skip


@pytest.fixture
def auditor(postgres):
    """The address, for who may not know persons, of a ledger in which a person reviews, grants, owns and asks."""
    address = postgres.schema()
    let = {"outcome": Outcome.WAIVED, "judged": Outcome.FAILED, "waiver": "W-1", "reason": "approved by @olga"}
    found = changed(approvals=(approval(by="Olga", rules=("p/growth",)),), grants=(grant(),))
    with opened(address) as made:
        made.append(decision(finding(**let), evidence=found), Basis(BASIS.texts, (waiver(granted_by="@olga"),)))
        made.write([(ASKED, "W-1", "0" * 64)])
    return postgres.granted(address, READING)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "greengate.yaml").write_text(PROJECT)
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def said(capsys, folder, auditor, *words):
    assert cli.run([*words, "--project", str(folder / "greengate.yaml"), "--history", auditor]) == 0
    told = capsys.readouterr()
    assert "olga" not in (told.out + told.err).lower()
    return told


@pytest.mark.parametrize(
    "words",
    [("show", "last", "--json"), ("waiver", "list", "--json")],
    ids=["show", "waiver list"],
)
def test_a_pseudonym_stands_where_a_person_would_and_that_is_said_once(capsys, folder, auditor, words):
    told = said(capsys, folder, auditor, *words)
    assert (len(set(re.findall(PERSON, told.out))), told.err) == (1, NOTE)
    assert "@person" not in told.out
    assert "forgotten" not in told.out


@pytest.mark.parametrize(
    "words",
    [("history", "--json"), ("ledger", "export"), ("ledger", "status"), ("report", "--quarter", "2026Q4", "--json")],
    ids=["history", "export", "status", "report"],
)
def test_what_names_nobody_says_nothing_of_it(capsys, folder, auditor, words):
    assert said(capsys, folder, auditor, *words).err == ""


def test_the_same_pseudonym_stands_in_the_bytes_of_the_entries(capsys, auditor):
    with opened(auditor, make=False) as history:
        told = history.find("last").decision.evidence.approvals[0].by
        assert json.loads(history.ledger.stored(0).leaf)
        assert any(told.encode() in stored.leaf for stored in history.ledger.entries())


def test_evidence_gives_the_same_verdict_to_who_may_not_know_its_persons(auditor):
    with opened(auditor, make=False) as history:
        (found,) = gate.judge([OWNED], history.find("last").decision.evidence).findings
    assert found.outcome is Outcome.WAIVED
    assert re.search(f"overridden by {PERSON}", found.reason)


def test_lines_for_elsewhere_name_nobody(auditor):
    with opened(auditor, make=False) as history:
        lines = history.line(history.find("last").entry_id).splitlines()
    assert [json.loads(line)["people"] for line in lines] == [{}] * len(lines)


def test_other_refusals_are_told_as_ever(postgres, auditor):
    schema = auditor.rpartition("%3D")[2]
    with opened(auditor, make=False) as history:
        postgres.run(f"DROP TABLE {schema}.ledger_identity")
        with pytest.raises(HistoryError, match='the history is damaged: relation "ledger_identity" does not exist'):
            history.find("last")
