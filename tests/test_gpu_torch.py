"""torch on a GPU, without one: what is asked of it and in which order."""

import numpy as np
import pytest

from greengate.errors import ModelError

torch = pytest.importorskip("torch")
FEEDS = {"x": np.ones((2, 4), "float32")}
# The child in which torch runs leaves them unheard too.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


class Layer(torch.nn.Module):
    """A layer, and a tensor whose device is written into the graph."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x) + torch.ones(3)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("torch") / "m.pt2"
    torch.export.save(torch.export.export(Layer(), (torch.ones(2, 4),)), path)
    return str(path)


@pytest.fixture
def switches():
    """Leave torch's global switches as they were."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark
    yield
    torch.set_float32_matmul_precision(before[0])
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = before[1]


@pytest.fixture
def calls(monkeypatch, switches):
    """A made GPU: torch is said to have CUDA, synchronising is written down, and `cuda:0` is this processor."""
    from greengate.models import torch_cuda  # noqa: PLC0415 - torch may not be installed

    told = []
    monkeypatch.setattr(torch_cuda, "DEVICE", "cpu")
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: told.append(f"synchronise {device}"))
    return told


def place():
    from greengate.models.torch_cuda import OnCuda  # noqa: PLC0415 - torch may not be installed

    return OnCuda()


def model(path):
    from greengate.models.torch_session import TorchModel  # noqa: PLC0415 - torch may not be installed

    return TorchModel(path, 1, place())


def test_a_run_waits_for_the_gpu_before_the_clock_is_read(calls):
    run = place().whole(lambda: calls.append("run"))
    assert calls == ["synchronise cpu"]
    run()
    assert calls[1:] == ["run", "synchronise cpu"]


def test_a_program_runs_there_and_gives_its_outputs(calls, file):
    found = model(file)
    (output,) = found.values(found.bound(FEEDS)())
    assert output.shape == (2, 3)
    assert calls == ["synchronise cpu", "synchronise cpu"]


def test_a_fresh_session_lies_on_the_gpu_too(calls, file, monkeypatch):
    found = model(file)
    moved = []
    monkeypatch.setattr(found._place, "program", lambda program: moved.append(1) or program)
    found.renew()
    found.renew()
    assert (len(moved), found.bound(FEEDS)().shape) == (1, (2, 3))


def test_weights_constants_and_devices_in_the_graph_are_moved(calls, file, monkeypatch):
    from greengate.models import torch_cuda  # noqa: PLC0415 - torch may not be installed

    monkeypatch.setattr(torch_cuda, "DEVICE", "meta")
    program = place().program(torch.export.load(file))
    assert {str(tensor.device) for tensor in program.state_dict.values()} == {"meta"}
    devices = {str(node.kwargs["device"]) for node in program.graph.nodes if "device" in node.kwargs}
    assert devices == {"meta"}
    assert str(place().tensor(torch.ones(1)).device) == "meta"


def test_float32_stays_float32_and_no_algorithm_is_chosen_by_trying(calls):
    torch.backends.cudnn.benchmark = True
    assert place().facts == {"device": "cuda", "cuda": "12.8", "tf32": "off", "cudnn benchmark": "off"}
    assert torch.get_float32_matmul_precision() == "highest"
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark) == (False, False)


@pytest.mark.parametrize(
    ("cuda", "problem", "hint"),
    [
        (None, "is built without CUDA, and `device: cuda` asks for it", "install a build with CUDA"),
        ("12.8", "finds no GPU that it can use", "look with `nvidia-smi`"),
    ],
    ids=["a build for the CPU", "no GPU"],
)
def test_a_torch_that_cannot_use_a_gpu_says_why(calls, file, monkeypatch, cuda, problem, hint):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError) as caught:
        model(file)
    assert caught.value.problem.endswith(problem)
    assert caught.value.hint.startswith(hint)


def test_a_gpu_that_is_full_is_told_as_memory(calls):
    from greengate.models import torch_words  # noqa: PLC0415 - torch may not be installed

    def full():
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    with pytest.raises(MemoryError):
        torch_words.translated(full)
