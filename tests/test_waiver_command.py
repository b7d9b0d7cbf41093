"""`greengate waiver`: what is asked for is tried, what was let through is counted, what ends soon is told."""

import datetime as dt
import json
import re

import pytest
from projects_made import COUNTED, PROJECT, WAIVER
from repositories_made import run_git
from waivers_made import (
    PLACE,
    STRICT,
    TWO,
    WAIVERS,
    converted,
    decided,
    first,
    folder,
    granted,
    passage,
    settled,
    today,
    write,
    year,
)

from greengate import packs, waiving
from greengate.changes import Grant
from greengate.cli import run
from greengate.gate import judge
from greengate.history import opened
from greengate.ledger.canonical import digest
from greengate.ledger.store import Store
from greengate.recorded import records
from greengate.records import WaiverGranted
from greengate.trees import WorkingTree

ASK = ("last", "--until", "2099-12-31", "--why", "larger & sharper")
UNKNOWN = "waiver {} is granted by review, and who approved it is not known"
REVIEWED = WAIVER.replace("granted_by: green", "granted_by: review")
NOBODY = COUNTED.replace(", owners: [green]", "")


def waiver(path, command, *words):
    return run(["waiver", command, *words, "--project", str(path / "greengate.yaml")])


def requested(path):
    """The ledger's records of waivers."""
    store = Store(path / PLACE)
    found = [one.record for one in records(store, WaiverGranted)]
    store.close()
    return found


def written(path):
    return sorted(path.glob("waivers/*"))


@pytest.fixture
def failed(tmp_path):
    """A project whose newest decision failed one soft rule."""
    decided(folder(tmp_path / "p"))
    return tmp_path / "p"


