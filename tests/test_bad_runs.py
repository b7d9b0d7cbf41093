"""Machines, meters and models that go wrong while measuring: each is named, and ends with the right exit code."""

import json
import math
import time
from functools import partial

import pytest
from meters_made import CounterMeter, Machine, PowerMeter, ScriptedWorkload, after, dies, facts_of, sticks
from projects_made import POLICY, PROJECT, greengate, project
from rounds_made import Bench, course

from greengate import energy, meters
from greengate.energy import ENERGY, energies
from greengate.measure import protocol
from greengate.measure.disturbance import Look
from greengate.measure.modelled import Processor, Watts, watts_of
from greengate.measure.windows import Plan, Work, take
from greengate.meters import Found
from greengate.models.hosted import Hosted
from greengate.ports import Fault, NotHere, Reading, Sample

RATIO = POLICY.replace("  - {id: flops, metric: flops_per_inference, max_increase: 5%, enforce: soft}\n", "")
ALONE = PROJECT.replace("baseline: baseline.onnx, ", "")
LIMIT = RATIO.replace("max_increase: 15%", "max: 4000 J")


def gated(folder, capsys):
    """Run a gate; return its exit code, the finding of its first rule, and the events by name."""
    code = greengate(folder, "gate", "--json")
    (model,) = json.loads(capsys.readouterr().out)["models"]
    return code, model["findings"][0], {event["name"]: event["words"] for event in model["evidence"]["events"]}


class TestNoMeterAtAll:
    """A processor that nobody knows the watts of, and nothing to read them from."""

    @pytest.fixture(autouse=True)
    def unknown(self, monkeypatch):
        nobodys = Processor("AcmeSilicon", 99, 1, 0, "Acme 1", 2)
        monkeypatch.setattr(energy, "watts_of", lambda _: watts_of(nobodys))
        own = [
            Found("rapl-powercap", None, NotHere("there is no RAPL")),
            Found("nvml", None, NotHere("there is no GPU")),
        ]
        monkeypatch.setattr(meters, "survey", lambda *_, **__: own)

    def test_leaves_a_limit_inconclusive(self, tmp_path, capsys):
        code, finding, events = gated(project(tmp_path, policy=LIMIT), capsys)
        assert (code, finding["outcome"]) == (3, "inconclusive")
        assert finding["reason"].startswith("no watts are known for Acme 1 (AcmeSilicon family 99")
        assert events["no-meter"] == (
            "no meter can be read here, so that energy is modelled at best; `greengate meters` says why"
        )

    def test_is_nothing_to_a_ratio(self, tmp_path, capsys):
        code, finding, events = gated(project(tmp_path, policy=RATIO), capsys)
        assert (code, finding["outcome"], events) == (0, "passed", {})


def test_a_plug_that_the_project_names_and_that_is_not_there_is_told(tmp_path, capsys):
    text = PROJECT + "runner:\n  meters:\n    - {tasmota: 'http://127.0.0.1:9'}\n"
    code, finding, events = gated(project(tmp_path, text=text, policy=RATIO), capsys)
    assert (code, finding["outcome"]) == (0, "passed")
    assert events["no-meter"].startswith("tasmota http://127.0.0.1:9 cannot be read: ")


class TestABudgetOfNothing:
    """0 s to measure in."""

    def test_is_refused_in_a_policy(self, tmp_path, capsys):
        assert greengate(project(tmp_path, policy=POLICY.replace("20 s", "0 s")), "gate") == 2
        assert "found `0 s`, which is no time to measure in" in capsys.readouterr().err

    def test_is_refused_on_the_command_line(self, tmp_path, capsys):
        assert greengate(project(tmp_path), "gate", "--budget", "0 s") == 2
        assert "'--budget': found `0 s`, expected more than nothing" in capsys.readouterr().err

    @pytest.mark.parametrize("budget", ["1 us", "0.001 s"])
    def test_or_next_to_it_is_inconclusive_and_says_what_it_takes(self, tmp_path, capsys, budget):
        code, finding, events = gated(project(tmp_path, policy=RATIO.replace("20 s", budget)), capsys)
        assert (code, finding["outcome"]) == (3, "inconclusive")
        assert finding["reason"] == f"nothing was measured; {events['budget']}"
        assert "ended before the first round of pairs, which takes about" in events["budget"]
        assert "`measurement: {budget: …}` gives more" in events["budget"]


