"""JSON that trackers write, read strictly: numbers stay text as they were written, and no key stands twice."""

from __future__ import annotations

import json
from typing import Any

from greengate.errors import ModelError, Place
from greengate.measure.trackers.tracker_file import shown


def json_object(text: str, where: Place, tracker: str, hint: str) -> dict[str, Any]:
    """Read a JSON object whose numbers become the text that they are written as.

    Args:
        text: The JSON, from `where` on.
        where: The file, and the line where it begins if it is one of several.
        tracker: Whose file it is.
        hint: What may help where it is no object.

    Raises:
        ModelError: It is no JSON object, is nested too deeply, or gives a key twice.
    """
    try:
        content = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_pairs)
    except json.JSONDecodeError as bad:
        place = Place(where.file, max(where.line, 1) + bad.lineno - 1, bad.colno)
        raise ModelError(place, f"the {tracker} file is no JSON: {bad.msg}") from bad
    except RecursionError as bad:
        raise ModelError(where, f"the {tracker} file is nested too deeply") from bad
    except _TwiceError as bad:
        raise ModelError(where, f"in the {tracker} file, `{shown(str(bad))}` is given twice") from bad
    if not isinstance(content, dict):
        raise ModelError(where, f"the {tracker} file is no JSON object", hint)
    return content


def text_cell(value: Any) -> str:
    """Write a value as a cell: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


class _TwiceError(Exception):
    """A key that stands twice in one object."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise _TwiceError(key)
        content[key] = value
    return content
