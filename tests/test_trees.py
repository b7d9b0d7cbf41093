"""The working tree and git's commits read as the same kind of thing."""

import os
from pathlib import Path

import pytest
from repositories_made import run_git

from greengate import git
from greengate.errors import ProjectError, UsageError
from greengate.ports import Tree
from greengate.trees import GitTree, WorkingTree, matches

LIST = "`git branch --all` and `git tag` list what there is"


def commit_all(folder, message="a change"):
    run_git(folder, "add", "--all")
    run_git(folder, "commit", "--quiet", "--message", message)
    return run_git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "repository"
    (root / "policies" / "deep").mkdir(parents=True)
    run_git(tmp_path, "init", "--quiet", str(root))
    (root / "policies" / "a.yaml").write_bytes(b"old")
    (root / "policies" / "deep" / "b.yaml").write_bytes(b"b\r\n\x00")
    (root / "policies" / ".hidden.yaml").write_bytes(b"h")
    (root / "top.yaml").symlink_to("policies/a.yaml")
    commit_all(root)
    (root / "policies" / "a.yaml").write_bytes(b"new")
    return root


@pytest.fixture(params=["working tree", "commit"])
def tree(request, repository):
    return WorkingTree(repository) if request.param == "working tree" else GitTree(repository, "HEAD")


def test_both_are_trees(tree):
    assert isinstance(tree, Tree)


def test_bytes_come_as_they_are(tree):
    assert tree.read("policies/deep/b.yaml") == b"b\r\n\x00"


@pytest.mark.parametrize("path", ["nothing.yaml", "policies", "policies/a.yaml/under", "nothing/at/all"])
def test_what_is_no_file_is_none(tree, path):
    assert tree.read(path) is None


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("../secret", "the path `../secret` leaves the project by `..`"),
        ("policies/../../x", "the path `policies/../../x` leaves the project by `..`"),
        ("/etc/passwd", "the path `/etc/passwd` is absolute"),
        ("~/x", "the path `~/x` is absolute"),
        ("", "the path `` is empty"),
        ("a\nb", "the path `a\nb` holds a character that cannot be printed"),
        ("a\\b", "the path `a\\b` is written with backslashes"),
    ],
)
def test_a_path_that_leaves_the_root_is_refused(tree, path, problem):
    with pytest.raises(ProjectError) as refusal:
        tree.read(path)
    assert refusal.value.problem == problem


def test_a_link_inside_the_root_is_followed(tree):
    assert tree.read("top.yaml") in {b"old", b"new"}


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("../outside", "is a symbolic link that leaves the project"),
        ("/etc/hostname", "is a symbolic link that leaves the project"),
        ("link", "cannot be read: a loop of symbolic links"),
    ],
)
def test_a_link_that_leaves_the_working_tree_is_refused(repository, target, problem):
    (repository.parent / "outside").write_bytes(b"secret")
    (repository / "link").symlink_to(target)
    with pytest.raises(ProjectError) as refusal:
        WorkingTree(repository).read("link")
    assert (refusal.value.where.file, refusal.value.problem) == ("link", problem)


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("../outside", "in HEAD ({id}), the path leads out of the repository"),
        ("link", "in HEAD ({id}), the path leads back to itself"),
    ],
)
def test_a_link_that_leaves_a_commit_is_refused(repository, target, problem):
    (repository / "link").symlink_to(target)
    commit = commit_all(repository)
    with pytest.raises(ProjectError) as refusal:
        GitTree(repository, "HEAD").read("link")
    assert refusal.value.problem == problem.format(id=commit[:10])


def test_a_pipe_is_refused_rather_than_waited_for(repository):
    os.mkfifo(repository / "pipe")
    with pytest.raises(ProjectError, match="is no regular file"):
        WorkingTree(repository).read("pipe")


def test_a_commit_keeps_what_the_working_tree_has_changed(repository):
    assert GitTree(repository, "HEAD").read("policies/a.yaml") == b"old"
    assert WorkingTree(repository).read("policies/a.yaml") == b"new"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("policies/*.yaml", ["policies/a.yaml"]),
        ("policies/a.yaml", ["policies/a.yaml"]),
        ("policies/**/*.yaml", ["policies/a.yaml", "policies/deep/b.yaml"]),
        ("**/b.yaml", ["policies/deep/b.yaml"]),
        ("policies/**", ["policies/a.yaml", "policies/deep/b.yaml"]),
        ("policies/.h*", ["policies/.hidden.yaml"]),
        ("*.yaml", ["top.yaml"]),
        ("nothing/*", []),
    ],
)
def test_patterns_find_the_same_in_both(tree, pattern, found):
    assert tree.glob(pattern) == found


@pytest.mark.parametrize(
    ("pattern", "path", "meant"),
    [
        ("a/*", "a/b/c", False),
        ("a/?.y", "a/b.y", True),
        ("a/[bc].y", "a/d.y", False),
        ("**/*.y", "x.y", True),
        ("A.y", "a.y", False),
    ],
)
def test_a_star_stays_inside_one_name(pattern, path, meant):
    assert matches(pattern, path) is meant


