"""What every registered meter keeps to, whatever machine it is on."""

import pytest

from greengate import registry
from greengate.evidence import Class
from greengate.ports import Fault, MeterFacts, NotHere, Sample
from greengate.settings import MeterAccess

NOWHERE = {
    "ipmi": "local",
    "prometheus": "http://127.0.0.1:9",
    "redfish": "http://127.0.0.1:9",
    "shelly": "http://127.0.0.1:9",
    "tasmota": "http://127.0.0.1:9",
}
OPTIONS = {"prometheus": {"query": "up", "unit": "W"}, "redfish": {"chassis": "1"}}


def made(word):
    if word in registry.WALL_METERS:
        return registry.wall_meter(word, NOWHERE[word], OPTIONS.get(word, {}), MeterAccess())
    return registry.meter(word)


@pytest.mark.parametrize("word", [*registry.meters(), *registry.WALL_METERS])
def test_a_meter_says_what_it_is_or_why_it_is_not_there(word):
    meter = made(word)
    told = meter.probe()
    if isinstance(told, NotHere):
        assert told.why
        assert told.hint
    else:
        assert isinstance(told, MeterFacts)
        assert told.kind in (Class.METERED, Class.COUNTER, Class.MEASURED)
        assert told.scope in ("process", "device", "package", "host")
        assert told.reading in ("energy", "power")
        assert min(told.resolution, told.period_s, told.shortest_window_s, told.gain) > 0
        assert told.source
        assert isinstance(meter.sample(), Sample | Fault)
    meter.close()
    meter.close()


def test_every_outside_meter_is_covered_here():
    assert set(NOWHERE) == set(registry.WALL_METERS)
