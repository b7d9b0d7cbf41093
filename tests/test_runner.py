"""Reference runners: the kind of a machine, calibrating one, its signed profile, and a policy that asks for it."""

import base64
import json
import random
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from made import evidence, growth, maximum, pairs, policy, uncertain
from meters_made import CounterMeter, Machine, ScriptedWorkload
from projects_made import POLICY, PROJECT, greengate, project

from greengate import gate, profiles
from greengate.calibration import Bench, calibrate
from greengate.cli import run
from greengate.errors import MeasurementError, UsageError
from greengate.evidence import Class, Earlier, Evidence, Link, Runner
from greengate.ledger import signing
from greengate.ledger.signing import SigningKey
from greengate.measure import machine
from greengate.measure.machine import bought_gib
from greengate.meters import Found
from greengate.metrics import METRICS
from greengate.policy import Condition, Drift, ReferenceRunner, Rule
from greengate.ports import CONTROL, NotHere, Reading
from greengate.quantities import Share

NOW = "2026-11-21T10:00:00Z"
KEY, OTHER = SigningKey.make(), SigningKey.make()
ENERGY, LATENCY = "energy_per_1k_inferences", "latency_p50"

# The kind of a machine

CPUINFO = """\
processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 106
model name\t: Xeon
stepping\t: 6
flags\t\t: fpu {}avx2

processor\t: 1
flags\t\t: fpu {}avx2
"""
ARM = "processor\t: 0\nCPU implementer\t: 0x41\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n"


def proc(folder, cpuinfo, memory_kib=16_300_000, cards=()):
    (folder / "cpuinfo").write_text(cpuinfo)
    (folder / "meminfo").write_text(f"MemTotal:       {memory_kib} kB\nMemFree: 1 kB\n")
    for at, card in enumerate(cards):
        (folder / f"driver/nvidia/gpus/{at}").mkdir(parents=True)
        (folder / f"driver/nvidia/gpus/{at}/information").write_text(f"Model: \t\t {card}\nIRQ: 7\n")
    return machine.Machine.here(folder)


def test_a_machine_is_known_by_its_processor_memory_cards_and_hypervisor(tmp_path):
    kind = proc(tmp_path, CPUINFO.format("hypervisor ", ""), cards=["NVIDIA L4", "NVIDIA L4"]).kind
    assert (kind.vendor, kind.family, kind.model, kind.stepping, kind.threads) == ("GenuineIntel", 6, 106, 6, 2)
    assert (kind.memory_gib, kind.virtual, kind.accelerators) == (16, True, ("NVIDIA L4", "NVIDIA L4"))


def test_an_arm_processor_is_known_by_its_parts(tmp_path):
    assert proc(tmp_path, ARM).kind.parts == ("0x41/0x3/0xd0c/1",)


def test_a_machine_that_tells_nothing_is_a_kind_of_its_own(tmp_path):
    here = machine.Machine.here(tmp_path)
    assert (here.kind.vendor, here.kind.memory_gib, here.kind.virtual) == ("unknown", 0, False)
    assert here.kind.threads >= 1


def test_what_differs_is_named(tmp_path):
    kind = proc(tmp_path, CPUINFO.format("hypervisor ", "")).kind
    other = replace(kind, threads=8, virtual=False, accelerators=("NVIDIA L4",))
    assert kind.differing(other) == ["threads 2, not 8", "virtual yes, not no", "accelerators none, not NVIDIA L4"]
    assert kind.fingerprint != other.fingerprint
    assert kind.differing(kind) == []


@pytest.mark.parametrize(
    ("kib", "gib"),
    [(16_384_000, 16), (15_900_000, 16), (7_100_000, 7), (527_000_000, 512), (131_900_000, 128), (900_000, 1), (0, 0)],
)
def test_memory_is_what_was_bought_whatever_the_kernel_keeps(kib, gib):
    assert bought_gib(kib * 1024) == gib


# Signing


def profile(**changes):
    kind = changes.pop("kind", machine.here().kind)
    return profiles.Profile(
        **{
            "greengate": "0.1.0",
            "taken_at": NOW,
            "labels": {"class": "ci-large"},
            "fingerprint": kind.fingerprint,
            "kind": kind,
            "processor": "EPYC",
            "system": "Linux",
            "kernel": "6.1",
            "idle": profiles.Idle(seconds=3.0),
            "control": profiles.Control(blocks=80, cpu_s=1e-4, scatter_share=0.02, drift_share=0.001),
            "comparison": profiles.Comparison(
                seconds=20.0, rounds=200, ratio=1.0, low=0.99, high=1.01, spread_share=0.02,
                resolved_share=0.031, within_s=20.0,
            ),
            **changes,
        }
    )  # fmt: skip


