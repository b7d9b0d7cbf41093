"""`greengate report` and `greengate period`, over the ledger of a small made-up company; its totals in SQL."""

import json
import shlex
import shutil
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from company_made import by_sql, company
from signed_made import ORIGIN, Held

from greengate import cli, closing, quarters
from greengate.cli.report import again, parse, tell
from greengate.errors import UsageError
from greengate.esg.company import NOBODY, Said
from greengate.esg.decimals import MJ_A_KWH, exact, rounded
from greengate.esg.document import Quarterly
from greengate.esg.instants import instant
from greengate.ledger import checkpoints, merkle
from greengate.ledger.canonical import digest, encode
from greengate.ledger.store import Store
from greengate.packs.company import load_company
from greengate.periods import Calendar, zone
from greengate.quarters import Wanted, made
from greengate.records import SignedOff
from greengate.trees import WorkingTree

NOW = datetime(2026, 10, 20, tzinfo=UTC)
UNITS = {"kWh": MJ_A_KWH, "tCO2e": 10**12, "EUR": 10**6, "1": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("company")
    company(place)
    return place


@pytest.fixture
def own(folder, tmp_path):
    """A copy that may be written to."""
    shutil.copytree(folder, tmp_path / "own")
    return tmp_path / "own"


def called(folder, *words):
    return cli.run([*words, "--history", str(folder / "ledger.db"), "--company", str(folder / "report.yaml")])


@pytest.fixture
def store(own):
    found = Store(own / "ledger.db", make=False)
    yield found
    found.close()


def said(folder):
    return load_company(WorkingTree(folder))


# The same totals by plain SQL


@pytest.mark.parametrize(
    ("period", "own_words"),
    [
        ("2026-Q1", Said()),
        ("2026-Q2", Said(edge="sold")),
        ("2026-Q3", Said()),
        ("2026-08", Said()),
        ("FY2026-04-Q2", Said(calendar=Calendar(zone("Europe/Berlin"), 4), zone="Europe/Berlin")),
    ],
)
@pytest.mark.parametrize("size", [None, 200])
def test_every_total_is_that_of_plain_sql_to_the_last_digit(folder, postgres, period, own_words, size):
    with_store = Store(folder / "ledger.db", make=False)
    report = made(with_store, Wanted(period, NOW, said=own_words, size=size)).report
    leaves = [(one.entry_id, one.leaf) for one in with_store.entries(0, report.evidence.size)]
    until = report.datum("identity.until").value
    told = by_sql(postgres.schema(), leaves, report.start, until, own_words.zone, own_words.edge)
    data = {name: report.datum(name) for name in told}
    assert len(told) == 14
    assert {name: rounded(exact(one.value) * UNITS[one.unit]) for name, one in data.items()} == told


def test_the_root_is_that_of_the_ledger(folder):
    store = Store(folder / "ledger.db", make=False)
    evidence = made(store, Wanted("2026Q3", NOW)).report.evidence
    assert (evidence.size, evidence.root) == (store.size(), b64encode(store.head().root).decode())


@pytest.mark.parametrize(
    ("now", "first_month", "name"),
    [
        ("2026-11-21T10:00:00+00:00", 1, "2026-Q3"),
        ("2026-10-01T00:00:00+00:00", 1, "2026-Q3"),
        ("2026-09-30T23:59:59+00:00", 1, "2026-Q2"),
        ("2026-11-21T10:00:00+00:00", 4, "FY2026-04-Q2"),
    ],
)
def test_the_last_quarter_is_the_newest_one_that_is_over(folder, now, first_month, name):
    said = Said(calendar=Calendar(first_month=first_month))
    store = Store(folder / "ledger.db", make=False)
    assert made(store, Wanted("last", datetime.fromisoformat(now), said=said)).report.period == name


def test_a_ledger_in_postgres_tells_the_same(folder, postgres):
    store, copy = Store(folder / "ledger.db", make=False), Store(postgres.schema())
    copy.append_all([(one.leaf, None) for one in store.entries()])
    reports = [made(one, Wanted("2026Q3", NOW)).report for one in (store, copy)]
    copy.close()
    assert reports[0].evidence == reports[1].evidence
    assert sections(reports[0], "BCDEFGHIN") == sections(reports[1], "BCDEFGHIN")


def sections(report, names):
    return [one for one in report.sections if one.id in names]


# The command


def test_the_figures_are_printed(folder, capsys):
    assert called(folder, "report", "--quarter", "2026Q3") == 0
    told = capsys.readouterr().out
    assert told.startswith("Acme Shop AG (made up)  2026-Q3  2026-07-01T00:00:00Z to 2026-10-01T00:00:00Z\n")
    assert "\n  status       closed, current, version 2, " in told
    assert "\n  TOTAL        " in told


def test_the_command_that_makes_it_again_has_all_that_was_given(folder, capsys):
    called(folder, "report", "--quarter", "2026Q3", "--json")
    found = Quarterly.model_validate_json(told := capsys.readouterr().out)
    command = again(found, str(folder / "report.yaml"), str(folder / "ledger.db"), "greengate.yaml")
    assert (cli.run([*shlex.split(command)[1:], "--json"]), capsys.readouterr().out) == (0, told)
    assert command.endswith(f" --company {folder}/report.yaml --history {folder}/ledger.db")


def test_a_password_is_not_printed(folder):
    with Store(folder / "ledger.db", make=False) as store:
        found = made(store, Wanted("2026-Q2", NOW)).report
    command = again(found, None, "postgresql://me:secret@host/db", "greengate.yaml")
    assert command == f"greengate report --quarter 2026-Q2 --size {found.evidence.size} --history URL"


def test_files_are_written_before_anything_is_printed(folder, tmp_path, monkeypatch):
    def cut(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr("greengate.cli.sheet.click.echo", cut)
    with pytest.raises(BrokenPipeError):
        _tell_csv(folder, tmp_path / "q.csv")
    assert (tmp_path / "q.csv").read_bytes().startswith(b"kind,")


def _tell_csv(folder, place):
    """Write the report on a quarter as CSV, and print it in short."""
    with Store(folder / "ledger.db", make=False) as store:
        found = made(store, Wanted("2026-Q2", NOW, said=said(folder))).report
    tell(found, parse([f"csv={place}"]), "", "again", as_json=False)


def test_the_same_report_is_the_same_bytes(folder, capsys):
    told = [(called(folder, "report", "--quarter", "2026-Q3", "--json"), capsys.readouterr().out) for _ in range(2)]
    assert told[0] == told[1]
    assert Quarterly.model_validate_json(told[0][1]).period == "2026-Q3"


def test_what_was_reported_is_made_again_byte_for_byte(folder, capsys):
    assert called(folder, "report", "--quarter", "2026-Q2", "--view", "as-reported", "--json") == 0
    body = capsys.readouterr().out.rstrip("\n").encode()
    store = Store(folder / "ledger.db", make=False)
    assert digest(body) == next(one.sha256 for one in quarters.delivered(store) if one.period == "2026-Q2")


def test_as_reported_and_as_restated_are_both_there_and_differ(folder, capsys):
    totals = []
    for view in ("as-reported", "as-restated"):
        called(folder, "report", "--quarter", "2026-Q2", "--view", view, "--json")
        totals.append(Quarterly.model_validate_json(capsys.readouterr().out).datum("emissions.total_location").value)
    assert totals[0] != totals[1]


def test_a_restatement_tells_its_differences_and_who_approved_it(folder):
    restated = quarters.restated(Store(folder / "ledger.db", make=False), "2026-Q2")
    assert (restated.reason, restated.approved_by, restated.delta_energy_mj) == ("factor_revision", "cfo", 0)
    assert restated.delta_location_ugco2e > 0


def test_a_report_is_written_in_the_formats_that_are_asked_for(folder, tmp_path):
    places = {word: tmp_path / f"q.{word}" for word in ("json", "csv")}
    words = [f"--report={word}={place}" for word, place in places.items()]
    assert called(folder, "report", "--quarter", "2026Q3", *words) == 0
    assert "emissions.total_location" in places["csv"].read_text()
    assert json.loads(places["json"].read_text())["form"] == "greengate/quarterly/v1"


def test_a_quarter_that_is_not_over_is_preliminary(folder, capsys):
    called(folder, "report", "--quarter", "2026Q4", "--at", "2026-10-05T00:00:00Z", "--json")
    report = Quarterly.model_validate_json(capsys.readouterr().out)
    assert (report.status, report.datum("identity.until").value) == ("preliminary", "2026-10-05T00:00:00Z")


def test_decisions_are_counted_up_to_the_moment_that_is_asked_for(folder):
    store = Store(folder / "ledger.db", make=False)
    whole = made(store, Wanted("2026-Q3", NOW)).report
    for at in ("2026-07-15T00:00:00+00:00", whole.start):
        report = made(store, Wanted("2026-Q3", NOW, at=datetime.fromisoformat(at) + timedelta(hours=1))).report
        counted = sum(within(one.leaf, whole.start, report.datum("identity.until").value) for one in store.entries())
        assert int(report.datum("gate.decisions").value) == counted < int(whole.datum("gate.decisions").value)


def within(leaf, start, end):
    """Whether a leaf is a decision of a time."""
    said = json.loads(leaf)
    at = instant(said["predicate"]["at"])
    return said["predicateType"].endswith("decision:v2") and instant(start) <= at <= instant(end)


def test_an_entry_of_the_future_makes_no_period_be_over(store):
    report = made(store, Wanted("2026-Q3", datetime(2026, 8, 1, tzinfo=UTC))).report
    assert (report.status, report.datum("identity.until").value) == ("preliminary", "2026-08-01T00:00:00Z")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--quarter", "2026Q5"], "error: --quarter: `2026-Q5` is no period\n  hint: they are written like"),
        (["--quarter", ""], "error: --quarter: no period is named"),
        (["--quarter", "1999-Q1"], "the ledger begins later, on 2025-12-01"),
        (["--quarter", "2150-Q1"], "it has not begun: the newest entry is of 2026-10-"),
        (["--quarter", "2026Q3", "--size", "0"], "error: --size: the ledger has "),
        (["--quarter", "2026Q4", "--view", "as-reported"], "error: --view: 2026-Q4 was never closed"),
        (["--quarter", "2026Q1", "--view", "as-restated"], "error: --view: 2026-Q1 was never restated"),
        (["--quarter", "2150Q1", "--at", "2150-02-01T00:00:00Z"], "error: --at: it lies in the future"),
        (
            ["--quarter", "2026Q3", "--at", "2026-07-01T00:00:00Z"],
            "error: --at: 2026-Q3 has not begun then: it begins at 2026-07-01T00:00:00Z\n  hint: ask for a later time",
        ),
        (["--quarter", "2026Q1", "--view", "as-reported", "--size", "9"], "error: --size: it does not go with --view"),
        (["--check", "x", "--view", "as-reported"], "error: --view: it does not go with --check"),
        (["--quarter", "2026Q3", "--at", "noon"], "error: --at: `noon` is no time"),
        (["--quarter", "2026Q3", "--at", "2026-08-01"], "error: --at: `2026-08-01` has no time zone"),
        (["--quarter", "2026Q3", "--report", "doc=x"], "`doc` is no format of the quarterly report"),
        (["--quarter", "2026Q3", "--report", "json"], "`json` is not FORMAT=FILE"),
        ([], "error: greengate report: it wants one of --quarter and --check"),
        (["--quarter", "2026Q3", "--check", "x"], "it wants one of --quarter and --check"),
        (["--check", "nowhere.json"], "error: nowhere.json: it cannot be read: No such file"),
    ],
)
def test_what_cannot_be_told_is_refused(folder, capsys, words, told):
    assert called(folder, "report", *words) in {2, 4}
    assert told in capsys.readouterr().err


