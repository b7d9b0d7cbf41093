"""What other trackers wrote of a training is read as it stands, or refused with its place."""

# ruff: noqa: E501 - one case is one line of its table

import hashlib
import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packs_made import Files
from repositories_made import run_git as git
from trackers_made import (
    RUN,
    begun,
    codecarbon,
    flat,
    greengate,
    kwh,
    laps,
    mlflow,
    mlflow_run,
    step,
    tracked,
    zeus,
)

from greengate import grounds
from greengate.errors import ModelError, Place, Problems, ProjectError
from greengate.evidence import Class, Interval, Provenance
from greengate.measure.trackers import mlflow_keys
from greengate.measure.trackers.declared import FORMATS, Choice, from_file
from greengate.packs import project_file
from greengate.packs.project import Project, load_project
from greengate.packs.project_entry import ModelEntry, TrackerFile, Training
from greengate.training import training_figures, training_phase

ALL = Choice(every=True)
FILE = "emissions.csv"
COUNTERS = "a counter where CodeCarbon found one, else watts it assumes (`cpu_power`, `ram_power`) x wall-clock time: the file does not say which"


def read(data, tracker="codecarbon", choice=None):
    return from_file(data, FILE, tracker, choice or Choice())


def amounts(found):
    return {name: figure.amount for name, figure in found.figures.items()}


def refused(data, tracker="codecarbon", choice=None):
    with pytest.raises(ModelError) as caught:
        read(data, tracker, choice)
    return caught.value.where, caught.value.problem, caught.value.hint


# What is read


def test_codecarbon_is_read_with_its_provenance():
    data = codecarbon()
    found = read(data)
    assert amounts(found) == {"training_energy": 3.6e6, "training_carbon": 56.0}
    assert found.missing == {}
    assert found.figures["training_energy"].interval == Interval(low=3.6e6, high=3.6e6)
    assert found.figures["training_energy"].provenance == Provenance(
        kind=Class.DECLARED,
        method=f"imported from CodeCarbon 3.3.2: run `{RUN['run_id']}`, project `summariser`; tracking mode machine, France, FRA, île-de-france, PUE 1.2 in it",
        source=f"emissions.csv sha256:{hashlib.sha256(data).hexdigest()[:12]}",
        meter="CodeCarbon 3.3.2",
        scope="host",
        boundary=f"CPU, GPU and RAM of the whole machine, CPU 42.5 W, GPU 0 W, RAM 20 W on average; {COUNTERS}",
        net_of_idle=False,
        blocks=1,
        window_s=3600.5,
    )


def test_what_an_older_codecarbon_does_not_say_is_said_to_be_missing():
    old = (
        "pue",
        "wue",
        "tracking_mode",
        "codecarbon_version",
        "country_name",
        "country_iso_code",
        "region",
        "emissions",
    )
    found = read(codecarbon(without=(*old, "cpu_power", "gpu_power", "ram_power")))
    provenance = found.figures["training_energy"].provenance
    assert provenance.method.endswith("; tracking mode not in the file, place not in the file, PUE not in the file")
    assert provenance.meter == "CodeCarbon of a version that the file does not tell"
    assert (provenance.scope, provenance.boundary) == ("", f"CPU, GPU and RAM of the machine; {COUNTERS}")
    assert found.missing == {"training_carbon": "the CodeCarbon file gives no emissions"}


def test_a_process_in_the_cloud_is_told_as_such():
    cloud = {"tracking_mode": "process", "on_cloud": "Y", "cloud_provider": "aws", "cloud_region": "eu-west-3"}
    provenance = read(codecarbon(cloud)).figures["training_carbon"].provenance
    assert provenance.scope == "process"
    assert "tracking mode process, France, FRA, île-de-france, aws, eu-west-3, PUE" in provenance.method


@pytest.mark.parametrize(
    ("emissions", "why"),
    [
        ("", "the CodeCarbon file gives no emissions"),
        ("0.0", "the CodeCarbon file says 0 kg for 1 kWh: it knew no grid"),
    ],
)
def test_emissions_that_are_not_there_are_missing_and_never_zero(emissions, why):
    found = read(codecarbon({"emissions": emissions}))
    assert amounts(found) == {"training_energy": 3.6e6}
    assert found.missing == {"training_carbon": why}


def test_a_zeus_window_is_read_over_all_its_gpus():
    found = read(zeus((1700000000.25, "train", 120.5, 1000.5, 2000.25)), "zeus")
    assert amounts(found) == {"training_energy": 3000.75}
    assert found.missing == {"training_carbon": "Zeus writes no emissions"}
    provenance = found.figures["training_energy"].provenance
    assert provenance.method == "imported from Zeus (its log does not tell the version): window `train`"
    assert (provenance.scope, provenance.window_s) == ("device", 120.5)
    assert (
        provenance.boundary
        == "GPU 0, 1, the whole board by NVML or its like; CPU, DRAM and the rest are not in the log"
    )


@pytest.mark.parametrize(
    "data",
    [
        laps(step("train", "123.25")),
        flat(**step("train", "123.25")),
        flat(label="train", energy_joules=123.25, time=40.2),
    ],
    ids=["steps", "one step", "bare numbers"],
)
def test_a_step_of_eco_ci_is_read(data):
    found = read(data, "eco-ci")
    assert amounts(found) == {"training_energy": 123.25}
    assert found.missing == {"training_carbon": "Eco-CI writes no emissions into its JSON"}
    assert found.figures["training_energy"].provenance.window_s == 40.2


def test_the_first_layout_of_eco_ci_has_no_time():
    found = read(flat(label="TOTAL", energy_joules=5, cpu_avg_percent=3, power_avg_watts=1), "eco-ci")
    assert found.figures["training_energy"].provenance.window_s is None


