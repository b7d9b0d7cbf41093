"""What the tests of forges share: a server on this machine's loopback, faults, a clock, and the stage of a forge.

A stage is a forge's own double with one change on it. The port's contract (`test_forge_contract.py`) plays on every
stage that is named in `STAGES` there.
"""

import json
import re
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from greengate.forge.patience import Pace
from greengate.forges import Forge

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Clock:
    """A clock that goes on by itself, and by what is slept, which takes no time."""

    def __init__(self):
        self.slept = []

    def monotonic_s(self):
        return time.monotonic() + sum(self.slept)

    def now(self):
        return NOW + timedelta(seconds=sum(self.slept))

    def pace(self, **pace):
        told = {"now": self.now, "monotonic_s": self.monotonic_s, "sleep": self.slept.append, "timeout_s": 5.0, **pace}
        return Pace(**told)


@dataclass
class Fault:
    """What goes wrong.

    Attributes:
        kind: "silent" (no answer), "reset" (it breaks off in the middle of the body), or a status.
        at: The method and path where, as a regular expression.
        done: Whether what was asked for is done all the same.
        times: How often it goes wrong.
        headers: Headers of the answer.
        body: JSON of the answer.
    """

    kind: object
    at: str = ""
    done: bool = False
    times: float = float("inf")
    headers: dict = field(default_factory=dict)
    body: object = field(default_factory=lambda: {"message": "it happens"})

    def hits(self, method, path):
        if self.times <= 0 or not re.search(self.at, f"{method} {path}"):
            return False
        self.times -= 1
        return True


@dataclass
class Reply:
    """One answer."""

    status: int
    told: object = None
    headers: dict = field(default_factory=dict)

    @property
    def data(self):
        return b"" if self.told is None else json.dumps(self.told).encode()


class Stage(Protocol):
    """A forge's double with one open change on it, whose author is `ada`; we are not the only ones there."""

    forge: Forge
    token: str
    head: str

    def bodies(self):
        """The text of every comment that is there, the oldest first."""

    def others_say(self, body):
        """Somebody else writes a comment."""

    def lose(self, comment):
        """Somebody deletes a comment."""

    def push(self):
        """The author pushes another commit."""

    def approve(self, who):
        """Somebody approves what is there now."""

    def withdraw(self, who):
        """And takes it back."""

    def merge(self, *, approved_by=()):
        """The change is approved and merged; returns the commit that it brought."""

    def enlist(self, team, who):
        """Somebody joins a team that may be seen, as `acme/green`."""

    def marks(self):
        """Every check that is shown: its name, its commit, and whether it is green."""

    def fail(self, fault):
        """From now on, something goes wrong."""


class _Handler(BaseHTTPRequestHandler):
    """Asks a double; `served` says which."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # which would keep a body back until its head is acknowledged

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answered
        raise AttributeError(name)

    def answered(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.double.log.append(f"{self.command} {self.path.partition('?')[0]}")
        with self.double.lock:
            fault = next((one for one in self.double.faults if one.hits(self.command, self.path)), None)
            happens = fault is None or fault.done or fault.kind == "reset"
            reply = self.double.answer(self.command, self.path, self.headers, body) if happens else None
        if fault is None:
            self.send(reply)
        elif fault.kind == "reset":
            self.send(reply, cut=True)
        elif fault.kind == "silent":
            self.over.wait(30)
            self.close_connection = True
        else:
            self.send(Reply(fault.kind, fault.body, fault.headers))

    def send(self, reply, *, cut=False):
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.data:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.data)))
        self.end_headers()
        self.wfile.write(reply.data[: len(reply.data) // 2] if cut else reply.data)
        if cut:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        """Tests show no log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Let a client that has given up go."""


@contextmanager
def served(double, port=0):
    """Serve `double.answer(method, target, headers, body) -> Reply` while a test asks it; sets `double.address`."""
    over = threading.Event()
    handler = type("Handler", (_Handler,), {"double": double, "over": over})
    with _Server(("127.0.0.1", port), handler) as server:
        double.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield double
        finally:
            over.set()
            server.shutdown()
            thread.join()
