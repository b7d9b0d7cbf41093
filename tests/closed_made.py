"""A small ledger whose third quarter was closed, for the tests of those who sign it and of what is restated."""

from datetime import UTC, datetime

from quarter_made import Ledger, deployment, exact, year
from signed_made import Held

from greengate import closing, quarters
from greengate.esg.company import NOBODY, Said
from greengate.ledger.canonical import encode
from greengate.ledger.sign_offs import public
from greengate.ledger.store import Store
from greengate.quarters import Wanted
from greengate.records import Converted, SignedOff, statement

NOW = datetime(2026, 10, 20, tzinfo=UTC)
OLGA, BEN, CFO = Held(7, "acme.com/olga"), Held(8, "acme.com/ben"), Held(9, "acme.com/cfo")
YEAR = 365 * 86400 * 1000


class Quarter:
    """The ledger of one model, closed for 2026-Q3."""

    NOW = NOW

    def __init__(self, place):
        entries = Ledger()
        entries.decided("2026-06-01T00:00:00Z", in_force=True, converted={"candidate": of_year(100)})
        (self.measurement, _), (self.conversion, _), _ = entries.entries
        self.store = Store(place)
        self.store.append_all([(leaf, None) for _, leaf in entries.entries])
        self.closed = closing.close(self.store, Wanted("2026-Q3", NOW), "controlling").report

    def corrected(self, percent):
        """Convert the measurement anew, to so many percent of what was closed."""
        again = Converted(at="2026-10-21T00:00:00Z", measurement=self.measurement, supersedes=self.conversion,
                          conversion=deployment(), candidate=of_year(percent))  # fmt: skip
        self.wrote(again)

    def wrote(self, record):
        """Append a record."""
        return self.store.append(encode(statement(record, "x", "0" * 64)))

    def restated(self, percent, said=NOBODY):
        """Restate the quarter, to so many percent of what was closed: the record."""
        self.corrected(percent)
        closing.restate(self.store, Wanted("2026-Q3", NOW, said=said), "error", "w", "cfo")
        return quarters.restated(self.store, "2026-Q3")

    def signed(self, role="prepared", by="@olga", signer=OLGA, said=NOBODY, **more):
        """Sign the newest report off: the record as it was written."""
        asked = SignedOff(at="2026-10-22T08:00:00Z", period="2026-Q3", report="", role=role, by=by, **more)
        return closing.sign_off(self.store, asked, signer, said)


def of_year(percent):
    return year(energy=YEAR, location=YEAR * percent, market_ugco2e=exact(YEAR * percent))


def pins(**signers):
    """What a company says that pins keys; `olga` is the person."""
    keys = {"@olga" if name == "olga" else name: (public(signer.verifier),) for name, signer in signers.items()}
    return Said(entity="Acme", signers=keys)
