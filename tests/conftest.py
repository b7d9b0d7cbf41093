"""What every test may ask for."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("greengate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("greengate")


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch):
    """Keep a developer's or a CI system's variables from reaching the tests."""
    for name in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "GREENGATE_BASE", "GREENGATE_HISTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
