"""The files for GitLab as GitLab reads them: a header with inputs, and the rest, into which they are pasted as text.

`python tests/gitlab_files.py FOLDER` writes them out, with a value for each input, for whoever checks YAML by a schema.

Source: GitLab documentation, "CI/CD inputs": text of strings is pasted as it is, of everything else as JSON.
"""

import json
import re
import sys
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parent.parent / "actions" / "gitlab"
TEMPLATES = sorted((FOLDER / "templates").glob("*.yml"))
INCLUDE = FOLDER / "greengate.yml"
REQUIRED = {"legs": ["cpu", "gpu"]}


def header(path):
    """The inputs of a component, by name."""
    return yaml.safe_load(_parts(path)[0])["spec"]["inputs"]


def pasted(path, **given):
    """The text of a component's jobs, with its inputs in it."""
    known = {name: told.get("default", REQUIRED.get(name)) for name, told in header(path).items()} | given
    return re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: _text(known[found[1]]), _parts(path)[1])


def jobs(path, **given):
    """The jobs of a file, as GitLab has them once inputs are in."""
    text = path.read_text() if path == INCLUDE else pasted(path, **given)
    return {name: told for name, told in yaml.safe_load(text).items() if name != "variables"}


def script(job):
    (text,) = job["script"]
    return text


def _parts(path):
    head, _, rest = path.read_text().partition("\n---\n")
    return head, rest


def _text(value):
    return value if isinstance(value, str) else json.dumps(value)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in TEMPLATES:
        (folder / f"{path.stem}.header.yml").write_text(_parts(path)[0])
        (folder / path.name).write_text(pasted(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
