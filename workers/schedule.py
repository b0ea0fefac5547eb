"""What beat asks for, and how often. Each may run twice or be left out once without harm."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

from service.tasks import PROPOSE_REORDERS, PURGE, RETENTION, SWEEP_JOBS


def _every(interval: timedelta, task: str) -> dict[str, Any]:
    # A message that waited longer than the interval is one that the next one makes needless.
    return {"task": task, "schedule": interval, "options": {"expires": interval.total_seconds()}}


SCHEDULE = {
    "sweep jobs": _every(timedelta(seconds=5), SWEEP_JOBS),
    "propose reorders": _every(timedelta(seconds=30), PROPOSE_REORDERS),
    # Each night; a sweep that was interrupted, or has more to do than one task may take, goes on.
    "retention": {
        "task": RETENTION,
        "schedule": crontab(minute="*/10", hour="1-4"),
        "options": {"expires": timedelta(minutes=10).total_seconds()},
    },
    "purge": _every(timedelta(minutes=10), PURGE),
}
