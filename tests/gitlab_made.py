"""A small GitLab on this machine's loopback: it keeps what it is told, and refuses what GitLab refuses.

The shapes are those of GitLab's documentation:

| endpoint | page |
|---|---|
| `GET /user`, `GET /users` | Users API |
| `merge_requests/:iid`, `…/versions` | Merge requests API |
| `merge_requests/:iid/notes` | Notes API, "Merge requests" |
| `merge_requests/:iid/approvals` | Merge request approvals API |
| `statuses/:sha`, `repository/commits/:sha/statuses`, `…/merge_requests` | Commits API |
| `groups/:id/members/all` | Group and project members API |
| `X-Next-Page`, `Link` | REST API, "Pagination" |
| 401, 403 `insufficient_scope`, 429 | REST API, "Status codes", "Authentication"; Rate limits |
"""

import json
import re
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from forge_made import Clock, Fault, Reply, served

from greengate.forge.gitlab import GitLab
from greengate.forge.patience import Patient
from greengate.settings import ForgeAccess

GUEST, REPORTER, DEVELOPER = 10, 20, 30
TOKEN = "glpat-Very+Secret/Token"
HEAD, OLDER = "a" * 40, "b" * 40
NOTE_MOST = 1_000_000


@dataclass
class Bearer:
    """Whose token it is, what it may be used for, and the user's role in the project."""

    user: dict
    scopes: tuple = ("api",)
    role: int = DEVELOPER


def user(number, name, **more):
    return {"id": number, "username": name, "name": name.title(), "state": "active", "locked": False, **more}


BOT, OLGA, PAUL = user(90, "project_7_bot_1f"), user(1, "olga"), user(2, "paul")


