"""`greengate gate`: the whole check."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from greengate import asking, check, registry, settings
from greengate.cli import reports
from greengate.errors import UsageError
from greengate.forge import job
from greengate.quantities import Duration, NotAQuantity


class Amount(click.ParamType[float]):
    """A duration with its unit, as in policies."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        try:
            amount = Duration.parse(value).amount
        except NotAQuantity as error:
            self.fail("; ".join(part for part in (str(error), error.hint) if part), param, ctx)
        if amount <= 0:
            self.fail(f"found `{value}`, expected more than nothing", param, ctx)
        return amount


@click.command()
@click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
@click.option(
    "--base",
    metavar="REF",
    help="The branch that the change goes to: policies, waivers, trust and baselines are read there.",
)
@click.option("--branch", metavar="NAME", help="The branch that the change goes to, for policies that match branches.")
@click.option("--policy", "policies", multiple=True, metavar="PACK|FILE", help="Use these instead of the project's.")
@click.option("--model", "models", multiple=True, metavar="PATTERN", help="Judge only these models.")
@click.option("--history", metavar="FILE|URL", help="The history to write to, instead of the project's.")
@click.option(
    "--budget", type=Amount(), metavar="DURATION", help="Measure each model no longer than this, as in `30 s`."
)
@click.option("--change", metavar="ID", help="The change, as in owner/repo#12, whose share of budgets is reserved.")
@click.option("--approvals", metavar="FILE", help="What `greengate approvals` wrote of the change's reviews.")
@click.option("--leg", metavar="NAME", help="The leg of a matrix of runners that this is, for `greengate join`.")
@click.option("--book", metavar="FILE|URL", help="The book of budgets. Default: .greengate/book.db.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of generated inputs and of the order of blocks."
)
@click.option(
    "--report", "wanted", multiple=True, metavar="FORMAT=FILE", help=f"Also write {', '.join(registry.REPORTS)}."
)
@click.option("--template", metavar="FILE", help="Your own Jinja template for the Markdown ledger.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def gate(  # noqa: PLR0913 - one argument an option
    *,
    project: str,
    base: str | None,
    branch: str | None,
    policies: tuple[str, ...],
    models: tuple[str, ...],
    history: str | None,
    budget: float | None,
    change: str | None,
    approvals: str | None,
    leg: str | None,
    book: str | None,
    seed: int,
    wanted: tuple[str, ...],
    template: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Judge every model of the project under its policies.

    Exit code 0: passed, warned or waived; 1: failed; 2: a policy, the project file or the call is wrong;
    3: inconclusive; 4: a model could not be evaluated, or the disk failed.
    """
    if seed < 0:
        raise UsageError("--seed", f"found {seed}, expected zero or more")
    destinations = reports.parse(wanted, signing=settings.ledger_access())
    environment = settings.from_environment()
    chosen_base = environment["base"] if base is None else base
    own = reports.template(template, chosen_base)
    about = job.about(settings.ci_environment())
    name = (environment["change"] or about.id) if change is None else change
    about = about.model_copy(update={"id": name, "leg": environment["leg"] if leg is None else leg})
    about = asking.under_judgement(about, Path(project).parent)
    chosen = history or environment["history"]
    account = _checked(
        settings.Settings(
            root=Path(project).parent,
            project=Path(project).name,
            base=chosen_base,
            branch=environment["branch"] if branch is None else branch,
            policies=policies,
            models=models,
            history=chosen or "",
            budget_s=budget,
            change=name,
            about=about,
            asked=asking.read(approvals, about) if approvals else None,
            book=environment["book"] if book is None else book,
            seed=seed,
            ledger=settings.ledger_access(),
        ),
        quiet=quiet,
    )
    reports.tell(account, destinations, own, as_json=as_json)
    return account.exit_code


def _checked(chosen: settings.Settings, *, quiet: bool) -> check.Account:
    if quiet or not sys.stderr.isatty():
        return check.run(chosen, check.Watch())
    with _bar() as watch:
        return check.run(chosen, watch)


@contextmanager
def _bar() -> Iterator[check.Watch]:
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - heavy

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield check.Watch(
            begins=lambda words: progress.reset(task, description=words, total=1.0),
            moves=lambda share: progress.update(task, completed=share),
        )
