"""`greengate track`: the command's own exit code, and a record of what it took that says what is not in it."""

# ruff: noqa: ARG002, E501 - a fake has the arguments of what it stands for; one case is one line of its table

import json
import signal
from pathlib import Path

import pytest
from meters_made import CounterMeter, Machine, PowerMeter, dies, facts_of

from greengate import tracking
from greengate.cli import run
from greengate.errors import MeasurementError, UsageError
from greengate.evidence import Class
from greengate.measure import machine
from greengate.measure.commands import Ended
from greengate.measure.modelled import Processor, Watts
from greengate.measure.trackers.declared import Choice, from_file
from greengate.measure.trackers.training_record import RecordFile, line
from greengate.meters import Found
from greengate.ports import Fault, NotHere
from greengate.tracked import Grid, Ground
from greengate.tracking import Job

MILAN = Processor("AuthenticAMD", 25, 1, 1, "AMD EPYC 7763", 2)
WATTS = Watts(0.5, 2.5, "our wall meter")
FILE = "greengate-training.jsonl"


def kind(*cards):
    return machine.Kind("x86_64", "AuthenticAMD", 25, 1, 1, (), 2, 8, virtual=True, accelerators=cards)


def here(*cards):
    return machine.Machine(kind(*cards), MILAN, "Linux x86_64")


class Command:
    """A command that does nothing but let a scripted machine draw power; it fits where `Held` stands."""

    def __init__(self, scripted, seconds=600.0, watts=150.0, ended=None, on_start=lambda: None):
        self.machine, self.seconds, self.watts, self.on_start = scripted, seconds, watts, on_start
        self.ended = ended or Ended(0, "", 400.0)

    def start(self, found, words, environment):
        self.on_start()
        return 1

    def wait(self, pid, every_s, meanwhile):
        for _ in range(int(self.seconds / every_s)):
            self.machine.work(every_s, self.watts, self.ended.cpu_s * every_s / self.seconds)
            meanwhile()
        return self.ended


def metered(scripted, **facts):
    told = {"id": "rapl", "scope": "package", "domains": {"package-0": "cores"}, "excludes": "disks", **facts}
    power = told.pop("power", False)
    twist = told.pop("twist", lambda _, value: dict.fromkeys(told["domains"], value))
    return (PowerMeter if power else CounterMeter)(scripted, twist=twist, **told)


def found(*meters):
    return [Found(meter.facts.id, meter, meter.probe()) for meter in meters]


def tracked(tmp_path, scripted, meters=(), command=None, *, watts=WATTS, cards=(), **more):
    """Track a scripted command and return its record."""
    ground = Ground(meters, watts, here=scripted.surroundings(), machine=here(*cards), **more)
    job = Job(("sh", "secret"), lambda name: {"RUN": name}, "summariser", "final")
    code, recorded = tracking.track(job, ground, RecordFile(tmp_path / FILE), command or Command(scripted))
    assert code == (command.ended.code if command else 0)
    return recorded()


def joules(record):
    return None if record.energy is None else round(record.energy.joules, -3)


# What counts


def test_a_package_and_a_card_are_added_up(tmp_path):
    scripted = Machine()
    card = metered(scripted, id="nvml", scope="device", domains={"gpu-0": "a card", "gpu-1": "a card"})
    record = tracked(tmp_path, scripted, found(metered(scripted), card), cards=("NVIDIA A100",))
    assert joules(record) == 3 * 90_000
    assert (record.energy.kind, record.energy.scope, record.energy.net_of_idle) == (
        Class.COUNTER,
        "package and device",
        False,
    )
    assert record.energy.meters == ("rapl", "nvml")
    assert record.energy.without == "memory, disks, network, mainboard, fans, losses of the power supply"
    assert [one.id for one in record.meters] == ["rapl", "nvml", "cpu-seconds"]


def test_a_meter_of_the_whole_machine_counts_alone(tmp_path):
    scripted = Machine()
    plug = metered(scripted, id="plug", scope="host", kind=Class.METERED, power=True, domains={"wall": ""}, gain=0.01)
    record = tracked(tmp_path, scripted, found(metered(scripted), plug))
    assert (joules(record), record.energy.meters, record.energy.kind) == (90_000, ("plug",), Class.METERED)
    assert record.energy.low < 90_000 < record.energy.high


def test_of_two_meters_of_one_part_the_surer_counts(tmp_path):
    scripted = Machine()
    watts = metered(scripted, id="nvml-power", scope="device", kind=Class.MEASURED, power=True, domains={"gpu-0": ""})
    counter = metered(scripted, id="nvml", scope="device", domains={"gpu-0": ""})
    record = tracked(tmp_path, scripted, found(watts, counter))
    assert record.energy.meters == ("nvml",)
    assert record.energy.without.startswith("processors, memory, disks")


