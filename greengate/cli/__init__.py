"""The command line: words and exit codes; everything else is said by `greengate.check` and its neighbours.

Exit codes: 0 passed, warned or waived; 1 failed; 2 the policy, the project file or the call is wrong; 3 inconclusive;
4 the outside world failed (a model, the disk); 130 interrupted. A crash is 4: it looks neither like a pass nor a fail.
"""

from __future__ import annotations

import io
import sys
import traceback
from importlib import import_module
from typing import ClassVar

import click

from greengate import __version__
from greengate.errors import GreengateError, nearest

CRASHED, INTERRUPTED, MISUSED = 4, 130, 2


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that `--help` is quick."""

    lazy: ClassVar[dict[str, tuple[str, str]]] = {
        "gate": ("greengate.cli.gate:gate", "Judge every model of the project under its policies."),
        "judge": ("greengate.cli.past:judge", "Judge an entry of the history again, without hardware."),
        "show": ("greengate.cli.past:show", "Show one entry of the history."),
        "history": ("greengate.cli.past:history", "List the entries of the history."),
        "join": ("greengate.cli.join:join", "Join the legs of a matrix of runners into one verdict."),
        "post": ("greengate.cli.forge:post", "Tell the forge what a check concluded, or tell it again."),
        "comment": ("greengate.cli.forge:comment", "Print the comment on a change, or write it."),
        "relay": ("greengate.cli.relay:relay", "Tell a pull request from a fork what its gate concluded."),
        "approvals": ("greengate.cli.forge:approvals", "Ask the forge who has approved a change, for the gate."),
        "init": ("greengate.cli.init:init", "Write a first greengate.yaml for this repository."),
        "ci": ("greengate.cli.ci:ci", "Write a first workflow for GitHub or GitLab."),
        "policy": ("greengate.cli.policy:policy", "Check, explain, test and begin policies."),
        "cost": ("greengate.cli.cost:cost", "Count what a model costs, without running it."),
        "diff": ("greengate.cli.diff:diff", "Tell which operators a model costs more by than another."),
        "waiver": ("greengate.cli.waiver:waiver", "Ask for waivers, and tell what they let through."),
        "ledger": ("greengate.cli.ledger:ledger", "Sign, prove, verify and export the ledger."),
        "budget": ("greengate.cli.budget:budget", "Tell what budgets have left, and settle what changes hold."),
        "settle": ("greengate.cli.settle:settle", "Write down that a change was merged or closed."),
        "retire": ("greengate.cli.settle:retire", "Write down that a model is no longer in production."),
        "activity": ("greengate.cli.activity:activity", "Write down what deployments really did."),
        "report": ("greengate.cli.report:report", "Tell what models in production took in a quarter."),
        "period": ("greengate.cli.period:period", "Close a quarter, restate it, and sign it off."),
        "factors": ("greengate.cli.factors:factors", "List, show, compare and import tables of carbon factors."),
        "estimate": (
            "greengate.cli.estimate:estimate",
            "Estimate what training would take, before anything is measured.",
        ),
        "track": ("greengate.cli.track:track", "Run a training command and write down what it took."),
        "meters": ("greengate.cli.meters:meters", "List the meters of this machine, and why not others."),
        "window": ("greengate.cli.window:window", "Tell when and where electricity is green enough for a job."),
        "runner": ("greengate.cli.runner:runner", "Calibrate this machine and sign what was found."),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which they are used."""
        del ctx
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command, or refuse a word that is none with the nearest one."""
        if cmd_name not in self.lazy:
            ctx.fail(f"`{cmd_name}` is no command; {nearest(cmd_name, self.lazy)}")
        module, _, name = self.lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in self.lazy.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="greengate")
def app() -> None:
    """The carbon gate for machine-learning pull requests.

    Measures a candidate model beside its baseline, judges both under the organisation's policies, and writes down why.
    """


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code; no exception leaves it."""
    try:
        _print_whatever_it_is()
        code = app.main(arguments, prog_name="greengate", standalone_mode=False)
    except GreengateError as error:
        return _told(f"error: {error}", error.exit_code)
    except click.Abort:
        return _told("interrupted: nothing more was measured, and nothing that was written down is lost", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        return MISUSED
    except BrokenPipeError:
        return _closed_pipe()
    except Exception:  # noqa: BLE001 - the outermost place: a crash must not look like a fail
        return _told(
            f"{traceback.format_exc()}\nerror: greengate itself crashed; this is a bug, please report it", CRASHED
        )
    return code if isinstance(code, int) else 0


def _print_whatever_it_is() -> None:
    """A terminal that knows few characters shows the others as escapes, and is no reason to crash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _told(words: str, code: int) -> int:
    click.echo(words, err=True)
    return code


def _closed_pipe() -> int:
    """Whoever read the output has gone; say nothing more, and let Python's own flush at exit say nothing either."""
    sys.stdout = None
    return CRASHED
