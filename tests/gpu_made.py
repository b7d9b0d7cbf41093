"""A made GPU: a made ONNX Runtime, a made torch.cuda and a made device meter, which write down what is asked of them.

None of it was recorded on hardware: it has the names of the documented interfaces and the order that they ask for.
"""

from __future__ import annotations

import ctypes
import math
import os
import random
import resource
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from meters_made import CounterMeter, Machine
from sandbox_probes import Probes

from greengate.measure.disturbance import Look
from greengate.ports import Reading

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


class MadeOrt(SimpleNamespace):
    """The part of `onnxruntime` that is used on a GPU; `calls` holds the order in which it was."""

    def __init__(
        self, *, available=(CUDA, CPU), loaded=(CUDA, CPU), placed=((CUDA, ("MatMul",)),), kind="tensor(float)"
    ):
        self.calls, self.loaded, self.placed, self.kind = [], loaded, placed, kind
        super().__init__(
            __version__="1.99",
            cuda_version="12.8",
            get_available_providers=lambda: list(available),
            preload_dlls=lambda: self.calls.append("preload"),
            InferenceSession=lambda path, options, **given: MadeSession(self, path, options, given),
            OrtValue=SimpleNamespace(ortvalue_from_numpy=self._on_device),
        )

    def _on_device(self, array, device, number):
        self.calls.append(f"copy to {device}:{number}")
        return array


class MadeSession:
    def __init__(self, ort, path, options, given):
        self.ort, self.path, self.options, self.given = ort, path, options, given
        ort.calls.append("open")
        ort.session = self

    def disable_fallback(self):
        self.ort.calls.append("no fallback")

    def get_providers(self):
        return list(self.ort.loaded)

    def get_provider_graph_assignment_info(self):
        return [
            SimpleNamespace(ep_name=name, get_nodes=lambda kinds=kinds: [SimpleNamespace(op_type=k) for k in kinds])
            for name, kinds in self.ort.placed
        ]

    def get_inputs(self):
        return [SimpleNamespace(name="x", type=self.ort.kind, shape=[2, 4])]

    def get_outputs(self):
        return [SimpleNamespace(name="y", type="tensor(float)", shape=[2, 3])]

    def io_binding(self):
        return MadeBinding(self.ort.calls)

    def run_with_iobinding(self, binding):
        binding.calls.append("run")


class MadeBinding:
    def __init__(self, calls):
        self.calls = calls

    def bind_ortvalue_input(self, name, value):
        self.calls.append(f"bind {name} {value.shape}")

    def bind_output(self, name, device, number):
        self.calls.append(f"bind {name} on {device}:{number}")

    def synchronize_inputs(self):
        self.calls.append("inputs are there")

    def synchronize_outputs(self):
        self.calls.append("synchronise")

    def copy_outputs_to_cpu(self):
        self.calls.append("fetch")
        return [np.zeros((2, 3), "float32")]


class GpuProbes(Probes):
    """What a hostile model would try on a GPU, and what CUDA does when it starts."""

    def __init__(self, device):
        super().__init__()
        self.runtime = {"device": device}

    def variables(self):
        return {"answer": {name: value for name, value in os.environ.items() if "CUDA" in name or "TF32" in name}}

    def limits(self):
        kinds = ("AS", "DATA", "NOFILE", "FSIZE")
        return {"answer": {kind: resource.getrlimit(getattr(resource, f"RLIMIT_{kind}"))[0] for kind in kinds}}

    def control(self, path):
        return self._tried(lambda: os.close(os.open(path, os.O_RDWR)))

    def name_a_thread(self):
        told = []

        def work():
            path = Path(f"/proc/self/task/{threading.get_native_id()}/comm")
            told.append(self._tried(lambda: path.write_text("cuda-EvtHandlr")))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return told[0]

    def file_in_memory(self):
        def work():
            os.ftruncate(os.memfd_create("cuda"), 2**20)

        return self._tried(work)

    def reserve(self, size):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        no_access, private_anonymous_noreserve = 0, 0x4022
        found = libc.mmap(None, size, no_access, private_anonymous_noreserve, -1, 0)
        return {"answer": found not in (None, ctypes.c_void_p(-1).value)}


class GpuMeter(CounterMeter):
    """A device's counter on a scripted machine, that also tells its temperature and who computes on it."""

    def __init__(self, machine, *, processes=(), **rest):
        super().__init__(machine, **{"id": "nvml", "domains": {"all": "NVIDIA L4: the whole board"}, **rest})
        self.pids, self.celsius = processes, 40.0

    def temperatures_c(self):
        self.celsius = min(self.celsius + 0.5, 63.0)
        return {"all": self.celsius}

    def processes(self):
        return None if self.pids is None else list(self.pids)


class GpuWorkload:
    """A model on a scripted GPU: `run_s` a run at `watts`, with some scatter; its CPU seconds say nothing."""

    def __init__(self, machine, *, watts=300.0, run_s=0.01, noise=0.01, seed=0):
        self.machine, self.watts, self.run_s, self.noise = machine, watts, run_s, noise
        self.scatter, self.blocks = random.Random(f"{watts} {run_s} {seed}"), []

    def renew(self):
        self.machine.work(0.2, self.watts)

    def block(self, runs):
        seconds = runs * self.run_s * math.exp(self.scatter.gauss(0, self.noise))
        self.blocks.append(seconds)
        self.machine.work(seconds, self.watts)
        cpu_s = 0.001 * self.scatter.uniform(1, 100)
        return Reading(runs, cpu_s, seconds, (seconds / runs,) * min(runs, 10))


def look(machine):
    """Look at a scripted machine."""
    return lambda: Look(load=None, asleep_s=0.0, own_cpu_s=0.0, at_s=machine.now_s)


def quiet():
    return Machine(idle_w=60.0)
