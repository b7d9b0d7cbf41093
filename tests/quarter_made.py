"""A ledger in memory, and the account of a period of it, for the tests of the quarter."""

from datetime import datetime

from greengate.changes import Change
from greengate.conversion import Conversion, Embodied, Factor, Part
from greengate.esg import leaves
from greengate.esg.account import Account
from greengate.esg.company import NOBODY
from greengate.esg.comparing import period_named
from greengate.esg.document import Evidence
from greengate.esg.instants import instant, of
from greengate.esg.looking import Looking
from greengate.esg.quarterly import Frame, report
from greengate.esg.signed import UNSIGNED
from greengate.esg.story import Kept, Story
from greengate.ledger.canonical import digest, encode
from greengate.records import Amount, Converted, Decided, Measurement, Read, Settlement, Side, Year, statement

LEAP, PLAIN = 366 * 86400, 365 * 86400
GRID = Factor(kind="intensity", id="DE", value="360", unit="gCO2e/kWh", year=2024, source="s",
              basis="average, lifecycle, production")  # fmt: skip
PUE, PRICE = Factor(kind="pue", value="1.5", source="s"), Factor(kind="price", value="0.2", unit="EUR/kWh", source="s")
HOST = Factor(kind="embodied", id="aws/m5.large", value="1000", unit="kgCO2e", source="s")


def exact(amount):
    return Amount(amount=amount, low=amount, high=amount)


def deployment(kind="cloud", **rest):
    given = {"inferences_per_year": float(PLAIN), "pue": PUE, "intensity": GRID, "price": PRICE,
             "market": (Part(share=1.0, factor=GRID),), "region": "aws/eu-central-1"}  # fmt: skip
    return Conversion(kind=kind, **{**given, **rest})


def year(energy=PLAIN * 1000, location=PLAIN * 100, **rest):
    """A year of amounts that a second's part of a common year divides."""
    given = {"energy_mj": exact(energy), "location_ugco2e": exact(location), "market_ugco2e": exact(location // 2),
             "cost_ueur": exact(PLAIN)}  # fmt: skip
    return Year(**{**given, **rest})


def machines(count=1):
    return Embodied(host=HOST, resources=0.5, lifetime_years=4.0, machines=count)


class Ledger:
    """Entries in memory, in their order."""

    def __init__(self):
        self.entries = []
        self.bodies = {}
        self.figures = {"energy_per_1k_inferences": read(1.0)}

    def add(self, record, subject="x"):
        """Append a record; the id of its entry."""
        leaf = encode(statement(record, subject, "0" * 64))
        self.entries.append((digest(leaf), leaf))
        return digest(leaf)

    def measured(self, at, model="m", **rest):
        side = Side(sha256=rest.pop("sha256", "c" * 64), figures={**self.figures, **rest.pop("figures", {})})
        return self.add(Measurement(at=at, project="p", model=model, candidate=side, evidence="e" * 64, **rest))

    def decided(self, at, model="m", converted=None, **rest):
        """Append a measurement, a conversion and a decision on them; the id of the decision."""
        measurement = self.measured(at, model, training=rest.pop("training", ""), figures=rest.pop("figures", {}),
                                    sha256=rest.get("sha256", "c" * 64))  # fmt: skip
        said = {
            "at": at,
            "measurement": measurement,
            "conversion": deployment(),
            "candidate": year(),
            **(converted or {}),
        }
        conversion = self.add(Converted(**said))
        return self.judged(at, model, measurement=measurement, conversion=conversion, **rest)

    def judged(self, at, model="m", change="", **rest):
        given = {
            "project": "p",
            "path": "m.onnx",
            "greengate": "1",
            "outcome": "passed",
            "verdict": "f" * 64,
            "sha256": "c" * 64,
        }
        return self.add(Decided(at=at, model=model, change=Change(id=change), **{**given, **rest}))

    def settled(self, at, change, state="merged", decisions=()):
        return self.add(Settlement(at=at, state=state, change=change, decisions=decisions))

    def leaf(self, entry_id, _near=0):
        return next(((index, leaf) for index, (name, leaf) in enumerate(self.entries) if name == entry_id), None)

    def find(self, entry_id):
        index, leaf = self.leaf(entry_id)
        record = leaves.skimmed(leaf)
        return Kept(index, entry_id, instant(record.at), record)

    def account(self, period="2026-Q3", said=NOBODY, until=None):
        """The account of a period of all entries."""
        found = period_named(period, said.calendar)
        story = Story(of(found.start), of(found.end), self.find)
        for index, (name, leaf) in enumerate(self.entries):
            record = leaves.skimmed(leaf)
            if record is not None:
                story.take(index, name, record)
        story.size = len(self.entries)
        stop = of(found.end) if until is None else of(datetime.fromisoformat(until))
        looking = Looking(lambda wanted: (self.leaf(*one) for one in wanted))
        return Account(story, said, found, stop, looking, self.bodies.get)

    def report(self, period="2026-Q3", said=NOBODY, **rest):
        """The report on a period."""
        account = self.account(period, said, **rest)
        evidence = Evidence(origin="", size=len(self.entries), root="r", command="c")
        frame = Frame("current", "provisional", 1, account.until, "1", evidence, lambda who: who, unsigned)
        return report(account, frame)

    def value(self, name, period="2026-Q3", **rest):
        """One figure of the report."""
        return self.report(period, **rest).datum(name).value


def unsigned(reports, found):
    return [UNSIGNED for _ in found]


def read(amount, kind="modelled"):
    return Read(amount=amount, low=amount, high=amount, confidence=1.0, kind=kind, unit="J")


def table(report, name):
    """The rows of a table, each as a mapping of its columns."""
    (found,) = [one for section in report.sections for one in section.tables if one.id == name]
    keys = [column.id for column in found.columns]
    return [dict(zip(keys, row, strict=True)) for row in found.rows]
