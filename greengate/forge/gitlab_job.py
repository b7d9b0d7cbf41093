"""What a GitLab job knows of its merge request, by the variables that GitLab sets.

Source: GitLab documentation, "Predefined CI/CD variables reference". The commit that a job runs on is the author's in a
merge request pipeline; in one for merged results, or for a merge train, it is a commit that GitLab made, and
`CI_MERGE_REQUEST_SOURCE_BRANCH_SHA` is the author's.
"""

from __future__ import annotations

from collections.abc import Mapping

from greengate.changes import Change


def change_of(environment: Mapping[str, str]) -> Change:
    """Tell the merge request that a job runs for, and the run; without a merge request, what is known of the run.

    The request is named by the project that it goes to. A run is a pipeline and a job in it: a job that is tried again
    has a greater number.
    """
    told = environment.get
    project, number = told("CI_MERGE_REQUEST_PROJECT_PATH", ""), told("CI_MERGE_REQUEST_IID", "")
    pipeline, job = told("CI_PIPELINE_ID", ""), told("CI_JOB_ID", "")
    return Change(
        id=f"{project}!{number}" if project and number else "",
        forge="gitlab",
        head=told("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "") or told("CI_COMMIT_SHA", ""),
        run=f"{pipeline}.{job}" if pipeline.isdecimal() and job.isdecimal() else "",
        page=told("CI_JOB_URL", ""),
        fork=_is_fork(environment),
        queued=told("CI_MERGE_REQUEST_EVENT_TYPE", "") == "merge_train",
    )


def _is_fork(environment: Mapping[str, str]) -> bool:
    """Whether the change comes from another project; where the source's number is missing, that project is gone."""
    target, source = (environment.get(f"CI_MERGE_REQUEST_{which}ID", "") for which in ("PROJECT_", "SOURCE_PROJECT_"))
    return bool(target) and source != target
