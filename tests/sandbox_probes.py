"""What a hostile model would try, as commands of a child process."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path


def _is_socket(handle):
    try:
        return stat.S_ISSOCK(os.fstat(handle).st_mode)
    except OSError:
        return False


class Probes:
    def __init__(self):
        self.runtime = {"probe": "1"}

    def _tried(self, work):
        try:
            return {"answer": work()}
        except OSError as error:
            return {"answer": type(error).__name__}

    def read(self, path):
        return self._tried(lambda: Path(path).read_text())

    def write(self, path):
        return self._tried(lambda: Path(path).write_text("x"))

    def list(self, path):
        return self._tried(lambda: sorted(entry.name for entry in Path(path).iterdir()))

    def connect(self):
        def work():
            with socket.socket() as line:
                line.connect(("127.0.0.1", 9))

        return self._tried(work)

    def start_program(self):
        return self._tried(lambda: os.execv("/bin/true", ["true"]))

    def signal_parent(self):
        return self._tried(lambda: os.kill(os.getppid(), 0))

    def environment(self):
        return {"answer": sorted(os.environ)}

    def allocate(self, count):
        return {"answer": len(bytearray(count))}

    def spin(self):
        while True:
            pass

    def sleep(self):
        signal.pause()

    def kill(self, number):
        os.kill(os.getpid(), number)

    def leave(self, code):
        os.write(2, b"so long\n")
        os._exit(code)

    def chatter(self, count):
        for _ in range(count):
            self._tried(lambda: os.write(2, b"x" * 4096))
        return {"answer": count}

    def say(self, text):
        connection = next(handle for handle in range(3, 64) if _is_socket(handle))
        os.write(connection, text.encode())
        signal.pause()

    def child(self):
        pid = os.fork()
        if not pid:
            signal.pause()
        return {"answer": pid}
