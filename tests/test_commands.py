"""A command of the user's: its exit code, its signals and its CPU seconds, as if nobody stood between."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from greengate.errors import UsageError
from greengate.measure import commands
from greengate.measure.commands import Held

TRAP = "trap 'exit 7' {name}; echo > up; while :; do sleep 0.05; done"


def ended(*words, every_s=0.05, meanwhile=lambda: None):
    with Held() as held:
        pid = held.start(commands.program(words[0]), words, dict(os.environ))
        return held.wait(pid, every_s, meanwhile)


@pytest.mark.parametrize(
    ("script", "code", "name"),
    [("exit 0", 0, ""), ("exit 9", 9, ""), ("kill -TERM $$", 143, "SIGTERM"), ("kill -KILL $$", 137, "SIGKILL")],
)
def test_the_exit_code_is_the_commands_as_a_shell_tells_it(script, code, name):
    found = ended("sh", "-c", script)
    assert (found.code, found.signal, found.passed_on, found.failed) == (code, name, (), "")


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1"])
def test_a_signal_that_asks_to_end_is_passed_on_once(tmp_path, monkeypatch, name):
    number = getattr(signal, f"SIG{name}")

    def send():
        if Path("up").exists() and not sent:
            sent.append(os.kill(os.getpid(), number))

    monkeypatch.chdir(tmp_path)
    sent = []
    before = signal.signal(number, signal.SIG_DFL)  # under nohup HUP is ignored, and so it would be by the command
    try:
        found = ended("sh", "-c", TRAP.format(name=name), meanwhile=send)
    finally:
        signal.signal(number, before)
    assert (found.code, found.passed_on) == (7, (f"SIG{name}",))


def test_cpu_seconds_are_those_of_the_command_and_its_children():
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    before_s = time.process_time()
    found = ended("sh", "-c", f'{sys.executable} -c "{spin}"; true')
    assert found.cpu_s >= 0.3
    assert time.process_time() - before_s < found.cpu_s


def test_what_fails_beside_it_neither_ends_it_nor_hides_its_code():
    def fails():
        raise ZeroDivisionError("on purpose")

    found = ended("sh", "-c", "sleep 0.3; exit 5", meanwhile=fails)
    assert (found.code, found.failed) == (5, "ZeroDivisionError: on purpose")


def test_the_command_gets_signals_as_they_were_before():
    script = "import signal, sys; sys.exit(len(signal.pthread_sigmask(signal.SIG_BLOCK, ())))"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert ended(sys.executable, "-c", script).code == len(before)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_broken_pipe_ends_the_command_as_it_would_without():
    assert ended("sh", "-c", "kill -PIPE $$").signal == "SIGPIPE"


def test_a_signal_that_comes_too_late_is_dropped():
    with Held() as held:
        held.wait(held.start("/bin/true", ["true"], {}), 1.0, lambda: None)
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_comes_before_starts_nothing(tmp_path):
    with Held() as held:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            held.start("/usr/bin/touch", ["touch", str(tmp_path / "made")], {})
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_another_thread_took_is_passed_on_too():
    def take():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
        signal.raise_signal(signal.SIGTERM)

    taker = threading.Thread(target=take)
    with Held() as held:
        pid = held.start("/bin/sleep", ["sleep", "60"], {})
        taker.start()
        assert held.wait(pid, 0.05, lambda: None).signal == "SIGTERM"
    taker.join()


@pytest.mark.parametrize(
    ("word", "problem"),
    [("no-such-program", "is no program that can be found"), ("./plain", "cannot be run")],
)
def test_what_is_no_program_is_told(tmp_path, monkeypatch, word, problem):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain").write_text("text")
    with pytest.raises(UsageError) as caught:
        commands.program(word)
    assert (str(caught.value.where), caught.value.problem) == ("COMMAND", f"`{word}` {problem}")


def test_a_script_without_a_first_line_is_told(tmp_path):
    script = tmp_path / "s"
    script.write_text("echo")
    script.chmod(0o755)
    with pytest.raises(UsageError) as caught:
        ended(str(script))
    assert caught.value.problem == f"`{script}` cannot be started: Exec format error"