class Lab:
    """The state of a GitLab with one project, `acme/ml/digits`, and its merge request 12."""

    def __init__(self):
        self.path, self.number = "acme/ml/digits", 7
        self.bearers = {TOKEN: Bearer(BOT)}
        self.users = {one["username"]: one for one in (BOT, OLGA, PAUL)}
        self.request = {
            "id": 4500, "iid": 12, "project_id": 7, "title": "Wider", "state": "opened", "sha": HEAD, "author": OLGA,
            "source_project_id": 7, "target_project_id": 7, "source_branch": "wider", "target_branch": "main",
            "merged_at": None, "merge_commit_sha": None,
        }  # fmt: skip
        self.merged = {}  # by commit
        self.notes, self.statuses, self.groups = [], [], {}
        self.versions = {12: [version(1, "2026-11-20T10:00:00.000Z", OLDER), version(2, "2026-11-21T10:00:00.000Z")]}
        self.approvals = {12: []}
        self.commits = {HEAD, OLDER}
        self.faults, self.log, self.asked, self.headers = [], [], [], []
        self.page_most = 100
        self.lock = threading.RLock()
        self.address = ""
        self._last = 1000

    def note(self, body, author=BOT, at="2026-11-21T11:00:00.000Z", *, system=False):
        self._last += 1
        made = {
            "id": self._last, "type": None, "body": body, "author": author, "created_at": at, "updated_at": at,
            "system": system, "noteable_type": "MergeRequest", "noteable_iid": 12, "resolvable": False,
            "internal": False,
        }  # fmt: skip
        self.notes.append(made)
        return made

    def approve(self, who, at=None, iid=12, noted=None):
        self.approvals.setdefault(iid, []).append({"user": who, **({"approved_at": at} if at else {})})
        if noted:
            self.note("approved this merge request", who, noted, system=True)

    def own_notes(self):
        return [note["body"] for note in self.notes if note["author"] is BOT and not note["system"]]

    def fault(self, kind, verb="", path="", *, body=None, times=1, **more):
        """Something goes wrong with the next request that is meant; an error repeats the token, as a proxy might."""
        told = {"message": f"{kind} for {TOKEN}"} if body is None else body
        self.faults.append(Fault(kind, rf"^{verb}.* .*{re.escape(path)}", times=times, body=told, **more))

    def answer(self, verb, target, headers, body):
        """Return what GitLab would say."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix("/api/v4")
        self.asked.append((verb, path, query))
        self.headers.append(dict(headers))
        status, told, more = self.said(verb, path, query, json.loads(body or "{}"), headers)
        return Reply(status, told, {name: str(value) for name, value in more.items()})

    def said(self, verb, path, query, told, headers):
        """Return status, body and headers."""
        bearer = self.bearers.get(headers.get("PRIVATE-TOKEN", ""))
        if bearer is None:
            return 401, {"message": "401 Unauthorized"}, {}
        scopes = ("api", "read_api") if verb == "GET" else ("api",)
        if not set(scopes) & set(bearer.scopes):
            told = "The request requires higher privileges than provided by the access token."
            return 403, {"error": "insufficient_scope", "error_description": told, "scope": " ".join(scopes)}, {}
        for (wanted, pattern), (role, act) in self.routes().items():
            found = re.fullmatch(pattern, path)
            if wanted == verb and found:
                if bearer.role < role:
                    hidden = bearer.role < REPORTER
                    message = "404 Project Not Found" if hidden else "403 Forbidden"
                    return (404 if hidden else 403), {"message": message}, {}
                return self.paged(path, query, *act(bearer, *map(unquote, found.groups()), query=query, told=told))
        return 404, {"error": "404 Not Found"}, {}

    def routes(self):
        project = rf"/projects/(?:{self.number}|{re.escape(self.path.replace('/', '%2F'))})"
        request = rf"{project}/merge_requests/(\d+)"
        commit = rf"{project}/repository/commits/([^/]+)"
        return {
            ("GET", "/user"): (0, lambda bearer, **_: (200, bearer.user)),
            ("GET", "/users"): (0, self.known_users),
            ("GET", request): (REPORTER, self.told_request),
            ("GET", rf"{request}/notes"): (REPORTER, lambda *_, **__: (200, list(self.notes))),
            ("POST", rf"{request}/notes"): (REPORTER, self.new_note),
            ("PUT", rf"{request}/notes/(\d+)"): (REPORTER, self.changed_note),
            ("DELETE", rf"{request}/notes/(\d+)"): (REPORTER, self.removed_note),
            ("GET", rf"{request}/versions"): (REPORTER, lambda _, iid, **__: (200, self.versions[int(iid)][::-1])),
            ("GET", rf"{request}/approvals"): (REPORTER, self.told_approvals),
            ("GET", rf"{commit}/merge_requests"): (REPORTER, self.requests_of),
            ("GET", rf"{commit}/statuses"): (REPORTER, self.statuses_of),
            ("POST", rf"{project}/statuses/([^/]+)"): (DEVELOPER, self.new_status),
            ("GET", "/groups/([^/]+)/members/all"): (0, self.members),
        }

    def paged(self, path, query, status, body):
        if not isinstance(body, list):
            return status, body, {}
        size, page = min(int(query.get("per_page", 20)), self.page_most), int(query.get("page", 1))
        pages = max(1, -(-len(body) // size))
        headers = {"X-Page": page, "X-Per-Page": size, "X-Total": len(body), "X-Total-Pages": pages, "X-Next-Page": ""}
        if page < pages:
            link = urlencode(query | {"page": page + 1, "per_page": size})
            headers |= {"X-Next-Page": page + 1, "Link": f'<{self.external()}/api/v4{path}?{link}>; rel="next"'}
        return status, body[(page - 1) * size : page * size], headers

    def external(self):
        """What this GitLab calls itself; behind a proxy, not what it is asked by."""
        return self.address

    def known_users(self, _, query, **__):
        return 200, [one for one in self.users.values() if one["username"].lower() == query.get("username", "").lower()]

    def told_request(self, _, iid, **__):
        return (200, self.request) if int(iid) == self.request["iid"] else (404, {"message": "404 Not found"})

    def new_note(self, bearer, _, told, **__):
        if not told.get("body"):
            return 400, {"error": "body is missing"}
        if len(told["body"]) > NOTE_MOST:
            return 400, {"message": {"note": ["is too long (maximum is 1000000 characters)"]}}
        return 201, self.note(told["body"], bearer.user)

    def changed_note(self, bearer, _, number, told, **__):
        note = next((note for note in self.notes if note["id"] == int(number)), None)
        if note is None:
            return 404, {"message": "404 Not found"}
        if note["author"] is not bearer.user:
            return 403, {"message": "403 Forbidden"}
        note["body"] = told["body"]
        return 200, note

    def removed_note(self, _, __, number, **___):
        before = len(self.notes)
        self.notes = [note for note in self.notes if note["id"] != int(number)]
        return (204, None) if len(self.notes) < before else (404, {"message": "404 Not found"})

    def told_approvals(self, _, iid, **__):
        approved = self.approvals.get(int(iid), [])
        return 200, {"id": 4500, "iid": int(iid), "approved": bool(approved), "approved_by": approved}

    def requests_of(self, _, commit, query, **__):
        if commit not in self.commits and commit not in self.merged:
            return 404, {"message": "404 Commit Not Found"}
        found = self.merged.get(commit, [])
        return 200, [one for one in found if query.get("state") in (None, one["state"])]

    def statuses_of(self, _, commit, query, **__):
        found = {one["name"]: one for one in self.statuses if one["sha"] == commit}
        return 200, [one for one in found.values() if query.get("name") in (None, one["name"])]

    def new_status(self, _, commit, told, **__):
        if commit not in self.commits:
            return 404, {"message": "404 Commit Not Found"}
        if told.get("state") not in {"pending", "running", "success", "failed", "canceled", "skipped"}:
            return 400, {"error": "state does not have a valid value"}
        if any(len(told.get(name, "")) > 255 for name in ("name", "description", "target_url")):
            return 400, {"message": {"description": ["is too long (maximum is 255 characters)"]}}
        before = [one for one in self.statuses if (one["sha"], one["name"]) == (commit, told["name"])]
        if before and before[-1]["status"] == told["state"]:
            via = {"failed": "drop"}.get(told["state"], told["state"])
            reason = f'(Reason(s): Status cannot transition via "{via}")'
            return 400, {"message": f"Cannot transition status via :{via} from :{told['state']} {reason}"}
        self._last += 1
        made = {
            "id": self._last, "sha": commit, "ref": "wider", "status": told["state"], "name": told["name"],
            "target_url": told.get("target_url"), "description": told.get("description"), "author": BOT,
            "created_at": "2026-11-21T11:00:00.000Z", "started_at": None, "finished_at": None, "allow_failure": False,
            "coverage": None,
        }  # fmt: skip
        self.statuses.append(made)
        return 201, made

    def members(self, _, group, query, **__):
        if group not in self.groups:
            return 404, {"message": "404 Group Not Found"}
        if self.groups[group] is None:
            return 403, {"message": "403 Forbidden"}
        return 200, [one for one in self.groups[group] if query.get("query", "").lower() in one["username"].lower()]


def version(number, at, head=HEAD):
    return {
        "id": number, "head_commit_sha": head, "base_commit_sha": "c" * 40, "start_commit_sha": "c" * 40,
        "created_at": at, "merge_request_id": 4500, "state": "collected", "real_size": "1",
    }  # fmt: skip


def merged(iid, author, at="2026-11-21T12:00:00.000Z", state="merged"):
    return {"id": 4000 + iid, "iid": iid, "state": state, "author": author, "merged_at": at, "target_project_id": 7}


class GitLabStage:
    """The stage for the contract of `Forge`."""

    def __init__(self, lab):
        self.lab, self.token = lab, TOKEN
        lab.request["author"] = lab.users["ada"] = user(5, "ada")
        self.forge = GitLab(
            ForgeAccess(TOKEN, address=lab.address), "acme/ml/digits!12", Patient(Clock().pace(timeout_s=0.3))
        )
        self.minute = 0
        lab.commits.add("c" * 40)  # pushed directly

    @property
    def head(self):
        return self.lab.request["sha"]

    def bodies(self):
        return [note["body"] for note in self.lab.notes if not note["system"]]

    def others_say(self, body):
        self.lab.note(body, OLGA)

    def lose(self, comment):
        self.lab.notes = [note for note in self.lab.notes if note["id"] != comment]

    def push(self):
        head = f"{len(self.lab.commits):040x}"
        self.lab.commits.add(head)
        self.lab.request["sha"] = head
        self.lab.versions[12].append(version(len(self.lab.commits), self.now(), head))

    def approve(self, who):
        known = self.lab.users.setdefault(who, user(100 + len(self.lab.users), who))
        self.lab.approve(known, self.now())

    def withdraw(self, who):
        self.lab.approvals[12] = [one for one in self.lab.approvals[12] if one["user"]["username"] != who]

    def merge(self, *, approved_by=()):
        for who in approved_by:
            self.approve(who)
        self.lab.request |= {"state": "merged", "merged_at": self.now()}
        self.lab.merged["b" * 40] = [self.lab.request]
        return "b" * 40

    def enlist(self, team, who):
        self.lab.groups.setdefault(team, []).append(self.lab.users.setdefault(who, user(200, who)))

    def marks(self):
        """The newest of each name: the others are told apart in GitLab as tried again."""
        newest = {(one["name"], one["sha"]): one["status"] == "success" for one in self.lab.statuses}
        return [(name, commit, green) for (name, commit), green in newest.items()]

    def fail(self, fault):
        self.lab.faults.append(fault)

    def now(self):
        self.minute += 1
        return f"2026-11-21T13:{self.minute:02}:00.000Z"


@contextmanager
def stage():
    """A stage of GitLab."""
    with gitlab() as lab:
        made = GitLabStage(lab)
        with closing(made.forge):
            yield made


@contextmanager
def gitlab():
    """Run a GitLab while a test asks it."""
    with served(Lab()) as lab:
        yield lab
