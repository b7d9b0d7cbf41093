"""A server that speaks TLS under another name, behind a proxy on this machine's loopback."""

import datetime as dt
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder, name):
    """A certificate of its own authority, and its key, as files."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    who, day = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), dt.timedelta(days=1)
    made = x509.CertificateBuilder(who, who, key.public_key(), 1, now - day, now + day)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "cert.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"


@contextmanager
def behind_proxy(folder, name, body):
    """Serve one answer under a name; yields the proxy's address and what the proxy is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Tests show no log."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            """Let a client that does not trust it go."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder, name))
    heads = []
    with Server(("127.0.0.1", 0), Handler) as server, socket.create_server(("127.0.0.1", 0)) as listening:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        _start(server.serve_forever, 0.01)
        _start(_tunnel, listening, server.server_address, heads)
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}", heads
        finally:
            server.shutdown()
            listening.shutdown(socket.SHUT_RDWR)  # which wakes whoever waits for a connection


def _start(what, *given):
    thread = threading.Thread(target=what, args=given, daemon=True)
    thread.start()
    return thread


def _tunnel(listening, address, heads):
    with suppress(OSError):  # the test is over
        while True:
            near, _ = listening.accept()
            _start(_relay, near, address, heads)


def _relay(near, address, heads):
    with near, suppress(OSError):
        heads.append(near.recv(4096).decode())
        with socket.create_connection(address) as far:
            near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = _start(_pump, far, near)
            _pump(near, far)
            back.join()


def _pump(source, target):
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