def test_a_ledger_that_is_not_there_is_refused(tmp_path, capsys):
    assert cli.run(["report", "--quarter", "2026Q3", "--history", str(tmp_path / "no.db")]) == 2
    assert "hint: " in capsys.readouterr().err


def signed_at(own, size):
    """Sign the first entries of the company's ledger, and keep that beside it."""
    with Store(own / "ledger.db", make=False) as store:
        said = checkpoints.Checkpoint(ORIGIN, size, merkle.root(min(size, store.size()), store.node))
        (own / "ledger.db.checkpoint").write_bytes(checkpoints.signed(said, Held(1)).note)


@pytest.mark.parametrize("words", [["report", "--quarter", "2026Q3"], ["period", "close", "2026-08", "--by", "cfo"]])
def test_of_a_ledger_that_lacks_what_was_signed_nothing_is_reported(own, capsys, words):
    signed_at(own, 50)
    assert called(own, "report", "--quarter", "2026Q3") == 0
    signed_at(own, 10**6)
    assert called(own, *words) == 4
    told = capsys.readouterr().err
    assert "ledger.db.checkpoint: 1000000 entries, root " in told
    assert "entries were taken away: bring back the ledger that has them; nothing was reported" in told


def test_a_last_checkpoint_that_is_none_is_told(own, capsys):
    (own / "ledger.db.checkpoint").write_text("nonsense")
    assert called(own, "report", "--quarter", "2026Q3") == 4
    assert "this is no checkpoint of the ledger" in capsys.readouterr().err


