"""Quarterly reports made by hand: a rich one, one with nothing in it, a hostile one. No figure is a real company's."""

import base64
import struct
import zlib
from decimal import Decimal

from greengate.esg.document import (
    Chart,
    Column,
    Company,
    Datum,
    Evidence,
    Point,
    Quarterly,
    Reference,
    Section,
    Series,
    Table,
)

LEAF = b'<path fill="#1a7f4b" d="M3 21C3 9 9 3 21 3c0 12-6 18-18 18z"/>'
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">' + LEAF + b"</svg>"
HOSTILE = (
    '=HYPERLINK("http://evil.example","x") <script>alert(1)</script> <img src=x onerror=alert(1)> {{ 7*7 }} '
    "\u202egnp.exe\u202c\x00\x1b[31m\u2028 ]]> &amp; --> </style>"
)
ROOT = "8f3a" * 16
CHECKPOINT = f"ledger.meridian.example/ml\n1482\njzo/0wQ=\n\n— ledger.meridian.example/ml 4WmHc{'A' * 84}=\n"
_ESRS = Reference(standard="ESRS E1 (2023)", paragraph="E1-6 §49(a)")


def entry(number):
    return f"{number:064x}"


def png(width=4, height=3):
    """A PNG of one colour."""
    rows = (b"\x00" + b"\x1a\x7f\x4b" * width) * height

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def logo(data, kind):
    return {"logo": base64.b64encode(data).decode(), "logo_type": kind}


def datum(name, label, value, unit="", **more):
    return Datum(id=name, label=label, value=value, unit=unit, **more)


def known(name, label, value, unit, spread="0.08", **more):
    """A figure with an interval and entries behind it."""
    low, high = (str(Decimal(value) * (1 + sign * Decimal(spread))) for sign in (-1, 1))
    return datum(
        name, label, value, unit, low=low, high=high, confidence=0.95, digest="c0ffee" + "1" * 58,
        entries=tuple(map(entry, (17, 18, 23))), of=412, references=(_ESRS,), **more,
    )  # fmt: skip


def lacking(name, label, unit, why):
    return datum(name, label, None, unit, missing=why)


def column(name, label, kind="text", unit=""):
    return Column(id=name, label=label, kind=kind, unit=unit)


def company(**more):
    words = ("This report is prepared for the board and for the yearly sustainability statement.",)
    return Company(**{"name": "Meridian Freight AG", "words": words, **logo(SVG, "image/svg+xml"), **more})


EVIDENCE = Evidence(
    origin="ledger.meridian.example/ml", size=1482, root=ROOT, checkpoint=CHECKPOINT, first=entry(1), last=entry(1482),
    command="greengate report --quarter 2026-Q3 --history ledger.db --company report.yaml",
)  # fmt: skip


def quarterly(sections=None, **more):
    """The rich report, of which any part can be put another way."""
    return Quarterly(
        **{
            "company": company(), "period": "2026-Q3", "start": "2026-07-01T00:00:00Z", "end": "2026-10-01T00:00:00Z",
            "view": "current", "status": "provisional", "version": 2, "made_at": "2026-10-09T08:30:00Z",
            "greengate": "0.1.0", "sections": SECTIONS if sections is None else sections, "evidence": EVIDENCE,
            "headline": ("emissions.total_location", "emissions.total_market", "activity.facility_energy", "revenue"),
            **more,
        }
    )  # fmt: skip


def bare():
    """All figures are missing, all charts and tables empty."""
    empty = Table(id="none", title="Nothing at all", columns=(column("a", "model"),), rows=())
    chart = Chart(id="trend", title="Energy by month", kind="trend", x="month", y="kWh", series=(), words="Nothing.",
                  missing="no entry lies in the period")  # fmt: skip
    figures = (lacking("one", "Energy", "kWh", "no entry of a merged model lies in the period"),)
    whole = Section(id="C", title="Activity", data=figures, tables=(empty,), charts=(chart,))
    return quarterly(
        sections=(whole,),
        headline=("one",),
        company=Company(name="Nobody Ltd"),
        evidence=Evidence(origin="", size=0, root="", command="greengate report"),
    )


def hostile(text=HOSTILE):
    """The text of others stands wherever text can stand."""
    figure = datum("bad", text, text, basis=text, note=text, references=(Reference(standard=text, paragraph=text),))
    lost = lacking("lost", text, "kWh", text)
    table = Table(
        id="t", title=text, note=text, columns=(column("a", text), column("n", text, "number", "kWh")),
        rows=((text, "1.5"), ("=1+1", "-2.5"), ("@SUM(A1)", None), ("+1", text)), total=(text, None),
    )  # fmt: skip
    points = (Point(x=text, y="3", label=text), Point(x="b", y="4"))
    charts = tuple(
        Chart(id=kind, title=text, kind=kind, x=text, y=text, series=(Series(name=text, points=points),), words=text)
        for kind in ("trend", "ranking", "outcomes")
    )
    sections = (
        Section(id="C", title=text, statements=(text,), data=(figure, lost), tables=(table,), charts=charts),
        Section(id="K", title=text, omitted=text),
    )
    evidence = Evidence(origin=text, size=1, root=ROOT, checkpoint=text, command=text)
    return quarterly(
        sections=sections, headline=("bad", "lost"), evidence=evidence, company=Company(name=text, words=(text,))
    )