def test_a_run_of_mlflow_is_read():
    found = read(mlflow(mlflow_run({"energy_kwh": 0.5, "emissions_kg": 0.1, "loss": "NaN"})), "mlflow")
    assert amounts(found) == {"training_energy": 1.8e6, "training_carbon": 100.0}
    provenance = found.figures["training_energy"].provenance
    assert provenance.method == "imported from MLflow: run `97aa0e39`; `energy_kwh`, run name `final`, status FINISHED"
    assert provenance.boundary == "what was logged as `energy_kwh`; of what, and by whom, MLflow does not tell"
    assert (provenance.meter, provenance.scope, provenance.window_s) == ("MLflow", "", None)


@pytest.mark.parametrize(
    ("key", "joules"),
    [
        ("energy_kwh", 3.6e6), ("energy_consumed_total_kWh", 3.6e6), ("train/energy_joules", 1.0), ("total.energy.wh", 3600.0),
        ("training energy MJ", 1e6), ("electricity_MWh", 3.6e9), ("energy_consumption_kwh", 3.6e6), ("energy_consumed", None),
        ("cpu_energy_kwh", None), ("energy_mwh", None), ("energy_kwh_per_epoch", None), ("power_kwh", None),
        ("system/gpu_0_power_usage_watts", None),
    ],
)  # fmt: skip
def test_a_key_is_energy_where_it_says_so_with_its_unit(key, joules):
    assert mlflow_keys.joules(key) == joules


@pytest.mark.parametrize(
    ("key", "grams"),
    [
        ("emissions_kg", 1e3), ("emissions_kg_co2", 1e3), ("emissions_kg_CO2", 1e3), ("co2_kg", 1e3), ("carbon_emission_kg", 1e3),
        ("carbon_footprint_gco2", 1.0), ("emissions_kgCO2eq", 1e3), ("emissions_grams", 1.0), ("emissions_tCO2e", 1e6),
        ("emissions", None), ("emissions_rate_kg_s", None), ("carbon_kg", None), ("weight_kg", None), ("emissions_t", None),
        ("emissions_per_10_predictions", None), ("carbon_saved_kg", None),
    ],
)  # fmt: skip
def test_a_key_is_emissions_where_it_says_so_with_its_unit(key, grams):
    assert mlflow_keys.grams(key) == grams


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ({"greengate.energy": "energy_consumed kWh"}, {"training_energy": 3.6e6}),
        ({"greengate.energy": "gpu J", "greengate.emissions": "emissions kgCO2e"}, {"training_energy": 5e6, "training_carbon": 200.0}),
    ],
)  # fmt: skip
def test_a_tag_of_the_run_says_which_metrics_count(tags, found):
    run = mlflow_run({"energy_consumed": 1, "gpu": 5e6, "emissions": 0.2}, tags=tags, step=7)
    assert amounts(read(mlflow(run), "mlflow")) == found


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        ({}, "the MLflow run gives no emissions under a key with its unit, and no tag `greengate.emissions`"),
        ({"emissions_kg": 0}, "the MLflow run says 0 for `emissions_kg`: whoever logged it knew no grid"),
    ],
    ids=["none", "zero"],
)
def test_emissions_that_mlflow_does_not_have_are_missing(metrics, why):
    found = read(mlflow(mlflow_run({"energy_kwh": 1, **metrics})), "mlflow")
    assert (amounts(found), found.missing) == ({"training_energy": 3.6e6}, {"training_carbon": why})


EMITTED = {"grams": "0.344", "grams_a_kwh": "344.0", "source": "Eurostat 2024", "without": "PUE"}


def test_a_run_that_greengate_tracked_is_read_with_its_interval():
    data = greengate(begun(), tracked(emissions=EMITTED, exit_code=1))
    found = read(data, "greengate")
    assert amounts(found) == {"training_energy": 3600.0, "training_carbon": 0.344}
    assert found.figures["training_energy"].interval == Interval(low=2700.0, high=4500.0, confidence=0.95)
    emitted = found.figures["training_carbon"].interval
    assert (emitted.low, emitted.high) == (pytest.approx(0.258), pytest.approx(0.43))
    assert found.figures["training_energy"].provenance == Provenance(
        kind=Class.DECLARED,
        method="imported from greengate 0.1.0: run `a`, project `summariser`; counter by rapl, `python`, phase final, ended with 1, 344 gCO2e/kWh (Eurostat 2024), no PUE in it",
        source=f"emissions.csv sha256:{hashlib.sha256(data).hexdigest()[:12]}",
        meter="greengate 0.1.0",
        scope="package",
        boundary="rapl: package-0: cores; without disks",
        net_of_idle=False,
        blocks=1,
        window_s=60.5,
    )


def test_intervals_of_runs_are_added_up_end_by_end():
    later = {"run__started_at": "2026-03-02T11:00:00Z", "ended_at": "2026-03-02T11:01:00Z"}
    found = read(greengate(tracked("a"), tracked("b", "7200.0", **later)), "greengate", ALL)
    assert found.figures["training_energy"].interval == Interval(low=8100.0, high=13500.0, confidence=0.95)
    assert found.missing == {"training_carbon": "no intensity was declared when the run was tracked"}


def test_runs_above_idle_and_with_idle_have_no_common_basis():
    other = tracked("b", energy__net_of_idle=True, energy__scope="process", run__machine__boot="c")
    provenance = read(greengate(tracked("a"), other), "greengate", ALL).figures["training_energy"].provenance
    assert (provenance.net_of_idle, provenance.scope) == (None, "")


def test_a_byte_order_mark_and_other_line_ends_do_no_harm():
    data = b"\xef\xbb\xbf" + codecarbon().replace(b"\n", b"\r\n") + b"\r\n"
    assert amounts(read(data)) == amounts(read(codecarbon()))


# Which entries count