def test_an_empty_ledger_has_nothing_to_tell(tmp_path, capsys):
    Store(tmp_path / "h.db").close()
    assert cli.run(["report", "--quarter", "2026Q3", "--history", str(tmp_path / "h.db")]) == 2
    assert "the ledger holds nothing that a report could tell" in capsys.readouterr().err


def test_an_entry_that_cannot_be_read_is_named(tmp_path, capsys):
    store = Store(tmp_path / "h.db")
    store.append(
        encode({"predicate": {"at": "yesterday"}, "predicateType": "urn:greengate:decision:v2", "subject": []})
    )
    store.close()
    assert cli.run(["report", "--quarter", "2026Q3", "--history", str(tmp_path / "h.db")]) == 4
    assert "entry 0 (" in capsys.readouterr().err


def test_the_calendar_of_a_fiscal_year_is_taken_from_its_name_where_nobody_says_another(folder, capsys):
    words = ["report", "--quarter", "FY2026-04-Q1", "--json", "--history", str(folder / "ledger.db")]
    assert cli.run([*words, "--project", str(folder / "greengate.yaml")]) in {0, 2}
    found = made(Store(folder / "ledger.db", make=False), Wanted("FY2026-04-Q1", NOW)).report
    assert (found.start, found.end) == ("2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z")
    assert any("overlaps this one" in one for part in found.sections for one in part.statements)
    capsys.readouterr()


