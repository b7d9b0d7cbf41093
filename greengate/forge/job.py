"""What CI says of the change under judgement."""

from __future__ import annotations

from collections.abc import Mapping

from greengate.changes import NO_CHANGE, Change
from greengate.forge import github_job, gitlab_job


def about(environment: Mapping[str, str]) -> Change:
    """Tell what is known of the change and of the run that judges it; outside CI, nothing.

    Args:
        environment: What `settings.ci_environment` read.

    Raises:
        UsageError: What a forge tells of the event cannot be read.
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        return github_job.change_of(environment)
    return gitlab_job.change_of(environment) if environment.get("GITLAB_CI") == "true" else NO_CHANGE
