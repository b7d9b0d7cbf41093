"""What nobody told the ledger, as far as it shows: each of it makes figures too low or too high, in silence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from greengate.esg.account import Account
from greengate.esg.document import Datum
from greengate.esg.instants import instant
from greengate.esg.story import Kept, ModelKey
from greengate.esg.telling import behind, told

_FEW = 5


def forgotten(account: Account) -> Iterator[Datum]:
    """Tell of changes that nobody settled, activity of what was not in force, and files in force under two names."""
    pending = account.story.pending(account.until)
    yield told("quality.unsettled", "Changes that were judged and are neither merged nor closed", str(len(pending)),
        "1",
               note=_words(pending, "if one was merged, it is missing here: `greengate settle`"))  # fmt: skip
    loose = len(account.story.loose)
    yield told("quality.loose", "Decisions of no change, not on the base branch", str(loose), "1",
               note="they count once `greengate settle ENTRY --merged` names them" if loose else "")  # fmt: skip
    idle = list(_unused(account))
    names = sorted({f"{one.record.project}/{one.record.model}".strip("/") for one in idle})
    yield told("quality.unused_activity", "Activity records of models that were not in force", str(len(idle)), "1",
               note=_words(names, "what they tell is in no figure"),
               **behind((one.idx, one.entry_id) for one in idle))  # fmt: skip
    twice = sorted(_twice(account))
    yield told("quality.same_file", "Model files in force under several names at once", str(len(twice)), "1",
               note=_words(twice, "a model that was renamed counts twice until `greengate retire` ends the old"
                                  " name"))  # fmt: skip


def _words(names: list[str], meaning: str) -> str:
    more = [f"and {len(names) - _FEW} more"] if len(names) > _FEW else []
    return f"{', '.join(names[:_FEW] + more)}; {meaning}" if names else ""


def _unused(account: Account) -> Iterator[Kept]:
    """Go through the activity records that reach into the period and stand behind no part of it."""
    used = {part.activity.entry_id for part in account.parts if part.activity}
    times = {key: [(part.start, part.end) for part in account.parts if part.version.key == key]
             for key in account.story.activities}  # fmt: skip
    for key, records in account.story.activities.items():
        for one in records:
            start, end = instant(one.record.start), instant(one.record.end)
            inside = start < account.until and account.start < end
            known = any(first < end and start < last for first, last in times[key])  # then a newer record counts
            if inside and one.entry_id not in used and not known:
                yield one


def _twice(account: Account) -> Iterator[str]:
    """Name the models of each file that was in force under several names at one time."""
    found: dict[bytes, dict[ModelKey, tuple[int, int]]] = defaultdict(dict)
    for part in account.parts:
        files, key = found[part.version.chosen.sha256], part.version.key
        first, last = files.get(key, (part.start, part.end))
        files[key] = (min(first, part.start), max(last, part.end))
    for sha256, files in found.items():
        times = sorted(files.values())
        if sha256 and any(other[0] < one[1] for one, other in pairwise(times)):
            yield " = ".join(sorted("/".join(filter(None, key)) for key in files))