# Held against the ledger again


@pytest.fixture
def delivered(folder, tmp_path, capsys):
    called(folder, "report", "--quarter", "2026Q2", "--view", "as-reported", "--report", f"json={tmp_path / 'q.json'}")
    capsys.readouterr()
    return tmp_path / "q.json"


def test_a_delivered_report_is_found_sound(folder, delivered, capsys):
    assert called(folder, "report", "--check", str(delivered)) == 0
    assert "figures of" in (told := capsys.readouterr().out)
    assert "the ledger has an entry that it was delivered" in told.replace("\n", " ")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("sections", 3, "data", 1, "value"), "0.1", "emissions.scope_2_location"),
        (("sections", 2, "data", 0, "digest"), "0" * 64, "activity.energy, digest"),
        (("sections", 3, "tables", 0, "rows", 0, 0), "other", "table emissions.by_model, row 1"),
        (("sections", 1, "statements", 0), "no", "section B, statement 1"),
        (("sections", 1, "statements"), [], "section B, statement 2"),
        (("company", "name"), "Another AG", "company, name"),
        (("evidence", "command"), "rm", "what it rests on, command"),
        (("evidence", "root"), "0" * 64, "evidence.root"),
        (("evidence", "size"), 10**6, "evidence.size"),
        (("evidence", "checkpoint"), "nonsense", "evidence.checkpoint"),
        (("made_at",), "2026-07-09T00:00:00Z", "made_at"),
        (("evidence", "size"), 0, "evidence.size"),
        (("status",), "restated", "section A, statement 1"),
    ],
)
def test_what_was_changed_in_a_delivered_report_is_named(folder, delivered, capsys, path, value, told):
    report = json.loads(delivered.read_text())
    inner = report
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    delivered.write_text(json.dumps(report))
    assert called(folder, "report", "--check", str(delivered), "--json") == 4
    assert told in [one["what"] for one in json.loads(capsys.readouterr().out)["differences"]]


