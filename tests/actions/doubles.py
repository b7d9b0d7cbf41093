"""Doubles of the pinned actions of others; what is not pinned here, or is given an input that it has not, is refused.

What they know is of their own action.yml at these commits.
"""

import re
import shutil
from pathlib import Path

from repositories_made import run_git

PINS = {
    "actions/checkout": "08c6903cd8c0fde910a37f88322edcfb5dd907a8",
    "actions/setup-python": "e797f83bcb11b83ae66e0230d6156d7c80228e7c",
    "actions/cache": "0057852bfaa89a56745cba8c7296529d2fc39830",
    "actions/upload-artifact": "ea165f8d65b6e75b540449e92b4886f43607fa02",
    "actions/download-artifact": "d3f86a106a0bac45b974a628896c90dbdf5c8093",
}
INPUTS = {
    "actions/checkout": {"ref", "fetch-depth", "lfs", "persist-credentials", "path", "repository", "token"},
    "actions/setup-python": {"python-version", "update-environment", "cache"},
    "actions/cache": {"path", "key", "restore-keys"},
    "actions/upload-artifact": {"name", "path", "if-no-files-found", "overwrite", "retention-days"},
    "actions/download-artifact": {"name", "pattern", "path", "merge-multiple", "run-id", "github-token"},
}


def used(name, pin, given, runner):
    """Do what the action does: its outcome, its outputs and its words."""
    assert PINS.get(name) == pin, f"{name}@{pin} is not a pinned action with a double"
    assert set(given) <= INPUTS[name], f"{name} has no inputs {set(given) - INPUTS[name]}"
    return _DOUBLES[name](given, runner)


def _cache(given, runner):
    assert given["path"]
    assert given["key"]
    return "success", {"cache-hit": ""}, f"Cache not found for input keys: {given['key']}\n"


def _setup_python(given, runner):
    return "success", {"python-path": str(runner.scripts / "set-up" / "python3")}, ""


def _upload(given, runner):
    name, source = given["name"], Path(given["path"])
    assert not re.search(r'["<>|*?:\r\n\\/]', name), "The artifact name is not valid"
    files = [file for file in source.rglob("*") if file.is_file() and not file.name.startswith(".")]
    if not files:
        return ("success" if given.get("if-no-files-found") in ("warn", "ignore", None) else "failure"), {}, ""
    target = runner.store / name
    if target.exists() and given.get("overwrite") != "true":
        return "failure", {}, "Failed to CreateArtifact: (409) Conflict\n"
    shutil.rmtree(target, ignore_errors=True)
    for file in files:
        (target / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target / file.relative_to(source))
    return "success", {"artifact-id": "1"}, ""


def _download(given, runner):
    place = Path(given["path"])
    if given.get("name"):
        if not (runner.store / given["name"]).is_dir():
            return "failure", {}, f"Artifact not found for name: {given['name']}\n"
        shutil.copytree(runner.store / given["name"], place, dirs_exist_ok=True)
        return "success", {}, ""
    for artifact in runner.store.glob(given.get("pattern", "*")):
        shutil.copytree(artifact, place if given.get("merge-multiple") == "true" else place / artifact.name)
    place.mkdir(parents=True, exist_ok=True)
    return "success", {}, ""


def _checkout(given, runner):
    """Lay the commit of the event, or another one, into the workspace, with as much history as is asked for."""
    origin, folder = runner.event.origin, runner.workspace / given.get("path", "")
    wanted = given.get("ref") or runner.event.environment["GITHUB_SHA"]
    folder.mkdir(parents=True, exist_ok=True)
    run_git(folder, "init", "--quiet")
    run_git(folder, "remote", "add", "origin", str(origin))
    if given.get("fetch-depth", "1") == "0":
        run_git(folder, "fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        run_git(folder, "fetch", "--quiet", "origin", wanted)
    else:
        run_git(folder, "fetch", "--quiet", f"--depth={given.get('fetch-depth', '1')}", f"file://{origin}", wanted)
    run_git(folder, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    if given.get("lfs") == "true":
        _smudge(folder, runner.event.origin / "lfs")
    return "success", {}, ""


def _smudge(folder, stored):
    """Put what Git LFS keeps into the place of its pointers."""
    for file in folder.rglob("*"):
        if file.is_file() and file.read_bytes().startswith(b"version https://git-lfs.github.com/spec/v1"):
            oid = re.search(rb"sha256:([0-9a-f]{64})", file.read_bytes())[1].decode()
            shutil.copy(stored / oid, file)


_DOUBLES = {
    "actions/checkout": _checkout,
    "actions/setup-python": _setup_python,
    "actions/cache": _cache,
    "actions/upload-artifact": _upload,
    "actions/download-artifact": _download,
}
