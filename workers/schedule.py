"""What beat asks for, and how often. Each may run twice or be left out once without harm."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

from service.tasks import (
    EXPIRE_CONSENTS,
    PROPOSE_REORDERS,
    PURGE,
    REKEY_IDENTIFIERS,
    RELEASE_HELD,
    RETENTION,
    SEAL_LEDGER,
    SWEEP_JOBS,
    TRAIN_FORECAST,
)


def _every(interval: timedelta, task: str) -> dict[str, Any]:
    # A message that waited longer than the interval is one that the next one makes needless.
    return {"task": task, "schedule": interval, "options": {"expires": interval.total_seconds()}}


SCHEDULE = {
    "seal ledger": _every(timedelta(seconds=1), SEAL_LEDGER),
    "sweep jobs": _every(timedelta(seconds=5), SWEEP_JOBS),
    # Due hours are whole ones, so thousands are due at once: a task looks at some of them, the next goes on.
    "propose reorders": _every(timedelta(seconds=5), PROPOSE_REORDERS),
    "release held": _every(timedelta(seconds=30), RELEASE_HELD),
    # Due hours are whole ones, so more often would find nothing more; an hour is lost at most to a restart.
    "expire consents": _every(timedelta(minutes=15), EXPIRE_CONSENTS),
    "rekey identifiers": _every(timedelta(minutes=1), REKEY_IDENTIFIERS),
    # Each night; a sweep that was interrupted, or has more to do than one task may take, goes on.
    "retention": {
        "task": RETENTION,
        "schedule": crontab(minute="*/10", hour="1-4"),
        "options": {"expires": timedelta(minutes=10).total_seconds()},
    },
    # Each Sunday night; habits change more slowly than that.
    "train forecast": {
        "task": TRAIN_FORECAST,
        "schedule": crontab(minute=30, hour=4, day_of_week="sun"),
        "options": {"expires": timedelta(hours=2).total_seconds()},
    },
    "purge": _every(timedelta(minutes=10), PURGE),
}
