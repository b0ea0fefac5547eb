"""The day as a person at a terminal reads it: who she is, what was proposed, what was permitted, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from service.embedded.demo.files import read_data
from service.embedded.demo.story import Day, Person, Proposal
from service.explanations.amounts import show_date
from service.explanations.catalogue import language_of

_SIGNS = {"allow": ("✓", "green"), "downgrade": ("↓", "yellow"), "defer": ("…", "cyan"), "deny": ("✗", "red")}
_MISSING = ("?", "magenta")
# A line of text longer than this is tiring to read.
_WIDEST = 132
_NARROWEST = 100


def console() -> Console:
    """Standard output, as wide as the terminal within bounds that can be read."""
    found = Console(highlight=False)
    width = found.width if found.is_terminal else _NARROWEST
    return Console(highlight=False, width=max(80, min(width, _WIDEST)))


def show_day(out: Console, day: Day, locale: str | None = None, *, english: bool = False) -> None:
    """Print the whole day; `english` adds each person's introduction and the proposals in English."""
    for person in day.people:
        out.print(_person(person, locale or person.entry["locale"], english=english))
    out.print(_totals(day))
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


def _person(person: Person, locale: str, *, english: bool) -> Panel:
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
        table.add_row(*_proposal(proposal, language, english=english))
    for reorder in person.reorders:
        table.add_row(*_reorder(reorder, words, language, entry["timezone"]))
    title = f"[bold]{entry['name']}[/bold] · {entry['age']} · {entry['country']} · {entry['locale']}"
    return Panel(
        Group(*about, Text(), table), title=title, title_align="left", box=ROUNDED, border_style="blue"
    )


def _proposal(proposal: Proposal, language: str, *, english: bool) -> tuple[RenderableType, ...]:
    sign, colour = _MISSING if proposal.decision is None else _SIGNS[proposal.decision["outcome"]]
    titles = read_data("day")["proposals"][proposal.name]["title"]
    title = Text(titles[language])
    if english and language != "en":
        title.append(f"\n{titles['en']}", style="dim")
    why = Text()
    for position, told in enumerate(proposal.told):
        # The outcome stands out; its reasons follow, each on a line of its own.
        why.append(
            f"{'' if position == 0 else chr(10) + '· '}{told}", style=colour if position == 0 else "default"
        )
    if proposal.deviation:
        why.append(f"\n{proposal.deviation}", style="bold red")
    return Text(sign, style=f"bold {colour}"), title, why


def _reorder(
    reorder: Mapping[str, Any], words: Mapping[str, str], language: str, timezone: str
) -> tuple[RenderableType, ...]:
    day = show_date(datetime.fromisoformat(reorder["run_out"]["median"]), language, timezone)
    does = words["order" if reorder["strategy"] == "automate" else "remind"]
    told = Text(f"{words['runs_out'].format(day=day)}: {does}", style="blue")
    return Text("↻", style="bold blue"), Text(f"{words['reorders']}: {reorder['name']}"), told


def _totals(day: Day) -> Text:
    counts = dict.fromkeys(_SIGNS, 0)
    for person in day.people:
        for proposal in person.proposals:
            if proposal.decision is not None and proposal.decision["outcome"] in counts:
                counts[proposal.decision["outcome"]] += 1
    told = Text(f"{sum(counts.values())} proposals in one job ({day.job}), {day.seconds:.1f} s: ")
    for part in _counted(counts):
        told.append_text(part)
    return told


def _counted(counts: Mapping[str, int]) -> Iterator[Text]:
    for position, (outcome, count) in enumerate(counts.items()):
        sign, colour = _SIGNS[outcome]
        yield Text(f"{', ' if position else ''}{sign} {count} {outcome}", style=colour)
