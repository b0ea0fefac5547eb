"""Reorders for run-outs in sight."""

from __future__ import annotations

import time

from service.actor import system_actor
from service.tasks import PROPOSE_REORDERS
from service.use_cases.propose_reorders import propose_reorders
from workers.celery_app import celery
from workers.process import services

# A transaction holds the locks of this many subjects, for some hundredths of a second.
SUBJECTS = 50
# Others should have their turn: beat asks again after twice this long (workers.schedule), so a wave takes at
# most half of one worker, and goes on until it is through.
SECONDS = 2.5


@celery.task(name=PROPOSE_REORDERS)
def propose() -> None:
    """Look at subjects that are due, until none is left or others should have their turn. Twice at once is
    harmless: each takes subjects that the other does not hold."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        with services().unit(system_actor("propose-reorders")) as unit:
            scanned = propose_reorders(unit, SUBJECTS)
        if scanned.looked < SUBJECTS:
            return
