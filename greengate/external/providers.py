"""How one provider or tracker exports its account."""

from __future__ import annotations

from typing import Protocol

from greengate.external import aws, azure, codecarbon, google
from greengate.external.sayings import Saying
from greengate.external.sheets import Needs, Sheet


class Provider(Protocol):
    """Reads the exports of one provider.

    Attributes:
        TITLE: What people call it.
        NEEDS: What a header of its exports must have.
    """

    TITLE: str
    NEEDS: Needs

    def said(self, sheet: Sheet, unit: str) -> tuple[list[Saying], list[Saying], list[str]]:
        """Read the rows, the rows that call themselves totals, and what is worth saying.

        Args:
            sheet: The table.
            unit: The unit of its emissions, where the table does not say it; "" otherwise.
        """


PROVIDERS: dict[str, Provider] = {"aws": aws, "google": google, "azure": azure, "codecarbon": codecarbon}
