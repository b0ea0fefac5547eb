"""The day as a person at a terminal reads it: who she is, what was proposed, what was permitted, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from service.embedded.demo.files import read_data
from service.embedded.demo.month import Event
from service.embedded.demo.story import Day, Person, Proposal
from service.explanations.amounts import show_date
from service.explanations.catalogue import language_of

_SIGNS = {"allow": ("✓", "green"), "downgrade": ("↓", "yellow"), "defer": ("…", "cyan"), "deny": ("✗", "red")}
# Reasons told of one proposal unless all are asked for.
_FEW = 3
_ACTORS = {
    "service": "blue",
    "letter": "yellow",
    "customer": "green",
    "shop": "magenta",
    "pharmacist": "cyan",
}
_MISSING = ("?", "magenta")
# A line of text longer than this is tiring to read.
_WIDEST = 132
_NARROWEST = 100


def console() -> Console:
    """Standard output, as wide as the terminal within bounds that can be read."""
    found = Console(highlight=False)
    width = found.width if found.is_terminal else _NARROWEST
    return Console(highlight=False, width=max(80, min(width, _WIDEST)))


def show_day(
    out: Console, day: Day, locale: str | None = None, *, english: bool = False, whole: bool = False
) -> None:
    """Print the day; `english` adds each person's introduction and the proposals in English, `whole` all
    reasons where only the nearest are told otherwise."""
    for person in day.people:
        out.print(_person(person, locale or person.entry["locale"], english=english, whole=whole))
    out.print(_totals(day))
    if not any(person.reorders for person in day.people):
        out.print(Text("Nothing is foreseen yet: run-outs are looked for every half minute.", style="dim"))
    for deviation in day.deviations:
        out.print(Text(f"✗ {deviation}", style="bold red"))
    if not day.deviations:
        out.print(Text("Everything came out as it should.", style="bold green"))


def show_people(
    out: Console, subjects: Mapping[str, str | None], entries: Mapping[str, Mapping[str, Any]]
) -> None:
    """The twelve with their subject ids."""
    table = Table(box=ROUNDED, header_style="bold")
    for heading in ("", "customer", "name", "language", "subject", "who"):
        table.add_column(heading, overflow="fold")
    for position, (key, entry) in enumerate(entries.items(), 1):
        cells = (str(position), entry["number"], entry["name"], entry["locale"], subjects.get(key) or "")
        table.add_row(*cells, Text(entry["about"]["en"], style="dim"))
    out.print(table)


def show_month(out: Console, events: Sequence[Event], entries: Sequence[Mapping[str, Any]]) -> None:
    """Six customers, each with what happened to her, day by day."""
    for entry in entries:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), expand=True, show_edge=False)
        table.add_column("", width=6, style="dim")
        table.add_column("", width=9)
        table.add_column("", ratio=1)
        for event in events:
            if event.who == entry["key"]:
                table.add_row(f"day {event.day}", Text(event.by, style=_ACTORS[event.by]), Text(event.text))
        title = f"[bold]{entry['name']}[/bold] · {entry['country']} · {entry['about']}"
        out.print(Panel(table, title=title, title_align="left", box=ROUNDED, border_style="blue"))


def _person(person: Person, locale: str, *, english: bool, whole: bool) -> Panel:
    entry, language = person.entry, language_of(locale)
    about: list[RenderableType] = [Text(entry["about"].get(language, entry["about"]["en"]), style="italic")]
    if english and language != "en":
        about.append(Text(entry["about"]["en"], style="dim italic"))
    words = read_data("day")["words"][language]
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), expand=True, show_edge=False)
    table.add_column("", width=1)
    table.add_column(words["proposed"], ratio=3)
    table.add_column(f"{words['permitted']} · {words['why']}", ratio=7)
    for proposal in person.proposals:
        proposed = _title(proposal, language, english=english)
        table.add_row(_sign(proposal), proposed, _why(proposal, None if whole else words))
    # What the person ordered by themselves no forecast led to.
    for reorder in (each for each in person.reorders if each["run_out"] is not None):
        table.add_row(*_reorder(reorder, words, language, entry["timezone"]))
    title = f"[bold]{entry['name']}[/bold] · {entry['age']} · {entry['country']} · {entry['locale']}"
    return Panel(
        Group(*about, Text(), table), title=title, title_align="left", box=ROUNDED, border_style="blue"
    )


def _sign(proposal: Proposal) -> Text:
    sign, colour = _MISSING if proposal.decision is None else _SIGNS[proposal.decision["outcome"]]
    return Text(sign, style=f"bold {colour}")


def _title(proposal: Proposal, language: str, *, english: bool) -> Text:
    titles = read_data("day")["proposals"][proposal.name]["title"]
    title = Text(titles[language])
    if english and language != "en":
        title.append(f"\n{titles['en']}", style="dim")
    return title


def _why(proposal: Proposal, words: Mapping[str, str] | None) -> Group:
    """The outcome stands out; its reasons follow, each with a bullet. With `words`, the first few of them."""
    if not proposal.told:
        return Group(Text(proposal.deviation or "", style="bold red"))
    outcome, *reasons = proposal.told
    shown = reasons if words is None else reasons[:_FEW]
    lines: list[RenderableType] = [Text(outcome, style=_sign(proposal).style)]
    lines += [_bullet(reason) for reason in shown]
    if words is not None and len(shown) < len(reasons):
        lines.append(_bullet(words["more"].format(count=len(reasons) - len(shown)), "dim"))
    if proposal.deviation:
        lines.append(_bullet(proposal.deviation, "bold red"))
    return Group(*lines)


def _bullet(text: str, style: str = "") -> Table:
    """Text that is indented as a whole, however often it wraps."""
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(width=1)
    line.add_column()
    line.add_row(Text("·", style="dim"), Text(text, style=style))
    return line


def _reorder(
    reorder: Mapping[str, Any], words: Mapping[str, str], language: str, timezone: str
) -> tuple[RenderableType, ...]:
    day = show_date(datetime.fromisoformat(reorder["run_out"]["median"]), language, timezone)
    does = words["order" if reorder["strategy"] == "automate" else "remind"]
    told = Text(f"{words['runs_out'].format(day=day)}: {does}", style="blue")
    return Text("↻", style="bold blue"), Text(f"{words['reorders']}: {reorder['name']}"), told


def _totals(day: Day) -> Text:
    found = [p.decision["outcome"] for person in day.people for p in person.proposals if p.decision]
    told = Text(f"{len(found)} proposals in one job, {day.seconds:.1f} s:")
    for outcome, (sign, colour) in _SIGNS.items():
        told.append(f"  {sign} {found.count(outcome)} {outcome}", style=colour)
    return told
