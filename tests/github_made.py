"""A small GitHub on this machine's loopback: it keeps what it is told, and refuses what GitHub refuses.

Every request and every answer is held against GitHub's own description; what does not fit is kept in `drifts`, and
the test fails by it when the double is left.
"""

import functools
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from forge_made import Clock, Reply, served
from github_description import Description, Drift

from greengate.forge.github import GitHub
from greengate.forge.github_client import PatientSession
from greengate.settings import ForgeAccess

WORKFLOW, PERSONAL, APP = "ghs_workflowtoken000", "ghp_personaltoken000", "ghs_installation0000"
HEAD = "a" * 40
EVERYTHING = {"metadata": "read", "pull_requests": "write", "checks": "write", "contents": "read"}
ROUTES = []


@functools.cache
def app_key():
    """The private key of the App, as PEM, and its public one."""
    key = rsa.generate_private_key(65537, 2048)
    form, pem = serialization.PrivateFormat.TraditionalOpenSSL, serialization.Encoding.PEM
    return key.private_bytes(pem, form, serialization.NoEncryption()).decode(), key.public_key()


@dataclass
class Who:
    """Whom a token belongs to."""

    login: str
    app: str = ""
    permissions: dict = field(default_factory=lambda: dict(EVERYTHING))


class Refusal(Exception):
    """An answer that is none."""

    def __init__(self, status, message, headers=None, **more):
        self.reply = Reply(status, {"message": message, "documentation_url": "https://docs.github.com/rest", **more})
        self.reply.headers = headers or {}
        super().__init__(message)


@functools.cache
def description(file):
    return Description(file)


def route(method, pattern, **needs):
    """Say what answers; `needs` are permissions by name, of which one is enough."""

    def kept(answering):
        ROUTES.append((method, re.compile(pattern), needs, answering))
        return answering

    return kept


REPO = r"/repos/(?P<owner>[^/]+)/(?P<repo>[^/]+)"