RUNS = codecarbon(
    kwh("1", run_id="a", project_name="p"),
    kwh("2", run_id="b", project_name="p"),
    kwh("4", run_id="c", project_name="q"),
    kwh("nan", run_id="d", project_name="crashed", emissions="nan"),
)
WINDOWS = zeus((100, "warm", 10, 1, 1), (110, "epoch", 20, 2, 2), (130, "epoch", 20, 4, 4))
TRACKED = greengate(
    begun("a"),
    tracked("a"),
    begun("b"),
    tracked("b", "7200.0", run__project="other", run__machine__boot="c"),
    begun("c"),
    tracked("c", "100.0", energy__joules="1e9"),
)
SEARCHED = mlflow(
    mlflow_run({"energy_kwh": 1}, run_id="a"),
    mlflow_run({"energy_total_kwh": 2}, run_id="b", status="FAILED", step=9),
    mlflow_run({"energy_kwh": 4}, run_id="c", status="RUNNING"),
)
STEPS = laps(step("setup", "1"), step("train", "2"), step("train", "4"))


@pytest.mark.parametrize(
    ("data", "tracker", "choice", "joules"),
    [
        (RUNS, "codecarbon", Choice(run="b"), 2 * 3.6e6),
        (RUNS, "codecarbon", Choice(project="q"), 4 * 3.6e6),
        (RUNS, "codecarbon", Choice(project="p", run="a"), 3.6e6),
        (RUNS, "codecarbon", Choice(project="p", every=True), 3 * 3.6e6),
        (WINDOWS, "zeus", Choice(run="warm"), 2),
        (WINDOWS, "zeus", Choice(run="epoch", every=True), 12),
        (WINDOWS, "zeus", ALL, 14),
        (SEARCHED, "mlflow", Choice(run="b"), 2 * 3.6e6),
        (
            mlflow(mlflow_run({"energy_kwh": 1}, run_id="a"), mlflow_run({"energy_kwh": 2}, run_id="b")),
            "mlflow",
            ALL,
            3 * 3.6e6,
        ),
        (TRACKED, "greengate", Choice(run="b"), 7200),
        (TRACKED, "greengate", Choice(project="other"), 7200),
        (greengate(tracked("a"), tracked("b", run__machine__boot="c")), "greengate", ALL, 7200),
        (
            greengate(tracked("a", energy__scope="process"), tracked("b", energy__scope="process")),
            "greengate",
            ALL,
            7200,
        ),
        (STEPS, "eco-ci", Choice(run="setup"), 1),
        (STEPS, "eco-ci", Choice(run="train", every=True), 6),
    ],
)
def test_the_entries_that_are_chosen_count(data, tracker, choice, joules):
    assert amounts(read(data, tracker, choice))["training_energy"] == pytest.approx(joules, rel=1e-12)


def test_a_sum_tells_of_its_parts():
    found = read(RUNS, choice=Choice(project="p", every=True))
    provenance = found.figures["training_carbon"].provenance
    assert found.figures["training_carbon"].amount == pytest.approx(300)
    assert (provenance.blocks, provenance.window_s) == (2, 7201.0)
    assert provenance.method.startswith(
        "imported from CodeCarbon 3.3.2: run `a`, `b`, project `p`; tracking mode machine"
    )


def test_one_run_without_emissions_leaves_the_sum_without():
    found = read(codecarbon(kwh("1", run_id="a"), kwh("1", run_id="b", emissions="")), choice=ALL)
    assert amounts(found) == {"training_energy": 7.2e6}
    assert found.missing == {"training_carbon": "the CodeCarbon file gives no emissions"}


CHOOSE = "choose one with `training: {run: …}`, or add them up with `rows: all`"
FLUSHED = 'keep its last row only; `on_csv_write="update"` makes CodeCarbon do so'
INSIDE = mlflow(
    mlflow_run({"energy_kwh": 1}, run_id="a", tags={"mlflow.parentRunId": "b"}),
    mlflow_run({"energy_kwh": 2}, run_id="b"),
)
PAGE = json.dumps(json.loads(mlflow(mlflow_run({}, run_id="a"), mlflow_run({}, run_id="b"))) | {"next_page_token": "x"})
NESTED = zeus((100, "train", 100, 9, 9), (110, "epoch", 20, 2, 2))


