"""Models on a GPU, without one: what is asked of the runtimes and in which order, and what the child may do."""

import gc
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from gpu_made import CPU, CUDA, MadeOrt

from greengate import grounds, preparation
from greengate.errors import ModelError, Problems, UsageError
from greengate.models import cuda_words, gpu, landlock, onnx_cuda, onnx_session, sandbox
from greengate.models.sandbox import Sandbox
from greengate.models.serving import Service
from greengate.packs.project import Project, load_project
from greengate.ports import Limits
from greengate.settings import visible_gpus

FEEDS = {"x": np.ones((2, 4), "float32")}
BOUND = ["copy to cuda:0", "bind x (2, 4)", "bind y on cuda:0", "inputs are there"]
needs_landlock = pytest.mark.skipif(landlock._version() < 6, reason="this kernel's Landlock is too old or missing")


# ONNX Runtime


def made(monkeypatch, **given):
    ort = MadeOrt(**given)
    monkeypatch.setattr(onnx_cuda, "ort", ort)
    return ort


def opened(monkeypatch, **given):
    ort = made(monkeypatch, **given)
    return ort, onnx_session.OnnxCudaModel("m.onnx", 1)


def refusal(monkeypatch, **given):
    with pytest.raises(ModelError) as caught:
        opened(monkeypatch, **given)
    return caught.value


def test_a_session_is_asked_for_the_cuda_provider_alone(monkeypatch):
    ort, _ = opened(monkeypatch)
    options = {"device_id": "0", "cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}
    assert ort.session.given == {"providers": [(CUDA, options)], "enable_fallback": 0}
    assert ort.calls == ["open", "no fallback"]


def test_inputs_lie_on_the_gpu_before_the_clock_starts_and_a_run_waits_for_its_end(monkeypatch):
    ort, model = opened(monkeypatch)
    run = model.bound(FEEDS)
    assert ort.calls[2:] == BOUND
    del ort.calls[:]
    run()
    run()
    assert ort.calls == ["run", "synchronise", "run", "synchronise"]


def test_the_clock_is_read_after_the_gpu_has_finished(monkeypatch):
    ort, model = opened(monkeypatch)
    clock = SimpleNamespace(perf_counter_ns=lambda: ort.calls.append("clock") or 0, gc=gc)
    monkeypatch.setattr("greengate.models.serving.time", clock)
    service = Service(lambda *_: model, lambda act, *rest: act(*rest), {})
    service._models["candidate"], service._feeds["candidate"] = model, FEEDS
    service.block("candidate", 2)
    assert ort.calls[2:] == [*BOUND, "clock", *["run", "synchronise", "clock"] * 2, "clock"]


def test_inputs_are_brought_once_for_many_blocks_and_again_to_a_fresh_session(monkeypatch):
    ort, model = opened(monkeypatch)
    assert model.bound(FEEDS) is model.bound(FEEDS)
    model.renew()
    model.bound(FEEDS)
    assert ort.calls.count("copy to cuda:0") == ort.calls.count("open") == 2


def test_outputs_are_fetched_only_when_they_are_looked_at(monkeypatch):
    ort, model = opened(monkeypatch)
    (found,) = model.values(model.bound(FEEDS)())
    assert (found.shape, ort.calls.count("fetch")) == ((2, 3), 1)


@pytest.mark.parametrize(
    ("installed", "words"),
    [
        ((), "`onnxruntime` is built for the CPU alone"),
        (("onnxruntime-gpu",), "are both installed and share their files"),
    ],
    ids=["the CPU package", "both packages"],
)
def test_without_the_provider_it_is_said_what_to_install(monkeypatch, installed, words):
    monkeypatch.setattr(onnx_cuda, "_installed", lambda package: package in installed)
    told = refusal(monkeypatch, available=(CPU,))
    assert told.problem == "this ONNX Runtime (1.99) has no CUDA provider, and `device: cuda` asks for one"
    assert words in told.hint
    assert "pip install 'onnxruntime-gpu[cuda,cudnn]'" in told.hint


def test_a_provider_that_cannot_be_loaded_is_no_run_on_the_cpu(monkeypatch):
    told = refusal(monkeypatch, loaded=(CPU,))
    assert told.problem.endswith("could not load it, so that it would have run on the CPU")
    assert told.hint.startswith("it needs CUDA's and cuDNN's libraries: pip install 'onnxruntime-gpu[cuda,cudnn]'")


def test_nodes_on_the_cpu_are_counted_and_told(monkeypatch):
    _, model = opened(monkeypatch, placed=((CUDA, ("MatMul", "Add")), (CPU, ("Shape", "Gather", "Shape"))))
    assert model.degraded == (
        "ONNX Runtime runs 3 of 5 nodes on the CPU, whose energy is not the GPU's: Shape x2, Gather",
    )


def test_a_model_with_all_its_nodes_on_the_gpu_has_nothing_to_tell(monkeypatch):
    assert opened(monkeypatch)[1].degraded == ()


def test_an_onnx_runtime_that_does_not_tell_where_nodes_run_is_named(monkeypatch):
    assert opened(monkeypatch, placed=())[1].degraded[0].startswith("ONNX Runtime 1.99 does not tell")


def test_a_model_that_runs_on_the_cpu_altogether_is_refused(monkeypatch):
    told = refusal(monkeypatch, placed=((CPU, ("TreeEnsembleClassifier",)),))
    assert told.problem == "none of its 1 nodes can run on the GPU: TreeEnsembleClassifier"


@pytest.mark.parametrize("kind", ["tensor(string)", "seq(map(int64,tensor(float)))"])
def test_what_cannot_lie_on_a_gpu_is_refused(monkeypatch, kind):
    assert refusal(monkeypatch, kind=kind).problem == f"input `x` is a {kind}, which cannot lie on a GPU"


def test_cuda_s_libraries_are_loaded_before_the_process_is_confined(monkeypatch):
    ort = made(monkeypatch)
    onnx_cuda.start()
    assert ort.calls == ["preload"]


def test_the_facts_name_what_could_move_a_figure(monkeypatch):
    made(monkeypatch)
    facts = {"provider": CUDA, "cuda": "12.8", "convolutions": "cuDNN's heuristic", "tf32": "off"}
    assert onnx_cuda.facts() == facts


def test_the_real_runtime_has_what_is_called_here():
    ort = pytest.importorskip("onnxruntime")
    assert callable(ort.preload_dlls)
    assert callable(ort.InferenceSession.get_provider_graph_assignment_info)
    names = ("bind_ortvalue_input", "bind_output", "synchronize_inputs", "synchronize_outputs", "copy_outputs_to_cpu")
    assert all(callable(getattr(ort.IOBinding, name)) for name in names)


# Every service


@pytest.mark.parametrize(("warm_up_s", "runs"), [(0.0, 2), (0.5, 63)], ids=["CPU", "GPU"])
def test_a_gpu_is_warmed_up_longer(monkeypatch, warm_up_s, runs):
    service = Service(lambda *_: None, lambda act, *rest: act(*rest), {}, warm_up_s)
    ran = []
    monkeypatch.setattr(service, "block", lambda _, count: ran.append(count) or {"wall_s": 0.01 * count})
    service.warm_up("candidate")
    assert sum(ran) == pytest.approx(runs, abs=4)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("CUDA failure 100: no CUDA-capable device is detected ; GPU=-1", "CUDA finds no GPU"),
        ("CUDA error: invalid device ordinal", "CUDA finds no GPU of that number"),
        ("CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version", "NVIDIA's driver is older"),
        ("CUDA failure 304: OS call failed or operation not supported", "CUDA could not start in the confined process"),
        ("CUDA error: no kernel image is available for execution on the device", "the runtime has no code for this"),
    ],
)
def test_cuda_s_errors_are_told_in_words_with_what_helps(said, problem):
    told = cuda_words.told(said)
    assert told.problem.startswith(problem)
    assert told.hint


