"""When each subject's consents and mandates are worth looking at again: an hour in clear, and nothing about
which."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from service.storage.choices import Choices
from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)
_HOUR = timedelta(hours=1)


def consent_due(choices: Choices) -> datetime | None:
    """The first whole hour at or after the first expiry that no event has recorded yet."""
    ends = [each.expires_at for each in choices.consents.values() if each.status == "given"]
    ends += [m.expires_at for m in choices.mandates if m.deleted_at is None and not m.expired]
    first = min((end for end in ends if end is not None), default=None)
    if first is None:
        return None
    floor = first.replace(minute=0, second=0, microsecond=0)
    return floor if floor == first else floor + _HOUR


def take_expiring(unit: Unit, limit: int) -> list[UUID]:
    """Up to `limit` subjects that are due, their rows locked until the transaction ends. Another sweep's are
    skipped, and so is one whose choices are being changed at this moment."""
    rows = unit.db.execute(_SQL["take_expiring"], {"now": unit.now, "limit": limit}, binary=True)
    return [row[0] for row in rows]


def set_consent_due(unit: Unit, subject: UUID, due: datetime | None) -> None:
    unit.db.execute(_SQL["set_consent_due"], {"subject": subject, "due": due})