@pytest.mark.parametrize(
    ("data", "tracker", "choice", "refusal"),
    [
        (RUNS, "codecarbon", Choice(), (Place(FILE), "4 runs of the CodeCarbon file are meant, and nothing says which counts: `a`, `b`, `c`, `d`", CHOOSE)),
        (RUNS, "codecarbon", Choice(project="p"), (Place(FILE), "2 runs of the CodeCarbon file are meant, and nothing says which counts: `a`, `b`", CHOOSE)),
        (RUNS, "codecarbon", Choice(run="e"), (Place(FILE), "the CodeCarbon file has no run `e`", "it holds `a`, `b`, `c`, `d`")),
        (RUNS, "codecarbon", Choice(project="crash"), (Place(FILE), "the CodeCarbon file has no project `crash`", "did you mean `crashed`?")),
        (RUNS, "codecarbon", Choice(project="q", run="a"), (Place(FILE), "the CodeCarbon file has no run `a`", "it holds `c`")),
        (codecarbon({}, {}), "codecarbon", ALL, (Place(FILE, 2, 1), f"the run `{RUN['run_id']}` stands in 2 rows, each its total so far", FLUSHED)),
        (codecarbon({}, {}), "codecarbon", Choice(), (Place(FILE, 2, 1), f"the run `{RUN['run_id']}` stands in 2 rows, each its total so far", FLUSHED)),
        (WINDOWS, "zeus", Choice(run="epoch"), (Place(FILE), "2 windows of the Zeus file are meant, and nothing says which counts: `epoch`", CHOOSE)),
        (NESTED, "zeus", ALL, (Place(FILE, 3, 1), "the windows `train` and `epoch` overlap: their sum would count energy twice", "choose the outer one with `run: NAME`")),
        (STEPS, "eco-ci", Choice(), (Place(FILE), "3 steps of the Eco-CI file are meant, and nothing says which counts: `setup`, `train`", CHOOSE)),
        (TRACKED, "greengate", Choice(), (Place(FILE), "3 runs of the greengate file are meant, and nothing says which counts: `a`, `b`, `c`", CHOOSE)),
        (TRACKED, "greengate", Choice(project="x"), (Place(FILE), "the greengate file has no project `x`", "it holds `summariser`, `other`")),
        (greengate(tracked("a"), tracked("b")), "greengate", ALL, (Place(FILE, 2, 1), "the runs `a` and `b` were metered at the same time on one machine: their sum counts energy twice", "choose one, or measure them one after the other")),
        (greengate(tracked("b", run__inside="a"), tracked("a")), "greengate", ALL, (Place(FILE, 2, 1), "of the runs `b` and `a` one is inside the other: their sum counts its energy twice", "choose the outer one with `run: NAME`")),
        (greengate(tracked("a"), tracked("a")), "greengate", ALL, (Place(FILE, 2, 1), "the run `a` stands twice", "keep one of the two")),
        (greengate(tracked("a"), begun("b")), "greengate", ALL, (Place(FILE, 2, 1), "the run `b` has begun and not ended: it still runs, or was killed with its tracker", "wait for it, or remove its line if it does not count")),
        (SEARCHED, "mlflow", Choice(), (Place(FILE), "3 runs of the MLflow file are meant, and nothing says which counts: `a`, `b`, `c`", CHOOSE)),
        (INSIDE, "mlflow", ALL, (Place(FILE, path="runs[0]"), "the run `a` lies inside the run `b`: a sum may count it twice", "choose the outer one with `run: RUN_ID`")),
        (mlflow(mlflow_run({}), mlflow_run({})), "mlflow", ALL, (Place(FILE, path="runs[1]"), "the run `97aa0e39` stands twice", "keep one of the two")),
        (PAGE.encode(), "mlflow", ALL, (Place(FILE), "the answer is one page of several (`next_page_token`), so that its runs are not all", "ask for more at once with `max_results`")),
        (b'{"runs": []}', "mlflow", ALL, (Place(FILE), "the MLflow file holds no run", "the tracker was not stopped, or not run")),
        (laps(step("a", "1.7e308"), step("b", "1.7e308")), "eco-ci", ALL, (Place(FILE), "the steps add up to more than a number can hold", "")),
        (laps(), "eco-ci", ALL, (Place(FILE), "the Eco-CI file holds no step", "the tracker was not stopped, or not run")),
        (zeus(), "zeus", ALL, (Place(FILE), "the Zeus file holds no window", "the tracker was not stopped, or not run")),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_an_unclear_choice_is_refused(data, tracker, choice, refusal):
    assert refused(data, tracker, choice) == refusal


def test_many_runs_are_not_all_named():
    data = codecarbon(*(kwh("1", run_id=f"r{number}") for number in range(9)))
    assert refused(data)[1].endswith("which counts: `r0`, `r1`, `r2`, `r3`, `r4` and 4 more")


def test_tasks_of_one_run_are_added_up():
    head, *rows = codecarbon(kwh("1"), kwh("2")).decode().splitlines()
    data = "\n".join([f"task_name,{head}", f"load,{rows[0]}", f"train,{rows[1]}"]).encode()
    assert amounts(read(data, choice=ALL))["training_energy"] == pytest.approx(3 * 3.6e6)


# What is refused

NOT_TAKEN = "no run takes nothing: the tracker saw no device, or the run was too short for it"
TORN = "Zeus does not quote: a comma in a window's name splits it"
WROTE = "name the file that the tracker wrote"


def cell(column, line=2):
    return Place(FILE, line, 1, column)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", (Place(FILE), "the CodeCarbon file is empty", "the tracker writes it when it is stopped")),
        (b" \n\n", (Place(FILE), "the CodeCarbon file is empty", "the tracker writes it when it is stopped")),
        (b"x" * (2**22 + 1), (Place(FILE), "the CodeCarbon file has 4,194,305 bytes; at most 4,194,304 are read", "keep one training's runs in a file of their own")),
        (b"\x80\x04\x95", (Place(FILE), "the CodeCarbon file is no UTF-8 text", WROTE)),
        (b'{"a": 1}', (Place(FILE, 1, 1), 'found `{"a": 1}`, expected `run_id` as CodeCarbon writes it', WROTE)),
        (b"a\x1b[31m,b\n1,2\n", (Place(FILE, 1, 1), "found `a\\x1b[31m`, `b`, expected `run_id` as CodeCarbon writes it", WROTE)),
        (codecarbon(without=["energy_consumed"]), (Place(FILE, 1, 1), "found `timestamp`, `project_name`, `run_id`, `experiment_id`, `duration`, `emissions`, `emissions_rate`, `cpu_power`, …, expected `energy_consumed` as CodeCarbon writes it", WROTE)),
        (b"run_id,run_id\n", (Place(FILE, 1, 1), "the column `run_id` stands twice in the header", "")),
        (codecarbon() + b"2026,p,r\n", (Place(FILE, 3, 1), "found 3 cells, expected 38 as in the header", "")),
        (codecarbon() + b'"open\n', (Place(FILE, 3, 1), "the CodeCarbon file is no CSV: unexpected end of data", "")),
        (codecarbon(without=RUN.keys() - {"run_id", "project_name", "duration", "energy_consumed"}).splitlines()[0], (Place(FILE), "the CodeCarbon file holds no run", "the tracker was not stopped, or not run")),
        (codecarbon({"energy_consumed": ""}), (cell("energy_consumed"), "found nothing, expected a finite number of kWh", "")),
        (codecarbon({"energy_consumed": "nan"}), (cell("energy_consumed"), "found `nan`, expected a finite number of kWh", "")),
        (codecarbon({"energy_consumed": "inf"}), (cell("energy_consumed"), "found `inf`, expected a finite number of kWh", "")),
        (codecarbon({"energy_consumed": "1e999"}), (cell("energy_consumed"), "found `1e999`, expected a finite number of kWh", "")),
        (codecarbon({"energy_consumed": "1 kWh"}), (cell("energy_consumed"), "found `1 kWh`, expected a finite number of kWh", "")),
        (codecarbon({"energy_consumed": "1_0"}), (cell("energy_consumed"), "found `1_0`, expected a finite number of kWh", "")),
        (codecarbon({"energy_consumed": "0.0"}), (cell("energy_consumed"), "found `0.0`, expected kWh above 0", NOT_TAKEN)),
        (codecarbon({"energy_consumed": "-1"}), (cell("energy_consumed"), "found `-1`, expected kWh above 0", "a counter that wrapped, or was reset")),
        (codecarbon({"energy_consumed": "1000"}), (cell("energy_consumed"), "found 1000 kWh, but cpu_energy + gpu_energy + ram_energy are 1 kWh", "take the row as CodeCarbon wrote it")),
        (codecarbon({"emissions": "56"}), (cell("emissions"), "found 56 kg for 1 kWh, which is 56,000 gCO2e/kWh; expected at most 2,000", "CodeCarbon writes kg and kWh: is it another unit?")),
        (codecarbon({"emissions": "-0.1"}), (cell("emissions"), "found `-0.1`, expected kg above 0", "a counter that wrapped, or was reset")),
        (codecarbon({"emissions": "nan"}), (cell("emissions"), "found `nan`, expected a finite number of kg", "")),
        (codecarbon({"duration": "0"}), (cell("duration"), "found `0`, expected seconds above 0", NOT_TAKEN)),
        (codecarbon({"energy_consumed": "1e-300", "cpu_energy": "", "emissions": ""}), (cell("energy_consumed"), "found 1e-300 kWh in 3600.5 s, which is 1e-297 W; expected 1 mW to 100 MW", "CodeCarbon writes kWh and seconds: is it another unit?")),
        (codecarbon({"duration": "1e-9"}), (cell("energy_consumed"), "found 1 kWh in 1e-09 s, which is 3.6e+15 W; expected 1 mW to 100 MW", "CodeCarbon writes kWh and seconds: is it another unit?")),
        (codecarbon({"pue": "0.1"}), (cell("pue"), "found `0.1`, expected a PUE of 1 or more", "a data centre takes at least what its machines take")),
        (codecarbon({"tracking_mode": "cluster"}), (cell("tracking_mode"), "found `cluster`, expected `machine` or `process`", "")),
        (codecarbon({"pue": "x" * 80}), (cell("pue"), f"found `{'x' * 60}…`, expected a finite number of PUE", "")),
    ],
    ids=lambda value: str(value)[-40:],
)  # fmt: skip
def test_an_emissions_csv_that_cannot_be_meant_is_refused(data, refusal):
    assert refused(data) == refusal


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (codecarbon(), (Place(FILE, 1, 1), "found `timestamp`, `project_name`, `run_id`, `experiment_id`, `duration`, `emissions`, `emissions_rate`, `cpu_power`, …, expected `start_time` as Zeus writes it", "only the CSV of `ZeusMonitor(log_file=…)` is read")),
        (zeus((1, "a", 2, 3)), (Place(FILE, 2, 1), "found 4 cells, expected 5 as in the header", TORN)),
        (zeus((1, "a, b", 2, 3, 4)), (Place(FILE, 2, 1), "found 6 cells, expected 5 as in the header", TORN)),
        (zeus((1, "a", 2), gpus=0), (Place(FILE, 1, 1), "found no column of energy, expected columns such as `gpu0_energy`, in joules", "")),
        (zeus((1, "a", 2, 3, 4)).replace(b"gpu1_energy", b"cpu0_energy"), (Place(FILE, 1, 1), "found the column `cpu0_energy`, expected columns such as `gpu0_energy`, in joules", "")),
        (zeus((1, "a", 2, 3, 0.0)), (cell("gpu1_energy"), "found `0.0`, expected joules above 0", NOT_TAKEN)),
        (zeus((1, "a", 2, -3, 4)), (cell("gpu0_energy"), "found `-3`, expected joules above 0", "a counter that wrapped, or was reset")),
        (zeus((1, "a", 0, 3, 4)), (cell("elapsed_time"), "found `0`, expected seconds above 0", NOT_TAKEN)),
    ],
    ids=lambda value: str(value)[-40:],
)  # fmt: skip
def test_a_log_of_zeus_that_cannot_be_meant_is_refused(data, refusal):
    assert refused(data, "zeus") == refusal


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"{", (Place(FILE, 1, 2), "the Eco-CI file is no JSON: Expecting property name enclosed in double quotes", "")),
        (b"[1]", (Place(FILE), "the Eco-CI file is no JSON object", "lap-data.json of `json-output: true` is one")),
        (b"[" * 200_000, (Place(FILE), "the Eco-CI file is nested too deeply", "")),
        (b'{"label": "a", "label": "b"}', (Place(FILE), "in the Eco-CI file, `label` is given twice", "")),
        (b'{"steps": 3}', (Place(FILE, path="steps"), "found no list, expected the steps of an Eco-CI file", "")),
        (b'{"steps": [3]}', (Place(FILE, path="steps[0]"), "found no object, expected a step such as `{label: …, energy_joules: …}`", "")),
        (laps({"label": "a", "energy_kwh": "1"}), (Place(FILE, path="steps[0]"), "found `label`, `energy_kwh`, expected `energy_joules` as Eco-CI writes it", WROTE)),
        (flat(label="a"), (Place(FILE), "found `repository`, `branch`, `workflow`, `run_id`, `label`, expected `energy_joules` as Eco-CI writes it", WROTE)),
        (laps(step("a", None)), (Place(FILE, path="steps[0].energy_joules"), "found `null`, expected a finite number of joules", "")),
        (laps(step("a", [1])), (Place(FILE, path="steps[0].energy_joules"), 'found `["1"]`, expected a finite number of joules', "")),
        (laps(step("a", "")), (Place(FILE, path="steps[0].energy_joules"), "found nothing, expected a finite number of joules", "")),
        (laps(step("a", float("nan"))), (Place(FILE, path="steps[0].energy_joules"), "found `NaN`, expected a finite number of joules", "")),
        (laps(step("a", "0")), (Place(FILE, path="steps[0].energy_joules"), "found `0`, expected joules above 0", NOT_TAKEN)),
    ],
    ids=lambda value: str(value)[-40:],
)  # fmt: skip
def test_a_file_of_eco_ci_that_cannot_be_meant_is_refused(data, refusal):
    assert refused(data, "eco-ci") == refusal


