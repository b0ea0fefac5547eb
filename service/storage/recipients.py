"""Whom Art. 19 GDPR wants told of a change or an erasure, and who has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)

PENDING, SENT, RECEIVED, FAILED = STATES = ("pending", "sent", "received", "failed")


@dataclass(frozen=True, slots=True)
class Told:
    """`recipient` is empty for a change, whose `endpoint` knows it. `id` is an erasure's or a message's."""

    created_at: datetime
    id: UUID
    recipient: str
    kind: str
    endpoint: UUID | None
    subject: UUID
    state: str
    changed_at: datetime


def track_change(unit: Unit, subject: UUID, endpoint: UUID, message: UUID) -> None:
    values = {"message": message, "endpoint": endpoint, "subject": subject, "now": unit.now}
    unit.db.execute(_SQL["insert_change"], values)


def track_erasure(unit: Unit, erasure: UUID, recipient: str, message: UUID) -> None:
    values = {"message": message, "erasure": erasure, "recipient": recipient}
    unit.db.execute(_SQL["link_erasure"], values)


def mark_told(unit: Unit, message: UUID, endpoint: UUID, state: str, at: datetime) -> None:
    """Nothing happens for a message that tells nobody of anything."""
    values = {"message": message, "endpoint": endpoint, "state": state, "at": at}
    with unit.db.pipeline():
        unit.db.execute(_SQL["mark_change"], values)
        unit.db.execute(_SQL["mark_erasure"], values)


def list_told(unit: Unit, states: Sequence[str], after: tuple[datetime, UUID, str], limit: int) -> list[Told]:
    """Those behind `after` in order of (created_at, id, recipient)."""
    key = {"states": list(states), "at": after[0], "id": after[1], "recipient": after[2], "limit": limit}
    return [Told(*row) for row in unit.db.execute(_SQL["list_notices"], key)]
