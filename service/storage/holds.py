"""Legal holds: why, and until when, an erasure must wait (GDPR Art. 17(3))."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.errors import NotFoundError
from service.ids import HOLD, new_id
from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)


@dataclass(frozen=True, slots=True)
class Hold:
    """`restricts`: processing was restricted because of it."""

    id: UUID
    subject: UUID
    code: str
    until: datetime
    placed_by: str
    placed_at: datetime
    lifted_at: datetime | None = None
    restricts: bool = False

    def in_force(self, now: datetime) -> bool:
        return self.lifted_at is None and self.until > now


def insert_hold(unit: Unit, subject: UUID, code: str, until: datetime) -> Hold:
    hold = Hold(new_id(), subject, code, until, unit.actor.role, unit.now)
    unit.db.execute(_SQL["insert_hold"], (hold.id, subject, code, until, hold.placed_by, hold.placed_at))
    return hold


def read_holds(unit: Unit, subject: UUID) -> list[Hold]:
    """Every hold there ever was on the subject, oldest first."""
    return [Hold(*row) for row in unit.db.execute(_SQL["read_holds"], (subject,))]


def read_hold(unit: Unit, subject: UUID, hold: UUID) -> Hold:
    """Raises NotFoundError."""
    for each in read_holds(unit, subject):
        if each.id == hold:
            return each
    raise NotFoundError(HOLD)


def holds_in_force(unit: Unit, subject: UUID) -> list[Hold]:
    """The one that ends last comes first."""
    found = [hold for hold in read_holds(unit, subject) if hold.in_force(unit.now)]
    return sorted(found, key=lambda hold: hold.until, reverse=True)


def mark_lifted(unit: Unit, hold: Hold) -> None:
    unit.db.execute(_SQL["lift_hold"], (unit.now, hold.id))


def mark_restricting(unit: Unit, hold: Hold) -> None:
    unit.db.execute(_SQL["mark_restricting"], (hold.id,))


def move_holds(unit: Unit, source: UUID, target: UUID) -> None:
    unit.db.execute(_SQL["move_holds"], (target, source))


def ended_holds(unit: Unit, limit: int) -> list[Hold]:
    """Holds whose date has passed and which nobody lifted."""
    return [Hold(*row) for row in unit.db.execute(_SQL["read_ended"], (unit.now, limit))]
