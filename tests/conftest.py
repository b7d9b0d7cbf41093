"""What every test may ask for."""

import signal
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings
from postgres_made import Server

from greengate.ledger.store import Store

SURROUNDINGS = (
    "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "GREENGATE_BASE", "GREENGATE_HISTORY",
    "GREENGATE_CHANGE", "GREENGATE_BOOK", "GITHUB_REF", "GITHUB_REPOSITORY", "CI_MERGE_REQUEST_IID",
    "CI_MERGE_REQUEST_PROJECT_PATH", "GREENGATE_BOOK_PASSWORD", "GREENGATE_HISTORY_PASSWORD",
    "GREENGATE_GITHUB_TOKEN", "GITHUB_TOKEN", "GREENGATE_GITHUB_APP_ID", "GREENGATE_GITHUB_APP_KEY", "GITHUB_API_URL",
    "GREENGATE_GITLAB_TOKEN", "CI_API_V4_URL", "GREENGATE_FORGE_CA",
    "GREENGATE_SIGN_OFF_KEY", "GREENGATE_SIGN_OFF_KEY_FILE", "GREENGATE_SIGN_OFF_KEY_COMMAND",
    "GREENGATE_SIGN_OFF_KEY_PUBLIC", "GREENGATE_SIGN_OFF_KEY_PASSPHRASE",
    "GREENGATE_LEDGER_KEY", "GREENGATE_LEDGER_KEY_FILE", "GREENGATE_LEDGER_KEY_COMMAND", "GREENGATE_LEDGER_KEY_PUBLIC",
    "GREENGATE_LEDGER_ORIGIN", "GREENGATE_LEDGER_WITNESS", "GREENGATE_HISTORY_PASSWORD",
    "PGPASSWORD", "PGPASSFILE", "PGHOST", "PGUSER", "PGOPTIONS",
)  # fmt: skip
settings.register_profile("greengate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("greengate")


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch):
    """Keep a developer's or a CI system's variables from reaching the tests."""
    for name in SURROUNDINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(scope="session")
def postgres():
    """Start a PostgreSQL server for all tests that ask for one."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    """Where an empty book of budgets can be: a path, and a schema of a server."""
    return str(tmp_path / "book.db") if request.param == "sqlite" else request.getfixturevalue("postgres").schema()


@pytest.fixture
def opened():
    """Open ledgers, and close them when the test is over."""
    with ExitStack() as stores:
        yield lambda place, **given: stores.enter_context(Store(place, **given))


@pytest.fixture(scope="session", autouse=True)
def signals_as_on_a_terminal():
    """Whoever runs the tests in the background may ignore what a terminal sends; commands under test then would too."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
