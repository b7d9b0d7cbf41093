"""The verdict as GitLab's dotenv report: variables of later jobs, under names of our own and within its limits.

Source: GitLab documentation, "artifacts:reports:dotenv": ASCII names, no quotes, no spaces or newlines in values, at
most 5 KB and 20 variables.
"""

from __future__ import annotations

from greengate.report.account import Account
from greengate.report.outputs import values

NAME = "dotenv"

_SHORT = 12  # digits of an entry's id, which `greengate show` finds it by
_MOST = 4_000  # characters of all ids together


def render(account: Account) -> str:
    """Write a line for each variable; of entries the beginnings of their ids, as many as there is room for."""
    told = values(account)
    ids = [entry[:_SHORT] for entry in told.pop("entry").split(",") if entry]
    variables = {
        "GREENGATE_VERDICT": told["verdict"],
        "GREENGATE_EXIT_CODE": told["exit_code"],
        "GREENGATE_ENTRY": ",".join(ids[: _MOST // (_SHORT + 1)]),
        "GREENGATE_ENTRIES": str(len(ids)),
        "GREENGATE_ENERGY_CHANGE": told["energy_change"],
        "GREENGATE_CARBON_CHANGE": told["carbon_change"],
        "GREENGATE_YEAR": told["year"].removesuffix(" a year").replace(" and ", ",").replace(" ", ""),
    }
    return "".join(f"{name}={value}\n" for name, value in variables.items())