AS_IT_WAS = "take the line as greengate wrote it"
TRACKS = "`greengate track -- COMMAND` writes such a file"


def part(path, line=1):
    return Place(FILE, line, 1, path)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"run_id,energy", (Place(FILE, 1, 1), "the greengate file is no JSON: Expecting value", "")),
        (b'{"format": "green', (Place(FILE, 1, 12), "the greengate file is no JSON: Unterminated string starting at", "")),
        (greengate(tracked()) + b'{"format"', (Place(FILE, 2, 10), "the greengate file is no JSON: Expecting ':' delimiter", "")),
        (b"[1]", (part(""), "the greengate file is no JSON object", TRACKS)),
        (b'{"state": "ended"}', (part(""), "found `state`, expected `format` as greengate writes it", TRACKS)),
        (greengate(tracked(format="greengate/training/v2")), (part("format"), "found `greengate/training/v2`, expected `greengate/training/v1`", "another version of greengate wrote it")),
        (greengate(tracked(run=3)), (part("run"), "found no run, expected one with a `name`", TRACKS)),
        (greengate(begun()), (part(""), "the run `a` has begun and not ended: it still runs, or was killed with its tracker", "wait for it, or remove its line if it does not count")),
        (greengate(tracked()).replace(b"3600.0", b"360.0"), (part(""), "the run `a` was changed after it was written", AS_IT_WAS)),
        (greengate(tracked(), sealed=False), (part(""), "the run `a` was changed after it was written", AS_IT_WAS)),
        (greengate(tracked()).replace(b'"exit_code": 0', b'"exit_code": 0.5'), (part(""), "the run `a` was changed after it was written", AS_IT_WAS)),
        (greengate(tracked(energy=None, missing="no meter")), (part("energy"), "the run `a` has no energy: no meter", "measure it again")),
        (greengate(tracked(joules="0.0")), (part("energy.joules"), "the record is not as greengate writes it: Input should be greater than 0", AS_IT_WAS)),
        (greengate(tracked(duration_s="-1")), (part("duration_s"), "the record is not as greengate writes it: Input should be greater than 0", AS_IT_WAS)),
        (greengate(tracked(energy__joules="nan")), (part("energy.joules"), "the record is not as greengate writes it: Input should be a finite number", AS_IT_WAS)),
        (greengate(tracked(energy__more="x")), (part("energy.more"), "the record is not as greengate writes it: Extra inputs are not permitted", AS_IT_WAS)),
        (greengate(tracked(run__phase="x")), (part("run.phase"), "the record is not as greengate writes it: Input should be '', 'experiment', 'tuning' or 'final'", AS_IT_WAS)),
        (greengate(tracked(energy__low="4000.0")), (part("energy"), "found 3600 J outside of 4000 to 4500 J", AS_IT_WAS)),
        (greengate(tracked(energy__joules="3700.0")), (part("energy.joules"), "found 3700 J, but its meters told 3600 J", AS_IT_WAS)),
        (greengate(tracked(duration_s="1e9")), (part("energy.joules"), "found 3600 J in 1e+09 s, which is 3.6e-06 W; expected 1 mW to 100 MW", "a run that only waited has no energy that counts")),
        (greengate(tracked(emissions=EMITTED | {"grams": "3.44"})), (part("emissions.grams"), "found 3.44 g, but energy x intensity are 0.344 g", AS_IT_WAS)),
        (greengate(tracked(emissions=EMITTED | {"source": ""})), (part("emissions.source"), "the record is not as greengate writes it: String should have at least 1 character", AS_IT_WAS)),
        (greengate(tracked(ended_at="2026-03-01T10:00:00Z")), (part("ended_at"), "found `2026-03-01T10:00:00Z`, which is not after `started_at`", AS_IT_WAS)),
        (greengate(tracked(ended_at="later")), (part("ended_at"), "found `later`, which is not after `started_at`", AS_IT_WAS)),
    ],
    ids=lambda value: str(value)[-60:],
)  # fmt: skip
def test_a_record_of_greengate_that_cannot_be_meant_is_refused(data, refusal):
    assert refused(data, "greengate") == refusal


