"""What a GitLab job knows of its merge request, from the variables of each kind of pipeline."""

import pytest

from greengate.changes import Change
from greengate.forge.gitlab_job import change_of

HEAD, MERGED = "a" * 40, "b" * 40
JOB = {
    "CI_PIPELINE_ID": "1234",
    "CI_JOB_ID": "56789",
    "CI_JOB_URL": "https://lab.acme.example/acme/ml/digits/-/jobs/56789",
    "CI_COMMIT_SHA": HEAD,
}
REQUEST = {
    "CI_MERGE_REQUEST_IID": "12",
    "CI_MERGE_REQUEST_PROJECT_ID": "7",
    "CI_MERGE_REQUEST_PROJECT_PATH": "acme/ml/digits",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "7",
}
FORK = {"CI_PROJECT_PATH": "olga/digits", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "8"}
CHANGE = Change(id="acme/ml/digits!12", forge="gitlab", head=HEAD, run="1234.56789", page=JOB["CI_JOB_URL"])


@pytest.mark.parametrize(
    ("more", "changes"),
    [
        ({}, {}),
        ({"CI_COMMIT_SHA": MERGED, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD}, {}),
        ({"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": ""}, {}),
        (FORK, {"fork": True}),
        ({"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": ""}, {"fork": True}),
        ({"CI_JOB_ID": "56790"}, {"run": "1234.56790"}),
        ({"CI_PIPELINE_ID": ""}, {"run": ""}),
        ({"CI_JOB_ID": "x"}, {"run": ""}),
    ],
    ids=["merge request", "merged results", "empty", "fork", "fork that is gone", "tried again", "no run", "odd run"],
)
def test_a_merge_request_is_told_by_the_jobs_variables(more, changes):
    assert change_of(JOB | REQUEST | more) == CHANGE.model_copy(update=changes)


def test_without_a_merge_request_only_the_run_is_known():
    assert change_of(JOB) == Change(forge="gitlab", head=HEAD, run="1234.56789", page=JOB["CI_JOB_URL"])


def test_nothing_is_made_up():
    assert change_of({}) == Change(forge="gitlab")
