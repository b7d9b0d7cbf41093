"""`greengate relay`: a pull request from a fork is told what its gate concluded."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from greengate import asking, check, git, grounds, posting, preparation, registry, sealing, settings
from greengate.changes import Asked, Change
from greengate.cli import reports
from greengate.cli.forge import telling_of
from greengate.disbelief import Seen
from greengate.errors import ForgeError, ProjectError, UsageError
from greengate.forge.github_runs import GitHubRuns, Pull, Ran
from greengate.forges import Forge
from greengate.history import opened
from greengate.ledger.places import below
from greengate.packs.project import load_project
from greengate.relaying import ARTIFACT, ENTRIES, Relayed
from greengate.report.escaping import plain


@click.command(short_help="Tell a pull request from a fork what its gate concluded.")
@click.argument("run")
@click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
@click.option("--repository", metavar="OWNER/REPO", help="The repository; GitHub says it by itself.")
@click.option("--history", metavar="FILE|URL", help="The history to write to, instead of the project's.")
@click.option(
    "--report", "wanted", multiple=True, metavar="FORMAT=FILE", help=f"Also write {', '.join(registry.REPORTS)}."
)
@click.option("--template", metavar="FILE", help="Your own Jinja template for the comment, read at the base.")
def relay(  # noqa: PLR0913 - one argument an option
    *,
    run: str,
    project: str,
    repository: str | None,
    history: str | None,
    wanted: tuple[str, ...],
    template: str | None,
) -> int:
    """Tell a pull request from a fork what its gate concluded; RUN is the id of the gate's run.

    For a workflow on `workflow_run`, in a checkout of the branch that the change goes to. Nothing of the change is
    checked out or run: what its run left behind is judged again, and is not believed where the change could have made
    it up. The exit code is that of the verdict; 4 also where GitHub could not be asked or told.
    """
    destinations = reports.parse(wanted, signing=settings.ledger_access())
    named = repository or settings.ci_environment().get("GITHUB_REPOSITORY", "")
    if not named:
        raise UsageError(
            "--repository", "no repository is named", "write it like `owner/repo`; GitHub says it by itself"
        )
    with closing(GitHubRuns(settings.forge_access("github"), named)) as runs:
        ran = runs.run(run)
        if ran.event != "pull_request" or not ran.done:
            raise UsageError(
                "RUN", f"run {run} is of {plain(ran.event)}, or has not ended", "wait for a pull request's"
            )
        pull = runs.pull(ran)
        if pull is None:
            return _moved_on()
        return _Relay(Path(project), named, runs, ran, pull, history, destinations, template).told()


def _moved_on() -> int:
    click.echo("nothing is told: no open pull request has the commit of this run any more")
    return 0


class _Tree:
    """The files of the change's newest commit, as GitHub tells them; none of them is looked for."""

    def __init__(self, runs: GitHubRuns, commit: str, prefix: str) -> None:
        self.name = f"the change ({commit[:10]})"
        self._runs, self._commit, self._prefix = runs, commit, prefix

    def read(self, path: str) -> bytes | None:
        """Read a file, by its path from the project's folder."""
        return self._runs.file(f"{self._prefix}{path}", self._commit)

    def glob(self, pattern: str) -> Sequence[str]:
        """Name no files."""
        del pattern
        return ()


class _Relay:
    def __init__(  # noqa: PLR0913 - what is told, of what, and where to
        self,
        project: Path,
        repository: str,
        runs: GitHubRuns,
        ran: Ran,
        pull: Pull,
        history: str | None,
        destinations: Sequence[reports.Destination],
        template: str | None,
    ) -> None:
        self.project, self.runs, self.ran, self.pull = project, runs, ran, pull
        self.change = Change(
            id=f"{repository}#{pull.number}", forge="github", head=ran.head, run=ran.run, page=ran.page, fork=True
        )
        self.chosen = settings.Settings(
            root=project.parent, project=project.name, base=f"origin/{pull.base}", branch=pull.base
        )
        self.own = reports.template(template, self.chosen.base)
        self.history, self.destinations = history, destinations

    def told(self) -> int:
        """Judge again, write it down, tell it; return the exit code of the verdict."""
        tree = _Tree(self.runs, self.ran.head, git.prefix(self.chosen.root, UsageError))
        project = load_project(tree, self.project.name)
        held = grounds.read(self.chosen, project)
        if held.project is project:
            raise ProjectError(self.chosen.project, f"{self.chosen.base} has none yet, so that nothing can be judged")
        grounds.refuse_strangers(held.policies, held.known(project))
        access = settings.forge_access("github")
        with closing(registry.forge("github", access, self.change.id)) as forge:
            seen = Seen(self.chosen.root, self.pull.base, held, self.runs.edited(held.base, self.ran.head), tree.read)
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            relayed = Relayed(self.change, project, seen, self._asked(forge, held), now)
            decisions = relayed.decisions(self.runs.left(self.ran, ARTIFACT, ENTRIES))
            # Meanwhile its newest commit may have become another one, of which this run says nothing.
            if self.runs.pull(self.ran) != self.pull:
                return _moved_on()
            if self.history is None:
                preparation.own_folder(self.chosen.root)
            with opened(self.history or below(self.chosen.root, held.project.history)) as kept:
                notary = sealing.notary(kept, signs := settings.ledger_access())
                records = [kept.find(kept.append(decision, relayed.basis())) for decision in decisions]
                seal = sealing.signed(notary, signs, relayed.at)
                account = check.account(records, [*seal], history=kept)
            reports.tell(account, self.destinations, self.own, as_json=False)
            for words in posting.tell(forge, telling_of(account, self.change, str(self.project), self.own)):
                click.echo(plain(words))
        return account.exit_code

    def _asked(self, forge: Forge, held: grounds.Grounds) -> Asked | None:
        try:
            return asking.ask(forge, self.change, held.policies, self.chosen.root, held.base)
        except ForgeError as error:
            return Asked(change=self.change, unknown=(f"reviews are not known: {error.problem}",))
