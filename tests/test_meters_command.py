"""`greengate meters`: what it lists, what it says of what is not there, and what it does with a wrong project file."""

import json
from pathlib import Path

import pytest
from meters_made import CounterMeter, Machine, PowerMeter

from greengate.cli import run
from greengate.errors import MeasurementError
from greengate.evidence import Class
from greengate.measure import machine
from greengate.measure.modelled import Processor
from greengate.ports import NotHere

PROJECT = """\
apiVersion: greengate/v1
kind: Project
policies: [starter]
models: [{name: m, path: m.onnx}]
"""
WALL = 'runner: {meters: [{shelly: "http://192.0.2.7"}]}\n'
MILAN = Processor("AuthenticAMD", 25, 1, 1, "AMD EPYC 7763", 2)
NO_DRIVER = NotHere("the driver is not loaded", "load it with `sudo modprobe it`")


class Absent:
    """A meter that is not there."""

    def __init__(self, told=NO_DRIVER):
        self.told, self.closed = told, False

    def probe(self):
        return self.told

    def close(self):
        self.closed = True


def counter(**facts):
    told = {"id": "rapl", "scope": "package", "kind": Class.COUNTER, "tick_s": 0.001, **facts}
    return CounterMeter(Machine(), **told)


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    """Meters by their word; the registry knows no others, and this is a machine of the table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    found = {}
    monkeypatch.setattr("greengate.registry.meters", lambda: list(found))
    monkeypatch.setattr("greengate.registry.meter", lambda word, *_: found[word])
    kind = machine.Kind("x86_64", "AuthenticAMD", 25, 1, 1, (), 2, 8, virtual=True)
    monkeypatch.setattr(machine, "here", lambda: machine.Machine(kind, MILAN, "Linux x86_64"))
    return found


def test_without_any_meter_joules_are_modelled_and_the_exit_code_is_0(shelf, capsys):
    assert run(["meters"]) == 0
    assert capsys.readouterr().out == (
        "AMD EPYC 7763 (AuthenticAMD family 25 model 1, 2 threads), Linux x86_64, 8 GiB\n"
        "\n"
        "cpu-seconds: modelled, process\n"
        "  is           CPU seconds x 1.501 W a hardware thread (1.957 W busy less 0.456\n"
        "               W idle)\n"
        "  source       EPYC 3rd Gen: Cloud Carbon Footprint coefficients, aws-use, 2024,\n"
        "               Apache-2.0\n"
        "  scale        x/÷ 2; the ratio of two models needs no watts\n"
        "\n"
        "on the processor, joules come from cpu-seconds (modelled): no meter of it can be\n"
        "read here\n"
    )


def test_a_meter_is_told_with_its_window_and_the_budget_that_a_gate_needs(shelf, capsys):
    shelf["rapl-word"] = counter(degraded=("SGX blurs it",), excludes="disks")
    assert run(["meters"]) == 0
    said = capsys.readouterr().out
    assert (
        "rapl: counter, package\n"
        "  named as     rapl-word\n"
        "  sees         all: the whole machine\n"
        "  without      disks\n"
        "  reads        energy in steps of 1 mJ, every 1 ms\n"
        "  window       1 s; a comparison takes 11 of them: a budget of 11 s or more\n"
        "  scale        within 5% (standard uncertainty)\n"
        "  source       a script\n"
        "  worse by     SGX blurs it\n"
    ) in said
    assert said.endswith(
        "on the processor, joules come first from rapl (counter), where the budget allows\nits windows\n"
    )


def test_what_is_not_there_says_why_and_what_to_do_once_for_all_alike(shelf, capsys):
    shelf.update({"one": Absent(), "two": Absent(), "three": Absent(NotHere("it is a guest"))})
    assert run(["meters"]) == 0
    said = capsys.readouterr().out
    assert (
        "one, two: cannot be read\n"
        "  why          the driver is not loaded\n"
        "  what to do   load it with `sudo modprobe it`\n"
        "\n"
        "three: cannot be read\n"
        "  why          it is a guest\n"
        "\n"
    ) in said


def test_the_surest_meter_of_the_processor_comes_first(shelf, capsys):
    shelf["board"] = counter(id="nvml", scope="device")
    shelf["wall"] = PowerMeter(Machine(), id="plug", scope="host", kind=Class.METERED, tick_s=1.0)
    assert run(["meters"]) == 0
    said = capsys.readouterr().out
    assert said.index("plug: metered, host") < said.index("nvml: counter, device")
    assert "in a gate    read where models run on it, not where they run on the processor" in said
    assert said.endswith(
        "on the processor, joules come first from plug (metered), where the budget allows\nits windows\n"
    )


def test_every_meter_is_let_go(shelf):
    shelf.update({"one": Absent(), "two": counter()})
    run(["meters"])
    assert [meter.closed for meter in shelf.values()] == [True, True]


def test_as_json_it_has_the_facts_and_the_reasons(shelf, capsys):
    shelf.update({"rapl-word": counter(), "one": Absent()})
    assert run(["meters", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    read, modelled, absent = told["meters"]
    assert (read["name"], read["available"], read["class"], read["window_s"]) == ("rapl-word", True, "counter", 1.0)
    assert (modelled["id"], modelled["net_w"], modelled["factor"]) == ("cpu-seconds", 1.501, 2.0)
    assert absent == {
        "name": "one",
        "available": False,
        "why": "the driver is not loaded",
        "hint": "load it with `sudo modprobe it`",
    }
    assert told["runner"]["memory_gib"] == 8


def test_meters_that_the_project_names_are_asked_too(shelf, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr("greengate.registry.wall_meter", lambda *words: asked.append(words[:2]) or Absent())
    Path("greengate.yaml").write_text(PROJECT + WALL)
    assert run(["meters"]) == 0
    assert asked == [("shelly", "http://192.0.2.7")]
    assert "shelly http://192.0.2.7: cannot be read\n" in capsys.readouterr().out


def test_watts_that_the_project_declares_come_before_the_table(shelf, capsys):
    cpu = 'runner: {cpu: {idle: 0.5 W, max: 3 W, source: "our wall meter"}}\n'
    Path("greengate.yaml").write_text(PROJECT + cpu)
    assert run(["meters"]) == 0
    said = capsys.readouterr().out
    assert "CPU seconds x 2.5 W a hardware thread" in said
    assert "our wall meter" in said


def test_a_processor_without_watts_says_what_to_declare(shelf, capsys, monkeypatch):
    monkeypatch.setattr("greengate.cli.meters.watts_of", unknown)
    assert run(["meters"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "why not no watts are known for it what to do declare them" in said
    assert said.endswith("no joules can be told here; that one model takes more CPU seconds than another still can")


def unknown(_):
    raise MeasurementError("runner", "no watts are known for it", "declare them")


@pytest.mark.parametrize(
    ("text", "said"),
    [(PROJECT + "runner: {meters: [{shely: x}]}\n", "unknown key `shely`"), ("", "the file is empty")],
    ids=["a misspelt meter", "an empty file"],
)
def test_a_wrong_project_file_is_2(shelf, capsys, text, said):
    Path("greengate.yaml").write_text(text)
    assert run(["meters"]) == 2
    assert said in capsys.readouterr().err


def test_a_project_file_that_is_named_must_be_there(shelf, capsys):
    assert run(["meters", "--project", "other.yaml"]) == 2
    assert "other.yaml: there is no project file" in capsys.readouterr().err
