"""Points of live sources, hour by hour from a fixed time on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from greengate.bases import Basis, Boundary, Gases, Mix, Signal
from greengate.ports import Point
from greengate.quantities import Intensity
from greengate.window import Wanted

HOUR = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW = HOUR + timedelta(minutes=20)
GRID = Basis(Signal.AVERAGE, Boundary.LIFECYCLE, Mix.CONSUMPTION)
MARGINAL = Basis(Signal.MARGINAL, Boundary.OPERATIONAL, Mix.UNKNOWN, Gases.CO2)


def point(value, start=HOUR, **changes):
    told = {"zone": "DE", "lasts": timedelta(hours=1), "basis": GRID, "source": "file", "forecast": True}
    told |= {"estimated": None, "updated_at": HOUR, "sha256": "ab" * 32}
    return Point(start=start, g_per_kwh=Decimal(str(value)), **(told | changes))


def hours(*values, start=HOUR, **changes):
    return [point(value, start + timedelta(hours=at), **changes) for at, value in enumerate(values)]


def wanted(below=None, within=3.0, lasting=0.0):
    limit = None if below is None else Intensity(float(below))
    return Wanted(limit, timedelta(hours=within), timedelta(hours=lasting))
