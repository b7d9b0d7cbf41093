"""Files as CodeCarbon 3.3.2, Zeus 0.16.0, Eco-CI, MLflow 3.17.2 and greengate write them, with a test's changes."""

import csv
import io
import json

from greengate.measure.trackers.training_record import digest

RUN = {
    "timestamp": "2026-03-02T10:00:00",
    "project_name": "summariser",
    "run_id": "5b0fa12a-3dd7-45bb-9766-cc326314d9f1",
    "experiment_id": "0",
    "duration": "3600.5",
    "emissions": "0.056",
    "emissions_rate": "1.5555555555555555e-05",
    "cpu_power": "42.5",
    "gpu_power": "0",
    "ram_power": "20.0",
    "cpu_energy": "0.6",
    "gpu_energy": "0",
    "ram_energy": "0.4",
    "energy_consumed": "1.0",
    "water_consumed": "0",
    "country_name": "France",
    "country_iso_code": "FRA",
    "region": "île-de-france",
    "cloud_provider": "",
    "cloud_region": "",
    "os": "Linux-6.8.0-x86_64-with-glibc2.39",
    "python_version": "3.11.9",
    "codecarbon_version": "3.3.2",
    "cpu_count": "8",
    "cpu_model": "AMD EPYC 7763 64-Core Processor",
    "gpu_count": "",
    "gpu_model": "",
    "longitude": "2.3",
    "latitude": "48.9",
    "ram_total_size": "31.3",
    "tracking_mode": "machine",
    "cpu_utilization_percent": "51.2",
    "gpu_utilization_percent": "0",
    "ram_utilization_percent": "12.5",
    "ram_used_gb": "3.9",
    "on_cloud": "N",
    "pue": "1.2",
    "wue": "0",
}


def codecarbon(*changes, without=()):
    """An emissions.csv with one row for each set of changes, or the one usual row."""
    rows = [{**RUN, **change} for change in changes or ({},)]
    text = io.StringIO()
    writer = csv.DictWriter(text, [name for name in RUN if name not in without], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: row[name] for name in row if name not in without} for row in rows)
    return text.getvalue().encode()


def kwh(energy, **more):
    """Changes of a row that took this energy, all of it in the CPU."""
    return {
        "energy_consumed": energy,
        "cpu_energy": energy,
        "ram_energy": "0",
        "emissions": str(float(energy) / 10),
    } | more


def zeus(*windows, gpus=2):
    """A ZeusMonitor's log: each window is (start, name, seconds, joules of each GPU)."""
    head = ",".join(["start_time", "window_name", "elapsed_time", *(f"gpu{gpu}_energy" for gpu in range(gpus))])
    lines = [head, *(",".join(str(cell) for cell in window) for window in windows)]
    return "".join(f"{line}\n" for line in lines).encode()


def step(label, joules, **more):
    """One step of Eco-CI, with its numbers in quotes."""
    cells = {
        "label": label,
        "cpu_avg_percent": "51.2",
        "energy_joules": joules,
        "power_avg_watts": "3.1",
        "time": "40.2",
    }
    return cells | more


JOB = {"repository": "acme%2Fnlp", "branch": "main", "workflow": "1234", "run_id": "77"}


def laps(*steps):
    """Eco-CI's lap-data.json with its list of steps."""
    return json.dumps(JOB | {"steps": list(steps)}).encode()


def flat(**cells):
    """Eco-CI's older total-data.json: one step with the job's keys."""
    return json.dumps(JOB | cells).encode()


def mlflow_run(metrics, *, run_id="97aa0e39", status="FINISHED", step=0, tags=None):
    """A run with these metrics and a loss, as MLflow's server tells it; a step of 0 too."""
    logged = {**metrics, "loss": 1.5}
    told = {"mlflow.runName": "final", **(tags or {})}
    return {
        "info": {
            "run_uuid": run_id,
            "experiment_id": "1",
            "run_name": "final",
            "status": status,
            "start_time": 1795273128437,
            "end_time": 1795273132515,
            "lifecycle_stage": "active",
            "run_id": run_id,
        },
        "data": {
            "metrics": [
                {"key": key, "value": value, "timestamp": 1795273129928, "step": step} for key, value in logged.items()
            ],
            "params": [{"key": "lr", "value": "0.1"}],
            "tags": [{"key": key, "value": value} for key, value in told.items()],
        },
        "inputs": {},
        "outputs": {},
    }


def mlflow(*runs):
    """The answer of `runs/get`, or of `runs/search` where there are several."""
    return json.dumps({"run": runs[0]} if len(runs) == 1 else {"runs": list(runs)}).encode()


def tracked(name="a", joules="3600.0", **changes):
    """The last line of a run as `greengate track` writes it, with changes by dotted path, before its digest."""
    low, high = (repr(float(joules) * share) for share in (0.75, 1.25))
    values = {
        "format": "greengate/training/v1",
        "state": "ended",
        "run": {
            "name": name,
            "project": "summariser",
            "phase": "final",
            "inside": "",
            "command": "python",
            "greengate": "0.1.0",
            "started_at": "2026-03-02T10:00:00Z",
            "machine": {
                "description": "a machine",
                "fingerprint": "f" * 64,
                "boot": "b",
                "threads": 8,
                "memory_gib": 32,
                "virtual": False,
                "accelerators": [],
            },
        },
        "ended_at": "2026-03-02T10:01:00Z",
        "duration_s": "60.5",
        "suspended_s": "0.0",
        "exit_code": 0,
        "signal": "",
        "cpu_s": "55.0",
        "energy": {
            "joules": joules,
            "low": low,
            "high": high,
            "confidence": "0.95",
            "class": "counter",
            "scope": "package",
            "net_of_idle": False,
            "meters": ["rapl"],
            "without": "disks",
        },
        "missing": "",
        "emissions": None,
        "meters": [
            {
                "id": "rapl",
                "class": "counter",
                "scope": "package",
                "reading": "energy",
                "net_of_idle": False,
                "boundary": "package-0: cores",
                "without": "memory, disks",
                "joules": joules,
                "low": low,
                "high": high,
                "domains": {"package-0": joules},
                "covered_s": "60.5",
                "gain": "0.05",
                "source": "a script",
                "degraded": [],
                "missing": "",
            }
        ],
        "unread": {},
        "events": [],
    }
    for path, value in changes.items():
        *steps, last = path.split("__")
        inside = values
        for step_ in steps:
            inside = inside[step_]
        inside[last] = value
    return values


def begun(name="a"):
    """The first line of a run."""
    ended = tracked(name)
    return {"format": ended["format"], "state": "begun", "run": ended["run"]}


def greengate(*lines, sealed=True):
    """A file of `greengate track` with these lines, each with its digest."""
    told = [{**line, "sha256": digest(line)} if sealed else line for line in lines]
    return "".join(json.dumps(line) + "\n" for line in told).encode()