def told(data, public=KEY.public):
    with pytest.raises(UsageError) as refused:
        profiles.unseal(data, public, "p.json", UsageError)
    return str(refused.value)


def test_a_profile_is_read_as_it_was_signed_and_its_id_is_that_of_its_bytes():
    signed = profiles.unseal(profiles.seal(profile(), KEY), KEY.public, "p.json", UsageError)
    assert signed.profile == profile()
    assert (signed.signer, len(signed.id)) == (KEY.public, 64)
    assert signed.id != profiles.unseal(profiles.seal(profile(kernel="6.2"), KEY), "", "p.json", UsageError).id


def test_without_a_key_the_envelope_is_only_held_against_itself():
    assert profiles.unseal(profiles.seal(profile(), OTHER), "", "p.json", UsageError).signer == OTHER.public


def test_another_key_is_refused_with_both():
    said = told(profiles.seal(profile(), OTHER))
    assert f"it is signed by {OTHER.public}, not by {KEY.public}" in said
    assert said.endswith("hint: `greengate runner calibrate` makes a new one")


def tampered(change):
    envelope = json.loads(profiles.seal(profile(), KEY))
    change(envelope)
    return json.dumps(envelope).encode()


def relabel(envelope):
    payload = base64.b64decode(envelope["payload"]).replace(b"ci-large", b"ci-huge!")
    envelope["payload"] = base64.b64encode(payload).decode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (tampered(relabel), "its signature does not fit: something in it was changed after it was signed"),
        (tampered(lambda envelope: envelope.update(payloadType="text/plain")), "it holds 'text/plain', expected"),
        (tampered(lambda envelope: envelope.update(signatures=[])), "nobody has signed it"),
        (tampered(lambda envelope: envelope.update(payload="?")), "its payload is no base64"),
        (tampered(lambda envelope: envelope["signatures"][0].pop("sig")), "its signature is no base64"),
        (tampered(lambda envelope: envelope["signatures"][0].update(keyid="\x1b[31m")), ""),
        (b"\xff\xfe", "it is no JSON"),
        (b"[" * 100_000, "it is no JSON"),
        (b"[]", "it is no signed envelope (DSSE)"),
        (b" " * (2**20 + 1), "at most 1,048,576 are read"),
        (KEY.seal(b"{}", profiles.PAYLOAD_TYPE), "it is signed, and not as this version writes runner profiles"),
        (
            KEY.seal(profile().payload().replace(b'"threads":', b'"threads":1'), profiles.PAYLOAD_TYPE),
            "its fingerprint belongs to another machine than it describes",
        ),
    ],
    ids=[
        "changed", "another type", "no signature", "no payload", "half a signature", "a key's name that is no name",
        "no UTF-8", "deep", "no envelope", "too long", "no profile", "another machine's fingerprint",
    ],
)  # fmt: skip
def test_what_cannot_be_believed_is_refused(data, said):
    if said:
        assert said in told(data)
    else:  # the name is only a hint: the signature itself fits
        assert profiles.unseal(data, KEY.public, "p.json", UsageError)


def test_a_signature_under_a_key_that_is_none_is_refused():
    broken = tampered(lambda envelope: envelope["signatures"][0].update(keyid="ed25519:AAAA"))
    assert "'ed25519:AAAA' is no public key" in told(broken, "")


def test_what_is_signed_as_one_thing_is_never_taken_for_another():
    envelope = json.loads(KEY.seal(b"abc", "a/b"))
    envelope["payloadType"] = "a/bc"
    with pytest.raises(signing.Refused, match="changed"):
        signing.unseal(json.dumps(envelope).encode(), "a/bc", KEY.public)


def test_the_encoding_that_is_signed_is_that_of_the_standard():
    assert signing._pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


# Calibrating


