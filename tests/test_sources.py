"""A model's file is found wherever the project says it is, or the reason is told."""

import ctypes
import hashlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from repositories_made import run_git

from greengate.errors import HistoryError, ModelError, Place, ProjectError
from greengate.models import builds
from greengate.models.sources import PassedModel, Site, digest, resolve

WHERE = Place("greengate.yaml", 4, 11, "models[0].path")
POINTER = "`models/m.onnx` in the working tree is a Git LFS pointer"


@dataclass(frozen=True)
class Recipe:
    command: tuple[str, ...]
    output: str = "models/m.onnx"


def commit_all(root):
    run_git(root, "add", "--all")
    run_git(root, "commit", "--quiet", "--message", "a change")
    return run_git(root, "rev-parse", "HEAD")


def model_bytes(bias=1.0):
    weight = numpy_helper.from_array(np.full((2,), bias, np.float32), "w")
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", ports[:1], ports[1:], [weight])
    return helper.make_model(graph).SerializeToString()


def save_external(path, location="w.bin"):
    model = onnx.load_from_string(model_bytes())
    (path.parent / location).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path, save_as_external_data=True, location=location, size_threshold=0)


def lfs_pointer(content):
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()


def put_into_lfs_store(root, content):
    oid = hashlib.sha256(content).hexdigest()
    file = root / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "repository"
    (root / "models").mkdir(parents=True)
    run_git(tmp_path, "init", "--quiet", str(root))
    (root / "models" / "m.onnx").write_bytes(model_bytes())
    commit_all(root)
    return root


@pytest.fixture
def site(root, tmp_path):
    return Site(root=root, cache=tmp_path / "cache")


def refusal(error, source, site, **more):
    with pytest.raises(error) as caught:
        resolve(source, site, where=WHERE, **more)
    assert caught.value.where == WHERE
    return caught.value.problem, caught.value.hint


def test_a_path_is_the_file_itself(site, root):
    assert resolve("models/m.onnx", site) == root / "models" / "m.onnx"


def test_a_link_is_followed_so_that_its_data_is_beside_it(site, root):
    (root / "latest.onnx").symlink_to("models/m.onnx")
    assert resolve("latest.onnx", site) == root / "models" / "m.onnx"


def test_a_missing_path_is_told_with_the_nearest_file(site):
    assert refusal(ModelError, "model/m.onnx", site) == (
        "the model file `model/m.onnx` does not exist",
        "did you mean `models/m.onnx`?",
    )


def test_a_folder_is_no_model(site):
    assert refusal(ModelError, "models", site)[0] == "the model file `models` is a folder"


def test_a_ref_gives_the_file_as_it_was(site, root):
    (root / "models" / "m.onnx").write_bytes(model_bytes(2.0))
    file = resolve("git:HEAD:models/m.onnx", site)
    assert file.read_bytes() == model_bytes()
    assert file.name == "m.onnx"
    assert [entry.name for entry in file.parent.iterdir()] == ["m.onnx"]
    assert site.cache in file.parents


def test_the_same_file_has_the_same_folder_and_a_damaged_copy_is_mended(site):
    first = resolve("git:HEAD:models/m.onnx", site)
    first.write_bytes(b"damaged")
    second = resolve("git:HEAD:models/m.onnx", site)
    assert first == second
    assert second.read_bytes() == model_bytes()
    assert [entry.name for entry in site.cache.iterdir()] == [second.parent.name]


@pytest.mark.parametrize("planted", ["file", "folder"])
def test_a_link_planted_in_the_cache_is_not_believed(site, root, planted):
    file = resolve("git:HEAD:models/m.onnx", site)
    if planted == "file":
        file.unlink()
        file.symlink_to(root / "models" / "m.onnx")
    else:
        file.unlink()
        file.parent.rmdir()
        file.parent.symlink_to(root / "models")
    file = resolve("git:HEAD:models/m.onnx", site)
    assert (file.is_symlink(), file.parent.is_symlink()) == (False, False)
    assert (root / "models" / "m.onnx").exists()


def test_external_data_comes_along(site, root):
    save_external(root / "models" / "e.onnx", "parts/w.bin")
    commit_all(root)
    data = (root / "models" / "parts" / "w.bin").read_bytes()
    (root / "models" / "parts" / "w.bin").unlink()
    file = resolve("git:HEAD:models/e.onnx", site)
    assert (file.parent / "parts" / "w.bin").read_bytes() == data


def test_external_data_that_was_not_committed_is_told(site, root):
    save_external(root / "models" / "e.onnx")
    (root / ".gitignore").write_text("*.bin\n")
    commit = commit_all(root)
    assert refusal(ModelError, "git:HEAD:models/e.onnx", site) == (
        f"the model names external data `models/w.bin`, which is not in HEAD ({commit[:10]})",
        "commit it beside the model",
    )


def test_external_data_outside_the_folder_is_refused(site, root):
    save_external(root / "models" / "e.onnx")
    text = (root / "models" / "e.onnx").read_bytes().replace(b"w.bin", b"../.x")
    (root / "models" / "e.onnx").write_bytes(text)
    commit_all(root)
    problem, _ = refusal(ModelError, "git:HEAD:models/e.onnx", site)
    assert problem.startswith("`e.onnx`: ")
    assert "../.x" in problem


