"""Work in a child with limits: what takes too much, crashes or never ends is told, and nothing happens here."""

import errno
import faulthandler
import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from greengate.errors import MeasurementError, ModelError
from greengate.models import landlock, limited, onnx_costs
from greengate.models.onnx import OnnxLoader
from greengate.ports import ModelSpec

needs_landlock = pytest.mark.skipif(landlock._version() < 1, reason="this kernel has no Landlock")


def children():
    """Process ids of this process's children that have not been waited for."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()


def handles():
    """How many files and pipes are open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture(autouse=True)
def nothing_stays():
    gc.collect()  # what other tests left is closed now, and not in the middle
    before = children(), handles()
    yield
    assert (children(), handles()) == before


def done(work, *reads):
    return limited.limited(work, where="m.onnx", doing="counting the model", reads=reads)


def problem(work, *reads):
    with pytest.raises(ModelError) as caught:
        done(work, *reads)
    assert str(caught.value.where) == "m.onnx"
    assert caught.value.hint
    return caught.value.problem


def test_what_comes_of_it_is_what_json_holds():
    assert done(lambda: {"a": [1, None, "é\n"], "b": os.getpid() != 0}) == {"a": [1, None, "é\n"], "b": True}
    assert done(lambda: {"pid": os.getpid()})["pid"] != os.getpid()


def test_what_it_finds_wrong_is_told():
    def work():
        raise ModelError("elsewhere", "it is no model", "export it")

    assert problem(work) == "it is no model"


def spin():
    while True:
        pass


def crash():
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)


def hoard():
    return {"much": len(bytearray(2**28))}


def recur():
    return recur()


def test_more_memory_than_there_may_be_is_told(monkeypatch):
    monkeypatch.setattr(limited, "ROOM_BYTES", 2**27)
    assert (
        problem(hoard)
        == "counting the model takes more than 60 s of processor time, 180 s by the clock or 0.125 GiB of memory"
    )


def test_a_loop_without_end_is_ended_by_its_processor_time(monkeypatch):
    monkeypatch.setattr(limited, "CPU_S", 1)
    started = time.monotonic()
    assert (
        problem(spin)
        == "counting the model takes more than 1 s of processor time, 180 s by the clock or 1 GiB of memory"
    )
    assert time.monotonic() - started < limited.WALL_S / 2


@pytest.mark.parametrize("name", ["WALL_S", "MOST_BYTES"])
def test_what_sleeps_or_answers_without_end_is_not_waited_for(monkeypatch, name):
    monkeypatch.setattr(limited, name, 0.2 if name == "WALL_S" else 2**16)
    work = signal.pause if name == "WALL_S" else lambda: {"long": "x" * 2**22}
    assert "takes more than" in problem(work)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (crash, "counting the model crashed (SIGSEGV)"),
        (recur, "its graph cannot be followed: RecursionError: maximum recursion depth exceeded"),
        (
            lambda: {"bytes": b"x"},
            "its graph cannot be followed: TypeError: Object of type bytes is not JSON serializable",
        ),
        (
            lambda: os._exit(0),
            "counting the model takes more than 60 s of processor time, 180 s by the clock or 1 GiB of memory",
        ),
    ],
    ids=["a crash", "recursion", "no JSON", "an end without a word"],
)
def test_other_ends_are_told(work, words):
    assert problem(work).startswith(words)


def test_an_answer_that_is_garbage_or_has_no_end_is_told(monkeypatch):
    for answer in (b"[]", b"{}", b'{"error": {}}', b'{"value": 1', b"\xff"):
        monkeypatch.setattr(limited, "_done", lambda *_, answer=answer: answer)
        assert "its process answered garbage while counting the model" in problem(dict)
    monkeypatch.undo()
    write = os.write

    def cut(handle, data):
        write(handle, bytes(data[:5]))
        os._exit(0)

    monkeypatch.setattr(os, "write", cut)
    assert "takes more than" in problem(dict)


@needs_landlock
def test_it_reads_what_it_was_given_and_writes_nothing(tmp_path):
    (tmp_path / "model").write_text("graph")
    (tmp_path / "secret").write_text("token")

    def work():
        told = {"model": (tmp_path / "model").read_text()}
        for name, act in (("read", Path.read_text), ("written", lambda path: path.write_text("x"))):
            try:
                told[name] = act(tmp_path / "secret")
            except OSError as refused:
                told[name] = errno.errorcode[refused.errno]
        return told

    assert done(work, tmp_path / "model") == {"model": "graph", "read": "EACCES", "written": "EACCES"}
    assert (tmp_path / "secret").read_text() == "token"


