"""Upkeep: messages that were lost, and what has outlived its time."""

from __future__ import annotations

from datetime import timedelta

from service.storage.idempotency import purge_expired
from service.storage.outbox import purge_messages
from service.storage.pilots import fold_tallies
from service.tasks import PURGE, SWEEP_JOBS
from service.use_cases.sweep_jobs import expire_old_jobs, sweep_jobs
from workers.celery_app import celery
from workers.process import publisher, services

# Longer than any change of choices looks back for what it came too late for.
_MESSAGES_KEPT = timedelta(days=30)


@celery.task(name=SWEEP_JOBS)
def sweep() -> None:
    sweep_jobs(services(), publisher())


@celery.task(name=PURGE)
def purge() -> None:
    """Answers to Idempotency-Keys past their day, keys of jobs past their week, messages past their month.
    What pilots have counted is added up."""
    with services().database.transaction() as db:
        purge_expired(db, services().now)
        purge_messages(db, services().now - _MESSAGES_KEPT)
    expire_old_jobs(services())
    with services().database.transaction() as db:
        fold_tallies(db)