def test_a_candidate_a_thousand_times_slower_fails_within_the_budget(tmp_path, capsys):
    started_s = time.monotonic()
    code, finding, _ = gated(project(tmp_path, candidate=(2048, 2048), baseline=(4,), policy=RATIO), capsys)
    assert (code, finding["outcome"]) == (1, "failed")
    assert finding["amount"] > 100
    assert "e+" not in finding["figure"] + finding["margin"] + finding["interval"]
    assert time.monotonic() - started_s < 60


def test_a_model_that_the_clock_does_not_resolve_is_an_error_and_no_zero(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Hosted, "block", lambda _, runs: Reading(runs, 0.0, 1e-9, (1e-9,)))
    assert greengate(project(tmp_path), "gate") == 4
    said = " ".join(capsys.readouterr().out.split())
    assert "runner: 20000 runs took 0 CPU s and 1e-09 s by the clock" in said
    assert "the clock of this machine does not resolve the model; give it a larger batch" in said
    assert greengate(tmp_path, "history") == 0
    assert "errored" in capsys.readouterr().out


def suspends(monkeypatch, seconds, looks):
    """Suspend this machine for `seconds` before each of some of the looks at it."""
    seen = []

    def look():
        seen.append(None)
        return Look(asleep_s=seconds * sum(number <= len(seen) for number in looks))

    monkeypatch.setattr(protocol, "measure", partial(protocol.measure, look=look))


def test_a_machine_that_is_suspended_once_costs_a_round_and_no_verdict(tmp_path, capsys, monkeypatch):
    suspends(monkeypatch, 3600.0, [20])
    code, finding, events = gated(project(tmp_path, policy=RATIO), capsys)
    assert (code, finding["outcome"]) == (0, "passed")
    assert events["suspended"].endswith("was dropped: the machine was suspended for 3600.0 s")


def test_a_machine_that_is_suspended_again_and_again_is_inconclusive(tmp_path, capsys, monkeypatch):
    suspends(monkeypatch, 60.0, range(100_000))
    code, finding, events = gated(project(tmp_path, policy=RATIO.replace("20 s", "1 s")), capsys)
    assert (code, finding["outcome"]) == (3, "inconclusive")
    assert finding["reason"].startswith("nothing was measured; round 1 was dropped: the machine was suspended for")
    assert {"suspended", "budget"} <= set(events)


class Live:
    """A meter on the real clock, of one process alone, whose every look is a fault or a reading."""

    def __init__(self, look):
        self.look = look

    def probe(self):
        domains = {"package-0": "cores, caches"}
        return facts_of("power", id="acme", scope="process", domains=domains, period_s=0.02, shortest_window_s=0.1)

    def sample(self):
        return self.look(time.monotonic())

    def close(self):
        pass


@pytest.mark.parametrize(
    ("look", "name", "words"),
    [
        (lambda at_s: Fault("unreadable", "permission denied", at_s), "unreadable", "permission denied"),
        (lambda at_s: Sample(at_s, {"package-0": 40.0}), "stuck", "readings are 40 W"),
    ],
    ids=["unreadable", "frozen"],
)
def test_a_meter_that_fails_in_a_gate_is_told_and_energy_is_modelled(tmp_path, capsys, monkeypatch, look, name, words):
    meter = Live(look)
    monkeypatch.setattr(energy, "_BATCH_S", 0.01)
    monkeypatch.setattr(meters, "survey", lambda *_, **__: [Found("acme", meter, meter.probe())])
    code, finding, events = gated(project(tmp_path, policy=LIMIT, text=ALONE), capsys)
    assert (code, finding["outcome"], finding["provenance"]["kind"]) == (0, "passed", "modelled")
    assert words in events[name]
    assert events["no-figure"].startswith("acme: ")


def test_a_meter_that_works_in_a_gate_is_the_figure(tmp_path, capsys, monkeypatch):
    meter = Live(lambda at_s: Sample(at_s, {"package-0": 40.0 + 0.1 * math.sin(9 * at_s)}))
    monkeypatch.setattr(energy, "_BATCH_S", 0.01)
    monkeypatch.setattr(meters, "survey", lambda *_, **__: [Found("acme", meter, meter.probe())])
    code, finding, events = gated(project(tmp_path, policy=LIMIT, text=ALONE), capsys)
    assert (code, finding["provenance"]["kind"], finding["provenance"]["meter"]) == (0, "counter", "acme")
    assert "no-figure" not in events


