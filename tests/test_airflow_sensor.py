"""The Airflow sensor, on as much of Airflow as it touches."""

import importlib
import json
import sys
from datetime import UTC, datetime, timedelta

import airflow_made
import pytest

from greengate.errors import MissingExtra, UsageError

BASIS = {"signal": "average", "boundary": "lifecycle", "mix": "consumption", "gases": "CO2e"}
NAMES = ("airflow.sdk.bases.sensor", "airflow.sensors.base")


@pytest.fixture(params=NAMES, ids=["Airflow 3", "Airflow 2"])
def sensor(request, monkeypatch, tmp_path):
    """A maker of sensors that read a file."""
    airflow_made.put(monkeypatch, request.param)
    made = importlib.import_module("greengate.airflow").GreenWindowSensor
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    points = [
        {"zone": zone, "start": (now + at * timedelta(hours=1)).isoformat(), "minutes": 60, "g_per_kwh": value}
        for zone, value in (("DE", "300"), ("FR", "60"))
        for at in range(5)
    ]
    told = {**BASIS, "updated_at": now.isoformat(), "points": points}
    (tmp_path / "i.json").write_text(json.dumps(told))
    given = {"task_id": "green", "source": "file", "address": str(tmp_path / "i.json"), "mode": "reschedule"}
    yield lambda **more: made(**{**given, "zones": "DE", "below": "150", **more})
    sys.modules.pop("greengate.airflow", None)


def test_it_is_done_when_the_job_may_start(sensor):
    found = sensor(zones="DE, FR", lasting="2h").poke({})
    told = found.xcom_value
    assert found
    assert (told["answer"], told["zone"], told["intensity"], told["basis"]) == ("go", "FR", "60", BASIS)


def test_it_is_not_done_before(sensor, caplog):
    caplog.set_level("INFO")
    found = sensor().poke({})
    assert not found
    assert found.xcom_value["answer"] == "no-window"
    assert caplog.messages == ["DE: no-window, 300 gCO2e/kWh"]


@pytest.mark.parametrize(("on_failure", "done"), [("closed", False), ("open", True)])
def test_what_is_not_known_is_poked_again_or_let_through(sensor, caplog, on_failure, done):
    assert bool(sensor(zones="SE", on_failure=on_failure).poke({})) is done
    (said,) = caplog.messages
    assert said.startswith(f"inconclusive (on_failure={on_failure}): ")
    assert said.endswith(": it knows no zone `SE`")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"below": "150 W"}, "below: `150 W` is a power, expected a carbon intensity"),
        ({"lasting": "soon"}, "lasting: found `soon`, expected a duration such as `12h`"),
        ({"zones": ""}, "zones: `` is no zone"),
        ({"stale_after": "x"}, "stale_after: found `x`"),
        ({"source": "fil"}, "--source: `fil` is no source of carbon intensity"),
    ],
)
def test_a_wrong_word_is_said_by_its_name(sensor, given, words):
    with pytest.raises(UsageError) as refused:
        sensor(**given).poke({})
    assert str(refused.value).startswith(words)


def test_another_setting_than_open_or_closed_is_refused_at_once(sensor):
    with pytest.raises(UsageError, match="neither `closed` nor `open`"):
        sensor(on_failure="ajar")


def test_what_every_sensor_takes_is_passed_on(sensor):
    made = sensor(timeout=60, soft_fail=True)
    assert (made.task_id, made.mode, made.timeout, made.soft_fail) == ("green", "reschedule", 60, True)
    assert all(hasattr(made, name) for name in made.template_fields)


def test_without_airflow_it_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "greengate.airflow", raising=False)
    monkeypatch.setitem(sys.modules, "airflow", None)
    with pytest.raises(MissingExtra) as refused:
        importlib.import_module("greengate.airflow")
    assert str(refused.value) == (
        "greengate.airflow: Apache Airflow is not installed\n  hint: pip install apache-airflow"
    )