def test_bytes_that_are_no_model_are_left_to_who_loads_them(site, root):
    (root / "models" / "m.onnx").write_bytes(b"\xff\xff not a model")
    commit_all(root)
    assert resolve("git:HEAD:models/m.onnx", site).read_bytes() == b"\xff\xff not a model"


@pytest.mark.parametrize(
    ("source", "error", "problem", "hint"),
    [
        (
            "git:HEAD:models/n.onnx",
            ModelError,
            "there is no file `models/n.onnx` in HEAD ({id})",
            "did you mean `models/m.onnx`?",
        ),
        (
            "git:HEAD:zzz.pt2",
            ModelError,
            "there is no file `zzz.pt2` in HEAD ({id})",
            "a new model has no baseline yet",
        ),
        (
            "git:mian:models/m.onnx",
            ProjectError,
            "`git:mian:models/m.onnx`: git knows no commit `mian` in this clone",
            "`git branch --all` and `git tag` list what there is",
        ),
        (
            "git:HEAD:../m.onnx",
            ProjectError,
            "`git:HEAD:../m.onnx`: the path `../m.onnx` leaves the project by `..`",
            "write a path relative to the project's folder",
        ),
    ],
    ids=["no such file", "no such kind of file", "no such ref", "outside"],
)
def test_what_is_not_in_git_is_told(site, root, source, error, problem, hint):
    commit = run_git(root, "rev-parse", "HEAD")
    assert refusal(error, source, site) == (problem.format(id=commit[:10]), hint)


@pytest.mark.parametrize("source", ["models/m.onnx", "git:HEAD:models/m.onnx"])
def test_an_lfs_pointer_is_replaced_by_what_the_clone_stores(site, root, source):
    (root / "models" / "m.onnx").write_bytes(lfs_pointer(model_bytes()))
    commit_all(root)
    put_into_lfs_store(root, model_bytes())
    assert resolve(source, site).read_bytes() == model_bytes()


def test_an_lfs_pointer_without_content_is_explained(site, root):
    (root / "models" / "m.onnx").write_bytes(lfs_pointer(b"x" * 2048))
    assert refusal(ModelError, "models/m.onnx", site) == (
        f"{POINTER}; the file of 2 KiB that it stands for is not in this clone",
        "run `git lfs pull` first (actions/checkout: `lfs: true`)",
    )


def test_an_lfs_pointer_of_another_commit_names_that_commit(site, root):
    (root / "models" / "m.onnx").write_bytes(lfs_pointer(b"x" * 2048))
    commit = commit_all(root)
    assert refusal(ModelError, "git:HEAD:models/m.onnx", site)[1] == (
        f"run `git lfs fetch origin {commit}` first (actions/checkout: `lfs: true` brings only the checked-out commit)"
    )


def test_external_data_kept_in_lfs_comes_from_the_store(site, root):
    save_external(root / "models" / "e.onnx")
    data = (root / "models" / "w.bin").read_bytes()
    (root / "models" / "w.bin").write_bytes(lfs_pointer(data))
    commit_all(root)
    put_into_lfs_store(root, data)
    assert (resolve("git:HEAD:models/e.onnx", site).parent / "w.bin").read_bytes() == data


def test_a_damaged_lfs_object_is_not_believed(site, root):
    (root / "models" / "m.onnx").write_bytes(lfs_pointer(model_bytes()))
    put_into_lfs_store(root, model_bytes()).write_bytes(b"damaged")
    assert "is not in this clone" in refusal(ModelError, "models/m.onnx", site)[0]


def test_a_damaged_lfs_pointer_is_still_seen_as_one(site, root):
    (root / "models" / "m.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n")
    assert refusal(ModelError, "models/m.onnx", site)[0] == (
        f"{POINTER}; the file that it stands for is not in this clone"
    )


def test_a_cache_that_cannot_be_written_is_told(site, root):
    site.cache.write_text("a file, not a folder")
    with pytest.raises(ModelError, match="the cache cannot be written: File exists"):
        resolve("git:HEAD:models/m.onnx", site)


def test_a_build_writes_the_model(site, root):
    code = "import pathlib; pathlib.Path('models/built.onnx').write_bytes(b'built')"
    file = resolve(Recipe((sys.executable, "-c", code), "models/built.onnx"), site)
    assert file.read_bytes() == b"built"


COLOURED = "import sys; print('start', flush=True); sys.exit('no \\x1b[31mdata\\x1b[0m')"
LONG = "for i in range(99): print(i)\nraise SystemExit(3)"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (COLOURED, "ended with exit code 1\n  | start\n  | no data"),
        ("raise SystemExit(3)", "ended with exit code 3, without a word"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL, without a word"),
        ("print('::error::x'); raise SystemExit(3)", "ended with exit code 3\n  | ::error::x"),
        (LONG, "ended with exit code 3" + "".join(f"\n  | {i}" for i in range(89, 99))),
    ],
    ids=["words", "silent", "killed", "a command for the log", "many words"],
)
def test_a_failed_build_is_told_with_its_last_words(site, root, code, problem):
    found, hint = refusal(ModelError, Recipe((sys.executable, "-I", "-c", code)), site)
    assert found.partition("` ")[2] == problem
    assert hint == f"run it yourself in {root}"


