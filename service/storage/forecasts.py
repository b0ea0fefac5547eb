"""When each subject's run-outs are worth looking at again: an hour in clear, and nothing about why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)
_HOUR = timedelta(hours=1)


def take_due(unit: Unit, limit: int) -> list[UUID]:
    """Up to `limit` subjects that are due, their rows locked until the transaction ends."""
    rows = unit.db.execute(_SQL["take_due"], {"now": unit.now, "limit": limit}, binary=True)
    return [row[0] for row in rows]


def set_due(unit: Unit, due: Mapping[UUID, datetime | None]) -> None:
    """Look at each subject again in the first hour after now that begins no earlier than its instant; None:
    not by itself."""
    hours = [None if at is None else hour_of(at, unit.now) for at in due.values()]
    unit.db.execute(_SQL["set_due"], {"subjects": list(due), "due": hours})


def hour_of(due: datetime, now: datetime) -> datetime:
    """The bucket of `due`: always later than `now`, or one scan would take the same subject for ever."""
    due = max(due, now + timedelta(seconds=1))
    floor = due.replace(minute=0, second=0, microsecond=0)
    return floor if floor == due else floor + _HOUR
