"""The first project file says what could be found out, and can be read at once."""

import pytest
from onnx import TensorProto, helper
from repositories_made import run_git

from greengate import deployments
from greengate.carbon import factors
from greengate.cli import run
from greengate.errors import UsageError
from greengate.packs.first import MAX_MODELS, first_project, write_first
from greengate.packs.project import load_project
from greengate.packs.project_entry import Evaluation, Inputs
from greengate.trees import WorkingTree


def save_model(path, **inputs):
    ports = [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()]
    graph = helper.make_graph([helper.make_node("Identity", [ports[0].name], ["y"])], "g", ports, [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    ])  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(helper.make_model(graph).SerializeToString())


FIXED = (TensorProto.FLOAT, [1, 4])
OPEN = (TensorProto.FLOAT, [None, 64])


def first(root):
    write_first(root)
    return {entry.name: entry for entry in load_project(WorkingTree(root)).models}


def test_every_model_of_a_repository_is_named_by_its_path(tmp_path):
    save_model(tmp_path / "models" / "a.onnx", x=OPEN)
    save_model(tmp_path / "my models" / "b é.onnx", x=FIXED)
    entries = first(tmp_path)
    assert {name: entry.path for name, entry in entries.items()} == {
        "models/a": "models/a.onnx",
        "my-models/b-": "my models/b é.onnx",
    }
    assert entries["models/a"].inputs == Inputs(shapes={"x": (1, 64)})
    assert entries["my-models/b-"].inputs == Inputs()


def test_open_axes_are_filled_and_integers_are_pointed_out(tmp_path):
    save_model(
        tmp_path / "m.onnx",
        ids=(TensorProto.INT64, ["n", "length"]),
        image=(TensorProto.FLOAT, ["n", 3, "h", "w"]),
        fixed=FIXED,
    )
    assert first(tmp_path)["m"].inputs == Inputs(shapes={"ids": (1, 128), "image": (1, 3, 224, 224)})
    text = (tmp_path / "greengate.yaml").read_text()
    assert "# Integer inputs are 0 or 1 unless `inputs` has, for example, ranges: {ids: [0, 30000]}" in text


def test_the_baseline_is_the_main_branch_where_it_has_the_file(tmp_path):
    run_git(tmp_path, "init", "--quiet")
    save_model(tmp_path / "old.onnx", x=FIXED)
    (tmp_path / "old.quality.json").write_text('{"accuracy": 0.9}')
    run_git(tmp_path, "add", "--all")
    run_git(tmp_path, "commit", "--quiet", "--message", "one")
    save_model(tmp_path / "new.onnx", x=FIXED)
    entries = first(tmp_path)
    assert entries["old"].baseline == "git:main:old.onnx"
    assert entries["old"].quality == Evaluation("old.quality.json", "git:main:old.quality.json")
    assert entries["new"].baseline is None
    assert "# baseline: git:main   # once the file is there" in (tmp_path / "greengate.yaml").read_text()


def test_the_branch_of_the_remote_comes_first(tmp_path):
    run_git(tmp_path, "init", "--quiet", "upstream")
    save_model(tmp_path / "upstream" / "m.onnx", x=FIXED)
    run_git(tmp_path / "upstream", "add", "--all")
    run_git(tmp_path / "upstream", "commit", "--quiet", "--message", "one")
    run_git(tmp_path, "clone", "--quiet", "upstream", "clone")
    assert first(tmp_path / "clone")["m"].baseline == "git:origin/main:m.onnx"


@pytest.mark.parametrize("place", ["models/m.quality.json", "quality/m.json", "models/quality.json"])
def test_an_evaluation_file_beside_the_model_is_used(tmp_path, place):
    save_model(tmp_path / "models" / "m.onnx", x=FIXED)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("{}")
    assert first(tmp_path)["models/m"].quality == Evaluation(place)


def test_one_evaluation_file_is_not_taken_for_two_models(tmp_path):
    save_model(tmp_path / "a.onnx", x=FIXED)
    save_model(tmp_path / "b.onnx", x=FIXED)
    (tmp_path / "quality.json").write_text("{}")
    assert [entry.quality for entry in first(tmp_path).values()] == [None, None]


@pytest.mark.parametrize("in_git", [True, False], ids=["git", "no git"])
def test_what_others_made_is_passed_over(tmp_path, in_git):
    for folder in (".cache", "node_modules/x", "venv/lib", "mine"):
        save_model(tmp_path / folder / "m.onnx", x=FIXED)
    if in_git:
        run_git(tmp_path, "init", "--quiet")
    assert list(first(tmp_path)) == ["mine/m"]


def test_what_git_ignores_is_passed_over(tmp_path):
    run_git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_text("out/\n")
    save_model(tmp_path / "out" / "m.onnx", x=FIXED)
    assert first_project(tmp_path).models == ()


def test_a_file_that_cannot_be_read_is_named_all_the_same(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert list(first(tmp_path)) == ["m"]
    assert "# this file is not readable as ONNX (a Git LFS pointer?)" in (tmp_path / "greengate.yaml").read_text()


def test_names_that_become_the_same_are_told_apart(tmp_path):
    for name in ("a b", "a-b", "a+b"):
        save_model(tmp_path / f"{name}.onnx", x=FIXED)
    assert list(first(tmp_path)) == ["a-b", "a-b_2", "a-b_3"]


def test_strange_names_of_inputs_are_quoted(tmp_path):
    save_model(tmp_path / "m.onnx", **{"x: 0 #": OPEN, "true": OPEN, "1": OPEN})
    assert list(first(tmp_path)["m"].inputs.shapes) == ["x: 0 #", "true", "1"]


def test_of_very_many_models_the_first_are_taken(tmp_path):
    for index in range(MAX_MODELS + 2):
        save_model(tmp_path / f"m{index:03}.onnx", x=FIXED)
    assert len(first(tmp_path)) == MAX_MODELS
    assert "# 2 more ONNX files were found and left out." in (tmp_path / "greengate.yaml").read_text()


def test_without_models_a_template_is_written(tmp_path):
    template = write_first(tmp_path)
    assert template.models == ()
    assert "# No ONNX file was found here." in template.text
    assert load_project(WorkingTree(tmp_path)).models[0].path == "models/my-model.onnx"


def test_a_project_file_is_never_overwritten(tmp_path):
    (tmp_path / "greengate.yaml").write_text("mine")
    with pytest.raises(UsageError, match="there is a project file already"):
        write_first(tmp_path)
    assert (tmp_path / "greengate.yaml").read_text() == "mine"


def test_the_newest_factor_set_is_pinned_from_the_beginning(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["init"]) == 0
    written = (tmp_path / "greengate.yaml").read_text(encoding="utf-8")
    assert f"factors: {factors.shipped()[-1]}\n" in written
    said = written.replace("    # deployment:", "    deployment:")
    (tmp_path / "greengate.yaml").write_text(said, encoding="utf-8")
    project = load_project(WorkingTree(tmp_path))
    assert deployments.problems(tmp_path, project, "2026-11-21") == []
