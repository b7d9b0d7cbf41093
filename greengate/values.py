"""What all values that are written down have in common.

Amounts are plain numbers; in JSON they are decimal strings that read back to the same number, so that no other language
rounds them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

Real = Annotated[
    float,
    BeforeValidator(lambda text: float(text) if isinstance(text, str) else text),
    PlainSerializer(repr, return_type=str, when_used="json"),
]


class Value(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
