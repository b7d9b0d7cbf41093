"""Run a model so many times under CodeCarbon and print what it says; for the Python of the scratch environment.

    .venv/bin/python codecarbon_probe.py MODEL.onnx RUNS BATCH machine|process

Prints JSON: joules for 1,000 inferences, in all and by part, and wall and CPU seconds of the runs.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import onnxruntime as ort
from codecarbon import OfflineEmissionsTracker

JOULES = 3.6e6  # of a kilowatt-hour


def main(path: str, runs: int, batch: int, mode: str) -> None:
    """Track the runs, on one thread without spinning as greengate has it, and no loading or warming up."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    scatter = np.random.default_rng(0)
    feeds = {port.name: scatter.standard_normal(port.shape).astype(np.float32) for port in session.get_inputs()}
    for _ in range(3):
        session.run(None, feeds)
    tracker = OfflineEmissionsTracker(
        country_iso_code="DEU", measure_power_secs=1, tracking_mode=mode, save_to_file=False, log_level="error"
    )
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    tracker.start()
    for _ in range(runs):
        session.run(None, feeds)
    tracker.stop()
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    told = tracker.final_emissions_data
    thousands = runs * batch / 1000
    print(
        json.dumps(
            {
                "energy": told.energy_consumed * JOULES / thousands,
                "cpu": told.cpu_energy * JOULES / thousands,
                "memory": told.ram_energy * JOULES / thousands,
                "wall_s": wall_s,
                "cpu_s": cpu_s,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