@given(st.sampled_from(sorted(set(greengate(tracked()).decode()) - {"\n"})), st.integers(0, 1500))
def test_whatever_is_changed_in_a_record_is_noticed(mark, place):
    line = greengate(tracked()).decode()
    changed = line[:place] + mark + line[place + 1 :]
    if json.dumps(json.loads(line)) != _plain(changed):
        with pytest.raises(ModelError):
            read(changed.encode(), "greengate")


def _plain(text):
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return ""


SAVE = "save what the server answers to `runs/get` or `runs/search`"
KEY = "log it under a key with its unit, such as `energy_kwh`, or set the run's tag `greengate.energy` to a key and its unit, such as `energy_consumed kWh`"


def at(path):
    return Place(FILE, path=f"run.{path}")


def one(metrics, **more):
    return mlflow(mlflow_run(metrics, **more))


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"[1]", (Place(FILE), "the MLflow file is no JSON object", SAVE)),
        (b"{", (Place(FILE, 1, 2), "the MLflow file is no JSON: Expecting property name enclosed in double quotes", "")),
        (b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Run with id=nope not found"}', (Place(FILE), "the MLflow file is an error that the server told: Run with id=nope not found", SAVE)),
        (b'{"info": {}, "data": {}}', (Place(FILE), "found `info`, `data`, expected `run` as MLflow writes it", SAVE)),
        (b'{"run": 3}', (Place(FILE, path="run"), "found no run, expected `{info: \u2026, data: \u2026}`", SAVE)),
        (b'{"runs": 3}', (Place(FILE, path="runs"), "found no list, expected the runs of an MLflow file", "")),
        (b'{"run": {"info": {"run_uuid": "a"}}}', (at("info"), "found `run_uuid`, expected `run_id` as MLflow writes it", SAVE)),
        (b'{"run": {"info": {"run_id": "a"}, "data": {"metrics": {"energy_kwh": 1}}}}', (at("data.metrics"), "found no list of metrics, expected `[{key: \u2026, value: \u2026}]`", SAVE)),
        (one({"energy_kwh": 1}).replace(b"loss", b"energy_kwh"), (at("data.metrics"), "`energy_kwh` is given twice", "take the answer as it came")),
        (one({}), (at("data.metrics"), "no metric of the run is clearly the energy of all of it", KEY)),
        (one({"energy_consumed": 1, "cpu_energy_kwh": 1}), (at("data.metrics"), "no metric of the run is clearly the energy of all of it; found `energy_consumed`, `cpu_energy_kwh`", KEY)),
        (one({"energy_kwh": 1, "energy_joules": 3.6e6}), (at("data.metrics"), "each of `energy_kwh`, `energy_joules` could be the energy of the run, and nothing says which counts", "set the tag `greengate.energy` of the run to one and its unit, such as `energy_kwh kWh`")),
        (one({"energy_kwh": 1, "emissions_kg": 1, "co2_g": 1}), (at("data.metrics"), "each of `emissions_kg`, `co2_g` could be the emissions of the run, and nothing says which counts", "set the tag `greengate.emissions` of the run to one and its unit, such as `emissions_kg kgCO2e`")),
        (one({"energy_kwh": 1}, step=3), (at("metrics.energy_kwh"), "`energy_kwh` was last logged at step 3: that value may be the total or one step's part", "log the total once without a step, or under a key with `total`, or name it in the tag `greengate.energy`")),
        (one({"energy_kwh": 1}, status="RUNNING"), (at("info.status"), "the run is RUNNING: what it has logged is not its total yet", "save the answer again when it has ended")),
        (one({"energy_kwh": "NaN"}), (at("metrics.energy_kwh"), "found `NaN`, expected a finite number of energy", "")),
        (one({"energy_kwh": 0}), (at("metrics.energy_kwh"), "found `0`, expected energy above 0", NOT_TAKEN)),
        (one({"energy_kwh": -1}), (at("metrics.energy_kwh"), "found `-1`, expected energy above 0", "a counter that wrapped, or was reset")),
        (one({"energy_joules": 1.7976931348623157e308}), (at("metrics.energy_joules"), "found `1.7976931348623157e+308`, which is 1.8e+308 J; expected at most 1e17 J", "databases keep infinity as 1.8e308")),
        (one({"energy_kwh": 1, "emissions_kg": 56}), (at("metrics.emissions_kg"), "found 56 kg for 1 kWh, which is 56,000 gCO2e/kWh; expected at most 2,000", "is one of the two in another unit?")),
        (one({"e": 1}, tags={"greengate.energy": "e"}), (at("tags.greengate.energy"), "found `e`, expected a metric of the run and its unit", "such as `energy_consumed kWh`; units are J, mJ, kJ, MJ, GJ, mWh, Wh, kWh, MWh, GWh")),
        (one({"e": 1}, tags={"greengate.energy": "f kWh"}), (at("tags.greengate.energy"), "found `f kWh`, but the run has no metric `f`", "it has `e`, `loss`")),
    ],
    ids=lambda value: str(value)[-60:],
)  # fmt: skip
def test_an_answer_of_mlflow_that_cannot_be_meant_is_refused(data, refusal):
    assert refused(data, "mlflow") == refusal


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.sampled_from(sorted(FORMATS)))
def test_whatever_a_file_holds_is_read_or_refused(data, tracker):
    with pytest.raises(ModelError):
        read(data, tracker, ALL)


