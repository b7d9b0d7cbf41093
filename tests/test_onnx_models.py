from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys

import models_made as made
import numpy as np
import onnx
import pytest
from onnx import TensorProto as T

from greengate.errors import ModelError
from greengate.models.onnx import OnnxLoader
from greengate.ports import CONTROL, Limits, ModelLoader, ModelSpec, Port

LOADER: ModelLoader = OnnxLoader()


def spec(path, **options):
    return ModelSpec(path, path.parent, **{"limits": Limits(wall_s=30.0), **options})


def examined(path, **options):
    return LOADER.examine(spec(path, **options))


def told(path, **options):
    with pytest.raises(ModelError) as caught:
        examined(path, **options)
    assert str(path) in caught.value.where.file
    return caught.value


def test_an_examination_tells_digest_sizes_ports_and_runtime(tmp_path):
    path = made.dense(tmp_path / "m.onnx")
    seen = examined(path, batch=5)
    assert seen.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert seen.size_bytes == path.stat().st_size
    assert (seen.inputs, seen.outputs) == ((Port("x", "float32", (5, 4)),), (Port("y", "float32", (5, 3)),))
    assert set(seen.runtime) == {"onnxruntime", "numpy", "python"}
    assert 20 * 2**20 < seen.peak_memory_bytes < 2**30


EXAMINED = """
import sys
from pathlib import Path
from greengate.models.onnx import OnnxLoader
from greengate.ports import ModelSpec
path = Path(sys.argv[1])
OnnxLoader().examine(ModelSpec(path=path, folder=path.parent))
print("onnxruntime" in sys.modules)
"""