class Noisy:
    """A workload whose runs take some CPU seconds, give or take; it becomes dearer by `drift` after 40 blocks."""

    def __init__(self, cpu_s=0.001, scatter=0.02, drift=1.0, seed=0):
        self.cpu_s, self.scatter, self.drift, self.blocks = cpu_s, scatter, drift, 0
        self.chance = random.Random(seed)

    def renew(self):
        pass

    def block(self, runs):
        self.blocks += 1
        dearer = self.drift if self.blocks > 40 else 1.0
        cpu_s = runs * self.cpu_s * dearer * (1 + self.chance.gauss(0, self.scatter))
        return Reading(runs, cpu_s, cpu_s, (cpu_s / runs,) * runs)


def bench(on, workloads, most_pairs=160):
    @contextmanager
    def opened():
        yield workloads

    return Bench(opened, on.surroundings(), most_pairs=most_pairs)


def noisy(**control):
    return {"candidate": Noisy(seed=1), "baseline": Noisy(seed=2), CONTROL: Noisy(seed=3, **control)}


def test_a_machine_is_told_as_it_was_found():
    found = calibrate([], 20, NOW, bench=bench(Machine(foreign=0.1, steal=0.02), noisy()))
    assert (found.idle.foreign_share, found.idle.steal_share, found.idle.seconds) == (0.1, 0.02, 3.0)
    assert found.control.cpu_s == pytest.approx(0.001, rel=0.01)
    assert found.control.scatter_share == pytest.approx(0.02, rel=0.2)
    assert found.comparison.rounds == 80
    assert found.comparison.low < 1 < found.comparison.high
    assert found.fingerprint == machine.here().kind.fingerprint
    assert found.events == ("other work took 10% of the machine while it should have been idle",)


def test_a_noisier_machine_resolves_less():
    spreads = []
    for scatter in (0.01, 0.2):
        works = {**noisy(), "candidate": Noisy(scatter=scatter)}
        spreads.append(calibrate([], 20, NOW, bench=bench(Machine(), works)).comparison.spread_share)
    assert spreads[1] > 3 * spreads[0]


def test_a_machine_that_drifts_is_refused():
    with pytest.raises(MeasurementError, match=r"the machine drifted.*\n  hint: calibrate it again when nothing else"):
        calibrate([], 20, NOW, bench=bench(Machine(), noisy(drift=2.0)))


def test_too_little_time_says_how_much_there_was():
    with pytest.raises(MeasurementError, match=r"4 rounds of pairs count in .*, and it takes 8"):
        calibrate([], 20, NOW, bench=bench(Machine(), noisy(), most_pairs=8))


def metered(**facts):
    """A machine of 50 W idle and 150 W with one busy thread, and its counter."""
    on = Machine(idle_w=50.0)
    counter = CounterMeter(on, **{"scope": "package", "id": "rapl", "shortest_window_s": 1.0, "tick_s": 0.001, **facts})
    absent = Found("nvml", counter, NotHere("no driver"))
    works = {"candidate": ScriptedWorkload(on, 150.0), "baseline": ScriptedWorkload(on, 150.0)}
    found = [Found("rapl-word", counter, counter.facts), absent]
    milan = machine.Processor("AuthenticAMD", 25, 1, 1, "EPYC", 2)
    known = replace(bench(on, {**works, CONTROL: Noisy()}), machine=replace(machine.here(), processor=milan))
    return calibrate(found, 60, NOW, bench=known)


def test_a_counter_gives_idle_power_and_watts_of_a_busy_thread_beside_the_tables():
    found = metered(kind=Class.COUNTER)
    assert found.idle.power_w == {"rapl": pytest.approx(50, rel=0.01)}
    (coefficient,) = found.coefficients
    assert (coefficient.meter, coefficient.table_w) == ("rapl", 1.501)
    assert coefficient.net_w == pytest.approx(100, rel=0.01)
    assert coefficient.low_w < 100 < coefficient.high_w
    assert [(one.id, one.gain_share) for one in found.meters] == [("rapl", 0.05)]
    assert found.unread == {"nvml": "no driver"}


def test_a_meter_too_slow_for_the_time_says_so_and_gives_no_watts():
    found = metered(shortest_window_s=120.0)
    assert found.coefficients == ()
    assert "720 s, 60 s are left" in found.unread["rapl"]


def test_a_graphics_card_is_told_and_not_read():
    found = metered(scope="device")
    assert [one.scope for one in found.meters] == ["device"]
    assert found.coefficients == ()


# The commands


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("greengate.registry.meters", list)
    return tmp_path


