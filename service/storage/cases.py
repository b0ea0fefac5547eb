"""Cases: what was seen of a person and is measured later. A shadow is an order that would have been proposed,
an event something that a detector found. All is sealed but when a case began and whether it is open.
"""

from __future__ import annotations

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


def insert_case(unit: Unit, subject: Subject, case: UUID, key: str, details: Shadow | Event) -> bool:
    """Whether it was new: there is one for each `key` of a person, which is kept as a keyed digest."""
    values = {
        "id": case,
        "subject": subject.id,
        "dedupe": unit.index.digest("case", subject.id.bytes + key.encode()),
        "now": unit.now,
        "sealed": subject.seal(details, _TABLE, case),
    }
    return unit.db.execute(_SQL["insert_case"], values).fetchone() is not None


def read_cases(unit: Unit, subject: Subject) -> list[Case]:
    """All of them, oldest first."""
    rows = unit.db.execute(_SQL["read_cases"], (subject.id,), binary=True)
    return [Case(row[0], row[1], row[2], _details(subject, row[0], row[3])) for row in rows]


def has_open_cases(unit: Unit, subject: Subject) -> bool:
    """False for most people, of whom nothing then needs to be opened."""
    row = unit.db.execute(_SQL["has_open"], (subject.id,)).fetchone()
    return row is not None and bool(row[0])


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