def test_without_a_meter_it_is_cpu_seconds_known_to_a_factor_of_two(tmp_path):
    record = tracked(tmp_path, Machine(), [Found("rapl-powercap", None, NotHere("it is a guest"))])
    assert (record.energy.joules, record.energy.low, record.energy.high) == (800.0, 400.0, 1600.0)
    assert (record.energy.kind, record.energy.net_of_idle, record.energy.confidence) == (Class.MODELLED, True, 0.95)
    assert record.unread == {"rapl-powercap": "it is a guest"}


def test_without_meter_and_watts_energy_is_missing_and_never_zero(tmp_path):
    absent = [Found("rapl-powercap", None, NotHere("it is a guest"))]
    record = tracked(tmp_path, Machine(), absent, watts=NotHere("no watts are known for it", "declare them"))
    assert (record.energy, record.emissions) == (None, None)
    assert record.missing == (
        "no meter could be read, and no watts are known: "
        "cpu-seconds: no watts are known for it; declare them; rapl-powercap: it is a guest"
    )


def test_a_card_without_a_meter_leaves_no_energy(tmp_path):
    scripted = Machine()
    record = tracked(tmp_path, scripted, found(metered(scripted)), cards=("NVIDIA H100",))
    assert record.energy is None
    assert record.missing.startswith("graphics cards that the command may have used (NVIDIA H100) have no meter: ")


def test_a_card_that_the_command_cannot_see_takes_nothing_of_it(tmp_path):
    scripted = Machine()
    card = metered(scripted, id="nvml", scope="device", domains={"gpu-0": ""})
    record = tracked(tmp_path, scripted, found(metered(scripted), card), cards=("NVIDIA H100",), hidden=True)
    assert (joules(record), record.energy.meters) == (90_000, ("rapl",))
    assert "graphics cards, which were hidden from the command" in record.energy.without


def test_a_card_that_the_command_cannot_see_never_counts_alone(tmp_path):
    scripted = Machine()
    card = metered(scripted, id="nvml", scope="device", domains={"gpu-0": ""})
    record = tracked(tmp_path, scripted, found(card), cards=("NVIDIA H100",), hidden=True)
    assert record.energy.meters == ("cpu-seconds",)


def test_a_meter_that_is_named_twice_is_read_once(tmp_path):
    scripted = Machine()
    record = tracked(tmp_path, scripted, found(metered(scripted), metered(scripted)))
    assert [one.id for one in record.meters] == ["rapl", "cpu-seconds"]


def test_a_meter_that_dies_leaves_its_reason_and_others_count(tmp_path):
    scripted = Machine()
    record = tracked(tmp_path, scripted, found(metered(scripted, domains={"all": ""}, twist=dies(70))))
    assert record.meters[0].missing.startswith("60 s of 600 s could be read; missing: ")
    assert record.energy.meters == ("cpu-seconds",)
    assert record.events[0].name == "unreadable"


# What else it says


def test_the_record_says_who_when_and_how(tmp_path):
    scripted = Machine()
    record = tracked(tmp_path, scripted, command=Command(scripted, ended=Ended(143, "SIGTERM", 400.0, ("SIGTERM",))))
    assert (record.run.command, record.run.project, record.run.phase) == ("sh", "summariser", "final")
    assert (record.exit_code, record.signal, record.cpu_s, record.duration_s) == (143, "SIGTERM", 400.0, 600.0)
    assert (record.run.machine.threads, record.run.machine.fingerprint) == (2, kind().fingerprint)
    assert [event.words for event in record.events] == ["SIGTERM came and was passed on to the command"]
    assert "secret" not in (tmp_path / FILE).read_text() + record.model_dump_json()


def test_emissions_are_made_where_an_intensity_is_declared(tmp_path):
    record = tracked(tmp_path, Machine(), grid=Grid(344.0, "Eurostat 2024"))
    assert record.emissions.grams == 800 / 3.6e6 * 344
    assert (record.emissions.source, record.emissions.without) == (
        "Eurostat 2024", "the data centre's overhead (PUE); making the hardware",
    )  # fmt: skip


def test_other_work_on_the_machine_is_told_where_meters_see_it(tmp_path):
    scripted = Machine(foreign=0.5)
    record = tracked(tmp_path, scripted, found(metered(scripted)))
    assert [event.words for event in record.events] == [
        "other work took 50% of the machine, and its energy is in what the meters say"
    ]


def test_a_suspended_machine_and_a_failure_beside_the_command_are_told(tmp_path):
    def sleeps():
        scripted.asleep_s += 90.0

    scripted = Machine()
    command = Command(scripted, ended=Ended(0, "", 1.0, failed="OSError: x"), on_start=sleeps)
    record = tracked(tmp_path, scripted, command=command)
    assert record.suspended_s == 90.0
    assert [event.name for event in record.events] == ["suspended", "failed"]


