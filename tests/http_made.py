"""A device on this machine's loopback that answers as a test has written it down."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """One answer: its body (text, or JSON), and what is odd about how it comes."""

    body: object = ""
    status: int = 200
    headers: dict = field(default_factory=dict)
    delay_s: float = 0.0
    slowly_s: float = 0.0  # between one byte and the next
    closes: bool = False  # without a word
    announced: int | None = None  # bytes in Content-Length
    raw: bytes = b""  # sent instead of all that, so slowly

    @property
    def data(self):
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


class Device:
    """What a device answers to each path, or to any (`*`); a list is used up one by one, its last again and again."""

    def __init__(self, answers):
        self.answers = {path: list(told) if isinstance(told, list) else [told] for path, told in answers.items()}
        self.asked = []
        self.headers = []
        self.methods = set()
        self.over = threading.Event()
        self.address = ""
        self.dripped = 0  # bytes that came slowly

    def answer(self, path):
        known = (path, path.partition("?")[0], "*")
        told = next((self.answers[name] for name in known if name in self.answers), [Answer("", 404)])
        found = told.pop(0) if len(told) > 1 else told[0]
        return found if isinstance(found, Answer) else Answer(found)


@contextmanager
def device(answers):
    """Run a device while a test asks it."""
    made = Device(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            made.asked.append(self.path)
            made.headers.append(dict(self.headers))
            made.methods.add(self.command)
            answer = made.answer(self.path)
            made.over.wait(answer.delay_s)
            if answer.closes:
                self.close_connection = True
                return
            if answer.raw:
                self.close_connection = True
                _drip(self.wfile, answer.raw, answer.slowly_s, made)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(answer.announced or len(answer.data)))
            self.end_headers()
            self.write(answer)

        def write(self, answer):
            self.close_connection = answer.announced is not None
            if not answer.slowly_s:
                self.wfile.write(answer.data)
                return
            _drip(self.wfile, answer.data, answer.slowly_s, made)

        def log_message(self, *_):
            """Tests show no log."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            """Let a client that has given up go."""

    with Server(("127.0.0.1", 0), Handler) as server:
        made.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield made
        finally:
            made.over.set()
            server.shutdown()
            thread.join()


def _drip(out, data, slowly_s, made):
    for byte in data:
        out.write(bytes([byte]))
        made.dripped += 1
        if made.over.wait(slowly_s):
            return


def without_place(look):
    """What a look at a meter gave, without the port and the time, which differ from run to run."""
    return look.name, look.words.replace(_port(look.words), "PLUG")


def _port(words):
    at = words.find("http://127.0.0.1:")
    if at < 0:
        return "\0"
    end = at + len("http://127.0.0.1:")
    while end < len(words) and words[end].isdigit():
        end += 1
    return words[at:end]