def test_a_machine_without_room_for_a_child_is_told(monkeypatch):
    def refused():
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refused)
    with pytest.raises(MeasurementError, match="the child process for counting the model could not be started"):
        done(dict)


def test_an_interrupt_ends_the_child_and_goes_on_here(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(limited, "_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        done(spin)


def saved(path, *nodes, size=4, inputs="xw", outputs="y"):
    ports = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [size]) for name in (*inputs, *outputs)}
    graph = helper.make_graph(nodes, "g", [ports[name] for name in inputs], [ports[name] for name in outputs])
    path.write_bytes(
        helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    )
    return ModelSpec(path, path.parent)


def test_children_that_nobody_is_to_wait_for_do_not_matter(tmp_path):
    saved(tmp_path / "m.onnx", helper.make_node("Add", ["x", "w"], ["y"]))
    ignore = "import signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); from greengate.cli import run;"
    words = [sys.executable, "-c", f"{ignore} sys.exit(run(['cost', 'm.onnx']))"]
    told = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")


def test_a_vector_that_onnx_would_write_out_is_counted_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(limited, "ROOM_BYTES", 2**28)  # in onnx 1.23 it takes some 2 GB
    spec = saved(tmp_path / "m.onnx", helper.make_node("Add", ["x", "w"], ["y"]), size=30_000_000)
    assert spec.path.stat().st_size < 200
    costs = onnx_costs.count(spec)
    assert (costs.macs, costs.activation_bytes, costs.uncovered) == (0, 120_000_000, ())


def test_a_loop_whose_body_goes_round_in_nothing_is_told(tmp_path):
    node = helper.make_node("Identity", [""], [""])
    ports = [helper.make_tensor_value_info("", kind, []) for kind in (TensorProto.INT64, TensorProto.BOOL)]
    body = helper.make_graph([node], "b", ports, ports[1:])
    spec = saved(tmp_path / "m.onnx", helper.make_node("Loop", ["", ""], ["y"], body=body))
    with pytest.raises(ModelError, match="an output of the graph `b` has no name"):
        OnnxLoader().count(spec)


def test_a_tensor_of_more_dimensions_than_any_has_is_told(tmp_path):
    spec = saved(tmp_path / "m.onnx", helper.make_node("Relu", ["x"], ["y"]))
    model = onnx.load(spec.path)
    model.graph.initializer.add(name="k", data_type=1, dims=[2**63 - 1] * 60_000)
    spec.path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="`k` has 60,000 dimensions, and at most 64 are counted"):
        onnx_costs.count(spec)


def test_an_axis_with_a_name_that_is_no_text_is_told(tmp_path):
    spec = saved(tmp_path / "m.onnx", helper.make_node("Relu", ["x"], ["y"]), size="axis")
    spec.path.write_bytes(spec.path.read_bytes().replace(b"axis", b"ax\xff\xfe"))
    with pytest.raises(ModelError, match="an input, output, weight or axis has a name that is not UTF-8"):
        onnx_costs.count(spec)


@pytest.mark.parametrize("domain", ["ai.onnx", "f"])
def test_functions_that_expand_without_end_are_refused_whatever_their_domain(tmp_path, domain):
    called = "" if domain == "ai.onnx" else domain
    functions = []
    for at in range(40):
        op, where = (f"f{at + 1}", called) if at < 39 else ("Relu", "")
        body = [helper.make_node(op, [one], [other], domain=where) for one, other in (("a", "b"), ("b", "c"))]
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
        functions.append(helper.make_function(domain, f"f{at}", ["a"], ["c"], body, opsets))
    spec = saved(tmp_path / "m.onnx", helper.make_node("f0", ["x"], ["y"], domain=called))
    model = onnx.load(spec.path)
    model.functions.extend(functions)
    model.opset_import.append(helper.make_opsetid("f", 1))
    spec.path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="its functions expand to 1,099,511,627,776 nodes"):
        onnx_costs.count(spec)


def test_an_operator_of_the_runtime_s_with_a_body_is_counted(tmp_path):
    node = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    port = helper.make_tensor_value_info("p", TensorProto.FLOAT, [4])
    body = helper.make_graph([helper.make_node("Relu", ["x"], ["p"])], "b", [], [port])
    node.attribute.append(helper.make_attribute("body", body))
    assert onnx_costs.count(saved(tmp_path / "m.onnx", node)).macs == 0
