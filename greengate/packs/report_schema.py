"""The published JSON Schema (2020-12) of `report.yaml`, generated from its shapes, for editors and other checkers."""

from __future__ import annotations

from typing import Any

from greengate.packs.report_file import Report
from greengate.packs.schema import tidied

ID = "urn:greengate:report-file-v1"


def schema() -> dict[str, Any]:
    """Return the schema of a report.yaml."""
    shape: dict[str, Any] = tidied(Report.model_json_schema(ref_template="#/$defs/{model}"))
    shape["$defs"] = {name: tidied(one) for name, one in shape["$defs"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "greengate report.yaml",
        **shape,
    }
