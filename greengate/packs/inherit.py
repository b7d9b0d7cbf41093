"""`extends`: a policy takes over what its parents say, and may only tighten it.

Parents count in the order in which they are written, a later one over an earlier one, and the child over all; then the
result is held against each parent as it stands on its own (`greengate.packs.strictness`). So it does not matter how
something was loosened: by restating a rule, by another parent, or by another value for a parent's param.

A child's `match` replaces its parents': it says where a policy applies, not how strict it is, and a parent meant for
everybody must be usable for one model. Waivers are not inherited: they name one policy.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from greengate import policy as said
from greengate.errors import GreengateError, Place, PolicyError
from greengate.evidence import QualityScale
from greengate.packs import budgets, documents, params, plans, strictness, translate
from greengate.packs.mistakes import fitting, shaped
from greengate.packs.params import Param
from greengate.packs.plans import Setting
from greengate.packs.sources import Library, Source, is_pack_name, shipped_file, unknown_pack
from greengate.packs.translate import Written
from greengate.shipped import SHIPPED

MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Resolved:
    """A policy with all that it inherits, each with its place; `declared` are its own params and its parents'."""

    source: Source
    rules: Mapping[str, Written]
    settings: Mapping[str, Setting]
    override: said.Override | None
    override_place: Place
    ancestors: tuple[tuple[str, str], ...]
    declared: frozenset[str]


@dataclass(frozen=True, slots=True)
class Family:
    """Resolves policies and what they extend; complaints go to the library's list."""

    library: Library
    scales: dict[str, QualityScale] | None
    _known: dict[object, Resolved] = field(default_factory=dict)

    def policy(self, source: Source) -> said.Policy | None:
        """Return a policy after `extends` and `params`, or None where it, or a parent, cannot be."""
        before = len(source.problems)
        resolved = self._resolved(source, {}, (source.file,))
        if len(source.problems) > before:
            return None
        metadata = documents.Metadata.model_validate(source.value["metadata"])
        return said.Policy(
            name=metadata.name,
            rules=tuple(written.rule for written in resolved.rules.values()),
            match=plans.match(fitting(documents.Match, source.value.get("match"))),
            plan=plans.plan(resolved.settings),
            override=resolved.override,
            owners=tuple(metadata.owners or ()),
            description=metadata.description or "",
            digest=source.digest,
            parents=resolved.ancestors,
            place=source.place(()),
            text=source.data,
        )

    def _resolved(self, source: Source, overrides: Mapping[str, Param], chain: tuple[str, ...]) -> Resolved:
        """Resolve a policy once for each set of values that its descendants give to its params."""
        key = (source.file, source.place(()), tuple(sorted((name, repr(param)) for name, param in overrides.items())))
        if key not in self._known:
            self._known[key] = self._resolve(source, overrides, chain)
        return self._known[key]

    def _resolve(self, source: Source, overrides: Mapping[str, Param], chain: tuple[str, ...]) -> Resolved:
        own = params.declared(source)
        filled = params.fill(source, {**own, **{name: overrides[name] for name in own if name in overrides}})
        text = source.filled(filled.value, filled.origins)
        shaped(documents.Policy, filled.value, text, told=filled.unfilled)
        _refuse_empty(source)
        rules = translate.rules(text, self.scales, filled.unfilled)
        written = [*rules, *budgets.read(text, filled.unfilled, {one.rule.id: one.rule.place for one in rules})]
        parents = self._parents(source, chain)
        grown = [self._resolved(parent, {**own, **overrides}, (*chain, parent.file)) for parent in parents]
        merged = _merged(grown, text, written, plans.settings(text, filled.unfilled))
        _complain_of_unused(source, own, filled.used | merged.declared)
        for parent in parents:
            _complain_of_loosening(source, self._resolved(parent, {}, (*chain, parent.file)), merged)
        return replace(merged, declared=merged.declared | own.keys())

    def _parents(self, source: Source, chain: tuple[str, ...]) -> list[Source]:
        """Return the parents that can be extended, in order."""
        raw = source.value.get("extends")
        shapes = [fitting(documents.Parent, item) for item in raw] if isinstance(raw, list) else []
        found = [self._parent(source, at, shape, chain) for at, shape in enumerate(shapes) if shape]
        return [parent for parent in found if parent]

    def _parent(self, source: Source, at: int, shape: documents.Parent, chain: tuple[str, ...]) -> Source | None:
        path = ("extends", at, "pack")
        try:
            file = self._file(source, at, shape)
        except GreengateError as refused:
            source.complain(path, f"`{shape.pack}` {refused.problem}", refused.hint)
            return None
        if file is None:
            return None
        if file in chain:
            source.complain(path, f"a policy cannot extend itself: {' -> '.join([*chain, file])}", "break the circle")
            return None
        if len(chain) > MAX_DEPTH:
            source.complain(path, f"more than {MAX_DEPTH} policies extend one another", "write it flatter")
            return None
        if not self._pinned(source, at, shape, file):
            return None
        found = [parent for parent in self.library.sources(file) or () if parent.kind == "Policy"]
        if len(found) != 1 and self.library.sources(file) is not None:
            source.complain(path, f"{file} holds {len(found)} policies, expected one to extend")
        return found[0] if len(found) == 1 else None

    def _file(self, source: Source, at: int, shape: documents.Parent) -> str | None:
        """Find the file that is extended."""
        path = ("extends", at, "pack")
        if is_pack_name(shape.pack):
            file = shipped_file(shape.pack)
            if not self.library.exists(file):
                source.problems.append(unknown_pack(shape.pack, source.place(path)))
                return None
            return file
        if source.file.startswith(SHIPPED):
            source.complain(path, "a shipped pack may extend shipped packs only")
            return None
        file = posixpath.normpath(posixpath.join(posixpath.dirname(source.file), shape.pack))
        if file.startswith(("../", "/")):
            source.complain(path, f"`{shape.pack}` lies outside the project", "copy it into the project")
            return None
        if not self.library.exists(file):
            source.complain(path, f"no such file: {file}", self.library.near(file))
            return None
        return file

    def _pinned(self, source: Source, at: int, shape: documents.Parent, file: str) -> bool:
        """Check a parent's digest; only shipped packs need none, since they come with the program."""
        digest = f"sha256:{self.library.digest(file)}"
        if shape.digest is None and not file.startswith(SHIPPED):
            hint = f'after reading it, write `digest: "{digest}"`'
            source.complain(("extends", at), f"`{shape.pack}` is extended without its digest", hint)
            return False
        if shape.digest not in {None, digest}:
            problem = f"{file} is not what was pinned: expected {shape.digest}, found {digest}"
            hint = "read what has changed in it, then write the new digest"
            source.complain(("extends", at, "digest"), problem, hint)
            return False
        return True