class Hub:
    """One repository with one open pull request, number 12, of `ada`."""

    def __init__(self, file="github-api.json", repository="acme/app"):
        self.repository = repository
        self.description = description(file)
        self.lock, self.address, self.clock = threading.RLock(), "", Clock()
        self.front = ""  # what stands before it and is asked instead
        self.log, self.faults, self.drifts, self.mangles, self.served = [], [], [], [], 100
        self.who = {
            WORKFLOW: Who("github-actions[bot]", "github-actions"),
            PERSONAL: Who("olga", permissions={**EVERYTHING, "members": "read"}),
        }
        self.installed, self.granted = True, {**EVERYTHING, "members": "read", "issues": "write"}
        self.comments, self.runs, self.reviews, self.teams = {}, {}, {}, {}
        self.pulls = {12: {"head": HEAD, "author": "ada", "merged_at": None, "fork": False}}
        self.brought = {}  # by commit, the numbers of the pull requests that it came by
        self.ids = 1000

    @property
    def api(self):
        return self.front or self.address + self.description.base

    def forge(self, token=WORKFLOW, change="", **pace):
        """The adapter under test, asking this."""
        return GitHub(
            ForgeAccess(token, address=self.api),
            change or f"{self.repository}#12",
            PatientSession(self.clock.pace(**pace)),
        )

    def as_app(self, **pace):
        access = ForgeAccess(app_id="77", app_key=app_key()[0], address=self.api)
        return GitHub(access, f"{self.repository}#12", PatientSession(self.clock.pace(**pace)))

    def id(self):
        self.ids += 1
        return self.ids

    def made(self, schema, **given):
        return self.description.made(schema, **given)

    def user(self, login):
        return None if login is None else self.made("simple-user", login=login)

    def answer(self, method, target, headers, body):
        operation = None
        try:
            operation = self.description.asked(method, target, body)
        except Drift as drift:
            self.drifts.append(str(drift))
        try:
            reply = self._answer(method, target, headers, json.loads(body) if body else None)
        except Refusal as refusal:
            # That a token is not known or may not do something can be answered to everything.
            return refusal.reply
        except Exception as error:
            self.drifts.append(f"the double itself: {error!r}")
            raise
        for pattern, mangle in self.mangles:
            if re.search(pattern, f"{method} {target}"):
                reply.told = mangle(reply.told)
        if operation is not None:
            try:
                self.description.answered(operation, reply.status, reply.data.decode())
            except Drift as drift:
                self.drifts.append(str(drift))
        return reply

    def _answer(self, method, target, headers, told):
        path, _, query = target.partition("?")
        path = path.removeprefix(self.description.base)
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        for known, pattern, needs, answering in ROUTES:
            found = pattern.fullmatch(path) if known == method else None
            if found:
                given = {name: unquote(value) for name, value in found.groupdict().items()}
                if "repo" in given and f"{given.pop('owner')}/{given.pop('repo')}" != self.repository:
                    raise Refusal(404, "Not Found")
                who = self._who(headers)
                self._permit(who, needs)
                return answering(self, who, asked, told, **given)
        raise Refusal(404, "Not Found")

    def _who(self, headers):
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind == "Bearer":
            try:
                told = jwt.decode(token, app_key()[1], ["RS256"], options={"require": ["iat", "exp", "iss"]})
            except jwt.PyJWTError:
                raise Refusal(401, "A JSON web token could not be decoded") from None
            if told["iss"] != "77" or told["exp"] - told["iat"] > 600:
                raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
            return Who("", "carbon-gate", {"app": "write"})
        if token not in self.who:
            raise Refusal(401, "Bad credentials")
        return self.who[token]

    def _permit(self, who, needs):
        levels = {"read": ("read", "write"), "write": ("write",)}
        if needs and not any(who.permissions.get(name) in levels[level] for name, level in needs.items()):
            accepted = {"x-accepted-github-permissions": "; ".join(f"{name}={level}" for name, level in needs.items())}
            by = "integration" if who.app else "personal access token"
            raise Refusal(403, f"Resource not accessible by {by}", accepted)

    def page(self, asked, entries, path, key=None):
        """One page of a list, and the link to the next."""
        size, page = min(int(asked.get("per_page", 30)), self.served), int(asked.get("page", 1))
        part = entries[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(entries):
            others = "".join(f"&{name}={value}" for name, value in asked.items() if name != "page")
            headers["Link"] = f'<{self.api}{path}?page={page + 1}{others}>; rel="next"'
        return Reply(200, part if key is None else {"total_count": len(entries), key: part}, headers)

    def comment(self, id_):
        told = self.comments[id_]
        return self.made("issue-comment", id=id_, body=told["body"], user=self.user(told["by"]))

    def pull(self, number, schema):
        told = self.pulls[number]
        home, fork = (self.made("repository", full_name=name) for name in (self.repository, "ada/app"))
        return self.made(
            schema,
            number=number,
            state="closed" if told["merged_at"] else "open",
            merged_at=told["merged_at"],
            user=self.user(told["author"]),
            head={"sha": told["head"], "repo": fork if told["fork"] else home},
            base={"repo": home},
        )

    def commits(self, number):
        """The commits of a pull request, the newest last, each `(author, committer)`; its author's one by default."""
        told = self.pulls[number]
        wrote = told.get("commits", [(told["author"], told["author"])])
        for turn, (author, committer) in enumerate(wrote, 1):
            sha = told["head"] if turn == len(wrote) else f"{turn:040x}"
            yield self.made("commit", sha=sha, author=self.user(author), committer=self.user(committer))

    def run(self, id_):
        told = self.runs[id_]
        output = {**told["output"], "annotations_count": len(told["annotations"])}
        known = {name: told.get(name) for name in ("name", "head_sha", "external_id", "status", "conclusion")}
        page = f"https://github.example/{self.repository}/runs/{id_}"
        app = self.made("integration", slug=told.get("by", "github-actions"), owner=self.user("acme"))
        return self.made(
            "check-run", id=id_, html_url=page, **known, output=output, details_url=told.get("details_url"), app=app
        )

    def judge_run(self, told):
        """What GitHub refuses of a check run beyond its description."""
        if told.get("status") == "completed" and not told.get("conclusion"):
            raise Refusal(422, "Invalid request. No subschema in anyOf matched.")
        if len(told.get("output", {}).get("annotations", ())) > 50:
            raise Refusal(422, "Invalid request. No more than 50 items are allowed; 51 were supplied.")


@route("GET", "/user")
def user(hub, who, asked, told):
    if who.app:
        raise Refusal(403, "Resource not accessible by integration")
    return Reply(200, hub.made("public-user", login=who.login))


@route("GET", "/app", app="write")
def app(hub, who, asked, told):
    return Reply(200, hub.made("integration", slug="carbon-gate", owner=hub.user("acme")))


@route("GET", rf"{REPO}/installation", app="write")
def installation(hub, who, asked, told):
    if not hub.installed:
        raise Refusal(404, "Not Found")
    return Reply(200, hub.made("installation", id=5, permissions=hub.granted, account=hub.user("acme")))


@route("POST", r"/app/installations/(?P<id_>\d+)/access_tokens", app="write")
def access_token(hub, who, asked, told, id_):
    levels = ("read", "write", "admin")
    wanted = told.get("permissions", hub.granted)
    if any(levels.index(hub.granted.get(name, "read")) < levels.index(level) for name, level in wanted.items()):
        raise Refusal(422, "The permissions requested are not granted to this installation.")
    token = APP if APP not in hub.who else f"{APP}{hub.id()}"
    hub.who[token] = Who("carbon-gate[bot]", "carbon-gate", wanted)
    return Reply(201, hub.made("installation-token", token=token, expires_at="2999-01-01T00:00:00Z"))


@route("GET", rf"{REPO}/issues/(?P<number>\d+)/comments", pull_requests="read", issues="read")
def comments(hub, who, asked, told, number):
    return hub.page(
        asked, [hub.comment(id_) for id_ in sorted(hub.comments)], f"/repos/{hub.repository}/issues/{number}/comments"
    )


@route("POST", rf"{REPO}/issues/(?P<number>\d+)/comments", issues="write", pull_requests="write")
def say(hub, who, asked, told, number):
    refuse_long(told["body"])
    id_ = hub.id()
    hub.comments[id_] = {"by": who.login, "body": told["body"]}
    return Reply(201, hub.comment(id_))


@route("PATCH", rf"{REPO}/issues/comments/(?P<id_>\d+)", issues="write", pull_requests="write")
def edit(hub, who, asked, told, id_):
    refuse_long(told["body"])
    if int(id_) not in hub.comments:
        raise Refusal(404, "Not Found")
    hub.comments[int(id_)]["body"] = told["body"]
    return Reply(200, hub.comment(int(id_)))


@route("DELETE", rf"{REPO}/issues/comments/(?P<id_>\d+)", issues="write", pull_requests="write")
def delete(hub, who, asked, told, id_):
    if hub.comments.pop(int(id_), None) is None:
        raise Refusal(404, "Not Found")
    return Reply(204)


def refuse_long(body):
    if len(body) > 65_536:
        errors = [{"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": "Body is too long"}]
        raise Refusal(422, "Validation Failed", errors=errors)


@route("GET", rf"{REPO}/pulls/(?P<number>\d+)", pull_requests="read")
def pull(hub, who, asked, told, number):
    if int(number) not in hub.pulls:
        raise Refusal(404, "Not Found")
    return Reply(200, hub.pull(int(number), "pull-request"))


@route("GET", rf"{REPO}/pulls/(?P<number>\d+)/reviews", pull_requests="read")
def reviews(hub, who, asked, told, number):
    listed = [
        hub.made("pull-request-review", user=hub.user(by), id=id_, state=state, submitted_at=at, commit_id=commit)
        for id_, by, state, at, commit in hub.reviews.get(int(number), ())
    ]
    return hub.page(asked, listed, f"/repos/{hub.repository}/pulls/{number}/reviews")


@route("GET", rf"{REPO}/pulls/(?P<number>\d+)/commits", pull_requests="read")
def commits(hub, who, asked, told, number):
    listed = [*hub.commits(int(number))][:250]
    return hub.page(asked, listed, f"/repos/{hub.repository}/pulls/{number}/commits")


@route("GET", rf"{REPO}/commits/(?P<commit>[^/]+)/pulls", pull_requests="read")
def brought(hub, who, asked, told, commit):
    listed = [hub.pull(number, "pull-request-simple") for number in hub.brought.get(commit, ())]
    return hub.page(asked, listed, f"/repos/{hub.repository}/commits/{commit}/pulls")


@route("GET", r"/orgs/(?P<org>[^/]+)/teams/(?P<slug>[^/]+)", members="read")
def team(hub, who, asked, told, org, slug):
    if f"{org}/{slug}" not in hub.teams:
        raise Refusal(404, "Not Found")
    return Reply(200, hub.made("team-full", slug=slug))


@route("GET", r"/orgs/(?P<org>[^/]+)/teams/(?P<slug>[^/]+)/memberships/(?P<login>[^/]+)", members="read")
def membership(hub, who, asked, told, org, slug, login):
    state = hub.teams.get(f"{org}/{slug}", {}).get(login)
    if state is None:
        raise Refusal(404, "Not Found")
    return Reply(200, hub.made("team-membership", state=state))


@route("GET", rf"{REPO}/commits/(?P<commit>[^/]+)/check-runs", checks="read")
def runs(hub, who, asked, told, commit):
    listed = [
        hub.run(id_)
        for id_, one in hub.runs.items()
        if one["head_sha"] == commit and asked.get("check_name", one["name"]) == one["name"]
    ]
    return hub.page(asked, listed, f"/repos/{hub.repository}/commits/{commit}/check-runs", "check_runs")


@route("POST", rf"{REPO}/check-runs", checks="write")
def create_run(hub, who, asked, told):
    if not who.app:
        raise Refusal(403, "You must authenticate via a GitHub App.")
    hub.judge_run(told)
    id_ = hub.id()
    hub.runs[id_] = {**told, "annotations": [*told["output"].get("annotations", ())]}
    hub.runs[id_]["output"] = plain(told["output"])
    return Reply(201, hub.run(id_))


@route("PATCH", rf"{REPO}/check-runs/(?P<id_>\d+)", checks="write")
def update_run(hub, who, asked, told, id_):
    if not who.app:
        raise Refusal(403, "You must authenticate via a GitHub App.")
    hub.judge_run(told)
    kept = hub.runs[int(id_)]
    annotations = [*kept["annotations"], *told["output"].get("annotations", ())]
    kept.update({**told, "annotations": annotations, "output": plain(told["output"])})
    return Reply(200, hub.run(int(id_)))


@route("GET", rf"{REPO}/check-runs/(?P<id_>\d+)", checks="read")
def one_run(hub, who, asked, told, id_):
    return Reply(200, hub.run(int(id_)))


def plain(output):
    return {name: value for name, value in output.items() if name != "annotations"}


@contextmanager
def github(file="github-api.json", repository="acme/app"):
    """A GitHub while a test asks it; whatever did not fit its own description fails the test."""
    with served(Hub(file, repository)) as hub:
        yield hub
    assert hub.drifts == []


class GitHubStage:
    """The stage for the contract of `Forge`."""

    def __init__(self, hub):
        self.hub, self.token = hub, PERSONAL
        hub.clock_at = 0
        # A user's own token may see teams, and a workflow's may write checks: this one may do both.
        hub.who[PERSONAL] = Who("carbon-gate[bot]", "carbon-gate", {**EVERYTHING, "members": "read"})
        self.forge = hub.forge(PERSONAL, timeout_s=0.3)
        list(self.forge.comments())
        self.hub.log.clear()

    @property
    def head(self):
        return self.hub.pulls[12]["head"]

    def bodies(self):
        return [told["body"] for _, told in sorted(self.hub.comments.items())]

    def others_say(self, body):
        self.hub.comments[self.hub.id()] = {"by": "mallory", "body": body}

    def lose(self, comment):
        del self.hub.comments[comment]

    def push(self):
        self.hub.pulls[12]["head"] = f"{self.hub.id():040x}"

    def approve(self, who):
        self._review(who, "APPROVED")

    def withdraw(self, who):
        self._review(who, "CHANGES_REQUESTED")

    def merge(self, *, approved_by=()):
        for who in approved_by:
            self.approve(who)
        self.hub.pulls[12]["merged_at"] = "2026-11-22T12:00:00Z"
        self.hub.brought["b" * 40] = [12]
        return "b" * 40

    def enlist(self, team, who):
        self.hub.teams.setdefault(team, {})[who] = "active"

    def marks(self):
        return [(one["name"], one["head_sha"], one["conclusion"] == "success") for one in self.hub.runs.values()]

    def fail(self, fault):
        self.hub.faults.append(fault)

    def _review(self, who, state):
        self.hub.clock_at += 1
        at = f"2026-11-21T12:00:{self.hub.clock_at:02}Z"
        self.hub.reviews.setdefault(12, []).append((self.hub.id(), who, state, at, self.head))


@contextmanager
def stage():
    """A stage of GitHub."""
    with github() as hub:
        made = GitHubStage(hub)
        yield made
        made.forge.close()