def test_a_command_that_cannot_be_started_leaves_the_file_as_it_was(tmp_path):
    def fails():
        raise UsageError("COMMAND", "cannot be started")

    (tmp_path / FILE).write_bytes(before := b'{"format":"greengate/training/v1","state":"begun","run":{"name":"a"}}\n')
    scripted = Machine()
    with pytest.raises(UsageError):
        tracked(tmp_path, scripted, command=Command(scripted, on_start=fails))
    assert (tmp_path / FILE).read_bytes() == before


def test_the_first_line_is_there_before_the_command_is_started(tmp_path):
    seen = []
    scripted = Machine()
    command = Command(scripted, on_start=lambda: seen.append((tmp_path / FILE).read_text()))
    record = tracked(tmp_path, scripted, command=command)
    told = json.loads(seen[0])
    assert (told["state"], told["run"]["name"]) == ("begun", record.run.name)


def test_every_key_of_the_record_is_in_the_table_of_the_documentation(tmp_path):
    page = (Path(__file__).resolve().parent.parent / "docs/training.md").read_text(encoding="utf-8")
    table = page.partition("## The record")[2]
    told = [row.split("`")[1] for row in table.splitlines() if row.startswith("| `")]
    assert sorted(told) == sorted(json.loads(line(tracked(tmp_path, Machine()))))


# The command line


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine of the table without any meter, and a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("GREENGATE_TRACKED_BY", raising=False)
    monkeypatch.setattr("greengate.registry.meters", list)
    monkeypatch.setattr(machine, "here", here)
    return tmp_path


def lines():
    return [json.loads(text) for text in Path(FILE).read_text().splitlines()]


SPIN = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; "


def test_the_output_is_the_commands_own_and_the_record_is_told_beside_it(bare, capfd):
    assert run(["track", "--project", "p", "--", "sh", "-c", f"{SPIN} echo out; echo err >&2; exit 3"]) == 3
    told = capfd.readouterr()
    assert told.out == "out\n"
    assert told.err.startswith("err\ngreengate: sh ended with 3 after ")
    assert "by cpu-seconds (modelled), above\n               idle\n" in told.err or "above idle\n" in told.err
    assert f"run {lines()[1]['run']['name']} in" in told.err


def test_what_is_written_can_be_read_back(bare):
    words = ["--quiet", "--intensity", "344 gCO2e/kWh", "--intensity-source", "Eurostat 2024", "--phase", "tuning"]
    assert run(["track", *words, "--", "sh", "-c", SPIN]) == 0
    read = from_file(Path(FILE).read_bytes(), FILE, "greengate", Choice())
    told = lines()[1]
    assert read.figures["training_energy"].amount == float(told["energy"]["joules"])
    assert read.figures["training_carbon"].amount == float(told["emissions"]["grams"])
    assert "phase tuning" in read.figures["training_energy"].provenance.method


def test_several_runs_go_into_one_file_and_each_can_be_chosen(bare):
    for _ in range(2):
        run(["track", "--quiet", "sh", "-c", SPIN])
    names = [told["run"]["name"] for told in lines() if told["state"] == "ended"]
    data = Path(FILE).read_bytes()
    each = [from_file(data, FILE, "greengate", Choice(run=name)).figures["training_energy"].amount for name in names]
    both = from_file(data, FILE, "greengate", Choice(every=True)).figures["training_energy"].amount
    assert len(set(names)) == 2
    assert both == pytest.approx(sum(each))


def test_the_command_knows_the_run_that_tracks_it(bare, capfd, monkeypatch):
    monkeypatch.setenv("GREENGATE_TRACKED_BY", "outer")
    monkeypatch.setenv("GREENGATE_METER_PASSWORD", "secret")
    monkeypatch.setenv("GREENGATE_SIGN_OFF_KEY", "secret")
    shown = "echo $GREENGATE_METER_PASSWORD$GREENGATE_SIGN_OFF_KEY$GREENGATE_TRACKED_BY"
    assert run(["track", "--quiet", "--", "sh", "-c", shown]) == 0
    assert capfd.readouterr().out.strip() == lines()[1]["run"]["name"]
    assert lines()[1]["run"]["inside"] == "outer"


def test_a_record_that_cannot_be_written_is_shown_and_hides_no_exit_code(bare, capfd):
    assert run(["track", "--out", "sub/r.jsonl", "--", "true"]) == 4
    Path("sub").mkdir()
    assert run(["track", "--out", "sub/r.jsonl", "--", "sh", "-c", "rm -r sub; exit 6"]) == 6
    told = capfd.readouterr().err
    assert "the record cannot be written: No such file or directory\n  hint: free the disk" in told
    assert '"exit_code":6' in told.partition("the record, which is not lost so:\n")[2]


