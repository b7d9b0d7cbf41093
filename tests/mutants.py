"""Shipped packs with one mistake each, and what becomes of them when they are read.

A mutant is read as the gate reads a policy: for a project, here one that declares no quality figures of its own.
"""

import copy
import json
import re
from dataclasses import dataclass, field, replace
from functools import cache

from packs_made import Files

from greengate import packs, shipped
from greengate.errors import Problems
from greengate.packs import proving
from greengate.packs.yaml_text import parse, path_text
from greengate.policy import Budget

FREE_TEXT = ("owner", "description", "message")
COINED = re.compile(r"metadata\.name|(rules|budgets)\[\d+\]\.(id|unless\.approval)")
AMOUNT = re.compile(r"[0-9.]+ ?[A-Za-z%][A-Za-z0-9%/]*")

REFUSED, SAME, RENAMED, CAUGHT, CHANGED = "refused", "same", "renamed", "caught by its tests", "changed"


@dataclass(frozen=True)
class Mutant:
    pack: str
    kind: str
    path: tuple
    value: object = field(repr=False)
    now: object = None

    def __str__(self):
        return f"{self.pack}: {self.kind} {path_text(self.path)}: {self.now!r}"


def read(data):
    return [document.value for document in parse(data, "pack")]


@cache
def original(pack):
    """The pack as it ships; not to be changed."""
    return read(shipped.pack(pack))[0]


@cache
def unharmed(pack):
    return loaded(pack, original(pack))


def paths(value, path=()):
    """All paths of a value but its root, with what stands there."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield (*path, step), inner
        yield from paths(inner, (*path, step))


def changed(pack, kind, path, edit, now=None):
    """Make a mutant by an edit of the collection that holds what is at a path."""
    value = copy.deepcopy(original(pack))
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    edit(holder, path[-1])
    return Mutant(pack, kind, path, value, now)


def dropped(pack):
    for path, inner in paths(original(pack)):
        yield changed(pack, "drop", path, lambda holder, step: holder.pop(step))
        if isinstance(inner, dict | list):
            yield put(pack, "empty", path, type(inner)())


def renamed_key(pack, path, word):
    def edit(holder, step):
        items = [(word if key == step else key, value) for key, value in holder.items()]
        holder.clear()
        holder.update(items)

    return changed(pack, "misspelt key", path, edit, word)


def put(pack, kind, path, now):
    return changed(pack, kind, path, lambda holder, step: holder.__setitem__(step, now), now)


def typos(word):
    """Leave out, exchange or double a letter."""
    for at, letter in enumerate(word):
        yield word[:at] + word[at + 1 :]
        yield word[:at] + letter + word[at:]
        yield word[:at] + word[at + 1 : at + 2] + letter + word[at + 2 :]


def misspelt(pack):
    for path, inner in paths(original(pack)):
        if isinstance(path[-1], str):
            yield from (renamed_key(pack, path, word) for word in sorted({*typos(path[-1])} - {path[-1]}))
        if word_at(path, inner):
            yield from (put(pack, "misspelt word", path, word) for word in sorted({*typos(inner)} - {inner}))


def word_at(path, inner):
    """Whether a word stands here that means something: no free text, no amount."""
    return isinstance(inner, str) and path[-1] not in FREE_TEXT and not AMOUNT.fullmatch(inner)


def retyped(pack):
    for path, inner in paths(original(pack)):
        others = [None, True, 7, "word", [inner], {"key": inner}]
        others = [other for other in others if type(other) is not type(inner)]
        if isinstance(inner, dict):
            others.append(list(inner.values()))
        if isinstance(inner, list):
            others.append({str(at): item for at, item in enumerate(inner)})
        if isinstance(inner, bool | int):
            others.append(str(inner).lower())
        yield from (put(pack, "retype", path, other) for other in others)


def unitless(pack):
    for path, inner in paths(original(pack)):
        if isinstance(inner, str) and AMOUNT.fullmatch(inner):
            number = re.match(r"[0-9.]+", inner)[0]
            yield put(pack, "unitless", path, number)
            yield put(pack, "unitless", path, json.loads(number))


def loaded(pack, value):
    """Read a policy as the gate does."""
    (policy,) = packs.load(Files({f"{pack}.yaml": json.dumps(value)}), [f"{pack}.yaml"], {})
    return policy


def meaning(policy):
    """All that can change a verdict: no places, no texts."""
    rules = sorted((asked(rule) for rule in policy.rules), key=lambda rule: rule[0])
    return (policy.name, rules, policy.match, policy.plan, policy.override)


def asked(rule):
    """All that a rule says but its texts."""
    return rule.id, rule.checks, rule.metric, rule.enforce, rule.unless


def fate(mutant):
    """What becomes of a mutant."""
    try:
        policy = loaded(mutant.pack, mutant.value)
    except Problems:
        return REFUSED
    if meaning(policy) == meaning(unharmed(mutant.pack)):
        return SAME
    if COINED.fullmatch(path_text(mutant.path)):
        return RENAMED if same_but_for_names(mutant, policy) else CHANGED
    return CAUGHT if noticed(mutant) else CHANGED


def same_but_for_names(mutant, policy):
    """Whether only a coined word differs; a rule that restated an inherited one now stands beside it."""
    before = original(mutant.pack)
    for step in mutant.path:
        before = before[step]
    same = unharmed(mutant.pack)
    rules = [restored(rule, mutant.now, before) for rule in policy.rules]
    mine = meaning(replace(policy, name=same.name, rules=()))[2:]
    bare = [asked(rule) for rule in rules]
    return mine == meaning(same)[2:] and all(asked(rule) in bare for rule in same.rules)


def restored(rule, now, before):
    unless = rule.unless and replace(
        rule.unless, approval=before if rule.unless.approval == now else rule.unless.approval
    )
    name = before if rule.id == now else rule.id
    checks = tuple(check if not isinstance(check, Budget) else renamed(check, now, before) for check in rule.checks)
    return replace(rule, id=name, checks=checks, unless=unless)


def renamed(budget, now, before):
    """The account of a budget is called by its policy and itself."""
    parts = [before if part == now else part for part in budget.key.split("/")]
    return replace(budget, key="/".join(parts))


def noticed(mutant):
    """Whether the tests that ship with a pack notice the mutant."""
    (tests,) = read((shipped.policies() / f"{mutant.pack}.test.yaml").read_bytes())
    tests["policy"] = f"{mutant.pack}.yaml"
    files = {
        f"{mutant.pack}.yaml": json.dumps(mutant.value),
        f"{mutant.pack}.test.yaml": json.dumps(tests),
    }
    try:
        return any(result.mismatches for result in proving.prove(Files(files), [f"{mutant.pack}.test.yaml"]))
    except Problems:
        return True
