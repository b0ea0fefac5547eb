"""Have a parked message delivered after all: an operator's wish, which the next claim weighs anew."""

from __future__ import annotations

from datetime import datetime

from service.errors import ConflictError
from service.ids import MESSAGE, read
from service.storage.database import Connection
from service.storage.outbox import requeue


def redeliver_message(db: Connection, message: str, now: datetime) -> None:
    """Raises NotFoundError for what is no id, ConflictError for a message that is not parked, or that nobody
    can read."""
    if not requeue(db, read(MESSAGE, message), now):
        raise ConflictError(f"{message} is not parked, or cannot be read")
