"""Consents that have run out."""

from __future__ import annotations

from service.actor import system_actor
from service.tasks import EXPIRE_CONSENTS
from service.use_cases.expire_consents import expire_consents
from workers.celery_app import celery
from workers.process import services

# A transaction holds the locks of this many subjects; so many of them a task leave room for other tasks.
_SUBJECTS = 50
_MOST_ROUNDS = 100


@celery.task(name=EXPIRE_CONSENTS)
def expire() -> None:
    """Record what has run out, until none is left or others should have their turn. A batch is a transaction,
    so whatever stops this in the middle leaves the rest to the next round."""
    for _ in range(_MOST_ROUNDS):
        with services().unit(system_actor("expire-consents")) as unit:
            swept = expire_consents(unit, _SUBJECTS)
        if swept.looked < _SUBJECTS:
            return
