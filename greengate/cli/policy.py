"""`greengate policy`: check, explain, test and begin policies, and print their schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from greengate import packs, settings, shipped
from greengate.errors import GreengateError, Problems, ReportError, UsageError
from greengate.packs import beginning, explaining, proving
from greengate.packs.documents import SLUG
from greengate.packs.project import load_project
from greengate.policy import Budget, Policy
from greengate.trees import WorkingTree

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_project = click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
_FILE = re.compile(r"(?!.*\.test\.).+\.ya?ml")


@click.group()
def policy() -> None:
    """Check, explain, test and begin policies."""


@policy.command(short_help="Tell everything that is wrong with policies.")
@click.argument("paths", nargs=-1, metavar="[PACK|FILE]...")
@_project
@_json
def check(*, paths: tuple[str, ...], project: str, as_json: bool) -> int:
    """Tell everything that is wrong with some policies, or with those of the project.

    Without arguments, the project file is checked too: whether each policy and waiver matches a model, and whether a
    policy covers each model. Exit code 0: they can be used; 2: something must be put right.
    """
    try:
        policies = _named(paths, project) if paths else _of_project(project)
    except GreengateError as error:
        if not as_json:
            raise
        _print_json({"policies": [], "warnings": [], "problems": [_problem_values(one) for one in _each(error)]})
        return error.exit_code
    warnings = packs.warnings(policies, _today())
    if as_json:
        _print_json({"policies": [_values(one) for one in policies], "warnings": warnings, "problems": []})
        return 0
    for one in policies:
        rules, waivers = _many(len(one.rules) - _budgets(one), "rule"), _many(len(one.waivers), "waiver")
        counts = [rules, *([_many(_budgets(one), "budget")] if _budgets(one) else []), waivers]
        click.echo(f"{one.name}: {', '.join(counts)}, sha256:{one.digest} ({one.place.file})")
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    return 0


@policy.command(short_help="Print the JSON Schema of policy files.")
@click.option("--out", metavar="FILE", help="Write it there instead of printing it.")
def schema(*, out: str | None) -> int:
    """Print the JSON Schema (2020-12) of policy files, for editors and other checkers."""
    from greengate.packs.schema import schema as generated  # noqa: PLC0415 - the command has its name

    text = json.dumps(generated(), indent=2, ensure_ascii=False)
    if out is None:
        click.echo(text)
        return 0
    try:
        Path(out).write_text(f"{text}\n", encoding="utf-8")
    except OSError as refused:
        raise ReportError(out, f"cannot be written: {refused.strerror}") from refused
    click.echo(f"wrote {out}")
    return 0


@policy.command(short_help="Say what policies mean, rule by rule.")
@click.argument("paths", nargs=-1, required=True, metavar="PACK|FILE...")
@_json
def explain(*, paths: tuple[str, ...], as_json: bool) -> int:
    """Say what policies mean, rule by rule, with all that they inherit."""
    policies = packs.load(_here(), _inside(paths))
    if as_json:
        _print_json([explaining.values(one, _today()) for one in policies])
    else:
        click.echo("\n\n".join(explaining.words(one, _today()) for one in policies))
    return 0


@policy.command(short_help="Hold policies against their tests.")
@click.argument("paths", nargs=-1, metavar="[PACK|FILE]...")
@_project
def test(*, paths: tuple[str, ...], project: str) -> int:
    """Hold policies against their tests: given figures, expected outcomes.

    PACK is a shipped pack's name; FILE holds tests, or is a policy beside which NAME.test.yaml lies. Without arguments,
    the tests beside the project's policies are run. Exit code 1: an expectation is not met; 2: a file is wrong.
    """
    if paths:
        results = proving.prove(_here(), _inside(paths))
    else:
        tree = WorkingTree(Path(project).parent)
        found = proving.nearby(tree, load_project(tree, Path(project).name).policies)
        if not found:
            hint = "tests of policies/NAME.yaml are looked for in policies/NAME.test.yaml"
            raise UsageError(project, "no policy tests lie beside the project's policies", hint)
        results = proving.prove(tree, found)
    for result in results:
        click.echo(f"{'FAILED' if result.mismatches else 'ok'}  {result.policy}: {result.case}")
        for mismatch in result.mismatches:
            click.echo(f"    {_told(mismatch)}")
    unmet = sum(bool(result.mismatches) for result in results)
    click.echo(f"{_many(len(results), 'case')}, {f'{unmet} not as expected' if unmet else 'all as expected'}")
    return 1 if unmet else 0


@policy.command(short_help="Write a first policy.")
@click.argument("file", required=False)
@click.option("--from", "pack", default="starter", show_default=True, metavar="PACK", help="The pack that it extends.")
@click.option("--name", metavar="NAME", help="Its name. Default: that of FILE, or of this folder.")
def new(*, file: str | None, pack: str, name: str | None) -> int:
    """Write a first policy that extends a shipped pack into FILE (default: policies/NAME.yaml)."""
    name = name or _slug(Path(file).stem if file else Path.cwd().name)
    if not re.fullmatch(SLUG, name):
        raise UsageError("--name", f"`{name}` is no name of a policy", "such as `--name prod-nlp`")
    file = file or f"policies/{name}.yaml"
    if not _FILE.fullmatch(file):
        raise UsageError(file, "a policy's file ends in `.yaml`", f"such as policies/{name}.yaml")
    _write_new(Path(file), beginning.first_policy(name, pack, file))
    click.echo(f"wrote {file}: the policy `{name}`, which extends `{pack}`")
    click.echo(
        f"next: name it instead of `{pack}` under `policies:` in {settings.PROJECT}, then run `greengate policy check`"
    )
    return 0


def _here() -> WorkingTree:
    return WorkingTree(Path())


def _named(paths: Sequence[str], project: str) -> tuple[Policy, ...]:
    """Load some policies; a misspelt quality figure is only known for one where a project says which there are."""
    if not Path(project).is_file():
        return packs.load(_here(), _inside(paths))
    from greengate import grounds  # noqa: PLC0415 - with everything that measures

    read = load_project(WorkingTree(Path(project).parent), Path(project).name)
    return packs.load(_here(), _inside(paths), grounds.scales_of(read))


def _of_project(project: str) -> tuple[Policy, ...]:
    """Load the policies of the project, and hold them against its models."""
    from greengate import deployments, grounds  # noqa: PLC0415 - with everything that measures

    tree = WorkingTree(Path(project).parent)
    read = load_project(tree, Path(project).name)
    policies = packs.load(tree, read.policies, grounds.scales_of(read))
    grounds.refuse_strangers(policies, read.models)
    if problems := deployments.problems(tree.root, read, _today()):
        raise Problems(problems)
    return policies


def _inside(paths: Sequence[str]) -> list[str]:
    """Make absolute paths below this folder relative to it; a tree refuses all others."""
    here = Path.cwd()
    return [
        Path(path).relative_to(here).as_posix()
        if Path(path).is_absolute() and Path(path).is_relative_to(here)
        else path
        for path in paths
    ]


def _write_new(path: Path, data: bytes) -> None:
    if path.exists() or path.is_symlink():
        raise UsageError(str(path), "there is such a file already", "give another name; nothing was written")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as opened:
            opened.write(data)
    except OSError as refused:
        raise ReportError(str(path), f"cannot be written: {refused.strerror}") from refused


def _slug(text: str) -> str:
    """Make a policy's name of a file's or a folder's."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return f"our-{name}" if name in shipped.pack_names() else name


def _told(mismatch: proving.Mismatch) -> str:
    reason = f"; {mismatch.reason}" if mismatch.reason else ""
    who = mismatch.rule or "the verdict"
    return f"{mismatch.place}: {who}: expected {mismatch.expected}, found {mismatch.found}{reason}"


def _budgets(one: Policy) -> int:
    return sum(any(isinstance(check, Budget) for check in rule.checks) for rule in one.rules)


def _values(one: Policy) -> dict[str, Any]:
    return {
        "name": one.name,
        "file": one.place.file,
        "rules": len(one.rules) - _budgets(one),
        "budgets": _budgets(one),
        "waivers": len(one.waivers),
        "digest": f"sha256:{one.digest}",
    }


def _each(error: GreengateError) -> Iterable[GreengateError]:
    return getattr(error, "problems", (error,))


def _problem_values(problem: GreengateError) -> dict[str, Any]:
    where = problem.where
    return {
        "file": where.file,
        "line": where.line,
        "column": where.column,
        "path": where.path,
        "problem": problem.problem,
        "hint": problem.hint,
    }


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _print_json(values: Any) -> None:
    click.echo(json.dumps(values, indent=2, ensure_ascii=False))