def test_a_project_in_a_subfolder_sees_only_that_folder(repository):
    tree = GitTree(repository / "policies", "HEAD")
    assert tree.read("a.yaml") == b"old"
    assert tree.glob("**/*.yaml") == ["a.yaml", "deep/b.yaml"]
    assert tree.read("top.yaml") is None


def test_names_with_spaces_and_accents_are_found(repository):
    (repository / "à la carte.yaml").write_bytes(b"x")
    commit_all(repository)
    tree = GitTree(repository, "HEAD")
    assert tree.glob("à*.yaml") == ["à la carte.yaml"]
    assert tree.read("à la carte.yaml") == b"x"


def test_a_tree_says_which_commit_it_is(repository):
    commit = git.commit(repository)
    assert GitTree(repository, "main").name == f"main ({commit[:10]})"
    assert GitTree(repository, commit).name == commit[:10]


@pytest.mark.parametrize(
    ("ref", "problem", "hint"),
    [
        ("--output=x", "`--output=x` is no git ref", "write a branch, a tag or a commit, such as `origin/main`"),
        ("", "`` is no git ref", "write a branch, a tag or a commit, such as `origin/main`"),
        ("mian", "git knows no commit `mian` in this clone", LIST),
        ("HEAD:policies", "git knows no commit `HEAD:policies` in this clone", LIST),
    ],
    ids=["an option", "nothing", "unknown", "a folder"],
)
def test_an_unknown_ref_is_told_with_what_helps(repository, ref, problem, hint):
    with pytest.raises(UsageError) as refusal:
        GitTree(repository, ref, UsageError)
    assert (refusal.value.problem, refusal.value.hint) == (problem, hint)


def test_a_branch_of_a_remote_that_was_not_fetched_is_told(repository):
    run_git(repository, "remote", "add", "origin", "https://example.invalid/x.git")
    with pytest.raises(ProjectError) as refusal:
        git.commit(repository, "origin/main")
    assert refusal.value.hint == "`git fetch origin main` brings it here (actions/checkout: `fetch-depth: 0`)"


@pytest.fixture
def shallow(repository, tmp_path):
    commit_all(repository)
    run_git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), "shallow")
    return tmp_path / "shallow"


def test_a_shallow_clone_is_named_as_the_cause(shallow):
    with pytest.raises(ProjectError) as refusal:
        git.commit(shallow, "HEAD~1")
    assert refusal.value.hint == (
        "this clone is shallow; fetch the whole history: `git fetch --unshallow` (actions/checkout: `fetch-depth: 0`)"
    )


def test_a_folder_without_repository_is_told(tmp_path):
    assert not git.is_repository(tmp_path)
    with pytest.raises(ProjectError, match="no git repository here: not a git repository"):
        GitTree(tmp_path, "HEAD")


def test_a_repository_without_commit_is_told(tmp_path):
    run_git(tmp_path, "init", "--quiet")
    with pytest.raises(ProjectError, match="the git repository has no commit yet"):
        git.commit(tmp_path)


def test_a_folder_that_is_missing_is_told(tmp_path):
    with pytest.raises(ProjectError, match="there is no such folder"):
        git.commit(tmp_path / "gone")


def test_the_merge_base_is_where_the_branches_parted(repository):
    base = commit_all(repository)
    run_git(repository, "switch", "--quiet", "--create", "feature")
    (repository / "f").write_bytes(b"f")
    commit_all(repository)
    run_git(repository, "switch", "--quiet", "main")
    (repository / "m").write_bytes(b"m")
    commit_all(repository)
    run_git(repository, "switch", "--quiet", "feature")
    assert git.merge_base(repository, "main") == base
    assert git.is_ancestor(repository, base, "main")
    assert not git.is_ancestor(repository, "feature", "main")
    assert not git.is_ancestor(repository, "", "main")


def test_histories_without_a_common_commit_are_told(repository):
    run_git(repository, "switch", "--quiet", "--force", "--orphan", "other")
    (repository / "o").write_bytes(b"o")
    commit_all(repository)
    with pytest.raises(ProjectError, match="HEAD and `main` have no common commit in this clone"):
        git.merge_base(repository, "main")


def test_variables_that_git_sets_for_its_hooks_do_not_lead_elsewhere(repository, tmp_path, monkeypatch):
    run_git(tmp_path, "init", "--quiet", "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere" / ".git"))
    assert GitTree(repository, "HEAD").read("policies/a.yaml") == b"old"


def test_replaced_objects_are_not_believed(repository):
    blob = run_git(repository, "rev-parse", "HEAD:policies/a.yaml")
    forged = run_git(repository, "hash-object", "-w", str(repository / "policies" / "a.yaml"))
    run_git(repository, "replace", blob, forged)
    assert GitTree(repository, "HEAD").read("policies/a.yaml") == b"old"


def test_a_program_named_by_the_repository_is_not_started(repository):
    hook = repository / "fsmonitor"
    hook.write_text("#!/bin/sh\ntouch started\n")
    hook.chmod(0o755)
    run_git(repository, "config", "core.fsmonitor", str(hook))
    GitTree(repository, "HEAD").glob("**/*")
    git.ask(repository, "ls-files", "--others")
    assert not Path(repository / "started").exists()
