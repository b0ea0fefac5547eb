"""Reorders for run-outs in sight."""

from __future__ import annotations

from service.actor import system_actor
from service.tasks import PROPOSE_REORDERS
from service.use_cases.propose_reorders import propose_reorders
from workers.celery_app import celery
from workers.process import services

# A transaction holds the locks of this many subjects; a few of them a task leave room for other tasks.
SUBJECTS = 50
_MOST_ROUNDS = 50


@celery.task(name=PROPOSE_REORDERS)
def propose() -> None:
    """Look at subjects that are due, until none is left or others should have their turn."""
    for _ in range(_MOST_ROUNDS):
        with services().unit(system_actor("propose-reorders")) as unit:
            scanned = propose_reorders(unit, SUBJECTS)
        if scanned.looked < SUBJECTS:
            return