def test_sections_may_be_left_out_with_a_reason_which_is_told(own, capsys):
    text = (own / "report.yaml").read_text().replace("omitted: {N:", "omitted: {B: b, C: c, D: d, J: j, L: l, N:")
    (own / "report.yaml").write_text(text)
    assert called(own, "report", "--quarter", "2026Q2") == 0
    assert called(own, "period", "restate", "2026Q2", "--reason=error", "--why=w", "--approved-by=cfo") == 2
    assert "its total (energy, location, market) was reported, and is not known now" in capsys.readouterr().err
    called(own, "report", "--quarter", "2026Q2", "--json")
    report = Quarterly.model_validate_json(capsys.readouterr().out)
    assert [one.omitted for one in report.sections if one.id in "BCD"] == ["b", "c", "d"]
    assert "Section D is left out: d" in report.sections[0].statements


@pytest.mark.parametrize("place", [("sections",), ("sections", 3, "data"), ("sections", 3, "tables")])
def test_what_stands_twice_in_a_delivered_report_is_told(folder, delivered, capsys, place):
    report = json.loads(delivered.read_text())
    inner = report
    for step in place:
        inner = inner[step]
    inner.insert(0, inner[3])
    delivered.write_text(json.dumps(report))
    assert called(folder, "report", "--check", str(delivered), "--json") == 4
    assert [one["what"] for one in json.loads(capsys.readouterr().out)["differences"]] == ["the report"]


def test_of_long_words_the_place_is_told_where_they_part(folder, delivered, capsys):
    delivered.write_text(delivered.read_text().replace("in whole mJ, rounded half up.", "in whole kJ, rounded up."))
    assert called(folder, "report", "--check", str(delivered), "--json") == 4
    (found,) = json.loads(capsys.readouterr().out)["differences"]
    assert found["what"] == "section C, statement 1"
    assert (found["delivered"][:40], found["recomputed"][:40]) == (
        "…alendar year in UTC, in whole kJ, round", "…alendar year in UTC, in whole mJ, round",
    )  # fmt: skip


@pytest.mark.parametrize("until", ["yesterday", "2026-06-30", "2026-06-30T00:00:00"])
def test_a_report_that_counts_up_to_no_instant_is_refused(folder, delivered, capsys, until):
    report = json.loads(delivered.read_text())
    (told,) = (one for part in report["sections"] for one in part["data"] if one["id"] == "identity.until")
    told["value"] = until
    delivered.write_text(json.dumps(report))
    assert called(folder, "report", "--check", str(delivered)) == 2
    assert "`identity.until` tells no instant up to which it counts" in capsys.readouterr().err


def test_what_is_no_json_is_refused_in_plain_words(folder, tmp_path, capsys):
    (tmp_path / "x.json").write_text("[")
    assert called(folder, "report", "--check", str(tmp_path / "x.json")) == 2
    assert "this is no quarterly report: Invalid JSON: EOF" in capsys.readouterr().err


def test_what_is_no_report_is_refused(folder, tmp_path, capsys):
    (tmp_path / "x.json").write_text('{"period": "2026-Q3"}')
    assert called(folder, "report", "--check", str(tmp_path / "x.json")) == 2
    assert "this is no quarterly report: " in capsys.readouterr().err