def _merged(parents: list[Resolved], source: Source, own: Iterable[Written], settings: dict[str, Setting]) -> Resolved:
    rules: dict[str, Written] = {}
    inherited: dict[str, Setting] = {}
    override, place = None, source.place(())
    ancestors: dict[tuple[str, str], None] = {}
    declared: set[str] = set()
    for parent in parents:
        theirs = {name: _of(parent, budgets.as_own(one, source.name)) for name, one in parent.rules.items()}
        _refuse_two_owners(source, rules, theirs)
        rules.update(theirs)
        inherited.update(parent.settings)
        if parent.override is not None:
            override, place = parent.override, parent.override_place
        ancestors.update(dict.fromkeys([(parent.source.name, parent.source.digest), *parent.ancestors]))
        declared |= parent.declared
    rules.update({one.rule.id: _kept(budgets.as_inherited(one, rules.get(one.rule.id)), rules) for one in own})
    mine = plans.override(source)
    if mine is not None:
        override, place = mine, source.place(("enforcement", "soft", "override"))
    return Resolved(source, rules, {**inherited, **settings}, override, place, tuple(ancestors), frozenset(declared))


def _of(parent: Resolved, written: Written) -> Written:
    """Let an inherited rule keep the owners of the policy that it comes from: no child chooses who lets it through."""
    metadata = fitting(documents.Metadata, parent.source.value.get("metadata"))
    owners = written.rule.owners or tuple((metadata.owners if metadata else None) or ())
    return replace(written, rule=replace(written.rule, owners=owners))


def _refuse_two_owners(source: Source, rules: Mapping[str, Written], theirs: Mapping[str, Written]) -> None:
    """Complain of a rule of two parents whose owners differ: it would be the later one's to let through."""
    for name in rules.keys() & theirs.keys():
        one, other = (set(written.rule.owners) for written in (rules[name], theirs[name]))
        if one and other and one != other:
            problem = f"the rule `{name}` comes from two policies with other owners ({_names(one)}; {_names(other)})"
            source.complain(
                ("extends",), problem, "give one of the two rules another id, or the policies the same owners"
            )


def _names(owners: Iterable[str]) -> str:
    return ", ".join(sorted(owners))


def _kept(written: Written, inherited: Mapping[str, Written]) -> Written:
    """Let a rule that is restated keep the owners that it is inherited with."""
    before = inherited.get(written.rule.id)
    return replace(written, rule=replace(written.rule, owners=before.rule.owners)) if before else written


def _refuse_empty(source: Source) -> None:
    """Complain of a policy that could never fail."""
    if not {"rules", "budgets", "extends"} & set(source.value):
        source.complain(
            (), "the policy has neither `rules` nor `extends`, so that it could never fail", "give it rules"
        )


def _complain_of_unused(source: Source, own: Mapping[str, Param], used: set[str]) -> None:
    for name in own:
        if name not in used:
            hint = f"write `${{{name}}}` where it is meant, or take it out"
            source.complain(("params", name), f"the param `{name}` is never used", hint, key=True)


def _complain_of_loosening(source: Source, parent: Resolved, child: Resolved) -> None:
    hint = "a policy may only tighten what it extends; a waiver lets one model through"
    for name, written in parent.rules.items():
        own = child.rules.get(name)
        if own is None:
            continue  # a value for one of its params has been complained of
        for loose in strictness.of_rule(written.rule, own.rule):
            where = f"`{loose.key}` of the rule `{name}`"
            account = (
                "a policy may only tighten what it extends: the same account, with no more in it, that warns no later"
            )
            told = account if loose.key == "budget" else hint
            _tell(source, loose, where, (written.place(loose.key), own.place(loose.key)), told)
    for loose in strictness.of_measurement(parent.settings, child.settings):
        places = [
            who.settings[loose.key].place if loose.key in who.settings else who.source.place(("measurement",))
            for who in (parent, child)
        ]
        _tell(source, loose, f"`measurement.{loose.key}`", (places[0], places[1]), hint)
    for loose in strictness.of_override(parent.override, child.override):
        _tell(source, loose, f"`{loose.key}`", (parent.override_place, child.override_place), hint)


def _tell(source: Source, loose: strictness.Loosening, where: str, places: tuple[Place, Place], hint: str) -> None:
    theirs, own = places
    problem = f"{where} loosens what is extended: {loose.child} here, {loose.parent} at {theirs}"
    source.problems.append(PolicyError(own, problem, hint))
