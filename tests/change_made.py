"""A forge in memory that fits the port: what a change has there, and what goes wrong when it is asked."""

from dataclasses import dataclass, field

from greengate.errors import ForgeError
from greengate.forges import Comment, Review, Reviewed, Standing

HEAD = "c0ffee" + "0" * 34


def review(by="olga", name="41", commit=HEAD):
    return Review(id=name, by=by, at="2026-11-21T09:00:00Z", commit=commit)


@dataclass
class MadeForge:
    """One change; `refused` names the methods that fail, each with its words."""

    head: str = HEAD
    authors: frozenset = frozenset({"anna"})
    untold: str = ""
    approving: tuple = ()
    teams: dict = field(default_factory=dict)
    brought: tuple = ()
    refused: dict = field(default_factory=dict)
    most: int = 65_536
    name: str = "made"
    said: dict = field(default_factory=dict)
    shown: dict = field(default_factory=dict)
    closed: bool = False

    def standing(self):
        self._may("standing")
        return Standing(self.head, self.authors, open=True, fork=False, untold=self.untold)

    def comments(self):
        self._may("comments")
        return iter([Comment(number, body) for number, body in self.said.items()])

    def say(self, body):
        self._may("say")
        assert len(body) <= self.most
        number = max(self.said, default=0) + 1
        self.said[number] = body
        return Comment(number, body)

    def edit(self, comment, body):
        self._may("edit")
        known = comment in self.said
        if known:
            self.said[comment] = body
        return known

    def take_back(self, comment):
        self.said.pop(comment, None)

    def show(self, mark):
        self._may("show")
        self.shown[mark.key] = mark
        return "https://forge.example/check/1"

    def reviews(self):
        self._may("reviews")
        return self.approving

    def reviewed(self, _):
        self._may("reviewed")
        return self.brought

    def stands_for(self, owner, who):
        self._may("stands_for")
        return owner.casefold() == f"@{who}".casefold() or who in self.teams.get(owner, ())

    def close(self):
        self.closed = True

    def _may(self, act):
        if act in self.refused:
            raise ForgeError("made", self.refused[act], "ask again")


def brought(*reviews, authors=("anna",)):
    return (Reviewed("acme/shop#8", frozenset(authors), reviews),)