def test_examining_never_brings_the_runtime_into_greengates_own_process(tmp_path):
    model = made.dense(tmp_path / "m.onnx")
    told = subprocess.run([sys.executable, "-c", EXAMINED, model], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


def test_the_static_costs_of_a_model_are_counted(tmp_path):
    costs = LOADER.count(spec(made.dense(tmp_path / "m.onnx"), batch=5))
    assert (costs.macs, costs.parameters) == (5 * 4 * 3, 12)


def test_static_costs_are_not_counted_from_a_file_that_is_no_onnx(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match="the file is empty"):
        LOADER.count(spec(tmp_path / "m.onnx"))


def test_two_equal_models_on_one_bench_give_readings(tmp_path):
    path = made.dense(tmp_path / "m.onnx")
    with LOADER.bench({"candidate": spec(path), "baseline": spec(path)}) as workloads:
        for workload in workloads.values():
            workload.renew()
            reading = workload.block(20)
            assert (reading.runs, len(reading.run_s)) == (20, 20)
            assert 0 < sum(reading.run_s) <= reading.wall_s
            assert 0 < reading.cpu_s < 10


def test_the_cpu_time_of_a_block_is_finer_than_a_scheduler_tick_despite_the_cpu_limit(tmp_path):
    with LOADER.bench({"candidate": spec(made.dense(tmp_path / "m.onnx"))}) as workloads:
        assert min(workloads["candidate"].block(20).cpu_s for _ in range(20)) > 0


def test_a_long_block_keeps_the_times_of_its_first_ten_thousand_runs(tmp_path):
    with LOADER.bench({"candidate": spec(made.dense(tmp_path / "m.onnx"))}) as workloads:
        reading = workloads["candidate"].block(10_050)
    assert (reading.runs, len(reading.run_s)) == (10_050, 10_000)


def test_the_control_workload_stands_beside_the_models_and_is_the_same_for_all(tmp_path):
    costs = []
    for rows in (1, 4):
        with LOADER.bench({"candidate": spec(made.dense(tmp_path / "m.onnx"), batch=rows)}) as workloads:
            control = workloads[CONTROL]
            control.renew()
            costs.append(min(control.block(20).cpu_s for _ in range(10)))
    assert set(workloads) == {"candidate", CONTROL}
    assert 1e-4 < costs[0] < 1
    assert 0.3 < costs[0] / costs[1] < 3


def test_a_model_dies_and_takes_the_control_workload_with_it_by_name(tmp_path):
    with LOADER.bench({"candidate": spec(made.dense(tmp_path / "m.onnx"))}) as workloads:
        os.kill(workloads["candidate"].sandbox.pid, signal.SIGKILL)
        with pytest.raises(ModelError, match="while measuring the control"):
            workloads[CONTROL].block(1)


def test_a_model_that_dies_on_the_bench_is_named_with_its_subject(tmp_path):
    path = made.dense(tmp_path / "m.onnx")
    with LOADER.bench({"candidate": spec(path), "baseline": spec(path)}) as workloads:
        os.kill(workloads["baseline"].sandbox.pid, signal.SIGSEGV)
        with pytest.raises(ModelError, match=r"killed by SIGSEGV .* while measuring the baseline"):
            workloads["baseline"].block(1)


TENSORS = {
    "float16": T.FLOAT16,
    "float32": T.FLOAT,
    "float64": T.DOUBLE,
    "int8": T.INT8,
    "int16": T.INT16,
    "int32": T.INT32,
    "int64": T.INT64,
    "uint8": T.UINT8,
    "uint16": T.UINT16,
    "uint32": T.UINT32,
    "uint64": T.UINT64,
    "bool": T.BOOL,
    "str": T.STRING,
}


@pytest.mark.parametrize(("name", "kind"), TENSORS.items(), ids=TENSORS)
def test_every_element_type_that_numpy_has_is_fed(name, kind, tmp_path):
    seen = examined(made.identity(tmp_path / "m.onnx", kind, ["N", 3]))
    assert (seen.inputs, seen.outputs) == ((Port("x", name, (1, 3)),), (Port("y", name, (1, 3)),))


@pytest.mark.parametrize("kind", [T.BFLOAT16, T.FLOAT8E4M3FN, T.INT4], ids=["bfloat16", "float8", "int4"])
def test_an_element_type_that_numpy_has_not_is_refused(kind, tmp_path):
    error = told(made.cast(tmp_path / "m.onnx", kind))
    assert "input `x` is a tensor(" in error.problem
    assert "cannot be fed from NumPy" in error.problem


def test_a_sequence_input_is_refused(tmp_path):
    error = told(made.with_sequence_input(tmp_path / "m.onnx"))
    assert error.problem == "input `x` is a seq(tensor(float)), which cannot be fed from NumPy"


def test_scalars_go_in_and_out(tmp_path):
    seen = examined(made.identity(tmp_path / "m.onnx", T.FLOAT, []))
    assert (seen.inputs, seen.outputs) == ((Port("x", "float32", ()),), (Port("y", "float32", ()),))


def test_a_declared_size_of_an_axis_holds_for_every_input_that_shares_it(tmp_path):
    seen = examined(made.two_by_two(tmp_path / "m.onnx"), shapes={"tokens": (2, 7)}, ranges={"tokens": (0, 10)})
    assert seen.inputs == (Port("tokens", "int64", (2, 7)), Port("mask", "bool", (2, 7)))
    assert seen.outputs == (Port("vectors", "float32", (2, 7, 4)), Port("mean", "float32", ()))


def test_quantised_models_run(tmp_path):
    seen = examined(made.quantised(tmp_path / "m.onnx"))
    assert seen.outputs == (Port("y", "float32", (2, 3)), Port("i", "int32", (2, 3)))


def test_a_sequence_of_maps_is_summarised_by_its_type_and_length(tmp_path):
    seen = examined(made.classifier(tmp_path / "m.onnx"), batch=2)
    assert seen.outputs == (Port("label", "int64", (2,)), Port("probabilities", "seq(map(int64,tensor(float)))", (2,)))


def test_a_sequence_of_tensors_is_summarised_by_its_type_and_length(tmp_path):
    seen = examined(made.with_sequence_output(tmp_path / "m.onnx"))
    assert seen.outputs == (Port("y", "seq(tensor(float))", (2,)),)


def test_an_open_axis_without_a_size_comes_with_the_lines_to_add(tmp_path):
    error = told(made.two_by_two(tmp_path / "m.onnx"))
    assert error.problem == (
        "input `tokens` has shape [batch, length]: axis 1 (`length`) is open and no size is declared"
    )
    assert "`inputs: {shapes: {tokens: [1, 128]}}`" in error.hint


DECLARED = {
    "unknown name": ({"shapes": {"token": (1, 2)}}, "a shape is declared for `token`", "did you mean `tokens`?"),
    "wrong rank": ({"shapes": {"tokens": (2,)}}, "declared with shape [2], the model takes [batch, length]", ""),
    "two sizes": ({"shapes": {"tokens": (1, 2), "mask": (1, 3)}}, "with 3 for `length`, another input with 2", "one"),
    "unknown range": (
        {"shapes": {"tokens": (1, 2)}, "ranges": {"tokenz": (0, 9)}},
        "a range is declared for `tokenz`",
        "did you mean `tokens`?",
    ),
    "range of no integers": (
        {"shapes": {"tokens": (1, 2)}, "ranges": {"mask": (0, 9)}},
        "which is bool; only integers have ranges",
        "",
    ),
    "empty range": (
        {"shapes": {"tokens": (1, 2)}, "ranges": {"tokens": (9, 9)}},
        "the range [9, 9) of input `tokens` is empty",
        "",
    ),
    "out of the table": (
        {"shapes": {"tokens": (1, 64)}, "ranges": {"tokens": (0, 500)}},
        "operator `Gather` failed: indices element out of data bounds",
        "ranges of integers",
    ),
    "too large to make": ({"shapes": {"tokens": (1, 2**40)}}, "is too large to make", ""),
}


@pytest.mark.parametrize(("options", "problem", "hint"), DECLARED.values(), ids=DECLARED)
def test_a_declaration_that_does_not_fit_is_explained(options, problem, hint, tmp_path):
    error = told(made.two_by_two(tmp_path / "m.onnx"), **options)
    assert problem in error.problem
    assert hint in error.hint


def test_equal_seeds_make_equal_inputs_and_others_do_not(tmp_path):
    from greengate.models import inputs  # noqa: PLC0415 - it is the child's

    port = inputs.Declared("x", "tensor(float)", (3,))
    first, again, other = (inputs.generate([port], {"x": (3,)}, {}, seed)["x"].tolist() for seed in (1, 1, 2))
    assert first == again != other
    assert 0.0 not in first


def saved(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def test_given_inputs_are_fed_even_from_outside_the_model_s_folder(tmp_path):
    (tmp_path / "models").mkdir()
    inputs = saved(tmp_path / "inputs.npz", x=np.ones((6, 4), "float32"))
    seen = examined(made.dense(tmp_path / "models" / "m.onnx"), inputs=inputs)
    assert seen.inputs == (Port("x", "float32", (6, 4)),)


def test_given_strings_are_fed(tmp_path):
    inputs = saved(tmp_path / "inputs.npz", x=np.array(["a", "b"]))
    assert examined(made.identity(tmp_path / "m.onnx", T.STRING, ["N"]), inputs=inputs).outputs[0].shape == (2,)


GIVEN = {
    "misspelt": ({"X1": np.ones((2, 4), "float32")}, "there is an array `X1`, but the model has no such input"),
    "missing": ({}, "there is no array for input `x`"),
    "type": ({"x": np.ones((2, 4))}, "input `x` is given as float64, the model takes float32"),
    "rank": ({"x": np.ones(4, "float32")}, "input `x` is given with shape [4], the model takes [N, 4]"),
    "size": ({"x": np.ones((2, 5), "float32")}, "input `x` is given with shape [2, 5], the model takes [N, 4]"),
    "pickled": ({"x": np.array([None, {}], dtype=object)}, "cannot be read: Object arrays cannot be loaded"),
}


@pytest.mark.parametrize(("arrays", "problem"), GIVEN.values(), ids=GIVEN)
def test_given_inputs_that_do_not_fit_are_explained(arrays, problem, tmp_path):
    inputs = saved(tmp_path / "inputs.npz", **arrays)
    assert problem in told(made.dense(tmp_path / "m.onnx"), inputs=inputs).problem


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"", "cannot be read: No data left in file"), (b"PK\x03\x04 cut", "cannot be read: File is not a zip file")],
    ids=["empty", "damaged"],
)
def test_an_inputs_file_that_is_none_is_explained(data, problem, tmp_path):
    (tmp_path / "inputs.npz").write_bytes(data)
    assert problem in told(made.dense(tmp_path / "m.onnx"), inputs=tmp_path / "inputs.npz").problem


