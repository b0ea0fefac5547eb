"""Put a message or an event into the outbox, in the transaction of the change that wants it said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from service.storage.outbox import Message, insert_event, insert_message
from service.storage.subjects import Subject
from service.storage.unit import Unit


def queue_message(unit: Unit, subject: Subject, message: Message, due: datetime) -> UUID:
    """Have `message` handed over at `due` or later, if it is still allowed then. `subject` is locked by the
    caller; until it is claimed every change of choices can stop it."""
    return insert_message(unit, subject, message, due)


def queue_event(unit: Unit, subject_id: UUID | None, endpoint: UUID, event: Mapping[str, Any]) -> UUID:
    """Have `event`, a CloudEvent, sent to an endpoint. It stands in clear, so it holds opaque ids, states and
    instants alone, and nobody's choices stop it. With a `subject_id` it goes when that person is erased;
    None: it outlives the erasure."""
    return insert_event(unit, subject_id, endpoint, event)
