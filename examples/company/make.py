"""Make the ledger of a made-up company, close its quarters, restate one, and write the report on a quarter.

    python examples/company/make.py [FOLDER] [SEED]

Needs an installed greengate. The folder gets `ledger.db`, `report.yaml` and what `greengate` made of them. The same
seed makes the same entries.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from year import PROJECT, Company, superseding

from greengate import closing
from greengate.ledger.store import Store
from greengate.packs.company import load_company
from greengate.quarters import Wanted
from greengate.records import SignedOff
from greengate.trees import WorkingTree

NOW = {"2026-Q1": "2026-04-10", "2026-Q2": "2026-07-10", "2026-Q3": "2026-10-12"}


@dataclass(frozen=True)
class Size:
    """How much there is of it."""

    models: int = 30
    changes: int = 9


def make(folder: Path, seed: int = 7, size: Size = Size(), until: str = "2026-10-20") -> Path:
    """Write the ledger up to a day, and the report.yaml beside it; the ledger's path."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "ledger.db"
    shutil.copy(Path(__file__).with_name("report.yaml"), folder / "report.yaml")
    said = load_company(WorkingTree(folder))
    company, store = Company(seed, size.models, size.changes), Store(place)
    for number, who in enumerate(("olga", "ben"), 1):
        store.remember(f"person:{seed:016x}{number:016x}", who)  # else they are random, and no two ledgers alike
    ends = sorted((datetime.fromisoformat(f"{day}T08:00:00+00:00"), name) for name, day in NOW.items())
    for at, leaves in company.leaves():
        while ends and at > ends[0][0]:
            close(store, said, *ends.pop(0), company)
        if at > datetime.fromisoformat(f"{until}T00:00:00+00:00"):
            break
        store.append_all(leaves)
    store.close()
    return place


def close(store: Store, said: object, now: datetime, name: str, company: Company) -> None:
    """Close a quarter and sign it off; with the third, new factors come out, and the second is restated."""
    wanted = Wanted(name, now, said=said)
    closing.close(store, wanted, "controlling")
    day = now.isoformat().replace("+00:00", "Z")
    for role, by in {"prepared": "@olga", "reviewed": "@ben", "approved": "cfo"}.items():
        closing.sign_off(store, SignedOff(at=day, period=name, report="", role=role, by=by))
    if name == "2026-Q3":
        for first, _, said_ in company.converted:
            if said_.conversion and said_.conversion.region == "aws/eu-central-1":
                store.append_all([superseding(first, said_, now, "402.7")])
        again = Wanted("2026-Q2", now, said=said)
        closing.restate(store, again, "factor_revision", "the intensity of DE was published again", "cfo")


def main(folder: str = "company", seed: str = "7") -> None:
    """Make it, and say how to go on."""
    now = datetime.now(UTC)
    place = make(Path(folder), int(seed))
    taken = (datetime.now(UTC) - now).total_seconds()
    print(f"{place}: the year of {PROJECT}, made in {taken:.0f} s. Now:")
    print(f"  greengate report --quarter 2026Q3 --history {place} --company {folder}/report.yaml")


if __name__ == "__main__":
    main(*sys.argv[1:])