def read(make=CounterMeter, budget_s=1000.0, **how):
    """Energy figures of two models that draw 100 W more than nothing, and the events, where a meter goes wrong."""
    machine = Machine()
    meter = make(machine, **how)
    subjects = ("candidate", "baseline")
    works = {subject: Work(ScriptedWorkload(machine), inferences=4, runs=10) for subject in subjects}
    campaign = take(works, [(meter, meter.probe())], Plan(budget_s), machine.surroundings())
    return energies(course(Bench()), campaign, subjects, 0.98, Watts(0.5, 2.5, "a table"))


PLUG = {"make": PowerMeter, "shortest_window_s": 30.0, "scope": "host", "id": "tasmota"}
RAPL = {"scope": "package", "id": "rapl-powercap"}
NVML = {"scope": "device", "id": "nvml"}


@pytest.mark.parametrize(
    ("how", "names", "words"),
    [
        ({**RAPL, "twist": dies(0)}, {"unreadable", "missing", "no-figure"}, "it went away"),
        ({**RAPL, "twist": dies(60)}, {"unreadable", "missing", "no-figure"}, "can be used"),
        (
            {**NVML, "twist": dies(0, "device-error", "GPU is lost")},
            {"device-error", "missing", "no-figure"},
            "is lost",
        ),
        ({**NVML, "twist": after(0, 0.0)}, {"zero", "no-figure"}, "at 0 J"),
        ({**NVML, "twist": sticks(0)}, {"stuck", "no-figure"}, "frozen counter"),
        ({**NVML, "twist": sticks(60)}, {"stuck", "no-figure"}, "frozen counter"),
        ({**NVML, "twist": after(0, -5.0)}, {"negative", "missing", "no-figure"}, "a reading was -5 J"),
        ({**NVML, "twist": after(0, math.nan)}, {"not-finite", "missing", "no-figure"}, "a reading was nan"),
        ({**PLUG, "twist": after(0, 0.0)}, {"zero", "missing", "no-figure"}, "a reading was 0 W"),
        ({**PLUG, "twist": dies(0, "timeout", "no answer")}, {"timeout", "missing", "no-figure"}, "no answer"),
        ({**PLUG, "twist": dies(0, "wrong-unit", "kW")}, {"wrong-unit", "missing", "no-figure"}, "kW"),
        ({**PLUG, "answers_in_s": 20.0}, {"missing", "no-figure"}, "no usable reading for 20 s"),
        ({**PLUG, "budget_s": 60.0}, {"budget"}, "11 windows of 30 s or more need 330 s, 60 s are left"),
        ({"scope": "device", "scale": 0.0, "start_j": 5.0}, {"stuck", "no-figure"}, "stood still"),
    ],
    ids=[
        "RAPL unreadable",
        "RAPL unreadable from the middle on",
        "NVML errors",
        "NVML zero",
        "NVML frozen",
        "NVML frozen from the middle on",
        "NVML negative",
        "NVML not a number",
        "plug at 0 W",
        "plug absent",
        "plug in another unit",
        "plug too slow",
        "plug and no time",
        "counter of nothing",
    ],
)
def test_a_reading_that_is_wrong_is_an_event_by_name_and_never_a_zero(how, names, words):
    found = read(**how)
    assert {event.name for event in found.events} == names
    assert any(words in event.words for event in found.events)
    for figures in found.figures.values():
        figure = figures.figures[ENERGY]
        assert (figure.provenance.meter, figure.amount) == ("cpu-seconds", pytest.approx(20.0))
    assert set(found.crosschecks["candidate"].figures) == set()


def test_a_counter_that_wraps_in_a_window_is_put_right_and_told():
    plain, wrapped = read(**RAPL), read(**RAPL, wraps_j=2000.0)
    assert {event.name for event in wrapped.events} == {"wrapped"}
    assert all("has been undone" in event.words for event in wrapped.events)
    for subject, figures in wrapped.figures.items():
        assert figures.figures[ENERGY].amount == pytest.approx(plain.figures[subject].figures[ENERGY].amount)
        assert figures.figures[ENERGY].provenance.meter == "rapl-powercap"


def test_a_model_that_draws_no_more_than_nothing_does_has_no_metered_figure_and_is_told():
    machine = Machine(idle_w=150.0)
    meter = CounterMeter(machine, **RAPL)
    works = {"candidate": Work(ScriptedWorkload(machine, watts=150.0), inferences=4, runs=10)}
    campaign = take(works, [(meter, meter.probe())], Plan(1000), machine.surroundings())
    found = energies(course(Bench()), campaign, ["candidate"], 0.98, "no watts are known")
    assert [event.name for event in found.events] == ["no-figure"]
    assert "which cannot be told from 150 W when idle" in found.events[0].words
    assert found.figures["candidate"].missing == {ENERGY: "no watts are known"}
