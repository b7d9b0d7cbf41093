"""Trim GitHub's own API description to what greengate asks: `python tests/node/trim.py` after `make .node/.proxy`.

What comes out, `tests/data/github-*.json`, is a part of npm `@octokit/openapi` (MIT: `tests/data/github-api.LICENSE`):
schemas, parameters and statuses are as they were; words, examples and headers are left out.
"""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / ".node" / "node_modules" / "@octokit" / "openapi"
DATA = ROOT / "tests" / "data"
TRIMMED = {"api.github.com.json": "github-api.json", "ghes-3.19.json": "github-enterprise-api.json"}
REPO = "/repos/{owner}/{repo}"
ASKED = {
    "/app": "get",
    "/app/installations/{installation_id}/access_tokens": "post",
    "/orgs/{org}/teams/{team_slug}": "get",
    "/orgs/{org}/teams/{team_slug}/memberships/{username}": "get",
    f"{REPO}/actions/artifacts/{{artifact_id}}/{{archive_format}}": "get",
    f"{REPO}/actions/runs/{{run_id}}": "get",
    f"{REPO}/actions/runs/{{run_id}}/artifacts": "get",
    f"{REPO}/check-runs": "post",
    f"{REPO}/check-runs/{{check_run_id}}": "get patch",
    f"{REPO}/commits/{{commit_sha}}/pulls": "get",
    f"{REPO}/commits/{{ref}}/check-runs": "get",
    f"{REPO}/compare/{{basehead}}": "get",
    f"{REPO}/contents/{{path}}": "get",
    f"{REPO}/git/blobs/{{file_sha}}": "get",
    f"{REPO}/installation": "get",
    f"{REPO}/issues/comments/{{comment_id}}": "patch delete",
    f"{REPO}/issues/{{issue_number}}/comments": "get post",
    f"{REPO}/pulls": "get",
    f"{REPO}/pulls/{{pull_number}}": "get",
    f"{REPO}/pulls/{{pull_number}}/commits": "get",
    f"{REPO}/pulls/{{pull_number}}/reviews": "get",
    "/user": "get",
}
WORDS = {"description", "summary", "example", "examples", "externalDocs", "tags", "title", "headers", "callbacks"}


def trimmed(whole, package):
    """The part of a description that is asked, with what its references lead to."""
    paths = {
        path: {method: plain(whole["paths"][path][method]) for method in methods.split()}
        for path, methods in ASKED.items()
    }
    kept, open_ = {}, references(paths)
    while open_:
        kind, name = open_.pop()
        if name not in kept.setdefault(kind, {}):
            kept[kind][name] = plain(whole["components"][kind][name])
            open_ |= references(kept[kind][name])
    info = {
        "title": "GitHub REST API, the part that greengate asks",
        "version": f"{whole['info']['version']}, @octokit/openapi {package['version']}",
        "license": whole["info"]["license"],
        "description": "Copyright (c) 2020 Octokit contributors, MIT licence; trimmed by tests/node/trim.py",
    }
    # Of a server of one's own the address is put together of host and path.
    base = whole["servers"][0]["url"].rpartition("}")[2].removeprefix("https://api.github.com")
    servers = [{"url": base or "/"}]
    return {"openapi": whole["openapi"], "info": info, "servers": servers, "paths": paths, "components": kept}


def plain(told, *, named=False):
    """The same without words; `named` says that keys are names of properties, and no words of the description."""
    if isinstance(told, list):
        return [plain(one) for one in told]
    if not isinstance(told, dict):
        return told
    return {
        key: plain(value, named=key in {"properties", "responses", "content", "schemas"} and not named)
        for key, value in told.items()
        if named or not (key in WORDS or key.startswith("x-"))
    }


def references(told):
    """All that a part of a description refers to, as kinds and names."""
    if isinstance(told, list):
        return {one for each in told for one in references(each)}
    if not isinstance(told, dict):
        return set()
    own = {tuple(told["$ref"].split("/")[2:])} if isinstance(told.get("$ref"), str) else set()
    return own | {one for each in told.values() for one in references(each)}


def main():
    """Write the trimmed descriptions."""
    package = json.loads((PACKAGE / "package.json").read_text())
    for name, target in TRIMMED.items():
        told = trimmed(json.loads((PACKAGE / "generated" / name).read_text()), package)
        (DATA / target).write_text(json.dumps(told, separators=(",", ":"), sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
