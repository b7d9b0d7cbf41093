"""The verdict as lines `name=value`, for `$GITHUB_OUTPUT`: what later steps ask for, and nothing that others wrote."""

from __future__ import annotations

from greengate.report import sums
from greengate.report.account import Account
from greengate.report.document import document

NAME = "outputs"


def render(account: Account) -> str:
    """Write a line for each value; one that is not known is empty."""
    return "".join(f"{name}={value}\n" for name, value in values(account).items())


def values(account: Account) -> dict[str, str]:
    """Name the values: of one line each, made of figures, units and words of our own."""
    told = document(account)
    models, year = told["models"], told["year"]
    return {
        "verdict": told["outcome"],
        "exit_code": str(told["exit_code"]),
        "entry": ",".join(model["entry"] for model in models if model["entry"]),
        "energy_change": sums.change(models, "energy"),
        "carbon_change": sums.change(models, "carbon"),
        "year": year["text"] if year else "",
    }