@given(st.floats(1e-9, 1e9))
def test_energy_is_read_to_the_last_digit(joules):
    assert amounts(read(laps(step("a", repr(joules))), "eco-ci")) == {"training_energy": joules}


# The project file

HEAD = "apiVersion: greengate/v1\nkind: Project\npolicies: [starter]\nmodels:\n  - name: m\n    path: m.onnx\n    training: "


def entry(training):
    return load_project(Files({"greengate.yaml": HEAD + training})).models[0]


def test_the_trackers_of_the_project_file_are_those_that_can_be_read():
    assert set(get_args(project_file.Training.model_fields["tracker"].annotation)) == set(FORMATS)


@pytest.mark.parametrize(
    ("written", "training"),
    [
        ("{file: e.csv, tracker: codecarbon}", Training(TrackerFile("e.csv", "codecarbon"))),
        ("{file: z.csv, tracker: zeus, rows: all, baseline: old.csv}", Training(TrackerFile("z.csv", "zeus", every=True), TrackerFile("old.csv", "zeus", every=True))),
        ("{file: e.csv, tracker: codecarbon, project: p, run: r, baseline: 'git:main'}", Training(TrackerFile("e.csv", "codecarbon", "r", "p"), TrackerFile("git:main:e.csv", "codecarbon", "r", "p"))),
    ],
)  # fmt: skip
def test_a_training_is_read(written, training):
    found = entry(written)
    assert found.training == training
    assert found.training_place == Place("greengate.yaml", 7, 15, "models[0].training")


