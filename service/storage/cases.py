"""Cases: what was seen of a person and is measured later. A shadow is an order that would have been proposed,
an event something that a detector found. All is sealed but when a case began and whether it is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from service.crypto.reading import EVALUATION
from service.detectors import Part
from service.errors import UnreadableError
from service.policy.pilots import Arm
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)
_TABLE = "cases"


class Shadow(msgspec.Struct, tag="shadow", omit_defaults=True):
    """What would have been proposed on the rung `arm.strategy`. `granted` is the rung that was really
    permitted, `cycle` the run-out, `decision` the real one. `days`: from `median` to the purchase."""

    arm: Arm
    sku: str
    granted: str | None
    cycle: str
    decision: str
    median: datetime
    latest: datetime
    outcome: str | None = None
    days: int | None = None


class Event(msgspec.Struct, tag="event", omit_defaults=True):
    """`data` was read under `purpose`. What was found began at `anchor`, the event at `began`. `arm` is that
    of the proposal, with the detector's stage; `decision` is about its candidate, None where there is none.
    It is measured until `ends` by `signals`."""

    detector: str
    arm: Arm
    anchor: datetime
    began: datetime
    sku: str | None
    category: str | None
    purpose: str
    data: list[str]
    parts: list[Part]
    ends: datetime
    signals: list[str]
    absent: bool
    decision: str | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """`details` is None where the sealed part cannot be opened."""

    id: UUID
    state: str
    created_at: datetime
    details: Shadow | Event | None


@dataclass(frozen=True, slots=True)
class NewCase:
    """One to insert; there is one for each `key` of a person, which is kept as a keyed digest."""

    subject: Subject
    id: UUID
    key: str
    details: Shadow | Event


def insert_case(unit: Unit, subject: Subject, case: UUID, key: str, details: Shadow | Event) -> bool:
    """Whether it was new."""
    return insert_cases(unit, [NewCase(subject, case, key, details)]) == {case}


def insert_cases(unit: Unit, new: Sequence[NewCase]) -> set[UUID]:
    """Insert several, of any subjects, in one statement; the ids of those that were new."""
    if not new:
        return set()
    values = {
        "ids": [each.id for each in new],
        "subjects": [each.subject.id for each in new],
        "dedupe": [unit.index.digest("case", each.subject.id.bytes + each.key.encode()) for each in new],
        "now": unit.now,
        "sealed": [each.subject.seal(each.details, _TABLE, each.id) for each in new],
    }
    return {row[0] for row in unit.db.execute(_SQL["insert_cases"], values, binary=True)}


def read_cases(unit: Unit, subject: Subject) -> list[Case]:
    """All of them, oldest first."""
    return read_cases_of(unit, [subject], [])[subject.id]


def read_cases_of(
    unit: Unit, subjects: Iterable[Subject], only_open: Iterable[Subject]
) -> dict[UUID, list[Case]]:
    """The same of several subjects in one round trip, by subject; of `only_open`, mostly none, no more than
    the open ones."""
    whole, part = ({subject.id: subject for subject in each} for each in (subjects, only_open))
    owners = whole | part
    found: dict[UUID, list[Case]] = {owner: [] for owner in owners}
    rows = unit.db.execute(_SQL["read_cases"], (list(whole), list(part)), binary=True)
    for owner, case, state, created_at, sealed in rows:
        found[owner].append(Case(case, state, created_at, _details(owners[owner], case, sealed)))
    return found


def close_case(unit: Unit, subject: Subject, case: Case) -> bool:
    """Keep the outcome that the caller has written into an open case; False if it was closed already."""
    assert case.details is not None
    values = {"id": case.id, "sealed": subject.seal(case.details, _TABLE, case.id)}
    return unit.db.execute(_SQL["close_case"], values).fetchone() is not None


def delete_case(unit: Unit, case: UUID) -> None:
    unit.db.execute(_SQL["delete_case"], (case,))


def _details(subject: Subject, case: UUID, sealed: bytes) -> Shadow | Event | None:
    try:
        opened = subject.open(sealed, _TABLE, case, EVALUATION)
        return msgspec.convert(opened, Shadow | Event)
    except (UnreadableError, msgspec.MsgspecError):
        return None