def test_inputs_of_one_array_without_a_name_are_explained(tmp_path):
    np.save(tmp_path / "inputs.npy", np.ones(3))
    error = told(made.dense(tmp_path / "m.onnx"), inputs=tmp_path / "inputs.npy")
    assert "are a single array without a name" in error.problem


def test_missing_inputs_are_said_before_anything_runs(tmp_path):
    error = told(made.dense(tmp_path / "m.onnx"), inputs=tmp_path / "no.npz")
    assert error.problem == f"its inputs are missing: there is no file {tmp_path / 'no.npz'}"


def test_an_endless_loop_is_stopped(tmp_path):
    error = told(made.endless(tmp_path / "m.onnx"), limits=Limits(wall_s=2.0))
    assert error.problem == "no answer after 2 s while running the model; its process was stopped"


def test_an_endless_loop_is_stopped_by_the_cpu_limit_too(tmp_path):
    error = told(made.endless(tmp_path / "m.onnx"), limits=Limits(wall_s=30.0, cpu_s=2))
    assert error.problem == "more than 2 s of CPU time used; its process was stopped while running the model"


def test_a_tensor_of_a_hundred_gigabytes_is_out_of_memory(tmp_path):
    error = told(made.enormous(tmp_path / "m.onnx"))
    assert error.problem.startswith("out of memory while running the model: more than the 16 GiB")