def test_a_key_is_made_once_for_its_owner_alone(here, capsys):
    assert run(["runner", "keygen", "runner.pem"]) == 0
    public = capsys.readouterr().out.splitlines()[-1]
    assert SigningKey.read(Path("runner.pem").read_bytes()).public == public
    assert Path("runner.pem").stat().st_mode & 0o777 == 0o600
    assert run(["runner", "keygen", "runner.pem"]) == 2
    assert "there is such a file already" in capsys.readouterr().err


def test_this_machine_is_calibrated_signed_and_shown(here, capsys, monkeypatch):
    monkeypatch.setattr("greengate.measure.trace.MACHINE_DRIFT", 100.0)  # whatever else runs beside the tests
    monkeypatch.setattr("greengate.calibration.Bench", partial(Bench, most_pairs=24))
    monkeypatch.setattr("greengate.calibration._IDLE_S", 0.5)
    signing.keep(KEY, here / "k.pem")
    words = ["--key", "k.pem", "--seconds", "60", "--label", "class=ci-large", "--expires", "2099-12-31"]
    assert run(["runner", "calibrate", *words]) == 0
    said = capsys.readouterr().out
    assert "apart in 20 s\n" in said
    assert f'    profile:\n      file: runner-profile.json\n      key: "{KEY.public}"\n' in said
    signed = profiles.unseal(Path("runner-profile.json").read_bytes(), KEY.public, "", UsageError)
    assert (signed.profile.labels, signed.profile.expires) == ({"class": "ci-large"}, "2099-12-31")
    assert signed.profile.comparison.rounds >= 8  # of 12, less those that were disturbed
    assert 0 < signed.profile.control.cpu_s < 0.1
    assert run(["runner", "show", "runner-profile.json", "--key", KEY.public]) == 0
    assert f"signed by that key\n  profile      sha256:{signed.id}" in capsys.readouterr().out
    assert sorted(path.name for path in here.iterdir()) == ["k.pem", "runner-profile.json"]


ENCRYPTED = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgAAAAAAAAAAAICCAAw
-----END ENCRYPTED PRIVATE KEY-----
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "a profile is signed, and no key is given\n  hint: `greengate runner keygen runner.pem` makes one"),
        (("--key", "gone.pem"), "gone.pem: the key cannot be read: No such file"),
        (("--key", "text"), "text: it is no private key in PEM"),
        (("--key", "k.pem", "--label", "ci"), "--label: `ci` is not KEY=VALUE"),
        (("--key", "k.pem", "--label", "a=1", "--label", "a=2"), "--label: `a` is given twice"),
        (("--key", "k.pem", "--expires", "tomorrow"), "--expires: `tomorrow` is no day of the calendar"),
        (("--key", "k.pem", "--expires", "2020-01-01"), "--expires: 2020-01-01 is over already"),
        (("--key", "k.pem", "--seconds", "0"), "0.0 is not in the range"),
    ],
)
def test_a_call_that_cannot_be_meant_ends_with_2_before_anything_is_measured(here, capsys, words, said):
    signing.keep(KEY, here / "k.pem")
    (here / "text").write_text("no key")
    assert run(["runner", "calibrate", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "said"),
    [("folder", "is a folder"), ("gone/p.json", "gone/p.json: cannot be written: No such file")],
)
def test_a_place_that_cannot_be_written_is_told_before_anything_is_measured(here, capsys, output, said):
    signing.keep(KEY, here / "k.pem")
    (here / "folder").mkdir()
    assert run(["runner", "calibrate", "--key", "k.pem", "--output", output]) == 4
    told = capsys.readouterr().err
    assert said in told
    assert "idle" not in told


def test_an_older_profile_stays_where_calibrating_fails(here, monkeypatch):
    def fails(*_):
        raise MeasurementError("runner", "it drifted")

    signing.keep(KEY, here / "k.pem")
    (here / "runner-profile.json").write_text("the older one")
    monkeypatch.setattr("greengate.calibration.calibrate", fails)
    assert run(["runner", "calibrate", "--key", "k.pem"]) == 4
    assert (here / "runner-profile.json").read_text() == "the older one"
    assert len(list(here.iterdir())) == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [(None, "cannot be read: No such file"), (b"{}", "it is no signed envelope")],
    ids=["not there", "not signed"],
)
def test_what_is_no_profile_is_not_shown(here, capsys, data, said):
    if data is not None:
        (here / "p.json").write_bytes(data)
    assert run(["runner", "show", "p.json"]) == 2
    assert said in capsys.readouterr().err


