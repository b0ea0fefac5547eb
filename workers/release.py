"""Held reorders whose cause may have ended."""

from __future__ import annotations

from service.tasks import RELEASE_HELD
from service.use_cases.release_held import release_held
from workers.celery_app import celery
from workers.process import services

_REORDERS = 100
_MOST_ROUNDS = 20


@celery.task(name=RELEASE_HELD)
def release() -> None:
    """Look at those that are due, until none is left or others should have their turn."""
    for _ in range(_MOST_ROUNDS):
        if release_held(services(), _REORDERS) < _REORDERS:
            return
