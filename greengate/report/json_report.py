"""The JSON report: a document for people with jq, and for programs."""

from __future__ import annotations

import json

from greengate.report.account import Account
from greengate.report.document import Document, document

NAME = "json"


def render(account: Account) -> str:
    """Write the account as JSON in plain ASCII, which no terminal and no log can take for a command of its own."""
    return of_document(document(account))


def of_document(told: Document) -> str:
    """Write an account that was laid out already."""
    text = json.dumps(told, indent=2, ensure_ascii=True, allow_nan=False)
    return text.replace("##[", "#\\u0023[") + "\n"  # a job's log would obey ##[error] anywhere in a line
