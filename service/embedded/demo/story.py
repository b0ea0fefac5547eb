"""One day with the twelve, played through the running service by its HTTP interface alone.

The shop's recommender proposes the same six things to everybody, as one bulk job; workers filter it. What
comes back is compared with `outcomes.yaml`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.embedded.demo import notes
from service.embedded.demo.client import Client, StoryError
from service.embedded.demo.customer import NUMBER
from service.embedded.demo.files import demo_policy, read_data
from service.embedded.demo.goods import catalogue
from service.embedded.demo.people import people_entries
from service.explanations import explain

_ENDED = ("done", "failed", "cancelled")
_TICK = 0.05
_Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal to one person, and what the service said. `told` is the outcome and then the reasons, in
    the reader's language; `decision` is None where nothing came back."""

    name: str
    decision: dict[str, Any] | None
    told: tuple[str, ...]
    deviation: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """`subject` is None where the service does not know her and no note says who she was."""

    entry: _Entry
    subject: str | None
    proposals: tuple[Proposal, ...] = ()
    reorders: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)
class Day:
    """The whole day. `deviations` are sentences; none of them means that all went as expected."""

    people: list[Person] = field(default_factory=list)
    job: str = ""
    seconds: float = 0.0
    deviations: list[str] = field(default_factory=list)


def expected_outcomes() -> dict[str, dict[str, _Entry]]:
    """Person and proposal to what must come of it."""
    outcomes: dict[str, dict[str, _Entry]] = read_data("outcomes")
    return outcomes


def proposals_for(key: str) -> dict[str, dict[str, Any]]:
    """The candidates of the day for one person, by name, as POST /v1/candidates takes them."""
    return {
        name: {"id": name, **proposal["candidate"], **proposal.get("only", {}).get(key, {})}
        for name, proposal in read_data("day")["proposals"].items()
    }


def find_people(client: Client, home: Path) -> dict[str, str | None]:
    """The twelve's subjects by key. Raises StoryError while the demo is still loading."""
    kept = notes.read(home)
    found: dict[str, str | None] = {}
    for key, entry in people_entries().items():
        asked = {"type": NUMBER, "value": entry["number"]}
        answer = client.find("/v1/subjects/lookup", asked, role="shop")
        found[key] = kept.get(key) if answer is None else answer["id"]
    missing = [key for key in found if found[key] is None and not _is_erased(key)]
    if missing:
        raise StoryError(f"{len(missing)} of the twelve are not here yet: the demo data is still loading")
    return found


def play(
    client: Client,
    home: Path,
    *,
    locale: str | None = None,
    patience: float = 60.0,
    submitted: Callable[[str], None] | None = None,
) -> Day:
    """Play the day. `locale` is the language of the explanations, each person's own where it is None;
    `submitted` is told the job's id once the service has taken it; `patience` is in seconds."""
    began = time.monotonic()
    subjects = find_people(client, home)
    pairs = [
        {"subject": subject, "candidate": candidate}
        for key, subject in subjects.items()
        if subject is not None
        for candidate in proposals_for(key).values()
    ]
    job = client.post_lines("/v1/candidates", pairs, role="shop")["job"]
    if submitted is not None:
        submitted(job)
    _await(client, job, began + patience)
    rows = client.get(f"/v1/jobs/{job}/results", role="shop")
    reader = _Reader(client, rows, locale)
    day = Day(job=job, people=[reader.person(key, subject) for key, subject in subjects.items()])
    for person in day.people:
        day.deviations += [f"{person.entry['key']}: {p.deviation}" for p in person.proposals if p.deviation]
    if len(rows) != len(pairs):
        day.deviations.append(f"{len(pairs)} proposals were submitted, {len(rows)} answers came back")
    day.seconds = time.monotonic() - began
    return day


def _await(client: Client, job: str, until: float) -> None:
    while True:
        state = client.get(f"/v1/jobs/{job}", role="shop")
        if state["state"] == "done":
            return
        if state["state"] in _ENDED:
            raise StoryError(f"the job ended as {state['state']}")
        if time.monotonic() > until:
            done = f"{state['done']} of {state['total']} done"
            raise StoryError(f"the job is still {state['state']}, {done}: does a worker run?")
        time.sleep(_TICK)


class _Reader:
    """What came back, read person by person, as each of them may see it."""

    def __init__(self, client: Client, rows: Iterable[dict[str, Any]], locale: str | None) -> None:
        self._client = client
        self._rows = {(row["subject"], row["candidate"]): row for row in rows}
        self._locale = locale

    def person(self, key: str, subject: str | None) -> Person:
        entry = people_entries()[key]
        if subject is None:
            return Person(entry, None)
        proposals = []
        for name, candidate in proposals_for(key).items():
            row = self._rows.get((subject, name))
            told = () if row is None else self._told(row, entry, candidate)
            deviation = deviation_of(name, expected_outcomes()[key][name], row)
            proposals.append(Proposal(name, row, told, deviation))
        return Person(entry, subject, tuple(proposals), self._reorders(key, subject))

    def _told(self, row: dict[str, Any], entry: _Entry, candidate: _Entry) -> tuple[str, ...]:
        """What the service itself tells the customer of this decision."""
        language = self._locale or entry["locale"]
        if not _is_erased(entry["key"]):
            path = f"/v1/decisions/{row['decision']}"
            answer = self._client.get(path, role="customer", subject=row["subject"], locale=language)
            return tuple(answer["explanation"])
        # Nobody is left whom the service could tell, nor a key under which it could keep the decision.
        good = catalogue()[candidate["sku"]]
        priced = {**candidate, "price_minor": good.price_minor, "currency": good.currency}
        return tuple(explain(row, demo_policy(), language, timezone=entry["timezone"], candidate=priced))

    def _reorders(self, key: str, subject: str) -> tuple[dict[str, Any], ...]:
        if _is_erased(key):
            return ()
        path = f"/v1/subjects/{subject}/reorders"
        return tuple(self._client.get(path, role="customer", subject=subject)["reorders"])


def deviation_of(name: str, expected: _Entry, row: Mapping[str, Any] | None) -> str | None:
    """What differs from what was expected of one proposal, in one line; None if nothing does."""
    if row is None:
        return f"{name} was never answered"
    wanted = (expected["outcome"], expected.get("strategy"), expected.get("channel"))
    given = (row["outcome"], row["strategy"], row["channel"])
    if given != wanted:
        return f"{name} is {_said(given)}, not {_said(wanted)}"
    reasons = [f"{r['strategy'] or '-'} {r['code']} {r['on'] or '-'}" for r in row["reasons"]]
    if reasons != list(expected.get("reasons", ())):
        return f"{name} is {_said(given)} because of {reasons}, not of {list(expected.get('reasons', ()))}"
    return None


def _said(answer: tuple[str | None, ...]) -> str:
    return " ".join(part for part in answer if part)


def _is_erased(key: str) -> bool:
    return any(line.get("erased") for line in people_entries()[key]["history"])