class TestAsking:
    """`greengate waiver request`."""

    def test_writes_the_narrowest_waiver_and_says_what_to_do_with_it(self, failed, capsys):
        assert waiver(failed, "request", *ASK) == 0
        (file,) = written(failed)
        assert file.read_text() == (
            f"apiVersion: greengate/v1\nkind: Waiver\nid: {file.stem}\n"
            'rule: "p/flops"\nmatch: {models: ["m"]}\nceiling: {max_increase: "100%"}\nexpires: "2099-12-31"\n'
            'reason: "larger & sharper"\ngranted_by: review\n'
        )
        assert re.fullmatch(f"W-{today().replace('-', '')}-[0-9a-f]{{6}}", file.stem)
        said = " ".join(capsys.readouterr().out.split())
        assert "granted counts once an owner (green) who is not its author has approved the change" in said
        assert "add `waivers/*.yaml` to `policies` in greengate.yaml, in the same change" in said

    @pytest.mark.parametrize(
        ("grants", "outcome", "reason"),
        [
            (True, "waived", "waived until 2099-12-31 by review: larger & sharper; approved by @olga in review 4 of a"),
            (False, "failed", "waiver {} was not approved by an owner of the rule who is not its author: pushed"),
            (None, "failed", f"{UNKNOWN}: pushed"),
            ((), "failed", f"{UNKNOWN}: the forge was not asked (`greengate approvals`)"),
        ],
        ids=["approved by an owner", "not approved", "the forge does not tell", "nobody asked"],
    )  # fmt: skip
    def test_what_is_written_counts_only_once_an_owner_has_approved_it(self, failed, grants, outcome, reason):
        waiver(failed, "request", *ASK)
        (file,) = written(failed)
        with opened(failed / PLACE) as history:
            found = history.find("last").decision.evidence
        given = {"by": "olga", "review": "4", "change": "a"} if grants else {"words": "pushed"}
        told = () if grants == () else (Grant(waiver=file.stem, reviewed=grants, **given),)
        policies = packs.load(WorkingTree(failed), ["policy.yaml", "waivers/*.yaml"])
        (finding,) = judge(policies, found.model_copy(update={"grants": told})).findings
        assert (finding.outcome, finding.reason) == (outcome, reason.format(file.stem))

    def test_is_written_into_the_ledger(self, failed):
        decided(failed, change="a/b#12")
        assert waiver(failed, "request", *ASK, "--by", "@acme/nlp") == 0
        (file,) = written(failed)
        (record,) = requested(failed)
        assert record.model_dump(exclude={"at"}) == {
            "kind": "waiver", "state": "requested", "waiver": file.stem, "rule": "p/flops", "type": "",
            "why": "larger & sharper", "expires": "2099-12-31", "ceiling": {"max_increase": "100%"},
            "match": {"models": "m"}, "asked_by": "@acme/nlp", "granted_by": "", "reviewed_by": "", "review": "",
            "change": "a/b#12",
        }  # fmt: skip

    @pytest.mark.parametrize("who", ["@olga", "olga@acme.com", "Olga Smith"])
    def test_a_person_is_a_pseudonym_in_the_ledger_until_forgotten(self, failed, capsys, who):
        assert waiver(failed, "request", *ASK, "--by", who) == 0
        store = Store(failed / PLACE)
        leaf = next(store.newest_first()).leaf
        store.close()
        assert re.search(rb'"asked_by":"@?person:[0-9a-f]{32}"', leaf)
        assert self.asked(failed, capsys).removeprefix("@") == who.removeprefix("@")
        with opened(failed / PLACE) as history:
            history.people.forget(who)
        assert self.asked(failed, capsys).startswith("a forgotten person (person:")

    def asked(self, path, capsys):
        capsys.readouterr()
        waiver(path, "list", "--json")
        return json.loads(capsys.readouterr().out)[0]["asked_by"]

    def test_the_record_is_about_the_document(self, failed):
        waiver(failed, "request", *ASK)
        (file,) = written(failed)
        store = Store(failed / PLACE)
        newest = json.loads(next(store.newest_first()).leaf)
        store.close()
        assert newest["subject"] == [{"name": f"waivers/{file.name}", "digest": {"sha256": digest(file.read_bytes())}}]

    def test_a_person_can_answer_for_it_where_nobody_reviews(self, tmp_path, capsys):
        decided(folder(tmp_path / "p", NOBODY))
        assert waiver(tmp_path / "p", "request", *ASK, "--granted-by", "the board") == 0
        assert 'granted_by: "the board"\n' in written(tmp_path / "p")[0].read_text()
        assert "counts once it is on the base branch: the board grants it" in " ".join(capsys.readouterr().out.split())

    def test_only_printing_it_writes_nothing(self, failed, capsys):
        before = (failed / PLACE).read_bytes()
        assert waiver(failed, "request", *ASK, "--dry-run") == 0
        assert capsys.readouterr().out.startswith("apiVersion: greengate/v1\nkind: Waiver\nid: W-")
        assert (written(failed), (failed / PLACE).read_bytes()) == ([], before)

    def test_one_waiver_is_written_for_each_rule_that_failed(self, tmp_path):
        decided(folder(tmp_path / "p", TWO), size=2**21)
        assert waiver(tmp_path / "p", "request", *ASK, "--all") == 0
        assert [record.rule for record in requested(tmp_path / "p")] == ["p/flops", "p/size"]
        assert len(written(tmp_path / "p")) == 2

    def test_what_stays_broken_all_the_same_is_said(self, tmp_path, capsys):
        decided(folder(tmp_path / "p", f"{STRICT}{TWO[len(COUNTED) :]}"), size=2**21)
        assert waiver(tmp_path / "p", "request", *ASK) == 0
        assert "not asked for, and not let through: p/flops failed, and is hard" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("policy", "given", "words", "problem"),
        [
            pytest.param(COUNTED, {"flops": 100}, (), "passed under the policies of today", id="passed"),
            pytest.param(STRICT, {}, (), "`p/flops` is hard, and nobody may let it through", id="hard"),
            pytest.param(STRICT, {}, ("--rule", "p/flops"), "`p/flops` is hard", id="hard, by its name"),
            pytest.param(COUNTED.replace("soft", "advisory"), {}, (), "only warns under the policies", id="advisory"),
            pytest.param(TWO, {"size": 2**21}, (), "2 rules failed: `p/flops`, `p/size`", id="two rules"),
            pytest.param(TWO, {}, ("--rule", "p/size"), "`p/size` passed", id="another rule"),
            pytest.param(COUNTED, {}, ("--rule", "p/flop"), "no rule `p/flop` judges m in entry", id="no rule"),
            pytest.param(
                COUNTED, {}, ("--until", "2020-01-01"), "--until: 2020-01-01 is past", id="a day that is past"
            ),
            pytest.param(COUNTED, {}, ("--until", "soon"), "--until: `soon` is no day of the calendar", id="no day"),
            pytest.param(COUNTED, {}, ("--until", "2099-02-30"), "`2099-02-30` is no day", id="no day of the calendar"),
            pytest.param(COUNTED, {}, ("--why", "  "), "--why: is empty", id="no reason"),
            pytest.param(COUNTED, {}, ("--why", "x" * 2001), "--why: found 2,001 characters", id="a long reason"),
            pytest.param(COUNTED, {}, ("--granted-by", " "), "--granted-by: is empty", id="granted by nobody"),
            pytest.param(NOBODY, {}, (), "the policy `p` names no owners", id="no owners"),
            pytest.param(COUNTED, {"problem": "gone"}, (), "has no evidence: gone", id="not evaluated"),
            pytest.param(COUNTED, {}, ("--rule", "p/flops", "--all"), "--all: one rule is named", id="one and all"),
            pytest.param(COUNTED, {}, ("--out", "/elsewhere.yaml"), "lies outside the project", id="outside"),
        ],
    )
    def test_is_refused_in_words(self, tmp_path, capsys, policy, given, words, problem):
        decided(folder(tmp_path / "p", policy), **given)
        assert waiver(tmp_path / "p", "request", *ASK, *words) == 2
        told = capsys.readouterr().err
        assert problem in told
        assert "\n  hint: " in told
        assert (written(tmp_path / "p"), requested(tmp_path / "p")) == ([], [])

    def test_an_entry_that_is_not_there_is_refused(self, failed, capsys):
        assert waiver(failed, "request", "ffff", *ASK[1:]) == 2
        assert "no entries begin with `ffff`" in capsys.readouterr().err

    def test_what_is_waived_already_is_not_asked_for(self, tmp_path, capsys):
        decided(folder(tmp_path / "p", project=WAIVERS, w=WAIVER))
        assert waiver(tmp_path / "p", "request", *ASK) == 2
        assert "`p/flops` is let through already, by the waiver W-1" in capsys.readouterr().err

    def test_nothing_is_asked_for_twice(self, failed, capsys):
        waiver(failed, "request", *ASK)
        assert waiver(failed, "request", *ASK) == 2
        assert "is there already" in capsys.readouterr().err
        (failed / "greengate.yaml").write_text(WAIVERS)
        assert waiver(failed, "request", *ASK) == 2
        assert "asks for `p/flops` already" in capsys.readouterr().err
        assert len(requested(failed)) == 1

    def test_a_waiver_that_an_unless_forbids_is_not_offered(self, tmp_path, capsys):
        unless = "{approval: trade, ceiling: 50%}"
        decided(folder(tmp_path / "p", COUNTED.replace("enforce:", f"unless: {unless}, enforce:")))
        assert waiver(tmp_path / "p", "request", *ASK) == 2
        assert "no waiver lets `p/flops` through: it has a ceiling of max_increase 50%" in capsys.readouterr().err

    def test_a_file_that_cannot_be_written_leaves_nothing_in_the_ledger(self, failed, capsys):
        (failed / "waivers").write_text("in the way")
        assert waiver(failed, "request", *ASK) == 2
        assert "cannot be written: " in capsys.readouterr().err
        assert requested(failed) == []

    def test_a_ledger_that_cannot_be_written_leaves_no_file(self, failed, monkeypatch):
        def full(*_):
            raise waiving.PolicyError("history", "the disk is full")

        monkeypatch.setattr(Store, "append_all", full)
        assert waiver(failed, "request", *ASK) == 2
        assert written(failed) == []

    def test_a_place_can_be_named(self, failed):
        assert waiver(failed, "request", *ASK, "--out", str(failed / "policies" / "w.yaml")) == 0
        assert "kind: Waiver" in (failed / "policies" / "w.yaml").read_text()

    @pytest.mark.parametrize(
        ("paths", "found"),
        [
            ((), ("waivers/W-1.yaml", False)),
            (("policy.yaml", "starter"), ("waivers/W-1.yaml", False)),
            (("policies/*.yaml",), ("policies/W-1.yaml", True)),
            (("policies/*.yaml", "green/waivers/*.yml"), ("green/waivers/W-1.yml", True)),
            (("policies/**/*.yaml",), ("policies/waivers/W-1.yaml", True)),
            (("policies/p-*.yaml",), ("waivers/W-1.yaml", False)),
        ],
    )
    def test_a_waiver_goes_where_the_project_looks_for_policies(self, paths, found):
        assert waiving.where(paths, "W-1") == found


