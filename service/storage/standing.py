"""Whether a person has anything that a change of choices may have to stop, before any of it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.storage.permits import JOB_LIFE, LIFE
from service.storage.reorders import OPEN
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)


@dataclass(frozen=True, slots=True)
class Standing:
    """False where there is certainly nothing: permits, open reorders, messages that may go or have left."""

    permits: bool
    reorders: bool
    messages: bool


def read_standing(unit: Unit, subject: Subject, since: datetime) -> Standing:
    """Of a locked subject. `since`: messages that were delivered earlier do not count."""
    values = {
        "subject": subject.id,
        "asked": unit.now - LIFE,
        "of_jobs": unit.now - JOB_LIFE,
        "open": list(OPEN),
        "since": since,
    }
    row = unit.db.execute(_SQL["read_standing"], values).fetchone()
    assert row is not None
    return Standing(*row)
