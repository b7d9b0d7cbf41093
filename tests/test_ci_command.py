"""A first workflow is written into a repository: valid, least in its permissions, and never over another one."""

import pytest
import yaml
from repositories_made import run_git as git

from greengate import __version__
from greengate.cli import run

PINNED = "acme/greengate@" + "a" * 40


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a project at its top, and one in a folder with a name that YAML and shells do not like."""
    git(tmp_path, "init")
    for folder in (tmp_path, tmp_path / "nlp: $(x)"):
        folder.mkdir(exist_ok=True)
        (folder / "greengate.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def workflow(folder):
    return yaml.safe_load((folder / ".github" / "workflows" / "greengate.yml").read_text())


def job(folder):
    return workflow(folder)["jobs"]["greengate"]


def test_a_workflow_of_single_steps_installs_this_version(repository, capsys):
    assert run(["ci", "github"]) == 0
    steps = {step.get("name"): step for step in job(repository)["steps"]}
    assert steps["Install greengate"]["env"] == {"VERSION": __version__}
    assert workflow(repository)["env"]["PROJECT"] == "greengate.yaml"
    assert capsys.readouterr().out.startswith("wrote .github/workflows/greengate.yml\n")


def test_what_runs_models_has_no_token(repository):
    assert run(["ci", "github"]) == 0
    given = [step["name"] for step in job(repository)["steps"] if "GITHUB_TOKEN" in step.get("env", {})]
    assert given == ["Ask for reviews", "Tell the pull request"]
    assert "GITHUB_TOKEN" not in {*workflow(repository)["env"], *job(repository).get("env", {})}


def test_it_asks_for_the_least_permissions(repository):
    assert run(["ci", "github"]) == 0
    assert workflow(repository)["permissions"] == {}
    assert job(repository)["permissions"] == {"contents": "read", "pull-requests": "write", "checks": "write"}


def test_a_workflow_with_an_action_names_a_whole_commit(repository, capsys):
    assert run(["ci", "github", "--action", PINNED]) == 0
    assert job(repository)["steps"][-1] == {"uses": PINNED, "with": {"project": "greengate.yaml"}}
    for moving in ("acme/greengate@v1", "acme/greengate", "acme/greengate@" + "a" * 7, f"{PINNED}\nx: y"):
        assert run(["ci", "github", "--action", moving]) == 2
        assert "is not pinned" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["github"], ["github", "--action", PINNED], ["gitlab"]], ids=str)
def test_a_project_is_named_from_the_top_of_the_repository(repository, monkeypatch, words):
    monkeypatch.chdir(repository / "nlp: $(x)")
    assert run(["ci", *words]) == 0
    (file,) = [path for path in repository.rglob("greengate.yml") if path.is_file()]
    assert '"nlp: $(x)/greengate.yaml"' in file.read_text()
    assert list(yaml.safe_load_all(file.read_text()))


def test_gitlab_gets_an_include_and_a_file_that_names_it(repository, capsys):
    assert run(["ci", "gitlab"]) == 0
    assert yaml.safe_load((repository / ".gitlab-ci.yml").read_text()) == {
        "include": [{"local": ".gitlab/greengate.yml"}]
    }
    assert "greengate" in yaml.safe_load((repository / ".gitlab" / "greengate.yml").read_text())
    assert "wrote .gitlab-ci.yml" in capsys.readouterr().out


def test_a_pipeline_that_is_there_is_left_alone(repository, capsys):
    (repository / ".gitlab-ci.yml").write_text("stages: [test]\n")
    assert run(["ci", "gitlab"]) == 0
    assert (repository / ".gitlab-ci.yml").read_text() == "stages: [test]\n"
    assert "add to .gitlab-ci.yml:\n\ninclude:\n  - local: .gitlab/greengate.yml\n" in capsys.readouterr().out


@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_what_is_there_is_never_written_over(repository, capsys, forge):
    assert run(["ci", forge]) == 0
    files = {path: path.read_bytes() for path in repository.rglob("*.yml")}
    assert run(["ci", forge]) == 2
    assert "there is such a file already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in repository.rglob("*.yml")} == files


def test_without_a_project_or_a_repository_there_is_nothing_to_judge(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["ci", "github"]) == 2
    assert "there is no such project file" in capsys.readouterr().err
    (tmp_path / "greengate.yaml").write_text("")
    assert run(["ci", "github"]) == 2
    assert "no git repository here" in capsys.readouterr().err