class TestListing:
    """`greengate waiver list`."""

    def listed(self, path, capsys, *words):
        assert waiver(path, "list", "--json", *words) == 0
        return json.loads(capsys.readouterr().out)

    def test_tells_what_was_let_through_by_the_ledger(self, tmp_path, capsys):
        path = folder(tmp_path / "p", project=WAIVERS, w=WAIVER)
        (one,) = write(path, converted(year()))
        write(path, granted("requested", asked_by="ci", change="a/b#1"), passage(change="a/b#1", conversion=one))
        write(path, settled(change="a/b#1"), passage(change="a/b#2"))
        assert waiver(path, "list") == 0
        days = (dt.date(2099, 12, 31) - dt.date.fromisoformat(today())).days
        assert capsys.readouterr().out == (
            f"W-1  in force until 2099-12-31 ({days} days)\n"
            "  rule         p/flops, up to max_increase 900%\n"
            "  models       all\n"
            "  why          larger\n"
            "  asked        by ci on 2026-11-21, for a/b#1\n"
            "  granted      by green\n"
            "  let through  2 decisions; changes: 1 merged, 1 open\n"
            "  a year       +3.6 kJ, +400 mgCO2e by location, emissions by market not known,\n"
            "               +0.021 EUR (nobody wrote down what it means a year)\n"
            "  if merged    not known: nobody wrote down what it means a year\n"
            f"  where        waivers/w.yaml:1:1\n"
        )

    def test_decisions_of_the_first_format_count_without_a_year(self, tmp_path, capsys):
        path = folder(tmp_path / "p", project=WAIVERS, w=WAIVER)
        entry = first(path)
        (one,) = self.listed(path, capsys)
        assert (one["state"], one["decisions"], one["changes"]["open"]) == ("in force", [entry], ["a/b#1"])
        assert one["a_year"]["open"]["energy_mj"]["missing"] == ["nobody wrote down what it means a year"]

    @pytest.mark.parametrize(
        ("text", "grants", "state"),
        [
            (WAIVER, (), "not used yet"),
            (WAIVER.replace("2099", "2020"), (), "expired"),
            (WAIVER, (Grant(waiver="W-1", reviewed=False, words="pushed"),), "not approved"),
            (REVIEWED, (), "not approved"),
            (REVIEWED, (Grant(waiver="W-1", reviewed=True, by="olga"),), "not used yet"),
        ],
    )  # fmt: skip
    def test_tells_how_each_stands(self, tmp_path, capsys, text, grants, state):
        path = folder(tmp_path / "p", project=WAIVERS, w=text)
        decided(path, flops=100, grants=grants)
        assert [one["state"] for one in self.listed(path, capsys)] == [state]

    def test_tells_those_that_only_the_ledger_knows(self, tmp_path, capsys):
        path = folder(tmp_path / "p")
        write(path, granted("requested", waiver="W-2"), granted(waiver="W-3"), passage("W-4"))
        told = {one["waiver"]: (one["state"], one["file"]) for one in self.listed(path, capsys)}
        assert told == {"W-2": ("asked for", ""), "W-3": ("removed", ""), "W-4": ("removed", "")}

    def test_reads_the_waivers_of_the_base(self, tmp_path, capsys):
        path = folder(tmp_path / "p", project=WAIVERS, w=WAIVER)
        for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "one")):
            run_git(path, *words)
        (path / "waivers" / "w.yaml").write_text(WAIVER.replace("W-1", "W-9"))
        assert [one["waiver"] for one in self.listed(path, capsys, "--base", "main")] == ["W-1"]
        assert [one["waiver"] for one in self.listed(path, capsys)] == ["W-9"]

    def test_says_that_there_are_none(self, tmp_path, capsys):
        assert waiver(folder(tmp_path / "p"), "list") == 0
        assert capsys.readouterr().out == "there are no waivers, neither among the policies nor in the ledger\n"


