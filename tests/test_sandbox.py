from __future__ import annotations

import os
import signal
import struct
import time
from pathlib import Path

import pytest

from greengate.errors import ModelError
from greengate.models import deaths, landlock, wire
from greengate.models.sandbox import Sandbox
from greengate.ports import Limits

HERE = Path(__file__).parent
needs_landlock = pytest.mark.skipif(landlock._version() < 6, reason="this kernel's Landlock is too old or missing")


def sandboxed(*reads, writes=(), **limits):
    limits = Limits(**{"wall_s": 20.0, **limits})
    return Sandbox("sandbox_probes:Probes", where="m.onnx", reads=reads, limits=limits, paths=[HERE], writes=writes)


def asked(sandbox, command, **arguments):
    return sandbox.ask(command, arguments, where="m.onnx", doing="probing").fields["answer"]


def refusal(sandbox, command, **arguments):
    with pytest.raises(ModelError) as caught:
        asked(sandbox, command, **arguments)
    return caught.value.problem


@needs_landlock
def test_a_kernel_with_landlock_leaves_nothing_degraded(tmp_path):
    with sandboxed(tmp_path) as sandbox:
        assert (sandbox.degraded, sandbox.runtime) == ((), {"probe": "1"})


@needs_landlock
def test_the_child_reads_what_it_was_given_and_nothing_beside_it(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "model").write_text("weights")
    (tmp_path / "secret").write_text("token")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    with sandboxed(tmp_path / "in") as sandbox:
        assert asked(sandbox, "read", path=str(tmp_path / "in" / "model")) == "weights"
        assert asked(sandbox, "list", path=str(tmp_path / "in")) == ["link", "model"]
        assert asked(sandbox, "read", path=str(tmp_path / "secret")) == "PermissionError"
        assert asked(sandbox, "read", path=str(tmp_path / "in" / "link")) == "PermissionError"
        assert asked(sandbox, "list", path=str(tmp_path)) == "PermissionError"


@needs_landlock
def test_the_child_cannot_read_this_process_s_environment_from_proc(tmp_path):
    with sandboxed(tmp_path) as sandbox:
        assert asked(sandbox, "read", path=f"/proc/{os.getpid()}/environ") == "PermissionError"


@needs_landlock
@pytest.mark.parametrize("command", ["connect", "start_program", "signal_parent"])
def test_the_child_cannot_reach_out(command, tmp_path):
    with sandboxed(tmp_path) as sandbox:
        assert asked(sandbox, command) == "PermissionError"


@needs_landlock
def test_the_child_cannot_write_even_where_it_may_read(tmp_path):
    (tmp_path / "model").write_text("weights")
    with sandboxed(tmp_path) as sandbox:
        assert asked(sandbox, "write", path=str(tmp_path / "new")) == "PermissionError"
        assert asked(sandbox, "write", path=str(tmp_path / "model")) == "PermissionError"
    assert (tmp_path / "model").read_text() == "weights"


@needs_landlock
def test_the_child_writes_only_into_a_folder_of_its_own_and_no_more_than_it_may(tmp_path):
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "own" / "link").symlink_to(tmp_path / "other" / "new")
    with sandboxed(writes=[tmp_path / "own"], file_size_bytes=1) as sandbox:
        assert asked(sandbox, "write", path=str(tmp_path / "own" / "new")) == 1
        assert asked(sandbox, "read", path=str(tmp_path / "own" / "new")) == "x"
        assert asked(sandbox, "write", path=str(tmp_path / "own" / "link")) == "PermissionError"
        assert asked(sandbox, "write", path=str(tmp_path / "other" / "new")) == "PermissionError"
    with sandboxed(writes=[tmp_path / "own"], file_size_bytes=0) as sandbox:
        assert asked(sandbox, "write", path=str(tmp_path / "own" / "newer")) == "OSError"
    assert list((tmp_path / "other").iterdir()) == []


def test_the_child_sees_no_secret_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_secret")
    with sandboxed(tmp_path) as sandbox:
        names = asked(sandbox, "environment")
    assert "GITHUB_TOKEN" not in names
    assert "ORT_DISABLE_TELEMETRY" in names


def test_without_landlock_the_missing_protection_is_told(monkeypatch):
    monkeypatch.setattr(landlock, "_version", lambda: -1)
    assert "no Landlock" in landlock.confine([])[0]


@pytest.mark.parametrize(("version", "missing"), [(1, 3), (3, 2), (4, 1), (6, 0)])
def test_an_old_landlock_tells_what_it_cannot_do(version, missing):
    assert len([words for words in landlock._missing(version) if "version" in words]) == missing


def test_a_hanging_child_is_stopped_after_the_wall_clock_limit(tmp_path):
    with sandboxed(tmp_path, wall_s=1.0) as sandbox:
        assert refusal(sandbox, "sleep") == "no answer after 1 s while probing; its process was stopped"


def test_a_child_that_computes_for_ever_is_stopped_by_the_cpu_limit(tmp_path):
    with sandboxed(tmp_path, cpu_s=1) as sandbox:
        assert refusal(sandbox, "spin") == "more than 1 s of CPU time used; its process was stopped while probing"


def test_a_child_that_wants_too_much_memory_says_so_and_lives(tmp_path):
    with sandboxed(tmp_path, address_space_bytes=2**30) as sandbox:
        assert "out of memory while probing: more than the 1 GiB" in refusal(sandbox, "allocate", count=2**31)
        assert asked(sandbox, "allocate", count=10) == 10


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL", "SIGBUS"])
def test_the_signal_that_killed_the_child_is_named(name, tmp_path):
    with sandboxed(tmp_path) as sandbox:
        assert f"its process was killed by {name} (" in refusal(sandbox, "kill", number=signal.Signals[name])


