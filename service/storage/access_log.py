"""Who read about whom (api.md: every read of a subject by a staff role is itself recorded)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.crypto.reading import SUBJECT_RIGHTS
from service.ids import new_id
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)


@dataclass(frozen=True, slots=True)
class Read:
    """One read: `route` is a method and a path template, never a path."""

    id: UUID
    at: datetime
    role: str
    sub: str
    route: str


def record_read(unit: Unit, subject: Subject, route: str) -> None:
    """Keep that this unit's actor reads about `subject`. Of an erased one nothing is left to read or keep."""
    if subject.key is None:
        return
    entry = new_id()
    content = {"role": unit.actor.role, "sub": unit.actor.sub, "route": route}
    sealed = subject.seal(content, "access_log", entry)
    unit.db.execute(_SQL["insert_read"], (entry, subject.id, unit.now, sealed))


def read_reads(unit: Unit, subject: Subject) -> list[Read]:
    """Every recorded read of the subject, oldest first."""
    rows = unit.db.execute(_SQL["read_reads"], (subject.id,), binary=True)
    return [
        Read(entry, at, **subject.open(sealed, "access_log", entry, SUBJECT_RIGHTS))
        for entry, at, sealed in rows
    ]