def test_a_crash_when_the_command_has_ended_hides_no_exit_code(bare, capfd, monkeypatch):
    monkeypatch.setattr("greengate.tracked.record", lambda *_: 1 / 0)
    assert run(["track", "--", "sh", "-c", "exit 6"]) == 6
    assert "error: greengate itself crashed, when the command had ended" in capfd.readouterr().err


def test_an_interrupted_command_leaves_a_record(bare):
    assert run(["track", "--quiet", "--", "sh", "-c", f"{SPIN} kill -INT $PPID; exec sleep 60"]) == 130
    assert (lines()[1]["signal"], lines()[1]["events"][-1]["name"]) == ("SIGINT", "signal")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Card:
    """A graphics card's meter that is there, and that never has a reading in time."""

    def probe(self):
        return facts_of(id="nvml", scope="device")

    def sample(self):
        return Fault("timeout", "slow", 0.0)

    def close(self):
        """Nothing is held."""


@pytest.fixture
def cards(bare, monkeypatch):
    """A card's meter on the bare machine; the GPUs that it was made for."""
    asked = []
    monkeypatch.setattr("greengate.registry.meters", lambda: ["nvml"])
    monkeypatch.setattr("greengate.registry.meter", lambda _, *gpus: asked.append(gpus) or Card())
    return asked


@pytest.mark.parametrize(
    ("visible", "words", "gpus", "told"),
    [
        ("0,2", [], (), ["CUDA_VISIBLE_DEVICES leaves 2, and nvml read every one; `--gpu` names some"]),
        ("0,2", ["--gpu", "0", "--gpu", "GPU-2"], ("0", "GPU-2"), []),
        (None, [], (), []),
    ],
    ids=["not named", "named", "all visible"],
)
def test_cards_that_the_command_may_not_use_are_read_unless_some_are_named(
    cards, monkeypatch, visible, words, gpus, told
):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert run(["track", "--quiet", *words, "--", "sh", "-c", SPIN]) == 0
    assert cards == [gpus]
    assert [event["words"] for event in lines()[1]["events"] if event["name"] == "all-gpus"] == told


def test_a_meter_without_a_figure_is_told_beside_the_one_that_counts(cards, capfd):
    assert run(["track", "--", "sh", "-c", SPIN]) == 0
    said = " ".join(capfd.readouterr().err.split())
    assert "by cpu-seconds (modelled)" in said
    assert "no figure nvml: 0 s of " in said


def test_energy_that_is_not_known_is_said(bare, capfd, monkeypatch):
    monkeypatch.setattr("greengate.cli.meters.watts_of", unknown)
    assert run(["track", "--", "sh", "-c", SPIN]) == 0
    assert "  energy       not known; no meter could be read, and no watts are known:" in capfd.readouterr().err


def unknown(_):
    raise MeasurementError("runner", "no watts are known for it", "declare them")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--", "no-such-program"], 2, "error: COMMAND: `no-such-program` is no program that can be found\n"),
        (["--project", "greengate.yaml", "--", "true"], 2, "`greengate.yaml` is a file, and a name is expected\n"),
        (["--intensity", "344 gCO2e/kWh", "--", "true"], 2, "error: --intensity-source: is not given, and `--intensity` is\n"),
        (["--intensity-source", "x", "--", "true"], 2, "error: --intensity: is not given, and `--intensity-source` is\n"),
        (["--intensity", "344", "--", "true"], 2, "error: --intensity: `344` has no unit\n"),
        (["--intensity", "0 gCO2e/kWh", "--intensity-source", "x", "--", "true"], 2, "expected more than 0 and at most 2000"),
        (["--gpu", "0", "--", "true"], 2, "error: --gpu: no meter of the GPU can be read: "),
        (["--out", ".", "--", "true"], 2, "is no file that can be appended to\n"),
        (["--out", "other", "--", "true"], 2, "other: is another kind of file than `greengate track` writes\n"),
        (["--out", "torn", "--", "true"], 2, "torn: its last line is torn\n"),
        (["--out", "full", "--", "true"], 2, "full: it has 4,194,300 bytes, and at most 4,194,304 are read\n"),
        (["--project-file", "no.yaml", "--", "true"], 2, "no.yaml: there is no project file"),
        ([], 2, "Missing argument 'COMMAND...'"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_is_wrong_is_told_before_the_command_is_run(bare, capfd, words, code, said):
    Path("other").write_text("run_id,energy\n")
    Path("torn").write_text('{"format":"greengate/training/v1"}\n{"format"')
    Path("full").write_text(('{"format":"greengate/training/v1"}' + "\n").ljust(4_194_299) + "\n")
    assert run(["track", *words]) == code
    assert said in capfd.readouterr().err
    assert not Path(FILE).exists()