def test_a_key_that_is_none_is_told_as_the_key_and_not_as_the_profile(here, capsys):
    (here / "p.json").write_bytes(b"{}")
    assert run(["runner", "show", "p.json", "--key", "k.pem"]) == 2
    assert capsys.readouterr().err == (
        "error: --key: `k.pem` is no public key\n"
        "  hint: give what `greengate runner keygen` printed: `ed25519:` and 44 characters\n"
    )


# At a gate

NAMED = f'runner: {{profile: {{file: p.json, key: "{KEY.public}"}}}}\n'
ASKS = POLICY.replace("{budget: 20 s}", "{budget: 20 s, runner: {labels: {class: ci-large}}}")


def gated(folder, data=None, *words, policy=POLICY):
    project(folder, policy=policy, text=PROJECT + NAMED)
    if data is not None:
        (folder / "p.json").write_bytes(data)
    return greengate(folder, "gate", "--json", *words)


def test_a_machine_of_the_profiles_kind_gets_it(tmp_path, capsys):
    sealed = profiles.seal(profile(), KEY)
    assert gated(tmp_path, sealed, policy=ASKS) == 0
    runner = json.loads(capsys.readouterr().out)["models"][0]["evidence"]["runner"]
    signed = profiles.unseal(sealed, KEY.public, "", UsageError)
    assert (runner["profile"], runner["labels"]) == (signed.id, {"class": "ci-large"})
    assert runner["resolution"] == "tells 3.1% apart in 20 s"
    assert greengate(tmp_path, "show", "last") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"tells 3.1% apart in 20 s (profile {signed.id[:12]})" in told


def test_labels_count_only_from_the_key_that_the_policy_names(tmp_path, capsys):
    sealed = profiles.seal(profile(), KEY)
    theirs = ASKS.replace("class: ci-large}", f'class: ci-large}}, key: "{OTHER.public}"')
    assert gated(tmp_path, sealed, policy=theirs) == 3
    reason = json.loads(capsys.readouterr().out)["models"][0]["findings"][0]["reason"]
    assert f"class=ci-large, signed by {KEY.public}), where the policy asks for a runner with " in reason
    assert reason.endswith(f"class=ci-large, signed by {OTHER.public}")
    assert gated(tmp_path, sealed, policy=theirs.replace(OTHER.public, KEY.public)) == 0


def test_a_machine_of_another_kind_gets_none_and_measured_figures_do_not_count(tmp_path, capsys):
    other = replace(machine.here().kind, threads=999)
    assert gated(tmp_path, profiles.seal(profile(kind=other), KEY), policy=ASKS) == 3
    told = json.loads(capsys.readouterr().out)["models"][0]
    assert told["evidence"]["runner"]["profile"] == ""
    assert [finding["outcome"] for finding in told["findings"]] == ["inconclusive", "passed"]
    reason = told["findings"][0]["reason"]
    assert (
        reason == f"measured on {machine.here()} (no profile), where the policy asks for a runner with class=ci-large"
    )
    threads = machine.here().kind.threads
    assert f"this machine is not of the kind that p.json was made on, so that it has no profile: threads {threads}" in (
        " ".join(told["evidence"]["notes"])
    )


SEVERAL = f"""runner:
  profiles:
    - {{file: gpu.json, key: "{KEY.public}"}}
    - {{file: cpu.json, key: "{KEY.public}"}}
"""


def gated_on_one_of_several(folder, **kinds):
    project(folder, policy=ASKS, text=PROJECT + SEVERAL)
    for name, given in kinds.items():
        (folder / f"{name}.json").write_bytes(profiles.seal(profile(**given), KEY))
    return greengate(folder, "gate", "--json")


def other(threads):
    return {"kind": replace(machine.here().kind, threads=threads)}


def test_of_several_profiles_a_machine_takes_the_one_of_its_kind(tmp_path, capsys):
    assert gated_on_one_of_several(tmp_path, gpu={**other(999), "expires": "2020-01-01"}, cpu={}) == 0
    runner = json.loads(capsys.readouterr().out)["models"][0]["evidence"]["runner"]
    assert runner["profile"] == profiles.unseal((tmp_path / "cpu.json").read_bytes(), KEY.public, "", UsageError).id


