"""Policy tests, run: figures are given instead of measured, and the verdict is held against what was expected."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from greengate import gate, packs, shipped
from greengate.errors import Place, PolicyError, Problems, nearest
from greengate.packs import documents
from greengate.packs.cases import evidence
from greengate.packs.mistakes import shaped
from greengate.packs.sources import Library, Source, is_pack_name
from greengate.packs.waivers import Known, read, reviewed
from greengate.packs.yaml_text import parse
from greengate.policy import Policy
from greengate.ports import Tree
from greengate.shipped import SHIPPED
from greengate.verdict import Finding, Outcome, Verdict, gravest

ENDING = ".test.yaml"
ENDINGS = (ENDING, ".test.yml")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An expectation that was not met; `rule` is empty where the verdict as a whole was meant."""

    place: Place
    rule: str
    expected: str
    found: str
    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """How one case ended, and where it is written."""

    policy: str
    case: str
    place: Place
    verdict: Verdict
    mismatches: tuple[Mismatch, ...]


def prove(tree: Tree, paths: Sequence[str]) -> list[Result]:
    """Run policy tests.

    A case is judged under its policy alone, with the case's waivers instead of any that lie beside the policy.

    Args:
        tree: Where files are read from.
        paths: Shipped packs by name, files of tests, or policies beside which `NAME.test.yaml` lies; also patterns.

    Raises:
        Problems: Everything that is wrong in any of the files; then nothing is run.
    """
    library = Library(tree)
    results = [result for source in _tests(library, paths) for result in _proved(library, source)]
    if library.problems:
        raise Problems({str(problem): problem for problem in library.problems}.values())
    return results


def beside(policy: str) -> str:
    """Return where the tests of a policy file are looked for."""
    return f"{posixpath.splitext(policy)[0]}{ENDING}"


def nearby(tree: Tree, policies: Sequence[str]) -> list[str]:
    """Name the tests of a project: of the shipped packs that it uses, and in the folders of its policy files."""
    packs_used = [path for path in policies if is_pack_name(path)]
    folders = dict.fromkeys(posixpath.dirname(path) for path in policies if not is_pack_name(path))
    found = [file for folder in folders for end in ENDINGS for file in tree.glob(posixpath.join(folder, f"*{end}"))]
    return [*packs_used, *dict.fromkeys(found)]


def _tests(library: Library, paths: Sequence[str]) -> list[Source]:
    found: dict[tuple[str, Place], Source] = {}
    for path in paths:
        if is_pack_name(path):
            tests = _shipped(library, path)
        else:
            before = len(library.problems)
            tests = [test for file in _files(library, path) for test in _written(library, file)]
            if not tests and len(library.problems) == before:
                hint = f"write its tests into {beside(path)}"
                library.problems.append(PolicyError(path, "no policy test is written here, nor beside it", hint))
        found.update({(test.file, test.place(())): test for test in tests})
    return list(found.values())


def _files(library: Library, path: str) -> list[str]:
    return list(dict.fromkeys(source.file for source in library.named([path])))


def _written(library: Library, file: str) -> list[Source]:
    """Find the tests in a file, and in the file beside it."""
    files = [file]
    if not file.endswith(ENDINGS) and library.tree.read(beside(file)) is not None:
        files.append(beside(file))
    return [source for name in files for source in library.sources(name) or () if source.kind == "PolicyTest"]


def _shipped(library: Library, name: str) -> list[Source]:
    """Read the tests that ship with a pack, or complain that there is none."""
    before = len(library.problems)
    library.named([name])
    tests = shipped.policies() / f"{name}{ENDING}"
    if len(library.problems) == before and not tests.is_file():
        library.problems.append(PolicyError(name, "no tests ship with this pack"))
    if len(library.problems) > before:
        return []
    file = f"{SHIPPED}{name}{ENDING}"
    return [
        Source(file, "", "PolicyTest", document.value, document, library.problems)
        for document in parse(tests.read_bytes(), file)
    ]


