"""Check runs: one for a key, however often it is told, with every annotation once.

GitHub takes 50 annotations a request and adds what comes later to what is there. So none of those requests is sent
twice blindly: the check run itself says how many it has.
"""

from __future__ import annotations

import re
from typing import Any

from greengate.errors import Unanswered
from greengate.forge.github_client import Client
from greengate.forge.reading import entry, maybe
from greengate.forges import Mark, Remark
from greengate.verdict import Outcome

BATCH = 50
TITLE, SUMMARY, MESSAGE = 255, 65_535, 65_536
_WRITE = "checks: write"
_TRIES = 2
_RUN = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?):")  # with which a key begins
# Never "neutral" or "skipped": those satisfy a check that is required.
CONCLUSIONS = {
    Outcome.PASSED: "success",
    Outcome.WARNED: "success",
    Outcome.WAIVED: "success",
    Outcome.INCONCLUSIVE: "action_required",
    Outcome.ERRORED: "failure",
    Outcome.FAILED: "failure",
}


def show(client: Client, repository: tuple[str, ...], mark: Mark, author: str) -> str:
    """Show a check beside a commit, as an author (`github-actions[bot]`); return its web address.

    Raises:
        ForgeError: It cannot be shown.
    """
    with client.translated(_WRITE):
        listed = _listed(client, repository, mark)
        found = _same(listed, mark)
        if found is None and (newer := _newer(listed, mark, author)) is not None:
            # The one that was made last is the one that counts.
            return maybe(newer, "html_url")
        if found is None:
            found, there = _create(client, repository, mark)
        else:
            there = entry(found, "output", "annotations_count", kind=int)
            client.write("patch", *repository, "check-runs", _id(found), need=_WRITE, body=_body(mark))
        _add(client, (*repository, "check-runs", _id(found)), mark, there)
        return maybe(found, "html_url")


def _listed(client: Client, repository: tuple[str, ...], mark: Mark) -> list[dict[str, Any]]:
    path = (*repository, "commits", mark.commit, "check-runs")
    return list(client.pages(*path, need=_WRITE, key="check_runs", check_name=mark.name, filter="all"))


def _same(listed: list[dict[str, Any]], mark: Mark) -> dict[str, Any] | None:
    return next((run for run in listed if run.get("external_id") == mark.key), None)


def _newer(listed: list[dict[str, Any]], mark: Mark, author: str) -> dict[str, Any] | None:
    """Return our own check run of the newest run of CI, if that is newer than the mark's."""
    order, ours = _order(mark.key), [run for run in listed if f"{maybe(run, 'app', 'slug')}[bot]" == author]
    newer = [run for run in ours if order and _order(maybe(run, "external_id")) > order]
    return max(newer, key=lambda run: _order(maybe(run, "external_id")), default=None)


def _order(key: str) -> tuple[int, ...]:
    found = _RUN.match(key)
    return tuple(map(int, found[1].split("."))) if found else ()


def _create(client: Client, repository: tuple[str, ...], mark: Mark) -> tuple[dict[str, Any], int]:
    """Return the check run, and how many of the annotations it has."""
    first = mark.remarks[:BATCH]
    body = {**_body(mark, first), "head_sha": mark.commit}
    for turn in range(1, _TRIES + 1):
        try:
            return client.write("post", *repository, "check-runs", need=_WRITE, body=body), len(first)
        except Unanswered:
            found = _same(_listed(client, repository, mark), mark)
            if found is not None:
                return found, entry(found, "output", "annotations_count", kind=int)
            if turn == _TRIES:
                raise
    raise AssertionError  # pragma: no cover - the last turn returns or raises


def _add(client: Client, run: tuple[str, ...], mark: Mark, there: int) -> None:
    """Add the annotations that are not there yet: those of one mark always come in the same order."""
    turn = 0
    while there < len(mark.remarks):
        batch = mark.remarks[there : there + BATCH]
        try:
            client.write("patch", *run, need=_WRITE, body=_body(mark, batch), repeat=False)
            there, turn = there + len(batch), 0
        except Unanswered:
            turn += 1
            before, there = there, entry(client.read(*run, need=_WRITE), "output", "annotations_count", kind=int)
            if there == before and turn == _TRIES:
                raise


def _body(mark: Mark, remarks: tuple[Remark, ...] = ()) -> dict[str, Any]:
    output: dict[str, Any] = {"title": _cut(mark.title, TITLE), "summary": _cut(mark.summary, SUMMARY)}
    if remarks:
        output["annotations"] = [_annotation(remark) for remark in remarks]
    told = {
        "name": mark.name,
        "external_id": mark.key,
        "status": "completed",
        "conclusion": CONCLUSIONS[mark.outcome],
        "output": output,
    }
    return {**told, "details_url": mark.page} if mark.page else told


def _annotation(remark: Remark) -> dict[str, Any]:
    return {
        "path": remark.path,
        "start_line": remark.line,
        "end_line": remark.line,
        "annotation_level": remark.level,
        "title": _cut(remark.title, TITLE),
        "message": _cut(remark.text, MESSAGE),
    }


def _cut(text: str, most: int) -> str:
    """Cut a text to so many bytes of UTF-8: limits are told in characters, or in KB, and hold for either then."""
    data = text.encode()
    if len(data) <= most:
        return text
    return data[: most - len("…".encode())].decode(errors="ignore") + "…"


def _id(run: dict[str, Any]) -> str:
    return str(entry(run, "id", kind=int))