def test_of_several_profiles_none_may_be_of_its_kind(tmp_path, capsys):
    assert gated_on_one_of_several(tmp_path, gpu=other(999), cpu=other(998)) == 3
    notes = " ".join(json.loads(capsys.readouterr().out)["models"][0]["evidence"]["notes"])
    assert (
        "not of the kind that gpu.json or cpu.json was made on, so that it has no profile: gpu.json: threads" in notes
    )


def test_each_of_several_profiles_must_be_signed(tmp_path, capsys):
    project(tmp_path, policy=ASKS, text=PROJECT + SEVERAL)
    (tmp_path / "gpu.json").write_bytes(profiles.seal(profile(), OTHER))
    (tmp_path / "cpu.json").write_bytes(profiles.seal(profile(), KEY))
    assert greengate(tmp_path, "gate") == 2
    assert "(runner.profiles[0]): " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "the runner profile `p.json` is not there\n  hint: commit what"),
        (b"nonsense", "the runner profile cannot be believed: it is no JSON"),
        (profiles.seal(profile(), OTHER), f"it is signed by {OTHER.public}, not by {KEY.public}"),
        (tampered(relabel), "something in it was changed after it was signed"),
        (profiles.seal(profile(expires="2020-01-01"), KEY), "the runner profile expired on 2020-01-01"),
    ],
    ids=["not there", "no JSON", "another key", "changed", "expired"],
)
def test_a_profile_that_cannot_be_believed_ends_the_check_with_2(tmp_path, capsys, data, said):
    assert gated(tmp_path, data) == 2
    told = capsys.readouterr().err
    assert "greengate.yaml:6:19 (runner.profile): " in told
    assert said in told


def git(folder, *words):
    who = ("-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def test_with_a_base_profile_and_key_are_those_of_the_base(tmp_path, capsys):
    project(tmp_path, text=PROJECT + NAMED)
    (tmp_path / "p.json").write_bytes(profiles.seal(profile(), KEY))
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "base")
    (tmp_path / "p.json").write_bytes(profiles.seal(profile(labels={"class": "mine"}), OTHER))
    (tmp_path / "greengate.yaml").write_text((PROJECT + NAMED).replace(KEY.public, OTHER.public))
    assert greengate(tmp_path, "gate", "--json", "--base", "main") == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["models"][0]["evidence"]["runner"]["labels"] == {"class": "ci-large"}
    assert "this change edits profiles in greengate.yaml; this check holds to the base's" in whole["notes"]


# A policy that asks for a runner

CI = ReferenceRunner(labels={"class": "ci-large"})
LARGE = Runner(
    fingerprint="f",
    description="big",
    profile="a" * 64,
    signer=KEY.public,
    labels={"class": "ci-large", "zone": "eu"},
)
SMALL = Runner(fingerprint="f", description="little", profile="b" * 64, labels={"class": "ci-small"})
BARE = Runner(fingerprint="f", description="somebody's laptop")


@pytest.mark.parametrize(
    ("asked", "runner", "met"),
    [
        (ReferenceRunner(), BARE, True),
        (CI, LARGE, True),
        (CI, SMALL, False),
        (CI, BARE, False),
        (ReferenceRunner("a" * 64), LARGE, True),
        (ReferenceRunner("a" * 64), SMALL, False),
        (ReferenceRunner("b" * 64, {"class": "ci-large"}), SMALL, False),
        (ReferenceRunner(key=KEY.public), LARGE, True),
        (ReferenceRunner(key=OTHER.public), LARGE, False),
        (ReferenceRunner(key=KEY.public), BARE, False),
    ],
)
def test_a_runner_meets_what_is_asked_if_all_of_it_holds(asked, runner, met):
    assert asked.is_met_by(runner) is met


def judged(rule, runner, **rest):
    figures = {name: uncertain(10, 9, 11) for name in (ENERGY, LATENCY, "peak_memory", "parameters", "quality.f1")}
    given = {"candidate": figures, "baseline": figures, "pairs": pairs(1.0, 60, 0.01), "runner": runner, **rest}
    asked = policy(rule, runner=CI)
    facts = evidence(given.pop("candidate"), given.pop("baseline")).model_copy(update=given)
    return gate.judge([asked], Evidence.model_validate(facts.model_dump())).findings[0]