@pytest.mark.parametrize(
    ("written", "problem", "hint"),
    [
        ("{file: ../e.csv, tracker: zeus}", "the path `../e.csv` leaves the project by `..`", "write it relative to the project's folder"),
        ("{file: e.csv, tracker: zeus, project: p}", "`project` does not go with the tracker `zeus`: only CodeCarbon and greengate write one", "leave it out, or choose by `run`"),
        ("{file: e.csv, tracker: zeus, baseline: e.csv}", "the baseline `e.csv` is the candidate itself; nothing could ever get worse", "compare with another commit: `git:origin/main`"),
        ("{file: e.csv, tracker: codecarbn}", "found `codecarbn`, expected `codecarbon`, `zeus`, `eco-ci`, `mlflow` or `greengate`", "did you mean `codecarbon`?"),
        ("{file: e.csv}", "`tracker` is missing", "Who wrote it: codecarbon, zeus, eco-ci, mlflow or greengate."),
    ],
)  # fmt: skip
def test_mistakes_in_a_training_are_told(written, problem, hint):
    with pytest.raises(Problems) as caught:
        entry(written)
    assert [(type(each), each.problem, each.hint) for each in caught.value.problems] == [(ProjectError, problem, hint)]


# From the project's files


def model(candidate="new.csv", baseline=None, tracker="codecarbon", **choice):
    other = baseline and TrackerFile(baseline, tracker, **choice)
    return ModelEntry("m", "m.onnx", training=Training(TrackerFile(candidate, tracker, **choice), other))


def test_each_subject_has_its_own_file(tmp_path):
    (tmp_path / "new.csv").write_bytes(codecarbon(kwh("1")))
    (tmp_path / "old.csv").write_bytes(codecarbon(kwh("2")))
    found = [training_figures(tmp_path, model(baseline="old.csv"), subject) for subject in ("candidate", "baseline")]
    assert [amounts(figures)["training_energy"] for figures in found] == [3.6e6, 7.2e6]


@pytest.mark.parametrize(
    ("declared", "subject", "why"),
    [
        (ModelEntry("m", "m.onnx"), "candidate", "greengate.yaml declares no `training` file of this model"),
        (model(), "baseline", "greengate.yaml names no tracker's file of the baseline (`training: {baseline: …}`)"),
    ],
)
def test_what_is_not_declared_is_missing(tmp_path, declared, subject, why):
    found = training_figures(tmp_path, declared, subject)
    assert (found.figures, found.missing) == ({}, {"training_energy": why, "training_carbon": why})


def phased(folder, phase, *lines):
    (folder / "t.jsonl").write_bytes(greengate(*lines))
    found = model("t.jsonl", tracker="greengate", every=len(lines) > 1)
    return training_phase(folder, replace(found, training=replace(found.training, phase=phase)))


@pytest.mark.parametrize(
    ("said", "tracked_as", "phase"),
    [("", "final", "final"), ("final", "final", "final"), ("tuning", "", "tuning"), ("", "", "")],
)
def test_what_a_model_was_trained_for_is_said_by_its_run_or_else_by_the_project(tmp_path, said, tracked_as, phase):
    assert phased(tmp_path, said, tracked(run__phase=tracked_as)) == phase


def test_a_model_without_training_was_trained_for_nothing(tmp_path):
    assert training_phase(tmp_path, ModelEntry("m", "m.onnx")) == ""


@pytest.mark.parametrize(
    ("said", "phases", "problem"),
    [
        ("experiment", ["final"], "the run in `t.jsonl` was tracked as final, and `phase: experiment` is declared"),
        ("", ["final", "tuning"], "runs of several phases are added up in `t.jsonl`: final, tuning"),
        ("", ["final", ""], "runs of several phases are added up in `t.jsonl`: final, none"),
        (
            "final",
            ["final", "tuning"],
            "the run in `t.jsonl` was tracked as final and tuning, and `phase: final` is declared",
        ),
    ],
)
def test_phases_that_contradict_one_another_are_refused(tmp_path, said, phases, problem):
    lines = [tracked(f"r{at}", run__phase=phase, run__machine__boot=f"b{at}") for at, phase in enumerate(phases)]
    with pytest.raises(ModelError) as caught:
        phased(tmp_path, said, *lines)
    assert caught.value.problem == problem


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ModelError) as caught:
        training_figures(tmp_path, model(), "candidate")
    assert caught.value.problem == "the tracker's file `new.csv` is not there"


def test_figures_of_another_scope_are_not_compared(tmp_path):
    (tmp_path / "new.csv").write_bytes(codecarbon({"tracking_mode": "process"}))
    (tmp_path / "old.csv").write_bytes(codecarbon())
    found = training_figures(tmp_path, model(baseline="old.csv"), "baseline")
    words = "not comparable: the candidate's is by CodeCarbon 3.3.2, of the process, the baseline's is by CodeCarbon 3.3.2, of the host"
    assert found.missing == {"training_energy": words, "training_carbon": words}


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "e.csv").write_bytes(codecarbon(kwh("2", run_id="old")))
    for words in (("init",), ("add", "."), ("commit", "-m", "first"), ("tag", "v1")):
        git(tmp_path, *words)
    (tmp_path / "e.csv").write_bytes(codecarbon(kwh("1", run_id="new")))
    return tmp_path


@pytest.mark.parametrize(("source", "base"), [("git:v1:e.csv", ""), ("e.csv", "HEAD")], ids=["ref", "base"])
def test_the_baseline_is_read_at_its_commit(repository, source, base):
    found = training_figures(repository, model("e.csv", source), "baseline", base)
    assert amounts(found)["training_energy"] == 7.2e6


def test_the_run_of_the_baseline_is_the_one_that_the_base_names(repository):
    before, now = model("e.csv", "git:v1:e.csv", run="old"), model("e.csv", "git:v1:e.csv", run="new")
    judged = grounds.Grounds((), Project((before,), ())).judged(now)
    found = [amounts(training_figures(repository, judged, subject)) for subject in ("candidate", "baseline")]
    assert [figures["training_energy"] for figures in found] == [3.6e6, 7.2e6]
