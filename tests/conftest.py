"""What every test may ask for."""

import pytest
from hypothesis import HealthCheck, settings
from postgres_made import Server

SURROUNDINGS = (
    "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "GREENGATE_BASE", "GREENGATE_HISTORY",
    "GREENGATE_BOOK_PASSWORD", "PGPASSWORD", "PGPASSFILE", "PGHOST", "PGUSER", "PGOPTIONS",
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
