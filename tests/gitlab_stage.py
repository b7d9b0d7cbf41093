"""The stage of GitLab for the contract of `Forge`."""

from contextlib import contextmanager

from forge_made import Clock
from gitlab_made import OLGA, TOKEN, Lab, gitlab, merged, user, version

from greengate.forge.gitlab import GitLab
from greengate.forge.patience import Patient
from greengate.settings import ForgeAccess

ADA, BEN = user(3, "ada"), user(4, "ben")
PEOPLE = {one["username"]: one for one in (ADA, BEN, OLGA)}
PUSHED = "c" * 40


class GitLabStage:
    """A merge request of `ada`, on GitLab's double."""

    def __init__(self, lab: Lab):
        self.lab, self.token, self.minute = lab, TOKEN, 0
        lab.request["author"] = ADA
        lab.users |= PEOPLE
        lab.commits.add(PUSHED)
        access = ForgeAccess(TOKEN, address=f"{lab.address}/api/v4")
        self.forge = GitLab(access, "acme/ml/digits!12", Patient(Clock().pace()))

    @property
    def head(self):
        return self.lab.request["sha"]

    def bodies(self):
        return [note["body"] for note in self.lab.notes]

    def others_say(self, body):
        self.lab.note(body, BEN)

    def lose(self, comment):
        self.lab.notes = [note for note in self.lab.notes if note["id"] != comment]

    def push(self):
        number = len(self.lab.versions[12]) + 1
        head = f"{number:040x}"
        self.lab.request["sha"] = head
        self.lab.commits.add(head)
        self.lab.versions[12].append(version(number, self._now(), head))

    def approve(self, who):
        self.lab.approve(PEOPLE[who], self._now())

    def withdraw(self, who):
        self.lab.approvals[12] = [one for one in self.lab.approvals[12] if one["user"] is not PEOPLE[who]]

    def merge(self, *, approved_by=()):
        for who in approved_by:
            self.approve(who)
        self.lab.request["state"] = "merged"
        self.lab.merged["d" * 40] = [merged(12, ADA, self._now())]
        return "d" * 40

    def enlist(self, team, who):
        self.lab.groups.setdefault(team, []).append(PEOPLE[who])

    def marks(self):
        newest = {(one["name"], one["sha"]): one["status"] == "success" for one in self.lab.statuses}
        return [(*known, green) for known, green in newest.items()]

    def fail(self, fault):
        self.lab.faults.append(fault)

    def _now(self):
        self.minute += 1
        return f"2026-11-21T11:{self.minute:02}:00.000Z"


@contextmanager
def stage():
    """A stage of GitLab."""
    with gitlab() as lab:
        made = GitLabStage(lab)
        yield made
        made.forge.close()
