import json

import pytest
from factors_made import CONTRACT, HEADER, a_set

from greengate.cli import run


def written(folder, rows, name="acme.csv"):
    (folder / name).write_text(f"{HEADER}\n{rows}\n", encoding="utf-8")
    return str(folder / name)


def test_the_sets_that_are_shipped_are_listed(capsys):
    assert run(["factors", "list"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("greengate-2026.11\n")
    assert "Ember, via Our World in Data, CC BY 4.0" in " ".join(told.split())


def test_a_list_for_machines_has_the_digests(capsys):
    assert run(["factors", "list", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["name"], len(told["sha256"]), told["extends"]) == ("greengate-2026.11", 64, None)


def test_a_zone_is_shown_with_its_source(capsys):
    assert run(["factors", "show", "--zone", "DE"]) == 0
    told = capsys.readouterr().out
    assert "344.13992" in told
    assert "Ember" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--zone", "Germany"], "did you mean `DE` (Germany)?"),
        (["--region", "aws/eu-central1"], "did you mean `aws/eu-central-1`?"),
        (["--machine", "aws/m5large"], "did you mean `aws/m5.large`?"),
        (["2020.01"], "there is no factor set `2020.01`"),
        (["nowhere.json"], "nowhere.json: cannot be read: No such file or directory"),
    ],
)
def test_what_is_not_there_is_refused(arguments, words, capsys):
    assert run(["factors", "show", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_the_regions_of_a_cloud_are_listed(capsys):
    assert run(["factors", "show", "--region", "gcp/"]) == 0
    assert "gcp/europe-west3  gcp/europe-west3  Frankfurt\n" in capsys.readouterr().out


def test_a_region_is_shown_with_its_zone_and_pue(capsys):
    assert run(["factors", "show", "--region", "aws/eu-central-1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["rows"]
    assert {row["id"] for row in told} == {"DE", "aws"}


def test_a_whole_set_is_shown_by_its_series(capsys):
    assert run(["factors", "show"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "average, operational, production. US EPA eGRID2023" in told
    assert "left out" in told


def test_a_shipped_set_is_sound(capsys):
    assert run(["factors", "verify", "greengate-2026.11"]) == 0
    assert "doubtful: 22 rows: more than 40% from the year before\n" in capsys.readouterr().out


def test_doubtful_rows_are_listed_on_demand(capsys):
    assert run(["factors", "verify", "--all"]) == 0
    assert "  CR 2024: 63.004845 is +154% from the 24.765158 of 2023\n" in capsys.readouterr().out


def test_a_set_of_another_digest_is_refused(capsys):
    assert run(["factors", "verify", "--sha256", "ab" * 32]) == 2
    assert "it is not the set that was pinned" in capsys.readouterr().err


def test_a_set_that_cannot_be_is_refused(tmp_path, capsys):
    (tmp_path / "acme.json").write_text(json.dumps(a_set([("DE", 2024, "3000")])), encoding="utf-8")
    assert run(["factors", "verify", str(tmp_path / "acme.json")]) == 2
    assert "found 3000 gCO2e/kWh, expected 1 to 2000 gCO2e/kWh" in capsys.readouterr().err


def test_a_company_s_table_becomes_a_set(tmp_path, capsys):
    out = tmp_path / "sets" / "acme-2026.1.json"
    table = written(tmp_path, CONTRACT)
    assert (
        run(["factors", "import", table, "--name", "acme-2026.1", "--extends", "greengate-2026.11", "--out", str(out)])
        == 0
    )
    assert "pin it in greengate.yaml:\n  factors: {file: " in capsys.readouterr().out
    assert run(["factors", "show", str(out), "--zone", "FR"]) == 0


def test_a_set_is_never_written_over(tmp_path, capsys):
    out = tmp_path / "acme.json"
    arguments = ["factors", "import", written(tmp_path, CONTRACT), "--name", "acme", "--out", str(out)]
    assert run(arguments) == 0
    assert run(arguments) == 2
    assert "a set never changes: give the new one another name" in capsys.readouterr().err


def test_a_doubtful_row_must_be_accepted(tmp_path, capsys):
    row = "intensity,DE,2025,758.7,gCO2e/kWh,ACME,internal,lifecycle"
    arguments = ["factors", "import", written(tmp_path, row), "--name", "acme", "--extends", "greengate-2026.11"]
    arguments += ["--out", str(tmp_path / "acme.json")]
    assert run(arguments) == 2
    assert "is it lb/MWh, where g/kWh is meant?\n  hint: look at it; if it is meant: --accept 'DE 2025'" in (
        capsys.readouterr().err
    )
    assert run([*arguments, "--accept", "DE 2025"]) == 0


def test_what_would_move_is_told(tmp_path, capsys):
    for name, value in (("old", "400"), ("new", "300")):
        (tmp_path / f"{name}.json").write_text(json.dumps(a_set([("DE", 2024, value)])), encoding="utf-8")
    assert run(["factors", "diff", str(tmp_path / "old.json"), str(tmp_path / "new.json")]) == 0
    assert "intensity DE 400 (2024) 300 (2024) -25.0%" in " ".join(capsys.readouterr().out.split())
    assert run(["factors", "diff", str(tmp_path / "old.json"), str(tmp_path / "new.json"), "--above", "30%"]) == 0
    assert capsys.readouterr().out == "nothing moves\n"


def test_a_share_without_a_unit_is_refused(tmp_path, capsys):
    assert run(["factors", "diff", "greengate-2026.11", "greengate-2026.11", "--above", "5"]) == 2
    assert "`5` has no unit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "--zone", ""], "--zone: is empty"),
        (["show", "--zone", "DE", "--machine", "aws/m5.large"], "--machine: stands beside --zone"),
        (["show", "--region", "aws"], "`--region aws/` lists those of a cloud"),
        (["show", "--region", "awss/"], "did you mean `aws/`?"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, words, capsys):
    assert run(["factors", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_the_regions_of_a_cloud_are_json_where_that_is_asked_for(capsys):
    assert run(["factors", "show", "--region", "gcp/", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["zone"].startswith("gcp/")


@pytest.mark.parametrize(
    ("name", "words"), [("ACME 1", "`ACME 1` is no name of a set"), ("greengate-2026.11", "comes with greengate")]
)
def test_a_name_that_cannot_be_is_refused(tmp_path, name, words, capsys):
    assert run(["factors", "import", written(tmp_path, CONTRACT), "--name", name]) == 2
    assert words in capsys.readouterr().err


def test_a_row_that_is_accepted_must_be_doubtful(tmp_path, capsys):
    arguments = ["factors", "import", written(tmp_path, CONTRACT), "--name", "a", "--accept", "XX 1999"]
    assert run([*arguments, "--out", str(tmp_path / "a.json")]) == 2
    assert "no row `XX 1999` is doubtful" in capsys.readouterr().err


def test_semicolons_are_told(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(HEADER.replace(",", ";") + "\n", encoding="utf-8")
    assert run(["factors", "import", str(tmp_path / "a.csv"), "--name", "a"]) == 2
    assert "has semicolons between its cells" in capsys.readouterr().err


def test_markup_in_names_is_shown_as_it_is(tmp_path, capsys):
    for name, zone in (("old", "[/red]DE"), ("new", "[/x]FR")):
        (tmp_path / f"{name}.json").write_text(json.dumps(a_set([(zone, 2024, "344")])), encoding="utf-8")
    assert run(["factors", "diff", str(tmp_path / "old.json"), str(tmp_path / "new.json")]) == 0
    assert "[/x]FR" in capsys.readouterr().out