def test_an_error_that_is_not_cuda_s_is_left_to_the_runtime():
    assert cuda_words.told("Failed to allocate memory for requested buffer") is None


# The child process


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A made device file, as it lies in /dev."""
    file = tmp_path / "nvidia0"
    file.write_text("")
    monkeypatch.setattr(gpu, "device_files", lambda: [file])
    return file


def on_gpu(*reads, **rest):
    return Sandbox(
        "gpu_made:GpuProbes",
        where="m.onnx",
        reads=reads,
        limits=Limits(wall_s=20.0),
        packages=("numpy",),
        paths=[Path(__file__).parent],
        device="cuda:GPU-7",
        **rest,
    )


def asked(child, command, **arguments):
    return child.ask(command, arguments, where="m.onnx", doing="probing").fields["answer"]


def test_the_child_sees_one_gpu_by_the_number_that_nvml_knows_it_by(driver):
    with on_gpu() as child:
        found = asked(child, "variables")
    assert found == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "GPU-7",
        "CUDA_CACHE_DISABLE": "1",
        "NVIDIA_TF32_OVERRIDE": "0",
    }
    assert child.runtime == {"device": "cuda"}


def test_the_library_path_reaches_a_child_on_a_gpu_and_no_other(driver, monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/usr/local/nvidia/lib64")
    assert "/usr/local/nvidia/lib64" in on_gpu()._environment["LD_LIBRARY_PATH"]
    assert "/usr/local/nvidia/lib64" not in sandbox._environment().get("LD_LIBRARY_PATH", "")


def test_cuda_may_reserve_addresses_and_a_model_may_still_not_fill_memory(driver):
    with on_gpu() as child:
        assert asked(child, "limits") == {"AS": -1, "DATA": 16 * 2**30, "NOFILE": 1024, "FSIZE": -1}
        assert asked(child, "reserve", size=2**42) is True
        with pytest.raises(ModelError, match="the GPU's memory is full, or more than the 16 GiB of the host's"):
            asked(child, "allocate", count=2**35)


@needs_landlock
def test_cuda_may_use_its_device_name_its_threads_and_keep_files_in_memory(driver):
    with on_gpu() as child:
        assert asked(child, "control", path=str(driver)) is None
        assert asked(child, "name_a_thread") == len("cuda-EvtHandlr")
        assert asked(child, "file_in_memory") is None


@needs_landlock
def test_a_model_on_a_gpu_can_still_not_write_read_or_reach_what_is_others(driver, tmp_path):
    (tmp_path / "secret").write_text("token")
    with on_gpu() as child:
        for command, path in (("read", tmp_path / "secret"), ("write", tmp_path / "new"), ("read", "/etc/passwd")):
            assert asked(child, command, path=str(path)) == "PermissionError"
        assert asked(child, "read", path=f"/proc/{os.getpid()}/environ") == "PermissionError"
        assert asked(child, "control", path=str(tmp_path / "secret")) == "PermissionError"
        assert asked(child, "write", path="/usr/lib/greengate") == "PermissionError"
        for command in ("connect", "start_program", "signal_parent"):
            assert asked(child, command) == "PermissionError"


def test_what_a_gpu_leaves_unconfined_is_told(driver):
    with on_gpu() as child:
        assert child.degraded[-2:] == (
            "on a GPU the address space is not limited, only private memory is (16 GiB)",
            "on a GPU the model's process speaks to NVIDIA's driver, which is not confined",
        )


def test_only_nvidia_s_device_files_are_opened_to_it(tmp_path):
    for name in ("nvidia0", "nvidia12", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvme0", "sda", "nvidiax"):
        (tmp_path / name).write_text("")
    found = [path.name for path in gpu.device_files(tmp_path)]
    assert found == ["nvidia-uvm", "nvidia-uvm-tools", "nvidia0", "nvidia12", "nvidiactl"]


# The project file

PROJECT = """\
apiVersion: greengate/v1
kind: Project
policies: [starter]
models: [{name: m, path: m.onnx}]
runner: {device: DEVICE}
"""


def project(device):
    text = PROJECT.replace("DEVICE", device).encode()
    return load_project(SimpleNamespace(name="the working tree", read=lambda _: text))


@pytest.mark.parametrize(
    ("written", "device"), [("cpu", "cpu"), ("cuda", "cuda:0"), ('"cuda:1"', "cuda:1"), ("cuda:01", "cuda:1")]
)
def test_a_device_is_read(written, device):
    assert project(written).device == device
    assert Project((), ()).device == "cpu"


@pytest.mark.parametrize("written", ["gpu", "'cuda:'", "'cuda:-1'", "cuda:x", "CUDA", "'cuda:0,1'", "'1'"])
def test_a_device_that_cannot_be_meant_is_told_with_its_place(written):
    with pytest.raises(Problems) as caught:
        project(written)
    (problem,) = caught.value.problems
    assert (problem.where.line, problem.where.path) == (5, "runner.device")
    assert problem.problem == f"`{written.strip(chr(39))}` is no device that models can run on"
    assert problem.hint == "write `cpu`, or `cuda`; of several GPUs `cuda:1` is the second"


def test_a_change_cannot_choose_the_device_that_it_is_judged_on():
    edits = list(grounds._edits(project("cpu"), project("cuda")))
    assert edits == ["this change edits device in greengate.yaml; this check holds to the base's"]


@pytest.mark.parametrize(
    ("written", "visible"),
    [
        (None, None),
        ("0,2", ("0", "2")),
        ("GPU-a", ("GPU-a",)),
        ("", ()),
        ("-1", ()),
        ("1,-1,2", ("1",)),
        ("NoDevFiles", ()),
    ],
)
def test_the_visible_gpus_are_read_as_cuda_reads_them(written, visible):
    assert visible_gpus({} if written is None else {"CUDA_VISIBLE_DEVICES": written}) == visible


@pytest.mark.parametrize(
    ("visible", "device", "meant"),
    [(None, "cuda:1", "cuda:1"), ("2,3", "cuda:1", "cuda:3"), ("GPU-a", "cuda:0", "cuda:GPU-a"), ("2", "cpu", "cpu")],
)
def test_a_device_is_counted_among_those_that_are_visible(monkeypatch, visible, device, meant):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert preparation.device(Project((), (), device=device)) == meant


@pytest.mark.parametrize(("visible", "many"), [("", "no GPU"), ("5", "1 GPU"), ("5,6", "2 GPUs")])
def test_a_gpu_that_is_hidden_is_told(monkeypatch, visible, many):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(
        UsageError, match=f"it shows {many} to this process, and greengate.yaml runs models on `cuda:2`"
    ):
        preparation.device(Project((), (), device="cuda:2"))
