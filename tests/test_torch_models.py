from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import models_made as made
import numpy as np
import pytest
from made import growth, policy
from onnx import TensorProto as T
from onnx import helper

from greengate import registry
from greengate.case import Case
from greengate.errors import MissingExtra, ModelError
from greengate.evidence import Model
from greengate.gate import judge
from greengate.gathering import Watch, gather
from greengate.measure.figures import Figures
from greengate.measure.protocol import Schedule
from greengate.models import pytorch
from greengate.models.hosted import Hosted
from greengate.models.onnx import OnnxLoader
from greengate.models.pytorch import TorchLoader
from greengate.models.wire import Frame
from greengate.ports import ModelLoader, ModelSpec, Port

LOADER: ModelLoader = TorchLoader()


def spec(path, **options):
    return ModelSpec(path, path.parent, **{"trusted": True, **options})


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    subprocess.run([sys.executable, Path(__file__).with_name("programs_made.py"), folder], check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def sandbox(programs):
    """One child for most tests, since torch takes seconds to start."""
    npz = programs / "inputs.npz"
    np.savez(npz, tensors_0=np.zeros((3, 7), "int64"))
    specs = [spec(path, inputs=npz) for path in sorted(programs.glob("*.pt2"))]
    with LOADER._sandbox([LOADER.inspect(each) for each in specs], specs) as child:
        child.tasks_at_start = list(Path(f"/proc/{child.pid}/task").iterdir())
        yield child


@pytest.fixture
def hosted(programs, sandbox):
    def host(name, **options):
        model = Hosted(sandbox, "model", spec(programs / f"{name}.pt2", **options))
        model.open()
        return model

    return host


@pytest.fixture
def counted(programs, sandbox):
    return lambda name, **options: pytorch._counted(sandbox, spec(programs / f"{name}.pt2", **options))


def test_an_examination_tells_digest_sizes_ports_and_runtime(programs):
    path, here = programs / "net.pt2", "torch" in sys.modules
    seen = LOADER.examine(spec(path, batch=3))
    assert seen.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert seen.size_bytes == path.stat().st_size
    assert seen.inputs == (Port("image", "float32", (3, 3, 8, 8)), Port("tokens", "float32", (3, 6, 12)))
    assert seen.outputs == (Port("logits", "float32", (3, 6, 5)), Port("rows.0", "float32", (3, 6, 12)))
    assert set(seen.runtime) == {"torch", "numpy", "python"}
    assert 100 * 2**20 < seen.peak_memory_bytes < 2**30
    assert ("torch" in sys.modules) is here


def twin(path):
    """The matmul-like operators of `programs_made.Net`, for a batch of two."""
    nodes = [
        helper.make_node("Conv", ["image", "conv"], ["map"], pads=[1, 1, 1, 1]),
        helper.make_node("MaxPool", ["map"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["small"], ["flat"]),
        helper.make_node("MatMul", ["flat", "dense"], ["row"]),
        helper.make_node("Unsqueeze", ["row", "one"], ["column"]),
        helper.make_node("Add", ["column", "tokens"], ["x"]),
        helper.make_node("MatMul", ["x", "qkv"], ["packed"]),
        helper.make_node("Split", ["packed"], ["q", "k", "v"], axis=-1),
        helper.make_node("Transpose", ["k"], ["keys"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q", "keys"], ["scores"]),
        helper.make_node("MatMul", ["scores", "v"], ["mixed"]),
        helper.make_node("MatMul", ["mixed", "out"], ["logits"]),
    ]
    inputs = [made.value("image", T.FLOAT, [2, 3, 8, 8]), made.value("tokens", T.FLOAT, [2, 6, 12])]
    shapes = {"conv": (8, 3, 3, 3), "dense": (128, 12), "qkv": (12, 36), "out": (12, 5)}
    weights = [*((name, np.ones(shape, "float32")) for name, shape in shapes.items()), ("one", np.array([1]))]
    return made.written(path, nodes, inputs, [made.value("logits", T.FLOAT, None)], weights)


def test_a_program_is_counted_by_hand_by_fvcore_and_as_onnx_alike(programs, tmp_path):
    convolution, dense, projections = 2 * 8 * 8 * 8 * 27, 2 * 128 * 12, 2 * 6 * 12 * (36 + 5)
    costs = LOADER.count(spec(programs / "net.pt2", batch=2))
    assert costs.uncovered == ()
    assert costs.macs == convolution + dense + projections + 2 * 6 * 6 * (12 + 12)
    assert (costs.parameters, costs.weight_bytes) == (2321, 4 * 2321)
    by_onnx = OnnxLoader().count(spec(twin(tmp_path / "m.onnx")))
    assert (by_onnx.macs, by_onnx.convention) == (costs.macs, costs.convention)


MACS = {
    "rnn": 4 * 2 * (2 * 4 * 7 * (6 + 7) + 2 * 4 * 7 * (14 + 7) + 3 * 5 * (14 + 5)),
    "products": 5 * 2 * 3 * 4 + 5 * 2 * 4,
    "einsum": 2 * 3 * 5 * 4,
    "tensordot": 2 * 3 * 4,
    "unbatched": 4 * 8 * 8 * 3 * 9,
    "same": 2 * 4 * 8 * 8 * 27,
    "no_grad": 2 * 3 * 4,
    "tokens": 0,
    "tied": 2 * 2 * 4 * 4,
    "integers": 2 * 3 * 5,
    "brain": 0,
}


@pytest.mark.parametrize(("name", "macs"), MACS.items(), ids=MACS)
def test_the_operators_of_torch_cost_what_they_multiply(name, macs, counted):
    costs = counted(name, shapes={"tensors_0": (2, 5)} if name == "tokens" else {})
    assert (costs.macs, costs.uncovered) == (macs, ())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("bilinear", "aten::bilinear (1 times): no formula is known for this operator"),
        ("cond", "cond: which of its inner graphs run, and how often, is decided in the run"),
    ],
)
def test_what_cannot_be_counted_is_named_and_never_guessed(name, why, counted):
    costs = counted(name)
    assert (costs.macs, costs.uncovered) == (None, (why,))


def test_tied_weights_are_counted_once_and_buffers_not_at_all(counted):
    assert counted("tied").parameters == 16
    assert counted("counting").parameters == 0


def test_activation_bytes_are_those_of_every_output_at_the_sizes_of_the_inputs(counted):
    assert counted("products").activation_bytes == 4 * (5 * 2 * 4 + 5 * 2)
    assert counted("tokens", shapes={"tensors_0": (3, 7)}).activation_bytes == 4 * 3 * 7 * 4


def test_sizes_of_open_axes_are_given_by_name_and_every_operator_is_told(counted):
    costs = counted("tokens", sizes={"tensors_0.1": 7}, batch=3)
    assert (costs.activation_bytes, costs.open_sizes, costs.remarks) == (4 * 3 * 7 * 4, (), ())
    assert [(node.name, node.op, node.kind, node.parameters) for node in costs.nodes] == [
        ("layers.0", "embedding", "movement", 36)
    ]


def test_a_size_that_is_left_open_is_asked_for_and_a_wrong_name_refused(counted):
    costs = counted("tokens")
    assert (costs.macs, costs.parameters, costs.open_sizes) == (None, 36, ("tensors_0.1",))
    with pytest.raises(ModelError, match=r"tokens.pt2: a size is given for `length`, which no input leaves open"):
        counted("tokens", sizes={"length": 7})


def test_an_answer_that_cannot_be_is_no_count(programs):
    child = SimpleNamespace(ask=lambda *_, **__: Frame({"macs": -1}))
    with pytest.raises(ModelError, match=r"net.pt2: its process answered garbage while counting the model"):
        pytorch._counted(child, spec(programs / "net.pt2"))


def test_two_equal_programs_on_one_bench_give_readings(programs):
    path = programs / "net.pt2"
    with LOADER.bench({"candidate": spec(path, threads=2), "baseline": spec(path)}) as workloads:
        for workload in workloads.values():
            workload.renew()
            reading = workload.block(20)
            assert (reading.runs, len(reading.run_s)) == (20, 20)
            assert 0 < sum(reading.run_s) <= reading.wall_s
            assert 0 < reading.cpu_s < 10


def test_renewing_starts_again_from_the_file(hosted):
    model = hosted("counting")
    model.feed()
    for _ in range(2):
        model.block(3)
        model.renew()  # which warms up with two runs
    assert model.predict({"x": np.ones(2, "float32")})["add"].tolist() == [3, 3]


def test_the_child_has_one_thread_when_it_is_confined(sandbox):
    assert len(sandbox.tasks_at_start) == 1


def test_constants_keywords_and_mappings_are_given_as_they_were_exported(hosted):
    model = hosted("options")
    assert model.feed() == (Port("x", "float32", (2, 3)), Port("more_shift", "float32", (3,)))
    assert model.first_run() == (Port("add", "float32", (2, 3)),)


def test_inputs_come_from_an_npz_where_there_is_one(hosted, programs):
    model = hosted("tokens", inputs=programs / "inputs.npz")
    assert model.feed() == (Port("tensors_0", "int64", (3, 7)),)
    assert model.first_run() == (Port("embedding", "float32", (3, 7, 4)),)


def test_predictions_come_a_row_for_a_row_whatever_the_batch(hosted):
    rows = np.arange(10, dtype="int64").reshape(5, 2) % 9
    tables = [hosted("tokens", batch=batch).predict({"tensors_0": rows}) for batch in (1, 2, 7)]
    assert [table["embedding"].shape for table in tables] == [(5, 2, 4)] * 3
    assert tables[0]["embedding"].tolist() == tables[1]["embedding"].tolist() == tables[2]["embedding"].tolist()


MISFITS = {
    "open axis": ("tokens", {}, "input `tensors_0` has shape"),
    "unknown input": ("net", {"shapes": {"picture": (1, 3, 8, 8)}}, "a shape is declared for `picture`, but the model"),
    "another size": ("net", {"shapes": {"image": (1, 3, 9, 8)}}, "input `image` is declared with shape [1, 3, 9, 8]"),
    "out of bounds": ("tokens", {"shapes": {"tensors_0": (2, 65)}}, "its inputs do not fit what it was exported for:"),
    "not finite": ("nan", {}, "output `mul` is not finite: 6 of its 6 elements are NaN or infinite"),
    "no NumPy type": ("brain", {}, "input `tensors_0` is a bfloat16, which cannot be fed from NumPy"),
    "foreign operator": ("foreign", {}, "operator `foreign.double.default` is unknown to torch"),
}


@pytest.mark.parametrize(("name", "options", "problem"), MISFITS.values(), ids=MISFITS)
def test_misfits_are_explained(name, options, problem, hosted):
    def first_run():
        model = hosted(name, **options)
        model.feed()
        return model.first_run()

    with pytest.raises(ModelError) as caught:
        first_run()
    assert caught.value.problem.startswith(problem)
    assert f"{name}.pt2" in caught.value.where.file


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return path.read_bytes()


FILES = {
    "a checkpoint": ("m.pt", ("m/data.pkl", "m/data/0"), "it is a plain pickle of torch.save, which can run any code"),
    "renamed checkpoint": ("m.pt2", ("m/data.pkl", "m/data/0"), "it is a plain pickle of torch.save"),
    "TorchScript": ("m.pt", ("m/data.pkl", "m/code/m.py", "m/constants.pkl"), "it is a TorchScript archive, not an"),
    "AOTInductor": ("m.pt2", ("m/data/aotinductor/m/x.so",), "it is a package of compiled code (AOTInductor), not an"),
    "another zip": ("m.pt2", ("a.txt",), "it is another zip archive, not an exported program (.pt2)"),
    "another name": ("m.pt", ("m/models/model.json",), "it is an exported program (.pt2), but torch loads one by no"),
    "old checkpoint": ("m.pth", b"\x80\x02\x8a\nl\xfc", "it is a Python pickle, which can run any code when it is"),
    "joblib": ("m.pkl", b"\x80\x04\x95", "it is a Python pickle, which can run any code when it is loaded, not an"),
    "cut short": ("m.pt2", b"PK\x03\x04rest", "it is cut short: it starts as a zip archive and has no end"),
    "text": ("m.pt2", b"hello", "it is no zip archive, not an exported program (.pt2)"),
    "empty": ("m.pt2", b"", "the file is empty"),
    "pointer": ("m.pt2", b"version https://git-lfs.github.com/spec/v1\n", "it is a damaged Git LFS pointer, not the"),
}


@pytest.mark.parametrize(("name", "content", "problem"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_exported_program_is_refused_unopened(name, content, problem, tmp_path):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else zipped(path, *content))
    with pytest.raises(ModelError) as caught:
        registry.loader_of(path).examine(spec(path))
    assert caught.value.problem.startswith(problem)
    assert ",," not in caught.value.problem
    assert caught.value.hint


def test_a_program_cut_behind_an_archive_inside_it_is_cut_short(tmp_path):
    path = tmp_path / "m.pt2"
    inner = zipped(path, "model/data.pkl")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/models/model.json", b"{}")
        archive.writestr("m/data/sample_inputs/model.pt", inner)
    path.write_bytes(path.read_bytes()[: path.read_bytes().index(inner) + len(inner)])
    with pytest.raises(ModelError, match="it is cut short"):
        LOADER.examine(spec(path))


@pytest.mark.parametrize("ask", ["examine", "count"])
def test_a_program_is_taken_only_where_the_base_branch_trusts_it(ask, tmp_path):
    zipped(tmp_path / "m.pt2", "m/models/model.json")
    with pytest.raises(ModelError) as caught:
        getattr(LOADER, ask)(spec(tmp_path / "m.pt2", trusted=False))
    assert "the project file of the base branch does not trust this model" in caught.value.problem
    assert "put `trust: true`" in caught.value.hint
    assert "run with --base" in caught.value.hint


def test_without_torch_it_is_said_what_to_install(tmp_path, monkeypatch):
    zipped(tmp_path / "m.pt2", "m/models/model.json")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"torch must be installed to run it\n.*greengate-ci\[torch\]"):
        LOADER.examine(spec(tmp_path / "m.pt2"))


def test_a_folder_and_a_missing_file_are_told(tmp_path):
    (tmp_path / "m.pt2").mkdir()
    with pytest.raises(ModelError, match=r"it is a folder, not an exported program \(\.pt2\)"):
        LOADER.examine(spec(tmp_path / "m.pt2"))
    with pytest.raises(ModelError, match="there is no such file"):
        LOADER.examine(spec(tmp_path / "n.pt2"))


def test_a_program_is_measured_beside_an_onnx_model_in_a_child_of_its_own(programs, tmp_path):
    specs = {"candidate": spec(programs / "net.pt2", batch=2), "baseline": spec(twin(tmp_path / "m.onnx"), batch=2)}
    case = Case(Model(name="m"), specs, quality=lambda *_: Figures())
    judged = policy(growth("energy_per_1k_inferences"), comparable=("inputs",))
    found = gather(case, [judged], Schedule(budget_s=20, max_pairs=16), "2026-11-21T10:00:00Z", Watch())
    assert len({pair.round for pair in found.pairs}) == len(found.control_s) >= 6
    assert [difference.split(":")[0] for difference in found.incomparable] == ["runtime"]
    assert judge([judged], found).findings[0].amount > 1
    assert judge([policy(growth("energy_per_1k_inferences"))], found).findings[0].reason.startswith("not comparable")