def _proved(library: Library, source: Source) -> Iterator[Result]:
    shape = shaped(documents.PolicyTest, source.value, source)
    if not isinstance(shape, documents.PolicyTest):
        return
    policy = _policy(library, source, shape.policy)
    names: set[str] = set()
    for at, case in enumerate(shape.cases if policy else ()):
        assert policy is not None
        if case.name in names:
            source.complain(("cases", at, "name"), f"two cases are called `{case.name}`", "say what tells them apart")
        names.add(case.name)
        result = _case(source, at, case, policy)
        if result is not None:
            yield result


def _policy(library: Library, source: Source, name: str) -> Policy | None:
    """Load the policy under test, or complain."""
    path = name if is_pack_name(name) else posixpath.normpath(posixpath.join(posixpath.dirname(source.file), name))
    try:
        found = packs.load(library.tree, [path])
    except Problems as bad:
        absent = [problem for problem in bad.problems if not problem.where.line]
        library.problems.extend(problem for problem in bad.problems if problem not in absent)
        for problem in absent:
            near = "" if source.file in problem.hint else problem.hint  # the tests themselves are not meant
            source.complain(("policy",), f"`{name}`: {problem.problem}", near)
        return None
    if len(found) != 1:
        source.complain(("policy",), f"{path} holds {len(found)} policies, expected one to test", "give each a file")
        return None
    return found[0]


def _case(source: Source, at: int, case: documents.Case, policy: Policy) -> Result | None:
    path = ("cases", at)
    before = len(source.problems)
    _known_rules(source, at, case, policy)
    alone = replace(policy, waivers=())
    written: list[Any] = source.value["cases"][at].get("waivers", [])
    granted = [read(source, (*path, "waivers", index), waiver, Known([alone])) for index, waiver in enumerate(written)]
    given = evidence(source, at, case, policy)
    if given is None or len(source.problems) > before:
        return None
    waived = replace(policy, waivers=tuple(waiver for waiver in granted if waiver))
    verdict = gate.judge([waived], given.model_copy(update={"grants": reviewed(waived.waivers)}))
    found = _findings(verdict)
    for rule in case.findings or {}:
        if rule not in found:
            problem = f"the rule `{rule}` gives no finding: the policy does not cover `{given.model.name}`"
            hint = "leave it out, or give the case another `model`"
            source.complain((*path, "findings", rule), problem, hint, key=True)
    if len(source.problems) > before:
        return None
    return Result(policy.name, case.name, source.place(path), verdict, tuple(_mismatches(source, at, case, verdict)))


def _known_rules(source: Source, at: int, case: documents.Case, policy: Policy) -> None:
    known = [rule.id for rule in policy.rules]
    for rule in case.findings or {}:
        if rule not in known:
            problem = f"the policy `{policy.name}` has no rule `{rule}`"
            source.complain(("cases", at, "findings", rule), problem, nearest(rule, known), key=True)


def _mismatches(source: Source, at: int, case: documents.Case, verdict: Verdict) -> Iterator[Mismatch]:
    for rule, expected in (case.findings or {}).items():
        findings = _findings(verdict)[rule]
        outcome = gravest(finding.outcome for finding in findings)
        if outcome != expected:
            place = source.place(("cases", at, "findings", rule))
            yield Mismatch(place, rule, expected, outcome, _reason(findings, outcome))
    if verdict.outcome != case.expect:
        place = source.place(("cases", at, "expect"))
        yield Mismatch(place, "", case.expect, verdict.outcome, _reason(verdict.findings, verdict.outcome))


def _findings(verdict: Verdict) -> Mapping[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        found.setdefault(finding.rule, []).append(finding)
    return found


def _reason(findings: Sequence[Finding], outcome: Outcome) -> str:
    """Say which findings gave an outcome: the figure, the limit and why."""
    return "; ".join(
        f"{finding.rule}: " + ", ".join(part for part in (finding.figure, finding.limit, finding.reason) if part)
        for finding in findings
        if finding.outcome is outcome
    )