def long_table(rows=2000):
    """A table of many rows, as the ledger of a large company gives."""
    columns = (
        column("model", "model"), column("team", "team"), column("energy", "energy", "number", "kWh"),
        column("carbon", "location-based", "number", "tCO2e"), column("share", "share of the total", "share"),
        column("since", "in force since", "date"), column("entry", "entry", "entry"),
    )  # fmt: skip
    body = tuple(
        (f"search/ranker-{n:04}", ("search", "vision", "speech")[n % 3], f"{n * 37 % 1009}.{n % 7}25",
         f"0.{n * 41 % 997:04}", f"0.000{n % 10}", f"2026-0{7 + n % 3}-1{n % 10}", entry(n))
        for n in range(rows)
    )  # fmt: skip
    return Table(
        id="models", title="Models in force", columns=columns, rows=body,
        total=("all models", None, "1009318.425", "997.4821", "1", None, None),
        note="A model counts from the merge of its change until the next one.",
    )  # fmt: skip


MONTHS = ("2026-04", "2026-05", "2026-06", "2026-07", "2026-08", "2026-09")


def trend():
    energy = tuple(
        Point(x=month, y=y, low=str(Decimal(y) * Decimal("0.92")), high=str(Decimal(y) * Decimal("1.08")))
        for month, y in zip(MONTHS, ("61210.4", "60455", "58990.1", "57102.6", "51877.2", "48120.9"), strict=True)
    )
    return Chart(
        id="energy-by-month", title="Facility energy by month", kind="trend", x="month", y="kWh",
        series=(Series(name="measured and declared", points=energy[:5], stands="reported"),
                Series(name="provisional", points=energy[4:], stands="provisional")),
        words="Energy fell from 61,210 kWh in April to 48,121 kWh in September, by 21%; September is provisional.",
    )  # fmt: skip


def burn_down():
    left = ("120", "112.5", "104.2", "88.1", "83.9", "71.4", "60.2", "58.8", "41.3")
    days = ("07-01", "07-11", "07-19", "08-01", "08-08", "08-20", "09-01", "09-12", "09-30")
    return Chart(
        id="budget-search", title="Budget of team search", kind="burn-down", x="day", y="tCO2e",
        series=(Series(name="left", points=tuple(Point(x=f"2026-{d}", y=y) for d, y in zip(days, left, strict=True))),
                Series(name="an even pace", stands="maximum",
                       points=(Point(x="2026-07-01", y="120"), Point(x="2026-10-01", y="0")))),
        words="41.3 of 120 tCO2e are left at the end of the quarter.",
    )  # fmt: skip


def pareto():
    rest = (("0.871", "4.1"), ("0.874", "9.8"), ("0.902", "14.2"), ("0.889", "7.7"), ("0.861", "3.2"))
    front = (("0.842", "1.1", "ranker-nano"), ("0.881", "2.4", "ranker-small"), ("0.903", "6.9", "ranker-base"))
    return Chart(
        id="front", title="Quality and energy", kind="pareto", x="quality.ndcg", y="Wh/1k",
        series=(Series(name="other models", points=tuple(Point(x=x, y=y) for x, y in rest)),
                Series(name="on the front", stands="pareto",
                       points=tuple(Point(x=x, y=y, label=label) for x, y, label in front))),
        words="Three models are on the front: ranker-nano, ranker-small and ranker-base.",
    )  # fmt: skip


def ranking():
    bars = (("search/ranker-large", "21.4"), ("vision/detector-x", "14.9"),
            ("speech/asr-conformer-with-a-long-name-that-goes-on", "9.1"),
            ("routing/eta-forecast", "4.4"), ("support/summariser", "0.62"))  # fmt: skip
    points = tuple(
        Point(x=x, y=y, low=str(Decimal(y) * Decimal("0.8")), high=str(Decimal(y) * Decimal("1.25"))) for x, y in bars
    )
    return Chart(
        id="top", title="Models that emit most", kind="ranking", x="model", y="tCO2e",
        series=(Series(name="location-based", points=points),),
        words="search/ranker-large emits most, 21.4 tCO2e or 41% of all.",
    )  # fmt: skip


