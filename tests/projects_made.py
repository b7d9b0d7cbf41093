"""Small whole projects on disk, with real models, for tests of the walk and the commands."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from greengate.cli import run

POLICY = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: p, owners: [green]}
measurement: {budget: 20 s}
rules:
  - {id: energy, metric: energy_per_1k_inferences, max_increase: 15%, enforce: soft}
  - {id: flops, metric: flops_per_inference, max_increase: 5%, enforce: soft}
"""
COUNTED = POLICY[: POLICY.index("rules:")] + (
    "rules:\n  - {id: flops, metric: flops_per_inference, max_increase: 5%, enforce: soft}\n"
)
WAIVER = """\
apiVersion: greengate/v1
kind: Waiver
id: W-1
rule: p/flops
ceiling: {max_increase: 900%}
expires: 2099-12-31
reason: larger
granted_by: green
"""
PROJECT = """\
apiVersion: greengate/v1
kind: Project
policies: [policy.yaml]
models:
  - {name: m, path: candidate.onnx, baseline: baseline.onnx, batch: 8}
"""


def layers(path: Path, *widths: int) -> Path:
    """A chain of matrix multiplications with random weights: 64 wide in, 10 out."""
    random = np.random.default_rng(0)
    nodes, weights, last, wide = [], [], "x", 64
    for index, width in enumerate((*widths, 10)):
        matrix = random.normal(size=(wide, width), scale=wide**-0.5).astype(np.float32)
        weights.append(numpy_helper.from_array(matrix, f"w{index}"))
        nodes += [
            helper.make_node("MatMul", [last, f"w{index}"], [f"m{index}"]),
            helper.make_node("Tanh", [f"m{index}"], [f"t{index}"]),
        ]
        last, wide = f"t{index}", width
    graph = helper.make_graph(
        nodes,
        "layers",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["N", 10])],
        weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def project(folder: Path, *, candidate=(128,), baseline=(128,), policy=POLICY, text=PROJECT) -> Path:
    layers(folder / "candidate.onnx", *candidate)
    layers(folder / "baseline.onnx", *baseline)
    (folder / "policy.yaml").write_text(policy)
    (folder / "greengate.yaml").write_text(text)
    return folder


def greengate(folder: Path, *words: str) -> int:
    """Run the command line in this process, on the project in a folder."""
    command, *rest = words
    return run([command, "--project", str(folder / "greengate.yaml"), *rest])
