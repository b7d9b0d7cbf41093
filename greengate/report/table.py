"""The terminal report: for each model a headline, a line for each finding, what is wrong and what it rests on."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from greengate.report import yearly
from greengate.report.account import Account, Entry
from greengate.report.comparison import compared
from greengate.report.course import VOID
from greengate.report.escaping import plain, shortened
from greengate.report.footing import ENERGY, footing, shared
from greengate.verdict import Finding, Outcome

NAME = "table"

_SIGNS = {
    Outcome.PASSED: ("✓", "+", "green"),
    Outcome.WARNED: ("!", "!", "yellow"),
    Outcome.WAIVED: ("~", "~", "cyan"),
    Outcome.INCONCLUSIVE: ("?", "?", "magenta"),
    Outcome.ERRORED: ("✗", "x", "bold red"),
    Outcome.FAILED: ("✗", "x", "bold red"),
}
_WIDE = 116
_MARGIN = 2


def render(account: Account, width: int = 100) -> str:
    """Write the report as plain text without colour."""
    file = io.StringIO()
    show(account, Console(file=file, width=width, color_system=None, legacy_windows=False))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def show(account: Account, console: Console) -> None:
    """Print the report on a terminal of any width; symbols fall back to ASCII where the terminal needs it."""
    common = shared(account)
    scribe = _Scribe(wide=console.width >= _WIDE, ascii_only=console.options.ascii_only)
    for entry in account.entries:
        told = [line for line in footing(entry) if line not in common]
        console.print(scribe.block(entry, told), highlight=False)
        console.print()
    ending = [*common, *(("note", plain(note)) for note in account.notes)]
    if ending:
        console.print(_pairs(ending), highlight=False)
        console.print()
    closing = Text(f"{account.summary} -> exit {account.exit_code}", style=f"bold {_SIGNS[account.outcome][2]}")
    console.print(closing, soft_wrap=True)


class _Scribe:
    """Lays one model out, for a wide or a narrow terminal."""

    def __init__(self, *, wide: bool, ascii_only: bool) -> None:
        self._wide = wide
        self._ascii = ascii_only

    def block(self, entry: Entry, foot: list[tuple[str, str]]) -> RenderableType:
        parts: list[RenderableType] = [self._headline(entry)]
        if yearly_words := _yearly(entry):
            parts.append(self._indented(yearly_words, above=0))
        if entry.evidence and entry.evidence.voided:
            parts.append(self._indented(self._void(entry.evidence.voided), above=0))
        if entry.verdict.findings:
            parts.append(self._indented(self._findings(entry.verdict.findings), above=0))
        wrong = [finding for finding in entry.findings if finding.outcome is not Outcome.PASSED]
        if wrong:
            parts.append(self._indented(self._explained(wrong)))
        if foot:
            parts.append(self._indented(_pairs(foot)))
        return Group(*parts)

    @staticmethod
    def _indented(renderable: RenderableType, above: int = 1) -> Padding:
        return Padding(renderable, (above, 0, 0, _MARGIN))

    @staticmethod
    def _headline(entry: Entry) -> Text:
        line = Text(plain(entry.name, 120), "bold")
        line.append(f"  {entry.outcome.upper()}", f"bold {_SIGNS[entry.outcome][2]}")
        comparison = compared(entry)
        energy = comparison.of(ENERGY) if comparison and not comparison.evidence.voided else None
        if energy:
            change = f" ({energy.change})" if energy.change else ""
            line.append(f"  energy {energy.figure}/1k{change}", "not bold")
        return line

    @staticmethod
    def _void(why: str) -> Text:
        return Text(f"VOID: {plain(why)}; {VOID}", "bold red")

    def _sign(self, outcome: Outcome) -> Text:
        sign, fallback, style = _SIGNS[outcome]
        return Text(f"{fallback if self._ascii else sign} {outcome}", style)

    def _findings(self, findings: tuple[Finding, ...]) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=True, header_style="dim")
        table.add_column("outcome", no_wrap=True)
        for heading in ("rule", "figure", "limit"):
            table.add_column(heading, overflow="fold")
        if self._wide:
            table.add_column("margin", overflow="fold")
        for finding in findings:
            table.add_row(*self._row(finding))
        return table

    def _row(self, finding: Finding) -> Iterator[Text]:
        yield self._sign(finding.outcome)
        policy, rule = plain(finding.policy, 80), plain(finding.rule, 80)
        figure, interval, margin = plain(finding.figure, 120), plain(finding.interval, 120), plain(finding.margin, 120)
        if self._wide:
            yield Text.assemble((f"{policy}/", "dim"), rule)
            yield Text.assemble(figure, (f"  {interval}", "dim"))
            yield Text(plain(finding.limit, 120))
            yield Text(margin, "dim")
        else:
            yield Text.assemble(rule, (f"\n{policy}", "dim"))
            yield Text.assemble(figure, (f"\n{interval}" if interval else "", "dim"))
            yield Text.assemble(plain(finding.limit, 120), (f"\n{margin}" if margin else "", "dim"))

    def _explained(self, findings: list[Finding]) -> Group:
        return Group(*(self._explanation(finding) for finding in findings))

    def _explanation(self, finding: Finding) -> RenderableType:
        sign, fallback, style = _SIGNS[finding.outcome]
        head = Text.assemble((f"{fallback if self._ascii else sign} {plain(finding.name)}", style))
        if finding.source.file:
            head.append(f"  {plain(finding.source.file)}:{finding.source.line}", "dim")
        lines = (finding.counterfactual, *shortened(finding.reason).splitlines(), finding.message)
        told = [Padding(Text(plain(line)), (0, 0, 0, 2)) for line in lines if line.strip()]
        return Group(head, *told)


def _yearly(entry: Entry) -> Text | None:
    """Say what the change costs a year, and between which figures that lies."""
    comparison = compared(entry)
    told = yearly.in_words(comparison) if comparison else ""
    if comparison is None or not told:
        return None
    line = Text(told, "bold")
    span = yearly.span(comparison)
    return line.append(f"  {span}", "not bold dim") if span else line


def _pairs(lines: list[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True, width=len("measured"))
    grid.add_column(style="dim", overflow="fold")
    for name, text in lines:
        grid.add_row(name, Text(text))
    return grid