def test_outputs_that_are_no_numbers_are_counted(tmp_path):
    error = told(made.not_a_number(tmp_path / "m.onnx"))
    assert error.problem == "output `y` is not finite: 6 of its 6 elements are NaN or infinite"


UNKNOWN = {
    "operator": ({"operator": "Foo"}, "operator `Foo` of domain `ai.onnx` is unknown in opset 17"),
    "domain": (
        {"operator": "Foo", "domain": "com.acme", "domains": ["com.acme"]},
        "operator `Foo` of domain `com.acme` is unknown to ONNX Runtime",
    ),
    "domain that is not imported": (
        {"operator": "Foo", "domain": "com.acme"},
        "operator `Foo` of domain `com.acme` is unknown: the model imports no such domain",
    ),
    "opset": ({"operator": "Relu", "opset": 99}, "it uses opset 99 of domain `ai.onnx`; this ONNX Runtime supports"),
    "IR version": ({"operator": "Relu", "ir": 99}, "it is written in IR version 99; this ONNX Runtime reads up to"),
}


@pytest.mark.parametrize(("options", "problem"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_the_runtime_does_not_know_is_named(options, problem, tmp_path):
    error = told(made.with_operator(tmp_path / "m.onnx", **options))
    assert error.problem.startswith(problem)
    assert "onnxruntime_src" not in str(error)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
FILES = {
    "empty": (b"", "the file is empty"),
    "LFS pointer": (LFS, "it is a Git LFS pointer, not the model itself (12,345 bytes, sha256:4d7a)"),
    "damaged LFS pointer": (LFS[:50], "it is a damaged Git LFS pointer, not the model itself"),
    "torch": (b"PK\x03\x04....", "it is a zip archive (as PyTorch, Keras 3 and NumPy write them), not an ONNX file"),
    "pickle": (b"\x80\x04\x95....", "it is a Python pickle, not an ONNX file"),
    "HDF5": (b"\x89HDF\r\n", "it is an HDF5 file (as Keras 2 writes it), not an ONNX file"),
    "TFLite": (b"\x1c\0\0\0TFL3", "it is a TensorFlow Lite model, not an ONNX file"),
    "safetensors": (b'\x10\0\0\0\0\0\0\0{"a": 1}', "it is a safetensors file, not an ONNX file"),
    "web page": (b"<!DOCTYPE html>", "it is a web page or XML (a download that failed?), not an ONNX file"),
    "noise": (bytes(range(128, 255)), "it is no ONNX file, or is cut short: the number at byte 0 does not end"),
    "other protobuf": (b"\x08\x01", "it is no ONNX file: there is no graph with outputs in it"),
}


@pytest.mark.parametrize(("data", "problem"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_onnx_is_called_by_its_name(data, problem, tmp_path):
    (tmp_path / "m.onnx").write_bytes(data)
    assert told(tmp_path / "m.onnx").problem.startswith(problem)


def test_a_truncated_model_is_called_cut_short(tmp_path):
    path = made.dense(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes()[:-20])
    assert "is cut short" in told(path).problem


def test_a_missing_model_and_a_folder_are_told_apart(tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    assert told(tmp_path / "no.onnx").problem == "there is no such file"
    assert told(tmp_path / "folder.onnx").problem == "it is a folder, not an ONNX file"


def test_a_pipe_in_the_model_s_place_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "m.onnx")
    assert told(tmp_path / "m.onnx").problem == "it is a device or pipe, not a file"


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    made.dense(tmp_path / "out.onnx")
    (tmp_path / "in" / "m.onnx").symlink_to(tmp_path / "out.onnx")
    assert "it leads out of its folder" in told(tmp_path / "in" / "m.onnx").problem


def test_external_data_counts_in_size_and_digest(tmp_path):
    path = made.dense_with_external_data(tmp_path / "m.onnx")
    data = tmp_path / "weights.bin"
    first = examined(path)
    assert first.size_bytes == path.stat().st_size + data.stat().st_size
    data.write_bytes(data.read_bytes()[::-1])
    path_only = hashlib.sha256(path.read_bytes()).hexdigest()
    assert len({first.digest, examined(path).digest, path_only}) == 3


def test_missing_external_data_says_how_much_should_be_there(tmp_path):
    path = made.dense_with_external_data(tmp_path / "m.onnx")
    (tmp_path / "weights.bin").unlink()
    made.relocated(path, length="3000000000")
    error = told(path)
    assert error.where.file == f"{path}, external data `weights.bin`"
    assert error.problem == "the file is missing (No such file or directory); at least 3 GB of weights lie in it"


def test_external_data_that_is_cut_short_says_both_sizes(tmp_path):
    path = made.dense_with_external_data(tmp_path / "m.onnx")
    (tmp_path / "weights.bin").write_bytes(b"12345678")
    assert told(path).problem == "it is cut short: it has 8 bytes, the weights in it need 48 bytes"


def test_external_data_that_is_an_lfs_pointer_is_called_so(tmp_path):
    path = made.dense_with_external_data(tmp_path / "m.onnx")
    (tmp_path / "weights.bin").write_bytes(LFS)
    assert told(path).problem == "it is a Git LFS pointer, not the data file itself (12,345 bytes, sha256:4d7a)"


@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "../weights.bin", "a/../../b", "", "*/_ORT_MEM_ADDR_/*"],
    ids=lambda text: text or "none",
)
def test_external_data_outside_the_folder_is_refused(location, tmp_path):
    path = made.relocated(made.dense_with_external_data(tmp_path / "m.onnx"), location=location)
    assert "which is no path below the model's folder" in told(path).problem


@pytest.mark.parametrize("entries", [{"offset": "-1"}, {"length": "-5"}, {"offset": "many"}], ids=str)
def test_external_data_at_an_impossible_place_is_refused(entries, tmp_path):
    path = made.relocated(made.dense_with_external_data(tmp_path / "m.onnx"), **entries)
    assert "lies at an impossible place in `weights.bin`" in told(path).problem


def test_links_to_external_data_are_refused(tmp_path):
    (tmp_path / "in").mkdir()
    path = made.dense_with_external_data(tmp_path / "in" / "m.onnx")
    data, away = tmp_path / "in" / "weights.bin", tmp_path / "secret"
    data.rename(away)
    data.hardlink_to(away)
    assert "it is a hard link" in told(path).problem
    data.unlink()
    data.symlink_to(away)
    assert "it is a symbolic link" in told(path).problem


def test_external_data_of_a_subgraph_is_found_too(tmp_path):
    path = made.endless(tmp_path / "m.onnx")
    model = onnx.load(path)
    weight = model.graph.node[0].attribute[0].g.initializer.add(name="w", data_type=T.FLOAT, dims=[1])
    weight.data_location = weight.EXTERNAL
    weight.external_data.add(key="location", value="../secret")
    path.write_bytes(model.SerializeToString())
    assert "external file `../secret`" in told(path).problem


def test_predictions_come_a_row_for_a_row_whatever_the_batch(tmp_path):
    path = made.dense(tmp_path / "m.onnx")
    rows = np.arange(28, dtype="float32").reshape(7, 4)
    tables = [LOADER.predict(spec(path, batch=batch), {"x": rows})["y"].tolist() for batch in (1, 3, 7, 100)]
    assert tables == [(rows @ (np.arange(12, dtype="float32").reshape(4, 3) + 1)).tolist()] * 4


def test_a_model_of_fixed_batch_predicts_the_last_rows_too(tmp_path):
    path = made.dense(tmp_path / "m.onnx", rows=3)
    rows = np.arange(28, dtype="float32").reshape(7, 4)
    assert LOADER.predict(spec(path), {"x": rows})["y"].shape == (7, 3)


def test_a_classifier_predicts_labels_and_columns_of_probabilities(tmp_path):
    path = made.classifier(tmp_path / "m.onnx")
    found = LOADER.predict(spec(path, batch=2), {"x": np.eye(3, dtype="float32")})
    assert found["label"].tolist() == [0, 1, 2]
    assert found["probabilities"].argmax(axis=1).tolist() == [0, 1, 2]


FEATURES = {
    "name": ({"z": np.ones((2, 4), "float32")}, "there is an array `z`, but the model has no such input"),
    "type": ({"x": np.ones((2, 4))}, "input `x` is given as float64, the model takes float32"),
    "none": ({}, "the features must have the same number of rows, at least 1: none are given"),
    "rows": (
        {"x": np.ones((2, 4), "float32"), "z": np.ones(3)},
        "the features must have the same number of rows, at least 1: `x` 2, `z` 3",
    ),
}


@pytest.mark.parametrize(("features", "problem"), FEATURES.values(), ids=FEATURES)
def test_features_that_do_not_fit_are_explained(features, problem, tmp_path):
    with pytest.raises(ModelError) as caught:
        LOADER.predict(spec(made.dense(tmp_path / "m.onnx")), features)
    assert caught.value.problem == problem


def test_outputs_without_rows_are_no_predictions(tmp_path):
    with pytest.raises(ModelError, match="none of its outputs has a row for each row"):
        LOADER.predict(spec(made.mean(tmp_path / "m.onnx")), {"x": np.ones(3, "float32")})