def test_another_report_yaml_is_told(own, delivered, capsys):
    (own / "report.yaml").write_text((own / "report.yaml").read_text().replace("share: 2%", "share: 3%"))
    assert called(own, "report", "--check", str(delivered), "--json") == 4
    told = [one["what"] for one in json.loads(capsys.readouterr().out)["differences"]]
    assert {"evidence.company", "boundary.exclusions"} <= set(told)


# Closing, restating, signing


def test_a_period_is_closed_once(own, capsys):
    assert called(own, "period", "close", "2026Q3", "--by", "controlling") == 2
    assert "error: 2026-Q3: it was closed already, at 2026-10-12T08:00:00Z" in capsys.readouterr().err


def test_a_period_that_is_not_over_is_not_closed(own, capsys):
    assert called(own, "period", "close", "2150Q1", "--by", "controlling") == 2
    assert "2150-Q1: it is not over: it ends at 2150-04-01T00:00:00Z" in capsys.readouterr().err


def test_a_period_of_another_calendar_that_overlaps_is_not_closed(store):
    berlin = Said(calendar=Calendar(zone("Europe/Berlin")), zone="Europe/Berlin", digest="d")
    with pytest.raises(UsageError, match="it was closed already"):
        closing.close(store, Wanted("2026-Q3", NOW, said=berlin), "controlling")
    with pytest.raises(UsageError, match="of another calendar"):
        closing.close(store, Wanted("FY2026-02-Q2", NOW), "controlling")
    with pytest.raises(UsageError, match="of another calendar"):
        closing.close(store, Wanted("2026-01", NOW, said=berlin), "controlling")


def test_a_closed_period_is_not_restated_by_another_calendar(store):
    berlin = Said(calendar=Calendar(zone("Europe/Berlin"), 1), zone="Europe/Berlin")
    before = store.size()
    with pytest.raises(UsageError, match="closed as 2026-07-01T00:00:00Z to 2026-10-01T00:00:00Z, by another calendar"):
        closing.restate(store, Wanted("2026-Q3", NOW, said=berlin), "error", "w", "cfo")
    assert store.size() == before


def test_a_closed_period_is_not_told_by_another_calendar(store):
    berlin = Said(calendar=Calendar(zone("Europe/Berlin")), zone="Europe/Berlin", digest="d")
    with pytest.raises(UsageError, match="closed as 2026-07-01T00:00:00Z to 2026-10-01T00:00:00Z, by another calendar"):
        made(store, Wanted("2026-Q3", NOW, "as-reported", berlin))


@pytest.mark.parametrize("name", ["2026Q2", "2026q2", "2026 Q2", " 2026-q2"])
def test_a_quarter_may_be_written_as_people_write_it(folder, capsys, name):
    assert called(folder, "report", "--quarter", name) == 0
    assert "  2026-Q2  2026-04-01T00:00:00Z" in capsys.readouterr().out


def test_what_was_reported_and_is_not_kept_here_is_not_called_unreported(own, capsys):
    with_bodies = Store(own / "ledger.db", make=False)
    with Store(own / "bare.db") as bare:
        bare.append_all([(one.leaf, {}) for one in with_bodies.entries()])
    words = ["report", "--quarter", "2026Q3", "--json", "--history", str(own / "bare.db")]
    assert cli.run([*words, "--company", str(own / "report.yaml")]) == 0
    report = Quarterly.model_validate_json(capsys.readouterr().out)
    (table,) = (one for part in report.sections for one in part.tables if one.id == "comparatives.reported")
    told = [row[[column.id for column in table.columns].index("status")] for row in table.rows[:6]]
    assert told == 3 * ["closed, and not kept here"] + 3 * ["restated, and not kept here"]


def test_nothing_is_restated_where_every_total_is_what_was_reported(store, own):
    with pytest.raises(UsageError, match="there is nothing to restate"):
        closing.restate(store, Wanted("2026-Q2", NOW, said=said(own)), "error", "w", "cfo")