def outcomes():
    rows = {"passed": "41 38 52", "waived": "3 2 4", "inconclusive": "1 0 2", "failed": "6 9 4"}
    series = tuple(
        Series(name=name, points=tuple(Point(x=m, y=y) for m, y in zip(MONTHS[3:], ys.split(), strict=True)))
        for name, ys in rows.items()
    )
    return Chart(id="outcomes", title="Decisions of the gate", kind="outcomes", x="month", y="decisions", series=series,
                 words="Of 162 decisions 131 passed, 9 were waived, 3 were inconclusive and 19 failed.")  # fmt: skip


def _waivers():
    columns = (
        column("waiver", "waiver"), column("rule", "rule"), column("why", "why"), column("expires", "expires", "date"),
        column("carbon", "let through a year", "number", "tCO2e"), column("entry", "entry", "entry"),
    )  # fmt: skip
    return Table(
        id="waivers", title="Waivers that let something through", columns=columns,
        rows=(("W-14", "search/carbon-regression", "accuracy gain of 1.2 points agreed with product", "2026-12-31",
               "3.2104", entry(611)),
              ("W-15", "vision/energy", "the smaller detector is not certified yet", "2026-11-30", None, entry(702))),
        total=("2 waivers", None, None, None, "3.2104", None),
    )  # fmt: skip


def _comparatives():
    columns = (
        column("figure", "figure"), column("now", "2026-Q3", "number", "tCO2e"),
        column("before", "2026-Q2", "number", "tCO2e"), column("change", "change", "share"),
    )  # fmt: skip
    return Table(
        id="comparatives", title="Beside earlier periods", columns=columns,
        rows=(("Scope 2, location-based", "21.4", "24.05", "-0.1102"),
              ("Category 3.1, market-based", "18.8", None, None)),
    )  # fmt: skip


SECTIONS = (
    Section(id="A", title="Identity", data=(
        datum("identity.entity", "Reporting entity", "Meridian Freight AG"),
        datum("identity.range", "Ledger entries of the period", "412", "1"))),
    Section(id="B", title="Boundary", statements=("Operational control, with the warehouses that are leased.",), data=(
        datum("boundary.models", "Models in force", "30", "1"),
        datum("boundary.excluded", "Excluded, by energy", "1.8", "%", basis="estimated by team vision"))),
    Section(id="C", title="Activity", data=(
        known("activity.it_energy", "IT energy", "138944.2718281828", "kWh", basis="metered and modelled"),
        known("activity.facility_energy", "Facility energy", "157100.7", "kWh", basis="IT energy x PUE"),
        datum("activity.inferences", "Inferences", "48211907113", "1", basis="declared traffic"),
        known("activity.per_1k", "Energy of 1,000 inferences", "3.2585", "Wh/1k", "0.031"),
        lacking("activity.idle", "Idle energy", "kWh", "no activity record tells it; `greengate activity` takes one")),
        tables=(long_table(12),), charts=(trend(),)),
    Section(id="D", title="Emissions", data=(
        known("emissions.scope_2_location", "Scope 2, location-based", "21.4032", "tCO2e", "0.11",
              basis="location-based, lifecycle"),
        known("emissions.total_location", "All emissions, location-based", "52.318", "tCO2e", "0.12",
              basis="location-based, lifecycle"),
        known("emissions.total_market", "All emissions, market-based", "19.027", "tCO2e", "0.12",
              basis="market-based; no instrument applies to 38% of it")), charts=(ranking(), pareto())),
    Section(id="E", title="Intensity", data=(
        known("intensity.sci", "SCI", "0.0010851", "gCO2e/1k", "0.12", basis="((E x I) + M) / R, R = 1,000 inferences"),
        datum("intensity.cost", "Cost of electricity", "31420.139", "EUR"),
        lacking("revenue", "Emissions by revenue", "tCO2e/MEUR", "report.yaml states no revenue of 2026-Q3"))),
    Section(id="F", title="Instruments", omitted="no contractual instruments are held"),
    Section(id="G", title="Methodology", statements=(
        "Energy of a stretch is the year's amount times its seconds over those of its year.",
        "Factor set greengate-2026.11, SHA-256 51ab…77.")),
    Section(id="H", title="Data quality", data=(
        datum("quality.measured", "Measured", "61.2", "%"), datum("quality.declared", "Declared", "38.8", "%"))),
    Section(id="I", title="Gate outcomes", tables=(_waivers(),), charts=(outcomes(), burn_down())),
    Section(id="J", title="Comparatives", tables=(_comparatives(),)),
    Section(id="K", title="Reconciliation", statements=("No account of a provider was imported.",)),
    Section(id="L", title="Sign-off", data=(
        datum("signoff.prepared", "Prepared by", "person:" + "4" * 32),
        lacking("signoff.approved", "Approved by", "", "nobody has signed it off as approved"))),
    Section(id="M", title="Evidence", data=(datum("evidence.gaps", "Gaps in the ledger", "0", "1"),)),
    Section(id="N", title="Model documentation", data=(
        known("training.energy", "Training energy", "12.48", "MWh", "0.02"),)),
)  # fmt: skip