def test_a_child_killed_from_outside_is_told_and_asking_again_says_it_has_ended(tmp_path):
    with sandboxed(tmp_path) as sandbox:
        os.kill(sandbox.pid, signal.SIGSEGV)
        assert "killed by SIGSEGV" in refusal(sandbox, "environment")
        assert refusal(sandbox, "environment") == "its process ended before probing"


def test_an_exit_code_comes_with_the_child_s_last_words(tmp_path):
    with sandboxed(tmp_path) as sandbox:
        told = refusal(sandbox, "leave", code=3)
    assert told == "its process ended with exit code 3 while probing; its last words: so long"


def test_a_child_that_complains_without_end_neither_hangs_nor_fills_memory(tmp_path):
    with sandboxed(tmp_path) as sandbox:
        assert asked(sandbox, "chatter", count=200) == 200
        assert asked(sandbox, "chatter", count=1) == 1
        assert len(sandbox._stderr) <= 16 * 2**10


def test_a_module_that_is_missing_in_the_child_is_named():
    with (
        pytest.raises(ModelError, match=r"exit code 1 while starting.*No module named 'no_such_module'"),
        Sandbox("no_such_module:X", where="m.onnx", reads=(), limits=Limits()),
    ):
        pass


def frame(head: bytes, body: bytes = b"", sizes: tuple[int, int] | None = None) -> bytes:
    return struct.pack("<IQ", *(sizes or (len(head), len(body)))) + head + body


GARBAGE = {
    "no frame": b"hello, this is not a frame at all",
    "huge head": frame(b"", sizes=(2**32 - 1, 0)),
    "huge body": frame(b"", sizes=(2, 2**60)),
    "no JSON": frame(b"\x00\x01\x02"),
    "no mapping": frame(b"[]"),
    "no fields": frame(b'{"arrays": []}'),
    "fields of another kind": frame(b'{"fields": [], "arrays": []}'),
    "NaN": frame(b'{"fields": {"answer": NaN}, "arrays": []}'),
    "deep": frame(b"[" * 100_000),
    "array too long": frame(b'{"fields": {}, "arrays": [{"name": "x", "dtype": "int8", "shape": [9], "bytes": 9}]}'),
    "shape of another size": frame(
        b'{"fields": {}, "arrays": [{"name": "x", "dtype": "int8", "shape": [1099511627776], "bytes": 1}]}', b"1"
    ),
    "object array": frame(
        b'{"fields": {}, "arrays": [{"name": "x", "dtype": "object", "shape": [1], "bytes": 8}]}', b"12345678"
    ),
    "unclaimed bytes": frame(b'{"fields": {}, "arrays": []}', b"1"),
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_refused_without_taking_memory_for_it(data):
    rest = memoryview(data)

    def read(count):
        nonlocal rest
        part, rest = rest[:count], rest[count:]
        return bytes(part)

    with pytest.raises(wire.Garbage):
        wire.unpack(read)


def test_a_child_that_answers_garbage_is_stopped(tmp_path):
    with sandboxed(tmp_path) as sandbox:
        told = refusal(sandbox, "say", text="garbage, garbage, garbage")
        assert told.startswith("its process answered garbage while probing (a message of")
        assert sandbox._child.returncode is not None


def test_a_frame_carries_arrays_of_numbers_and_strings_unchanged():
    import numpy as np  # noqa: PLC0415

    arrays = {
        "numbers": np.arange(6, dtype="float16").reshape(2, 3),
        "scalar": np.array(True),
        "words": np.array([["a", "é"]], dtype=object),
    }
    data = memoryview(wire.pack(wire.Frame({"a": 1}, arrays)))
    position = 0

    def read(count):
        nonlocal position
        position += count
        return bytes(data[position - count : position])

    back = wire.unpack(read)
    assert back.fields == {"a": 1}
    assert {name: (array.dtype, array.shape, array.tolist()) for name, array in back.arrays.items()} == {
        name: (array.dtype, array.shape, array.tolist()) for name, array in arrays.items()
    }


def test_leaving_the_sandbox_ends_the_child_and_what_it_started(tmp_path):
    with sandboxed(tmp_path) as sandbox:
        grandchild = asked(sandbox, "child")
    for _ in range(200):
        if not _runs(grandchild):
            break
        time.sleep(0.01)
    assert not _runs(sandbox.pid)
    assert not _runs(grandchild)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_peak_memory_is_the_child_s_own_not_what_its_parent_had(tmp_path):
    ballast = bytearray(300 * 2**20)
    with sandboxed(tmp_path) as sandbox:
        before = sandbox.peak_memory_bytes()
        asked(sandbox, "allocate", count=100 * 2**20)
        after = sandbox.peak_memory_bytes()
    assert before < len(ballast) < 10 * after
    assert after - before > 90 * 2**20


@pytest.mark.parametrize(
    ("said", "plain"),
    [("\x1b[31mred\n\nline", "[31mred line"), ("x" * 500, "x" * 400 + "…"), (None, "None")],
    ids=["control characters", "too long", "no text"],
)
def test_what_a_child_says_becomes_one_harmless_line(said, plain):
    assert deaths.plain(said) == plain


@pytest.mark.parametrize("value", [-1, float("inf"), float("nan"), "1", None, True, [1]])
def test_a_number_from_a_child_is_finite_and_not_negative(value):
    with pytest.raises(ValueError, match="not a number of 0 or more"):
        deaths.number({"cpu_s": value}, "cpu_s")
