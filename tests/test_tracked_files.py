"""Whether a change can bring a file along, wherever one stands and whatever leads there."""

from pathlib import Path

import pytest
from repositories_made import run_git as git

from greengate.git import is_tracked


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a file in a folder, and this process above it."""
    (tmp_path / "nlp").mkdir()
    for name in ("kept.db", "k*.db"):
        (tmp_path / "nlp" / name).write_text("x")
    for words in (("init",), ("add", "nlp/kept.db"), ("commit", "-m", "first")):
        git(tmp_path, *words)
    (tmp_path / "link.db").symlink_to("nlp/kept.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "tracked"),
    [("nlp/kept.db", True), ("link.db", True), ("nlp/k*.db", False), ("nlp/other.db", False)],
    ids=["by its path from here", "by a link", "a name like a pattern", "another"],
)
@pytest.mark.parametrize("folder", ["", "nlp"], ids=["from the top", "from the folder"])
def test_a_file_is_known_to_be_tracked(repository, folder, file, tracked):
    assert is_tracked(Path(folder), Path(file)) is tracked
    assert is_tracked(repository / folder, repository / file) is tracked