def test_what_was_never_closed_is_not_restated(store):
    with pytest.raises(UsageError, match="it was never closed"):
        closing.restate(store, Wanted("2026-08", NOW), "error", "w", "cfo")


def test_a_month_is_closed_and_reproduced(store, own):
    found = closing.close(store, Wanted("2026-08", NOW, said=said(own)), "controlling").report
    again = made(store, Wanted("2026-08", NOW, "as-reported", said(own))).report
    assert closing.written(found)[1] == closing.written(again)[1]


def signed(role, by):
    return SignedOff(at="2026-10-13T00:00:00Z", period="2026-Q2", report="", role=role, by=by)


def test_who_prepared_a_report_does_not_review_it(store):
    closing.sign_off(store, signed("prepared", "@olga"))
    with pytest.raises(UsageError, match="`@Olga` has prepared this report"):
        closing.sign_off(store, signed("reviewed", "@Olga"))


@pytest.mark.parametrize("names", [("@olga", "olga"), ("olga", "@Olga"), ("Olga", "@olga"), ("olga", "@olga")])
def test_a_person_and_a_role_of_one_name_are_one(store, names):
    closing.sign_off(store, signed("prepared", names[0]))
    with pytest.raises(UsageError, match=f"`{names[1]}` has prepared this report"):
        closing.sign_off(store, signed("reviewed", names[1]))


def test_a_report_is_reviewed_before_it_is_approved_and_once(store):
    closing.sign_off(store, signed("prepared", "controlling"))
    with pytest.raises(UsageError, match="nobody has reviewed the report yet"):
        closing.sign_off(store, signed("approved", "cfo"))
    with pytest.raises(UsageError, match="the report was prepared already"):
        closing.sign_off(store, signed("prepared", "cfo"))


def test_persons_are_kept_as_pseudonyms_and_named_on_demand(own, capsys):
    called(own, "report", "--quarter", "2026Q3", "--json")
    assert "olga" not in capsys.readouterr().out
    called(own, "report", "--quarter", "2026Q3", "--json", "--names")
    assert Quarterly.model_validate_json(capsys.readouterr().out).datum("sign_off.prepared").value == "olga"


def test_a_report_that_nobody_delivered_is_not_signed(store):
    with pytest.raises(UsageError, match="no report on it was delivered"):
        closing.sign_off(store, signed("prepared", "x").model_copy(update={"period": "2026-Q4"}))


def test_what_was_closed_restated_and_signed_is_listed(folder, capsys):
    assert called(folder, "period", "list") == 0
    assert "factor_revision: the intensity of DE was published again" in " ".join(capsys.readouterr().out.split())


def test_a_ledger_that_was_changed_before_its_close_is_refused(own, capsys):
    store = Store(own / "other.db")
    store.append_all([(one.leaf, None) for one in Store(own / "ledger.db", make=False).entries(1)])
    store.close()
    words = ["--quarter", "2026Q2", "--view", "as-reported", "--history", str(own / "other.db")]
    assert cli.run(["report", *words]) == 4
    assert "are not those that 2026-Q2 was closed by" in capsys.readouterr().err


def test_nobody_said_anything_is_told_as_missing(folder):
    report = made(Store(folder / "ledger.db", make=False), Wanted("2026Q3", NOW, said=NOBODY)).report
    assert [report.datum(name).missing for name in ("identity.entity", "quality.coverage")] == [
        "no report.yaml says it", "report.yaml names no models",
    ]  # fmt: skip


# The company's ledger, for the commands of a developer


@pytest.mark.parametrize(
    "words",
    [
        ["history", "--limit", "3"],
        ["show", "last"],
        ["retire", "search/m00", "--why", "replaced"],
        ["settle", "acme/shop#2", "--merged"],
    ],
)
def test_the_companys_decisions_are_read_as_any_others(own, capsys, monkeypatch, words):
    monkeypatch.chdir(own)
    assert cli.run([*words, "--history", "ledger.db"]) == 0
    assert capsys.readouterr().err == ""
