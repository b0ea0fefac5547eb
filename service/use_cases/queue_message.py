"""Put a message or an event into the outbox, in the transaction of the change that wants it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from service.storage.outbox import ORDER, Message, insert_event, insert_message, insert_messages
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.ask_review import ask_for_order


def queue_message(unit: Unit, subject: Subject, message: Message, due: datetime) -> UUID:
    """Have `message` handed over at `due` or later, if it is still allowed then. `subject` is locked by the
    caller; until it is claimed every change of choices can stop it. An order of a medicine is put before a
    pharmacist at once, so that approving it need not cost the person any time."""
    if message.kind == ORDER:
        ask_for_order(unit, subject, message, due)
    return insert_message(unit, subject, message, due)


def queue_messages(unit: Unit, new: Sequence[tuple[Subject, Message, datetime]]) -> None:
    """The same for several, of any locked subjects, each with its `due`."""
    insert_messages(unit, new)


def queue_event(unit: Unit, about: Subject | UUID, endpoint: UUID, event: Mapping[str, Any]) -> UUID:
    """Have an event sent to an endpoint: {`type`, `content`}, as a parcel has them. Nobody's choices stop it.
    About a subject it is sealed, and goes when they are erased. About a mere id, of somebody erased, it
    stands in clear and outlives the erasure, so it says nothing but ids."""
    return insert_event(unit, about, endpoint, event)
