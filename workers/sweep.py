"""Upkeep: messages that were lost, and what has outlived its time."""

from __future__ import annotations

from service.storage.idempotency import purge_expired
from service.tasks import PURGE, SWEEP_JOBS
from service.use_cases.sweep_jobs import expire_old_jobs, sweep_jobs
from workers.celery_app import celery
from workers.process import publisher, services


@celery.task(name=SWEEP_JOBS)
def sweep() -> None:
    sweep_jobs(services(), publisher())


@celery.task(name=PURGE)
def purge() -> None:
    """Answers to Idempotency-Keys past their day, and keys of jobs past their week."""
    with services().database.transaction() as db:
        purge_expired(db, services().now)
    expire_old_jobs(services())