@pytest.mark.parametrize(
    "rule",
    [maximum(ENERGY, "20 J"), growth(ENERGY), maximum(LATENCY, "20 s"), maximum("peak_memory", "1 GiB")],
    ids=["a limit", "a ratio in pairs", "latency", "peak memory"],
)
def test_what_was_measured_elsewhere_is_inconclusive_and_names_both(rule):
    assert judged(rule, LARGE).outcome == "passed"
    found = judged(rule, SMALL)
    assert found.outcome == "inconclusive"
    assert found.reason == (
        f"measured on little (profile {'b' * 12}, class=ci-small), "
        "where the policy asks for a runner with class=ci-large"
    )


@pytest.mark.parametrize("rule", [maximum("parameters", "20"), growth("parameters"), maximum("quality.f1", "1200%")])
def test_what_is_counted_is_the_same_everywhere(rule):
    assert judged(rule, SMALL) == judged(rule, LARGE)


def test_every_metric_that_is_measured_is_bound_to_its_runner():
    assert {name for name, metric in METRICS.items() if not metric.of_runner} == {
        "flops_per_inference", "macs_per_inference", "parameters", "model_size",
        "weight_bytes", "activation_bytes", "training_energy", "training_carbon", "grid_intensity",
    }  # fmt: skip


class Fixed:
    """An expression that holds, over names of its own."""

    def __init__(self, *names):
        self.names = frozenset(names)

    def evaluate(self, _):
        return True


@pytest.mark.parametrize(
    ("name", "outcome"), [(f"candidate.{LATENCY}", "inconclusive"), ("candidate.parameters", "passed")]
)
def test_an_expression_is_bound_by_the_figures_that_it_names(name, outcome):
    assert judged(Rule("own", (Condition("text", Fixed(name)),)), SMALL).outcome == outcome


def test_measuring_does_not_go_on_for_what_cannot_count():
    rule = growth(ENERGY)
    few = {"candidate": {}, "baseline": {}, "pairs": pairs(1.0, 4, 0.01)}
    for runner, open_ in ((LARGE, True), (SMALL, False)):
        facts = evidence(few["candidate"], few["baseline"], pairs=few["pairs"]).model_copy(update={"runner": runner})
        assert gate.unsettled([policy(rule, runner=CI)], facts) is open_


@pytest.mark.parametrize(("measured_by", "outcome"), [("f", "passed"), ("g", "inconclusive")])
def test_along_a_chain_all_changes_must_be_of_this_kind_of_machine(measured_by, outcome):
    rounds = {"cpu": tuple(random.Random(4).gauss(0, 0.01) for _ in range(20))}
    link = Link(entry="e", candidate="c", baseline="b", rounds=rounds, runner=measured_by)
    earlier = Earlier(since="v1", origin="chain", links=(link,))
    rule = Rule("drift", (Drift("max_increase", Share.parse("10%"), "v1"),), METRICS[ENERGY])
    found = judged(rule, LARGE, earlier=(earlier,))
    assert found.outcome == outcome
    assert ("1 of the changes in between were measured on another kind of machine" in found.reason) is (
        outcome == "inconclusive"
    )


def test_an_open_test_says_what_the_runner_was_calibrated_to_tell_apart():
    runner = LARGE.model_copy(update={"resolution": "tells 3% apart in 20 s"})
    found = judged(growth(ENERGY, "0.1%"), runner, pairs=pairs(1.001, 24, 0.05), measured_s=3.0)
    assert found.outcome == "inconclusive"
    assert found.reason.endswith(f"; as calibrated, this runner tells 3% apart in 20 s (profile {'a' * 12})")


def test_in_a_policy_test_figures_count_as_measured_where_the_policy_asks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(ASKS)
    Path("p.test.yaml").write_text(
        "apiVersion: greengate/v1\nkind: PolicyTest\npolicy: p.yaml\ncases:\n"
        "  - name: no growth passes\n"
        f"    baseline: {{{ENERGY}: 100 J, flops_per_inference: 1 GFLOP}}\n"
        f"    candidate: {{{ENERGY}: 100 J, flops_per_inference: 1 GFLOP}}\n"
        "    expect: passed\n"
    )
    assert run(["policy", "test", "p.yaml"]) == 0, capsys.readouterr()


def test_a_policy_that_asks_for_a_runner_explains_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(ASKS)
    assert run(["policy", "explain", "p.yaml"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert (
        "Measured figures count only from a runner whose profile is labelled class: ci-large; counted ones always do."
    ) in told
