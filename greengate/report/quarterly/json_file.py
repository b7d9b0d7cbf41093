"""The quarterly report as JSON: the report itself, canonical, so that its SHA-256 names it."""

from __future__ import annotations

from greengate.esg.document import Quarterly
from greengate.ledger.canonical import encode

NAME = "json"


def render(report: Quarterly) -> bytes:
    """Write the report as RFC 8785 JSON, without a line end: these bytes are what a ledger keeps."""
    return encode(report.model_dump(mode="json"))