def test_a_build_is_stopped_when_its_time_is_up(root, tmp_path):
    site = Site(root, tmp_path / "cache", build_wall_s=0.2)
    problem, _ = refusal(ModelError, Recipe(("sleep", "60")), site)
    assert problem == "`sleep 60` was stopped after 0.2 s, without a word"


def test_what_a_build_leaves_running_is_ended(site, root):
    script = "sleep 60 & echo $! > pid; echo x > models/m.onnx"
    resolve(Recipe(("sh", "-c", script)), site)
    status = Path("/proc", (root / "pid").read_text().strip(), "status")
    for _ in range(100):
        if not status.exists() or "(zombie)" in status.read_text():
            return
        time.sleep(0.02)
    pytest.fail("it is still running")


@pytest.mark.parametrize(
    ("recipe", "problem"),
    [
        (Recipe(("no-such-program",)), "`no-such-program` cannot be started: No such file or directory"),
        (Recipe(("true",), "models/n.onnx"), "the build ended well, but `models/n.onnx` is not there"),
    ],
    ids=["no program", "no output"],
)
def test_a_build_that_cannot_work_is_a_mistake_of_the_project_file(site, recipe, problem):
    assert refusal(ProjectError, recipe, site)[0] == problem


def test_a_build_sees_only_the_environment_it_is_given(root, tmp_path):
    site = Site(root, tmp_path / "cache", build_environment={"PATH": "/usr/bin:/bin"})
    resolve(Recipe(("sh", "-c", "env > models/env.txt"), "models/env.txt"), site)
    names = {line.partition("=")[0] for line in (root / "models" / "env.txt").read_text().splitlines()}
    assert names <= {"PATH", "PWD", "SHLVL", "_", "OLDPWD"}


def passed(root, **changes):
    known = {"entry": "E7", "commit": run_git(root, "rev-parse", "HEAD"), "path": "models/m.onnx"}
    return PassedModel(**{**known, "sha256": hashlib.sha256(model_bytes()).hexdigest(), **changes})


def test_the_last_pass_is_the_working_tree_where_it_has_not_changed(root, tmp_path):
    site = Site(root, tmp_path / "cache", {"nlp/m": passed(root)}.get)
    assert resolve("last-pass", site, model="nlp/m") == root / "models" / "m.onnx"


def test_the_last_pass_is_found_in_its_commit(root, tmp_path):
    site = Site(root, tmp_path / "cache", {"nlp/m": passed(root)}.get)
    (root / "models" / "m.onnx").write_bytes(model_bytes(2.0))
    assert resolve("last-pass", site, model="nlp/m").read_bytes() == model_bytes()


def test_a_last_pass_that_is_lost_says_what_was_looked_for_and_where(root, tmp_path):
    last = passed(root, sha256="0" * 64, commit="f" * 40)
    problem, hint = refusal(ModelError, "last-pass", Site(root, tmp_path / "cache", {"m": last}.get), model="m")
    assert problem == (
        f"the model of `m` that passed in entry E7 (SHA-256 {'0' * 64}) is nowhere to be found\n"
        f"  - models/m.onnx: has {hashlib.sha256(model_bytes()).hexdigest()[:12]}…\n"
        f"  - git:{'f' * 40}:models/m.onnx: `git:{'f' * 40}:models/m.onnx`: "
        f"git knows no commit `{'f' * 40}` in this clone"
    )
    assert hint == "fetch the commit it was judged at, or name a baseline by path or `git:REF`"


@pytest.mark.parametrize("history", [None, {}.get], ids=["no history", "nothing passed"])
def test_without_a_pass_there_is_no_last_pass(root, tmp_path, history):
    assert refusal(HistoryError, "last-pass", Site(root, tmp_path / "cache", history), model="m") == (
        "the history holds no passed entry of `m` to compare with",
        "name a baseline by path or `git:REF` until one has passed",
    )


def test_a_digest_covers_external_data(root):
    save_external(root / "models" / "e.onnx")
    before = digest(root / "models" / "e.onnx")
    (root / "models" / "w.bin").write_bytes(b"12345678")
    assert digest(root / "models" / "e.onnx") != before


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_build_cannot_read_the_environment_of_who_runs_it(site, root):
    script = "import os; open(f'/proc/{os.getppid()}/environ').read()"
    problem, _ = refusal(ModelError, Recipe((sys.executable, "-c", script)), site)
    assert "Permission denied" in problem


def test_who_runs_a_build_is_closed_to_others_only_meanwhile(site, root):
    libc, told = ctypes.CDLL(None), []
    with builds._closed_to_others():
        told.append(libc.prctl(3, 0, 0, 0, 0))
    assert (told, libc.prctl(3, 0, 0, 0, 0)) == ([0], 1)
