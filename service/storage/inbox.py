"""What customers read in their own app: sealed under their key, and gone with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service.crypto.reading import CORRESPONDENCE
from service.errors import NotFoundError
from service.ids import MESSAGE, new_id
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)
_TABLE = "inbox_messages"


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """`said`: kind, title and lines."""

    id: UUID
    created_at: datetime
    read_at: datetime | None
    said: dict[str, Any]


def put_message(unit: Unit, subject: Subject, key: str, said: dict[str, Any]) -> None:
    """Put a message into the inbox of a locked subject, once for each `key`."""
    message = new_id()
    digest = unit.index.digest("inbox", key.encode())
    sealed = subject.seal(said, _TABLE, message)
    unit.db.execute(_SQL["insert_message"], (message, subject.id, digest, unit.now, sealed))


def read_inbox(unit: Unit, subject: Subject, after: tuple[datetime, UUID], limit: int) -> list[InboxMessage]:
    """Those behind `after`, the newest first."""
    key = {"subject": subject.id, "at": after[0], "id": after[1], "limit": limit}
    return [_opened(subject, row) for row in unit.db.execute(_SQL["read_page"], key)]


def read_whole_inbox(unit: Unit, subject: Subject) -> list[InboxMessage]:
    """All of them, oldest first."""
    return [_opened(subject, row) for row in unit.db.execute(_SQL["read_all"], (subject.id,))]


def mark_read(unit: Unit, subject: Subject, message: UUID) -> InboxMessage:
    """Raises NotFoundError where the subject has no such message."""
    key = {"subject": subject.id, "id": message, "now": unit.now}
    row = unit.db.execute(_SQL["mark_read"], key).fetchone()
    if row is None:
        raise NotFoundError(MESSAGE)
    return _opened(subject, row)


def move_inbox(unit: Unit, source: Subject, target: Subject) -> int:
    """Seal the messages of `source` under the key of `target`; how many there were."""
    messages = read_whole_inbox(unit, source)
    for each in messages:
        sealed = target.seal(each.said, _TABLE, each.id)
        unit.db.execute(_SQL["move_message"], (target.id, sealed, each.id))
    return len(messages)


def _opened(subject: Subject, row: Sequence[Any]) -> InboxMessage:
    message, created_at, read_at, sealed = row
    return InboxMessage(
        message, created_at, read_at, subject.open(bytes(sealed), _TABLE, message, CORRESPONDENCE)
    )