class TestEnding:
    """`greengate waiver expiring`."""

    def soon(self, path, days, capsys, *words, flops=200):
        """A waiver that ends in some days, and a decision that it let through."""
        ends = (dt.date.fromisoformat(today()) + dt.timedelta(days=days)).isoformat()
        folder(path, project=WAIVERS, w=WAIVER.replace("2099-12-31", ends))
        decided(path, flops, paths=("policy.yaml", "waivers/*.yaml"))
        code = waiver(path, "expiring", "--json", *words)
        return code, json.loads(capsys.readouterr().out)

    def test_tells_what_would_fail_again_and_who_owns_the_rule(self, tmp_path, capsys):
        _, (told,) = self.soon(tmp_path / "p", 3, capsys)
        assert (told["waiver"], told["days"], told["owners"]) == ("W-1", 3, ["green"])
        (failing,) = told["failing"]
        assert (failing["model"], failing["outcome"], failing["limit"]) == ("m", "failed", "max_increase 5%")
        assert waiver(tmp_path / "p", "expiring") == 0
        assert "fails then   m: 200 (+100.0%), max_increase 5%" in capsys.readouterr().out

    def test_one_that_nothing_needs_can_be_left_to_end(self, tmp_path, capsys):
        _, (told,) = self.soon(tmp_path / "p", 3, capsys, flops=100)
        assert told["failing"] == []

    @pytest.mark.parametrize(("days", "within", "found"), [(3, "2d", 0), (3, "3 d", 1), (0, "0d", 1), (-1, "30d", 0)])
    def test_soon_is_what_was_said(self, tmp_path, capsys, days, within, found):
        code, told = self.soon(tmp_path / "p", days, capsys, "--within", within, "--exit-code")
        assert (code, len(told)) == (found, found)

    def test_without_being_asked_the_exit_code_is_no_alarm(self, tmp_path, capsys):
        assert self.soon(tmp_path / "p", 3, capsys)[0] == 0

    def test_another_waiver_that_ends_by_then_helps_nobody(self, tmp_path, capsys):
        path = tmp_path / "p"
        other = WAIVER.replace("W-1", "W-0").replace("2099-12-31", today())
        folder(path, project=WAIVERS, o=other)
        _, told = self.soon(path, 3, capsys)
        assert {one["waiver"]: len(one["failing"]) for one in told} == {"W-0": 0, "W-1": 1}

    @pytest.mark.parametrize(
        ("within", "problem"),
        [
            ("soon", "--within: found `soon`, expected a duration such as `30d`"),
            ("30", "`30` has no unit\n  hint: a duration is written like `30d`"),
        ],
    )
    def test_a_time_that_is_none_is_refused(self, tmp_path, capsys, within, problem):
        assert waiver(folder(tmp_path / "p", project=PROJECT), "expiring", "--within", within) == 2
        assert problem in capsys.readouterr().err
